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

from imgbot.domain.operations import Operation
from imgbot.domain.phrases import Reading, Token, lexicon, read, stem, without_fillers

_Phrases = frozenset[tuple[str, ...]]


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
    "make_comparative": 5,
    "make_part": 3,
    "make_detail": 2,
    "make_state": 3,
    "comparative": 4,
    "comparative_of": 2,
    "comparative_inside": 1,
    "same_but": 5,
    "but": 4,
    "now": 4,
    "now_noun": 2,
    "without": 4,
    "without_inside": 2,
    "instead": 3,
    "instead_inside": 2,
    "with": 4,
    "style": 4,
    "state": 3,
    "place": 2,
    "also": 2,
    "another": 2,
    "adjective": 2,
    "reference": 2,
    "must": 4,
    "not": 2,
    "suggestion": 2,
    "of_latest": 2,
    "drawn_on_picture": 6,
    "reply": 4,
    "asked_for_change": 2,
    "asked_and_short": 2,
    # Speak for a new picture.
    "draw": -3,
    "wanted_picture": -4,
    "named": -4,
    "scene": -6,
    "long": -2,
    "options": -3,
    "old_picture": -1,
}
_BASE = -2
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
    intent, table, name = asked[0]
    reasons = (f"whole:{name}",)
    if intent is Intent.OPERATION:
        scale = _scale(tokens) if name == "upscale" else None
        return Classification(intent, operation=Operation(name), scale=scale, reasons=reasons)
    topic = name if table == "command" else ""
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


# Talk about the bot or about its picture.


def _talk(reading: Reading, facts: ChatFacts) -> Classification | None:
    """Return the intent of a question or of a complaint; None for a prompt."""
    clauses = _clauses(reading.tokens)
    if len(reading.tokens) > 2 * _QUESTION_LIMIT:
        return None
    for at, clause in enumerate(clauses):
        topic = _topic(clause, is_asked=clause[0].clause in reading.asks)
        if not topic:
            continue
        others = [each for number, each in enumerate(clauses) if number != at]
        # "Who draws the fox? An illustration of a tale" may be a prompt.
        is_sure = not any(_is_descriptive(each) for each in others)
        return Classification(Intent.QUESTION, is_sure, (f"topic:{topic}",), topic=topic)
    return _grievance(reading, clauses, facts)


def _clauses(tokens: Sequence[Token]) -> list[tuple[Token, ...]]:
    numbers = dict.fromkeys(token.clause for token in tokens)
    return [tuple(each for each in tokens if each.clause == number) for number in numbers]


def _topic(clause: Sequence[Token], *, is_asked: bool) -> str:
    """Return the topic of a question about the bot, or nothing."""
    if len(clause) > _QUESTION_LIMIT:
        return ""
    words, rest = lexicon().phrases, _after_wrappers(clause)[0] or clause
    has_form = is_asked or _begins_as_question(clause) or _has(clause, "you")
    stems = tuple(token.stem for token in clause)
    for topic in ("privacy", "price", "provider", "status", "abilities"):
        for phrase in words["question", topic]:
            if (has_form or len(phrase) > 1) and _in_order(phrase, stems):
                return "" if _is_drawn(rest) else topic
    if _starts_with(rest, words["talk", "start"]) or _starts_with(clause, words["talk", "start"]):
        return "abilities"
    is_to_bot = has_form and _has(rest, "you") and (is_asked or _begins_as_question(rest))
    return "abilities" if is_to_bot and not _is_request(rest) else ""


def _begins_as_question(clause: Sequence[Token]) -> bool:
    asking = lexicon().words["question"] | {"это", "а", "у", "it", "this"}
    return clause[0].text in asking


def _in_order(phrase: tuple[str, ...], stems: tuple[str, ...]) -> bool:
    """Return true if the words of the phrase stand in the text in this order."""
    rest = iter(stems)
    return all(any(word == each for each in rest) for word in phrase)


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
    if _is(first[0], "question") and not _is_reproach(first, reading):
        begins = 0
    is_whole = _is_covered(first, "message", "complaint")
    is_to_bot = first[0].text in {"you", "ты", "вы"}
    if not (begins or is_whole or is_to_bot) or len(reading.tokens) > _QUESTION_LIMIT:
        return None
    rest = [each for each in clauses if each is not first]
    if any(_is_request(_after_wrappers(each)[0]) for each in rest) or _is_request(first):
        return None
    is_about_picture = facts.has_picture or facts.is_reply_to_picture
    is_sure = is_about_picture and bool(begins or is_whole) and not (is_whole and rest)
    return Classification(Intent.COMPLAINT, is_sure, ("grievance",), prompt=reading.text)


