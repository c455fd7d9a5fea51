"""Upscale: by a neural network if one is installed, otherwise by corrected Lanczos; in tiles.

The Lanczos result is corrected until it shrinks back to the original, then sharpened at edges.
Memory: the two pictures and little else.
"""

import os
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path

from PIL import Image, ImageChops, ImageFilter

from imgbot.domain.errors import UserError
from imgbot.painter.engine import waifu2x
from imgbot.painter.engine.drawing import padded
from imgbot.painter.engine.waifu2x import ProgressCallback
from imgbot.painter.steps import RESULT_LIMIT_MEGAPIXELS

TILE_PX = 512
# Larger pictures would take the network minutes. Telegram's photos have 1.2.
NEURAL_MEGAPIXELS = 1.5


def upscale_picture(
    image: Image.Image, scale: int, on_progress: ProgressCallback | None = None
) -> tuple[Image.Image, tuple[str, ...]]:
    """Picture (RGB) enlarged by `scale`, and the method: (x2, waifu2x) or (x2, lanczos).

    `on_progress` gets increasing shares that end with 1.0. UserError upscale_too_large.
    """
    width, height = image.width * scale, image.height * scale
    if width * height > RESULT_LIMIT_MEGAPIXELS * 1_000_000:
        raise UserError(
            "upscale_too_large",
            megapixels=round(width * height / 1_000_000, 1),
            limit_megapixels=RESULT_LIMIT_MEGAPIXELS,
        )
    report = _rising(on_progress)
    doubled = None
    if image.width * image.height <= NEURAL_MEGAPIXELS * 1_000_000:
        doubled = waifu2x.double(image, _part_of(report, 0.0, 1.0 if scale == 2 else 0.8))
    if doubled is None:
        return _enlarge(image, scale, report), (f"x{scale}", "lanczos")
    # For ×4, running the network twice gains at most 0.2 dB and takes five times as long.
    if scale == 4:
        doubled = _enlarge(doubled, 2, _part_of(report, 0.8, 1.0))
    return doubled, (f"x{scale}", "waifu2x")


def _rising(on_progress: ProgressCallback | None) -> ProgressCallback:
    """Progress callback without steps back: the second method starts over."""
    furthest = 0.0

    def report(share: float) -> None:
        nonlocal furthest
        if on_progress is not None and share > furthest:
            furthest = share
            on_progress(share)

    return report


def _part_of(report: ProgressCallback, start: float, end: float) -> ProgressCallback:
    return lambda share: report(start + (end - start) * share)


def _enlarge(image: Image.Image, scale: int, on_progress: ProgressCallback) -> Image.Image:
    result = Image.new("RGB", (image.width * scale, image.height * scale))
    corners = [*product(range(0, image.height, TILE_PX), range(0, image.width, TILE_PX))]
    for number, (top, left) in enumerate(corners, 1):
        tile = padded((left, top, left + TILE_PX, top + TILE_PX), 0, image.size)
        # Margin around a tile; more than the filters' reach.
        outer = padded(tile, 12, image.size)
        source = image.crop(outer)
        large = _sharpen_edges(_correct(source, scale), source, scale)
        right, down = (left - outer[0]) * scale, (top - outer[1]) * scale
        inner = (right, down, right + (tile[2] - left) * scale, down + (tile[3] - top) * scale)
        result.paste(large.crop(inner), (left * scale, top * scale))
        on_progress(number / len(corners))
    return result


def _correct(source: Image.Image, scale: int) -> Image.Image:
    """Iterative back-projection: adds the error that remains after shrinking again."""
    size = (source.width * scale, source.height * scale)
    large = source.resize(size, Image.Resampling.LANCZOS)
    for _ in range(2):
        shrunk = large.resize(source.size, Image.Resampling.BOX)
        missing = ImageChops.subtract(source, shrunk, 1, 128)
        large = ImageChops.add(large, missing.resize(size, Image.Resampling.BICUBIC), 1, -128)
    return large


def _sharpen_edges(large: Image.Image, source: Image.Image, scale: int) -> Image.Image:
    """Picture sharpened along edges only, within the range of the tones around (no halos)."""
    sharp = large.filter(ImageFilter.UnsharpMask(0.6 * scale, 45, 0))
    for bound, keep in (
        (ImageFilter.MinFilter(3), ImageChops.lighter),
        (ImageFilter.MaxFilter(3), ImageChops.darker),
    ):
        # Bounds from the small picture are the same and scale² times cheaper.
        sharp = keep(sharp, source.filter(bound).resize(large.size, Image.Resampling.BILINEAR))
    edges = large.convert("L").filter(ImageFilter.FIND_EDGES)
    around = edges.filter(ImageFilter.GaussianBlur(scale))
    where = around.point([min(255, max(0, (value - 3) * 14)) for value in range(256)])
    return Image.composite(sharp, large, where)


# More frequent updates would not be visible.
PROGRESS_INTERVAL_S = 0.5


def progress_path(target: str) -> Path:
    """Path of the file with the progress of `target`, as `0.42`."""
    return Path(f"{target}.progress")


def progress_writer(target: str) -> Callable[[float], None]:
    """Callback that writes the share done (0 to 1) atomically, at most every half second."""
    path = progress_path(target)
    partial = Path(f"{path}.{os.getpid()}.part")
    last_s = -PROGRESS_INTERVAL_S

    def report(share: float) -> None:
        nonlocal last_s
        now_s = time.monotonic()
        if now_s - last_s < PROGRESS_INTERVAL_S:
            return
        last_s = now_s
        partial.write_text(f"{min(1.0, max(0.0, share)):.2f}", encoding="ascii")
        partial.replace(path)

    return report
