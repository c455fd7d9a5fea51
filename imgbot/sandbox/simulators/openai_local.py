"""LocalAI, which speaks OpenAI's language with an accent."""

import base64
import binascii
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from aiohttp import web

from imgbot.sandbox.provider_tasks import Refusal

_DEFAULT_MODEL = "stablediffusion"
_SIZE = re.compile(r"(\d{2,4})x(\d{2,4})")
_DEFAULT_SIZE = (512, 512)
_MOST_COUNT = 10
_MOST_IMAGES = 16
_PICTURE_FIELDS = ("file", "files", "ref_images")


@dataclass(frozen=True, slots=True)
class LocalWish:
    """What LocalAI understood; what it does not know it does not look at."""

    model: str
    words: str
    count: int
    width: int
    height: int
    is_encoded: bool
    contents: list[bytes]
    shown: dict[str, Any]


def local_order(given: Mapping[str, Any]) -> LocalWish:
    """Raises Refusal for what the real server chokes on."""
    prompt = given.get("prompt")
    if not isinstance(prompt, str):
        raise Refusal(500, "", "prompt must be a string")
    words, _, _negative = prompt.partition("|")
    found = _SIZE.fullmatch(str(given.get("size", "")))
    count = given.get("n", 1)
    width, height = (int(found[1]), int(found[2])) if found else _DEFAULT_SIZE
    return LocalWish(
        model=str(given.get("model") or _DEFAULT_MODEL),
        words=words,
        count=count if isinstance(count, int) and 1 <= count <= _MOST_COUNT else 1,
        width=width,
        height=height,
        is_encoded=given.get("response_format") == "b64_json",
        contents=_contents(given),
        shown={name: value for name, value in given.items() if name not in _PICTURE_FIELDS},
    )


def _contents(given: Mapping[str, Any]) -> list[bytes]:
    named = [given.get(name) or [] for name in _PICTURE_FIELDS]
    listed = [
        item
        for value in named
        for item in (cast("list[Any]", value) if isinstance(value, list) else [value])
    ]
    try:
        return [base64.b64decode(str(item), validate=True) for item in listed[:_MOST_IMAGES]]
    except binascii.Error:
        raise Refusal(500, "", "illegal base64 data at input byte 0") from None


def local_answer(task_id: str, data: list[dict[str, Any]]) -> dict[str, Any]:
    return {"created": int(time.time()), "id": task_id, "data": data}


def local_refusal(status: int, message: str) -> web.Response:
    body = {"code": status, "message": message, "type": ""}
    return web.json_response({"error": body}, status=status)
