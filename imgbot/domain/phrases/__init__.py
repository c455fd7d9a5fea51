"""Lexicon: the reviewed phrases and words of each language, and what a text has of them.

The lists are in `en.toml` and `ru.toml`. Words are compared by stem and by letter, and a word that
is unknown but one slip away from a listed one is taken for it.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from itertools import groupby
from operator import attrgetter
from typing import Any

from imgbot.domain.spelling import fold, has_cyrillic, slips_of

LANGUAGES = ("en", "ru")
TOKENS_LIMIT = 60
_LONGEST_WORD = 64
_LETTERS_AT_LEAST = 4
_LETTERS_OF_TWO_SLIPS = 8
_LETTERS_OF_A_SURE_SLIP = 5
_LETTERS_OF_A_TOPIC = 7
_CORRECTED_TOKENS = 6
_QUOTED = re.compile(r"«[^«»]*»|“[^“”]*”|„[^„“]*“|\"[^\"]*\"")
_TOKEN = re.compile(
    rf"{_QUOTED.pattern}|\d+(?:[.,:]\d+)+|\w+(?:['&/-]\w+)*|[.,!?;:\n()…—–]+|[^\w\s]"
)
_QUOTATION = "«»"
# Neither ends a clause.
_INSIDE = frozenset("'-*#&/\\")
_VOWELS = frozenset("aeiouyаеиоуыэюя")
_NUMBER_X = re.compile(r"(?<![^\W\d_])[xх×*] ?(?=[248]\b)|(?<=\b[248]) ?[xх×*](?!\w)")
_NUMBER_K = re.compile(r"(?<=\b[248]) ?[kк](?!\w)")
_LAUGHTER = re.compile(
    r"[ах]{4,}|(?:ха){2,}|(?:ah|ha|he|hi){2,}h?|(?:хе|хи|ха)+х?|l+m+f?a+o+|r+o+f+l+|ржу\w*|о+ру|lol\w*"
)
_LAUGHED = "haha"
_DRAWN_OUT = re.compile(r"([^\W\d_])\1{2,}")
_PARTICLES = re.compile(r"(?<=[а-я]{3})-(?:ка|то)$")


@dataclass(frozen=True, slots=True)
class Token:
    """A word of the text: folded, its stem, where it ends, and the number of its clause."""

    text: str
    stem: str
    lists: frozenset[str]
    """The lists that have the word; a Russian imperative may be plural."""
    forms: frozenset[str]
    """The lists of forms that have its stem, or that of the end of a compound."""
    is_comparative: bool
    is_thing: bool
    """True if the token may name something that can be drawn."""
    end: int
    clause: int


@dataclass(frozen=True, slots=True)
class ParsedText:
    """A text as tokens, with what stands between them."""

    text: str
    tokens: tuple[Token, ...]
    asks: frozenset[int]
    """Clauses that end in a question mark."""


Phrases = frozenset[tuple[str, ...]]
Pattern = tuple[frozenset[str], ...]
"""Slots of stems: a word of each has to be there."""


@dataclass(frozen=True, slots=True)
class Lexicon:
    """All languages in one, for people mix them."""

    phrases: Mapping[tuple[str, str], Phrases]
    """(table, list) → phrases as stems; those that only begin a text as words."""
    patterns: Mapping[tuple[str, str], Mapping[str, Sequence[Pattern]]]
    """(table, list) → patterns by the stems of their first slots."""
    words: Mapping[str, frozenset[str]]
    forms: Mapping[str, frozenset[str]]
    soft: tuple[str, ...]
    by_letter: Mapping[str, tuple[str, ...]]
    """Words that a mistyped word may stand for, by first letter."""
    known: frozenset[str]
    """Stems of all listed words, and of words that only look like them."""
    plain: frozenset[str]
    """Stems and words that name nothing that could be drawn."""
    slang: Mapping[str, str]
    """How words are written in a hurry → the words."""


@cache
def lexicon() -> Lexicon:
    """Return the lexicon of all languages, read once."""
    lists = _lists()
    phrases = {
        (kind, name): frozenset(
            tuple(map(str if kind in _STARTS else stem, words_in(phrase))) for phrase in listed
        )
        for kind in (*_WHOLE, "beside", *_STARTS)
        for name, listed in lists[kind].items()
    }
    fillers = phrases["beside", "any"]
    for (kind, name), listed in phrases.items():
        if kind in _WHOLE:
            bare = {tuple(each for each in phrase if (each,) not in fillers) for phrase in listed}
            phrases[kind, name] = listed | bare - {()}
    words = {name: _words_of(listed) for name, listed in lists["words"].items()}
    forms = {name: _words_of(listed) for name, listed in lists["forms"].items()}
    comparatives = _comparatives(forms["adjective"])
    listed = _words_in_lists(lists, ("message", "operation", "words", "forms", "wrapper"))
    questions = _words_in_lists(lists, ("question",))
    listed |= {word for word in questions if len(word) >= _LETTERS_OF_A_TOPIC}
    lookalikes = _words_in_lists(lists, _LOOKALIKES)
    return Lexicon(
        phrases=phrases,
        patterns=_patterns(lists),
        words={**words, "comparative": words["comparative"] | comparatives},
        forms={name: frozenset(map(stem, each)) for name, each in forms.items()},
        soft=tuple(lists["soft"]["beginnings"]),
        by_letter=_by_letter(listed - words["function"] - words["modal"] | comparatives),
        known=frozenset(map(stem, listed | lookalikes)),
        plain=_plain(lists, words, forms),
        slang=lists["slang"],
    )


_Lists = Mapping[str, Mapping[str, Any]]
_WHOLE = ("message", "operation", "command")
_STARTS = ("talk", "grievance", "wrapper", "scene")
_LOOKALIKES = ("lookalikes", "grievance", "talk", "command", "beside", "question", "pattern")
_TELLING = ("change", "make", "comparative", "reference", "degree", "now", "but", "without")


def _lists() -> _Lists:
    """Return the lists of all languages as one."""
    merged: dict[str, dict[str, Any]] = {}
    for language in LANGUAGES:
        text = (files("imgbot.domain.phrases") / f"{language}.toml").read_text("utf-8")
        for table, entries in tomllib.loads(text).items():
            known = merged.setdefault(table, {})
            for name, listed in entries.items():
                known[name] = known.get(name, type(listed)()) + listed
    return merged


def _words_of(listed: Iterable[str]) -> frozenset[str]:
    """Return the words of phrases; "put/bring" is two in one."""
    return frozenset(
        word for phrase in listed for words in words_in(phrase) for word in words.split("/")
    )


def _words_in_lists(lists: _Lists, tables: Iterable[str]) -> frozenset[str]:
    return frozenset().union(
        *(_words_of(listed) for table in tables for listed in lists[table].values())
    )


def _patterns(lists: _Lists) -> dict[tuple[str, str], dict[str, list[Pattern]]]:
    """Return the phrases whose words stand anywhere; "put/bring it back" is two in one."""
    found: dict[tuple[str, str], dict[str, list[Pattern]]] = {}
    for kind in ("pattern", "question"):
        for name, listed in lists[kind].items():
            by_stem = found[kind, name] = {}
            for phrase in listed:
                pattern = tuple(frozenset(map(stem, w.split("/"))) for w in words_in(phrase))
                for each in pattern[0]:
                    by_stem.setdefault(each, []).append(pattern)
    return found


def _plain(
    lists: _Lists, words: Mapping[str, frozenset[str]], forms: Mapping[str, frozenset[str]]
) -> frozenset[str]:
    """Return words and stems without a thing; kinds of pictures and seasons are things."""
    of_picture = ("undo", "again", "upscale", "retouch")
    inflected = _words_in_lists(lists, ("operation", "wrapper")).union(
        *(_words_of(lists["pattern"][name]) for name in of_picture),
        *(forms[name] for name in ("adjective", "part", "image")),
        (word for word in words["function"] if len(word) > _LETTERS_AT_LEAST),
    )
    things = {stem(each) for each in (forms["picture"] | forms["state"]) - forms["image"]}
    exact = _words_of(lists["beside"]["any"])
    found = exact.union(inflected, map(stem, inflected), *words.values())
    return frozenset(each for each in found if stem(each) not in things)


def _by_letter(words: Iterable[str]) -> dict[str, tuple[str, ...]]:
    grouped: dict[str, list[str]] = {}
    for word in sorted(words):
        if len(word) >= _LETTERS_AT_LEAST:
            grouped.setdefault(word[0], []).append(word)
    return {letter: tuple(each) for letter, each in grouped.items()}


def _comparatives(adjectives: Iterable[str]) -> frozenset[str]:
    """Return "brighter", "larger", "bigger", "happier" of the English adjectives."""
    found: set[str] = set()
    for word in adjectives:
        if word.isascii():
            found |= {f"{word}er", f"{word}r", f"{word}{word[-1]}er", f"{word[:-1]}ier"}
    return frozenset(found)


@cache
def _stemmers() -> tuple:
    # All of its languages are imported: 12 ms that a command without a conversation needs not.
    from snowballstemmer import stemmer  # noqa: PLC0415

    return stemmer("english"), stemmer("russian")


@lru_cache(maxsize=8192)
def stem(word: str) -> str:
    return _stemmers()[has_cyrillic(word)].stemWord(word)


def words_in(phrase: str) -> list[str]:
    return fold(phrase).replace("'", "").split()


@lru_cache(maxsize=64)
def read(text: str) -> ParsedText:
    """Split a text into tokens and clauses; a quotation in it is one token without a meaning."""
    tokens: list[Token] = []
    asks: set[int] = set()
    clause = 0
    for match in _TOKEN.finditer(_normalised(text)):
        found = match[0]
        if found[0].isalnum() or found[0] == "_":
            # Words are cached, and a hostile user can send thousands of long ones.
            word = _plain_form(found[:_LONGEST_WORD])
            tokens.append(Token(*_word(word), match.end(), clause))
        elif len(found) > 1 and _QUOTED.fullmatch(found):
            tokens.append(Token(*_word(_QUOTATION), match.end(), clause))
        elif not _INSIDE.issuperset(found):
            asks |= {clause} if "?" in found else set()
            clause += 1
        if len(tokens) == TOKENS_LIMIT:
            break
    return ParsedText(text, _corrected(tuple(tokens)), frozenset(asks))


def _normalised(text: str) -> str:
    """Return the text folded, at the same length, so that a token's end is that in the text."""
    folded = fold(text)
    if _QUOTED.fullmatch(folded.strip()):
        folded = f" {folded.strip()[1:-1]} ".rjust(len(text))
    folded = _NUMBER_X.sub(lambda x: "x".rjust(len(x[0])), folded)
    return _NUMBER_K.sub(lambda k: "k".ljust(len(k[0])), folded)


