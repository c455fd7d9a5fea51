"""Bodies that simulated providers send: pictures, recognisable as simulated, and broken answers."""

import asyncio
import io
import json
import re
import textwrap
from collections.abc import Mapping
from typing import Any

from aiohttp import web
from PIL import Image, ImageDraw, ImageFont

from imgbot.sandbox.provider_tasks import SubmittedTask

_SIDE = 768
_MARGIN = 56
_FONTS = ("DejaVuSans.ttf", "LiberationSans-Regular.ttf", "Arial.ttf")
_SHOWN_WORDS = 200


def render(order: SubmittedTask) -> bytes:
    """Draw a picture with the operation, the prompt and a pattern of the input; blocks."""
    digest = bytes.fromhex(order.digest)
    picture = _background(digest)
    _draw_bubbles(picture, digest)
    draw = ImageDraw.Draw(picture)
    draw.text((_MARGIN, _MARGIN), order.operation.upper(), fill="white", font=_font(52))
    lines = textwrap.wrap(order.words[:_SHOWN_WORDS], 26) or ["(no words)"]
    draw.multiline_text(
        (_MARGIN, _MARGIN + 96), "\n".join(lines), fill="white", font=_font(36), spacing=14
    )
    foot = f"simulated · {order.images} in · seed {order.seed} · {order.digest[:12]}"
    draw.text((_MARGIN, _SIDE - _MARGIN), foot, fill=(255, 255, 255), font=_font(20), anchor="ls")
    buffer = io.BytesIO()
    made = picture.resize(size_of(order), Image.Resampling.BILINEAR)
    made.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def size_of(order: SubmittedTask) -> tuple[int, int]:
    """Return width and height: as ordered, else by the ratio, else square."""
    found = re.fullmatch(r"([1-9]\d?):([1-9]\d?)", order.ratio)
    if order.size:
        return order.size
    if not found:
        return _SIDE, _SIDE
    share = min(4.0, max(0.25, int(found[1]) / int(found[2]))) ** 0.5
    return round(_SIDE * share), round(_SIDE / share)


def _background(digest: bytes) -> Image.Image:
    """Draw a soft gradient between two dark colours, so that white text is legible."""
    corner = Image.new("RGB", (2, 2))
    corner.putdata([tuple(value // 2 + 20 for value in digest[i : i + 3]) for i in (0, 3, 6, 9)])
    return corner.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)


def _draw_bubbles(picture: Image.Image, digest: bytes) -> None:
    layer = Image.new("L", picture.size, 0)
    draw = ImageDraw.Draw(layer)
    for i in range(12, 30, 3):
        x, y, radius = (digest[i] * 3, 200 + digest[i + 1] * 2, 30 + digest[i + 2] // 2)
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=18 + i)
    picture.paste(Image.new("RGB", picture.size, "white"), mask=layer)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    for name in _FONTS:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return ImageFont.load_default(size)


PAGE = b"<!doctype html><title>Sign in</title><p>Please sign in to see this picture."
_TRICKLE_S = 1.0
_TRICKLE_BYTES = 600


def truncated(answer: Mapping[str, Any]) -> web.Response:
    """Return the first half of the JSON."""
    text = json.dumps(answer)
    return web.Response(text=text[: len(text) // 2], content_type="application/json")


def cut(request: web.Request) -> web.Response:
    """Close the connection under the client, without an answer."""
    if request.transport:
        request.transport.abort()
    return web.Response()


async def trickle(request: web.Request) -> web.StreamResponse:
    """Send a space a second, and no JSON."""
    answer = web.StreamResponse(headers={"Content-Type": "application/json"})
    await answer.prepare(request)
    for _ in range(_TRICKLE_BYTES):
        await answer.write(b" ")
        await asyncio.sleep(_TRICKLE_S)
    return answer
