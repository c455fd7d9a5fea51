"""Doubts: readings that a chat model is asked about, and what its answer changes. Pure."""

from dataclasses import replace

from imgbot.domain.intents import Intent, PendingQuestion
from imgbot.domain.words.chat import ChatState
from imgbot.domain.words.reading import Ask, Order, Reading, Talk
from imgbot.domain.words.this_picture import this_picture

_FREE = frozenset({Intent.SHOW, Intent.POINTING})
"""Talk about a picture, which may be another one."""
_ALIKE = frozenset({Intent.CHANGE, Intent.AGAIN, Intent.REDRAW})
"""Orders for the same picture, which differ in how it is made."""


def doubted(reading: Reading, chat: ChatState) -> Ask | None:
    """Return what a chat model is asked about a reading; None where it is not asked.

    Beside a picture any order may be another one, or for another picture. Talk is only asked about
    where it is a guess, or about a picture: never a question, a veto or a command.
    """
    if isinstance(reading, Ask):
        return reading
    if not chat.pictures or chat.pending is PendingQuestion.PROMPT:
        return None
    if isinstance(reading, Order):
        return Ask(reading, tuple(each.id for each in this_picture(reading.which, chat).among))
    is_asked = reading.is_guess or reading.intent in _FREE
    return Ask(Order(Intent.CHANGE, which=reading.which)) if is_asked else None


def settled(reading: Reading, asked: Ask, answer: Reading) -> Reading:
    """Return what a text asks for by an answer; the reading itself where there was none.

    Where both mean the same order, its words stay and only its picture is that of the answer. An
    order that was read as talk is asked about.
    """
    if answer is asked:
        return reading
    if isinstance(answer, Order) and isinstance(reading, Talk):
        return Ask(answer)
    if isinstance(answer, Order) and isinstance(reading, Order) and _are_same(reading, answer):
        return replace(reading, which=answer.which)
    return answer


def _are_same(one: Order, other: Order) -> bool:
    if one.operation is not other.operation:
        return False
    return one.intent is other.intent or {one.intent, other.intent} <= _ALIKE
