"""Steps: a step of the history that an order begins with: "go back and make it blue". Pure."""

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import dropwhile, islice, pairwise

from imgbot.domain.intents.beginnings import is_request
from imgbot.domain.intents.facts import Intent
from imgbot.domain.intents.words import Token
from imgbot.domain.words.about import Read
from imgbot.domain.words.chat import ChatState
from imgbot.domain.words.history import is_answer, step_in
from imgbot.domain.words.numbers import MORE
from imgbot.domain.words.reading import Ask, NamedBy, Reading, Sentence, Talk, Which, sentence_of
from imgbot.domain.words.this_picture import this_picture
from imgbot.domain.words.vocabulary import WORDS

_AND = frozenset({"and", "then", "и", "а", "потом", "now", "теперь"})
_BUT = frozenset({"but", "only", "just", "но", "только"})
_PLEASE = frozenset({"please", "pls", "пожалуйста", "плиз"})
_WAS = frozenset({"was", "were", "был", "была", "было", "были"})
_NO_ORDER = WORDS["showing"] | WORDS["keeping"] | {"let", "leave", "wait", "уже", "еще", "not"}
_ONE_BEFORE = re.compile(
    r"\b(?:the )?(?:one|picture|photo|image) (?:right |just )?before(?: (?:this|that|it)(?: one)?)?"
    r"(?=\W*$|[,.;:]| (?:but|with|and)\b)",
    re.IGNORECASE,
)
_LONGEST, _READ = 12, 250
"""Words before the order, and characters of a text in which a picture is named so."""


def read_step(sentence: Sentence, chat: ChatState, read: Read) -> Reading | None:
    """Return the order about a version that a text goes back to before it."""
    found = None if is_answer(chat) else _step_before(sentence, chat) or _one_before(sentence, chat)
    if found is None:
        return None
    which, rest = found
    meant = this_picture(which, chat).pictures
    reading = read(rest, replace(chat, replied=meant[0].id) if meant else chat)
    if isinstance(reading, Talk):
        is_done = reading.intent is Intent.COMMAND
        return replace(reading, which=which) if is_done else Talk(Intent.SHOW, which=which)
    order = reading.order if isinstance(reading, Ask) else reading
    is_new = order.intent is Intent.CREATE
    return replace(order, which=which, intent=Intent.CHANGE if is_new else order.intent)


def _step_before(sentence: Sentence, chat: ChatState) -> tuple[Which, Sentence] | None:
    tokens = sentence.parsed.tokens
    for at, (before, token) in enumerate(islice(pairwise(tokens), _LONGEST), 1):
        begins = at + (token.text in _AND | _BUT)
        is_apart = begins > at or before.clause != token.clause
        if not (is_apart and _is_order(tokens[begins:], is_but=token.text in _BUT)):
            continue
        rest = sentence.text[tokens[begins - 1].end :].lstrip(" ,.;:!?—–-")
        which = None if step_in(rest, chat) else step_in(sentence.text[: before.end], chat)
        if which:
            return which, sentence_of(rest)
    return None


def _one_before(sentence: Sentence, chat: ChatState) -> tuple[Which, Sentence] | None:
    """Read "put a hat on the one before this"; without an order the history shows it."""
    found = _ONE_BEFORE.search(sentence.text[:_READ]) if len(chat.pictures) > 1 else None
    if found is None:
        return None
    rest = sentence_of(_ONE_BEFORE.sub("it", sentence.text))
    said = re.split(r"[,.;:!?]", sentence.text[: found.start()])[-1].split()
    is_order = len(said) > 1 and is_request(rest.parsed.tokens)
    return (Which(NamedBy.BEFORE), rest) if is_order else None


def _is_order(tokens: Sequence[Token], *, is_but: bool) -> bool:
    tokens = [*dropwhile(lambda each: each.text in _PLEASE, tokens)]
    if not tokens or tokens[0].text in _NO_ORDER or any(each.text in _WAS for each in tokens):
        return False
    is_look = is_but and tokens[0].text in WORDS["place"] | WORDS["without"]
    return is_look or bool(MORE.fullmatch(tokens[0].text)) or is_request(tokens)
