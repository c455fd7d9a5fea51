"""Words: one reader of what users write, as a table of readers in order of precedence. Pure.

`read(text, chat)` is an `Order`, an `Ask` or a `Talk`. The first row that knows a text reads it:
what orders nothing stands before what is paid for, and the learned model is the last row.
"""

from collections.abc import Sequence
from functools import partial

from imgbot.domain.intents.facts import Intent
from imgbot.domain.words import (
    history,
    learned,
    likewise,
    operations,
    options,
    orders,
    placing,
    vetoes,
)
from imgbot.domain.words.about import answer_in, read_about
from imgbot.domain.words.chat import ChatState
from imgbot.domain.words.reading import (
    Ask,
    Order,
    Reading,
    Sentence,
    Talk,
    WordReader,
    sentence_of,
)
from imgbot.domain.words.steps import read_step

BEFORE_STEPS: Sequence[WordReader] = (*history.ARROWS, *vetoes.ROWS)
BEFORE_NAMES: Sequence[WordReader] = (*orders.BARE, *history.ROWS, *placing.ROWS)
AFTER_NAMES: Sequence[WordReader] = (
    *vetoes.COMMANDS,
    *options.SAME_WORDS,
    *learned.SURE,
    *likewise.ROWS,
    *options.ROWS,
    *operations.ROWS,
    *orders.ROWS,
    *learned.ROWS,
)
READERS: Sequence[WordReader] = (*BEFORE_STEPS, *BEFORE_NAMES, *AFTER_NAMES)
"""Readers in order of precedence; those of features stand behind the history."""


def read(text: str, chat: ChatState, added: Sequence[WordReader] = ()) -> Reading:
    """Return what a text asks for in its chat; `added` are the rows of features."""
    whole = sentence_of(text)
    sentence = vetoes.without_courtesy(whole, chat)
    rows = partial(_read, (*added, *AFTER_NAMES))
    if chat.among and (named := answer_in(sentence, chat)):
        return read_about(named.rest, chat, rows, named)
    first = [row for row in added if row.is_first]
    if found := _first((*first, *BEFORE_STEPS), sentence, chat):
        return found
    if found := read_step(sentence, chat, rows) or _first(BEFORE_NAMES, sentence, chat):
        return found
    found = read_about(sentence, chat, rows)
    if sentence == whole:
        return found
    talk = learned.read_learned(whole, chat) if isinstance(found, Ask) else found
    if talk == Talk(Intent.SMALL_TALK):
        # "Thanks, John" is thanks.
        return Talk(Intent.SMALL_TALK, vetoes.THANKS)
    return talk if isinstance(talk, Talk) else found


def _read(rows: Sequence[WordReader], sentence: Sentence, chat: ChatState) -> Reading:
    if found := _first(rows, sentence, chat):
        return found
    raise AssertionError("the last row reads everything")


def meant_in(text: str, chat: ChatState) -> str:
    """Return the text that the bot has asked about if this one only answers which picture."""
    return (
        chat.unclear if answer_in(vetoes.without_courtesy(sentence_of(text), chat), chat) else text
    )


def order_in(text: str, chat: ChatState, added: Sequence[WordReader] = ()) -> Order | None:
    """Return what a text asks for, or probably does; None for talk."""
    found = read(text, chat, added)
    if isinstance(found, Talk):
        return None
    return found.order if isinstance(found, Ask) else found


def _first(rows: Sequence[WordReader], sentence: Sentence, chat: ChatState) -> Reading | None:
    return next((found for row in rows if (found := row.read(sentence, chat))), None)