@lru_cache(maxsize=8192)
def _plain_form(found: str) -> str:
    plain = _PARTICLES.sub("", found.replace("'", ""))
    plain = _LAUGHED if _LAUGHTER.fullmatch(plain) else _DRAWN_OUT.sub(r"\1", plain)
    return lexicon().slang.get(plain, plain)


@lru_cache(maxsize=8192)
def _word(text: str) -> tuple[str, str, frozenset[str], frozenset[str], bool, bool]:
    """Return what a token has of its word: its fields up to `is_thing`."""
    found = lexicon()
    said, end_of_compound = {text, text.removesuffix("те")}, text.rpartition("-")[2]
    stems = {stem(text), stem(end_of_compound)}
    lists = frozenset(name for name, words in found.words.items() if not words.isdisjoint(said))
    forms = frozenset(name for name, each in found.forms.items() if not each.isdisjoint(stems))
    is_full = _FULL_COMPARATIVE.fullmatch(text) is not None
    is_comparative = "comparative" in lists or (
        is_full and not text.removeprefix("по").startswith(found.soft)
    )
    is_named = len(text) > _SHORTEST_THING and not any(map(str.isdigit, text))
    is_manner = is_comparative or _ADVERB.fullmatch(text) is not None
    is_plain = not found.plain.isdisjoint({*said, stem(text)})
    is_thing = is_named and not is_plain and not is_manner
    return text, stem(text), lists, forms, is_comparative, is_thing


