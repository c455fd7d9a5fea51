"""Edit: the effect of each change, on pictures of any shape."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageStat

from imgbot.domain.errors import UserError
from imgbot.painter.engine import background, make_picture
from imgbot.painter.engine.backdrop import GUESSED
from imgbot.painter.engine.edit import APPLIED_KEYS, LETTERED, UNLETTERED, edit_picture
from imgbot.painter.engine.edit_request import KEYS, parse_edit_request
from imgbot.painter.engine.recolouring import recolour
from imgbot.painter.engine.segmentation import find_subject
from imgbot.painter.engine.subject_network import SubjectMask
from tests.fixtures.image_metrics import (
    blueness,
    colour,
    corners,
    detail,
    flatness,
    highlights_light,
    light,
    local_spread,
    shadows_light,
    spread,
    tones_count,
    warmth,
)
from tests.fixtures.photos import load_photo, psnr_db, save_photo


@pytest.fixture(autouse=True, scope="module")
def each_subject_found_once() -> Iterator[None]:
    """Many changes are of the same photo, in which finding its subject takes a second."""
    found: dict[tuple[object, ...], SubjectMask] = {}

    def find_once(image: Image.Image) -> SubjectMask:
        key = (image.mode, image.size, image.tobytes())
        mask, confidence = found[key] = found.get(key) or find_subject(image)
        return SubjectMask(mask.copy(), confidence)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(background, "find_subject", find_once)
        yield


def edited(words: str, name: str = "astronaut") -> tuple[Image.Image, Image.Image]:
    before = load_photo(name)
    after, _, unrecognised, *_ = edit_picture(before, words)
    assert unrecognised == ()
    assert after.mode == "RGB"
    return before, after


@pytest.mark.parametrize("photo", ["astronaut", "cat"])
def test_changes_have_the_right_direction_and_degree(photo: str) -> None:
    for less, more, measure in (
        ("much darker", "darker", light), ("slightly brighter", "much brighter", light),
        ("less contrast", "more contrast", spread), ("much cooler", "slightly cooler", warmth),
        ("чуть теплее", "сильно теплее", warmth), ("desaturate", "saturate", colour),
        ("сильно размой", "слегка размой", detail), ("blur", "sharpen", detail),
        ("сильная виньетка", "легкая виньетка", light),
    ):  # fmt: skip
        before, weaker = edited(less, photo)
        _, stronger = edited(more, photo)
        assert measure(weaker) < measure(stronger), more
        assert weaker.size == stronger.size == before.size


def test_quarter_turns_and_flips_are_lossless() -> None:
    before, left = edited("поверни налево", "cat")
    assert left.size == (before.height, before.width)
    assert edit_picture(left, "rotate right")[0].tobytes() == before.tobytes()
    for words in ("mirror", "flip vertically", "upside down", "invert"):
        once = edit_picture(before, words)[0]
        assert once.tobytes() != before.tobytes()
        assert edit_picture(once, words)[0].tobytes() == before.tobytes()


def test_rotation_leaves_no_empty_corner() -> None:
    white = Image.new("RGB", (300, 200), "white")
    for degrees in (1, 17, 45, 89, 133, 271):
        turned = edit_picture(white, f"rotate {degrees}")[0]
        assert ImageStat.Stat(turned).extrema[0][0] > 200


def test_crops_have_the_requested_ratio() -> None:
    for words, ratio in (("квадрат", 1.0), ("16:9", 16 / 9), ("crop to 2:3", 2 / 3)):
        _, after = edited(words, "cat")
        assert after.width / after.height == pytest.approx(ratio, rel=0.01)


def test_only_what_is_marked_gets_another_colour_and_keeps_its_light() -> None:
    photo, half = load_photo("cat"), Image.new("L", (451, 300), 0)
    half.paste(255, (0, 0, 226, 300))
    for wanted in ((31, 79, 209), (255, 255, 255), (17, 17, 20)):
        after = recolour(photo, half, wanted)
        kept, changed = (226, 0, 451, 300), (0, 0, 226, 300)
        assert after.crop(kept).tobytes() == photo.crop(kept).tobytes()
        mean = ImageStat.Stat(after.crop(changed)).mean
        assert max(abs(got - part) for got, part in zip(mean, wanted, strict=True)) < 70
        lights = [each.crop(changed).convert("L").tobytes() for each in (photo, after)]
        darkest_first = [lit for _, lit in sorted(zip(*lights, strict=True))]
        assert all(one <= other + 2 for one, other in pairwise(darkest_first))


def test_a_thing_gets_another_colour_where_it_is_found() -> None:
    photo = load_photo("astronaut").resize((256, 256))
    suit, face = (30, 150, 90, 220), (100, 30, 125, 55)
    after, applied, unrecognised, *_ = edit_picture(photo, "make the orange suit blue")
    assert (applied, unrecognised) == (("recolour|blue",), ())
    assert blueness(photo.crop(suit)) < -60
    assert blueness(after.crop(suit)) > 60
    assert psnr_db(after.crop(face), photo.crop(face)) > 24
    for words in ("make the wall light blue", "сделай бирюзовую кошку синей"):
        with pytest.raises(UserError, match="thing_not_found") as caught:
            edit_picture(photo, words)
        assert str(caught.value.facts["thing"]) in words
    # It is drawn anew instead, from "a red car".
    with pytest.raises(UserError, match="edit_words_unknown"):
        edit_picture(photo, "make the orange car red", is_drawn=True)
    made = edit_picture(photo, "brighter, make the wall blue")
    assert (made.applied, made.unrecognised) == (("brighter",), ("wall",))


def test_frames_add_to_the_picture() -> None:
    before, after = edited("рамка")
    assert after.width > before.width
    assert after.getpixel((0, 0)) == (255, 255, 255)
    red, green, blue = edited("красная рамка")[1].crop((0, 0, 1, 1)).tobytes()
    assert min(red - 150, 100 - green, 100 - blue) > 0
    left, top = (after.width - before.width) // 2, (after.height - before.height) // 2
    inside = after.crop((left, top, left + before.width, top + before.height))
    assert psnr_db(inside, before) > 40


def test_several_changes_keep_their_order() -> None:
    photo = load_photo("cat")
    framed_then_turned = edit_picture(photo, "квадрат, чб")[0]
    step_by_step = edit_picture(edit_picture(photo, "square")[0], "black and white")[0]
    assert ImageChops.difference(framed_then_turned, step_by_step).getbbox() is None


def test_each_change_has_its_effect() -> None:
    for words, measure, sign in (
        ("brighter", light, 1), ("darker", light, -1), ("night", light, -1),
        ("contrast", spread, 1), ("less contrast", spread, -1), ("noir", colour, -1),
        ("warmer", warmth, 1), ("cooler", warmth, -1), ("golden hour", warmth, 1),
        ("saturate", colour, 1), ("muted", colour, -1), ("faded", colour, -1),
        ("faded", shadows_light, 1), ("pop", colour, 1), ("pop", local_spread, 1),
        ("HDR", local_spread, 1), ("less yellow", blueness, 1), ("more blue", blueness, 1),
        ("blue tint", blueness, 1), ("sepia", blueness, -1), ("vintage", blueness, -1),
        ("cinematic", spread, 1), ("film", shadows_light, 1), ("glow", light, 1),
        ("vignette", corners, -1), ("lift shadows", shadows_light, 1),
        ("recover highlights", highlights_light, -1), ("dehaze", spread, 1),
        ("blur", detail, -1), ("soften", detail, -1), ("sharpen", detail, 1),
        ("grain", detail, 1), ("pixelate", tones_count, -1), ("posterize", tones_count, -1),
        ("denoise", detail, -1), ("cartoon", flatness, 1), ("miniature", detail, -1),
        ("sketch", light, 1), ("outline", light, 1), ("watercolour", light, 1),
        ("oil", detail, 1), ("halftone", spread, 1), ("black and white", colour, -1),
        ("emboss", colour, -1), ("duotone", blueness, 1), ("glitch", detail, 1),
        ("round corners", corners, 1), ("circle", corners, 1),
    ):  # fmt: skip
        before, after = edited(words, "cat")
        assert (measure(after) - measure(before)) * sign > 0, words


def test_blurred_edges_leave_the_middle_sharp_and_a_blurred_background_the_subject() -> None:
    # The head of the portrait is at the upper edge, where a circle around the middle would end.
    for words, name, sharp, soft in (
        ("размой края", "cat", (180, 120, 270, 180), (0, 225, 112, 300)),
        ("размой фон", "astronaut", (200, 30, 270, 60), (0, 0, 60, 140)),
    ):
        before, after = edited(words, name)
        assert psnr_db(after.crop(sharp), before.crop(sharp)) > 40
        assert detail(after.crop(soft)) < 0.6 * detail(before.crop(soft))


def test_pop_art_shows_the_picture_four_times() -> None:
    _, after = edited("поп-арт", "cat")
    half = (after.width // 2, after.height // 2)
    prints = [after.crop((x, y, x + half[0], y + half[1])) for x in (0, half[0])
              for y in (0, half[1])]  # fmt: skip
    assert len({one.tobytes() for one in prints}) == 4
    # The same photo: all prints are dark in the same places.
    flat = [ImageStat.Stat(one.convert("L").crop((0, 0, 40, 40))).mean[0] for one in prints]
    assert max(flat) < 255


def test_crops_remove_the_requested_share() -> None:
    for words, width, height in (
        ("обрежь сверху на 20%", 1.0, 0.8), ("crop the bottom", 1.0, 0.85),
        ("обрежь слева на 50%", 0.5, 1.0), ("crop the right a bit", 0.925, 1.0),
        ("crop", 0.8, 0.8), ("half the size", 0.5, 0.5), ("уменьши на 25%", 0.75, 0.75),
    ):  # fmt: skip
        before, after = edited(words, "cat")
        assert after.width == pytest.approx(before.width * width, abs=2)
        assert after.height == pytest.approx(before.height * height, abs=2)
    before, after = edited("обрежь сверху на 20%", "cat")
    lower = before.crop((0, before.height - after.height, before.width, before.height))
    assert after.tobytes() == lower.tobytes()


def test_fitting_keeps_the_whole_picture() -> None:
    before, after = edited("впиши в 9:16", "cat")
    assert after.width / after.height == pytest.approx(9 / 16, rel=0.01)
    top = (after.height - before.height) // 2
    assert psnr_db(after.crop((0, top, before.width, top + before.height)), before) > 40


def test_long_pictures_stay_within_limits() -> None:
    strip = Image.new("RGB", (200, 20_000), "red")
    for words in ("впиши в 20:1", "fit into 1:20", "поверни на 45", "circle"):
        after = edit_picture(strip, words).image
        assert after.width * after.height <= 17_000_000


def test_rotation_is_clockwise_by_default() -> None:
    # A dark mark at the top, in the middle.
    photo = Image.new("RGB", (200, 200), "white")
    photo.paste("black", (90, 40, 110, 60))
    for words, is_right in (("rotate 30", True), ("поверни на 30 влево", False)):
        turned = edit_picture(photo, words).image.convert("L")
        box = turned.point([255 if value < 90 else 0 for value in range(256)]).getbbox()
        assert box is not None
        assert ((box[0] + box[2]) / 2 > turned.width / 2) is is_right


@pytest.mark.parametrize(
    ("words", "place"),
    [
        ("put me in front of the Eiffel tower", "eiffel tower"),
        ("помести меня на фоне эйфелевой башни", "эйфелевой башни"),
    ],
)
def test_a_place_that_cannot_be_drawn_is_asked_for_by_its_name(words: str, place: str) -> None:
    with pytest.raises(UserError, match="place_unknown") as caught:
        edit_picture(load_photo("cat"), words)
    assert caught.value.facts == {"place": place}


WORDS_OF = {
    "rotate": "rotate 30", "crop_ratio": "crop to 3:2", "square": "crop to a square",
    "tint": "blue tones", "rotate_left": "turn left",
    "rotate_right": "turn right", "upside_down": "upside down", "black_white": "bw",
    "backdrop": "white background", "scenery": "on a beach background",
    "recolour": "make the brown cat blue",
    "colour_frame": "black frame", "round_corners": "round corners", "flip": "flip vertically",
    "flatter": "less contrast", "shadows": "lift shadows", "highlights": "recover highlights",
    "golden_hour": "golden hour", "less_colour": "less yellow", "more_colour": "more blue",
    "white_balance": "white balance", "depth": "hdr", "pop_art": "pop art",
    "blur_edges": "blur the edges", "blur_background": "blur the background",
    "fit_ratio": "fit into 9:16",
    "crop_side": "crop the top", "crop_edges": "crop", "red_eye": "remove red eyes",
    "scratches": "remove scratches", "dust": "remove dust", "photo_style": "van gogh",
}  # fmt: skip
SHAPES = [(16, 16), (1, 1), (16, 900), (700, 16), (1, 3000), (120, 90)]


@pytest.mark.parametrize(
    ("size", "degree"), [*zip(SHAPES, ("slightly ", "", "much ") * 2, strict=True)]
)
def test_every_change_takes_every_shape_and_degree(size: tuple[int, int], degree: str) -> None:
    assert {*KEYS, LETTERED, UNLETTERED} == set(APPLIED_KEYS)
    for key in KEYS:
        words = degree + WORDS_OF.get(key, key)
        assert [step.key for step in parse_edit_request(words)[0]] == [key]
        after, applied, unrecognised, *_ = edit_picture(load_photo("cat").resize(size), words)
        assert (key, len({*applied} - {GUESSED}), unrecognised) == (key, 1, ())
        assert after.mode == "RGB"
        assert min(after.size) >= 1


def test_applied_changes_carry_degree_or_value() -> None:
    table = {
        "чуть теплее и ЧБ": ("warmer|slightly", "black_white"),
        "much brighter, brighter": ("brighter|much", "brighter"), "поверни на 45": ("rotate|45",),
        "поверни на 30 градусов влево": ("rotate|-30",), "поверни немного вправо": ("rotate|5",),
        "16x9": ("crop_ratio|16:9",), "в синих тонах": ("tint|blue",),
        "убери желтизну": ("less_colour|yellow",), "сильно чб": ("black_white",),
        "crop to 0:9": ("unchanged",), "убери красные глаза": ("unchanged",),
        "resize to 9999px": ("unchanged",), "уменьши до 200 пикселей": ("smaller",),
    }  # fmt: skip
    assert {words: edit_picture(load_photo("cat"), words).applied for words in table} == table
    assert max(edit_picture(load_photo("cat"), "уменьши до 200 пикселей").image.size) == 200


def test_partly_understood_prompt_is_applied_and_reported(tmp_path: Path) -> None:
    source, words = save_photo("cat", tmp_path), "сделай теплее и надень шляпу"
    made = make_picture("edit", words, (source,), str(tmp_path / "o.jpg"), scale=2, seed=1)
    assert made.applied == ("warmer",)
    assert made.unrecognised == ("надень", "шляпу")
    assert made.suggestions == ()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("square", "shape_same"),
        ("vertical", "shape_cuts"),
        ("сделай вертикальную для сторис", "shape_cuts"),
        ("16:9", "shape_cuts"),
    ],
)
def test_a_shape_alone_is_refused_where_it_would_change_nothing_or_cut_off_the_subject(
    words: str, reason: str
) -> None:
    with pytest.raises(UserError, match=reason):
        edit_picture(load_photo("astronaut"), words)


def test_a_picture_that_is_vertical_is_cropped_to_a_ratio_alone() -> None:
    photo = load_photo("astronaut").crop((100, 0, 388, 512))

    with pytest.raises(UserError, match="shape_same"):
        edit_picture(photo, "make it vertical")
    cropped = edit_picture(photo, "crop to 3:4").image

    assert cropped.width / cropped.height == pytest.approx(3 / 4, abs=0.01)


@pytest.mark.parametrize(
    "words", ["crop to 9:16", "fit into 9:16", "vertical for a story, brighter"]
)
def test_a_shape_that_is_told_apart_or_beside_a_change_is_made(words: str) -> None:
    image = edit_picture(load_photo("astronaut"), words).image
    assert image.width / image.height == pytest.approx(9 / 16, abs=0.01)
