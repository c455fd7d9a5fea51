"""Artwork: SVG drawings as pictures, in colours of their own or of a scene."""

import io
import math
from collections.abc import Sequence

import resvg_py
from PIL import Image, ImageChops

from imgbot.painter.engine import drawing
from imgbot.painter.engine.colours import Colour, lightness, mix, ramp, with_lightness
from imgbot.painter.engine.drawing import Point
from imgbot.painter.engine.subjects import artwork

_KEY = (1, 255, 2)  # colour of what is transparent, while colours are counted


def rasterise(svg: str, height_px: int) -> Image.Image:
    """SVG drawing (RGBA) at a height."""
    png = resvg_py.svg_to_bytes(svg_string=svg, height=height_px, skip_system_fonts=True)
    return Image.open(io.BytesIO(png)).convert("RGBA")


def part(name: str, height_px: int, colours: Sequence[Colour]) -> Image.Image:
    """Part of a picture (RGBA), a body or a branch, in the given colours."""
    svg = artwork(f"parts/{name}")
    # Colours of a part that stand for those it is given.
    given = ("#c0ffee", "#bada55", "#decade", "#facade")
    for stands_for, colour in zip(given, colours, strict=False):
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


def scatter(
    canvas: Image.Image, name: str, colour: Colour, spots: Sequence[tuple[float, float, float]]
) -> None:
    """Paint a part many times: each spot is its lower middle and its height in pixels."""
    largest = part(name, max((round(height) for *_, height in spots), default=1) + 1, (colour,))
    for x, y, height in spots:
        share = height / largest.height
        size = max(1, round(largest.width * share)), max(1, round(height))
        image = largest.resize(size, Image.Resampling.BOX)
        canvas.paste(colour, (round(x - size[0] / 2), round(y - size[1])), image.getchannel("A"))


def areas_of(image: Image.Image) -> list[tuple[int, Colour]]:
    """Few colours of the drawing with their pixels in a small copy, the most frequent first."""
    small = image.resize((96, 96))
    opaque = small.getchannel("A").point([0] * 200 + [255] * 56)
    flat = Image.composite(small.convert("RGB"), Image.new("RGB", small.size, _KEY), opaque)
    few = flat.quantize(10, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    table, counts = few.getpalette() or [], few.histogram()
    colours = zip(table[::3], table[1::3], table[2::3], strict=True)
    found = list(zip(counts, colours, strict=False))
    # Pixels of the edge shift the mean of the key colour a little.
    own = (each for each in found if each[0] and math.dist(each[1], _KEY) > 9)
    return sorted(own, reverse=True)


def tinted(image: Image.Image, colour: Colour) -> Image.Image:
    """Drawing with its main colour replaced, light and dark parts kept."""
    rgb = image.convert("RGB")
    hue, saturation, value = rgb.convert("HSV").split()
    main = main_colour(image)
    wanted, strength, _ = drawing.hsv_of(main)
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
    dark = with_lightness(colour, lightness(colour) * 0.35)
    bright = mix(colour, (255, 255, 255), 0.6)
    tones = [*ramp((dark, colour), middle), *ramp((colour, bright), 256 - middle)]
    rgb.paste(drawing.recoloured(grey, tones), (0, 0), where)
    rgb.putalpha(image.getchannel("A"))
    return rgb


def main_colour(image: Image.Image) -> Colour:
    """Colour of the largest area in shades of one hue, a vivid one before grey."""
    found = areas_of(image) or [(1, (128, 128, 128))]
    vivid = [each for each in found if max(each[1]) - min(each[1]) > 60]
    if sum(count for count, _ in vivid) <= 0.2 * sum(count for count, _ in found):
        return found[0][1]
    hues = [drawing.hsv_of(colour)[0] for _, colour in vivid]

    def area(hue: int) -> int:
        # Shades of one colour.
        near = (min((hue - other) % 256, (other - hue) % 256) < 20 for other in hues)
        return sum(count for (count, _), is_near in zip(vivid, near, strict=True) if is_near)

    return max(zip(vivid, hues, strict=True), key=lambda each: area(each[1]))[0][1]