def _corrected(tokens: tuple[Token, ...]) -> tuple[Token, ...]:
    """Return the tokens of a short text with typos corrected.

    A short word ("mist", "wall") is one of its own, unless the others tell of a change.
    """
    if len(tokens) > _CORRECTED_TOKENS:
        return tokens
    is_told = has_listed(tokens, *_TELLING) or has_form(tokens, "part")
    return tuple(_right(token, is_told=is_told) for token in tokens)


def _right(token: Token, *, is_told: bool) -> Token:
    if len(token.text) < _LETTERS_AT_LEAST or token.stem in lexicon().known:
        return token
    meant = _nearest(token.text)
    is_swapped = sorted(token.text) == sorted(meant)
    is_likely = is_told or is_swapped or len(meant) >= _LETTERS_OF_A_SURE_SLIP
    if meant and is_likely and _is_slip(token.text, meant):
        return Token(*_word(meant), token.end, token.clause)
    return token


def _is_slip(word: str, meant: str) -> bool:
    """Return true unless one consonant stands for another, which makes another word."""
    pairs = list(zip(word, meant, strict=False))
    differing = [pair for pair in pairs if len(set(pair)) > 1]
    is_swapped = sorted(word) == sorted(meant)
    return len(word) != len(meant) or is_swapped or all(_VOWELS & set(pair) for pair in differing)


