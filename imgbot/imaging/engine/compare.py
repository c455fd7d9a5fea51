"""Before-and-after picture: two pictures at the same apparent size, an arrow between them."""

from PIL import Image, ImageDraw

from imgbot.imaging.engine import drawing
from imgbot.imaging.engine.collages import fitted

# Wider pictures than this stand below each other.
WIDE_RATIO = 1.6
# Of one picture, and of its longer side where it is long and thin.
SIDE_PX, LONG_SIDE_PX = 1280, 2048
STRIP_RATIO_MAX = 6.0
GAP_SHARE, BADGE_SHARE = 0.006, 0.035
_GROUND = (250, 250, 250)


def before_after(before: Image.Image, after: Image.Image) -> Image.Image:
    """Both pictures side by side at one height, or stacked at one width where they are wide."""
    ratios = [_ratio(before), _ratio(after)]
    is_wide = (ratios[0] * ratios[1]) ** 0.5 > WIDE_RATIO
    sizes = [_size(ratio, is_wide=is_wide) for ratio in ratios]
    first, second = (
        _on_ground(fitted(image, size), size)
        for image, size in zip((before, after), sizes, strict=True)
    )
    gap = max(4, round(SIDE_PX * GAP_SHARE))
    if is_wide:
        sheet = Image.new("RGB", (first.width, first.height + gap + second.height), _GROUND)
        sheet.paste(second, (0, first.height + gap))
        middle = (sheet.width / 2, first.height + gap / 2)
    else:
        sheet = Image.new("RGB", (first.width + gap + second.width, first.height), _GROUND)
        sheet.paste(second, (first.width + gap, 0))
        middle = (first.width + gap / 2, sheet.height / 2)
    sheet.paste(first, (0, 0))
    _draw_arrow(sheet, middle, is_down=is_wide)
    return sheet


def _ratio(image: Image.Image) -> float:
    return min(STRIP_RATIO_MAX, max(1 / STRIP_RATIO_MAX, image.width / image.height))


def _size(ratio: float, *, is_wide: bool) -> tuple[int, int]:
    if is_wide:
        return LONG_SIDE_PX, round(LONG_SIDE_PX / ratio)
    # The height is the same for both, so a slim picture next to a square one stays slim.
    return max(1, round(SIDE_PX * ratio)), SIDE_PX


def _on_ground(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Picture centred on the background, where it is narrower than its cell."""
    if image.size == size:
        return image
    ground = Image.new("RGB", size, _GROUND)
    ground.paste(image, ((size[0] - image.width) // 2, (size[1] - image.height) // 2))
    return ground


def _draw_arrow(sheet: Image.Image, middle: drawing.Point, *, is_down: bool) -> None:
    """Draw a small white disc with an arrow towards the second picture."""
    radius = max(9.0, BADGE_SHARE / 2 * min(SIDE_PX, *sheet.size))
    side = round(radius * 2)

    def disc(draw: ImageDraw.ImageDraw, scale: float) -> None:
        draw.ellipse((0, 0, side * scale - 1, side * scale - 1), fill=235)

    def arrow(draw: ImageDraw.ImageDraw, scale: float) -> None:
        points = ((0.26, 0.5), (0.72, 0.5)), ((0.52, 0.3), (0.72, 0.5), (0.52, 0.7))
        for line in points:
            turned = [(y, x) if is_down else (x, y) for x, y in line]
            placed = [(x * side * scale, y * side * scale) for x, y in turned]
            draw.line(placed, fill=255, width=round(side * scale * 0.09), joint="curve")

    corner = (round(middle[0] - radius), round(middle[1] - radius))
    sheet.paste("white", corner, drawing.mask((side, side), disc))
    sheet.paste((60, 60, 66), corner, drawing.mask((side, side), arrow))
