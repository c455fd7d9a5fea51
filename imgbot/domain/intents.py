"""Intents: what a text asks for, decided before anything is ordered.

`classify` is a pure function of the text and of the facts of the chat. A message that consists of
listed phrases is what they say. Any other text is a prompt, for a new picture or for a change of
the one at hand: cues speak for a change or against it, and where they do not decide, the
classification is unsure and the user is asked. The cues are the reasons in the result.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from imgbot.domain.operations import Operation
from imgbot.domain.phrases import Pattern, Reading, Token, lexicon, read, stem, without_fillers

_Phrases = frozenset[tuple[str, ...]]
_Listed = tuple["Intent", str, str]


class Intent(StrEnum):
    """What a text asks for."""

    CREATE = "create"
    CHANGE = "change"
    AGAIN = "again"
    UNDO = "undo"
    OPERATION = "operation"
    CANCEL = "cancel"
    HELP = "help"
    COMMAND = "command"
    QUESTION = "question"
    COMPLAINT = "complaint"
    SMALL_TALK = "small_talk"
    POINTING = "pointing"


class Pending(StrEnum):
    """What the bot has asked for, and still waits for."""

    NOTHING = ""
    PROMPT = "prompt"
    """Words for a new picture."""
    CHANGE = "change"
    """Words for the photos at hand."""
    SCALE = "scale"
    PHOTO = "photo"


@dataclass(frozen=True, slots=True)
class ChatFacts:
    """What is known of the chat when a text arrives."""

    has_picture: bool = False
    """True if the chat has a picture that can be changed."""
    picture_age_s: float = 0
    is_reply_to_picture: bool = False
    pending: Pending = Pending.NOTHING
    latest_prompt: str = ""
    """The prompt of that picture."""
    remembered: str = ""
    """Choice of this user for this wording: `create`, `change` or none."""


@dataclass(frozen=True, slots=True)
class Classification:
    """The intent of a text; only a sure one may become an order."""

    intent: Intent
    is_sure: bool = True
    reasons: tuple[str, ...] = ()
    prompt: str = ""
    """The text of a prompt without its polite beginning."""
    operation: Operation | None = None
    scale: int | None = None
    topic: str = ""
    """Topic of a question (price, privacy, provider, status, abilities), or a command's name."""


_CUES: Mapping[str, int] = {
    # Speak for a change of the picture at hand.
    "change_verb": 4,
    "change_verb_weak": 4,
    "make_of_picture": 5,
    "make_known": 5,
    "comparative": 4,
    "same_but": 5,
    "but": 4,
    "now": 4,
    "now_noun": 2,
    "without": 4,
    "contrast": 4,
    "instead": 3,
    "with": 4,
    "look": 4,
    "style": 4,
    "state": 3,
    "place": 2,
    "also": 2,
    "reference": 2,
    "accusative": 2,
    "must": 4,
    "another": 4,
    "wish": 4,
    "not_so": 4,
    "suggestion": 2,
    "nothing_new": 0,
    "asking": 0,
    "addressed": 0,
    "referring": 0,
    "of_latest": 2,
    "latest_changed": 4,
    "drawn_on_picture": 6,
    "reply": 4,
    "asked_for_change": 2,
    "asked_and_short": 2,
    # Speak for a new picture.
    "draw": -3,
    "wanted_picture": -4,
    "named": -4,
    "scene": -6,
    "options": -3,
    "old_picture": -1,
}
_BASE = -2
# With these, and without those, no text is surely a prompt for a new picture.
_DOUBTS = frozenset({"nothing_new", "asking", "addressed", "referring"})
_TALK = frozenset({"addressed", "asking"})
_NEW = frozenset({"draw", "wanted_picture", "options", "named", "scene"})
_SURE = 1
_SURE_WITHOUT_PICTURE = 2
_UNSURE = 0

_LONGEST_PHRASE = 7
_NEW_PICTURE = (Intent.CREATE, True, ())

_COURTESY = ("small_talk", "complaint", "cancel", "undo")
_CHANGING = ("make", "change", "change_weak")
_SHORT = 4
_WHOLE_LIMIT = 12
_QUESTION_LIMIT = 12
_LONG = 9
_PATTERN_LIMIT = 10
_SHORTEST_THING = 2
_SCENE = 2
_OLD_S = 6 * 3600
_KEY_TOKENS = 24
_BETWEEN = " ,.!?:;—–-)"

