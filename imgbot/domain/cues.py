"""Cues: what in the words of a prompt speaks for a change of the picture at hand, or against it."""

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.resources import files

from imgbot.domain.phrases import (
    CHANGING,
    LONG,
    SCENE,
    SHORT,
    Token,
    clauses_of,
    comparatives_in,
    has_form,
    has_listed,
    is_covered,
    is_form,
    is_listed,
    is_noun,
    is_request,
    lexicon,
    new_things,
    starts_with,
    stems_of,
)

_LISTED = tomllib.loads((files("imgbot.domain.phrases") / "cues.toml").read_text("utf-8"))
CUES: Mapping[str, int] = {
    cue: weight for table in _LISTED.values() for cue, weight in table.items()
}
"""Weight of each cue in the score of a text."""

DOUBTS = frozenset(_LISTED["doubt"])
"""With these, and without those of `NEW`, no text is surely a prompt for a new picture."""

NEW = frozenset(_LISTED["new"])
_RETOLD = 0.6
"""Share of the things of a prompt that are named again in one written anew."""

_ACCUSATIVE = re.compile(r"[а-я]{2,}[ую]")
_INSTRUMENTAL = re.compile(r"[а-я]{2,}(?:ым|им|ой|ей|ыми|ими|ою)")


def cues_of_doubt(tokens: Sequence[Token], new: Sequence[Token]) -> Iterable[str]:
    """Cues of a text that says little of a new picture, or nothing."""
    if has_listed(tokens, "speaker") and len(new) <= SCENE and not has_form(tokens, "picture"):
        yield "addressed"
    # "The car in red"
    if len(new) < SCENE and len(tokens) > 1 and is_form(tokens[-1], "adjective"):
        yield "coloured"
    if len(new) < SCENE and _is_denied(tokens):
        yield "denied"
    is_deictic = has_listed(tokens[:SHORT], "deictic") or has_listed(tokens[:1], "same")
    # "Another one, but with a cat"
    is_other = _goes_on(tokens, "another") and has_listed(tokens, "but")
    if (is_deictic or is_other) and len(new) < SCENE:
        yield "referring"


def _is_denied(tokens: Sequence[Token]) -> bool:
    """Return true for "not enough trees" and "I do not see a dog in the picture"."""
    is_of_picture = has_listed(tokens, "not") and has_form(tokens, "image")
    return is_of_picture or tokens[0].text in {"no", "нет", "не", "not"}


def cues_of_latest(tokens: Sequence[Token], prompt: str) -> Iterable[str]:
    """Cues in what the text has in common with the latest prompt."""
    latest, new = stems_of(prompt), new_things(tokens, prompt)
    if _is_retold(tokens, prompt):
        yield "retold"
        return
    if not new:
        yield "nothing_new"
        if _goes_on(tokens, "another"):
            yield "another"
    if has_listed(tokens, "wish") and not is_listed(tokens[0], "question"):
        yield "wish"
    shared = [at for at, each in enumerate(tokens) if each.stem in latest and is_noun(each)]
    if not shared or len(tokens) < 2:
        return
    first = shared[0]
    # "A black cat" may be another one; "the cat" and "cat black" are not.
    is_described = any(_is_attribute(each) for each in tokens[first + 1 :])
    is_told = has_listed(tokens, "not", "instead", "another", "without")
    if not new and (is_described or is_told):
        yield "latest_changed"
    elif not new or (len(new) < SCENE and (is_told or tokens[0].text == "the")):
        yield "of_latest"


def _is_retold(tokens: Sequence[Token], prompt: str) -> bool:
    """Return true for a prompt written anew, as in "a cat in a red hat" after one in a blue hat."""
    things = {stem for stem in stems_of(prompt) if len(stem) > 2}
    told = things.intersection(each.stem for each in tokens)
    is_told = len(told) > 1 and len(told) >= _RETOLD * len(things) and len(tokens) >= SHORT
    told_apart = ("not", "instead", "without", "same", "reference", "to", "must")
    return is_told and not is_request(tokens) and not has_listed(tokens, *told_apart)


def _is_attribute(token: Token) -> bool:
    return is_form(token, "adjective") or token.is_comparative or is_listed(token, "side")


def cues_of_words(
    tokens: Sequence[Token], wrappers: frozenset[str], new: Sequence[Token]
) -> Iterable[str]:
    """Cues in the words; `new` are things that the picture at hand does not show."""
    if is_covered(tokens, "message", "look"):
        yield "look"
    yield from _cues_of_wish(tokens, wrappers, new)
    # "But first coffee, lettering"
    if any(is_form(clause[-1], "picture") for clause in clauses_of(tokens)[1:]):
        yield "named"
    if starts_with(tokens, lexicon().phrases["scene", "start"]):
        yield "scene"
    yield from _cues_of_verb(tokens, new)
    if _is_compared(tokens, new):
        yield "comparative"
    if _goes_on(tokens, "now") and (len(new) < SCENE or _is_circumstance(tokens[1])):
        yield "now" if _is_circumstance(tokens[1]) else "now_noun"
    if _goes_on(tokens, "also") and len(new) < SCENE:
        yield "also"
    yield from (cue for cue, holds in _BEGINNINGS.items() if holds(tokens))
    yield from _cues_of_fragment(tokens, new)


