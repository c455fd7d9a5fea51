"""Matching: whether words of a text are among the listed ones, and what it names."""

import re
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache

from imgbot.domain.phrases import (
    Pattern,
    Phrases,
    Token,
    lexicon,
    read,
    stem,
)

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
    return [each for each in tokens if each.stem not in shown and _is_thing(each)]


@lru_cache(maxsize=1024)
def stems_of(text: str) -> frozenset[str]:
    return frozenset(token.stem for token in read(text).tokens)


def _is_thing(token: Token) -> bool:
    """Return true if the token may name something that can be drawn."""
    plain = lexicon().plain
    is_word = len(token.text) > _SHORTEST_THING and not any(map(str.isdigit, token.text))
    forms = {token.text, token.text.removesuffix("те"), token.stem}
    is_manner = is_comparative(token) or _ADVERB.fullmatch(token.text) is not None
    return is_word and not forms & plain and not is_manner


def clauses_of(tokens: Sequence[Token]) -> list[tuple[Token, ...]]:
    numbers = dict.fromkeys(token.clause for token in tokens)
    return [tuple(each for each in tokens if each.clause == number) for number in numbers]


def is_asking(token: Token) -> bool:
    """Return true for "how", and not for "do"."""
    others = ("make", "place", "modal", "must")
    return is_listed(token, "question") and not any(is_listed(token, name) for name in others)


def patterns_in(stems: frozenset[str], table: str, name: str) -> Iterable[Pattern]:
    """Yield the patterns of a list of which the text has a word of each slot, in any order."""
    by_stem = lexicon().patterns.get((table, name), {})
    for each in stems & by_stem.keys():
        for pattern in by_stem[each]:
            if not any(slot.isdisjoint(stems) for slot in pattern[1:]):
                yield pattern


def starts_with(tokens: Sequence[Token], phrases: Phrases) -> int:
    """Return how many tokens at the beginning are one of the phrases."""
    return _longest(tuple(token.text for token in tokens[:_LONGEST_PHRASE]), 0, phrases)


def is_request(tokens: Sequence[Token]) -> bool:
    """Return true if the clause asks for something to be drawn, or changed."""
    if is_of_user(tokens) or (tokens and is_asking(tokens[0])):
        tokens = tokens[2:]
    return is_drawn(tokens) or any(has_listed(tokens[:3], name) for name in ("make", "change"))


def is_of_user(tokens: Sequence[Token]) -> bool:
    """Return true for "do you" and "why is my"."""
    is_made = (
        is_listed(tokens[0], "make") and has_listed(tokens[1:2], "deictic") if tokens else True
    )
    return not is_made and is_listed(tokens[0], "question") and has_listed(tokens[1:2], "person")


def is_drawn(tokens: Sequence[Token]) -> bool:
    return bool(tokens) and is_listed(tokens[0], "draw")


def has_listed(tokens: Iterable[Token], name: str) -> bool:
    return any(is_listed(token, name) for token in tokens)


def is_listed(token: Token, name: str) -> bool:
    words = lexicon().words[name]
    return token.text in words or (
        token.text.endswith("те") and token.text.removesuffix("те") in words
    )


def is_form(token: Token, name: str) -> bool:
    forms = lexicon().forms[name]
    return token.stem in forms or ("-" in token.text and stem(token.text.split("-")[-1]) in forms)


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
    return _is_thing(token) or is_form(token, "part") or is_form(token, "state")


def has_form(tokens: Iterable[Token], kind: str) -> bool:
    return any(is_form(token, kind) for token in tokens)


def comparatives_in(tokens: Sequence[Token]) -> Iterable[bool]:
    """Yield for each token whether it is a comparative; "in the museum" only looks like one."""
    for at, token in enumerate(tokens):
        yield is_comparative(token) and not (at > 0 and is_listed(tokens[at - 1], "place"))


def is_comparative(token: Token) -> bool:
    if is_listed(token, "comparative"):
        return True
    is_form = _FULL_COMPARATIVE.fullmatch(token.text) is not None
    return is_form and not token.text.removeprefix("по").startswith(lexicon().soft)
