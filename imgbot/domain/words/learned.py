"""Learned reader: the model of the intents reads what no other reader knows. Pure."""

import re
from dataclasses import replace
from functools import lru_cache

from imgbot.domain.intents import ChatFacts, Classification, Intent, classify
from imgbot.domain.intents.beginnings import is_order, without_beginning
from imgbot.domain.intents.words import clauses_of, parse_text
from imgbot.domain.words import history
from imgbot.domain.words.chat import ChatState
from imgbot.domain.words.reading import Ask, Example, Order, Reading, Sentence, Talk, WordReader
from imgbot.domain.words.vocabulary import WORDS, is_look, is_small

_ORDERS = frozenset({Intent.CREATE, Intent.CHANGE, Intent.OPERATION, Intent.AGAIN})
_WITHIN = frozenset({Intent.CHANGE, Intent.OPERATION})
"""Orders that may stand among talk: "he looks sad, make him smile"."""
_TALK = frozenset(
    {Intent.QUESTION, Intent.COMPLAINT, Intent.HELP, Intent.SMALL_TALK, Intent.COMMAND}
)
_GUESSED = frozenset({Intent.COMPLAINT, Intent.SMALL_TALK})
"""Talk that the learned model easily confuses with a request."""
_BARE = WORDS["thing"].union(
    ["try", "variants", "options", "repeat", "redo", "regenerate", "reroll", "retry"],
    ["вариантов", "попробуй", "попытка", "заново", "повтори", "переделай", "перерисуй"],
)
"""Words beside "again" that add nothing to it."""

_MORE = re.compile(
    r"(?:and |и |ну )?(?:again|once (?:more|again)|one more thing|опять|снова|еще раз)\b"
)
_PICTURES = frozenset({"sticker"})
_SURE, _SURELY_NEW = 0.85, 0.9
"""Probabilities from which no other reader makes anything else of talk, or of a new picture."""
_CLAUSES = 4
_DEFINITE = frozenset({
    "a", "an", "the", "it", "him", "her", "his", "its", "them", "this", "that", "some", "my",
    "ее", "его", "их", "ему", "ей", "им",
})  # fmt: skip


def facts_of(chat: ChatState) -> ChatFacts:
    """Return the chat as the model sees it."""
    this = chat.this
    is_drawn = this is not None and this.operation is not None and this.is_there
    prompt = " ".join(this.words) if this and is_drawn else ""
    return ChatFacts(
        has_picture=this is not None,
        picture_age_s=this.age_s if this else 0,
        is_reply_to_picture=bool(chat.replied),
        pending=chat.pending,
        latest_prompt=prompt,
        other_words=tuple(_things(each.words) for each in chat.pictures if each is not this),
    )


@lru_cache(maxsize=256)
def _things(words: tuple[str, ...]) -> str:
    """Return words without colours and looks: "a green frog" does not name a green hill."""
    tokens = parse_text(" ".join(words)).tokens
    return " ".join(each.text for each in tokens if not is_look(each.text))


def read_learned(sentence: Sentence, chat: ChatState) -> Reading:
    facts = facts_of(chat)
    found = classify(sentence.text, facts)
    if found.intent is Intent.UNDO:
        return history.otherwise(sentence, chat)
    if facts.has_picture and not _is_order(found):
        found = _request_in(sentence, facts) or found
    if sentence.whole and (not _is_order(found) or found.intent is Intent.CREATE):
        # "Thanks. Margaret" and "ok, 69" tell what they mean with their first words alone.
        whole = classify(sentence.whole, facts)
        found = whole if whole.is_sure and whole.intent is not Intent.UNDO else found
    return _bare(reading_of(found, sentence.text), sentence)


def _bare(found: Reading, sentence: Sentence) -> Reading:
    """Return another one as sure only where a clause says no more: not "again the same mistake"."""
    if not isinstance(found, Order) or found.intent is not Intent.AGAIN:
        return found
    says_more = any(
        not is_small(each) and each.text not in _BARE for each in sentence.parsed.tokens
    )
    if not (says_more and _MORE.match(sentence.plain)):
        return found
    return Ask(found)


def read_talk(sentence: Sentence, chat: ChatState) -> Talk | None:
    """Return talk where the model is quite sure of it, so that no other reader orders it."""
    found = classify(sentence.whole or sentence.text, facts_of(chat))
    is_talk = found.intent in _TALK and found.topic not in _PICTURES
    return Talk(found.intent, found.topic) if is_talk and found.probability > _SURE else None


def read_new(sentence: Sentence, chat: ChatState) -> Order | None:
    """Return a new picture where the model is quite sure of one, beside a picture that there is."""
    found = classify(sentence.text, facts_of(chat))
    is_new = found.is_sure and found.intent is Intent.CREATE and found.probability > _SURELY_NEW
    is_beside = chat.this is not None and not chat.replied
    return Order(Intent.CREATE, found.prompt) if is_new and is_beside else None


def _is_order(found: Classification) -> bool:
    return found.is_sure and found.intent in _ORDERS


def _request_in(sentence: Sentence, facts: ChatFacts) -> Classification | None:
    """Return the change that one clause asks for, while the others give its reason."""
    clauses = clauses_of(sentence.parsed.tokens)
    if not 0 < len(clauses) <= _CLAUSES:
        return None
    starts = [0, *(each[-1].end for each in clauses)]
    for start, clause in reversed([*zip(starts, clauses, strict=False)]):
        said = parse_text(sentence.text[start : clause[-1].end])
        # "Can you add a hat?" is about this picture, and "can you remove people" is about the bot.
        is_about_it = len(clauses) > 1 or _DEFINITE.intersection(each.text for each in clause)
        found = classify(without_beginning(said), facts)
        if is_order(clause) and is_about_it and found.is_sure and found.intent in _WITHIN:
            return replace(found, prompt=sentence.text if len(clauses) > 1 else found.prompt)
    return None


def reading_of(found: Classification, text: str) -> Reading:
    """Return what the model found as a reading."""
    if found.intent not in _ORDERS:
        return Talk(found.intent, found.topic, is_guess=found.intent in _GUESSED)
    order = Order(found.intent, found.prompt or text, operation=found.operation, scale=found.scale)
    return order if found.is_sure else Ask(order)


SURE = (
    WordReader(
        "talk",
        "what the learned model is quite sure to be talk",
        read_talk,
        (Example("my phone is dying"), Example("колёса квадратные")),
    ),
    WordReader(
        "prompt",
        "what the learned model is quite sure to be a new picture",
        read_new,
        (Example("crop circles in a field"), Example("сделай открытку учителю")),
    ),
)
"""Rows of what the model is quite sure of, before those that read single words."""

ROWS = (
    WordReader(
        "learned",
        "all else, by the words of examples",
        read_learned,
        (Example("a fox under the stars", "nothing"), Example("warmer colours")),
    ),
)
