"""Edit: the changes that a sentence asks for, in its order."""

from collections.abc import Callable, Mapping

from PIL import Image, ImageOps

from imgbot.errors import UserError
from imgbot.imaging.engine import effects, retouch, tones
from imgbot.imaging.engine.colours import parse_hex
from imgbot.imaging.engine.sentences import Step, read_steps
from imgbot.imaging.engine.subjects import COLOURS, colour_stem

STEPS_MAX = 12
RATIO_MAX = 20.0
QUOTE_MAX = 120

_SEPIA = parse_hex("a1774a")

_Change = Callable[[Image.Image, float], Image.Image]

_CHANGES: Mapping[str, _Change] = {
    "brighter": tones.brighten,
    "darker": lambda image, degree: tones.brighten(image, -degree),
    "contrast": tones.add_contrast,
    "flatter": lambda image, degree: tones.add_contrast(image, -degree),
    "warmer": tones.warm,
    "cooler": lambda image, degree: tones.warm(image, -degree),
    "saturate": tones.saturate,
    "desaturate": lambda image, degree: tones.saturate(image, -degree),
    "black_white": lambda image, _: tones.black_white(image),
    "sepia": lambda image, _: tones.toned(image, _SEPIA),
    "vintage": effects.vintage,
    "blur": effects.blur,
    "sharpen": effects.sharpen,
    "soften": effects.soften,
    "glow": effects.glow,
    "invert": lambda image, _: ImageOps.invert(image),
    "rotate_left": lambda image, _: effects.rotate(image, 270),
    "rotate_right": lambda image, _: effects.rotate(image, 90),
    "upside_down": lambda image, _: effects.rotate(image, 180),
    "mirror": lambda image, _: ImageOps.mirror(image),
    "flip": lambda image, _: ImageOps.flip(image),
    "square": lambda image, _: effects.crop_ratio(image, 1.0),
    "zoom": effects.zoom,
    "vignette": effects.vignette,
    "frame": lambda image, degree: effects.frame(image, degree, "#ffffff"),
    "black_frame": lambda image, degree: effects.frame(image, degree, "#111111"),
    "polaroid": effects.polaroid,
    "round_corners": effects.round_corners,
    "grain": effects.grain,
    "pixelate": effects.pixelate,
    "posterize": effects.posterize,
    "solarize": effects.solarize,
    "outline": effects.outline,
    "sketch": effects.sketch,
    "emboss": effects.emboss,
    "cartoon": effects.cartoon,
    "oil": effects.oil,
    "halftone": effects.halftone,
    "duotone": lambda image, _: tones.duotone(image, parse_hex("24145c"), parse_hex("ffcf8f")),
    "miniature": effects.miniature,
    "auto": lambda image, degree: retouch.improve(image, min(1.0, 0.7 * degree)),
    "shadows": tones.lift_shadows,
    "highlights": tones.lower_highlights,
    "dehaze": tones.dehaze,
    "denoise": lambda image, degree: retouch.denoise(image, strength=degree),
}


def edit_picture(
    image: Image.Image, words: str
) -> tuple[Image.Image, tuple[str, ...], tuple[str, ...]]:
    """The changed picture, the keys of what was done, the words that were not understood.

    UserError edit_words_unknown if that is all of them.
    """
    steps, unknown = read_steps(words)
    if not steps:
        raise UserError("edit_words_unknown", words=" ".join(words.split())[:QUOTE_MAX])
    for step in steps[:STEPS_MAX]:
        image = _carry_out(image, step)
    return image, tuple(dict.fromkeys(step.key for step in steps[:STEPS_MAX])), unknown


def _carry_out(image: Image.Image, step: Step) -> Image.Image:
    degree = min(3.0, max(0.1, step.degree))
    if step.key == "rotate":
        return effects.rotate(image, float(step.value))
    if step.key == "crop_ratio":
        return _crop(image, step.value)
    if step.key == "tint":
        stem = colour_stem(step.value)
        return tones.toned(image, COLOURS[stem]) if stem else image
    return _CHANGES[step.key](image, degree)


def _crop(image: Image.Image, ratio: str) -> Image.Image:
    width, height = (int(part) for part in ratio.split(":"))
    if not width or not height:
        return image
    return effects.crop_ratio(image, min(RATIO_MAX, max(1 / RATIO_MAX, width / height)))
