"""Backdrop: what is behind the subject of a photo becomes a colour, a painted scene, or a blur."""

from dataclasses import replace
from typing import NamedTuple

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps

from imgbot.domain.moving import UNMOVED, Move
from imgbot.painter.engine.background import cut_subject
from imgbot.painter.engine.colours import Colour
from imgbot.painter.engine.compose import Composition
from imgbot.painter.engine.create import composition_of, paint
from imgbot.painter.engine.create_report import report
from imgbot.painter.engine.drawing import paint_spread, rescale, unit_px
from imgbot.painter.engine.filters import around_middle, blur_edges
from imgbot.painter.engine.tables import phrase_lists, table
from imgbot.painter.engine.understand import understand_prompt

# Keys of results: the outline is a guess, or there is no subject to keep.
GUESSED, MISSING = "subject_guessed", "subject_missing"

_DOUBT = ((GUESSED,), ())
_PLACES = tuple(
    (phrase_lists("edit").compiled(form), words) for form, words in table("edit")["places"].items()
)
_SOLID = 128
# Share of the height, from the top, at which feet stand.
GROUND_LINE = 0.93
SHADOW = (12, 12, 18)


class Backdrop(NamedTuple):
    """Picture, keys of what was done, and words that the scene does not show."""

    image: Image.Image
    applied: tuple[str, ...]
    undrawn: tuple[str, ...] = ()


def names_scene(words: str) -> bool:
    """True if the words name a place or a mood that can be painted."""
    return bool(understand_prompt(_painted_words(words)).scenes)


def on_colour(image: Image.Image, colour: Colour, name: str) -> Backdrop:
    """Subject of a photo (RGB) on a plain colour."""
    return _placed(image, Image.new("RGB", image.size, colour), f"backdrop|{name}")


def in_scene(image: Image.Image, words: str, move: Move = UNMOVED) -> Backdrop:
    """Subject of a photo (RGB) in a scene that is painted from words."""
    words = _painted_words(words)
    composition = _scene_of(words)
    # Limits of a painted scene, which takes 2 s at the largest size, and is behind the subject.
    share = min(1280, max(256, *image.size)) / max(image.size)
    shorter_px = max(image.size) * share / 3.0
    width, height = (round(max(side * share, shorter_px)) for side in image.size)
    painted = ImageOps.fit(paint(composition, words, 0, (width, height)).image, image.size)
    result = _placed(image, painted, f"scenery|{composition.scene}", move)
    return result._replace(undrawn=report(composition).undrawn)


def _painted_words(words: str) -> str:
    return next((painted for form, painted in _PLACES if form.fullmatch(words)), words)


def _scene_of(words: str) -> Composition:
    """Scene without figures, by day unless the words say otherwise: the subject was lit then."""
    found = [composition_of(words, seed) for seed in range(6)]
    chosen = next((each for each in found if not each.palette.is_dark), found[0])
    style = chosen.style if chosen.request.styles else "plain"
    return replace(chosen, placed=(), relations=frozenset(), style=style)


def blur_behind(image: Image.Image, degree: float) -> Backdrop:
    """Photo (RGB) with all but its subject out of focus, or all but the middle without one."""
    cut, is_certain = cut_subject(image)
    sharp = cut.getchannel("A")
    if sharp.getextrema() == (255, 255):
        return Backdrop(blur_edges(image, degree), ("blur_edges",))
    if not is_certain:
        # What the guess has missed is probably in the middle.
        sharp = ImageChops.lighter(sharp, ImageChops.invert(around_middle(image.size)))
    radius_px = max(1.0, unit_px(image) * 1.5 * degree)
    ground = image.copy()
    paint_spread(ground, image, ImageChops.invert(sharp), radius_px)
    subject = cut.convert("RGB") if is_certain else image
    applied = ("blur_background", *_DOUBT[is_certain])
    return Backdrop(Image.composite(subject, ground, sharp), applied)


def _placed(
    image: Image.Image, ground: Image.Image, key: str, move: Move | None = None
) -> Backdrop:
    """Subject in front of a ground of the same size, with a contact shadow if it stands.

    With a `move`, a subject that stands is first moved down to the ground.
    """
    cut, is_certain = cut_subject(image)
    alpha = cut.getchannel("A")
    box = alpha.point([255 * (value >= _SOLID) for value in range(256)]).getbbox()
    if alpha.getextrema() == (255, 255) or box is None:
        return Backdrop(image, (MISSING,))
    is_standing, bottom = not is_cut_off(alpha, box), box[3]
    if is_standing and move:
        lowest = max(bottom, round(image.height * GROUND_LINE))
        bottom = min(image.height, lowest + round(move.down * image.height))
    size, right, _ = move or UNMOVED
    size = min(size, bottom / (box[3] - box[1]), image.width / (box[2] - box[0]))
    cut = cut if size == 1 else rescale(cut, size)
    left, top, end, foot = (round(side * size) for side in box)
    across = round((box[0] + box[2]) / 2 + right * image.width - (left + end) / 2)
    place = min(max(across, -left), image.width - end), bottom - foot
    if is_standing:
        standing = cut.getchannel("A").crop((0, 0, cut.width, foot))
        cast_contact_shadow(ground, standing, place, max(end - left, foot - top))
    ground.paste(cut, place, cut)
    return Backdrop(ground, (key, *_DOUBT[is_certain]))


def is_cut_off(alpha: Image.Image, box: tuple[int, int, int, int]) -> bool:
    """True if the lower edge of the picture cuts its subject off; `box` is around the subject."""
    bottom = alpha.crop((0, alpha.height - 1, alpha.width, alpha.height))
    return sum(bottom.histogram()[_SOLID:]) > 0.12 * (box[2] - box[0])


def cast_contact_shadow(
    canvas: Image.Image, alpha: Image.Image, place: tuple[int, int], side_px: int
) -> None:
    """Draw a flat shadow under the part of a cut-out of that size that touches the ground."""
    unit = side_px / 100
    height, pad = max(2, round(unit * 5)), round(unit * 6)
    feet = alpha.crop((0, max(0, alpha.height - height), alpha.width, alpha.height))
    box = feet.point([0 if value < _SOLID else 255 for value in range(256)]).getbbox()
    if box is None:
        return
    width = box[2] - box[0]
    pool = Image.new("L", (width + 2 * pad, height + 2 * pad), 0)
    ImageDraw.Draw(pool).ellipse((pad, pad, pad + width, pad + height), fill=150)
    soft = pool.filter(ImageFilter.GaussianBlur(unit * 1.6))
    top = place[1] + alpha.height - round(height * 0.6) - pad
    canvas.paste(SHADOW, (place[0] + box[0] - pad, top), soft)