def _is_reproach(clause: Sequence[Token], reading: Reading) -> bool:
    """Return true for "where is the hat?", and not for "Where the Wild Things Are"."""
    return clause[0].clause in reading.asks or _has(clause, "reference") or _has(clause, "you")


def _is_request(tokens: Sequence[Token]) -> bool:
    """Return true if the clause asks for something to be drawn, or changed."""
    return _is_drawn(tokens) or any(_has(tokens[:3], name) for name in ("make", "change"))


def _is_drawn(tokens: Sequence[Token]) -> bool:
    return bool(tokens) and _is(tokens[0], "draw")


def _is_descriptive(clause: Sequence[Token]) -> bool:
    """Return true for words that may be a prompt, and are neither courtesy nor talk."""
    is_talk = any(_is_covered(clause, table, name) for _, table, name in _WHOLE)
    return not is_talk and not _topic(clause, is_asked=True) and len(clause) > 1


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
    while tokens:
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


# Prompts: for a new picture, or for a change.


def _prompt(reading: Reading, facts: ChatFacts) -> Classification:
    tokens, wrappers = _after_wrappers(_without_courtesy(reading.tokens))
    tokens = _after_now(tokens or reading.tokens)
    cues = (*_cues_of_words(tokens, wrappers), *_cues_of_chat(reading, tokens, facts))
    dropped = [token for token in reading.tokens if token.end < tokens[0].end]
    prompt = reading.text[dropped[-1].end :].lstrip(_BETWEEN) if dropped else reading.text
    score = _BASE + sum(_CUES[cue] for cue in cues)
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
    is_order = len(tokens) > 1 and any(_is(tokens[1], name) for name in ("draw", *_CHANGING))
    return tokens[1:] if is_order and _is(tokens[0], "now") else tokens


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
    if facts.is_reply_to_picture:
        yield "reply"
    elif facts.pending is Pending.CHANGE:
        yield "asked_for_change"
        if len(tokens) < _SHORT:
            yield "asked_and_short"
    if facts.has_picture and facts.picture_age_s > _OLD_S:
        yield "old_picture"
    if _OPTIONS.search(reading.text):
        yield "options"
    if len(tokens) > _LONG:
        yield "long"
    latest = {token.stem for token in read(facts.latest_prompt).tokens}
    if len(tokens) > 1 and tokens[0].text == "the" and tokens[1].stem in latest:
        yield "of_latest"


def _cues_of_words(tokens: Sequence[Token], wrappers: frozenset[str]) -> Iterable[str]:
    """Cues in the words."""
    if "suggest" in wrappers:
        yield "suggestion"
    if "want" in wrappers and any(_is_form(token, "picture") for token in tokens[:3]):
        yield "wanted_picture"
    # "But first coffee, lettering"
    if any(_is_form(clause[-1], "picture") for clause in _clauses(tokens)[1:]):
        yield "named"
    if _starts_with(tokens, lexicon().phrases["scene", "start"]):
        yield "scene"
    yield from _cues_of_verb(tokens)
    yield from _cues_of_comparative(tokens)
    yield from (cue for cue, holds in _BEGINNINGS.items() if holds(tokens))
    yield from _cues_of_fragment(tokens)


def _cues_of_verb(tokens: Sequence[Token]) -> Iterable[str]:
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
        yield from _cues_of_make(rest)
    elif _is_change(tokens):
        yield "change_verb"
    elif _is_weak_change(first, rest):
        yield "change_verb_weak"


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
    clause = _clauses(tokens)[0]
    is_short = len(clause) <= _SHORT + 1
    return is_short and any(_is(each, "change") and not each.text.isascii() for each in clause)


def _cues_of_make(rest: Sequence[Token]) -> Iterable[str]:
    """Cues after "make"."""
    if not rest:
        return
    near, last = rest[:3], rest[-1]
    if any(_comparatives(rest[: _SHORT + 2])):
        yield "make_comparative"
    elif _is_of_picture(rest) or (len(rest) < 3 and _is_form(last, "adjective")):
        yield "make_of_picture"
    elif _is_form(near[0], "image") and _has(rest[1:2], "place"):
        yield "make_detail"
    elif _is_form(near[0], "part") or (len(rest) <= 3 and _is_form(last, "part")):
        is_detail = len(rest) > 1 and (_is(rest[-2], "place") or _is(rest[-2], "with"))
        yield "make_detail" if is_detail else "make_part"
    elif len(rest) < 3 and _is_form(last, "state"):
        yield "make_state"


