"""Markdown in messages, in both versions: entities, and the words for what cannot be parsed.

Most of the cases are those of TDLib's own tests.
"""

from collections.abc import AsyncGenerator

import pytest

from tests.fixtures.bot_api import BotApi, open_desk
from tests.fixtures.sandbox import Person

UNPARSED = "400 Bad Request: can't parse entities: "
V2, V1 = "MarkdownV2", "Markdown"

Desk = tuple[BotApi, Person]


@pytest.fixture
async def desk() -> AsyncGenerator[Desk]:
    async with open_desk(said="hello") as (_, api, anna):
        yield api, anna


REFUSALS = [
    (V2, "v1.0", "Character '.' is reserved and must be escaped with the preceding '\\'"),
    (V2, "🏟 🏟>", "Character '>' is reserved and must be escaped with the preceding '\\'"),
    (V2, "🏟 🏟_abac * asd ", "Can't find end of Bold entity at byte offset 15"),
    (V2, "🏟 🏟```a", "Can't find end of Pre entity at byte offset 9"),
    (V2, "🏟 🏟```a ", "Can't find end of PreCode entity at byte offset 9"),
    (V2, "🏟 🏟```🏟 🏟`", "Can't find end of Code entity at byte offset 21"),
    (V2, "🏟 🏟__🏟 _🏟___", "Can't find end of Italic entity at byte offset 23"),
    (V2, "[telegram\\.org](asd", "Can't find end of a URL at byte offset 16"),
    (V2, "🏟 🏟![👍]", "Custom emoji entity must contain a tg://emoji URL"),
    (V1, "a *b", "Can't find end of the entity starting at byte offset 2"),
    (V1, "🏟 🏟`", "Can't find end of the entity starting at byte offset 9"),
]


async def test_wrong_markdown_is_refused_in_telegrams_words(desk: Desk) -> None:
    api, anna = desk
    for mode, source, refusal in REFUSALS:
        answer = await api.refusal("sendMessage", chat_id=anna.id, text=source, parse_mode=mode)

        assert answer == UNPARSED + refusal, mode


ENTITIES = [
    (V2, "a\\.b\\\\c", "a.b\\c", []),
    (V2, "🏟 🏟_🏟 *🏟*_", "🏟 🏟🏟 🏟", [("italic", 5, 5), ("bold", 8, 2)]),
    (V2, "🏟 🏟_🏟 __🏟___", "🏟 🏟🏟 🏟", [("italic", 5, 5), ("underline", 8, 2)]),
    (
        V2,
        "||a|| ~b~ `_c`",
        "a b _c",
        [("spoiler", 0, 1), ("strikethrough", 2, 1), ("code", 4, 2)],
    ),
    (V2, "🏟 🏟```🏟\r\n🏟```", "🏟 🏟🏟", [("pre", 5, 2)]),
    (V2, "[a](https://b.c/?\\))", "a", [("text_link", 0, 1)]),
    (V2, "![👍](tg://emoji?id=25)a", "👍a", [("custom_emoji", 0, 2)]),
    (V2, ">b\n>*c*\nd", "b\nc\nd", [("blockquote", 0, 4), ("bold", 2, 1)]),
    (
        V1,
        "1.5 *a* _b_ `c` \\_",
        "1.5 a b c _",
        [("bold", 4, 1), ("italic", 6, 1), ("code", 8, 1)],
    ),
    (V1, "```py\nx_y``` [a](b.org)", "x_y a", [("pre", 0, 3), ("text_link", 4, 1)]),
    (V1, "*a_b*", "a_b", [("bold", 0, 3)]),
]


async def test_markdown_becomes_entities(desk: Desk) -> None:
    api, anna = desk
    for mode, source, text, entities in ENTITIES:
        message = await api.call("sendMessage", chat_id=anna.id, text=source, parse_mode=mode)

        found = [(e["type"], e["offset"], e["length"]) for e in message.get("entities", [])]
        assert (message["text"], found) == (text, entities), mode
