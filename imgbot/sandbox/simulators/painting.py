"""Pictures as they come in, and the sizes and formats that are asked for."""

import hashlib
import io
from dataclasses import dataclass
from typing import Any

from PIL import Image

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
    """Raises ValueError for what is no picture; its pixels are not read. Blocks."""
    try:
        with Image.open(io.BytesIO(content), formats=tuple(MIME_TYPES)) as picture:
            turned = picture.getexif().get(0x0112, 1) in {5, 6, 7, 8}
            width, height = picture.size[::-1] if turned else picture.size
            has_alpha = "A" in picture.getbands() or "transparency" in picture.info
            return Picture(content, width, height, picture.format or "", has_alpha)
    except (OSError, SyntaxError, EOFError, Image.DecompressionBombError):
        raise ValueError("not a picture") from None


def ratio_size(ratio: str, pixels: int, step: int = 16) -> tuple[int, int]:
    """A size of about that many pixels in the shape of `16:9`."""
    across, down = (float(side) for side in ratio.split(":"))
    width = (pixels * across / down) ** 0.5
    return max(step, round(width / step) * step), max(step, round(pixels / width / step) * step)