def _is_of_picture(rest: Sequence[Token]) -> bool:
    """Return true if what follows "make" is there already: "it", "the cat", "so that"."""
    near = rest[:3]
    is_referring = _has(near[:2], "reference") or rest[0].text in {"меня", "себя"}
    is_continued = _is(rest[0], "place") or any(
        _has(near, name) for name in ("definite", "same", "without", "to")
    )
    return is_referring or is_continued or _is_predicate(rest)


def _is_predicate(tokens: Sequence[Token]) -> bool:
    """Return true for "(make) the cat red" in Russian: an adjective in the instrumental case."""
    for at, token in enumerate(tokens):
        is_last = at + 1 == len(tokens) or _is(tokens[at + 1], "linking")
        if is_last and _INSTRUMENTAL.fullmatch(token.text) and not _is_governed(tokens, at):
            return True
    return False


def _is_governed(tokens: Sequence[Token], at: int) -> bool:
    """Return true if a preposition stands before the token."""
    return at > 0 and (_is(tokens[at - 1], "place") or _is(tokens[at - 1], "with"))


def _cues_of_comparative(tokens: Sequence[Token]) -> Iterable[str]:
    """Cues of "brighter", "a bit brighter", "more snow" and "hair longer"."""
    bare = _after_degree(tokens)
    comparatives = list(_comparatives(bare))
    if not any(comparatives):
        return
    is_short, follower = len(bare) <= _SHORT + 1, bare[1:2]
    if comparatives[0] and _has(follower, "than"):
        yield "comparative_inside"
    elif comparatives[0] and is_short:
        yield "comparative_of" if _is_compared(bare) else "comparative"
    elif is_short and comparatives[-1] and not _has(bare, "than"):
        yield "comparative"
    else:
        yield "comparative_inside"


def _is_compared(tokens: Sequence[Token]) -> bool:
    """Return true for "stronger than wind" in Russian, where a bare noun follows."""
    if len(tokens) < 2 or tokens[0].text.isascii() or _is(tokens[0], "amount"):
        return False
    follower = tokens[1]
    lists = ("linking", "place", "with", "but", "definite", "reference")
    is_addition = any(_is(follower, name) for name in lists) or _is_form(follower, "part")
    return not is_addition and not _starts_with(tokens[1:], lexicon().phrases["wrapper", "polite"])


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
    return len(tokens) <= _LONG and (_is(tokens[0], "must") or _has(tokens[1:4], "must"))


def _is_same_but(tokens: Sequence[Token]) -> bool:
    """Return true for "the same cat, but in winter" and "the same without clouds"."""
    differs = any(_has(tokens[2:], name) for name in ("without", "with", "place"))
    is_brief = differs and len(tokens) <= _SHORT + 2 and _has(tokens[:3], "identical")
    return is_brief or (_has(tokens[:3], "same") and _has(tokens[1:], "but"))


_BEGINNINGS: Mapping[str, Callable[[Sequence[Token]], bool]] = {
    "same_but": _is_same_but,
    "but": lambda tokens: _goes_on(tokens, "but"),
    "now": lambda tokens: _goes_on(tokens, "now") and _is_circumstance(tokens[1]),
    "now_noun": lambda tokens: _goes_on(tokens, "now") and not _is_circumstance(tokens[1]),
    "also": lambda tokens: _goes_on(tokens, "also"),
    "not": lambda tokens: _goes_on(tokens, "not"),
    "must": _is_told,
    "reference": _refers,
}


def _cues_of_fragment(tokens: Sequence[Token]) -> Iterable[str]:
    """Cues of a text that is no whole prompt: "without people", "at night", "blue"."""
    first, count = tokens[0], len(tokens)
    if _is(first, "without"):
        is_whole = count <= _SHORT and len(_clauses(tokens)) == 1
        yield "without" if is_whole else "without_inside"
    elif _is(first, "with") and 1 < count <= _SHORT + 1:
        yield "with"
    elif _is(first, "place"):
        yield from _cues_of_place(tokens)
    elif count == 1 and _is(first, "when"):
        yield "state"
    elif count <= 2 and all(_is_form(token, "adjective") for token in tokens):
        yield "adjective"
    elif count <= _SHORT + 2 and _has(tokens, "instead") and not _has(tokens[1:3], "with"):
        is_whole = count <= 3 or _is(tokens[-1], "instead") or _has(tokens, "definite")
        yield "instead" if is_whole else "instead_inside"


def _cues_of_place(tokens: Sequence[Token]) -> Iterable[str]:
    """Cues of a text that begins with a preposition."""
    count = len(tokens)
    if count <= _LONG and any(_is_form(token, "style") for token in tokens[1:4]):
        yield "style"
    elif count <= 3 and _is_form(tokens[-1], "state"):
        yield "state"
    elif count < _SHORT:
        yield "place"
