"""Words: one reader of what users write, as a table of readers in order of precedence. Pure.

`read(text, chat)` is an `Order`, an `Ask` or a `Talk`. The first row that knows a text reads it:
what orders nothing stands before what is paid for, and the learned model is the last row.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from imgbot.domain.intents.facts import Intent
from imgbot.domain.operations import Operation
from imgbot.domain.words import (
    history,
    learned,
    naming,
    operations,
    options,
    orders,
    placing,
    vetoes,
)
from imgbot.domain.words.chat import ChatState
from imgbot.domain.words.naming import PictureName
from imgbot.domain.words.reading import (
    THIS,
    Ask,
    NamedBy,
    Order,
    Reading,
    Sentence,
    Talk,
    Which,
    WordReader,
    sentence_of,
)
from imgbot.domain.words.this_picture import Found, this_picture

BEFORE_NAMES: Sequence[WordReader] = (*history.ARROWS, *vetoes.ROWS, *history.ROWS, *placing.ROWS)
AFTER_NAMES: Sequence[WordReader] = (
    *vetoes.COMMANDS,
    *options.ROWS,
    *operations.ROWS,
    *orders.ROWS,
    *learned.ROWS,
)
READERS: Sequence[WordReader] = (*BEFORE_NAMES, *AFTER_NAMES)
"""Readers in order of precedence; those of features stand behind the history."""


def read(text: str, chat: ChatState, added: Sequence[WordReader] = ()) -> Reading:
    """Return what a text asks for in its chat; `added` are the rows of features."""
    sentence = vetoes.without_courtesy(sentence_of(text), chat)
    if found := _first(BEFORE_NAMES, sentence, chat):
        return found
    named = naming.named_picture(sentence, chat)
    if named and named.alone and chat.unclear:
        sentence = sentence_of(chat.unclear)
        named = replace(named, rest=sentence)
    rows = (*added, *AFTER_NAMES)
    if named:
        return _named(named, sentence, chat, rows)
    return _of_several(_all(rows, sentence, chat), sentence, chat)


def _of_several(reading: Reading, sentence: Sentence, chat: ChatState) -> Reading:
    """Return an order as one about all photos that it came with, or ask about which of several.

    Nobody has chosen yet from variants or photos that came last.
    """
    if not isinstance(reading, Order) or reading.intent not in {Intent.CHANGE, Intent.OPERATION}:
        return reading
    if reading.which.way is NamedBy.ALL and reading.operation is Operation.MERGE:
        several = naming.several_named(sentence, chat)
        reading = replace(reading, which=several or reading.which)
    if reading.which != THIS:
        return _asked_which(reading, this_picture(reading.which, chat))
    if len(chat.photos) > 1:
        return replace(reading, which=Which(NamedBy.ALL))
    return Ask(reading, chat.unchosen) if chat.unchosen else reading


def _asked_which(reading: Reading, meant: Found) -> Reading:
    if not meant.among or not isinstance(reading, Order):
        return reading
    return Ask(reading, tuple(each.id for each in meant.among))


def _all(rows: Iterable[WordReader], sentence: Sentence, chat: ChatState) -> Reading:
    if found := _first(rows, sentence, chat):
        return found
    raise AssertionError("the last row reads everything")


def _first(rows: Iterable[WordReader], sentence: Sentence, chat: ChatState) -> Reading | None:
    return next((found for row in rows if (found := row.read(sentence, chat))), None)


def _named(
    named: PictureName, sentence: Sentence, chat: ChatState, rows: Sequence[WordReader]
) -> Reading:
    """Return what a text asks for that names a picture; nothing unsure is paid for that."""
    meant = this_picture(named.which, chat)
    about = replace(chat, replied=meant.pictures[0].id) if len(meant.pictures) == 1 else chat
    found = _about(named, _plain(named, sentence, chat, about, rows))
    is_about = isinstance(found, Order) and found.which == named.which
    return _asked_which(found, meant) if is_about else found


def _plain(
    named: PictureName,
    sentence: Sentence,
    chat: ChatState,
    about: ChatState,
    rows: Sequence[WordReader],
) -> Reading:
    """Return what the text asks for, read as one about the picture that it names."""
    if named.alone:
        return Talk(named.alone)
    found = _all(rows, named.rest if named.is_certain else sentence, about)
    direct = found if named.is_certain else _all(rows, sentence, chat)
    if isinstance(direct, Talk):
        return direct
    is_new = _order_of(direct).intent is Intent.CREATE
    if is_new and not named.is_definite:
        return direct
    if isinstance(found, Talk):
        return direct
    order = _order_of(found)
    text = named.rest.text if named.is_certain else sentence.text
    if order.intent is Intent.CREATE:
        change = Order(Intent.CHANGE, text)
        return change if isinstance(found, Order) else Ask(change)
    return order


def _order_of(reading: Order | Ask) -> Order:
    return reading.order if isinstance(reading, Ask) else reading


def _about(named: PictureName, reading: Reading) -> Reading:
    if isinstance(reading, Ask):
        return replace(reading, order=replace(reading.order, which=named.which))
    if isinstance(reading, Order) and reading.intent is Intent.CREATE:
        return reading
    return replace(reading, which=named.which) if reading.which == THIS else reading
