"""Pictures of a size and format that was asked for; all of it blocks."""

import hashlib
import io
from dataclasses import dataclass, replace
from typing import Any

from PIL import Image, ImageOps

from imgbot.sandbox import provider_pictures
from imgbot.sandbox.provider_tasks import Order

_MOST_PIXELS = 40_000_000
MIME_TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
FORMATS = {"jpeg": "JPEG", "jpg": "JPEG", "png": "PNG", "webp": "WEBP"}


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that came in."""

    content: bytes
    width: int
    height: int
    kind: str
    has_alpha: bool

    def note(self) -> dict[str, Any]:
        """What stands in its place in the control interface's view."""
        return {
            "sha256": hashlib.sha256(self.content).hexdigest(),
            "size_bytes": len(self.content),
            "width": self.width,
            "height": self.height,
        }


def opened(content: bytes) -> Picture:
    """Raises ValueError for what is no picture; its pixels are not read."""
    try:
        with Image.open(io.BytesIO(content), formats=tuple(MIME_TYPES)) as picture:
            turned = picture.getexif().get(0x0112, 1) in {5, 6, 7, 8}
            width, height = picture.size[::-1] if turned else picture.size
            has_alpha = "A" in picture.getbands() or "transparency" in picture.info
            return Picture(content, width, height, picture.format or "", has_alpha)
    except (OSError, SyntaxError, EOFError, Image.DecompressionBombError):
        raise ValueError("not a picture") from None


@dataclass(frozen=True, slots=True)
class Result:
    """What becomes of an order."""

    width: int
    height: int
    format: str = "JPEG"
    source: bytes = b""
    """The picture that is resized; nothing: one is drawn."""

    @property
    def mime_type(self) -> str:
        return MIME_TYPES[self.format]

    def bounded(self) -> "Result":
        """The same with fewer pixels, if they are too many for a simulator."""
        share = (_MOST_PIXELS / (self.width * self.height)) ** 0.5
        if share >= 1:
            return self
        return replace(self, width=int(self.width * share), height=int(self.height * share))


def paint(order: Order, result: Result) -> bytes:
    """The finished picture's bytes."""
    content = result.source or provider_pictures.render(order)
    with Image.open(io.BytesIO(content)) as picture:
        upright = ImageOps.exif_transpose(picture)
        size = (result.width, result.height)
        made = upright.convert("RGB").resize(size, Image.Resampling.BICUBIC)
    return encoded(made, result.format)


def encoded(picture: Image.Image, kind: str) -> bytes:
    buffer = io.BytesIO()
    # Speed matters more than size: nobody pays for these bytes.
    options = {"PNG": {"compress_level": 1}, "WEBP": {"method": 0}}.get(kind, {"quality": 90})
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def ratio_size(ratio: str, pixels: int, step: int = 16) -> tuple[int, int]:
    """A size of about that many pixels in the shape of `16:9`."""
    across, down = (float(side) for side in ratio.split(":"))
    width = (pixels * across / down) ** 0.5
    return max(step, round(width / step) * step), max(step, round(pixels / width / step) * step)
