"""What retouch and upscale are worth and cost: `python -m tests.bench.engine [--photos FOLDER]`.

Means over the photographs that a package ships, and over those in FOLDER besides; everything
that is compared runs in the same run. Memory is the peak of a fresh process per operation.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imgbot.painter.engine import make_picture, upscale, waifu2x
from imgbot.painter.engine.retouch import retouch_picture
from tests.bench.measure import measure
from tests.fixtures.degradations import DEGRADATIONS, Degradation, overexpose, scratch, sprinkle
from tests.fixtures.photos import add_cast, load_photo, psnr_db

SHIPPED = ("astronaut", "cat", "pendulum")
# Besides what is promised: harder, rarer or in part beyond mending.
MORE: dict[str, Degradation] = {
    "shade": lambda photo: add_cast(photo, (0.75, 0.92, 1.0)),
    "half a stop over": lambda photo: overexpose(photo, 0.5),
    "one stop over": lambda photo: overexpose(photo, 1),
    "scratches": lambda photo: scratch(photo, 1),
    "dust": lambda photo: sprinkle(photo, 1),
}
# The sizes of a Telegram photo, and of what comes as a file.
COSTS = (
    ("retouch", 0, (1280, 960)),
    ("retouch", 0, (4000, 3000)),
    ("upscale", 2, (512, 512)),
    ("upscale", 2, (1280, 960)),
    ("upscale", 4, (1280, 960)),
    ("upscale", 2, (2400, 1800)),
)

Photos = dict[str, Image.Image]
Plane = NDArray[np.float64]
Enlarge = Callable[[Image.Image], Image.Image]


def ssim(image: Image.Image, original: Image.Image) -> float:
    """Mean structural similarity of the lightness (Wang 2004: Gaussian window of 1.5 px)."""
    kernel = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    kernel /= kernel.sum()

    def window(plane: Plane) -> Plane:
        for axis in (0, 1):
            slid = np.lib.stride_tricks.sliding_window_view(plane, 11, axis)
            plane = slid @ kernel
        return plane

    one, other = (np.asarray(each.convert("L"), np.float64) for each in (image, original))
    mean, mean_other = window(one), window(other)
    variance = window(one * one) - mean**2
    variance_other = window(other * other) - mean_other**2
    common = window(one * other) - mean * mean_other
    steady, contrast = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    similar = (2 * mean * mean_other + steady) * (2 * common + contrast)
    return float(
        np.mean(
            similar / (mean**2 + mean_other**2 + steady) / (variance + variance_other + contrast)
        )
    )


def photographs(folder: Path | None) -> Photos:
    photos = {name: load_photo(name) for name in SHIPPED}
    for path in sorted(folder.iterdir()) if folder else ():
        with Image.open(path) as image:
            photos.setdefault(path.stem, image.convert("RGB"))
    return photos


def tell_good(photos: Photos) -> None:
    print("A good photograph against itself")
    for name, photo in photos.items():
        mended, did = retouch_picture(photo)
        print(f"  {name:20} {psnr_db(mended, photo):5.1f} dB  {', '.join(did) or 'untouched'}")


def tell_retouch(photos: Photos) -> None:
    print("\nRetouch            PSNR dB          SSIM             seconds   better  worse")
    for name, damage in {**DEGRADATIONS, **MORE}.items():
        figures: list[tuple[float, float, float, float]] = []
        spent_s = 0.0
        for photo in photos.values():
            damaged = damage(photo)
            began_s = time.perf_counter()
            mended, _ = retouch_picture(damaged)
            spent_s += time.perf_counter() - began_s
            before, after = psnr_db(damaged, photo), psnr_db(mended, photo)
            figures.append((before, after, ssim(damaged, photo), ssim(mended, photo)))
        means = [sum(column) / len(figures) for column in zip(*figures, strict=True)]
        better = sum(after > before for before, after, *_ in figures)
        worse = sum(after < before - 0.1 for before, after, *_ in figures)
        print(
            f"  {name:16} {means[0]:5.2f} → {means[1]:5.2f}    {means[2]:.3f} → {means[3]:.3f}"
            f"    {spent_s / len(photos):6.2f}    {better:3} {worse:6}"
        )


def tell_upscale(photos: Photos) -> None:
    for scale in (2, 4):
        print(f"\nUpscale ×{scale}         PSNR dB   SSIM    seconds")
        pairs = [_halved(photo, scale) for photo in photos.values()]
        for name, enlarge in _enlargers(scale).items():
            began_s = time.perf_counter()
            results = [enlarge(small) for small, _ in pairs]
            spent_s = (time.perf_counter() - began_s) / len(pairs)
            originals = [original for _, original in pairs]
            psnrs = [psnr_db(*both) for both in zip(results, originals, strict=True)]
            ssims = [ssim(*both) for both in zip(results, originals, strict=True)]
            count = len(pairs)
            print(
                f"  {name:16} {sum(psnrs) / count:6.2f}   {sum(ssims) / count:.3f}  {spent_s:6.2f}"
            )


def _halved(photo: Image.Image, scale: int) -> tuple[Image.Image, Image.Image]:
    width, height = photo.width // scale, photo.height // scale
    original = photo.crop((0, 0, width * scale, height * scale))
    return original.resize((width, height), Image.Resampling.BICUBIC), original


def _enlargers(scale: int) -> dict[str, Enlarge]:
    def by_lanczos(small: Image.Image) -> Image.Image:
        size = (small.width * scale, small.height * scale)
        return small.resize(size, Image.Resampling.LANCZOS)

    def by_corrected_lanczos(small: Image.Image) -> Image.Image:
        return upscale._enlarge(small, scale, lambda _share: None)

    def by_network(small: Image.Image) -> Image.Image:
        return upscale.upscale_picture(small, scale)[0]

    enlargers: dict[str, Callable[[Image.Image], Image.Image]]
    enlargers = {"plain Lanczos": by_lanczos, "built in": by_corrected_lanczos}
    if waifu2x.is_installed():
        enlargers["imgbot[upscale]"] = by_network
    return enlargers


def tell_costs() -> None:
    print("\nCosts, file to file              seconds   peak MB   by")
    with tempfile.TemporaryDirectory(prefix="imgbot-bench-") as folder:
        for operation, scale, size in COSTS:
            source = Path(folder) / "source.jpg"
            load_photo("astronaut").resize(size, Image.Resampling.LANCZOS).save(source, quality=60)
            is_for_network = size[0] * size[1] <= upscale.NEURAL_MEGAPIXELS * 1_000_000
            has_both = operation == "upscale" and is_for_network and waifu2x.is_installed()
            for is_neural in (False, True) if has_both else (False,):
                cost = measure(_do_one, operation, scale, str(source), is_neural)
                what = f"{operation} ×{scale}" if scale else operation
                print(
                    f"  {what:12} {size[0]} x {size[1]:<10} {cost.seconds:8.2f}"
                    f"  {cost.peak_mib:8.0f}   {cost.returned}"
                )


def _do_one(operation: str, scale: int, source: str, is_neural: bool) -> str:
    if not is_neural:
        upscale.NEURAL_MEGAPIXELS = 0.0
    made = make_picture(operation, "", (source,), f"{source}.out.jpg", scale=scale, seed=1)
    return " ".join(made.applied)


def main() -> None:
    parser = argparse.ArgumentParser(description="What retouch and upscale are worth and cost.")
    parser.add_argument("--photos", type=Path, help="a folder of more photographs")
    photos = photographs(parser.parse_args().photos)
    tell_good(photos)
    tell_retouch(photos)
    tell_upscale(photos)
    tell_costs()


if __name__ == "__main__":
    main()