_SKIN_TONES = "\U0001f3fb-\U0001f3ff"
_MARKS = re.compile(rf"[\s.,!)(:;…\u200d\ufe0f{_SKIN_TONES}]")
_REACTIONS = frozenset("👍❤🔥👌🙏😂👏😍")
_REACTION_LIMIT = 40
_OPTIONS = re.compile(r"(?<!\S)(?:--|—)[a-z]+|^\s*(?:prompt|промпт|промт)\s*:", re.IGNORECASE)
_LINK = re.compile(r"\s*https?://\S+\s*")
_FULL_COMPARATIVE = re.compile(r"[а-я]{2,}(?<![жшщч])ее|по[а-я]{2,}(?:ее|че|ше|же|ще)")
_ACCUSATIVE = re.compile(r"[а-я]{2,}[ую]")
_INSTRUMENTAL = re.compile(r"[а-я]{2,}(?:ым|им|ой|ей|ыми|ими|ою)")
_SCALES = {
    4: frozenset({"4", "x4", "4x", "4k", "четыре", "вчетверо", "four", "quadruple"}),
    2: frozenset({"2", "x2", "2x", "2k", "два", "вдвое", "two", "twice", "double"}),
}


def classify(text: str, facts: ChatFacts | None = None) -> Classification:
    """Return what the text asks for in this chat."""
    facts = facts or ChatFacts()
    reading = read(text)
    if not reading.tokens:
        return _without_words(text, facts)
    whole = _whole_message(reading.tokens, facts)
    if whole is not None:
        return whole
    spoken = _said_apart(reading.tokens, facts) or _pattern(reading.tokens, facts)
    if spoken is not None:
        return spoken
    talk = _talk(reading, facts)
    if talk is not None:
        return talk
    return _prompt(reading, facts)


def wording_key(text: str) -> str:
    """Return the key under which the choice for this wording is remembered."""
    return " ".join(token.stem for token in read(text).tokens[:_KEY_TOKENS])


def scale_in(text: str) -> int | None:
    """Return the scale that the text asks for: 2, 4 or None."""
    return _scale(read(text).tokens)


def _scale(tokens: Iterable[Token]) -> int | None:
    said = {token.text for token in tokens}
    return next((scale for scale, forms in _SCALES.items() if said & forms), None)


def _without_words(text: str, facts: ChatFacts) -> Classification:
    left = set(_MARKS.sub("", text))
    if left and left <= set("?!"):
        return Classification(Intent.HELP, reasons=("question_marks",))
    is_about_picture = facts.is_reply_to_picture and len(text) <= _REACTION_LIMIT
    if text and (is_about_picture or left <= _REACTIONS):
        return Classification(Intent.SMALL_TALK, reasons=("reaction",))
    return Classification(Intent.CREATE, prompt=text, reasons=("emoji",))


# Whole messages.

_WHOLE = (
    (Intent.CANCEL, "message", "cancel"),
    (Intent.UNDO, "message", "undo"),
    (Intent.COMPLAINT, "message", "complaint"),
    (Intent.SMALL_TALK, "message", "small_talk"),
    (Intent.AGAIN, "message", "again"),
    (Intent.HELP, "message", "help"),
    (Intent.POINTING, "message", "pointing"),
    *((Intent.OPERATION, "operation", name) for name in ("upscale", "retouch", "removebg")),
    *(
        (Intent.COMMAND, "command", name)
        for name in ("settings", "queue", "history", "limits", "last", "start", "quiet")
    ),
)


def _whole_message(tokens: Sequence[Token], facts: ChatFacts) -> Classification | None:
    """Return the intent of a message that listed phrases cover from end to end."""
    if facts.pending is Pending.SCALE and (scale := _scale_alone(tokens)):
        return Classification(
            Intent.OPERATION, operation=Operation.UPSCALE, scale=scale, reasons=("scale",)
        )
    asked = _after_wrappers(tokens)[0]
    found = [
        each
        for each in _WHOLE
        if _is_covered(tokens, each[1], each[2]) or _is_covered(asked, each[1], each[2])
    ]
    # "Thanks, what can you do?" is a question: small talk gives way, but "hi there" points nowhere.
    if tuple(token.stem for token in tokens) in lexicon().phrases["message", "small_talk"]:
        found = [each for each in found if each[0] is Intent.SMALL_TALK]
    asked = [each for each in found if each[0] is not Intent.SMALL_TALK] or found
    if not asked:
        return None
    return _as_listed(asked[0], tokens, "whole")


def _as_listed(found: _Listed, tokens: Sequence[Token], how: str) -> Classification:
    intent, table, name = found
    reasons = (f"{how}:{name}",)
    if intent is Intent.OPERATION:
        scale = _scale(tokens) if name == "upscale" else None
        return Classification(intent, operation=Operation(name), scale=scale, reasons=reasons)
    topic = name if table == "command" or intent is Intent.QUESTION else ""
    return Classification(intent, reasons=reasons, topic=topic)


def _scale_alone(tokens: Sequence[Token]) -> int | None:
    known = lexicon().phrases["beside", "any"] | lexicon().phrases["beside", "upscale"]
    scale = _scale(tokens)
    numbers = _SCALES.get(scale or 0, frozenset())
    is_alone = all(
        each.text in numbers or (each.stem,) in known or each.stem in {"раз", "time"}
        for each in tokens
    )
    return scale if is_alone else None


