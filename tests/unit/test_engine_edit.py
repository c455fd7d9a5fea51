"""Edit: how sentences are read, and that each change does what its word says."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageFilter, ImageStat

from imgbot.errors import UserError
from imgbot.imaging.engine import make
from imgbot.imaging.engine.edit import edit_picture
from imgbot.imaging.engine.sentences import read_steps
from imgbot.imaging.engine.vocabulary import KEYS
from tests.support.photos import load_photo, psnr_db, save_photo


def keys(words: str) -> list[str]:
    return [step.key for step in read_steps(words)[0]]


SENTENCES = [
    ("сделай ярче", ["brighter"]),
    ("Make it brighter!", ["brighter"]),
    ("посветлее, пожалуйста", ["brighter"]),
    ("затемни", ["darker"]),
    ("less bright", ["darker"]),
    ("больше контраста", ["contrast"]),
    ("less contrast", ["flatter"]),
    ("теплее", ["warmer"]),
    ("colder", ["cooler"]),
    ("сочные цвета", ["saturate"]),
    ("less saturated", ["desaturate"]),
    ("чёрно-белое", ["black_white"]),
    ("black and white", ["black_white"]),
    ("чб", ["black_white"]),
    ("сепия", ["sepia"]),
    ("в стиле ретро", ["vintage"]),
    ("размой", ["blur"]),
    ("резче", ["sharpen"]),
    ("негатив", ["invert"]),
    ("поверни налево", ["rotate_left"]),
    ("rotate it clockwise", ["rotate_right"]),
    ("поверни", ["rotate_right"]),
    ("переверни вверх ногами", ["upside_down"]),
    ("rotate by 45 degrees", ["rotate"]),
    ("отзеркаль", ["mirror"]),
    ("flip", ["mirror"]),
    ("flip vertically", ["flip"]),
    ("обрежь под квадрат", ["square"]),
    ("crop to 16:9", ["crop_ratio"]),
    ("виньетка", ["vignette"]),
    ("добавь белую рамку", ["frame"]),
    ("black frame", ["black_frame"]),
    ("film grain", ["grain"]),
    ("пикселизируй", ["pixelate"]),
    ("posterize", ["posterize"]),
    ("контуры", ["outline"]),
    ("pencil sketch", ["sketch"]),
    ("автоуровни", ["auto"]),
    ("улучши", ["auto"]),
    ("в синих тонах", ["tint"]),
    ("осветли тени", ["shadows"]),
    ("убери шум", ["denoise"]),
    ("сделай теплее, чуть ярче и добавь рамку", ["warmer", "brighter", "frame"]),
    ("Rotate left then black & white then blur", ["rotate_left", "black_white", "blur"]),
]


@pytest.mark.parametrize(("words", "expected"), SENTENCES)
def test_what_is_understood(words: str, expected: list[str]) -> None:
    assert keys(words) == expected
    assert read_steps(words)[1] == ()


@pytest.mark.parametrize(
    ("words", "degrees"),
    [
        ("ярче", [1.0]),
        ("чуть ярче", [0.5]),
        ("slightly warmer", [0.5]),
        ("a little bit darker", [0.5]),
        ("намного теплее", [1.8]),
        ("much warmer, slightly brighter", [1.8, 0.5]),
        ("ярче намного, резче", [1.8, 1.0]),
        ("ярче на 50%", [2.0]),
        ("brighter and a lot sharper", [1.0, 1.8]),
    ],
)
def test_degrees_belong_to_their_change(words: str, degrees: list[float]) -> None:
    assert [step.degree for step in read_steps(words)[0]] == pytest.approx(degrees)


@pytest.mark.parametrize(
    ("words", "unknown"),
    [
        ("добавь шляпу", ("шляпу",)),
        ("remove the hat", ("remove", "hat")),
        ("убери рамку", ("убери", "рамку")),
        ("без рамки", ("без", "рамки")),
        ("don't blur", ("don", "t", "blur")),
        ("фиолетовый слон", ("фиолетовый", "слон")),
        ("😀 !!! 123", ()),
        ("", ()),
    ],
)
def test_what_is_not_understood_is_said(words: str, unknown: tuple[str, ...]) -> None:
    assert read_steps(words) == ((), unknown)
    with pytest.raises(UserError) as caught:
        edit_picture(load_photo("pendulum"), words)
    assert caught.value.reason == "edit_words_unknown"
    assert caught.value.facts == {"words": words}


def test_half_understood_is_done_and_said(tmp_path: Path) -> None:
    source = save_photo("cat", tmp_path)
    made = make(
        "edit", "сделай теплее и надень шляпу", (source,), str(tmp_path / "o.jpg"), scale=2, seed=1
    )
    assert made.did == ("warmer",)
    assert made.unknown == ("надень", "шляпу")


def test_endless_sentences_are_bounded() -> None:
    assert edit_picture(load_photo("pendulum"), "зеркало " * 2000)[1] == ("mirror",)
    assert keys("а" * 100_000) == []
    assert keys("чуть " * 5000) == []
    assert len(read_steps("ярче, " * 5000)[0]) <= 200


def edited(words: str, name: str = "astronaut") -> tuple[Image.Image, Image.Image]:
    before = load_photo(name)
    after, _, unknown = edit_picture(before, words)
    assert unknown == ()
    assert after.mode == "RGB"
    return before, after


def light(image: Image.Image) -> float:
    return ImageStat.Stat(image.convert("L")).mean[0]


def spread(image: Image.Image) -> float:
    return ImageStat.Stat(image.convert("L")).stddev[0]


def warmth(image: Image.Image) -> float:
    red, _, blue = ImageStat.Stat(image).mean
    return red - blue


def colour(image: Image.Image) -> float:
    return ImageStat.Stat(image.convert("HSV")).mean[1]


def detail(image: Image.Image) -> float:
    return ImageStat.Stat(image.convert("L").filter(ImageFilter.FIND_EDGES)).mean[0]


@pytest.mark.parametrize(
    ("less", "more", "measure"),
    [
        ("much darker", "darker", light),
        ("slightly brighter", "much brighter", light),
        ("less contrast", "more contrast", spread),
        ("much cooler", "slightly cooler", warmth),
        ("чуть теплее", "сильно теплее", warmth),
        ("desaturate", "saturate", colour),
        ("сильно размой", "слегка размой", detail),
        ("blur", "sharpen", detail),
        ("сильная виньетка", "легкая виньетка", light),
    ],
)
@pytest.mark.parametrize("photo", ["astronaut", "cat"])
def test_changes_go_the_right_way_and_by_degrees(
    less: str, more: str, measure: Callable[[Image.Image], float], photo: str
) -> None:
    before, weaker = edited(less, photo)
    _, stronger = edited(more, photo)
    assert measure(weaker) < measure(stronger)
    assert weaker.size == stronger.size == before.size


def test_turning_and_mirroring_lose_nothing() -> None:
    before, left = edited("поверни налево", "cat")
    assert left.size == (before.height, before.width)
    assert edit_picture(left, "rotate right")[0].tobytes() == before.tobytes()
    for words in ("mirror", "flip vertically", "upside down", "invert"):
        once = edit_picture(before, words)[0]
        assert once.tobytes() != before.tobytes()
        assert edit_picture(once, words)[0].tobytes() == before.tobytes()


def test_a_slant_leaves_no_empty_corner() -> None:
    white = Image.new("RGB", (300, 200), "white")
    for degrees in (1, 17, 45, 89, 133, 271):
        turned = edit_picture(white, f"rotate {degrees}")[0]
        assert ImageStat.Stat(turned).extrema[0][0] > 200


@pytest.mark.parametrize(("words", "ratio"), [("квадрат", 1.0), ("16:9", 16 / 9), ("2:3", 2 / 3)])
def test_crops_have_the_asked_shape(words: str, ratio: float) -> None:
    _, after = edited(words, "cat")
    assert after.width / after.height == pytest.approx(ratio, rel=0.01)


def test_black_and_white_has_no_colour_and_sepia_one() -> None:
    assert colour(edited("чб")[1]) == 0
    sepia = edited("сепия")[1]
    red, green, blue = ImageStat.Stat(sepia).mean
    assert red > green > blue


def test_frames_add_to_the_picture() -> None:
    before, after = edited("рамка")
    assert after.width > before.width
    assert after.getpixel((0, 0)) == (255, 255, 255)
    inside = after.crop(
        (
            (after.width - before.width) // 2,
            (after.height - before.height) // 2,
            (after.width + before.width) // 2,
            (after.height + before.height) // 2,
        )
    )
    assert psnr_db(inside, before) > 40


def test_several_changes_keep_their_order() -> None:
    photo = load_photo("cat")
    framed_then_turned = edit_picture(photo, "квадрат, чб")[0]
    step_by_step = edit_picture(edit_picture(photo, "square")[0], "black and white")[0]
    assert ImageChops.difference(framed_then_turned, step_by_step).getbbox() is None


WORDS_OF = {
    "rotate": "rotate 30", "crop_ratio": "3:2", "tint": "blue tones", "rotate_left": "turn left",
    "rotate_right": "turn right", "upside_down": "upside down", "black_white": "bw",
    "black_frame": "black frame", "round_corners": "round corners", "flip": "flip vertically",
    "flatter": "less contrast", "shadows": "lift shadows", "highlights": "recover highlights",
}  # fmt: skip


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("size", [(16, 16), (16, 900), (700, 16), (120, 90)])
def test_every_change_takes_every_shape(key: str, size: tuple[int, int]) -> None:
    photo = load_photo("cat").resize(size)
    for degree in ("slightly ", "", "much "):
        after, did, _ = edit_picture(photo, degree + WORDS_OF.get(key, key))
        assert did == (key,)
        assert after.mode == "RGB"
        assert min(after.size) >= 1
