"""Merge: several photos in one picture, as a collage, an overlay or a cut-out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache

from PIL import Image, ImageChops, ImageFilter, ImageOps

from imgbot.domain.errors import UserError
from imgbot.domain.lettering import read_lettering
from imgbot.domain.moving import UNMOVED, Move
from imgbot.painter.engine import collages, drawing, geometry, photo_styles
from imgbot.painter.engine.backdrop import GROUND_LINE, SHADOW, cast_contact_shadow, is_cut_off
from imgbot.painter.engine.background import cut_subject
from imgbot.painter.engine.edit import LETTERED, EditResult
from imgbot.painter.engine.lettering import letter
from imgbot.painter.engine.merge_request import MergeRequest, parse_merge_request
from imgbot.painter.pictures import flattened

# Share of the picture's side for what is put into its corner.
_CORNER_SHARE = 0.36
_ACROSS = {"left": 0.27, "centre": 0.5, "right": 0.73}


@dataclass(frozen=True, slots=True)
class CutOut:
    """Subject (RGBA, without empty margin), and if its picture cuts it off at the bottom."""

    image: Image.Image
    is_cut_off: bool


def cut_out(image: Image.Image) -> CutOut | None:
    """Subject of a picture (RGB or RGBA); None if it has no clear one."""
    if image.mode != "RGBA":
        image, is_clear = cut_subject(image)
        if not is_clear:
            return None
    alpha = image.getchannel("A")
    share = sum(alpha.histogram()[128:]) / (alpha.width * alpha.height)
    # Limits of the subject's share of the picture.
    if not 0.002 <= share <= 0.98:
        return None
    box = alpha.point([0 if value < 5 else 255 for value in range(256)]).getbbox()
    if box is None:
        return None
    return CutOut(image.crop(box), is_cut_off(alpha, box))


def place_cutout(
    ground: Image.Image, subject: CutOut, request: MergeRequest, across: float
) -> Image.Image:
    """Ground (RGB) with the subject; `across` (0 to 1) is where, if the request does not tell."""
    is_corner = "_" in request.position
    width_share_max, height_share_max = 0.8, 0.92
    share = (_CORNER_SHARE if is_corner else 0.55) * request.size * request.move.size
    across_max = ground.width * width_share_max / subject.image.width
    height_max = ground.height * min(height_share_max, share) / subject.image.height
    cutout = drawing.rescale(subject.image, min(height_max, across_max))
    middle = _ACROSS.get(request.position, across)
    left = round(ground.width * middle - cutout.width / 2)
    bottom = ground.height if subject.is_cut_off else round(ground.height * GROUND_LINE)
    top = bottom - cutout.height
    if is_corner:
        left, top = _corner(ground.size, cutout.size, request.position)
    left += round(request.move.right * ground.width)
    top += 0 if subject.is_cut_off else round(request.move.down * ground.height)
    place = (
        min(max(left, 0), ground.width - cutout.width),
        min(max(top, 0), ground.height - cutout.height),
    )
    return _lay(ground, cutout, place, is_standing=not subject.is_cut_off and not is_corner)


def _corner(ground: tuple[int, int], size: tuple[int, int], position: str) -> tuple[int, int]:
    margin = round(min(ground) * 0.04)
    left = margin if position.endswith("left") else ground[0] - size[0] - margin
    top = margin if position.startswith("top") else ground[1] - size[1] - margin
    return max(0, left), max(0, top)


def _lay(
    ground: Image.Image, cutout: Image.Image, place: tuple[int, int], *, is_standing: bool
) -> Image.Image:
    """Ground with the cut-out and its shifted shadow, and a contact shadow if it stands."""
    canvas, alpha, unit = ground.copy(), cutout.getchannel("A"), max(cutout.size) / 100
    pad, shift = round(unit * 8), round(unit * 1.4)
    where = ImageOps.expand(drawing.dim(alpha, 0.38), pad, 0)
    where = where.filter(ImageFilter.GaussianBlur(unit * 2.2))
    canvas.paste(SHADOW, (place[0] - pad + shift, place[1] - pad + shift), where)
    if is_standing:
        cast_contact_shadow(canvas, alpha, place, max(cutout.size))
    canvas.paste(cutout, place, cutout)
    return canvas


def place_inset(
    ground: Image.Image, image: Image.Image, request: MergeRequest, place: int
) -> Image.Image:
    """Ground with the whole picture as a small inset with round corners."""
    size_share = min(0.7, _CORNER_SHARE * request.size * request.move.size)
    factor = size_share * min(ground.width / image.width, ground.height * 1.25 / image.height)
    rim = max(1, round(min(ground.size) * 0.006))
    framed = ImageOps.expand(drawing.rescale(image, factor), rim, "white")
    radius = min(min(framed.size) / 2, min(ground.size) * 0.022)
    framed.putalpha(geometry.rounded_mask(framed.size, radius))
    corners = ("bottom_right", "bottom_left", "top_right", "top_left")
    asked = f"bottom_{request.position}" if request.position in _ACROSS else request.position
    left, top = _corner(ground.size, framed.size, asked or corners[place % len(corners)])
    if request.position == "centre":
        left, top = (ground.width - framed.width) // 2, (ground.height - framed.height) // 2
    return _lay(ground, framed, (left, top), is_standing=False)


PHOTOS_MIN, PHOTOS_MAX = 2, 10
_Merged = tuple[Image.Image, tuple[str, ...]]
_SQUARED = tuple(value * value // 255 for value in range(256))

# Keys of a merge's results; left_out carries the numbers of unused photos.
APPLIED_KEYS = (
    "collage", "beside", "below", "before_after", "blend", "screen", "panorama", "contact_sheet",
    "cut_out", "inset", "left_out", "like_picture", LETTERED,
)  # fmt: skip


def merge_pictures(images: Sequence[Image.Image], prompt: str, move: Move = UNMOVED) -> EditResult:
    """Merge two to ten pictures (RGB or RGBA) as the prompt asks. UserError merge_needs_two."""
    if len(images) < PHOTOS_MIN:
        raise UserError("merge_needs_two")
    images = images[:PHOTOS_MAX]
    lettering = read_lettering(prompt)
    request = parse_merge_request(lettering.rest if lettering else prompt, len(images))
    request, focus = replace(request, move=move), None
    if request.layout == "cut_out":
        image, applied = _cut_out(images, request)
    elif request.layout == "like_picture":
        image, applied = _paint_like(images, request.ground or 0)
    else:
        ordered = [flattened(images[index]) for index in request.order]
        image, applied = _compose(ordered, request)
        # Each of its photos is a main thing.
        focus = Image.new("L", image.size, 255)
    unrecognised = request.unrecognised
    if lettering:
        image, left_out = letter(image, lettering, focus=focus)
        applied, unrecognised = (*applied, LETTERED), (*unrecognised, *left_out)
    return EditResult(image, applied, unrecognised, request.suggestions)


def _paint_like(images: Sequence[Image.Image], example: int) -> _Merged:
    """The first of the other photos in the style of this one."""
    photo, *unused = (index for index in range(len(images)) if index != example)
    painted = photo_styles.paint_like(flattened(images[photo]), flattened(images[example]))
    return painted, ("like_picture", *_left_out(unused))


def _left_out(unused: Sequence[int]) -> tuple[str, ...]:
    return (f"left_out|{','.join(str(index + 1) for index in unused)}",) if unused else ()


def _compose(images: Sequence[Image.Image], request: MergeRequest) -> _Merged:
    layout = request.layout
    if layout == "before_after" and len(images) > PHOTOS_MIN:
        layout = "beside"
    background = request.background or collages.background_of(images)
    match layout:
        case "before_after":
            image = collages.before_after(*images)
        case "blend" | "screen":
            image = _overlay(images, is_screen=layout == "screen")
        case "panorama":
            image = collages.panorama(images)
        case "contact_sheet":
            image = collages.contact_sheet(images, background)
        case "beside" | "below":
            numbers = range(len(images))
            rows = [numbers] if layout == "beside" else [[number] for number in numbers]
            image = collages.lay_in_rows(images, rows, background, has_gaps=request.has_gaps)
        case _:
            image = collages.collage(images, background, has_gaps=request.has_gaps)
    return image, (layout,)


def _overlay(images: Sequence[Image.Image], *, is_screen: bool) -> Image.Image:
    """Photos blended in the first one's frame: their mean, or screened."""
    merged = _shrunk(images[0], collages.SIDE_PX)
    for count, image in enumerate(images[1:], 2):
        layer = ImageOps.fit(image, merged.size, Image.Resampling.LANCZOS, centering=(0.5, 0.4))
        if is_screen:
            # Darker first, otherwise every layer would lift the shadows.
            merged = ImageChops.screen(merged, layer.point(_SQUARED * 3))
        else:
            merged = Image.blend(merged, layer, 1 / count)
    return ImageOps.autocontrast(merged, cutoff=0.2, preserve_tone=True)


