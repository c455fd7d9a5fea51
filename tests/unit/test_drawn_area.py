"""The area that somebody drew on a photo: found, asked about, or not there."""

from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageDraw, ImageOps, ImageStat

from imgbot.painter.drawn_area import find_drawn_area, fit_mask
from imgbot.painter.steps import DrawnArea
from tests.fixtures.drawings import BLUE, RED, Point, drawn, loop, stored
from tests.fixtures.photos import load_photo

CAT = load_photo("cat").resize((900, 600))
CIRCLE = loop(0.45, 0.45, 0.2)
BLACK, WHITE = (0, 0, 0), (255, 255, 255)


def found(folder: Path, first: Image.Image, second: Image.Image, **options: bool) -> DrawnArea:
    paths = [folder / name for name in ("first.jpg", "second.jpg")]
    for path, photo in zip(paths, (first, second), strict=True):
        path.write_bytes(stored(photo))
    files = [*map(str, paths), str(folder / "area.png"), str(folder / "area.jpg")]
    return find_drawn_area(*files, **options)


def filled(*lines: list[Point]) -> Image.Image:
    mask = Image.new("L", CAT.size)
    for line in lines:
        ImageDraw.Draw(mask).polygon([(x * mask.width, y * mask.height) for x, y in line], 255)
    return mask


@pytest.mark.parametrize("width", [0.004, 0.01])
@pytest.mark.parametrize(
    ("lines", "colour"),
    [
        ([CIRCLE], RED),
        ([CIRCLE], WHITE),
        ([CIRCLE], BLACK),
        ([loop(0.45, 0.45, 0.2, gap=0.02)], BLUE),
        # It leaves the picture, and comes back.
        ([loop(0.02, 0.5, 0.2)], RED),
        ([loop(0.3, 0.3, 0.12), loop(0.7, 0.6, 0.15)], RED),
    ],
    ids=["red", "white", "black", "not quite closed", "at the edge", "two"],
)
def test_inside_of_a_closed_line_is_the_area(
    tmp_path: Path, lines: list[list[Point]], colour: tuple[int, int, int], width: float
) -> None:
    outcome = found(tmp_path, CAT, drawn(CAT, *lines, colours=[colour], width=width))

    with Image.open(tmp_path / "area.png") as mask:
        marked, wanted = mask.convert("L"), filled(*lines)
    assert (outcome, marked.size) == (DrawnArea("area_found"), CAT.size)
    both, either = ImageChops.darker(marked, wanted), ImageChops.lighter(marked, wanted)
    sums = [ImageStat.Stat(each).sum[0] for each in (both, wanted, either)]
    assert sums[0] / sums[1] > 0.99
    assert sums[0] / sums[2] > 0.8


HATCHING = [(0.3 + index % 2 * 0.2, 0.3 + index * 0.012) for index in range(20)]
EVERYTHING = [(index % 2, index / 30) for index in range(31)]
DRAWN = drawn(CAT, CIRCLE)
SCREEN = Image.new("RGB", (500, 1000), (24, 26, 30))
SCREEN.paste(DRAWN.resize((500, 333)), (0, 300))


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        (drawn(CAT, HATCHING, width=0.01), "area_found"),
        (DRAWN.resize((450, 300)), "area_found"),
        (drawn(CAT, loop(0.5, 0.5, 0.47)), "area_unsure"),
        (drawn(CAT, loop(0.45, 0.45, 0.2, gap=0.12)), "area_unsure"),
        (drawn(CAT, [(0.1, 0.8), (0.9, 0.7)]), "area_unsure"),
        (drawn(CAT, CIRCLE, loop(0.8, 0.8, 0.1), colours=[RED, BLUE]), "area_two_pens"),
        (drawn(CAT, [(0.5, 0.5), (0.502, 0.5)]), "area_dot"),
        (drawn(CAT, EVERYTHING, width=0.05), "area_all"),
        (Image.new("RGB", CAT.size, RED), "area_all"),
        (DRAWN.crop((90, 60, 810, 540)), "area_elsewhere"),
        (DRAWN.crop((0, 0, 540, 480)), "area_elsewhere"),
        (ImageOps.mirror(DRAWN), "area_elsewhere"),
        (SCREEN, "area_elsewhere"),
        (CAT, ""),
        (load_photo("astronaut").resize(CAT.size), ""),
        (load_photo("astronaut"), ""),
        (Image.new("RGB", (1, 1)), ""),
        (drawn(load_photo("astronaut"), CIRCLE), ""),
    ],
)
def test_what_is_in_doubt_is_told_from_what_is_another_picture(
    tmp_path: Path, second: Image.Image, reason: str
) -> None:
    assert found(tmp_path, CAT, second, is_ordered=True).reason == reason
    assert (tmp_path / "area.jpg").exists() == (reason not in {"", "area_elsewhere"})


def test_of_an_album_either_may_be_the_drawn_one(tmp_path: Path) -> None:
    assert found(tmp_path, DRAWN, CAT) == DrawnArea("area_found", is_swapped=True)


@pytest.mark.parametrize(("mask", "mode", "marked"), [("white", "L", 255), ("alpha", "RGBA", 0)])
def test_mask_has_the_size_of_what_a_provider_gets(
    tmp_path: Path, mask: str, mode: str, marked: int
) -> None:
    found(tmp_path, CAT, DRAWN)
    CAT.resize((300, 200)).save(tmp_path / "fitted.jpg")

    path = fit_mask(str(tmp_path / "area.png"), str(tmp_path / "fitted.jpg"), mask=mask)

    with Image.open(path) as fitted:
        values = fitted.getchannel("A") if mask == "alpha" else fitted
        assert (fitted.format, fitted.mode, fitted.size) == ("PNG", mode, (300, 200))
        assert (values.getpixel((135, 90)), values.getpixel((5, 5))) == (marked, 255 - marked)
