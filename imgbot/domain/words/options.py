"""Options: shape and number in words, of this picture or of the one that is being made. Pure."""

import re

from imgbot.domain.intents import Intent
from imgbot.domain.intents.facts import PendingQuestion
from imgbot.domain.operations import Operation
from imgbot.domain.phrases import PhraseLists, phrases_of
from imgbot.domain.prompt_options import parse_prompt_options
from imgbot.domain.remix import repeats_prompt
from imgbot.domain.spelling import fold
from imgbot.domain.words.chat import ChatState
from imgbot.domain.words.reading import Example, Order, Sentence, WordReader

_RATIO = r"\d{1,2}:\d{1,2}"
_OTHER_WORDS = 1
"""Words beside a shape that may be unknown: "horizontal one for the beamer"."""


def _lists() -> PhraseLists:
    return phrases_of("imgbot.domain.words", "options", ratio=_RATIO)


def _read(sentence: Sentence, chat: ChatState) -> Order | None:
    this = chat.this
    if this is None or chat.pending not in {PendingQuestion.NOTHING, PendingQuestion.CHANGE}:
        return None
    is_again = repeats_prompt(sentence.text)
    if not is_again and not _is_shape_alone(sentence):
        return None
    is_drawn = this.operation is Operation.CREATE
    return Order(Intent.REDRAW if is_drawn else Intent.CHANGE, sentence.text)


def _is_shape_alone(sentence: Sentence) -> bool:
    """Return true for a shape with nothing else that could be asked for."""
    rest, count = _lists()["shape"].subn(" ", sentence.normal)
    words = re.findall(r"\w+", _lists()["filler"].sub(" ", rest))
    return count > 0 and not _lists()["told"].search(sentence.normal) and len(words) <= _OTHER_WORDS


def _same_words(sentence: Sentence, chat: ChatState) -> Order | None:
    """Read the words of this drawing once more, perhaps in another shape, as a new picture."""
    this = chat.this
    if this is None or this.operation is not Operation.CREATE or len(this.words) != 1:
        return None
    prompts = (parse_prompt_options(each).prompt for each in (sentence.text, this.words[0]))
    is_same = len({fold(each) for each in prompts}) == 1
    return Order(Intent.CREATE, sentence.text) if is_same else None


SAME_WORDS = (
    WordReader(
        "same words",
        "the words of this drawing once more, perhaps in another shape",
        _same_words,
        (Example("a ship in the fog"), Example("A ship in the fog, 9:16")),
    ),
)
ROWS = (
    WordReader(
        "options",
        "shape, number and seed, and nothing beside them",
        _read,
        (Example("oh, and upright please"), Example("2 варианта")),
    ),
)