def _shrunk(image: Image.Image, side_px: int) -> Image.Image:
    return drawing.rescale(image, min(1.0, side_px / max(image.size)))


def _cut_out(images: Sequence[Image.Image], request: MergeRequest) -> _Merged:
    """Subjects cut out and placed into one photo, or inset whole without a clear subject."""

    @cache  # a second or more of CPU time each
    def cut(index: int) -> CutOut | None:
        return cut_out(images[index])

    subjects, ground_index = _roles(len(images), request, cut)
    ground = _shrunk(flattened(images[ground_index]), 2048)
    if len(subjects) > 1:
        # At one position, several subjects would hide each other.
        request = replace(request, position="")
    applied: list[str] = []
    for place, index in enumerate(subjects):
        subject = cut(index)
        if subject is None:
            ground = place_inset(ground, flattened(images[index]), request, place)
        else:
            across = (place + 0.5) / len(subjects)
            ground = place_cutout(ground, subject, request, across)
        applied.append("inset" if subject is None else "cut_out")
    unused = [index for index in range(len(images)) if index not in (*subjects, ground_index)]
    return ground, tuple(dict.fromkeys((*applied, *_left_out(unused))))


def _roles(
    count: int, request: MergeRequest, cut: Callable[[int], CutOut | None]
) -> tuple[tuple[int, ...], int]:
    """Subjects and ground; by default, photos that can be cut out go onto the first that cannot."""
    if request.ground is not None:
        return request.subjects, request.ground
    available = [index for index in range(count) if cut(index)]
    if not available:
        return tuple(range(1, count)), 0
    ground = next((index for index in range(count) if index not in available), count - 1)
    subjects = tuple(index for index in available if index != ground)
    return subjects, ground
