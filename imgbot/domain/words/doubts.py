"""Doubts: readings that a chat model may be asked about, and what its answer changes. Pure."""

from dataclasses import replace

from imgbot.domain.intents import Intent, PendingQuestion
from imgbot.domain.words.chat import ChatState
from imgbot.domain.words.picture_words import words_of
from imgbot.domain.words.reading import Ask, NamedBy, Order, Reading
from imgbot.domain.words.this_picture import this_picture

_GUESSED = frozenset({NamedBy.THIS, NamedBy.NAME})
"""Ways of naming a picture that may mean another one where a chat has several."""
_ALIKE = frozenset({Intent.CHANGE, Intent.AGAIN, Intent.REDRAW})
"""Orders for the same picture, which differ in how it is made."""

_FEW_WORDS = 8


def doubted(reading: Reading, chat: ChatState) -> Ask | None:
    """Return what is to be asked about a reading; None for talk, and where it is clear.

    An order is in doubt where it names no picture, or one in words, and the chat has several; a
    new picture in few words, where there is any that they could be a change of.
    """
    if isinstance(reading, Ask):
        return reading
    if not isinstance(reading, Order):
        return None
    if among := this_picture(reading.which, chat).among:
        return Ask(reading, tuple(each.id for each in among))
    is_answer = bool(chat.replied) or chat.pending is PendingQuestion.PROMPT
    is_guessed = reading.which.way in _GUESSED and not is_answer
    count = len(words_of(chat.pictures).heads())
    is_short = len(reading.prompt.split()) <= _FEW_WORDS
    least = 1 if reading.intent is Intent.CREATE and is_short else 2
    return Ask(reading) if is_guessed and count >= least else None


def settled(reading: Reading, asked: Ask, answer: Reading) -> Reading:
    """Return what a text asks for by an answer; the reading itself where there was none.

    Where both mean the same order, its words stay and only its picture is that of the answer.
    """
    if answer is asked:
        return reading
    if isinstance(reading, Order) and isinstance(answer, Order) and _are_same(reading, answer):
        return replace(reading, which=answer.which)
    return answer


def _are_same(one: Order, other: Order) -> bool:
    if one.operation is not other.operation:
        return False
    return one.intent is other.intent or {one.intent, other.intent} <= _ALIKE