def _cues_of_wish(
    tokens: Sequence[Token], wrappers: frozenset[str], new: Sequence[Token]
) -> Iterable[str]:
    """Cues of "I want", "what if" and of neither."""
    if "suggest" in wrappers and len(new) < SCENE:
        yield "suggestion"
    if "want" in wrappers and has_form(tokens[:3], "picture"):
        yield "wanted_picture"
    elif "want" not in wrappers and len(tokens) < SHORT and _is_object(tokens[0]):
        yield "accusative"


def _is_object(token: Token) -> bool:
    """Return true for "(give her) a hat" in Russian: a noun in the accusative."""
    is_kind = is_form(token, "picture") or is_listed(token, "when")
    return bool(_ACCUSATIVE.fullmatch(token.text)) and is_noun(token) and not is_kind


def _cues_of_verb(tokens: Sequence[Token], new: Sequence[Token]) -> Iterable[str]:
    """Cues of an imperative: to draw, to make, to change."""
    first, rest = tokens[0], tokens[1:]
    if is_listed(first, "draw"):
        yield "draw"
        # "Draw her a hat" is about the picture, "draw a girl and her dog" is not.
        is_of_picture = len(rest) > 1 and has_listed(rest[:2], "reference")
        # "Paint the walls green" is about it, too.
        is_recoloured = bool(rest) and rest[0].text == "the" and is_form(rest[-1], "adjective")
        if is_of_picture or is_recoloured or (rest and is_listed(rest[-1], "reference")):
            yield "drawn_on_picture"
    elif is_listed(first, "make"):
        yield from _cues_of_make(rest, new)
    elif _is_change(tokens) or _is_weak_change(first, rest):
        yield "change_verb"
    elif _is_made(tokens):
        yield "make_known"


def _is_weak_change(first: Token, rest: Sequence[Token]) -> bool:
    """Return true for "fix the hands" and "put a hat on him"."""
    if not rest or not is_listed(first, "change_weak"):
        return False
    return is_listed(rest[0], "determiner") or is_listed(rest[-1], "reference")


def _is_change(tokens: Sequence[Token]) -> bool:
    """Return true if a change is asked for: "add a hat", and in Russian "a hat add" as well."""
    if is_listed(tokens[0], "change"):
        # "Change of seasons" is a thing.
        return len(tokens) < 2 or tokens[1].text != "of"
    return _is_later(tokens, "change")


def _is_made(tokens: Sequence[Token]) -> bool:
    """Return true for "the cat red make", as Russian allows; "a card for mum make" is a prompt."""
    return _is_later(tokens, "make") and not has_form(tokens, "picture")


def _is_later(tokens: Sequence[Token], name: str) -> bool:
    is_short = len(tokens) <= LONG
    return is_short and any(is_listed(each, name) and not each.text.isascii() for each in tokens)


def _cues_of_make(rest: Sequence[Token], new: Iterable[Token]) -> Iterable[str]:
    """Cues after "make"."""
    # "Make like a big castle": a word to gain time.
    rest = rest[1:] if rest and rest[0].text == "like" else rest
    if not rest:
        return
    if _is_of_picture(rest):
        yield "make_of_picture"
    elif all(is_form(each, "state") for each in new) or any(comparatives_in(rest[: SHORT + 2])):
        yield "make_known"


def _is_of_picture(rest: Sequence[Token]) -> bool:
    """Return true if what follows "make" is there already: "it", "the cat", "so that"."""
    near = rest[:3]
    is_referring = has_listed(near[:2], "reference") or rest[0].text in {"меня", "себя"}
    is_part = len(rest) > 1 and is_form(rest[0], "part")
    is_continued = (
        is_part
        or is_listed(rest[0], "place")
        or has_listed(near, "definite", "same", "without", "to")
    )
    return is_referring or is_continued or _is_predicate(rest)


def _is_predicate(tokens: Sequence[Token]) -> bool:
    """Return true for "(make) the cat red" in Russian: an adjective in the instrumental case."""
    for at, token in enumerate(tokens):
        is_last = at + 1 == len(tokens) or is_listed(tokens[at + 1], "linking")
        if is_last and _INSTRUMENTAL.fullmatch(token.text):
            return True
    return False


