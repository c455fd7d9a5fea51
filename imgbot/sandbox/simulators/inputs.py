"""Pictures that come in: uploads that are kept for a while, data URIs, and what they show."""

import base64
import binascii
import hashlib
import io
import re
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

from PIL import Image

from imgbot.sandbox.provider_orders import (
    Refusal,
    SubmittedTask,
    bounded,
    checked_image,
    make_order,
    operation_of,
)
from imgbot.sandbox.simulators.fields import Model
from imgbot.sandbox.simulators.painting import FORMATS

_SHELF_BYTES = 256 << 20
_MOST_UPLOADS = 2000
_SIDE = 768
_SHOWN_URL = 200
_DATA_URI = re.compile(r"data:([a-z]+/[a-z0-9.+-]+)?(?:;[a-z]+=[^;,]*)*;base64,", re.IGNORECASE)
_RATIO = re.compile(r"[1-9]\d?:[1-9]\d?")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_LIKE_INPUT = frozenset({"match_input_image", "auto"})
_NAMED_SIZES = {
    "square_hd": (1024, 1024),
    "square": (512, 512),
    "portrait_4_3": (768, 1024),
    "portrait_16_9": (576, 1024),
    "landscape_4_3": (1024, 768),
    "landscape_16_9": (1024, 576),
}


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that somebody uploaded."""

    id: str
    name: str
    content_type: str
    content: bytes
    sha256: str
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])


class JobReads:
    """Uploads by id; the oldest go when there are too many."""

    def __init__(self) -> None:
        self._uploads: OrderedDict[str, Upload] = OrderedDict()
        self._bytes = 0

    @property
    def uploads(self) -> list[Upload]:
        return list(self._uploads.values())

    def keep(
        self,
        content: bytes,
        content_type: str,
        name: str,
        *,
        upload_id: str = "",
        metadata: Mapping[str, Any] | None = None,
    ) -> Upload:
        """Keep it; one of the same id is overwritten."""
        upload_id = upload_id or secrets.token_hex(12)
        self.drop(upload_id)
        digest = hashlib.sha256(content).hexdigest()
        upload = Upload(upload_id, name, content_type, content, digest, metadata or {})
        self._uploads[upload_id] = upload
        self._bytes += len(content)
        while self._bytes > _SHELF_BYTES or len(self._uploads) > _MOST_UPLOADS:
            self.drop(next(iter(self._uploads)))
        return upload

    def find(self, upload_id: str) -> Upload | None:
        return self._uploads.get(upload_id)

    def drop(self, upload_id: str) -> bool:
        upload = self._uploads.pop(upload_id, None)
        self._bytes -= len(upload.content) if upload else 0
        return upload is not None


Place = tuple[str, int | None]
"""A field, and the index where it is a list."""


@dataclass(slots=True)
class Pictures:
    """The pictures of an input in order, and the input with their digests in their place."""

    received: dict[str, Any]
    contents: list[bytes] = field(default_factory=list[bytes])
    size: tuple[int, int] | None = None
    missing: list[tuple[Place, str]] = field(default_factory=list[tuple[Place, str]])
    """Addresses that lead nowhere."""
    unreadable: list[tuple[Place, str]] = field(default_factory=list[tuple[Place, str]])
    """Addresses of what is no picture."""


def decode_data_uri(text: str) -> bytes | None:
    """The content, None for what is no data URI in base64."""
    head = _DATA_URI.match(text)
    if head is None:
        return None
    try:
        return base64.b64decode(text[head.end() :], validate=True)
    except binascii.Error:
        return None


Fetch = Callable[[str], Awaitable[bytes | None]]
"""Gets what an address leads to, None where that is nothing."""
Look = Callable[[bytes], Awaitable[tuple[int, int] | None]]


async def gather_pictures(
    model: Model, given: Mapping[str, Any], fetch: Fetch, look: Look
) -> Pictures:
    """Get the pictures that the input points at."""
    found = Pictures(received=dict(given))
    for name in model.names("pictures"):
        value: Any = given.get(name)
        if isinstance(value, str):
            found.received[name] = await _gather(found, (name, None), value, fetch, look)
        elif isinstance(value, list):
            addresses = cast("list[str]", value)
            found.received[name] = [
                await _gather(found, (name, index), address, fetch, look)
                for index, address in enumerate(addresses)
            ]
    return found


async def _gather(
    found: Pictures, place: Place, address: str, fetch: Fetch, look: Look
) -> dict[str, Any]:
    content = await fetch(address)
    if content is None:
        found.missing.append((place, address[:_SHOWN_URL]))
        return {"url": address[:_SHOWN_URL]}
    shown: dict[str, Any] = {
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "via": "data" if address.startswith("data:") else "url",
    }
    size = await look(content)
    if size is None:
        found.unreadable.append((place, address[:_SHOWN_URL]))
        return shown
    found.contents.append(content)
    found.size = found.size or size
    return shown | {"width": size[0], "height": size[1]}


def look_at(content: bytes) -> tuple[int, int] | None:
    """Width and height, None for what is no whole picture; blocks."""
    try:
        checked_image(content)
    except Refusal:
        return None
    with Image.open(io.BytesIO(content)) as picture:
        return picture.size


def shape_order(
    model: Model, given: Mapping[str, Any], pictures: Pictures, marks: str
) -> SubmittedTask:
    """Read from a checked input what is wanted."""
    ratio, size = _shape(model, given, pictures)
    words = next((str(given[name]) for name in model.names("words") if name in given), "")
    seed = model.value(given, "seed")
    order = make_order(
        model.operation or operation_of(len(pictures.contents)),
        words,
        pictures.contents,
        scale=max(1, round(scale_of(model, given))),
        ratio=ratio,
        seed=seed if isinstance(seed, int) else 0,
        marks=marks,
        are_checked=True,
    )
    return replace(
        order,
        model=model.name,
        price_usd=model.price(given),
        size=size,
        format=FORMATS.get(str(model.value(given, "format")), "JPEG"),
        received=pictures.received,
    )


def scale_of(model: Model, given: Mapping[str, Any]) -> float:
    """How much larger the result is to be."""
    return _number(model.value(given, "scale")) or model.scale


def _shape(
    model: Model, given: Mapping[str, Any], pictures: Pictures
) -> tuple[str, tuple[int, int] | None]:
    """The ratio that was asked for, or the size that the result must have."""
    scale = scale_of(model, given)
    if model.operation in {"upscale", "retouch"} and pictures.size:
        width, height = pictures.size
        return "", bounded(width * scale, height * scale)
    asked = model.value(given, "ratio")
    if isinstance(asked, dict):
        sides = cast("Mapping[str, int]", asked)
        return "", bounded(sides["width"], sides["height"])
    if isinstance(asked, str) and asked in _NAMED_SIZES:
        return "", _NAMED_SIZES[asked]
    if isinstance(asked, str) and _RATIO.fullmatch(asked):
        return asked, None
    if pictures.size and (asked is None or asked in _LIKE_INPUT):
        width, height = pictures.size
        share = min(4.0, max(0.25, width / height)) ** 0.5
        return "", (round(_SIDE * share), round(_SIDE / share))
    return "", None


def _number(value: Any) -> float:
    """The number in "2x", "x4" or 2; 0 where there is none."""
    found = _NUMBER.search(str(value)) if value is not None else None
    return float(found[0]) if found else 0.0