def _is_covered(tokens: Sequence[Token], table: str, name: str) -> bool:
    """Return true if phrases of that list cover the text, beside small talk and fillers."""
    if not 0 < len(tokens) <= _WHOLE_LIMIT:
        return False
    words = lexicon().phrases
    beside = words.get(("beside", name), frozenset())
    if name != "small_talk":
        beside |= words["message", "small_talk"]
    if name == "complaint":
        # "The hands are wrong"
        beside |= {(part,) for part in lexicon().forms["part"]}
    stems = tuple(token.stem for token in tokens)
    bare = without_fillers(stems, words["beside", "any"])
    return _covers(bare or stems, words[table, name], beside)


def _covers(stems: tuple[str, ...], core: _Phrases, beside: _Phrases) -> bool:
    at, has_core = 0, False
    while at < len(stems):
        length, other = _longest(stems, at, core), _longest(stems, at, beside)
        if not length and not other:
            return False
        has_core = has_core or 0 < length >= other
        at += max(length, other)
    return has_core


def _longest(stems: tuple[str, ...], at: int, phrases: _Phrases) -> int:
    sizes = range(min(_LONGEST_PHRASE, len(stems) - at), 0, -1)
    return next((size for size in sizes if stems[at : at + size] in phrases), 0)


# Patterns.

_PATTERNS = (
    *_WHOLE[:3],
    (Intent.QUESTION, "message", "price"),
    *(each for each in _WHOLE if each[0] is Intent.OPERATION),
    *(each for each in _WHOLE[3:] if each[0] is not Intent.OPERATION),
)
_TALKING = frozenset({Intent.SMALL_TALK, Intent.COMPLAINT, Intent.POINTING, Intent.COMMAND})
_DETAILS = ("adjective", "part", "style", "state")
_STRICT = frozenset(
    {
        Intent.AGAIN,
        Intent.OPERATION,
    }
)


def _said_apart(tokens: Sequence[Token], facts: ChatFacts) -> Classification | None:
    """Return the intent of the last clause, as in "that made it worse, undo"."""
    *before, last = _clauses(tokens)
    if not before or any(_new_things(each, facts) or _is_request(each) for each in before):
        return None
    found = _whole_message(last, facts)
    return None if found is None or found.intent in _TALKING else found


def _pattern(tokens: Sequence[Token], facts: ChatFacts) -> Classification | None:
    """Return the intent of a short text with the words of a listed pattern, in their order."""
    rest = _after_wrappers(_without_courtesy(tokens))[0] or tokens
    things = {token.stem for token in _new_things(rest, facts)}
    if len(tokens) > _PATTERN_LIMIT or (things and _is(rest[0], "draw")):
        return None
    said = [{token.stem for token in clause} for clause in _clauses(tokens)]
    details = {each.stem for each in rest if any(_is_form(each, kind) for kind in _DETAILS)}
    for each in _PATTERNS:
        for pattern in lexicon().patterns.get(("pattern", each[2]), ()):
            is_said = any(_has_words(pattern, stems) for stems in said)
            if is_said and _is_beside(pattern, things, details, each[0]):
                return _as_listed(each, tokens, "pattern")
    return None


def _is_beside(pattern: Pattern, things: set[str], details: set[str], said: Intent) -> bool:
    """Return true if what stands beside the pattern does not make it a prompt."""
    if said in _STRICT:
        return not (things | details).difference(*pattern)
    return len(things.difference(*pattern)) < _SCENE


def _new_things(tokens: Iterable[Token], facts: ChatFacts) -> list[Token]:
    """Return the tokens that name what the picture at hand does not show."""
    latest = _stems(facts.latest_prompt)
    return [each for each in tokens if each.stem not in latest and _is_thing(each)]


@lru_cache(maxsize=1024)
def _stems(text: str) -> frozenset[str]:
    return frozenset(token.stem for token in read(text).tokens)


def _is_thing(token: Token) -> bool:
    """Return true if the token may name something that can be drawn."""
    plain = lexicon().plain
    is_word = len(token.text) > _SHORTEST_THING and not any(map(str.isdigit, token.text))
    forms = {token.text, token.text.removesuffix("те"), token.stem}
    return is_word and not forms & plain and not _is_comparative(token)


# Talk about the bot or about its picture.


def _talk(reading: Reading, facts: ChatFacts) -> Classification | None:
    """Return the intent of a question or of a complaint; None for a prompt."""
    clauses = _clauses(reading.tokens)
    if len(reading.tokens) > 2 * _QUESTION_LIMIT:
        return None
    for clause in clauses:
        topic = _topic(clause, is_asked=clause[0].clause in reading.asks)
        if topic:
            return Classification(Intent.QUESTION, reasons=(f"topic:{topic}",), topic=topic)
    grievance = _grievance(reading, clauses, facts)
    rest = _after_wrappers(reading.tokens)[0] or reading.tokens
    is_asking = len(clauses) == 1 and _is_asking(rest[0])
    if grievance is None and is_asking and not _new_things(reading.tokens, facts):
        return Classification(Intent.QUESTION, reasons=("asking",), topic="abilities")
    return grievance


