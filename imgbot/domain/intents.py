"""Intents: what a text asks for, decided before anything is ordered.

`classify` is a pure function of the text and of the facts of the chat. A message that consists of
listed phrases is what they say, and so is a short one with the words of a listed pattern. Any other
text is a prompt, for a new picture or for a change of the one at hand: cues speak for a change or
against it. A prompt is surely for a new picture only if it names something that the one at hand
does not show. Where nothing decides, the classification is unsure and the user is asked. The cues
are the reasons in the result.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from imgbot.domain.cues import CUES, DOUBTS, NEW, cues_of_doubt, cues_of_latest, cues_of_words
from imgbot.domain.operations import Operation
from imgbot.domain.phrases import (
    CHANGING,
    SCENE,
    SHORT,
    ParsedText,
    Pattern,
    Token,
    after_wrappers,
    clauses_of,
    has_form,
    has_listed,
    is_asking,
    is_covered,
    is_drawn,
    is_form,
    is_listed,
    is_noun,
    is_of_user,
    is_request,
    lexicon,
    new_things,
    patterns_in,
    read,
    starts_with,
)

_Listed = tuple["Intent", str, str]


class Intent(StrEnum):
    """Intent of a text."""

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


class PendingQuestion(StrEnum):
    """Question of the bot that still waits for its answer."""

    NOTHING = ""
    PROMPT = "prompt"
    """Words for a new picture."""
    CHANGE = "change"
    """Words for the photos at hand."""
    SCALE = "scale"
    PHOTO = "photo"


@dataclass(frozen=True, slots=True)
class ChatFacts:
    """Facts about the chat at the time a text arrives."""

    has_picture: bool = False
    """True if the chat has a picture that can be changed."""
    picture_age_s: float = 0
    is_reply_to_picture: bool = False
    pending: PendingQuestion = PendingQuestion.NOTHING
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


_BASE = -2
_SURE = 1
_SURE_WITHOUT_PICTURE = 2
_UNSURE = 0

_COURTESY = ("small_talk", "complaint", "cancel", "undo")
_QUESTION_LIMIT = 12
_PATTERN_LIMIT = 10
_OLD_S = 6 * 3600
_KEY_TOKENS = 24
_BETWEEN = " ,.!?:;—–-)"

_SKIN_TONES = "\U0001f3fb-\U0001f3ff"
_MARKS = re.compile(rf"[\s.,!)(:;…\u200d\ufe0f{_SKIN_TONES}]")
_REACTIONS = frozenset("👍❤🔥👌🙏😂👏😍")
_REACTION_LIMIT = 40
_FIRST_SYMBOL = "\u2190"
"""Characters below it are letters and punctuation, from it on arrows and emoji."""

_LETTER = re.compile(r"[0-9a-zа-я]")
_LETTER_DRAWN_OUT = 10
"""Maximum length of "kkkkk", in characters; a page of one letter is a prompt."""

_LAST_WORD = re.compile(r"(?P<comma>,?) (?P<name>[\w-]+)$")

_OPTIONS = re.compile(r"(?<!\S)(?:--|—)[a-z]+|^\s*(?:prompt|промпт|промт)\s*:", re.IGNORECASE)
_LINK = re.compile(r"\s*https?://\S+\s*")
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
    return (
        _whole_message(reading.tokens, facts)
        or _named(reading)
        or _letter(reading.tokens, facts)
        or _doubted(_pattern(reading.tokens, facts) or _talk(reading, facts), reading, facts)
        or _prompt(reading, facts)
    )


def _letter(tokens: Sequence[Token], facts: ChatFacts) -> Classification | None:
    """Return small talk for "k", "<3", ":D" and "2+2"."""
    is_asked = facts.pending in {PendingQuestion.SCALE, PendingQuestion.PHOTO}
    is_short = not is_asked and tokens[-1].end <= _LETTER_DRAWN_OUT
    is_figures = all(token.text.isdecimal() for token in tokens)
    is_one = len(tokens) == 1 and _LETTER.fullmatch(tokens[0].text)
    is_letter = is_short and (is_figures or is_one)
    return Classification(Intent.SMALL_TALK, reasons=("letter",)) if is_letter else None


def _named(reading: ParsedText) -> Classification | None:
    """Return what "Thanks, John" says; "Hello Kitty" may be a prompt."""
    *said, last = reading.tokens
    found = _LAST_WORD.search(reading.text[: last.end])
    if found is None or not (found["name"].istitle() and last.is_thing):
        return None
    courtesies = [each for each in _WHOLE if each[2] in {"cancel", "small_talk"}]
    meant = [each for each in courtesies if is_covered(said, *each[1:])]
    # "Beautiful Venice" addresses nobody.
    is_addressed = found["comma"] or not after_wrappers(said)[0]
    if not (meant and is_addressed):
        return None
    classified = _as_listed(meant[0], said, "named")
    return replace(classified, is_sure=bool(found["comma"]), prompt=reading.text)


_DOUBTED = frozenset({Intent.CANCEL, Intent.COMPLAINT, Intent.SMALL_TALK, Intent.HELP})


def _doubted(
    found: Classification | None, reading: ParsedText, facts: ChatFacts
) -> Classification | None:
    """Return it unsure if the text may be a prompt: "it is what it is, meme"."""
    if found is None or not (found.intent in _DOUBTED or found.topic == "abilities"):
        return found
    is_groundless = found.intent is Intent.COMPLAINT and _is_groundless(reading.tokens, facts)
    is_title = found.intent is Intent.CANCEL and _is_title(reading.tokens)
    if not (is_groundless or is_title or _is_kind_named(reading)):
        return found
    reasons = (*found.reasons, "doubted")
    return Classification(Intent.CREATE, is_sure=False, reasons=reasons, prompt=reading.text)


def _is_groundless(tokens: Sequence[Token], facts: ChatFacts) -> bool:
    """Return true for "the wrong door" and "a door that is not red" if none was asked for."""
    first = clauses_of(tokens)[0]
    told = after_wrappers(first)[0] or first
    if is_listed(told[0], "article") and any(each.is_thing for each in told[1:2]):
        return True
    wrong = starts_with(told, lexicon().phrases["grievance", "wrong"])
    is_other = starts_with(told, lexicon().phrases["grievance", "start"]) > wrong
    if is_other or not (wrong or _is_denial(told)):
        return False
    has_target = facts.has_picture or facts.is_reply_to_picture
    is_new = any(new_things(told[wrong:], facts.latest_prompt)) and not has_form(told, "part")
    return is_new or not has_target


def _is_title(tokens: Sequence[Token]) -> bool:
    """Return true for "leave me alone poster", and not for "stop drawing this poster"."""
    *before, last = after_wrappers(tokens)[0] or tokens
    if len(before) < SHORT - 1 or before[0].clause != last.clause:
        return False
    is_kind = is_form(last, "picture") and not is_form(last, "image")
    return is_kind and not is_listed(before[-1], "determiner", "same")


def _is_kind_named(reading: ParsedText) -> bool:
    """Return true for "weather in London, watercolor", and not for "I hate it, bad poster"."""
    *before, closing = clauses_of(reading.tokens)
    kinds = [each for each in closing if is_form(each, "picture", "style")]
    others = [each for each in closing if each not in kinds]
    is_bare = all(
        each.is_thing and not is_covered((each,), "message", "complaint") for each in others
    )
    return bool(before) and is_bare and any(not is_form(each, "image", "part") for each in kinds)


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
    # "+" and "=)" show nothing that could be drawn.
    is_plain = all(each < _FIRST_SYMBOL for each in left)
    if text and (is_about_picture or is_plain or left <= _REACTIONS):
        return Classification(Intent.SMALL_TALK, reasons=("reaction",))
    intent = Intent.CHANGE if facts.is_reply_to_picture else Intent.CREATE
    return Classification(intent, prompt=text, reasons=("emoji",))


# Whole messages.

_OF_PICTURE = ("delete", "receipt", "sticker")
_WHOLE = (
    (Intent.CANCEL, "message", "cancel"),
    (Intent.UNDO, "message", "undo"),
    (Intent.COMPLAINT, "message", "complaint"),
    (Intent.AGAIN, "message", "again"),
    (Intent.HELP, "message", "help"),
    (Intent.POINTING, "message", "pointing"),
    *(
        (Intent.OPERATION, "operation", name)
        for name in ("upscale", "retouch", "removebg", "merge")
    ),
    *(
        (Intent.COMMAND, "command", name)
        for name in (
            "settings",
            "queue",
            "history",
            "limits",
            "last",
            "file",
            "start",
            "quiet",
            *_OF_PICTURE,
        )
    ),
    # "Thanks, what can you do?" is a question: small talk gives way.
    (Intent.SMALL_TALK, "message", "small_talk"),
)


def _whole_message(tokens: Sequence[Token], facts: ChatFacts) -> Classification | None:
    """Return the intent of a message that listed phrases cover from end to end."""
    if facts.pending is PendingQuestion.SCALE and (scale := _scale_alone(tokens)):
        return Classification(
            Intent.OPERATION, operation=Operation.UPSCALE, scale=scale, reasons=("scale",)
        )
    # "Hi there" points nowhere.
    if tuple(token.stem for token in tokens) in lexicon().phrases["message", "small_talk"]:
        return _as_listed(_WHOLE[-1], tokens, "whole")
    rest = after_wrappers(tokens)[0]
    texts = (tokens,) if rest is tokens else (tokens, rest)
    found = (each for each in _WHOLE if any(is_covered(text, *each[1:]) for text in texts))
    return next((_as_listed(each, tokens, "whole") for each in found), None)


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


# Patterns.

_PATTERNS = (
    *_WHOLE[:3],
    (Intent.QUESTION, "message", "price"),
    (Intent.QUESTION, "message", "privacy"),
    *_WHOLE[3:],
)
_DETAILS = ("adjective", "part")
_STRICT = frozenset({Intent.AGAIN, Intent.OPERATION})


def _pattern(tokens: Sequence[Token], facts: ChatFacts) -> Classification | None:
    """Return the intent of a short text with the words of a listed pattern, in their order."""
    rest = after_wrappers(_without_courtesy(tokens))[0] or tokens
    things = {token.stem for token in new_things(rest, facts.latest_prompt)}
    if len(tokens) > _PATTERN_LIMIT or (things and is_listed(rest[0], "draw")):
        return None
    clauses = clauses_of(tokens)
    said = [frozenset(token.stem for token in clause) for clause in clauses]
    details = {each.stem for each in rest if is_form(each, *_DETAILS) or each.is_comparative}
    for each in _PATTERNS:
        patterns = (found for stems in said for found in patterns_in(stems, "pattern", each[2]))
        is_said = any(_is_beside(pattern, things, details, each[0]) for pattern in patterns)
        if is_said and not _gives_way(each[0], clauses):
            return _as_listed(each, tokens, "pattern")
    return None


def _gives_way(said: Intent, clauses: Sequence[Sequence[Token]]) -> bool:
    """Return true if a request stands beside small talk: "wow, make it brighter"."""
    asks = {Intent.SMALL_TALK: _asks, Intent.POINTING: _requests}.get(said)
    return asks is not None and any(map(asks, clauses))


def _asks(clause: Sequence[Token]) -> bool:
    """Return true for "now draw a dog", "please make it darker" and "now a dog"."""
    rest = after_wrappers(clause)[0]
    return _requests(clause) or (len(rest) > 1 and is_listed(rest[0], "now"))


def _requests(clause: Sequence[Token]) -> bool:
    """Return true for "now draw a dog" and "please make it darker"."""
    rest = after_wrappers(clause)[0]
    return bool(rest) and is_request(_after_now(rest))


def _is_beside(pattern: Pattern, things: set[str], details: set[str], said: Intent) -> bool:
    """Return true if what stands beside the pattern does not make it a prompt."""
    if said in _STRICT:
        return not (things | details).difference(*pattern)
    return len(things.difference(*pattern)) < SCENE


# Talk about the bot or about its picture.


def _talk(reading: ParsedText, facts: ChatFacts) -> Classification | None:
    """Return the intent of a question or of a complaint; None for a prompt."""
    clauses = clauses_of(reading.tokens)
    ordering = [clause for clause in clauses if _orders_picture(clause)]
    for clause in clauses:
        topic = _topic(clause, is_asked=clause[0].clause in reading.asks)
        # "I'd like a card. Can it say hello?" goes on about the picture.
        is_detail = topic == "abilities" and any(each is not clause for each in ordering)
        if topic and not is_detail:
            return Classification(Intent.QUESTION, reasons=(f"topic:{topic}",), topic=topic)
    grievance = _grievance(reading, clauses, facts)
    rest = after_wrappers(reading.tokens)[0] or reading.tokens
    begins = len(clauses) == 1 and (is_asking(rest[0]) or has_listed(rest, "you"))
    is_brief = len(new_things(reading.tokens, facts.latest_prompt)) < SCENE
    if grievance is None and begins and is_brief and not is_request(rest):
        return Classification(Intent.QUESTION, reasons=("asking",), topic="abilities")
    return grievance


def _orders_picture(clause: Sequence[Token]) -> bool:
    """Return true for "I'd like a birthday card" and "draw a cat"."""
    rest, kinds = after_wrappers(clause)
    return is_drawn(rest) or ("want" in kinds and has_form(rest[:SHORT], "picture"))


def _topic(clause: Sequence[Token], *, is_asked: bool) -> str:
    """Return the topic of a question about the bot, or nothing."""
    if len(clause) > _QUESTION_LIMIT:
        return ""
    words, rest = lexicon().phrases, after_wrappers(clause)[0] or clause
    begins = _begins_as_question(clause) or _begins_as_question(rest)
    has_form = is_asked or begins or has_listed(clause, "you")
    stems = frozenset(token.stem for token in clause)
    # "Make the sky as in space" is no question about how to make it.
    is_order = not has_form and is_request(rest)
    for topic in ("privacy", "price", "provider", "status", "abilities"):
        patterns = patterns_in(stems, "question", topic)
        if any(has_form or len(pattern) > 1 for pattern in patterns):
            return "" if is_drawn(rest) or (is_order and topic == "abilities") else topic
    if starts_with(rest, words["talk", "start"]) or starts_with(clause, words["talk", "start"]):
        return "abilities"
    is_to_bot = has_form and has_listed(rest, "you") and (is_asked or _begins_as_question(rest))
    is_own = rest[0] is clause[0] and is_of_user(clause)
    return "abilities" if (is_to_bot or is_own) and not is_request(rest) else ""


def _begins_as_question(clause: Sequence[Token]) -> bool:
    asking = lexicon().words["question"] | {"это", "а", "у", "it", "this"}
    return clause[0].text in asking


def _grievance(
    reading: ParsedText, clauses: Sequence[tuple[Token, ...]], facts: ChatFacts
) -> Classification | None:
    first = clauses[0]
    begins = _complains(first) or _complains(after_wrappers(first)[0])
    begins = begins or (len(clauses) == 1 and _is_denial(first))
    is_whole = is_covered(first, "message", "complaint")
    is_to_bot = first[0].text in {"you", "ты", "вы"}
    if not (begins or is_whole or is_to_bot) or len(reading.tokens) > _QUESTION_LIMIT:
        return None
    rest = [each for each in clauses if each is not first]
    if any(map(_asks, rest)) or is_request(first):
        return None
    is_about_picture = facts.has_picture or facts.is_reply_to_picture
    is_sure = is_about_picture and (bool(begins or is_whole) or has_form(first, "part"))
    return Classification(Intent.COMPLAINT, is_sure, ("grievance",), prompt=reading.text)


def _complains(clause: Sequence[Token]) -> bool:
    starts = (lexicon().phrases["grievance", name] for name in ("start", "wrong"))
    return any(starts_with(clause, start) for start in starts)


def _is_denial(tokens: Sequence[Token]) -> bool:
    """Return true for "the car is not red", and not for "the car green, not red"."""
    if len(tokens) < 3 or is_request(after_wrappers(tokens)[0]):
        return False
    subject, negation, last = tokens[-3:]
    is_statement = is_noun(subject) or is_listed(subject, "question")
    is_told = is_form(last, "adjective") or is_listed(last, "same")
    return is_statement and is_listed(negation, "not") and is_told


# Prompts: for a new picture, or for a change.


def _prompt(reading: ParsedText, facts: ChatFacts) -> Classification:
    tokens, wrappers = after_wrappers(_without_courtesy(reading.tokens))
    tokens = _after_now(tokens or reading.tokens)
    new = new_things(tokens, facts.latest_prompt)
    cues = (
        *cues_of_words(tokens, wrappers, new),
        *cues_of_doubt(tokens, new),
        *_cues_of_chat(reading, tokens, facts),
    )
    dropped = [token for token in reading.tokens if token.end < tokens[0].end]
    # "The background is ugly, change it": without its beginning nobody knows what to change.
    things = (each for each in dropped if each.is_thing or is_form(each, "part"))
    is_named = any(not is_form(each, "state", "adjective") for each in things)
    is_named_before = is_named and has_listed(tokens, "reference")
    begin = dropped[-1].end if dropped and not is_named_before else 0
    prompt = reading.text[begin:].lstrip(_BETWEEN) if begin else reading.text
    score = _BASE + sum(CUES[cue] for cue in cues)
    if DOUBTS.intersection(cues) and not NEW.intersection(cues):
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
    if not (is_listed(tokens[0], "now") or is_listed(tokens[0], "also")):
        return tokens
    rest, kinds = after_wrappers(tokens[1:])
    is_wanted = "want" in kinds and has_form(rest[:3], "picture")
    is_order = bool(rest) and is_listed(rest[0], "draw", *CHANGING)
    return tokens[1:] if is_wanted else rest if is_order else tokens


def _without_courtesy(tokens: Sequence[Token]) -> Sequence[Token]:
    """Return the tokens after clauses such as "thanks", "you rock" or "this is not a cat"."""
    clauses = clauses_of(tokens)
    while len(clauses) > 1:
        is_talk = any(is_covered(clauses[0], "message", name) for name in _COURTESY)
        is_grievance = is_listed(clauses[0][0], "not") or _complains(clauses[0])
        is_remark = is_grievance or _is_praise(clauses[0])
        if not is_talk and not (is_remark and _asks(clauses[1])):
            break
        clauses = clauses[1:]
    return [token for clause in clauses for token in clause]


def _is_praise(clause: Sequence[Token]) -> bool:
    """Return true for "haha this is great", which names nothing to draw."""
    stems = frozenset(token.stem for token in clause)
    is_talk = any(patterns_in(stems, "pattern", "small_talk"))
    return is_talk and not _asks(clause) and not new_things(clause, "")


def _decide(
    score: int, cues: tuple[str, ...], reading: ParsedText, facts: ChatFacts
) -> tuple[Intent, bool, tuple[str, ...]]:
    """Return the intent, whether it is sure, and what decided beside the cues."""
    leaning = Intent.CHANGE if score >= _UNSURE else Intent.CREATE
    if facts.pending is PendingQuestion.PROMPT and not facts.is_reply_to_picture:
        return Intent.CREATE, True, ("prompt_pending",)
    if _LINK.fullmatch(reading.text):
        return Intent.CREATE, False, ("link",)
    if _ends_as_question(reading):
        return leaning, False, ("question",)
    if facts.pending in {PendingQuestion.SCALE, PendingQuestion.PHOTO}:
        return leaning, False, (f"{facts.pending.value}_pending",)
    if facts.is_reply_to_picture or facts.pending is PendingQuestion.CHANGE:
        is_sure = (score >= _SURE and "draw" not in cues) or "drawn_on_picture" in cues
        return (Intent.CHANGE if is_sure else leaning), is_sure, ()
    # "Happy birthday!" may be meant for the bot, and a sticker be made of the picture.
    if is_covered(reading.tokens, "message", "alone"):
        return Intent.CREATE, False, ("alone",)
    return _decide_by_score(score, cues, facts)


def _decide_by_score(
    score: int, cues: tuple[str, ...], facts: ChatFacts
) -> tuple[Intent, bool, tuple[str, ...]]:
    if facts.has_picture:
        return Intent.CHANGE if score >= _UNSURE else Intent.CREATE, score != _UNSURE, ()
    if "addressed" in cues and not NEW.intersection(cues):
        return Intent.CREATE, False, ()
    # Words of a change have nothing to change; half a cue is no reason to ask.
    is_change = score >= _SURE_WITHOUT_PICTURE
    return (Intent.CHANGE, False, ("no_picture",)) if is_change else (Intent.CREATE, True, ())


def _ends_as_question(reading: ParsedText) -> bool:
    """Return true for "what does the fox say?" and "can you swim?": it may be a prompt, or not."""
    last = clauses_of(reading.tokens)[-1]
    rest = after_wrappers(last)[0]
    if last[0].clause not in reading.asks or not rest:
        return False
    # "Can you speak French?" is no order, "can I have a whale?" is one.
    is_of_bot = has_listed(last[: len(last) - len(rest)], "you") and not is_request(rest)
    return is_listed(rest[0], "question") or is_of_bot


def _cues_of_chat(reading: ParsedText, tokens: Sequence[Token], facts: ChatFacts) -> Iterable[str]:
    """Cues in the chat, and in what is no word."""
    yield from _cues_of_question(tokens, facts)
    if facts.has_picture and facts.picture_age_s > _OLD_S:
        yield "old_picture"
    if _OPTIONS.search(reading.text):
        yield "options"
    if facts.has_picture and not facts.is_reply_to_picture:
        yield from cues_of_latest(tokens, facts.latest_prompt)


def _cues_of_question(tokens: Sequence[Token], facts: ChatFacts) -> Iterable[str]:
    if facts.is_reply_to_picture:
        yield "reply"
    elif facts.pending is PendingQuestion.CHANGE:
        yield "asked_for_change"
        if len(tokens) < SHORT:
            yield "asked_and_short"
