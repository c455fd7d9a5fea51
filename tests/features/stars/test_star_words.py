"""Words about buying and money back, and what they are not."""

from functools import partial
from types import SimpleNamespace
from typing import cast

import pytest

from imgbot.bot.dialogue import Dialogue
from imgbot.domain.texts import t
from imgbot.domain.words import read
from imgbot.domain.words.reading import Talk, WordReader
from imgbot.features.feature import PrivacyNote
from imgbot.features.stars.support import terms_of_sale
from imgbot.features.stars.words import ROWS
from tests.unit.test_words import CHATS


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_each_row_reads_its_examples(row: WordReader) -> None:
    found = [read(each.text, CHATS[each.after], ROWS) for each in row.examples]

    assert [each.topic for each in found if isinstance(each, Talk)] == [row.name] * 2


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("buy pictures", "buy"),
        ("Hi, how can I buy more images?", "buy"),
        ("пополни баланс", "buy"),
        ("а где тут купить?", "buy"),
        ("give me my money back!", "refund"),
        ("как вернуть звёзды?", "refund"),
        ("how much", "price"),
        ("сколько стоит картинка?", "price"),
    ],
)
def test_a_customer_is_understood_with_and_without_a_picture(text: str, topic: str) -> None:
    found = [read(text, CHATS[chat], ROWS) for chat in ("nothing", "picture", "prompt")]

    assert [each.topic for each in found if isinstance(each, Talk)] == [topic] * 3


@pytest.mark.parametrize(
    "text",
    ["a man buys flowers in a shop", "девочка хочет купить мороженое", "shop", "I want stars"],
)
def test_what_a_picture_shows_is_no_wish_to_buy(text: str) -> None:
    assert read(text, CHATS["nothing"], ROWS) == read(text, CHATS["nothing"])


@pytest.mark.parametrize("text", ["верни", "можно вернуть?", "верните мне"])
def test_what_comes_back_without_money_is_the_picture(text: str) -> None:
    assert read(text, CHATS["changed"], ROWS) == read(text, CHATS["changed"])


def test_the_terms_name_each_service_once() -> None:
    notes = [
        PrivacyNote("one", "chat.example"),
        PrivacyNote("two"),
        PrivacyNote("3", "ear.example"),
    ]
    dialogue = cast("Dialogue", SimpleNamespace(t=partial(t, "en")))
    told = terms_of_sale("", ["fal", "fal"], notes, dialogue, "")

    assert "What you send me goes on to fal, chat.example, ear.example, without" in told
