"""Beginnings that are no part of a prompt."""

import pytest

from imgbot.domain.intents.beginnings import names_new_picture, without_preamble

CLUMSY = [
    ("смотри мне надо чтобы ты мне сделал картинку где кот спит", "кот спит"),
    ("слушай а нарисуй мне пожалуйста типа кота в шляпе", "нарисуй кота в шляпе"),
    ("сделай мне, пожалуйста, картинку, на которой дракон", "дракон"),
    ("нарисуй картинку где лиса", "лиса"),
    ("можешь нарисовать лису?", "нарисуй лису"),
    ("i was wondering if you could draw me a picture of a fox", "a fox"),
    ("ok so basically i want a picture where a dog flies", "a dog flies"),
    ("could you draw an owl?", "an owl"),
    ("make me a picture of a castle", "a castle"),
    ("нет, лучше картинку, где он спит", "он спит"),
    ("ладно, тогда нарисуй жирафа", "нарисуй жирафа"),
]
PLAIN = """
draw a cat | нарисуй кота | a picture of a fox | look at me | so it goes, poster | мне снился сон
ну погоди | хочу в лес | please draw | пожалуйста нарисуй | нарисуй мне картину где | i want a fox
i need a hero, poster | a photo of a bot | 🦊 | give peace a chance | make love, not war, poster
just do it | please show this | а сделай так | wow make it brighter | ой, дайте подумать
"""


@pytest.mark.parametrize(("prompt", "expected"), CLUMSY)
def test_clumsy_beginning_is_cut_off(prompt: str, expected: str) -> None:
    assert without_preamble(prompt) == expected


@pytest.mark.parametrize(
    "prompt", [*(each.strip() for each in PLAIN.replace("\n", "|").split("|")), "мне надо " * 220]
)
def test_other_beginnings_stay(prompt: str) -> None:
    assert without_preamble(prompt) == prompt
    assert not names_new_picture(prompt)