def _is_compared(tokens: Sequence[Token], new: Sequence[Token]) -> bool:
    """Return true for "a bit brighter", "more snow", "hair longer" and "closer to the camera"."""
    bare = _after_degree(tokens)
    comparatives = list(comparatives_in(bare))
    if not any(comparatives) or has_listed(bare, "than"):
        return False
    first, follower = bare[0], bare[1:2]
    if not new:
        return True
    if len(clauses_of(bare)[0]) > SHORT + 3 or has_listed(follower, "question"):
        return False
    is_of_part = any(
        is_there and has_form(bare[max(0, at - 1) : at + 2], "part")
        for at, is_there in enumerate(comparatives)
    )
    is_bare = first.text.isascii() and len(new) < SCENE and not has_form(bare, "picture")
    is_first = comparatives[0] and (
        is_bare or has_listed(follower, "place") or is_listed(first, "amount")
    )
    return is_of_part or is_first or (len(bare) <= SHORT + 1 and comparatives[-1])


def _after_degree(tokens: Sequence[Token]) -> Sequence[Token]:
    """Return the tokens after "a bit", "much" and the like."""
    at = (
        1
        if len(tokens) > 1 and is_listed(tokens[0], "article") and is_listed(tokens[1], "degree")
        else 0
    )
    while at < len(tokens) and is_listed(tokens[at], "degree"):
        at += 1
    return tokens[at:]


def _goes_on(tokens: Sequence[Token], name: str) -> bool:
    """Return true if the text begins with a word of that list, and goes on."""
    return len(tokens) > 1 and is_listed(tokens[0], name)


def _refers(tokens: Sequence[Token]) -> bool:
    is_pair = len(tokens) > 1 and is_listed(tokens[1], "linking")
    return is_listed(tokens[0], "reference") and len(tokens) < LONG and not is_pair


def _is_circumstance(token: Token) -> bool:
    """Return true for what may follow "now" about the same picture: "at night", "brighter"."""
    lists = ("place", "with", "without", "same", "reference", "but", "when", *CHANGING)
    is_known = is_listed(token, *lists) or is_form(token, "state", "adjective")
    return is_known or token.is_comparative


def _is_told(tokens: Sequence[Token]) -> bool:
    """Return true for "the cat should be black" and "let her smile"."""
    is_modal = is_listed(tokens[0], "modal") and has_listed(tokens[1:3], *_SHOWN)
    return len(tokens) <= 2 * LONG and (
        is_modal or is_listed(tokens[0], "must") or has_listed(tokens[1:4], "must")
    )


def _is_same_but(tokens: Sequence[Token]) -> bool:
    """Return true for "the same cat, but in winter" and "the same without clouds"."""
    differs = has_listed(tokens[2:], "without", "with", "place")
    is_brief = differs and len(tokens) <= SHORT + 2 and has_listed(tokens[:3], "identical")
    return is_brief or (has_listed(tokens[:3], "same") and has_listed(tokens[1:], "but"))


def _is_replaced(tokens: Sequence[Token]) -> bool:
    """Return true for "a dog instead of the cat", and not for "a robot with a lamp instead"."""
    if is_listed(tokens[0], "instead"):
        return len(tokens) <= LONG
    is_short = len(tokens) <= SHORT + 2 and not has_listed(tokens[1:3], "with")
    is_brief = (
        len(tokens) <= SHORT or is_listed(tokens[-1], "instead") or has_listed(tokens, "definite")
    )
    return is_short and is_brief and has_listed(tokens, "instead")


def _is_contrast(tokens: Sequence[Token]) -> bool:
    """Return true for "the grass not green but blue", in Russian with «а»."""
    stands = [at for at, token in enumerate(tokens) if is_listed(token, "not")]
    others = {"а", "but"}
    return bool(stands) and any(each.text in others for each in tokens[stands[0] + 1 : LONG])


_SHOWN = ("reference", "definite")
_BEGINNINGS: Mapping[str, Callable[[Sequence[Token]], bool]] = {
    "same_but": _is_same_but,
    "but": lambda tokens: _goes_on(tokens, "but"),
    "contrast": _is_contrast,
    "instead": _is_replaced,
    "not_so": lambda tokens: _goes_on(tokens, "not") and is_listed(tokens[1], "so"),
    "must": _is_told,
    "reference": _refers,
}


def _cues_of_fragment(tokens: Sequence[Token], new: Sequence[Token]) -> Iterable[str]:
    """Cues of a text that is no whole prompt: "without people", "at night", "blue"."""
    first, count = tokens[0], len(tokens)
    if first.text in {"no", "нет"} and count <= SHORT + 2 and len(new) < SCENE:
        yield "without"
    elif is_listed(first, "without"):
        if count <= SHORT and len(clauses_of(tokens)) == 1:
            yield "without"
    elif is_listed(first, "with") and 1 < count <= SHORT + 1:
        yield "with"
    elif is_listed(first, "place"):
        yield from _cues_of_place(tokens)
    elif count == 1 and is_listed(first, "when"):
        yield "state"


def _cues_of_place(tokens: Sequence[Token]) -> Iterable[str]:
    count = len(tokens)
    if count <= LONG and any(is_form(token, "style") for token in tokens[1:4]):
        yield "style"
    elif count <= 3 and is_form(tokens[-1], "state"):
        yield "state"
    elif count < SHORT:
        yield "place"
