"""Ordinals in words and digits, of both languages."""

import pytest

from imgbot.domain.ordinals import LAST, ORIGINAL, UNDONE, Named, picture_named_in


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("второй поярче", Named(2, "поярче")),
        ("третью сделай чб", Named(3, "сделай чб")),
        ("2-й поярче", Named(2, "поярче")),
        ("вариант 2 поярче", Named(2, "поярче")),
        ("у второй убери фон", Named(2, "убери фон")),
        ("во втором варианте добавь шляпу", Named(2, "добавь шляпу")),
        ("ещё 2 варианта второго", Named(2, "ещё 2 варианта")),
        ("верни первую", Named(1, "undo")),
        ("the first one was better, go back to it", Named(1, "undo")),
        ("беру первый", Named(1)),
        ("Первая лучше всех!", Named(1)),
        ("последний поярче", Named(LAST, "поярче")),
        ("use the first one", Named(1)),
        ("make the second brighter", Named(2, "make it brighter")),
        ("add a hat to the first one", Named(1, "add a hat")),
        ("second one but darker", Named(2, "darker")),
        ("#2 brighter", Named(2, "brighter")),
        ("the 2nd but at night", Named(2, "at night")),
        ("variations of the second", Named(2, "another one")),
        ("the last one but darker", Named(LAST, "darker")),
        ("2", Named(2, is_certain=False)),
        ("the original", Named(ORIGINAL)),
        ("верни оригинал", Named(ORIGINAL)),
        ("верни обратно", Named(UNDONE, is_certain=False)),
        ("нет, верни обратно", Named(UNDONE, is_certain=False)),
        ("undo the undo", Named(UNDONE, is_certain=False)),
        ("the second world war", None),
        ("make the second dog bigger", None),
        ("make it brighter first", None),
        ("первый снег", None),
        ("на второй день", None),
        ("3 варианта лисы", None),
        ("put the first on the second", None),
        ("скинь оригинал", None),
    ],
)
def test_a_text_may_name_one_of_several_pictures(text: str, named: Named | None) -> None:
    assert picture_named_in(text) == named


@pytest.mark.parametrize("words", ["лучше ", "ok okay ", "хороший лучший ", "!? "])
def test_hostile_texts_are_read(words: str) -> None:
    assert picture_named_in(f"первый вариант {words * 300}кот".strip()) is not None
