"""Edit: applies the changes that a prompt asks for, in their order."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import ModuleType
from typing import Any, NamedTuple

from PIL import Image, ImageOps

from imgbot.domain.errors import UserError
from imgbot.domain.lettering import Lettering, read_lettering
from imgbot.domain.moving import UNMOVED, Move
from imgbot.domain.ratios import value_of
from imgbot.painter.engine import (
    drawing,
    effects,
    filters,
    geometry,
    photo_styles,
    restoration,
    retouch,
    tones,
)
from imgbot.painter.engine.backdrop import Backdrop, blur_behind, in_scene, on_colour
from imgbot.painter.engine.blemishes import remove_red_eyes
from imgbot.painter.engine.colours import NAMED_COLOURS, Colour, parse_hex
from imgbot.painter.engine.damage import remove_damage
from imgbot.painter.engine.edit_request import (
    EditStep,
    names_crop,
    parse_edit_request,
    place_named,
)
from imgbot.painter.engine.lettering import letter
from imgbot.painter.engine.recolouring import find_thing, recolour
from imgbot.painter.engine.segmentation import CERTAIN, find_subject
from imgbot.painter.engine.vocabulary import MUCH, SLIGHT, find_suggestions, popular_words

_STEPS_MAX = 12
QUOTE_MAX = 120

_ValueChange = Callable[[Image.Image, EditStep], Image.Image | None]


class EditResult(NamedTuple):
    """Picture, keys of the applied changes, unrecognised words, and suggestions for them."""

    image: Image.Image
    applied: tuple[str, ...]
    unrecognised: tuple[str, ...] = ()
    suggestions: tuple[str, ...] = ()
    bare: Image.Image | None = None
    """The picture without the words on it, where the source is another."""


def _named(module: ModuleType, names: str) -> dict[str, Any]:
    return {name: getattr(module, name) for name in names.split()}


# Changes with a degree; most are functions of the same name.
_BY_DEGREE: dict[str, Callable[[Image.Image, float], Image.Image]] = {
    **_named(effects, "glow vignette vintage grain pixelate posterize sketch cartoon"),
    "outline": lambda image, degree: effects.lines(image, degree).convert("RGB"),
    **_named(effects, "halftone miniature blur soften sharpen"),
    **_named(filters, "night golden_hour pop depth film faded cinematic noir watercolour glitch"),
    **_named(filters, "blur_edges oil"),
    **_named(tones, "dehaze saturate"),
    **_named(geometry, "zoom round_corners"),
    "brighter": tones.brighten,
    "contrast": tones.add_contrast,
    "shadows": tones.lift_shadows,
    "highlights": tones.lower_highlights,
    "warmer": tones.warm,
    "frame": lambda image, degree: geometry.frame(image, degree, (255, 255, 255)),
    "auto": lambda image, degree: Image.blend(
        image, retouch.retouch_picture(image)[0], min(1.0, 0.7 * degree)
    ),
    "denoise": lambda image, degree: restoration.denoise(image, strength=degree),
    "restore": lambda image, degree: retouch.retouch_picture(image, degree)[0],
}


def _opposite(key: str) -> Callable[[Image.Image, float], Image.Image]:
    return lambda image, degree: _BY_DEGREE[key](image, -degree)


_BY_DEGREE |= {
    "darker": _opposite("brighter"),
    "flatter": _opposite("contrast"),
    "cooler": _opposite("warmer"),
    "desaturate": _opposite("saturate"),
}

# Changes without a degree.
_WITHOUT_DEGREE: Mapping[str, retouch.Repair] = {
    "emboss": effects.emboss,
    "solarize": lambda image: ImageOps.solarize(image, 140),
    **_named(filters, "pop_art"),
    **_named(geometry, "circle polaroid"),
    **_named(tones, "black_white"),
    **_named(ImageOps, "invert mirror flip"),
    "sepia": lambda image: tones.toned(image, parse_hex("a1774a")),
    "duotone": lambda image: tones.duotone(image, parse_hex("24145c"), parse_hex("ffcf8f")),
    "upside_down": lambda image: geometry.rotate(image, 180),
    "rotate_left": lambda image: geometry.rotate(image, 270),
    "rotate_right": lambda image: geometry.rotate(image, 90),
    "square": lambda image: geometry.crop_ratio(image, 1.0),
    "white_balance": tones.correct_white_balance,
    "red_eye": remove_red_eyes,
}


def _to_ratio(change: Callable[[Image.Image, float], Image.Image]) -> _ValueChange:
    def changed(image: Image.Image, step: EditStep) -> Image.Image | None:
        ratio = value_of(step.value, geometry.RATIO_MAX)
        return change(image, ratio) if ratio else None

    return changed


def _share(step: EditStep, normal: float) -> float:
    """Share to remove: what the prompt says, or `normal` where it names no number."""
    return step.percent / 100 if step.percent else normal * step.degree


def _recoloured(image: Image.Image, step: EditStep) -> Image.Image | None:
    mask = find_thing(image, step.thing)
    return recolour(image, mask, _colour(step)) if mask else None


def _colour(step: EditStep) -> Colour:
    return (17, 17, 17) if step.value == "black" else NAMED_COLOURS[step.value]


def _shift(image: Image.Image, step: EditStep, sign: int) -> Image.Image:
    return tones.shift_colour(image, NAMED_COLOURS[step.value], sign * _degree(step))


def _shrink(image: Image.Image, step: EditStep) -> Image.Image | None:
    """Picture reduced by a share, or to so many pixels; None if it is that small already."""
    if not step.value:
        return drawing.rescale(image, 1 - min(0.9, _share(step, 0.5)))
    share = max(1, int(step.value)) / max(image.size)
    return drawing.rescale(image, share) if share < 1 else None


# Changes with a value from the prompt.
_BY_VALUE: Mapping[str, _ValueChange] = {
    "rotate": lambda image, step: geometry.rotate(image, float(step.value)),
    "crop_ratio": _to_ratio(geometry.crop_ratio),
    "fit_ratio": _to_ratio(geometry.fit_ratio),
    "crop_side": lambda image, step: geometry.crop_side(image, step.value, _share(step, 0.15)),
    "crop_edges": lambda image, step: geometry.crop_edges(image, _share(step, 0.1)),
    "smaller": _shrink,
    "tint": lambda image, step: tones.toned(image, NAMED_COLOURS[step.value]),
    "more_colour": lambda image, step: _shift(image, step, 1),
    "less_colour": lambda image, step: _shift(image, step, -1),
    "colour_frame": lambda image, step: geometry.frame(image, _degree(step), _colour(step)),
    "recolour": _recoloured,
    **dict.fromkeys(("scratches", "dust"), lambda image, step: remove_damage(image, _degree(step))),
    "photo_style": lambda image, step: photo_styles.paint(image, step.value, _degree(step)),
}

# Changes of what is behind the subject.
_BEHIND: Mapping[str, Callable[[Image.Image, EditStep], Backdrop]] = {
    "backdrop": lambda image, step: on_colour(image, _colour(step), step.value),
    "scenery": lambda image, step: in_scene(image, step.value, step.move),
    "blur_background": lambda image, step: blur_behind(image, _degree(step)),
}

_DAMAGE = frozenset({"restore", "scratches", "dust"})
_SHAPES, _ORIENTATIONS = ("square", "crop_ratio"), ("3:4", "4:3")
LETTERED, UNLETTERED = "lettering", "unlettered"
APPLIED_KEYS = (*_BY_DEGREE, *_WITHOUT_DEGREE, *_BY_VALUE, *_BEHIND, LETTERED, UNLETTERED)
# Key of a result without any change.
UNCHANGED = "unchanged"


def edit_picture(
    image: Image.Image, prompt: str, *, is_drawn: bool = False, move: Move = UNMOVED
) -> EditResult:
    """Apply the prompt's changes to the picture (RGB); `applied` has `key`, `key|slightly` or so.

    The things of a picture that `is_drawn` are left as they are: it is drawn anew from other words.
    UserError edit_words_unknown (words, nearest) if no word is recognised, letters_unknown,
    place_unknown (place), thing_not_found (thing), or those of `_check_shape`.
    """
    lettering = _lettering(prompt)
    steps, unrecognised = _read(prompt, lettering, is_drawn=is_drawn)
    _check_shape(image, prompt, steps)
    applied: list[str] = []
    for step in map(_as_tilt, steps[:_STEPS_MAX]):
        image, done, undone = _change(image, replace(step, move=move))
        applied += done
        unrecognised += undone
    if unrecognised and not (applied or lettering) and (thing := steps[0].thing):
        raise UserError("thing_not_found", thing=thing)
    if lettering is None:
        done = tuple(dict.fromkeys(applied)) or (UNCHANGED,)
        return EditResult(image, done, unrecognised, find_suggestions(unrecognised))
    bare, left_out = image if applied else None, ()
    if lettering.parts:
        image, left_out = letter(image, lettering)
    unrecognised = (*unrecognised, *left_out)
    done = (*dict.fromkeys(applied), LETTERED if lettering.parts else UNLETTERED)
    return EditResult(image, done, unrecognised, find_suggestions(unrecognised), bare)


def damage_degree(prompt: str) -> float:
    """Degree to which a prompt calls a photo damaged: 0 if it does not."""
    steps, _ = parse_edit_request(prompt)
    return max((_degree(each) for each in steps if each.key in _DAMAGE), default=0.0)


def _one_shape(steps: Sequence[EditStep]) -> tuple[EditStep, ...]:
    """Changes with one crop to a shape at most: "vertical, for a story" is 9:16."""
    shapes = [step for step in steps if step.key in _SHAPES]
    told = [step for step in shapes if step.value not in _ORIENTATIONS] or shapes
    crops = {*_SHAPES, "crop_edges"} if shapes else set()
    return tuple(step for step in steps if step.key not in crops or step is told[-1])


def _check_shape(image: Image.Image, prompt: str, steps: Sequence[EditStep]) -> None:
    """Raise UserError for a shape alone that it has, or that would cut off what it shows unasked.

    These are shape_same, and shape_cuts (shape); who says "crop" is not asked.
    """
    if not steps or any(step.key not in _SHAPES for step in steps) or names_crop(prompt):
        return
    shape = steps[0].value or "1:1"
    ratio, own = value_of(shape, geometry.RATIO_MAX), image.width / image.height
    if ratio and (abs(own / ratio - 1) < 0.01 or _is_oriented(own, shape, prompt)):
        raise UserError("shape_same")
    if ratio and _cuts_off(image, ratio):
        raise UserError("shape_cuts", shape=shape)


def _is_oriented(own: float, shape: str, prompt: str) -> bool:
    """Return true for "vertical" where it is so already, whatever the exact ratio is."""
    is_asked = shape in _ORIENTATIONS and not any(map(str.isdigit, prompt))
    return is_asked and (own < 1 if shape == _ORIENTATIONS[0] else own > 1)


def _cuts_off(image: Image.Image, ratio: float) -> bool:
    """Return true if a crop takes a part of the subject, or most of a photo without one."""
    mask, confidence = find_subject(image)
    part = mask.crop(geometry.crop_box(mask.size, ratio))
    whole = drawing.share_of(mask)
    kept = drawing.share_of(part) * part.width * part.height / (mask.width * mask.height)
    own = image.width / image.height
    is_clear = confidence >= CERTAIN and whole > 0
    return kept < 0.95 * whole if is_clear else min(own / ratio, ratio / own) < 0.5


def _read(
    prompt: str, lettering: Lettering | None, *, is_drawn: bool
) -> tuple[tuple[EditStep, ...], tuple[str, ...]]:
    """Changes that are asked for, and the words that are not recognised."""
    steps, unrecognised = parse_edit_request(lettering.rest if lettering else prompt)
    steps = _one_shape(steps)
    if is_drawn:
        unrecognised += tuple(step.thing for step in steps if step.thing)
        steps = tuple(step for step in steps if not step.thing)
    if not (steps or lettering):
        if place := None if is_drawn else place_named(prompt):
            raise UserError("place_unknown", place=place)
        quote = " ".join(prompt.split())[:QUOTE_MAX]
        nearest = find_suggestions(unrecognised) or popular_words(prompt)
        raise UserError("edit_words_unknown", words=quote, nearest=", ".join(nearest))
    return steps, unrecognised


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
        degrees = 5
        return EditStep("rotate", 1.0, f"{sign}{degrees}")
    return step


def _change(image: Image.Image, step: EditStep) -> Backdrop:
    """Changed picture, or the same one if there was nothing to change."""
    if step.key in _BEHIND:
        return _BEHIND[step.key](image, step)
    if step.key in _BY_DEGREE:
        changed = _BY_DEGREE[step.key](image, _degree(step))
    elif step.key in _WITHOUT_DEGREE:
        changed = _WITHOUT_DEGREE[step.key](image)
    else:
        changed = _BY_VALUE[step.key](image, step)
    if changed is None:
        return Backdrop(image, (), (step.thing,) if step.thing else ())
    return Backdrop(changed, (_describe(step),))


def _degree(step: EditStep) -> float:
    return min(3.0, max(0.1, step.degree))


def _describe(step: EditStep) -> str:
    if step.value and step.key != "smaller":
        return f"{step.key}|{step.value}"
    is_measured = step.key in _BY_DEGREE
    if is_measured and step.degree <= (SLIGHT + 1) / 2:
        return f"{step.key}|slightly"
    return f"{step.key}|much" if is_measured and step.degree >= (MUCH + 1) / 2 else step.key
