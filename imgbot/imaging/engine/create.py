"""Create: a picture composed from the words, the same again for the same words and seed."""

import random
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from PIL import Image

from imgbot.imaging.engine.colours import Colour
from imgbot.imaging.engine.palettes import PALETTES, Palette, from_colours
from imgbot.imaging.engine.prompt_features import Wishes, read_wishes
from imgbot.imaging.engine.scene import Scene
from imgbot.imaging.engine.scenes import MOTIFS
from imgbot.imaging.engine.scenes.weather import add_weather
from imgbot.imaging.engine.sprites.composition import FIGURES_MAX, add_figures
from imgbot.imaging.engine.styles import MARGIN_UNITS, STYLES, choose_style
from imgbot.imaging.engine.typography import set_words, without_quotes, words_to_set

SIDE_PX = 1024
LONGER_SIDE_PX = 2048
RATIO_MAX = 3.0

_RATIO = re.compile(r"(?<![\d:])(\d{1,2})\s?[:xх]\s?(\d{1,2})(?![\d:])")
# A picture that is to be vertical, and not the lines in it.
_PICTURE = (
    r"(?:format|orientation|ratio|picture|image|photo|shot|poster|wallpaper|banner|(?:post)?card|"
    r"формат|ориентаци|картин|фото|изображени|снимок|кадр|плакат|постер|открытк|обо[ийе]|обложк|"
    r"афиш|лист\b)"
)


def _shape(word: str) -> str:
    """The word beside what names a picture, or by itself between stops."""
    return (
        rf"\b(?:{word})(?:\s+\w+)?\s+{_PICTURE}|\b{_PICTURE}\w*\s+(?:{word})(?!\w)|"
        rf"(?:^|[,;.\n])[^\S\n]*(?:{word})\s*(?=$|[,;.!\n])"
    )


