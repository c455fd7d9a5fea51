"""Artwork: SVG drawings as pictures, in colours of their own or of a scene."""

import io
from collections.abc import Sequence

import resvg_py
from PIL import Image, ImageChops

from imgbot.engine import drawing
from imgbot.engine.colours import Colour, lightness, mix, with_lightness
from imgbot.engine.drawing import Point
from imgbot.engine.subjects import artwork

_SAMPLES_PX = 96
_KEY = (1, 255, 2)  # colour of what is transparent, while colours are counted
# Colours of a part that stand for those it is given.
_GIVEN = ("#c0ffee", "#bada55")


def rasterise(svg: str, height_px: int) -> Image.Image:
    """SVG drawing (RGBA) at a height."""
    png = resvg_py.svg_to_bytes(svg_string=svg, height=height_px, skip_system_fonts=True)
    return Image.open(io.BytesIO(png)).convert("RGBA")


def part(name: str, height_px: int, colours: Sequence[Colour]) -> Image.Image:
    """Part of a picture (RGBA), a body or a branch, in the given colours."""
    svg = artwork(f"parts/{name}")
    for stands_for, colour in zip(_GIVEN, colours, strict=False):
        svg = svg.replace(stands_for, "#{:02x}{:02x}{:02x}".format(*colour))
    return rasterise(svg, height_px)


def lay_part(
    canvas: Image.Image,
    name: str,
    colours: Sequence[Colour],
    corner: Point,
    size: tuple[float, float],
    *,
    is_mirrored: bool = False,
) -> None:
    """Paint a part onto the canvas, stretched to a size in pixels."""
    width, height = max(2, round(size[0])), max(2, round(size[1]))
    image = part(name, height, colours).resize((width, height), Image.Resampling.LANCZOS)
    if is_mirrored:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    canvas.paste(image.convert("RGB"), (round(corner[0]), round(corner[1])), image)


def areas_of(image: Image.Image) -> list[tuple[int, Colour]]:
    """Few colours of the drawing with their pixels in a small copy, the most frequent first."""
    small = image.resize((_SAMPLES_PX, _SAMPLES_PX))
    opaque = small.getchannel("A").point([0] * 200 + [255] * 56)
    flat = Image.composite(small.convert("RGB"), Image.new("RGB", small.size, _KEY), opaque)
    few = flat.quantize(10, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    table, counts = few.getpalette() or [], few.histogram()
    found = [
        (counts[index], (table[index * 3], table[index * 3 + 1], table[index * 3 + 2]))
        for index in range(len(table) // 3)
    ]
    return sorted((each for each in found if each[0] and each[1] != _KEY), reverse=True)


def tinted(image: Image.Image, colour: Colour) -> Image.Image:
    """Drawing with its main colour replaced, light and dark parts kept."""
    rgb = image.convert("RGB")
    hue, saturation, value = rgb.convert("HSV").split()
    main = main_colour(image)
    wanted, strength, _ = Image.new("RGB", (1, 1), main).convert("HSV").tobytes()
    if strength > 40:
        apart = [min((each - wanted) % 256, (wanted - each) % 256) for each in range(256)]
        near = hue.point([max(0, 255 - 14 * max(0, each - 24)) for each in apart])
        vivid = saturation.point([min(255, max(0, (each - 30) * 8)) for each in range(256)])
        where = ImageChops.multiply(near, vivid)
    else:
        pale = saturation.point([min(255, max(0, 255 - (each - 40) * 6)) for each in range(256)])
        where = ImageChops.multiply(pale, value.point([min(255, v * 5) for v in range(256)]))
    grey = rgb.convert("L")
    middle = max(40, min(215, round(lightness(main) * 255)))
    dark, bright = (
        with_lightness(colour, lightness(colour) * 0.35),
        mix(colour, (255, 255, 255), 0.6),
    )
    stops = drawing.ramp_through(dark, colour, bright, middle)
    toned = Image.merge("RGB", [grey.point([stop[band] for stop in stops]) for band in range(3)])
    rgb.paste(toned, (0, 0), where)
    rgb.putalpha(image.getchannel("A"))
    return rgb


def main_colour(image: Image.Image) -> Colour:
    """Colour of the largest area, a vivid one before grey."""
    found = areas_of(image) or [(1, (128, 128, 128))]
    vivid = [each for each in found if max(each[1]) - min(each[1]) > 60]
    share = sum(count for count, _ in vivid) / sum(count for count, _ in found)
    return (vivid if share > 0.2 else found)[0][1]
