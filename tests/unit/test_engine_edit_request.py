"""Edit requests: parsing, typo correction and suggestions."""

from pathlib import Path

import pytest

from imgbot.domain.errors import UserError
from imgbot.imaging.engine import run
from imgbot.imaging.engine.edit import edit_picture
from imgbot.imaging.engine.edit_request import parse_edit_request
from imgbot.imaging.engine.vocabulary import WORDS
from tests.fixtures.photos import load_photo, save_photo


def keys(words: str) -> list[str]:
    return [step.key for step in parse_edit_request(words)[0]]


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
    ("добавь белую рамку", ["colour_frame"]),
    ("black frame", ["colour_frame"]),
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
    ("сделай поярче и убери желтизну", ["brighter", "less_colour"]),
    ("Сделай её ч/б и добавь виньетку", ["black_white", "vignette"]),
    ("потеплее плиз", ["warmer"]),
    ("чернобелое", ["black_white"]),
    ("размой фон", ["blur_edges"]),
    ("blur the background please", ["blur_edges"]),
    ("кадрируй квадратом", ["square"]),
    ("обрежь 16 на 9", ["crop_ratio"]),
    ("сторис", ["crop_ratio"]),
    ("обрежь снизу", ["crop_side"]),
    ("crop a bit", ["crop_edges"]),
    ("впиши в квадрат", ["fit_ratio"]),
    ("в круг", ["circle"]),
    ("красная рамка", ["colour_frame"]),
    ("добавь рамку", ["frame"]),
    ("переверни", ["upside_down"]),
    ("как карандашом", ["sketch"]),
    ("зернистость плёнки", ["grain"]),
    ("сделай под плёнку", ["film"]),
    ("как в кино", ["cinematic"]),
    ("make it pop", ["pop"]),
    ("HDR", ["depth"]),
    ("brighten it up a bit pls", ["brighter"]),
    ("a tad cooler", ["cooler"]),
    ("crank up saturation", ["saturate"]),
    ("turn it 45 degrees", ["rotate"]),
    ("turn it into a sketch", ["sketch"]),
    ("Turn it!", ["rotate_right"]),
    ("поверни чуть влево", ["rotate"]),
    ("remove the yellow tint", ["less_colour"]),
    ("it's too yellow", ["less_colour"]),
    ("больше синего", ["more_colour"]),
    ("сделай посинее", ["more_colour"]),
    ("убери оттенок", ["white_balance"]),
    ("слишком темно", ["brighter"]),
    ("too bright", ["darker"]),
    ("less colorful", ["desaturate"]),
    ("яркость -20%", ["darker"]),
    ("brightness -10, contrast +30", ["darker", "contrast"]),
    ("ночь", ["night"]),
    ("золотой час", ["golden_hour"]),
    ("акварелью", ["watercolour"]),
    ("pop art", ["pop_art"]),
    ("удали красные глаза", ["red_eye"]),
    ("убери царапины, убери пыль", ["scratches", "dust"]),
    ("уменьши в два раза", ["smaller"]),
    ("Make it look like an old photo, with grain", ["vintage", "grain"]),
    ("Rotate left then black & white then blur", ["rotate_left", "black_white", "blur"]),
]


def test_requests_are_understood_completely() -> None:
    parsed = [(words, keys(words)) for words, _ in SENTENCES]
    assert parsed == SENTENCES
    assert [words for words, _ in SENTENCES if parse_edit_request(words)[1]] == []


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
        ("не слишком ярко", [0.5]),
        ("чуть-чуть размой", [0.5]),
        ("очень сильно размой", [1.8]),
        ("контраст +50", [2.0]),
    ],
)
def test_degrees_belong_to_their_change(words: str, degrees: list[float]) -> None:
    assert [step.degree for step in parse_edit_request(words)[0]] == pytest.approx(degrees)


@pytest.mark.parametrize(
    ("words", "unrecognised"),
    [
        ("добавь шляпу", ("шляпу",)),
        ("remove the hat", ("remove", "hat")),
        ("убери рамку", ("убери", "рамку")),
        ("без рамки", ("без", "рамки")),
        ("don't blur", ("dont", "blur")),
        ("фиолетовый слон", ("фиолетовый", "слон")),
        ("😀 !!! 123", ()),
        ("", ()),
    ],
)
def test_unrecognised_words_are_reported(words: str, unrecognised: tuple[str, ...]) -> None:
    assert parse_edit_request(words) == ((), unrecognised)
    with pytest.raises(UserError) as caught:
        edit_picture(load_photo("pendulum"), words)
    assert caught.value.reason == "edit_words_unknown"
    assert caught.value.facts["words"] == words
    assert caught.value.facts["nearest"]


@pytest.mark.parametrize(
    ("words", "key"),
    [
        ("ярчее", "brighter"), ("ячре", "brighter"), ("контарст", "contrast"),
        ("сипия", "sepia"), ("размытее", "blur"), ("brigther", "brighter"),
        ("warmmer", "warmer"), ("vingette", "vignette"), ("saturtion", "saturate"),
        ("виньетака", "vignette"),
    ],
)  # fmt: skip
def test_one_typo_is_corrected(words: str, key: str) -> None:
    _, applied, unrecognised, nearest = edit_picture(load_photo("pendulum"), words)
    assert (applied, unrecognised, nearest) == ((key,), (), ())