def _clauses(tokens: Sequence[Token]) -> list[tuple[Token, ...]]:
    numbers = dict.fromkeys(token.clause for token in tokens)
    return [tuple(each for each in tokens if each.clause == number) for number in numbers]


def _topic(clause: Sequence[Token], *, is_asked: bool) -> str:
    """Return the topic of a question about the bot, or nothing."""
    if len(clause) > _QUESTION_LIMIT:
        return ""
    words, rest = lexicon().phrases, _after_wrappers(clause)[0] or clause
    has_form = is_asked or _begins_as_question(clause) or _has(clause, "you")
    stems = {token.stem for token in clause}
    for topic in ("privacy", "price", "provider", "status", "abilities"):
        for phrase in lexicon().patterns["question", topic]:
            if (has_form or len(phrase) > 1) and _has_words(phrase, stems):
                return "" if _is_drawn(rest) else topic
    if _starts_with(rest, words["talk", "start"]) or _starts_with(clause, words["talk", "start"]):
        return "abilities"
    is_to_bot = has_form and _has(rest, "you") and (is_asked or _begins_as_question(rest))
    is_of_user = rest[0] is clause[0] and _is_of_user(clause)
    return "abilities" if (is_to_bot or is_of_user) and not _is_request(rest) else ""


def _begins_as_question(clause: Sequence[Token]) -> bool:
    asking = lexicon().words["question"] | {"это", "а", "у", "it", "this"}
    return clause[0].text in asking


def _is_asking(token: Token) -> bool:
    """Return true for "how", and not for "do"."""
    others = ("make", "place", "modal", "must")
    return _is(token, "question") and not any(_is(token, name) for name in others)


def _has_words(pattern: Pattern, stems: Iterable[str]) -> bool:
    """Return true if the text has a word of each slot, in whatever order."""
    return all(not slot.isdisjoint(stems) for slot in pattern)


def _starts_with(tokens: Sequence[Token], phrases: _Phrases) -> int:
    """Return how many tokens at the beginning are one of the phrases."""
    return _longest(tuple(token.text for token in tokens[:_LONGEST_PHRASE]), 0, phrases)


def _grievance(
    reading: Reading, clauses: Sequence[tuple[Token, ...]], facts: ChatFacts
) -> Classification | None:
    start = lexicon().phrases["grievance", "start"]
    first = clauses[0]
    if _is_covered(first, "message", "small_talk") and len(clauses) > 1:
        first = clauses[1]
    begins = _starts_with(first, start) or _starts_with(_after_wrappers(first)[0], start)
    is_whole = _is_covered(first, "message", "complaint")
    is_to_bot = first[0].text in {"you", "ты", "вы"}
    if not (begins or is_whole or is_to_bot) or len(reading.tokens) > _QUESTION_LIMIT:
        return None
    rest = [each for each in clauses if each is not first]
    if any(_is_request(_after_wrappers(each)[0]) for each in rest) or _is_request(first):
        return None
    is_about_picture = facts.has_picture or facts.is_reply_to_picture
    is_repeated = bool(rest) and _starts_with(rest[0], start) > 0
    is_alone = not (is_whole and rest) or is_repeated
    is_sure = is_about_picture and bool(begins or is_whole) and is_alone
    return Classification(Intent.COMPLAINT, is_sure, ("grievance",), prompt=reading.text)


def _is_request(tokens: Sequence[Token]) -> bool:
    """Return true if the clause asks for something to be drawn, or changed."""
    if _is_of_user(tokens):
        tokens = tokens[2:]
    return _is_drawn(tokens) or any(_has(tokens[:3], name) for name in ("make", "change"))


def _is_of_user(tokens: Sequence[Token]) -> bool:
    """Return true for "do you" and "why is my"."""
    return bool(tokens) and _is(tokens[0], "question") and _has(tokens[1:2], "person")


def _is_drawn(tokens: Sequence[Token]) -> bool:
    return bool(tokens) and _is(tokens[0], "draw")


def _has(tokens: Iterable[Token], name: str) -> bool:
    return any(_is(token, name) for token in tokens)


def _is(token: Token, name: str) -> bool:
    """Return true if the token is one of the words of that list."""
    words = lexicon().words[name]
    return token.text in words or (
        token.text.endswith("те") and token.text.removesuffix("те") in words
    )


def _is_form(token: Token, name: str) -> bool:
    forms = lexicon().forms[name]
    return token.stem in forms or ("-" in token.text and stem(token.text.split("-")[-1]) in forms)