_SHAPES = tuple((re.compile(pattern, re.IGNORECASE), shape) for pattern, shape in (
    (r"\b(квадрат|square)", (1, 1)),
    (_shape(r"вертикальн\w+|vertical(?:ly)?")
     + r"|\b(?:вертикально|vertically)\s*(?=$|[,;.!\n])|\bportrait"
       r"|\bпортретн\w+(?!\w)(?!\s+(?:мастер|худож|живопис|галере|зал|студи|с[ъь][её]м|"
       r"фотограф|скульпт|сходств|карандаш))", (3, 4)),
    (_shape(r"альбомн\w+|горизонтальн\w+|horizontal(?:ly)?|wide")
     + r"|\b(?:горизонтально|horizontally)\s*(?=$|[,;.!\n])|\blandscape (?:format|orientation)",
     (4, 3)),
    ((r"\b(широкоэкран|широкоформат|обо(?:и|ев|ями)\b|заставк|widescreen|wallpaper|desktop|"
     r"16 на 9)"), (16, 9)),
    ((r"\b(сториз|сторис|рилс|на телефон\b|phone wallpaper|9 на 16|"
     r"(?:insta(?:gram)?|telegram|for|in|as) (?:my )?(?:stories|reels?)\b|"
     r"(?:insta(?:gram)?|telegram) story\b|(?:story|stories|reels?) (?:format|size))|"
     r"(?:^|[,;.\n])[^\S\n]*(?:story|stories|reels?)\s*(?=$|[,;.!\n])"), (9, 16)),
    (r"\b(панорам|panoram|баннер|banner)", (2, 1)),
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Plan:
    """What is going to be painted, and the chance that is left for painting it."""

    motif: str
    palette: Palette
    style: str
    figures: tuple[str, ...]
    coats: Mapping[str, Colour]
    hints: frozenset[str]
    text: str
    rng: random.Random


def create_picture(words: str, seed: int, ratio: str = "") -> tuple[Image.Image, tuple[str, ...]]:
    """Paint the words, in `ratio` (as `16:9`) where it is given, else as they say.

    Also says what was made: the motif, the palette, the style, then the figures and `lettering`.
    """
    plan = plan_picture(words, seed)
    size = picture_size(words, ratio)
    scene = Scene(
        size, plan.rng, plan.palette, plan.hints, plan.rng.choice((-1, 1)), Image.new("L", size, 0)
    )
    canvas = MOTIFS[plan.motif](scene)
    canvas = add_figures(scene, canvas, plan.motif, plan.figures, plan.coats)
    canvas = STYLES[plan.style](scene, add_weather(scene, canvas))
    if plan.text:
        margin_px = MARGIN_UNITS.get(plan.style, 0) * scene.unit_px
        canvas = set_words(scene, canvas, plan.text, words, margin_px)
    lettering = ("lettering",) if plan.text else ()
    figures = dict.fromkeys(plan.figures)
    return canvas, (plan.motif, plan.palette.name, plan.style, *figures, *lettering)


def _emoji_in_words(words: str) -> str:
    """The names that Unicode gives the pictures among the words: a fox face, a wave."""
    emoji = [char for char in words[:200] if ord(char) > 0x2600]
    return " ".join(unicodedata.name(char, "").lower() for char in emoji)


def plan_picture(words: str, seed: int) -> Plan:
    """Decide everything that the words decide, and by chance what they leave open."""
    rng = random.Random(f"{seed} {' '.join(words.lower().split())}")  # noqa: S311 -- art, no secret
    text = words_to_set(words)
    spoken = f"{words} {_emoji_in_words(words)}"
    wishes = read_wishes(spoken)
    if text and not (wishes.motifs or wishes.palettes):
        wishes = read_wishes(without_quotes(words))
    motif = _choose(wishes.motifs, tuple(MOTIFS), rng)
    if motif == "waves" and "calm" in wishes.hints:
        motif = "lake"
    palette = _choose_palette(wishes, motif, rng)
    style = choose_style(wishes.styles, motif, rng)
    hints = wishes.hints | ({"sand"} if motif == "dunes" else set())
    return Plan(motif, palette, style, wishes.figures[:FIGURES_MAX], wishes.coats, hints, text, rng)


def picture_size(words: str, ratio: str = "") -> tuple[int, int]:
    """Width and height in pixels: the asked ratio, a square where none is asked for.

    The shorter side is 1024; beyond 2:1 the longer one is 2048. Ratios end at 3:1.
    """
    shape = 1.0
    for pattern, (across, up) in _SHAPES:
        if pattern.search(words):
            shape = across / up
    match = _RATIO.fullmatch(ratio) or _RATIO.search(words)
    if match and int(match[1]) and int(match[2]):
        shape = min(RATIO_MAX, max(1 / RATIO_MAX, int(match[1]) / int(match[2])))
    longer = max(shape, 1 / shape)
    shorter_px = min(SIDE_PX, LONGER_SIDE_PX / longer)
    sides = round(shorter_px / 8) * 8, round(shorter_px * longer / 8) * 8
    return (sides[1], sides[0]) if shape > 1 else sides


def _choose(wanted: Mapping[str, float], known: tuple[str, ...], rng: random.Random) -> str:
    if not wanted:
        return rng.choice(known)
    # What is nearly as much asked for may win, so that "again" shows something else.
    best = max(wanted.values())
    return rng.choice(sorted(name for name, weight in wanted.items() if weight >= best * 0.62))


# With no colour asked for, what each motif looks best in.
_NATURAL: Mapping[str, tuple[str, ...]] = {
    "hills": ("sunset", "dawn", "noon", "lavender", "autumn", "mint", "rose"),
    "mountains": ("winter", "dawn", "sunset", "noon", "lavender", "night"),
    "forest": ("forest", "autumn", "mint", "night", "dawn"),
    "dunes": ("desert", "sunset", "rose"),
    "lake": ("sunset", "dawn", "noon", "mint", "lavender", "night"),
    "waves": ("ocean", "tropical", "sunset", "mint"),
    "stars": ("night", "lavender", "aurora"),
    "aurora": ("aurora", "night"),
    "planet": ("night", "neon", "lavender", "gold"),
    "bokeh": ("night", "neon", "gold", "rose"),
    "city": ("sunset", "night", "neon", "lavender"),
    "garden": ("spring", "pastel", "sunset", "rose", "noon"),
    "leaves": ("tropical", "forest", "autumn", "mint"),
    "flow": ("sunset", "ocean", "mint", "pastel", "vintage", "tropical"),
    "marble": ("rose", "ocean", "gold", "mint", "lavender"),
    "geometric": ("vintage", "mint", "tropical", "pastel", "neon"),
    "washes": ("spring", "ocean", "sunset", "rose", "tropical"),
}


def _choose_palette(wishes: Wishes, motif: str, rng: random.Random) -> Palette:
    if wishes.colours:
        return from_colours(wishes.colours)
    natural = _NATURAL[motif]
    if wishes.figures:
        # A figure is seen best by day, where nobody asks for the night.
        natural = tuple(name for name in natural if not PALETTES[name].is_dark) or natural
    return PALETTES[_choose(wishes.palettes, natural, rng)]
