"""Parameters of a painted scene: size, random generator, palette, hints of the prompt."""

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass

from PIL import Image

from imgbot.imaging.engine.colours import Colour, lightness, mix, parse_hex, with_lightness


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours by role in a picture."""

    name: str
    sky: tuple[Colour, ...]  # from the top down to the horizon
    layers: tuple[Colour, ...]  # from far to near
    light: Colour
    accents: tuple[Colour, ...]
    paper: Colour
    ink: Colour

    @property
    def is_dark(self) -> bool:
        """True for a night sky."""
        return lightness(self.sky[len(self.sky) // 2]) < 0.5


def _colours(text: str) -> tuple[Colour, ...]:
    return tuple(parse_hex(part) for part in text.split())


def _palette(name: str, sky: str, layers: str, light: str, accents: str, ends: str) -> Palette:
    paper, ink = _colours(ends)
    return Palette(
        name, _colours(sky), _colours(layers), parse_hex(light), _colours(accents), paper, ink
    )


PALETTES: Mapping[str, Palette] = {
    palette.name: palette
    for palette in (
        _palette(
            "sunset", "2b1b4d 7a2f6b d9566a ff9b63 ffd59a", "c2607a 6f2f62 2c1440 120825",
            "fff1c9", "ff6b6b ffb347 ffd166 b5418f 5b2a86", "fff2e0 2b1438",
        ),
        _palette(
            "dawn", "7c9fc9 b9bfdc f1c9cf ffe1c4 fff1dc", "bfa9c4 8f7ea6 54507d 2a2d52",
            "fffaf0", "f2a1a8 f7c59f 9db4d6 c9a3c9 6d7fb0", "fff6ee 33325c",
        ),
        _palette(
            "noon", "2f7fd0 68aee8 a9d5f4 e4f3fb", "8fb9c9 5c9a8b 2f7656 164a3a",
            "fffbe6", "ffd23f ff7f50 3bb273 2f7fd0 f5f0e1", "f8fbff 12364a",
        ),
        _palette(
            "night", "050a1f 0d1b45 1f3a78 3f62a0", "34508a 1c2f5e 0e1a3c 060b1f",
            "fdf6d8", "ffd27d 7fd1ff c7a6ff ff8fa3 5be0c0", "eef2ff 070d26",
        ),
        _palette(
            "aurora", "04101f 062a3a 0a4f55 1f8a7a", "12484e 0b2f3a 061c28 030d16",
            "e8fff6", "4dffc3 35c9ff a06bff ff6bd6 c8ff8a", "eafff8 04141f",
        ),
        _palette(
            "ocean", "0f4c75 3282b8 7cc4e0 d4f1f4", "5fb3c9 2b86a8 125e85 07395c",
            "fff8e1", "ff8c61 ffd166 2ec4b6 e8f7f7 0b7a99", "f2fbfc 06304d",
        ),
        _palette(
            "tropical", "0089a7 23c0c0 8fe3cf ffe8b0", "3fb8a5 1b8f7c 0f6a54 0a3f3a",
            "fff6c9", "ff5d8f ff9f1c ffd93d 2ec4b6 7b2cbf", "fffbea 073b3a",
        ),
        _palette(
            "forest", "7fa99b a9c7ae d6e3c5 f3f3dc", "9dbb9f 5f8f74 2f6150 12352f",
            "fffbe0", "e9c46a d98e3f 8ab17d 3d6b52 f1ead2", "f7f6e7 11312b",
        ),
        _palette(
            "autumn", "6f8fa8 c4b7a6 f0cf9e fbe3b8", "d9a05b b5622e 7c3420 3a1a16",
            "fff3d0", "e4572e f3a712 a8201a 7d4e2a d9ae61", "fdf3e1 3d1c14",
        ),
        _palette(
            "winter", "8fb0cf b9d0e4 dfeaf3 f8fbfd", "c3d5e5 94b1cb 5d81a6 2f5078",
            "ffffff", "e63946 457b9d a8dadc f1faee 1d3557", "fbfdff 1d3557",
        ),
        _palette(
            "spring", "8ecae6 bfe3ef e3f4e6 fdf6e3", "b5dba6 84c27f 4f9d69 2c6e49",
            "fffbe8", "ff9eb5 ffc8dd ffd670 a1d99b cdb4f0", "fffaf5 2d5140",
        ),
        _palette(
            "desert", "3a7ca5 9cc3c9 f3dcb0 fbe7c2", "efc07b d9924b a85a32 5e2a20",
            "fffbea", "e07a5f f2cc8f 3d7f7f b5541c f6e7cb", "fdf1dc 4a2018",
        ),
        _palette(
            "lavender", "5a4e8f 8e7cc3 c4b2e3 f2e3f0", "ab97d1 7d69b0 504385 2a2357",
            "fff5e6", "f7b2d9 ffd6a5 b8a1ff 7ec4cf 5a4e8f", "faf5ff 2b2354",
        ),
        _palette(
            "neon", "0a0221 240b4f 5a1180 b3158a", "6a1b8f 3c1270 1d0a45 0a0320",
            "fff0fb", "ff2fb9 00f0ff faff00 7a5cff ff7a00", "fdf2ff 12042e",
        ),
        _palette(
            "pastel", "c9d6f2 e5d9f2 fbe0e6 fff3e0", "e9c8d8 c8bfe0 a5bcd9 7d97bd",
            "fffdf5", "ffb5a7 fcd5ce b8e0d2 d6c6e1 fff1a8", "fffaf7 4d4a6e",
        ),
        _palette(
            "mono", "6f7378 a6aaad d5d7d8 f2f2f0", "b9bcbe 85898c 4c5053 1c1f21",
            "ffffff", "c9362b 2b2d2f 8d9194 d9dadb f2f2f0", "f7f6f3 1c1f21",
        ),
        _palette(
            "gold", "1c1410 4a3018 9a6b26 e8c268", "a97a34 6b4720 382413 160d08",
            "fff4cf", "f5d67b c9962e 7b5a1e fff0c4 a63d2f", "fdf6e3 21160d",
        ),
        _palette(
            "rose", "7c2a4d c2547a ee9cab fbd9d3", "d98aa0 a8466d 6b2148 340f28",
            "fff4ee", "ff5c8a ffb3c1 ffd6a5 9d2b5a f7e1e7", "fff4f4 44122f",
        ),
        _palette(
            "vintage", "7a9a95 b5bfa3 e6d8ad f4e6c3", "c5a979 a3734e 6e4a3f 3b2a2c",
            "fff3d6", "d1495b edae49 00798c 66a182 2e4057", "f6ead0 38292a",
        ),
        _palette(
            "storm", "27323f 46586a 73889a a9b9c4", "7b8f9d 54697a 344655 1a2732",
            "eef4f6", "e8b04a c8553d 5fa8b8 d9e2e6 3c5a73", "f2f6f8 18222c",
        ),
        _palette(
            "mist", "a9b7bd c3cdcf dadfdd ecebe4", "bcc7c8 98a7aa 6f8287 445a61",
            "fdfbf2", "d8a47f b5838d 8fa998 e5e2d6 6d8a96", "f8f7f1 33454b",
        ),
        _palette(
            "twilight", "1d2650 3b4a86 7d6ea8 d59a9f f6c7a0", "6d6799 474a80 2b305f 151a3c",
            "ffe9c9", "ffb37a f2857d 9d8ad9 5f7fc4 ffd9a8", "f8f1f2 181d40",
        ),
        _palette(
            "mocha", "8a6248 b98f6c dcc0a0 f3e6d3", "b8906c 8a5f42 5b3a28 301c14",
            "fff4e0", "d98a4e c2b280 7d4a30 f0dcc0 5f7a6b", "fbf3e8 33201a",
        ),
        _palette(
            "jade", "0e3b36 2b7567 7dbfa3 d4ecd8", "6fae94 3c8270 1c594f 0b332f",
            "f6fbe8", "d9b44a 4fc3a1 e9f0d0 23796b 8fd3b6", "f4faf3 0b302c",
        ),
        _palette(
            "blossom", "9fc3dd c9d9e8 f5d9e2 fdeeee", "e5b5c6 b98aa8 7d6590 463c68",
            "fffaf5", "f48fb1 f8bbd0 ce93d8 ffe0b2 90caf9", "fff8f8 40335c",
        ),
        _palette(
            "ember", "16080c 43101a 93261b e0632a ffb14e", "8c2f22 581a1c 2f0d14 120509",
            "fff0c2", "ff7b2e ffc145 d92b1f 8a1c1c ffe29a", "fff3e2 220a0c",
        ),
        _palette(
            "silver", "5d6a78 8e9bab c4ccd6 eff2f5", "aab4c0 7c8896 4f5a68 252d38",
            "ffffff", "6fa3c8 c0c8d2 8a7fb0 e6ebf0 3e4a5a", "f8fafb 232b36",
        ),
        _palette(
            "mint", "3fa796 7fcdbb c1e8d8 f3fbf3", "93d3bd 55ab95 2d7a6c 124a45",
            "fffef0", "ff8a5b ffd56b 3fa796 e9f5db 1f6f78", "f6fdf8 0f3f3b",
        ),
    )
}  # fmt: skip


def from_colours(colours: tuple[Colour, ...]) -> Palette:
    """Palette around the colours named in the prompt, the main one first."""
    main, second = colours[0], colours[-1]
    # White, grey and black carry no hue: the other colours decide.
    deep = with_lightness(main, 0.2)
    pale = with_lightness(second, 0.93)
    accents = tuple(dict.fromkeys((*colours, with_lightness(second, 0.75), pale, deep)))
    if lightness(main) < 0.25:
        sky = (with_lightness(main, 0.1), with_lightness(main, 0.22), mix(main, second, 0.6))
    else:
        sky = (with_lightness(main, 0.5), with_lightness(main, 0.7), with_lightness(second, 0.9))
    layers = (
        with_lightness(second, 0.68),
        with_lightness(mix(main, second, 0.5), 0.48),
        with_lightness(main, 0.3),
        with_lightness(main, 0.16),
    )
    return Palette("named", sky, layers, with_lightness(second, 0.97), accents, pale, deep)


@dataclass(frozen=True, slots=True)
class Scene:
    """Parameters of one painted picture."""

    size: tuple[int, int]
    rng: random.Random
    palette: Palette
    hints: frozenset[str] = frozenset()
    # Side of the light: -1 left, 1 right.
    sun_side: int = 1
    # White where sprites are; styles keep them clear.
    focus: Image.Image | None = None

    def in_focus(self) -> Image.Image:
        """Mask of the sprites; empty without any."""
        return self.focus or Image.new("L", self.size, 0)

    @property
    def width(self) -> int:
        return self.size[0]

    @property
    def height(self) -> int:
        return self.size[1]

    @property
    def unit_px(self) -> float:
        """Hundredth of the shorter side, the unit of all lengths."""
        return min(self.size) / 100

    def has(self, *hints: str) -> bool:
        """True if the prompt has any of these hints."""
        return not self.hints.isdisjoint(hints)


def ridge(
    scene: Scene, base: float, height: float, roughness: float, step_px: int = 4
) -> list[tuple[float, float]]:
    """Skyline from edge to edge around `base`: a sum of ever smaller waves, in pixels."""
    waves: list[tuple[float, float, float]] = []
    length, size = scene.width * scene.rng.uniform(0.7, 1.3), height
    while length > step_px * 3:
        waves.append((2 * math.pi / length, scene.rng.uniform(0, 2 * math.pi), size))
        length *= scene.rng.uniform(0.42, 0.58)
        size *= roughness
    return [
        (float(x), base + sum(math.sin(x * turn + phase) * size for turn, phase, size in waves))
        for x in range(-step_px, scene.width + 2 * step_px, step_px)
    ]


def down_to_floor(scene: Scene, line: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Area below a skyline as a polygon."""
    floor = float(scene.height + 10)
    return [*line, (line[-1][0], floor), (line[0][0], floor)]