def _after_wrappers(tokens: Sequence[Token]) -> tuple[Sequence[Token], frozenset[str]]:
    """Return the tokens after a polite beginning, and which kinds of beginnings there were."""
    kinds: set[str] = set()
    while tokens and not _is_negation(tokens):
        sizes = {
            kind: _starts_with(tokens, lexicon().phrases["wrapper", kind])
            for kind in ("polite", "want", "suggest")
        }
        kind = max(sizes, key=lambda each: sizes[each])
        if not sizes[kind]:
            break
        kinds.add(kind)
        tokens = tokens[sizes[kind] :]
    return tokens, frozenset(kinds)


def _is_negation(tokens: Sequence[Token]) -> bool:
    """Return true for "no text", and not for "no, make it red"."""
    is_one = tokens[0].text == "no" and len({each.clause for each in tokens[:2]}) == 1
    return is_one and len(tokens) > 1 and not _is_request(tokens[1:])


# Prompts: for a new picture, or for a change.


def _prompt(reading: Reading, facts: ChatFacts) -> Classification:
    tokens, wrappers = _after_wrappers(_without_courtesy(reading.tokens))
    tokens = _after_now(tokens or reading.tokens)
    new = _new_things(tokens, facts)
    cues = (
        *_cues_of_words(tokens, wrappers, new),
        *_cues_of_doubt(tokens, new),
        *_cues_of_chat(reading, tokens, facts),
    )
    dropped = [token for token in reading.tokens if token.end < tokens[0].end]
    prompt = reading.text[dropped[-1].end :].lstrip(_BETWEEN) if dropped else reading.text
    score = _BASE + sum(_CUES[cue] for cue in cues)
    if _DOUBTS.intersection(cues) and not _NEW.intersection(cues):
        score = max(score, _UNSURE)
    intent, is_sure, reason = _decide(score, cues, reading, facts)
    if not is_sure and _is_choice_usable(facts):
        intent, is_sure, reason = Intent(facts.remembered), True, ("remembered",)
    return Classification(intent, is_sure, (*cues, *reason), prompt)


def _is_choice_usable(facts: ChatFacts) -> bool:
    """Return true if the user chose before, and there is a picture for a chosen change."""
    has_target = facts.has_picture or facts.is_reply_to_picture
    return facts.remembered == Intent.CREATE or (facts.remembered == Intent.CHANGE and has_target)


def _after_now(tokens: Sequence[Token]) -> Sequence[Token]:
    """Return the tokens after "now" in "now draw a dog"."""
    if not (_is(tokens[0], "now") or _is(tokens[0], "also")):
        return tokens
    rest, kinds = _after_wrappers(tokens[1:])
    is_wanted = "want" in kinds and _has_kind(rest[:3], "picture")
    is_order = bool(rest) and any(_is(rest[0], name) for name in ("draw", *_CHANGING))
    return tokens[1:] if is_wanted else rest if is_order else tokens


def _without_courtesy(tokens: Sequence[Token]) -> Sequence[Token]:
    """Return the tokens after clauses such as "thanks", "not so dark" or "this is not a cat"."""
    clauses = _clauses(tokens)
    start = lexicon().phrases["grievance", "start"]
    while len(clauses) > 1:
        is_talk = any(_is_covered(clauses[0], "message", name) for name in _COURTESY)
        is_grievance = _is(clauses[0][0], "not") or _starts_with(clauses[0], start)
        if not is_talk and not (is_grievance and _is_request(_after_wrappers(clauses[1])[0])):
            break
        clauses = clauses[1:]
    return [token for clause in clauses for token in clause]


def _decide(
    score: int, cues: tuple[str, ...], reading: Reading, facts: ChatFacts
) -> tuple[Intent, bool, tuple[str, ...]]:
    """Return the intent, whether it is sure, and what decided beside the cues."""
    leaning = Intent.CHANGE if score >= _UNSURE else Intent.CREATE
    if facts.pending is Pending.PROMPT and not facts.is_reply_to_picture:
        return Intent.CREATE, True, ("prompt_pending",)
    if _LINK.fullmatch(reading.text):
        return Intent.CREATE, False, ("link",)
    if _ends_as_question(reading):
        return leaning, False, ("question",)
    if facts.pending in {Pending.SCALE, Pending.PHOTO}:
        return leaning, False, (f"{facts.pending.value}_pending",)
    if facts.is_reply_to_picture or facts.pending is Pending.CHANGE:
        is_sure = (score >= _SURE and "draw" not in cues) or "drawn_on_picture" in cues
        return (Intent.CHANGE if is_sure else leaning), is_sure, ()
    if not facts.has_picture:
        if _TALK.intersection(cues) and not _NEW.intersection(cues):
            return Intent.CREATE, False, ()
        # Words of a change have nothing to change; half a cue is no reason to ask.
        return (
            (Intent.CHANGE, False, ("no_picture",))
            if score >= _SURE_WITHOUT_PICTURE
            else _NEW_PICTURE
        )
    return leaning, score != _UNSURE, ()


