"""Photographs to test with: real ones that a package ships, and damage done to them.

The package's code is never imported: its files are found by its metadata.
"""

import random
from importlib.metadata import files
from math import log10
from pathlib import Path

from PIL import Image, ImageChops, ImageFilter, ImageStat

_PACKAGE = "imageio"
_NAMES = {
    "astronaut": "astronaut.png",  # NASA, public domain: a portrait, 512 x 512
    "cat": "chelsea.png",  # Stefan van der Walt, CC0: a tabby, 451 x 300
    "pendulum": "newtonscradle.gif",  # an animation of 36 frames, 150 x 100
}


def photo_path(name: str) -> Path:
    """The file of one of the photographs: astronaut, cat or pendulum."""
    for file in files(_PACKAGE) or []:
        if file.name == _NAMES[name]:
            return Path(str(file.locate()))
    raise FileNotFoundError(f"{_PACKAGE} ships no {_NAMES[name]}")


def load_photo(name: str) -> Image.Image:
    """One of the photographs as RGB."""
    with Image.open(photo_path(name)) as image:
        return image.convert("RGB")


def save_photo(name: str, folder: Path, size: tuple[int, int] | None = None) -> str:
    """Write a photograph as a JPEG of `size`, the way a phone sends it."""
    image = load_photo(name)
    path = folder / f"{name}.jpg"
    (image.resize(size, Image.Resampling.LANCZOS) if size else image).save(path, quality=92)
    return str(path)


def add_noise(image: Image.Image, sigma: float, seed: int = 7) -> Image.Image:
    """Grain of a high ISO setting, in each channel by itself."""
    generator = random.Random(seed)
    bands = [band.convert("L") for band in image.split()]
    noisy = [
        ImageChops.add(band, _grain(band.size, sigma, generator), scale=1.0, offset=-128)
        for band in bands
    ]
    return Image.merge("RGB", noisy)


def _grain(size: tuple[int, int], sigma: float, generator: random.Random) -> Image.Image:
    # One normal distribution, drawn as bytes: a table of its quantiles, indexed by chance.
    quantiles = sorted(generator.gauss(128, sigma) for _ in range(256))
    table = [round(min(255, max(0, value))) for value in quantiles]
    chance = Image.frombytes("L", size, generator.randbytes(size[0] * size[1]))
    return chance.point(table)


def add_cast(image: Image.Image, gains: tuple[float, float, float]) -> Image.Image:
    """The tint of a wrong white balance."""
    bands = [
        band.point([round(min(255, value * gain)) for value in range(256)])
        for band, gain in zip(image.split(), gains, strict=True)
    ]
    return Image.merge("RGB", bands)


def underexpose(image: Image.Image, stops: float) -> Image.Image:
    """The same scene with less light."""
    gain = 0.5**stops
    linear = [round(255 * ((value / 255) ** 2.2 * gain) ** (1 / 2.2)) for value in range(256)]
    return image.point(linear * 3)


def blur(image: Image.Image, radius_px: float) -> Image.Image:
    """A lens a little out of focus."""
    return image.filter(ImageFilter.GaussianBlur(radius_px))


def psnr_db(image: Image.Image, original: Image.Image) -> float:
    """Peak signal to noise ratio over all channels; higher is nearer to the original."""
    difference = ImageChops.difference(image.convert("RGB"), original.convert("RGB"))
    squares = [
        square / difference.width / difference.height for square in ImageStat.Stat(difference).sum2
    ]
    mean = sum(squares) / len(squares)
    return 99.0 if mean == 0 else 10 * log10(255**2 / mean)