@pytest.mark.parametrize("words", ["make the sky blue", "арка", "шляпа", "farmer", "hammer"])
def test_other_words_are_not_taken_for_typos(words: str) -> None:
    assert keys(words) == []


def test_every_word_of_the_typo_correction_is_understood() -> None:
    parsed = {word: parse_edit_request(word) for word in WORDS}
    assert [
        word for word, (steps, unrecognised) in parsed.items() if len(steps) != 1 or unrecognised
    ] == []


@pytest.mark.parametrize(
    ("words", "near"),
    [
        ("пслетка", "плёнка"),
        ("контрасстнаее", "контраст"),
        ("warmish", "warmer"),
        ("горизонт", "поверни на 2 градуса"),
        ("background", "blur the background"),
        ("увеличь", "приблизь"),
    ],
)
def test_similar_changes_are_suggested(words: str, near: str) -> None:
    with pytest.raises(UserError) as caught:
        edit_picture(load_photo("pendulum"), words)
    nearest = str(caught.value.facts["nearest"]).split(", ")
    assert near in nearest
    assert len(nearest) <= 3


@pytest.mark.parametrize(
    ("words", "nearest"),
    [
        ("щщщщ", "ярче, теплее, чёрно-белое"),
        ("qqqq", "brighter, warmer, black and white"),
        ("😀", "brighter, warmer, black and white"),
    ],
)
def test_popular_changes_are_suggested_otherwise(words: str, nearest: str) -> None:
    with pytest.raises(UserError) as caught:
        edit_picture(load_photo("pendulum"), words)
    assert caught.value.facts["nearest"] == nearest


@pytest.mark.parametrize("unrecognised", ["зелёный слон", "без рамки", "щщщ", "sky", "qqq wxyz"])
def test_every_suggestion_is_understood(unrecognised: str) -> None:
    with pytest.raises(UserError) as caught:
        edit_picture(load_photo("pendulum"), unrecognised)
    for word in str(caught.value.facts["nearest"]).split(", "):
        assert parse_edit_request(word)[0]
        assert parse_edit_request(word)[1] == ()


@pytest.mark.parametrize(
    ("words", "applied"),
    [
        ("чуть теплее и ЧБ", ("warmer|slightly", "black_white")),
        ("much brighter, brighter", ("brighter|much", "brighter")),
        ("поверни на 45", ("rotate|45",)),
        ("поверни на 30 градусов влево", ("rotate|-30",)),
        ("поверни немного вправо", ("rotate|5",)),
        ("16x9", ("crop_ratio|16:9",)),
        ("в синих тонах", ("tint|blue",)),
        ("убери желтизну", ("less_colour|yellow",)),
        ("сильно чб", ("black_white",)),
        ("crop to 0:9", ("unchanged",)),
        ("убери красные глаза", ("unchanged",)),
    ],
)
def test_applied_changes_carry_degree_or_value(words: str, applied: tuple[str, ...]) -> None:
    assert edit_picture(load_photo("cat"), words).applied == applied


def test_partly_understood_prompt_is_applied_and_reported(tmp_path: Path) -> None:
    source = save_photo("cat", tmp_path)
    made = run(
        "edit", "сделай теплее и надень шляпу", (source,), str(tmp_path / "o.jpg"), scale=2, seed=1
    )
    assert made.applied == ("warmer",)
    assert made.unrecognised == ("надень", "шляпу")
    assert made.suggestions == ()


def test_very_long_prompts_are_bounded() -> None:
    assert edit_picture(load_photo("pendulum"), "зеркало " * 2000).applied == ("mirror",)
    assert keys("а" * 100_000) == []
    assert keys("чуть " * 5000) == []
    assert len(parse_edit_request("ярче, " * 5000)[0]) <= 200


HOSTILE = [
    "", " ", "\x00" * 50, "😀😀😀", "ярче\x00теплее", "я\u200bрче", "\u202eתמונה בהירה",
    "مرحبا", "a" * 2000, "ярче " * 2000, "<b>ярче</b>", "*_`[](){}", "%s %d {0}", "(((((", "\\d+",
    "99999999:1", "на 999%", "rotate 999", "0:0", "ﷺ" * 1000, "чуть " * 500, ", " * 1000,
]  # fmt: skip


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_prompts_are_parsed_or_refused(words: str) -> None:
    photo = load_photo("pendulum")
    if parse_edit_request(words)[0]:
        assert edit_picture(photo, words).applied
    else:
        with pytest.raises(UserError, match="edit_words_unknown") as caught:
            edit_picture(photo, words)
        assert len(str(caught.value.facts["words"])) <= 120
        assert caught.value.facts["nearest"]


def test_decomposed_and_invisible_characters_are_normalized() -> None:
    # й as и and a breve, as some phones send it; a zero-width space inside a word.
    assert keys("те\u0308плыи\u0306") == ["warmer"]
    assert keys("я\u200bрче") == ["brighter"]
    assert keys("ЯРЧЕ!!!\x00") == ["brighter"]
