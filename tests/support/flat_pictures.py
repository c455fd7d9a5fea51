"""Flat pictures to lay out, and where they are found again on a sheet."""

from PIL import Image, ImageChops, ImageDraw

COLOURS = [
    (230, 40, 40), (40, 200, 60), (50, 80, 230), (240, 220, 40), (200, 60, 220),
    (40, 210, 220), (250, 140, 30), (120, 70, 30), (20, 20, 20), (150, 150, 150),
]  # fmt: skip
SHAPES = [(400, 300), (300, 400), (500, 500), (900, 200), (200, 900)]
Box = tuple[int, int, int, int]
Colour = tuple[int, int, int]


def sheets(count: int) -> list[Image.Image]:
    return [Image.new("RGB", SHAPES[index % 5], COLOURS[index]) for index in range(count)]


def mask_of(sheet: Image.Image, colour: Colour, tolerance: int = 3) -> Image.Image:
    where = Image.new("L", sheet.size, 255)
    for band, value in zip(sheet.split(), colour, strict=True):
        near = band.point([255 if abs(level - value) <= tolerance else 0 for level in range(256)])
        where = ImageChops.darker(near, where)
    return where


def box_of(sheet: Image.Image, colour: Colour, tolerance: int = 3) -> Box:
    """Where on the sheet one flat colour is."""
    box = mask_of(sheet, colour, tolerance).getbbox()
    assert box is not None, f"{colour} is not on the sheet"
    return box


def toy(size: tuple[int, int] = (400, 500), backdrop: Colour = (228, 230, 234)) -> Image.Image:
    """A red ball on a brown post before a plain backdrop, standing well inside."""
    image = Image.new("RGB", size, backdrop)
    draw = ImageDraw.Draw(image)
    width, height = size
    draw.rectangle((width * 0.45, height * 0.4, width * 0.55, height * 0.85), fill=COLOURS[7])
    draw.ellipse((width * 0.3, height * 0.15, width * 0.7, height * 0.47), fill=COLOURS[0])
    return image


GREEN = Image.new("RGB", (900, 600), COLOURS[1])
