"""Colours as triples, mixed in OKLab (perceptually uniform), and their names in two languages."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from imgbot.painter.engine.tables import table

Colour = tuple[int, int, int]


def parse_hex(text: str) -> Colour:
    """Colour from hexadecimal digits, as `ff8800`."""
    return int(text[0:2], 16), int(text[2:4], 16), int(text[4:6], 16)


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """Mixture of one colour with `share` (0 to 1) of the other."""
    pairs = zip(_to_lab(one), _to_lab(other), strict=True)
    return _from_lab([first + (second - first) * share for first, second in pairs])


def with_lightness(colour: Colour, lightness: float) -> Colour:
    """Colour of the same hue at another lightness (0 black, 1 white)."""
    _, green_red, blue_yellow = _to_lab(colour)
    # Near black and white there is no room for chroma: it would clip into another hue.
    room = min(1.0, 3.2 * lightness * (1.15 - lightness) + 0.1)
    return _from_lab((lightness, green_red * room, blue_yellow * room))


def lightness(colour: Colour) -> float:
    """Perceived lightness, 0 to 1."""
    return _to_lab(colour)[0]


def ramp(stops: tuple[Colour, ...], count: int) -> list[Colour]:
    """`count` colours evenly along the stops."""
    if len(stops) == 1 or count == 1:
        return [stops[0]] * count
    places = [index / (count - 1) * (len(stops) - 1) for index in range(count)]
    lefts = [min(int(place), len(stops) - 2) for place in places]
    return [mix(stops[left], stops[left + 1], place - left)
            for left, place in zip(lefts, places, strict=True)]  # fmt: skip


def _to_linear(value: int) -> float:
    share = value / 255
    return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4


def _to_byte(linear: float) -> int:
    bounded = min(1.0, max(0.0, linear))
    share = bounded * 12.92 if bounded <= 0.0031308 else 1.055 * bounded ** (1 / 2.4) - 0.055
    return round(share * 255)


@lru_cache(maxsize=1024)
def _to_lab(colour: Colour) -> tuple[float, float, float]:
    red, green, blue = (_to_linear(value) for value in colour)
    long = (0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue) ** (1 / 3)
    medium = (0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue) ** (1 / 3)
    short = (0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue) ** (1 / 3)
    return (
        0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short,
    )


def _from_lab(lab: Sequence[float]) -> Colour:
    light, green_red, blue_yellow = lab
    long = (light + 0.3963377774 * green_red + 0.2158037573 * blue_yellow) ** 3
    medium = (light - 0.1055613458 * green_red - 0.0638541728 * blue_yellow) ** 3
    short = (light - 0.0894841775 * green_red - 1.2914855480 * blue_yellow) ** 3
    return (
        _to_byte(4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short),
        _to_byte(-1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short),
        _to_byte(-0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short),
    )


NAMED_COLOURS: Mapping[str, Colour] = {
    name: parse_hex(digits) for name, (digits, _) in table("colours").items()
}


def colour_key(words: str) -> str | None:
    """Key of the colour that lower-case words name, or None."""
    named = table("colours").items()
    return next((key for key, (_, pattern) in named if re.fullmatch(pattern, words)), None)