def _ends_as_question(reading: Reading) -> bool:
    """Return true for "what does the fox say?" and "can you swim?": it may be a prompt, or not."""
    last = _clauses(reading.tokens)[-1]
    rest = _after_wrappers(last)[0]
    if last[0].clause not in reading.asks or not rest:
        return False
    # "Can you speak French?" is no order, "can I have a whale?" is one.
    is_of_bot = _has(last[: len(last) - len(rest)], "you") and not _is_request(rest)
    return _is(rest[0], "question") or is_of_bot


def _cues_of_chat(reading: Reading, tokens: Sequence[Token], facts: ChatFacts) -> Iterable[str]:
    """Cues in the chat, and in what is no word."""
    yield from _cues_of_question(tokens, facts)
    if facts.has_picture and facts.picture_age_s > _OLD_S:
        yield "old_picture"
    if _OPTIONS.search(reading.text):
        yield "options"
    if facts.has_picture and not facts.is_reply_to_picture:
        yield from _cues_of_latest(tokens, facts)


def _cues_of_question(tokens: Sequence[Token], facts: ChatFacts) -> Iterable[str]:
    """Cues in what the text replies to."""
    if facts.is_reply_to_picture:
        yield "reply"
    elif facts.pending is Pending.CHANGE:
        yield "asked_for_change"
        if len(tokens) < _SHORT:
            yield "asked_and_short"


def _cues_of_doubt(tokens: Sequence[Token], new: Sequence[Token]) -> Iterable[str]:
    """Cues of a text that says little of a new picture, or nothing."""
    if _has(tokens, "speaker") and len(new) <= _SCENE and not _has_kind(tokens, "picture"):
        yield "addressed"
    if _is_asking(tokens[0]) and len(new) < _SCENE:
        yield "asking"
    if _has(tokens[:_SHORT], "deictic") and len(new) < _SCENE:
        yield "referring"


def _cues_of_latest(tokens: Sequence[Token], facts: ChatFacts) -> Iterable[str]:
    """Cues in what the text has in common with the latest prompt."""
    latest, new = _stems(facts.latest_prompt), _new_things(tokens, facts)
    if not new and not _has_kind(tokens, "state") and not _has_kind(tokens, "picture"):
        yield "nothing_new"
        if _goes_on(tokens, "another"):
            yield "another"
    if _has(tokens, "wish") and not _is(tokens[0], "question"):
        yield "wish"
    shared = [at for at, each in enumerate(tokens) if each.stem in latest and _is_noun(each)]
    if not shared or len(tokens) < 2:
        return
    first = shared[0]
    # "A black cat" may be another one; "the cat" and "cat black" are not.
    is_described = any(_is_attribute(each) for each in tokens[first + 1 :])
    is_told = any(_has(tokens, name) for name in ("not", "instead", "another", "without"))
    if not new and (is_described or is_told):
        yield "latest_changed"
    elif not new or (len(new) < _SCENE and (is_told or tokens[0].text == "the")):
        yield "of_latest"


def _is_noun(token: Token) -> bool:
    return _is_thing(token) or _is_form(token, "part") or _is_form(token, "state")


def _is_attribute(token: Token) -> bool:
    return _is_form(token, "adjective") or _is_comparative(token) or _is(token, "side")


def _has_kind(tokens: Iterable[Token], kind: str) -> bool:
    return any(_is_form(token, kind) for token in tokens)


def _cues_of_words(
    tokens: Sequence[Token], wrappers: frozenset[str], new: Sequence[Token]
) -> Iterable[str]:
    """Cues in the words; `new` are things that the picture at hand does not show."""
    if _is_covered(tokens, "message", "look"):
        yield "look"
    yield from _cues_of_wish(tokens, wrappers, new)
    # "But first coffee, lettering"
    if any(_is_form(clause[-1], "picture") for clause in _clauses(tokens)[1:]):
        yield "named"
    if _starts_with(tokens, lexicon().phrases["scene", "start"]):
        yield "scene"
    yield from _cues_of_verb(tokens, new)
    if _is_compared(tokens, new):
        yield "comparative"
    if _goes_on(tokens, "now") and (len(new) < _SCENE or _is_circumstance(tokens[1])):
        yield "now" if _is_circumstance(tokens[1]) else "now_noun"
    if _goes_on(tokens, "also") and len(new) < _SCENE:
        yield "also"
    yield from (cue for cue, holds in _BEGINNINGS.items() if holds(tokens))
    yield from _cues_of_fragment(tokens, new)


def _cues_of_wish(
    tokens: Sequence[Token], wrappers: frozenset[str], new: Sequence[Token]
) -> Iterable[str]:
    """Cues of "I want", "what if" and of neither."""
    if "suggest" in wrappers and len(new) < _SCENE:
        yield "suggestion"
    if "want" in wrappers and _has_kind(tokens[:3], "picture"):
        yield "wanted_picture"
    elif "want" not in wrappers and len(tokens) < _SHORT and _is_object(tokens[0]):
        yield "accusative"


