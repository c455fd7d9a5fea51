"""Words: one reader of what users write, as a table of readers in order of precedence. Pure.

`read(text, chat)` is an `Order`, an `Ask` or a `Talk`. The first row that knows a text reads it:
what orders nothing stands before what is paid for, and the learned model is the last row.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from imgbot.domain.intents.facts import Intent
from imgbot.domain.words import history, learned, naming, operations, options, orders, vetoes
from imgbot.domain.words.chat import ChatState
from imgbot.domain.words.reading import (
    THIS,
    Ask,
    Order,
    Reading,
    Sentence,
    Talk,
    Which,
    WordReader,
    sentence_of,
)
from imgbot.domain.words.this_picture import this_picture

BEFORE_NAMES: Sequence[WordReader] = (*vetoes.ROWS, *history.ROWS)
AFTER_NAMES: Sequence[WordReader] = (
    *options.ROWS,
    *operations.ROWS,
    *orders.ROWS,
    *learned.ROWS,
)
READERS: Sequence[WordReader] = (*BEFORE_NAMES, *AFTER_NAMES)
"""Readers in order of precedence; those of features stand behind the history."""


def read(text: str, chat: ChatState, added: Sequence[WordReader] = ()) -> Reading:
    """Return what a text asks for in its chat; `added` are the rows of features."""
    sentence = sentence_of(text)
    if found := _first(BEFORE_NAMES, sentence, chat):
        return found
    which, rest = naming.picture_named_in(sentence, chat)
    named = this_picture(which, chat).pictures if which != THIS else ()
    about = replace(chat, replied=named[0].id) if len(named) == 1 else chat
    found = _first((*added, *AFTER_NAMES), rest, about)
    if found is None:
        raise AssertionError("the last row reads everything")
    return found if which == THIS else _about(found, which)


def _first(rows: Iterable[WordReader], sentence: Sentence, chat: ChatState) -> Reading | None:
    return next((found for row in rows if (found := row.read(sentence, chat))), None)


def _about(reading: Reading, which: Which) -> Reading:
    """Return the reading about the picture that the text names, unless it is about a new one."""
    if isinstance(reading, Ask):
        return replace(reading, order=replace(reading.order, which=which))
    is_new = isinstance(reading, Order) and reading.intent is Intent.CREATE
    is_said = isinstance(reading, Talk) or reading.which == THIS
    return replace(reading, which=which) if is_said and not is_new else reading
