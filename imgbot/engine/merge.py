"""Merge: several photos in one picture, as a collage, an overlay or a cut-out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps

from imgbot.domain.errors import UserError
from imgbot.engine import collages, drawing, geometry
from imgbot.engine.collages import before_after
from imgbot.engine.edit import EditResult
from imgbot.engine.merge_request import MergeRequest, parse_merge_request
from imgbot.imaging.pictures import flatten

# Longer side of the copy in which a plain backdrop is searched.
_SEARCHED_PX = 384
_BORDER_PX = 3
# Channel difference above which two colours belong to no gradient.
_STEP_MAX = 60
_TOLERANCE_MIN, _TOLERANCE_MAX = 21, 55
# Least share of backdrop in the border and in its top (a subject may leave the picture at the
# bottom), and limits of the subject's share of the picture.
_BORDER_SHARE, _TOP_SHARE = 0.62, 0.85
_SUBJECT_MIN, _SUBJECT_MAX = 0.02, 0.85
_OPAQUE, _CLEAR = 250, 5

HEIGHT_SHARE, WIDTH_SHARE_MAX, HEIGHT_SHARE_MAX = 0.55, 0.8, 0.92
CORNER_SHARE, INSET_SHARE = 0.36, 0.36
# Height of the feet from the top, as a share.
_GROUND_LINE = 0.93
_MARGIN_SHARE = 0.04
_SHADOW = (12, 12, 18)
_ACROSS = {"left": 0.27, "centre": 0.5, "right": 0.73}


@dataclass(frozen=True, slots=True)
class CutOut:
    """Subject (RGBA, without empty margin), and if its picture cuts it off at the bottom."""

    image: Image.Image
    is_cut_off: bool


def cut_out(image: Image.Image) -> CutOut | None:
    """Subject of a picture (RGB or RGBA); None if it has no clean edge."""
    alpha = image.getchannel("A") if image.mode == "RGBA" else _find_alpha(image)
    if alpha is None:
        return None
    share = sum(alpha.histogram()[128:]) / (alpha.width * alpha.height)
    if not _SUBJECT_MIN / 10 <= share <= 0.98:
        return None
    box = alpha.point([0 if value < _CLEAR else 255 for value in range(256)]).getbbox()
    if box is None:
        return None
    subject = image.convert("RGB")
    subject.putalpha(alpha)
    bottom = alpha.crop((0, alpha.height - 1, alpha.width, alpha.height))
    is_cut_off = sum(bottom.histogram()[128:]) > 0.12 * (box[2] - box[0])
    return CutOut(subject.crop(box), is_cut_off)


def _find_alpha(image: Image.Image) -> Image.Image | None:
    """Opacity of the subject before a plain backdrop; None if the backdrop is not plain."""
    share = min(1.0, _SEARCHED_PX / max(image.size))
    size = (max(1, round(image.width * share)), max(1, round(image.height * share)))
    if min(size) < 8 * _BORDER_PX:
        return None
    small = image.resize(size, Image.Resampling.BOX)
    backdrop = _backdrop(small)
    distance = _distance(small, backdrop)
    tolerance = _tolerance(distance)
    if not _is_plain(distance, tolerance):
        return None
    ground = _flood(distance, tolerance)
    subject_share = 1 - sum(ground.histogram()[128:]) / (size[0] * size[1])
    if not _SUBJECT_MIN <= subject_share <= _SUBJECT_MAX:
        return None
    return _refine(image, ground, backdrop, tolerance)


def _border(image: Image.Image) -> list[Image.Image]:
    """Strips along the top, left, right and bottom."""
    width, height = image.size
    edge = _BORDER_PX
    return [
        image.crop((0, 0, width, edge)),
        image.crop((0, 0, edge, height)),
        image.crop((width - edge, 0, width, height)),
        image.crop((0, height - edge, width, height)),
    ]


def _backdrop(small: Image.Image) -> Image.Image:
    """Estimate of the backdrop behind the subject, interpolated between both sides.

    A subject may touch the sides in the lower half; there the colour of the middle counts.
    """
    width, height = small.size
    patch = max(_BORDER_PX, min(width, height) // 12)
    columns: list[list[tuple[int, int, int]]] = []
    for left in (0, width - patch):
        tops = (0, (height - patch) // 2, height - patch)
        column = [_median(small.crop((left, top, left + patch, top + patch))) for top in tops]
        if max(abs(one - two) for one, two in zip(column[1], column[2], strict=True)) > _STEP_MAX:
            column[2] = column[1]
        columns.append(column)
    grid = Image.new("RGB", (2, 3))
    grid.putdata([colour for row in zip(*columns, strict=True) for colour in row])
    return grid.resize(small.size, Image.Resampling.BILINEAR, box=(0.5, 0.5, 1.5, 2.5))


def _median(part: Image.Image) -> tuple[int, int, int]:
    red, green, blue = (drawing.percentile(band.histogram(), 0.5) for band in part.split())
    return red, green, blue


def _distance(image: Image.Image, backdrop: Image.Image) -> Image.Image:
    """Distance of each pixel from the backdrop, as grey."""
    red, green, blue = ImageChops.difference(image, backdrop).split()
    # Half of the strongest channel and half of the sum: a difference in hue counts, too.
    strongest = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    return ImageChops.add(strongest, ImageChops.add(ImageChops.add(red, green), blue), 2)


def _tolerance(distance: Image.Image) -> int:
    """Variation within the backdrop: shadows and noise."""
    histogram = [0] * 256
    for part in _border(distance)[:3]:
        histogram = [one + other for one, other in zip(histogram, part.histogram(), strict=True)]
    spread = drawing.percentile(histogram, 0.8) + 7
    return min(_TOLERANCE_MAX, max(_TOLERANCE_MIN, spread))


def _is_plain(distance: Image.Image, tolerance: int) -> bool:
    shares = [sum(part.histogram()[: tolerance + 1]) / (part.width * part.height)
              for part in _border(distance)]  # fmt: skip
    return shares[0] >= _TOP_SHARE and sum(shares) / len(shares) >= _BORDER_SHARE


def _flood(distance: Image.Image, tolerance: int) -> Image.Image:
    """Mask of the backdrop: similar in colour and connected to the border."""
    near = distance.filter(ImageFilter.MedianFilter(3)).point(
        [255 if value <= tolerance else 0 for value in range(256)]
    )
    # A frame connects backdrop that the subject separates; not at the bottom, below the subject.
    framed = ImageOps.expand(near, 1, 255)
    framed.paste(0, (0, framed.height - 1, framed.width, framed.height))
    ImageDraw.floodfill(framed, (0, 0), 128)
    ground = framed.crop((1, 1, framed.width - 1, framed.height - 1))
    return ground.point([255 if value == 128 else 0 for value in range(256)])


def _refine(
    image: Image.Image, ground: Image.Image, backdrop: Image.Image, tolerance: int
) -> Image.Image:
    """Opacity at full resolution: from the mask inside and outside, from the colour in between."""
    inside = ImageOps.invert(ground.filter(ImageFilter.MaxFilter(5)))
    maybe = ImageOps.invert(ground.filter(ImageFilter.MinFilter(3)))
    bilinear = Image.Resampling.BILINEAR
    inside, maybe = (mask.resize(image.size, bilinear) for mask in (inside, maybe))
    low, high = tolerance * 0.9, tolerance * 2.2
    full = backdrop.resize(image.size, bilinear)
    by_colour = _distance(image, full).point(
        [min(255, max(0, round((value - low) / (high - low) * 255))) for value in range(256)]
    )
    alpha = ImageChops.lighter(inside, ImageChops.darker(by_colour, maybe))
    # Eroded by a pixel, otherwise the old backdrop would shine through.
    feather = max(0.6, min(image.size) / 1400)
    return alpha.filter(ImageFilter.MinFilter(3)).filter(ImageFilter.GaussianBlur(feather))


def place_cutout(
    ground: Image.Image, subject: CutOut, request: MergeRequest, across: float | None
) -> Image.Image:
    """Ground (RGB) with the subject placed in it, with a shadow.

    `across` (0 to 1) is its horizontal position if the request has none.
    """
    is_corner = "_" in request.position
    share = (CORNER_SHARE if is_corner else HEIGHT_SHARE) * request.size
    cutout = _scaled(subject.image, ground.size, min(HEIGHT_SHARE_MAX, share))
    middle = _ACROSS.get(request.position, 0.5 if across is None else across)
    left = round(ground.width * middle - cutout.width / 2)
    left = min(max(left, 0), ground.width - cutout.width)
    bottom = ground.height if subject.is_cut_off else round(ground.height * _GROUND_LINE)
    place = (left, bottom - cutout.height)
    if is_corner:
        place = _corner(ground.size, cutout.size, request.position)
    result = ground.copy()
    _cast_shadow(result, cutout, place, is_standing=not subject.is_cut_off and not is_corner)
    result.paste(cutout, place, cutout)
    return result


def _scaled(image: Image.Image, ground: tuple[int, int], share: float) -> Image.Image:
    factor = min(ground[1] * share / image.height, ground[0] * WIDTH_SHARE_MAX / image.width)
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3)


def _corner(ground: tuple[int, int], size: tuple[int, int], position: str) -> tuple[int, int]:
    margin = round(min(ground) * _MARGIN_SHARE)
    left = margin if position.endswith("left") else ground[0] - size[0] - margin
    top = margin if position.startswith("top") else ground[1] - size[1] - margin
    return max(0, left), max(0, top)


def _cast_shadow(
    canvas: Image.Image, cutout: Image.Image, place: tuple[int, int], *, is_standing: bool
) -> None:
    """Draw a blurred, shifted shadow of the cut-out, and a contact shadow if it stands."""
    unit = max(cutout.size) / 100
    alpha = cutout.getchannel("A")
    pad = round(unit * 8)
    where = ImageOps.expand(drawing.dim(alpha, 0.38), pad, 0).filter(
        ImageFilter.GaussianBlur(unit * 2.2)
    )
    shift = round(unit * 1.4)
    canvas.paste(_SHADOW, (place[0] - pad + shift, place[1] - pad + shift), where)
    if is_standing:
        _cast_contact_shadow(canvas, alpha, place, unit)


def _cast_contact_shadow(
    canvas: Image.Image, alpha: Image.Image, place: tuple[int, int], unit: float
) -> None:
    """Draw a flat shadow under the part that touches the ground."""
    height, pad = max(2, round(unit * 5)), round(unit * 6)
    feet = alpha.crop((0, max(0, alpha.height - height), alpha.width, alpha.height))
    box = feet.point([0 if value < 128 else 255 for value in range(256)]).getbbox()
    if box is None:
        return
    width = box[2] - box[0]
    pool = Image.new("L", (width + 2 * pad, height + 2 * pad), 0)
    ImageDraw.Draw(pool).ellipse((pad, pad, pad + width, pad + height), fill=150)
    soft = pool.filter(ImageFilter.GaussianBlur(unit * 1.6))
    top = place[1] + alpha.height - round(height * 0.6) - pad
    canvas.paste(_SHADOW, (place[0] + box[0] - pad, top), soft)


def place_inset(
    ground: Image.Image, image: Image.Image, request: MergeRequest, place: int
) -> Image.Image:
    """Ground with the whole picture as a small inset with round corners."""
    size_share = min(0.7, INSET_SHARE * request.size)
    factor = min(
        ground.width * size_share / image.width, ground.height * size_share * 1.25 / image.height
    )
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    card = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3)
    rim = max(1, round(min(ground.size) * 0.006))
    framed = ImageOps.expand(card, rim, "white")
    radius = min(min(framed.size) / 2, min(ground.size) * 0.022)
    framed.putalpha(geometry.rounded_mask(framed.size, radius))
    corners = ("bottom_right", "bottom_left", "top_right", "top_left")
    position = request.position if "_" in request.position else corners[place % len(corners)]
    left, top = _corner(ground.size, framed.size, position)
    if request.position in _ACROSS:
        left = round((ground.width - framed.width) * (_ACROSS[request.position] - 0.27) / 0.46)
        margin = round(min(ground.size) * _MARGIN_SHARE)
        left = min(max(left, margin), max(0, ground.width - framed.width - margin))
        top = ground.height - framed.height - margin
        top = (ground.height - framed.height) // 2 if request.position == "centre" else max(0, top)
    result = ground.copy()
    _cast_shadow(result, framed, (left, top), is_standing=False)
    result.paste(framed, (left, top), framed)
    return result


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
        subject = cut_out(images[index])
        if subject is None:
            ground = place_inset(ground, flatten(images[index]), request, place)
        else:
            across = (place + 0.5) / len(subjects)
            ground = place_cutout(ground, subject, request, across)
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
    available = [index for index, image in enumerate(images) if cut_out(image)]
    if not available:
        return tuple(range(1, len(images))), 0
    ground = next((index for index in range(len(images)) if index not in available), None)
    if ground is None:
        ground = len(images) - 1
    subjects = tuple(index for index in available if index != ground)
    return subjects, ground
