"""Geometry: crop, rotation, frames, corners. Sizes are shares of the picture, never pixels."""

import math

from PIL import Image, ImageDraw, ImageFilter, ImageOps

from imgbot.painter.engine import effects, tones
from imgbot.painter.engine.colours import Colour
from imgbot.painter.engine.drawing import scaled, shrink_to, unit_px

# Longest side over shortest of a picture.
RATIO_MAX = 20.0


def frame(image: Image.Image, degree: float, colour: Colour) -> Image.Image:
    """Picture in a mat with a thin line."""
    width = round(unit_px(image) * 4 * degree)
    framed = ImageOps.expand(image, max(1, round(unit_px(image) * 0.25)), "#888888")
    return ImageOps.expand(framed, max(2, width), colour)


def polaroid(image: Image.Image) -> Image.Image:
    """Square print with a wide lower margin."""
    square = crop_ratio(image, 1.0)
    margin = round(unit_px(square) * 6)
    card = Image.new("RGB", (square.width + 2 * margin, square.height + margin * 5), "#fbfaf6")
    card.paste(effects.vintage(square, 0.5), (margin, margin))
    return card


def round_corners(image: Image.Image, degree: float) -> Image.Image:
    """Picture with rounded corners on white."""
    return _rounded(image, unit_px(image) * 8 * degree)


def circle(image: Image.Image) -> Image.Image:
    """Central square as a disc on white."""
    square = crop_ratio(image, 1.0)
    return _rounded(square, min(square.size) / 2)


def _rounded(image: Image.Image, radius_px: float) -> Image.Image:
    white = Image.new("RGB", image.size, "white")
    return Image.composite(image, white, rounded_mask(image.size, radius_px))


def rounded_mask(size: tuple[int, int], radius_px: float) -> Image.Image:
    """Mask (L) of the whole size with smooth round corners."""
    where = Image.new("L", size, 0)
    box = (0, 0, size[0] - 1, size[1] - 1)
    ImageDraw.Draw(where).rounded_rectangle(box, radius=radius_px, fill=255)
    # Blurred instead of supersampled: a ninth of the memory.
    return where.filter(ImageFilter.GaussianBlur(0.8))


def crop_ratio(image: Image.Image, ratio: float) -> Image.Image:
    """Largest central part of this ratio; slightly higher in tall pictures."""
    return image.crop(crop_box(image.size, ratio))


def crop_box(size: tuple[int, int], ratio: float) -> tuple[int, int, int, int]:
    """Box that `crop_ratio` leaves."""
    width, height = size
    if width / height > ratio:
        across = max(1, round(height * ratio))
        left = (width - across) // 2
        return left, 0, left + across, height
    down = max(1, round(width / ratio))
    # Faces are in the upper half of portrait photos.
    top = round((height - down) * 0.4)
    return 0, top, width, top + down


def zoom(image: Image.Image, degree: float) -> Image.Image:
    """Centre of the picture, enlarged to its size."""
    share = max(0.3, 1 - 0.3 * degree)
    width, height = image.size
    across, down = width * (1 - share), height * (1 - share)
    box = (across / 2, down * 0.45, width - across / 2, height - down * 0.55)
    return image.resize(image.size, Image.Resampling.LANCZOS, box=box)


def rotate(image: Image.Image, degrees: float) -> Image.Image:
    """Picture rotated clockwise, cropped so that no empty corner is left."""
    is_quarter = degrees % 90 == 0
    turned = image.rotate(-degrees, Image.Resampling.BICUBIC, expand=is_quarter)
    if is_quarter:
        return turned
    # The largest upright rectangle of the same ratio inside the rotated one.
    (width, height), angle = image.size, math.radians(degrees)
    sine, cosine = abs(math.sin(angle)), abs(math.cos(angle))
    share = min(width / (width * cosine + height * sine), height / (width * sine + height * cosine))
    size = max(1, int(width * share)), max(1, int(height * share))
    left, top = (width - size[0]) // 2, (height - size[1]) // 2
    return turned.crop((left, top, left + size[0], top + size[1]))


def crop_side(image: Image.Image, side: str, share: float) -> Image.Image:
    """Picture without a share (up to 0.9) of one side: top, bottom, left or right."""
    share = min(0.9, share)
    width, height = image.size
    across, down = min(width - 1, round(width * share)), min(height - 1, round(height * share))
    left, top = across * (side == "left"), down * (side == "top")
    right, bottom = width - across * (side == "right"), height - down * (side == "bottom")
    return image.crop((left, top, right, bottom))


def crop_edges(image: Image.Image, share: float) -> Image.Image:
    """Picture without a share (up to 0.45) of each of the four sides."""
    share = min(0.45, share)
    across, down = int(image.width * share), int(image.height * share)
    return image.crop((across, down, image.width - across, image.height - down))


def fit_ratio(image: Image.Image, ratio: float) -> Image.Image:
    """Whole picture on a background of that ratio, made of the picture itself."""
    own = image.width / image.height
    # The background around a long picture may be many times its size.
    image = shrink_to(image, 16.0 / max(own / ratio, ratio / own))
    width, height = image.size
    size = (width, max(height, round(width / ratio)))
    if own < ratio:
        size = (max(width, round(height * ratio)), height)
    ground = backdrop(image, size)
    ground.paste(image, ((size[0] - width) // 2, (size[1] - height) // 2))
    return ground


def backdrop(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Blurred, darker copy of the picture as a background of any size."""
    small = scaled(size, min(1.0, 160 / max(size)))
    cover = ImageOps.fit(image, small, Image.Resampling.BOX)
    soft = effects.blur(cover, 8.0)
    return tones.brighten(soft, -0.5).resize(size, Image.Resampling.BICUBIC)
