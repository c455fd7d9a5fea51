"""HTML in messages: Telegram's entities, and its words for what it cannot parse."""

from collections.abc import AsyncGenerator

import pytest

from tests.fixtures.bot_api import BotApi, open_desk
from tests.fixtures.sandbox import Person

UNPARSED = "400 Bad Request: can't parse entities: "

Desk = tuple[BotApi, Person]


@pytest.fixture
async def desk() -> AsyncGenerator[Desk]:
    async with open_desk(said="hello") as (_, api, anna):
        yield api, anna


REFUSALS = [
    ("🏟 🏟&lt;<abac>", 'Unsupported start tag "abac" at byte offset 13'),
    ("🏟 🏟&lt;<abac", "Unclosed start tag at byte offset 13"),
    ("🏟 🏟&lt;<i   =aba>", 'Empty attribute name in the tag "i" at byte offset 13'),
    ("<b>open", 'Can\'t find end tag corresponding to start tag "b"'),
    ("🏟 🏟&lt;<i    aba  =  ", 'Unclosed start tag "i" at byte offset 13'),
    ("🏟 🏟&lt;<i    aba  =  190azAz-.,", "Unexpected end of name token at byte offset 27"),
    ("plain</b>", "Unexpected end tag at byte offset 5"),
    ("🏟 🏟&lt;<i>a</i   ", "Unclosed end tag at byte offset 17"),
    (
        "🏟 🏟&lt;<i>a</em   >",
        'Unmatched end tag at byte offset 17, expected "</i>", found "</em>"',
    ),
    ("<span>x</span>", 'Tag "span" must have class "tg-spoiler" at byte offset 0'),
    ("1 < 2", 'Unsupported start tag "" at byte offset 2'),
]


async def test_wrong_html_is_refused_in_telegrams_words(desk: Desk) -> None:
    api, anna = desk
    for source, refusal in REFUSALS:
        answer = await api.refusal("sendMessage", chat_id=anna.id, text=source, parse_mode="HTML")

        assert answer == UNPARSED + refusal, source


ENTITIES = [
    (
        "<b>a<i>😀</i></b> &lt;x&gt; &amp;amp;",
        "a😀 <x> &amp;",
        [("bold", 0, 3), ("italic", 1, 2)],
    ),
    (
        '<a href="https://a.b/?x=1&amp;y=2">link</a>',
        "link",
        [("text_link", 0, 4)],
    ),
    ('<pre><code class="language-py">x = 1</code></pre>', "x = 1", [("pre", 0, 5)]),
    (
        "<tg-spoiler>a</tg-spoiler> <s>b</s> <u>c</u>",
        "a b c",
        [("spoiler", 0, 1), ("strikethrough", 2, 1), ("underline", 4, 1)],
    ),
    ("  <blockquote expandable>q</blockquote>  ", "q", [("expandable_blockquote", 0, 1)]),
    (
        "see https://a.org/x. /start @some_bot",
        "see https://a.org/x. /start @some_bot",
        [("url", 4, 15), ("bot_command", 21, 6), ("mention", 28, 9)],
    ),
]


async def test_html_becomes_entities(desk: Desk) -> None:
    api, anna = desk
    for source, text, entities in ENTITIES:
        message = await api.call("sendMessage", chat_id=anna.id, text=source, parse_mode="HTML")

        assert message["text"] == text, source
        found = [(e["type"], e["offset"], e["length"]) for e in message["entities"]]
        assert found == entities, source