@lru_cache(maxsize=4096)
def _nearest(word: str) -> str:
    """Return the listed word that `word` was meant to be, or nothing."""
    slips = 2 if len(word) >= _LETTERS_OF_TWO_SLIPS else 1
    choices = lexicon().by_letter.get(word[0], ())
    return next(iter(slips_of(word, choices, slips)), "")


SHORT = 4
"""Words of a fragment."""
LONG = 9
"""Words of a sentence."""
SCENE = 2
"""New things that make a prompt for a new picture."""
CHANGING = ("make", "change", "change_weak")
_LONGEST_PHRASE = 7
_WHOLE_LIMIT = 12
_SHORTEST_THING = 2
_ADVERB = re.compile(r"[а-я]{2,}(?:вато|ально|енно|ично|ивно|ельно|сно)")
_FULL_COMPARATIVE = re.compile(r"[а-я]{2,}(?<![жшщч])ее|по[а-я]{2,}(?:ее|че|ше|же|ще)")


def is_covered(tokens: Sequence[Token], table: str, name: str) -> bool:
    """Return true if phrases of that list cover the text, beside small talk and fillers."""
    if not 0 < len(tokens) <= _WHOLE_LIMIT:
        return False
    core, beside, known = _cover(table, name)
    for token in tokens:
        if token.stem not in known:
            return False
    stems = tuple(token.stem for token in tokens)
    return _covers(without_fillers(stems) or stems, core, beside)


def without_fillers(stems: tuple[str, ...]) -> tuple[str, ...]:
    """Return the stems without those that may stand beside any phrase."""
    fillers = lexicon().phrases["beside", "any"]
    return tuple(each for each in stems if (each,) not in fillers)


@cache
def _cover(table: str, name: str) -> tuple[Phrases, Phrases, frozenset[str]]:
    """Return the phrases of a list, those that may stand beside them, and the stems of all."""
    words = lexicon().phrases
    beside = words.get(("beside", name), frozenset())
    if name != "small_talk":
        beside |= words["message", "small_talk"]
    if name == "complaint":
        # "The hands are wrong"
        beside |= {(part,) for part in lexicon().forms["part"]}
    core, fillers = words[table, name], words["beside", "any"]
    return core, beside, frozenset(stem for phrase in core | beside | fillers for stem in phrase)


def _covers(stems: tuple[str, ...], core: Phrases, beside: Phrases) -> bool:
    at, has_core = 0, False
    while at < len(stems):
        length, other = _longest(stems, at, core), _longest(stems, at, beside)
        if not length and not other:
            return False
        has_core = has_core or 0 < length >= other
        at += max(length, other)
    return has_core


