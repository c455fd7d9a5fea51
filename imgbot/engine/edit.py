"""Edit: applies the changes that a prompt asks for, in their order."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from PIL import Image, ImageOps

from imgbot.domain.errors import UserError
from imgbot.domain.lettering import Lettering, read_lettering
from imgbot.engine import effects, filters, geometry, photo_styles, retouch, tones
from imgbot.engine.backdrop import Backdrop, blur_behind, in_scene, on_colour
from imgbot.engine.blemishes import remove_dust, remove_red_eyes, remove_scratches
from imgbot.engine.colours import NAMED_COLOURS, Colour, parse_hex
from imgbot.engine.edit_request import EditStep, parse_edit_request
from imgbot.engine.lettering import letter
from imgbot.engine.vocabulary import MUCH, SLIGHT, find_suggestions, popular_words

STEPS_MAX = 12
QUOTE_MAX = 120
DEGREE_MIN, DEGREE_MAX = 0.1, 3.0
# Defaults: degrees of "a bit to the left", and shares that a crop without a number removes.
TILT_DEGREES = 5
SIDE_SHARE, EDGE_SHARE = 0.15, 0.1
SMALLER_SHARE = 0.5

_SEPIA = parse_hex("a1774a")
_WHITE, _BLACK = (255, 255, 255), (17, 17, 17)

_Change = Callable[[Image.Image, float], Image.Image]
_ValueChange = Callable[[Image.Image, EditStep], Image.Image | None]


class EditResult(NamedTuple):
    """Picture, keys of the applied changes, unrecognised words, and suggestions for them."""

    image: Image.Image
    applied: tuple[str, ...]
    unrecognised: tuple[str, ...] = ()
    suggestions: tuple[str, ...] = ()


# Changes with a degree.
_BY_DEGREE: Mapping[str, _Change] = {
    "brighter": tones.brighten,
    "darker": lambda image, degree: tones.brighten(image, -degree),
    "contrast": tones.add_contrast,
    "flatter": lambda image, degree: tones.add_contrast(image, -degree),
    "shadows": tones.lift_shadows,
    "highlights": tones.lower_highlights,
    "glow": effects.glow,
    "vignette": effects.vignette,
    "dehaze": tones.dehaze,
    "night": filters.night,
    "golden_hour": filters.golden_hour,
    "warmer": tones.warm,
    "cooler": lambda image, degree: tones.warm(image, -degree),
    "saturate": tones.saturate,
    "desaturate": lambda image, degree: tones.saturate(image, -degree),
    "pop": filters.pop,
    "depth": filters.depth,
    "vintage": effects.vintage,
    "film": filters.film,
    "faded": filters.faded,
    "cinematic": filters.cinematic,
    "noir": filters.noir,
    "grain": effects.grain,
    "pixelate": effects.pixelate,
    "posterize": effects.posterize,
    "outline": effects.outline,
    "sketch": effects.sketch,
    "cartoon": effects.cartoon,
    "oil": filters.oil,
    "watercolour": filters.watercolour,
    "halftone": effects.halftone,
    "glitch": filters.glitch,
    "miniature": effects.miniature,
    "blur": effects.blur,
    "blur_edges": filters.blur_edges,
    "soften": effects.soften,
    "sharpen": effects.sharpen,
    "zoom": geometry.zoom,
    "frame": lambda image, degree: geometry.frame(image, degree, _WHITE),
    "round_corners": geometry.round_corners,
    "auto": lambda image, degree: retouch.improve(image, min(1.0, 0.7 * degree)),
    "denoise": lambda image, degree: retouch.denoise(image, strength=degree),
}

# Changes without a degree.
_WITHOUT_DEGREE: Mapping[str, retouch.Repair] = {
    "black_white": tones.black_white,
    "sepia": lambda image: tones.toned(image, _SEPIA),
    "duotone": lambda image: tones.duotone(image, parse_hex("24145c"), parse_hex("ffcf8f")),
    "invert": ImageOps.invert,
    "solarize": lambda image: effects.solarize(image, 1),
    "emboss": lambda image: effects.emboss(image, 1),
    "pop_art": lambda image: filters.pop_art(image, 1),
    "upside_down": lambda image: geometry.rotate(image, 180),
    "mirror": ImageOps.mirror,
    "flip": ImageOps.flip,
    "square": lambda image: geometry.crop_ratio(image, 1.0),
    "polaroid": lambda image: geometry.polaroid(image, 1),
    "circle": geometry.circle,
    "white_balance": tones.correct_white_balance,
    "red_eye": remove_red_eyes,
    "scratches": remove_scratches,
    "dust": remove_dust,
}


def _crop(image: Image.Image, step: EditStep) -> Image.Image | None:
    ratio = geometry.ratio_of(step.value)
    return geometry.crop_ratio(image, ratio) if ratio else None


def _fit(image: Image.Image, step: EditStep) -> Image.Image | None:
    ratio = geometry.ratio_of(step.value)
    return geometry.fit_ratio(image, ratio) if ratio else None


def _share(step: EditStep, normal: float) -> float:
    return step.percent / 100 if step.percent else normal * step.degree


def _frame(image: Image.Image, step: EditStep) -> Image.Image:
    return geometry.frame(image, _degree(step), _colour(step))


def _colour(step: EditStep) -> Colour:
    return _BLACK if step.value == "black" else NAMED_COLOURS[step.value]


def _shrink(image: Image.Image, step: EditStep) -> Image.Image | None:
    """Picture reduced by a share, or to so many pixels; None if it is that small already."""
    if not step.value:
        return geometry.resize(image, 1 - min(0.9, _share(step, SMALLER_SHARE)))
    share = max(1, int(step.value)) / max(image.size)
    return geometry.resize(image, share) if share < 1 else None


# Changes with a value from the prompt.
_BY_VALUE: Mapping[str, _ValueChange] = {
    "rotate_left": lambda image, _: geometry.rotate(image, 270),
    "rotate_right": lambda image, _: geometry.rotate(image, 90),
    "rotate": lambda image, step: geometry.rotate(image, float(step.value)),
    "crop_ratio": _crop,
    "fit_ratio": _fit,
    "crop_side": lambda image, step: geometry.crop_side(
        image, step.value, _share(step, SIDE_SHARE)
    ),
    "crop_edges": lambda image, step: geometry.crop_edges(image, _share(step, EDGE_SHARE)),
    "smaller": _shrink,
    "tint": lambda image, step: tones.toned(image, NAMED_COLOURS[step.value]),
    "more_colour": lambda image, step: tones.shift_colour(
        image, NAMED_COLOURS[step.value], _degree(step)
    ),
    "less_colour": lambda image, step: tones.shift_colour(
        image, NAMED_COLOURS[step.value], -_degree(step)
    ),
    "colour_frame": _frame,
    "photo_style": lambda image, step: photo_styles.paint(image, step.value, _degree(step)),
}

# Changes of what is behind the subject.
_BEHIND: Mapping[str, Callable[[Image.Image, EditStep], Backdrop]] = {
    "backdrop": lambda image, step: on_colour(image, _colour(step), step.value),
    "scenery": lambda image, step: in_scene(image, step.value),
    "blur_background": lambda image, step: blur_behind(image, _degree(step)),
}

LETTERED = "lettering"
APPLIED_KEYS = (*_BY_DEGREE, *_WITHOUT_DEGREE, *_BY_VALUE, *_BEHIND, LETTERED)
# Key of a result without any change.
UNCHANGED = "unchanged"


def edit_picture(image: Image.Image, prompt: str) -> EditResult:
    """Apply the prompt's changes to the picture (RGB); `applied` has `key`, `key|slightly` or so.

    UserError edit_words_unknown (words, nearest) if no word is recognised.
    """
    lettering = _lettering(prompt)
    steps, unrecognised = parse_edit_request(lettering.rest if lettering else prompt)
    if not (steps or lettering):
        quote = " ".join(prompt.split())[:QUOTE_MAX]
        nearest = find_suggestions(unrecognised) or popular_words(prompt)
        raise UserError("edit_words_unknown", words=quote, nearest=", ".join(nearest))
    applied: list[str] = []
    for step in map(_as_tilt, steps[:STEPS_MAX]):
        if step.key in _BEHIND:
            image, done, undrawn = _BEHIND[step.key](image, step)
            applied += done
            unrecognised += undrawn
            continue
        changed = _apply(image, step)
        if changed is not None:
            image = changed
            applied.append(_describe(step))
    if lettering:
        image, left_out = letter(image, lettering)
        applied.append(LETTERED)
        unrecognised = (*unrecognised, *left_out)
    return EditResult(
        image,
        tuple(dict.fromkeys(applied)) or (UNCHANGED,),
        unrecognised,
        find_suggestions(unrecognised),
    )


def _lettering(prompt: str) -> Lettering | None:
    """Words that the picture is to bear; none if they are a change in quotation marks."""
    found = read_lettering(prompt)
    if found and not found.is_asked:
        steps, unrecognised = parse_edit_request(prompt)
        return None if steps and not unrecognised else found
    return found


def _as_tilt(step: EditStep) -> EditStep:
    """Step with a quarter turn by "a bit" replaced by a tilt."""
    if step.degree < 1 and step.key in ("rotate_left", "rotate_right"):
        sign = "-" if step.key == "rotate_left" else ""
        return EditStep("rotate", 1.0, f"{sign}{TILT_DEGREES}")
    return step


def _apply(image: Image.Image, step: EditStep) -> Image.Image | None:
    """Changed picture; None if there was nothing to change."""
    if step.key in _BY_DEGREE:
        return _BY_DEGREE[step.key](image, _degree(step))
    if step.key in _WITHOUT_DEGREE:
        return _WITHOUT_DEGREE[step.key](image)
    return _BY_VALUE[step.key](image, step)


def _degree(step: EditStep) -> float:
    return min(DEGREE_MAX, max(DEGREE_MIN, step.degree))


def _describe(step: EditStep) -> str:
    if step.value and step.key != "smaller":
        return f"{step.key}|{step.value}"
    if step.key in _BY_DEGREE and step.degree <= (SLIGHT + 1) / 2:
        return f"{step.key}|slightly"
    if step.key in _BY_DEGREE and step.degree >= (MUCH + 1) / 2:
        return f"{step.key}|much"
    return step.key
