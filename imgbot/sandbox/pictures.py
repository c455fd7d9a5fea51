"""Picture processing as Telegram does it: checks, recompression in several sizes, thumbnails.

The functions block and run in threads; only this module uses Pillow.
"""

import struct
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageOps

SENT_SIDES = (90, 320, 1280)
DELIVERED_SIDES = (90, 320, 1280, 2560)
THUMBNAIL_SIDES = (320,)

_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
_QUALITY = 87
_SIDES_SUM = 10_000
_RATIO = 20
_MAX_PIXELS = 50_000_000
# Everything that Pillow was seen to raise on truncated or forged files.
_DAMAGED = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    TypeError,
    KeyError,
    IndexError,
    struct.error,
)


class PictureRefusedError(Exception):
    """Telegram refuses the file as a photo; the text is its error."""


@dataclass(frozen=True, slots=True)
class Rendition:
    """One size of a photo, as a JPEG file."""

    path: Path
    width: int
    height: int


def dimensions(source: Path) -> tuple[int, int] | None:
    """Return width and height from the header alone, None if it is not a picture."""
    try:
        with _opened(source) as picture:
            return picture.size
    except PictureRefusedError:
        return None


def renditions(source: Path, target_stem: Path, sides: tuple[int, ...]) -> list[Rendition]:
    """Recompress the photo to the longest `sides`, small to large, none larger than itself."""
    with _opened(source) as picture:
        _check_dimensions(*picture.size)
        picture.draft("RGB", (max(sides), max(sides)))
        try:
            flat = _flattened(ImageOps.exif_transpose(picture))
        except _DAMAGED:
            raise PictureRefusedError("IMAGE_PROCESS_FAILED") from None
    found: list[Rendition] = []
    for side in reversed(_useful(sides, max(flat.size))):
        # Each size is made from the next larger one: decoding once is what costs.
        flat.thumbnail((side, side), Image.Resampling.BICUBIC, reducing_gap=2.0)
        path = target_stem.with_name(f"{target_stem.name}-{side}.jpg")
        flat.save(path, "JPEG", quality=_QUALITY)
        found.append(Rendition(path, *flat.size))
    return found[::-1]


def _useful(sides: tuple[int, ...], longest: int) -> list[int]:
    """Return the sides that reduce the picture, and one that leaves it as it is."""
    smaller = [side for side in sorted(sides) if side < longest]
    larger = [side for side in sorted(sides) if side >= longest]
    return smaller + larger[:1]


def _opened(source: Path) -> Image.Image:
    try:
        return Image.open(source, formats=_FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise PictureRefusedError("PHOTO_INVALID_DIMENSIONS") from None
    except _DAMAGED:
        raise PictureRefusedError("IMAGE_PROCESS_FAILED") from None


def _check_dimensions(width: int, height: int) -> None:
    short, long = sorted((width, height))
    if not short or width + height > _SIDES_SUM or long > short * _RATIO:
        raise PictureRefusedError("PHOTO_INVALID_DIMENSIONS")


def _flattened(picture: Image.Image) -> Image.Image:
    if picture.mode in {"RGBA", "LA", "PA"} or "transparency" in picture.info:
        rgba = picture.convert("RGBA")
        white = Image.new("RGB", rgba.size, "white")
        white.paste(rgba, mask=rgba.getchannel("A"))
        return white
    return picture.convert("RGB")


def thumbnail(source: Path, target_stem: Path) -> Rendition | None:
    """Return a small preview of a document, None if it is not a picture or too large."""
    try:
        with _opened(source) as picture:
            if picture.width * picture.height > _MAX_PIXELS:
                return None
        return renditions(source, target_stem, THUMBNAIL_SIDES)[-1]
    except PictureRefusedError:
        return None
