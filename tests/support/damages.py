"""What spoils photographs, at two strengths each, and marks drawn on them."""

import io
import random
from collections.abc import Callable

from PIL import Image, ImageDraw, ImageFilter

from tests.support.photos import add_cast, add_noise, blur, underexpose

Damage = Callable[[Image.Image], Image.Image]

# What retouch has to bring nearer to the original.
DAMAGES: dict[str, Damage] = {
    "noise 8": lambda photo: add_noise(photo, 8),
    "noise 20": lambda photo: add_noise(photo, 20),
    "blur 1 px": lambda photo: blur(photo, 1.0),
    "blur 2 px": lambda photo: blur(photo, 2.0),
    "JPEG 30": lambda photo: through_jpeg(photo, 30),
    "JPEG 12": lambda photo: through_jpeg(photo, 12),
    "lamplight": lambda photo: add_cast(photo, (1.0, 0.9, 0.75)),
    "much lamplight": lambda photo: add_cast(photo, (1.0, 0.82, 0.55)),
    "one stop under": lambda photo: underexpose(photo, 1),
    "two stops under": lambda photo: underexpose(photo, 2),
}

# Every drawing is made this many times larger and reduced, so that its edges are soft.
_OVERSAMPLING = 3
_PAPER, _FILM = (242, 238, 228), (22, 20, 24)


def through_jpeg(image: Image.Image, quality: int) -> Image.Image:
    """What a messenger leaves of a picture."""
    coded = io.BytesIO()
    image.save(coded, "JPEG", quality=quality)
    with Image.open(coded) as opened:
        return opened.convert("RGB")


def overexpose(image: Image.Image, stops: float) -> Image.Image:
    """The same scene with more light; what is above white is lost."""
    gain = 2.0 ** (stops / 2.2)
    return image.point([min(255, round(value * gain)) for value in range(256)] * 3)


def scratch(image: Image.Image, seed: int, count: int = 5) -> Image.Image:
    """Thin lines from top to bottom, nearly upright, of bare paper or film."""
    chance = random.Random(seed)
    large = image.resize(_times(image.size, _OVERSAMPLING))
    draw = ImageDraw.Draw(large)
    for _ in range(count):
        x = chance.uniform(0.1, 0.9) * large.width
        lean = chance.uniform(-0.03, 0.03) * large.height
        top, bottom = chance.uniform(0, 0.3), chance.uniform(0.7, 1)
        draw.line(
            [(x, top * large.height), (x + lean, bottom * large.height)],
            fill=chance.choice((_PAPER, _FILM)),
            width=chance.choice((4, 5, 7)),
        )
    return large.resize(image.size, Image.Resampling.BOX)


def sprinkle(image: Image.Image, seed: int, count: int = 60) -> Image.Image:
    """Specks of dust all over, white and black, two to five pixels wide."""
    chance = random.Random(seed)
    large = image.resize(_times(image.size, _OVERSAMPLING))
    draw = ImageDraw.Draw(large)
    for _ in range(count):
        x, y = chance.uniform(0, large.width), chance.uniform(0, large.height)
        half = chance.uniform(2.5, 7)
        draw.ellipse(
            (x - half, y - 0.7 * half, x + half, y + 0.7 * half),
            fill=chance.choice((_PAPER, _FILM)),
        )
    return large.resize(image.size, Image.Resampling.BOX)


def redden_eyes(
    image: Image.Image, centres: list[tuple[float, float]], radius_px: float
) -> Image.Image:
    """What a flash does to pupils: red discs, each with its highlight."""
    where = Image.new("L", image.size, 0)
    draw = ImageDraw.Draw(where)
    for centre in centres:
        draw.ellipse(_disc(centre, radius_px), fill=235)
    red = image.copy()
    red.paste((205, 40, 48), (0, 0), where.filter(ImageFilter.GaussianBlur(radius_px / 6)))
    draw = ImageDraw.Draw(red)
    for x, y in centres:
        draw.ellipse(_disc((x - 0.3 * radius_px, y - 0.3 * radius_px), 0.2 * radius_px), "white")
    return red


def _disc(centre: tuple[float, float], radius_px: float) -> tuple[float, float, float, float]:
    x, y = centre
    return (x - radius_px, y - radius_px, x + radius_px, y + radius_px)


def _times(size: tuple[int, int], factor: int) -> tuple[int, int]:
    return (size[0] * factor, size[1] * factor)
