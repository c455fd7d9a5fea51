"""Merge requests: colloquial, unsupported and hostile prompts, and photos of any shape."""

import pytest
from PIL import Image

from imgbot.imaging.engine.merge import APPLIED_KEYS, merge_pictures
from imgbot.imaging.engine.merge_request import LAYOUT_WORDS, parse_merge_request
from tests.fixtures.flat_pictures import sheets
from tests.fixtures.photos import load_photo


def test_colloquial_merge_requests_are_understood() -> None:
    table = {
        "сделай коллаж из этих фото": "collage", "колаж плиз": "collage",
        "объедини 2 фото в 1": "collage", "объедини эти фото в одно": "collage",
        "combine two photos into one": "collage", "паноррама": "panorama",
        "рядм": "beside", "сетка 3x3": "contact_sheet", "grid": "contact_sheet",
        "поставь первую фотку поверх второй": "cut_out", "1 рядом с 2": "beside",
        "put photo 2 next to photo 1": "beside", "сравни": "before_after",
        "cut out 2 and put on 1": "cut_out", "на чёрном фоне": "collage",
    }  # fmt: skip
    parsed = {words: parse_merge_request(words, 3) for words in table}
    assert {words: request.layout for words, request in parsed.items()} == table
    assert [words for words, request in parsed.items() if request.unrecognised] == []


def test_every_word_and_name_of_a_layout_is_understood() -> None:
    words = (*LAYOUT_WORDS, *LAYOUT_WORDS.values())
    assert [word for word in words if parse_merge_request(word, 2).unrecognised] == []


def test_unrecognised_words_are_reported_with_suggested_layouts() -> None:
    for words, unrecognised, near in (
        ("отпуск с друзьями", ("отпуск", "друзьями"), "коллаж"),
        ("party at the beach", ("party", "beach"), "collage"),
        ("зрвнение", ("зрвнение",), "до и после"),
        ("colllagggge", ("colllagggge",), "collage"),
    ):
        outcome = merge_pictures(sheets(2), words)
        assert outcome.unrecognised == unrecognised
        assert near in outcome.suggestions
        assert len(outcome.suggestions) == 3


def test_unsupported_requests_are_reported_and_change_no_order() -> None:
    for words in ("swap faces", "face swap", "swap the faces", "поменяй лица местами",
                  "замени лицо"):  # fmt: skip
        made = parse_merge_request(words, 2)
        assert (made.layout, made.order, made.unrecognised) == ("collage", (0, 1), (words,))


HOSTILE = [
    "", " ", "\x00" * 60, "😀😀", "\u202eשלום עולם", "مرحبا", "a" * 2000, "1 " * 1000,
    "put 1 into 1", "put 7 into 9", "0 в 0", "999 в 1000", "слева 99", "@1 @2", "@@@@ 1@2",
    "вставь " * 300, "1 и " * 400 + "в 2", "первое " * 200, "<b>1</b>", "{0} %s", "\\d+", "((((",
    "последнее в последнее", "1 2 3 4 5 6 7 8 9 10 11 12",
]  # fmt: skip


def test_hostile_prompts_make_a_collage() -> None:
    for words in HOSTILE:
        outcome = merge_pictures(sheets(3), words)
        assert outcome.applied[0].partition("|")[0] in APPLIED_KEYS
        assert min(outcome.image.size) >= 1


LAYOUT_REQUESTS = ["", "рядом", "столбиком", "наложи", "double exposure", "панорама", "сетка",
                   "1 в 2", "до и после", "вырежи"]  # fmt: skip


@pytest.mark.parametrize("words", LAYOUT_REQUESTS)
def test_narrow_photos_stay_within_limits_and_leave_room_for_others(words: str) -> None:
    strips = [Image.new("RGB", (1, 3000), "red"), Image.new("RGB", (20_000, 16), "blue")] * 5
    for count in (2, 10):
        sheet = merge_pictures(strips[:count], words).image
        assert sheet.width * sheet.height <= 20_000_000
        assert sum(sheet.size) <= 22_100
    sheet = merge_pictures([load_photo("cat"), load_photo("astronaut"), strips[0]], words).image
    assert min(sheet.size) >= 200
    assert sum(sheet.size) <= 10_000
