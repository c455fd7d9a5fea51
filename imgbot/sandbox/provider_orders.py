"""Orders of the simulated providers: what a submit asks for, checked to the last field."""

import hashlib
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

_MARK = re.compile(r"\[\[sim:([a-z0-9_]+)(?:=([0-9]+(?:\.[0-9]+)?))?\]\]")
_MAX_PIXELS = 50_000_000
_MAX_RESULT_PIXELS = 128_000_000
_DAMAGED = (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError)


class Refusal(Exception):  # noqa: N818 it is an answer
    """Refusal by the provider."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class SubmittedTask:
    """A checked submit."""

    operation: str
    words: str
    marks: dict[str, float]
    images: int
    digest: str
    scale: int
    ratio: str
    seed: int
    client_id: str
    model: str = ""
    price_usd: float | None = None
    """Price, where it differs by model."""
    size: tuple[int, int] | None = None
    """Width and height of the result, where they were ordered or follow from the input."""


def make_order(  # noqa: PLR0913 an order has that many sides
    operation: str,
    words: str,
    images: Sequence[bytes],
    *,
    scale: int = 2,
    ratio: str = "",
    seed: int = 0,
    client_id: str = "",
    marks: str = "",
) -> SubmittedTask:
    """An order of these pictures, each checked; its marks stand in the words or beside them."""
    digest = hashlib.sha256(words.encode("utf-8", "replace"))
    for image in images:
        digest.update(_checked(image))
    return SubmittedTask(
        operation=operation,
        words=_MARK.sub("", words).strip(),
        marks={name: float(value or 1) for name, value in _MARK.findall(f"{marks} {words}")},
        images=len(images),
        digest=digest.hexdigest(),
        scale=scale,
        ratio=ratio,
        seed=seed,
        client_id=client_id,
    )


def operation_of(images: int) -> str:
    """Return the operation implied by the number of pictures, where the model does not tell."""
    return ("create", "edit", "merge")[min(images, 2)]


def enlarged(content: bytes, scale: int) -> tuple[int, int]:
    """Return the size of a picture times `scale`. Raises Refusal where that is too large."""
    with Image.open(io.BytesIO(content)) as picture:
        width, height = picture.width * scale, picture.height * scale
    if width * height > _MAX_RESULT_PIXELS:
        raise Refusal(422, "size", f"more than {_MAX_RESULT_PIXELS // 1_000_000} megapixels")
    return width, height


def _checked(content: bytes) -> bytes:
    """Return the picture's bytes unchanged. Raises Refusal if it is not a picture."""
    try:
        with Image.open(io.BytesIO(content), formats=("JPEG", "PNG", "WEBP")) as picture:
            if picture.width * picture.height > _MAX_PIXELS:
                raise _invalid("an image has too many pixels")
            picture.load()
    except _DAMAGED:
        raise _invalid("an image cannot be read") from None
    return content


def _invalid(message: str) -> Refusal:
    return Refusal(422, "invalid", message)