def _longest(stems: tuple[str, ...], at: int, phrases: Phrases) -> int:
    sizes = range(min(_LONGEST_PHRASE, len(stems) - at), 0, -1)
    return next((size for size in sizes if stems[at : at + size] in phrases), 0)


def new_things(tokens: Iterable[Token], latest: str) -> list[Token]:
    """Return the tokens that name what the picture at hand does not show."""
    shown = stems_of(latest)
    return [each for each in tokens if each.is_thing and each.stem not in shown]


@lru_cache(maxsize=1024)
def stems_of(text: str) -> frozenset[str]:
    return frozenset(token.stem for token in read(text).tokens)


def clauses_of(tokens: Sequence[Token]) -> list[tuple[Token, ...]]:
    return [tuple(clause) for _, clause in groupby(tokens, attrgetter("clause"))]


def is_asking(token: Token) -> bool:
    """Return true for "how", and not for "do"."""
    others = ("make", "place", "modal", "must")
    return is_listed(token, "question") and not is_listed(token, *others)


def patterns_in(stems: frozenset[str], table: str, name: str) -> Iterable[Pattern]:
    """Yield the patterns of a list of which the text has a word of each slot, in any order."""
    by_stem = lexicon().patterns.get((table, name), {})
    for each in stems & by_stem.keys():
        for pattern in by_stem[each]:
            if not any(slot.isdisjoint(stems) for slot in pattern[1:]):
                yield pattern


def starts_with(tokens: Sequence[Token], phrases: Phrases) -> int:
    """Return how many tokens at the beginning are one of the phrases."""
    if not tokens or tokens[0].text not in _beginnings(phrases):
        return 0
    return _longest(tuple(token.text for token in tokens[:_LONGEST_PHRASE]), 0, phrases)


@cache
def _beginnings(phrases: Phrases) -> frozenset[str]:
    return frozenset(phrase[0] for phrase in phrases)


def is_request(tokens: Sequence[Token]) -> bool:
    """Return true if the clause asks for something to be drawn, or changed."""
    if is_of_user(tokens) or (tokens and is_asking(tokens[0])):
        tokens = tokens[2:]
    return is_drawn(tokens) or has_listed(tokens[:3], "make", "change")


def is_of_user(tokens: Sequence[Token]) -> bool:
    """Return true for "do you" and "why is my"."""
    is_made = (
        is_listed(tokens[0], "make") and has_listed(tokens[1:2], "deictic") if tokens else True
    )
    return not is_made and is_listed(tokens[0], "question") and has_listed(tokens[1:2], "person")


def is_drawn(tokens: Sequence[Token]) -> bool:
    return bool(tokens) and is_listed(tokens[0], "draw")


def has_listed(tokens: Iterable[Token], *names: str) -> bool:
    return any(not token.lists.isdisjoint(names) for token in tokens)


def is_listed(token: Token, *names: str) -> bool:
    return not token.lists.isdisjoint(names)


def is_form(token: Token, *names: str) -> bool:
    return not token.forms.isdisjoint(names)


def after_wrappers(tokens: Sequence[Token]) -> tuple[Sequence[Token], frozenset[str]]:
    """Return the tokens after a polite beginning, and which kinds of beginnings there were."""
    kinds: set[str] = set()
    while tokens and not _is_negation(tokens):
        sizes = {
            kind: starts_with(tokens, lexicon().phrases["wrapper", kind])
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
    return is_one and len(tokens) > 1 and not is_request(tokens[1:])


def is_noun(token: Token) -> bool:
    return token.is_thing or is_form(token, "part", "state")


def has_form(tokens: Iterable[Token], *names: str) -> bool:
    return any(is_form(token, *names) for token in tokens)


def comparatives_in(tokens: Sequence[Token]) -> Iterable[bool]:
    """Yield for each token whether it is a comparative; "in the museum" only looks like one."""
    for at, token in enumerate(tokens):
        yield token.is_comparative and not (at > 0 and is_listed(tokens[at - 1], "place"))
