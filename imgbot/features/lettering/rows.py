"""Rows of the reader of words: changes of what the bot wrote on this picture. Pure."""

import re

from imgbot.domain.intents import Intent
from imgbot.domain.intents.facts import PendingQuestion
from imgbot.domain.lettering import Lettering, drawn_lettering, read_lettering
from imgbot.domain.operations import Operation
from imgbot.domain.spelling import fold
from imgbot.domain.words.chat import ChatState
from imgbot.domain.words.orders import without_wish
from imgbot.domain.words.reading import Example, Order, Sentence, WordReader, sentence_of
from imgbot.domain.words.vetoes import is_question
from imgbot.features.lettering.changes import changed

_FREE = frozenset({PendingQuestion.NOTHING, PendingQuestion.CHANGE})

_TO_US = re.compile(r"(?:to )?(?:me|us) \w|(?:мне|нам) \w")
"""Begins what is to be written to somebody: "write to me when it is done"."""


def _read(sentence: Sentence, chat: ChatState) -> Order | None:
    this = chat.this
    if this is None or chat.pending not in _FREE or _is_talk(sentence):
        return None
    sentence = sentence_of(without_wish(sentence.text))
    written = next((each for words in this.words[::-1] if (each := drawn_lettering(words))), None)
    is_latest = this.operation is Operation.EDIT and _is_written(this.words[-1:])
    if _is_meme(sentence) or (written and _is_changed(sentence.text, written, is_latest=is_latest)):
        return Order(Intent.CHANGE, sentence.text)
    return None


def _is_talk(sentence: Sentence) -> bool:
    """Return true for a question, and for what is to be written to somebody."""
    found = read_lettering(sentence.text)
    if found is None or found.is_exact:
        return is_question(sentence)
    return is_question(sentence) or _TO_US.match(fold(found.text)) is not None


def _is_meme(sentence: Sentence) -> bool:
    found = read_lettering(sentence.text)
    return found is not None and found.form == "meme" and not found.rest and found.is_asked


def _is_written(words: tuple[str, ...]) -> bool:
    return any(map(read_lettering, words))


def _is_changed(text: str, written: Lettering, *, is_latest: bool) -> bool:
    return changed(text, written, is_latest=is_latest) is not None


ROWS = (
    WordReader(
        "words on a picture",
        "other words, another look or place, or none, for what the bot wrote",
        _read,
        (Example("smaller letters", "lettered"), Example("замени текст на «Пока»", "lettered")),
    ),
)
