"""Merge: several photos in one picture, as a collage, an overlay or a cut-out."""

from collections.abc import Sequence
from dataclasses import replace

from PIL import Image, ImageChops, ImageOps

from imgbot.domain.errors import UserError
from imgbot.imaging.engine import collages, cutouts
from imgbot.imaging.engine.compare import before_after
from imgbot.imaging.engine.merge_request import MergeRequest, parse_merge_request
from imgbot.imaging.engine.results import EditResult
from imgbot.imaging.pictures import flatten

PHOTOS_MIN, PHOTOS_MAX = 2, 10
_GROUND_SIDE_PX = 2048
_SQUARED = tuple(value * value // 255 for value in range(256))

# Keys of a merge's results; left_out carries the numbers of unused photos.
APPLIED_KEYS = (
    "collage", "beside", "below", "before_after", "blend", "screen", "panorama", "contact_sheet",
    "cut_out", "inset", "left_out",
)  # fmt: skip


def merge_pictures(images: Sequence[Image.Image], prompt: str) -> EditResult:
    """Merge two to ten pictures (RGB or RGBA) as the prompt asks. UserError merge_needs_two."""
    if len(images) < PHOTOS_MIN:
        raise UserError("merge_needs_two")
    images = images[:PHOTOS_MAX]
    request = parse_merge_request(prompt, len(images))
    if request.layout == "cut_out":
        image, applied = _cut_out(images, request)
    else:
        ordered = [flatten(images[index]) for index in request.order]
        image, applied = _compose(ordered, request)
    return EditResult(image, applied, request.unrecognised, request.suggestions)


def _compose(
    images: Sequence[Image.Image], request: MergeRequest
) -> tuple[Image.Image, tuple[str, ...]]:
    layout = request.layout
    if layout == "before_after" and len(images) > PHOTOS_MIN:
        layout = "beside"
    background = request.background or collages.background_of(images)
    match layout:
        case "before_after":
            image = before_after(*images)
        case "blend" | "screen":
            image = _overlay(images, is_screen=layout == "screen")
        case "panorama":
            image = collages.panorama(images)
        case "contact_sheet":
            image = collages.contact_sheet(images, background)
        case "beside":
            row = [range(len(images))]
            image = collages.in_rows(images, row, background, has_gaps=request.has_gaps)
        case "below":
            rows = [[index] for index in range(len(images))]
            image = collages.in_rows(images, rows, background, has_gaps=request.has_gaps)
        case _:
            image = collages.collage(images, background, has_gaps=request.has_gaps)
    return image, (layout,)


def _overlay(images: Sequence[Image.Image], *, is_screen: bool) -> Image.Image:
    """Photos blended in the first one's frame: their mean, or screened."""
    frame = _shrunk(images[0].size, collages.SIDE_PX)
    merged = images[0].resize(frame, Image.Resampling.LANCZOS, reducing_gap=3)
    for count, image in enumerate(images[1:], 2):
        layer = ImageOps.fit(image, frame, Image.Resampling.LANCZOS, centering=(0.5, 0.4))
        if is_screen:
            # Darker first, otherwise every layer would lift the shadows.
            merged = ImageChops.screen(merged, layer.point(_SQUARED * 3))
        else:
            merged = Image.blend(merged, layer, 1 / count)
    return ImageOps.autocontrast(merged, cutoff=0.2, preserve_tone=True)


def _shrunk(size: tuple[int, int], side: int) -> tuple[int, int]:
    share = min(1.0, side / max(size))
    return max(1, round(size[0] * share)), max(1, round(size[1] * share))


def _cut_out(
    images: Sequence[Image.Image], request: MergeRequest
) -> tuple[Image.Image, tuple[str, ...]]:
    """Subjects cut out and placed into one photo, or inset whole if they cannot be cut out."""
    subjects, ground_index = _roles(images, request)
    source = flatten(images[ground_index])
    ground = source.resize(_shrunk(source.size, _GROUND_SIDE_PX), Image.Resampling.LANCZOS)
    if len(subjects) > 1:
        # At one position, several subjects would hide each other.
        request = replace(request, position="")
    applied: list[str] = []
    for place, index in enumerate(subjects):
        subject = cutouts.cut_out(images[index])
        if subject is None:
            ground = cutouts.place_inset(ground, flatten(images[index]), request, place)
        else:
            across = (place + 0.5) / len(subjects)
            ground = cutouts.place_cutout(ground, subject, request, across)
        applied.append("inset" if subject is None else "cut_out")
    unused = [str(index + 1) for index in range(len(images)) if index not in
              (*subjects, ground_index)]  # fmt: skip
    if unused:
        applied.append(f"left_out|{','.join(unused)}")
    return ground, tuple(dict.fromkeys(applied))


def _roles(images: Sequence[Image.Image], request: MergeRequest) -> tuple[tuple[int, ...], int]:
    """Subjects and ground; by default, photos that can be cut out go onto the first that cannot."""
    if request.ground is not None:
        return request.subjects, request.ground
    available = [index for index, image in enumerate(images) if cutouts.cut_out(image)]
    if not available:
        return tuple(range(1, len(images))), 0
    ground = next((index for index in range(len(images)) if index not in available), None)
    if ground is None:
        ground = len(images) - 1
    subjects = tuple(index for index in available if index != ground)
    return subjects, ground
