"""Orders of the simulated providers: what a submit asks for, checked to the last field."""

import base64
import binascii
import hashlib
import io
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from PIL import Image

from imgbot.domain.operations import ACTIONS

OPERATIONS = frozenset(ACTIONS)
_FIELDS = frozenset({"operation", "words", "images", "scale", "ratio", "seed", "client_id"})
_DATA_URL = re.compile(r"data:image/(?:jpeg|png|webp);base64,")
_MARK = re.compile(r"\[\[sim:([a-z0-9_]+)(?:=([0-9]+(?:\.[0-9]+)?))?\]\]")
_MAX_IMAGES = 10
_MAX_PIXELS = 50_000_000
_MAX_RESULT_PIXELS = 128_000_000
_MAX_WORDS = 20_000
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


def order_from(body: bytes) -> SubmittedTask:
    """Validate every field of a submit; blocks, since it decodes the pictures."""
    try:
        given: Any = json.loads(body)
    except ValueError:
        raise _invalid("the body is not JSON") from None
    if not isinstance(given, dict):
        raise _invalid("the body is not an object")
    fields = cast("dict[str, Any]", given)
    if unknown := fields.keys() - _FIELDS:
        raise _invalid(f"unknown fields: {', '.join(sorted(unknown))}")
    operation = _text(fields, "operation", 20)
    if operation not in OPERATIONS:
        raise _invalid(f"operation must be one of {', '.join(sorted(OPERATIONS))}")
    words = _text(fields, "words", _MAX_WORDS)
    images = fields.get("images", [])
    if not isinstance(images, list) or len(cast("list[Any]", images)) > _MAX_IMAGES:
        raise _invalid(f"images must be a list of at most {_MAX_IMAGES}")
    pictures = [_decoded(image) for image in cast("list[Any]", images)]
    order = make_order(
        operation,
        words,
        pictures,
        scale=_number(fields, "scale", 2, range(1, 9)),
        ratio=_text(fields, "ratio", 5),
        seed=_number(fields, "seed", 0, range(1 << 63)),
        client_id=_text(fields, "client_id", 200),
    )
    if operation != "upscale" or not pictures:
        return order
    return replace(order, size=enlarged(pictures[0], order.scale))


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


def _decoded(image: Any) -> bytes:
    if not isinstance(image, str) or not (head := _DATA_URL.match(image)):
        raise _invalid("images must be data URLs of JPEG, PNG or WebP")
    try:
        return base64.b64decode(image[head.end() :], validate=True)
    except binascii.Error:
        raise _invalid("an image is not base64") from None


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


def _text(fields: dict[str, Any], name: str, limit: int) -> str:
    value = fields.get(name, "")
    if not isinstance(value, str) or len(value) > limit:
        raise _invalid(f"{name} must be a text of at most {limit} characters")
    return value


def _number(fields: dict[str, Any], name: str, default: int, allowed: range) -> int:
    value = fields.get(name, default)
    if not isinstance(value, int) or value not in allowed:
        raise _invalid(f"{name} must be a number from {allowed.start} to {allowed.stop - 1}")
    return value


def _invalid(message: str) -> Refusal:
    return Refusal(422, "invalid", message)