def _is_object(token: Token) -> bool:
    """Return true for "(give her) a hat" in Russian: a noun in the accusative."""
    is_kind = _is_form(token, "picture") or _is(token, "when")
    return bool(_ACCUSATIVE.fullmatch(token.text)) and _is_noun(token) and not is_kind


def _cues_of_verb(tokens: Sequence[Token], new: Sequence[Token]) -> Iterable[str]:
    """Cues of an imperative: to draw, to make, to change."""
    first, rest = tokens[0], tokens[1:]
    if _is(first, "draw"):
        yield "draw"
        # "Draw her a hat" is about the picture, "draw a girl and her dog" is not.
        is_of_picture = len(rest) > 1 and _has(rest[:2], "reference")
        # "Paint the walls green" is about it, too.
        is_recoloured = bool(rest) and rest[0].text == "the" and _is_form(rest[-1], "adjective")
        if is_of_picture or is_recoloured or (rest and _is(rest[-1], "reference")):
            yield "drawn_on_picture"
    elif _is(first, "make"):
        yield from _cues_of_make(rest, new)
    elif _is_change(tokens):
        yield "change_verb"
    elif _is_weak_change(first, rest):
        yield "change_verb_weak"
    elif _is_made(tokens):
        yield "make_known"


def _is_weak_change(first: Token, rest: Sequence[Token]) -> bool:
    """Return true for "fix the hands" and "put a hat on him"."""
    if not rest or not _is(first, "change_weak"):
        return False
    return _is(rest[0], "determiner") or _is(rest[-1], "reference")


def _is_change(tokens: Sequence[Token]) -> bool:
    """Return true if a change is asked for: "add a hat", and in Russian "a hat add" as well."""
    if _is(tokens[0], "change"):
        # "Change of seasons" is a thing.
        return len(tokens) < 2 or tokens[1].text != "of"
    return _is_later(tokens, "change")


def _is_made(tokens: Sequence[Token]) -> bool:
    """Return true for "the cat red make", as Russian allows; "a card for mum make" is a prompt."""
    return _is_later(tokens, "make") and not _has_kind(tokens, "picture")


def _is_later(tokens: Sequence[Token], name: str) -> bool:
    is_short = len(tokens) <= _LONG
    return is_short and any(_is(each, name) and not each.text.isascii() for each in tokens)


def _cues_of_make(rest: Sequence[Token], new: Iterable[Token]) -> Iterable[str]:
    """Cues after "make"."""
    if not rest:
        return
    if _is_of_picture(rest):
        yield "make_of_picture"
    elif all(_is_form(each, "state") for each in new) or any(_comparatives(rest[: _SHORT + 2])):
        yield "make_known"


def _is_of_picture(rest: Sequence[Token]) -> bool:
    """Return true if what follows "make" is there already: "it", "the cat", "so that"."""
    near = rest[:3]
    is_referring = _has(near[:2], "reference") or rest[0].text in {"меня", "себя"}
    is_part = len(rest) > 1 and _is_form(rest[0], "part")
    is_continued = (
        is_part
        or _is(rest[0], "place")
        or any(_has(near, name) for name in ("definite", "same", "without", "to"))
    )
    return is_referring or is_continued or _is_predicate(rest)


def _is_predicate(tokens: Sequence[Token]) -> bool:
    """Return true for "(make) the cat red" in Russian: an adjective in the instrumental case."""
    for at, token in enumerate(tokens):
        is_last = at + 1 == len(tokens) or _is(tokens[at + 1], "linking")
        if is_last and _INSTRUMENTAL.fullmatch(token.text):
            return True
    return False


def _is_compared(tokens: Sequence[Token], new: Sequence[Token]) -> bool:
    """Return true for "a bit brighter", "more snow", "hair longer" and "closer to the camera"."""
    bare = _after_degree(tokens)
    comparatives = list(_comparatives(bare))
    if not any(comparatives) or _has(bare, "than"):
        return False
    first, follower = bare[0], bare[1:2]
    if not new:
        return True
    if len(_clauses(bare)[0]) > _SHORT + 3 or _has(follower, "question"):
        return False
    is_of_part = any(
        is_there and _has_kind(bare[max(0, at - 1) : at + 2], "part")
        for at, is_there in enumerate(comparatives)
    )
    is_bare = first.text.isascii() and len(new) < _SCENE and not _has_kind(bare, "picture")
    is_first = comparatives[0] and (is_bare or _has(follower, "place") or _is(first, "amount"))
    return is_of_part or is_first or (len(bare) <= _SHORT + 1 and comparatives[-1])


