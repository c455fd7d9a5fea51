"""Classifier: decides what a text asks for, before anything is ordered. Pure.

A model learned from examples weighs the text in its chat. An order has to be surely one: where the
model sees too much of anything else in a text, or another order nearly as likely, or the text is a
question, the classification is unsure and the user is asked.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache, lru_cache
from itertools import pairwise
from operator import itemgetter

from imgbot.domain.intents.beginnings import is_request, without_beginning
from imgbot.domain.intents.facts import ChatFacts, Classification, Intent, PendingQuestion
from imgbot.domain.intents.features import features_of
from imgbot.domain.intents.model import model
from imgbot.domain.intents.words import ParsedText, Token, clauses_of, parse_text
from imgbot.domain.operations import Operation
from imgbot.domain.texts import LANGUAGES, t

UNSURE = "unsure"
ORDERS = frozenset({"create", "change", "again", "operation"})
_OTHER_LIMIT, _OTHER_LIMIT_OF_QUESTION = 0.25, 0.15
"""Probability that an order is none, above which the bot asks."""
_MARGIN = 0.05
"""Lead of an order over the next intent, below which the bot asks."""
_NEW_LIMIT = 0.4
"""Probability of a new picture, above which a change of the one at hand is asked about."""
_OLD_LIMIT = 0.25
"""Probability of the picture replied to, above which a new one is asked about."""
_LONGEST_COMMAND = 20
_SURE_TALK, _TALK_CLAUSES = 0.6, 2
_TALK = frozenset({"small_talk", "complaint", "cancel", "undo", "help"})
_WITH_PROMPT = frozenset({Intent.CREATE, Intent.CHANGE, Intent.COMPLAINT})

_LINK = re.compile(r"\s*(?:https?://\S+|[^\s@]*@\S+)\s*")
_SCALES = {
    4: frozenset({"4", "x4", "4x", "4k", "четыре", "вчетверо", "four", "quadruple"}),
    2: frozenset({"2", "x2", "2x", "2k", "два", "вдвое", "two", "twice", "double"}),
}


@lru_cache(maxsize=64)
def classify(text: str, facts: ChatFacts | None = None) -> Classification:
    """Return what the text asks for in this chat."""
    facts = facts or ChatFacts()
    reading = parse_text(text)
    if not reading.tokens:
        # Signs and emoji alone order nothing.
        return Classification(Intent.SMALL_TALK)
    likely = _likely(reading, facts)
    intents = _by_intent(likely)
    best = _decided(intents, reading, facts)
    if best != "operation" and text.strip(" .!").lower() in _offered():
        best = _offered_as(best, facts.context)
    if best == "change" and _is_out_of_date(reading, facts):
        best = UNSURE
    if best == UNSURE:
        return _unsure(intents, reading, facts)
    labels = [each for each in likely if each.startswith(f"{best}:")]
    topic = max(labels, key=likely.__getitem__, default="").partition(":")[2]
    found = _classification(Intent(best), topic, reading, facts)
    return replace(found, probability=intents[best])


def _offered_as(best: str, context: str) -> str:
    """Return the intent of a change that the help offers."""
    is_about_picture = context in {"reply", PendingQuestion.CHANGE}
    is_about_picture |= context == "picture" and best != "again"
    return "change" if is_about_picture else best


@cache
def _offered() -> frozenset[str]:
    """Changes that the help offers to be sent as they are."""
    lines = "\n".join(t(language, "vocabulary") for language in LANGUAGES).splitlines()
    return frozenset(", ".join(line.partition(": ")[2] for line in lines).split(", "))


def wording_key(text: str) -> str:
    """Return the key under which the choice for this wording is remembered."""
    tokens_max = 24
    return " ".join(token.stem for token in parse_text(text).tokens[:tokens_max])


def scale_in(text: str) -> int | None:
    """Return the scale that the text asks for: 2, 4 or None."""
    return _scale(parse_text(text).tokens)


def _scale(tokens: Iterable[Token]) -> int | None:
    said = {token.text for token in tokens}
    return next((scale for scale, forms in _SCALES.items() if said & forms), None)


def _likely(reading: ParsedText, facts: ChatFacts) -> Mapping[str, float]:
    return model().probabilities(features_of(reading, facts))


def _by_intent(likely: Mapping[str, float]) -> Mapping[str, float]:
    """Return the probability of each intent, the likeliest first."""
    found: defaultdict[str, float] = defaultdict(float)
    for label, probability in likely.items():
        found[label.partition(":")[0]] += probability
    return dict(sorted(found.items(), key=itemgetter(1), reverse=True))


def _decided(intents: Mapping[str, float], reading: ParsedText, facts: ChatFacts) -> str:
    """Return the intent, or `unsure` if it is an order and might be another, or none."""
    (best, first), (_, second), *_ = intents.items()
    context = facts.context
    if best not in ORDERS:
        return best
    if context == PendingQuestion.PROMPT:
        return best if best == "operation" else "create"
    is_close = first - second < _MARGIN
    return UNSURE if is_close or _is_doubtful(best, intents, reading, context) else best


def _is_doubtful(
    best: str, intents: Mapping[str, float], reading: ParsedText, context: str
) -> bool:
    """Return true for an order that may be another one, or none."""
    match best, context:
        case "change", "picture":
            is_other = intents["create"] > _NEW_LIMIT
        case "create", "reply":
            is_other = intents["change"] + intents["again"] > _OLD_LIMIT
        case _:
            is_other = context in {"scale", "photo"} and best in {"create", "change"}
    none = sum(each for intent, each in intents.items() if intent not in ORDERS)
    if context == PendingQuestion.CHANGE:
        # The question has told already which of two orders is meant.
        none -= intents[UNSURE]
    is_long = best in {"again", "operation"} and len(reading.tokens) > _LONGEST_COMMAND
    limit = _OTHER_LIMIT_OF_QUESTION if reading.asks else _OTHER_LIMIT
    is_none = none > limit or bool(_LINK.fullmatch(reading.text))
    return is_other or is_none or is_long


def _is_out_of_date(reading: ParsedText, facts: ChatFacts) -> bool:
    """Return true for a change of an old picture in words that could be a prompt."""
    if facts.picture_age_s <= 6 * 3600 or facts.context != "picture":
        return False
    intents = _by_intent(_likely(reading, replace(facts, has_picture=False)))
    return intents["create"] > intents["change"] + intents[UNSURE]


def _unsure(intents: Mapping[str, float], reading: ParsedText, facts: ChatFacts) -> Classification:
    has_target = facts.has_picture or facts.is_reply_to_picture
    # Without a picture only words of a change are unsure.
    change = intents["change"] + (0 if has_target else intents[UNSURE])
    is_change = change > intents["create"]
    leaning = Intent.CHANGE if is_change else Intent.CREATE
    return replace(_classification(leaning, "", reading, facts), is_sure=False)


def _classification(
    intent: Intent, topic: str, reading: ParsedText, facts: ChatFacts
) -> Classification:
    prompt = (
        without_beginning(reading, _talk_before(reading, facts)) if intent in _WITH_PROMPT else ""
    )
    if intent is not Intent.OPERATION:
        sticker = Operation.STICKER if topic == Operation.STICKER else None
        return Classification(intent, prompt=prompt, operation=sticker, topic=topic)
    operation = Operation(topic)
    scale = _scale(reading.tokens) if operation is Operation.UPSCALE else None
    return Classification(intent, operation=operation, scale=scale)


def _talk_before(reading: ParsedText, facts: ChatFacts) -> int:
    """Return how many clauses of talk stand before a request."""
    count = 0
    for clause, following in pairwise(clauses_of(reading.tokens)[: _TALK_CLAUSES + 1]):
        said = ParsedText(reading.text[: clause[-1].end], clause, frozenset())
        (best, probability), *_ = _by_intent(_likely(said, facts)).items()
        is_word = any(len(each.text) > 1 for each in clause)
        is_talk = is_word and best in _TALK and probability > _SURE_TALK
        if not is_talk or not (best == "small_talk" or is_request(following)):
            break
        count += 1
    return count
