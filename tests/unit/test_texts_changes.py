"""Names of changes in both languages; every word of the offered vocabulary is understood."""

import pytest

from imgbot.domain.texts import LANGUAGES
from imgbot.domain.texts.changes import edit_names, vocabulary
from imgbot.imaging.engine import edit, merge
from imgbot.imaging.engine.colours import NAMED_COLOURS
from imgbot.imaging.engine.edit_request import parse_edit_request

VALUES = {
    "rotate": "45", "crop_ratio": "16:9", "fit_ratio": "9:16", "crop_side": "top",
    "left_out": "3,4", "tint": "blue", "more_colour": "red", "less_colour": "yellow",
    "colour_frame": "gold",
}  # fmt: skip
RETOUCH_KEYS = (
    "deblock", "scratches", "dust", "red_eye", "white_balance", "denoise", "exposure",
    "local_contrast", "detail",
)  # fmt: skip
KEYS = (
    *edit.APPLIED_KEYS,
    edit.UNCHANGED,
    *merge.APPLIED_KEYS,
    *RETOUCH_KEYS,
    "x2",
    "x4",
    "waifu2x",
)


def is_russian(text: str) -> bool:
    return any("а" <= char <= "я" for char in text.lower())


def test_every_change_has_a_name_in_both_languages() -> None:
    for key in KEYS:
        entry = f"{key}|{VALUES[key]}" if key in VALUES else key
        russian, english = edit_names("ru", [entry]), edit_names("en", [entry])

        assert is_russian(russian), entry
        assert english, entry
        assert not is_russian(english), entry
        for name in (russian, english):
            assert name == name.lower()
            assert not set("{|") & set(name)


def test_every_colour_of_a_change_has_a_name() -> None:
    for key in ("tint", "more_colour", "less_colour", "colour_frame"):
        for colour in NAMED_COLOURS:
            assert is_russian(edit_names("ru", [f"{key}|{colour}"])), colour
            assert edit_names("en", [f"{key}|{colour}"]), colour


def test_several_changes_are_one_phrase() -> None:
    did = ("warmer|slightly", "black_white", "rotate|45")

    assert edit_names("ru", did) == "чуть теплее, чёрно-белое, поворот на 45°"
    assert edit_names("en", did) == "slightly warmer, black and white, rotated by 45°"


@pytest.mark.parametrize(
    ("entry", "russian", "english"),
    [
        ("brighter|much", "намного ярче", "much brighter"),
        ("blur|slightly", "лёгкое размытие", "light blur"),
        ("vignette|much", "сильная виньетка", "strong vignette"),
        ("rotate|-5", "поворот на 5° влево", "rotated by 5° to the left"),
        ("crop_ratio|16:9", "кадр 16:9", "cropped to 16:9"),
        ("tint|light_blue", "в голубых тонах", "light blue tones"),
        ("less_colour|yellow", "меньше жёлтого", "less yellow"),
        ("colour_frame|red", "красная рамка", "red frame"),
        ("left_out|3", "без фото 3", "without photo 3"),
        ("left_out|3,4,5", "без фото 3, 4 и 5", "without photos 3, 4 and 5"),
        ("vintage|slightly", "ретро", "vintage"),
    ],
)
def test_degrees_and_values_read_naturally(entry: str, russian: str, english: str) -> None:
    assert edit_names("ru", [entry]) == russian
    assert edit_names("en", [entry]) == english


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_unknown_change_is_left_out(language: str) -> None:
    for entry in ("", "|", "no_such_key", "tint|no_such_colour", "crop_side|", "rotate|", "{}|{}"):
        assert edit_names(language, (entry,)) == "", entry
        assert edit_names(language, (entry, "warmer")) == edit_names(language, ("warmer",))


def test_a_strange_value_stays_short_and_harmless() -> None:
    assert len(edit_names("en", [f"crop_ratio|{'9' * 5000}"])) < 60
    assert edit_names("en", ["crop_ratio|{0.__class__}"]) == "cropped to {0.__class__}"


def test_every_word_that_is_offered_is_understood_and_both_languages_offer_the_same() -> None:
    keys: dict[str, set[str]] = {}
    for language in LANGUAGES:
        offered = vocabulary(language)
        lists = [line.partition(": ")[2] for line in offered.splitlines()]
        assert len(offered) <= 900
        for word in ", ".join(lists).split(", "):
            steps, unknown = parse_edit_request(word)
            assert (len(steps), unknown) == (1, ()), word
        keys[language] = {step.key for words in lists for step in parse_edit_request(words)[0]}

    assert len(keys["ru"]) >= 40
    assert keys["ru"] == keys["en"]