def _comparatives(tokens: Sequence[Token]) -> Iterable[bool]:
    """Yield for each token whether it is a comparative; "in the museum" only looks like one."""
    for at, token in enumerate(tokens):
        yield _is_comparative(token) and not (at > 0 and _is(tokens[at - 1], "place"))


def _is_comparative(token: Token) -> bool:
    if _is(token, "comparative"):
        return True
    is_form = _FULL_COMPARATIVE.fullmatch(token.text) is not None
    return is_form and not token.text.removeprefix("по").startswith(lexicon().soft)


def _after_degree(tokens: Sequence[Token]) -> Sequence[Token]:
    """Return the tokens after "a bit", "much" and the like."""
    at = 1 if len(tokens) > 1 and _is(tokens[0], "article") and _is(tokens[1], "degree") else 0
    while at < len(tokens) and _is(tokens[at], "degree"):
        at += 1
    return tokens[at:]


def _goes_on(tokens: Sequence[Token], name: str) -> bool:
    """Return true if the text begins with a word of that list, and goes on."""
    return len(tokens) > 1 and _is(tokens[0], name)


def _refers(tokens: Sequence[Token]) -> bool:
    is_pair = len(tokens) > 1 and _is(tokens[1], "linking")
    return _is(tokens[0], "reference") and len(tokens) < _LONG and not is_pair


def _is_circumstance(token: Token) -> bool:
    """Return true for what may follow "now" about the same picture: "at night", "brighter"."""
    lists = ("place", "with", "without", "same", "reference", "but", "when", *_CHANGING)
    kinds = ("state", "adjective")
    is_listed = any(_is(token, name) for name in lists)
    return is_listed or _is_comparative(token) or any(_is_form(token, kind) for kind in kinds)


def _is_told(tokens: Sequence[Token]) -> bool:
    """Return true for "the cat should be black" and "let her smile"."""
    is_modal = _is(tokens[0], "modal") and any(_has(tokens[1:3], name) for name in _SHOWN)
    return len(tokens) <= 2 * _LONG and (
        is_modal or _is(tokens[0], "must") or _has(tokens[1:4], "must")
    )


def _is_same_but(tokens: Sequence[Token]) -> bool:
    """Return true for "the same cat, but in winter" and "the same without clouds"."""
    differs = any(_has(tokens[2:], name) for name in ("without", "with", "place"))
    is_brief = differs and len(tokens) <= _SHORT + 2 and _has(tokens[:3], "identical")
    return is_brief or (_has(tokens[:3], "same") and _has(tokens[1:], "but"))


def _is_replaced(tokens: Sequence[Token]) -> bool:
    """Return true for "a dog instead of the cat", and not for "a robot with a lamp instead"."""
    if _is(tokens[0], "instead"):
        return len(tokens) <= _LONG
    is_short = len(tokens) <= _SHORT + 2 and not _has(tokens[1:3], "with")
    is_brief = len(tokens) < _SHORT or _is(tokens[-1], "instead") or _has(tokens, "definite")
    return is_short and is_brief and _has(tokens, "instead")


def _is_contrast(tokens: Sequence[Token]) -> bool:
    """Return true for "the grass not green but blue", in Russian with «а»."""
    stands = [at for at, token in enumerate(tokens) if _is(token, "not")]
    others = {"а", "but"}
    return bool(stands) and any(each.text in others for each in tokens[stands[0] + 1 : _LONG])


_SHOWN = ("reference", "definite")

_BEGINNINGS: Mapping[str, Callable[[Sequence[Token]], bool]] = {
    "same_but": _is_same_but,
    "but": lambda tokens: _goes_on(tokens, "but"),
    "contrast": _is_contrast,
    "instead": _is_replaced,
    "not_so": lambda tokens: _goes_on(tokens, "not") and _is(tokens[1], "so"),
    "must": _is_told,
    "reference": _refers,
}


def _cues_of_fragment(tokens: Sequence[Token], new: Sequence[Token]) -> Iterable[str]:
    """Cues of a text that is no whole prompt: "without people", "at night", "blue"."""
    first, count = tokens[0], len(tokens)
    if first.text in {"no", "нет"} and count <= _SHORT and not new:
        yield "without"
    elif _is(first, "without"):
        if count <= _SHORT and len(_clauses(tokens)) == 1:
            yield "without"
    elif _is(first, "with") and 1 < count <= _SHORT + 1:
        yield "with"
    elif _is(first, "place"):
        yield from _cues_of_place(tokens)
    elif count == 1 and _is(first, "when"):
        yield "state"


def _cues_of_place(tokens: Sequence[Token]) -> Iterable[str]:
    """Cues of a text that begins with a preposition."""
    count = len(tokens)
    if count <= _LONG and any(_is_form(token, "style") for token in tokens[1:4]):
        yield "style"
    elif count <= 3 and _is_form(tokens[-1], "state"):
        yield "state"
    elif count < _SHORT:
        yield "place"
