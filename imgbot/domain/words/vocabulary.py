"""Vocabulary: what words mean, and what a text asks for and refuses in them. Pure."""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from importlib.resources import files

from imgbot.domain.intents.words import Token, clauses_of, parse_text, stem
from imgbot.domain.spelling import fold, has_cyrillic, slips_of

TABLES = tomllib.loads((files("imgbot.domain.words") / "names.toml").read_text("utf-8"))
_LISTS: Mapping[str, str] = TABLES["words"]
WORDS: Mapping[str, frozenset[str]] = {
    name: frozenset(re.sub(r"\{(\w+)\}", lambda other: _LISTS[other[1]], words).split())
    for name, words in _LISTS.items()
}

_READ_MOST = 500
"""Characters of a prompt or a change that are read for names."""
_CAPITALS = re.compile(
    r"(?<!\w)[A-ZА-ЯЁ]{2,}(?:\W+[A-ZА-ЯЁ\d]{2,})+(?!\w)|(?<!\w)[A-ZА-ЯЁ]{4,}(?!\w)"
)
_LACKING = re.compile(r"(?<!\w)(?:un(\w{4,})ed|(\w{3,})less|не(\w{4,})(?:е|а)нн\w+)(?!\w)")
_ADJECTIVE = re.compile("(?:ую|юю|ого|его|ый|ий|ой|ая|яя|ое|ые|ие|ых|их|ым|им|ыми|ими)$")
_SHORTEST, _SHORTEST_SLIP, _LONGEST_ENDING = 3, 6, 3


@cache
def _concepts() -> Mapping[str, str]:
    return {stem(word): row.split()[0] for row in TABLES["alike"] for word in row.split()}


@cache
def _rivals() -> Mapping[str, frozenset[str]]:
    rows = [frozenset(row.split()) for row in TABLES["instead"]]
    return {word: row - {word} for row in rows for word in row}


def excluded_by(wanted: Iterable[str]) -> frozenset[str]:
    """Return what a picture does not show any more that shows what is wanted."""
    return frozenset[str]().union(*(_rivals().get(each, ()) for each in wanted)) - {*wanted}


@lru_cache(maxsize=4096)
def concept(word: str) -> str:
    """Return what a word means, or its stem."""
    return _concepts().get(stem(word)) or _concepts().get(word) or stem(word)


_TAKING, _ADDING = WORDS["without"] | WORDS["removing"], WORDS["adding"] | WORDS["links"]
NAMELESS = frozenset[str]().union(
    *(
        WORDS[name]
        for name in ("small", "definite", "this", "indefinite", "place", "without", "removing")
    )
)


def is_look(word: str) -> bool:
    """Return true for a shape, colour or look, which any picture may be given."""
    return concept(word) in _rivals()


def is_small(token: Token) -> bool:
    """Return true for a word that names nothing."""
    return token.text in NAMELESS or token.text == "«»" or len(token.text) == 1


@lru_cache(maxsize=1024)
def wanted_in(text: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return what the words ask for, and what they ask to be without."""
    wanted, unwanted = set(_lettered(text)), set[str]()
    for clause in clauses_of(parse_text(_with_phrases(text[:_READ_MOST])).tokens):
        asked, refused = _wanted_in(clause)
        # "The hat away" is "without the hat".
        is_refused = clause[-1].text in _TAKING
        wanted |= frozenset() if is_refused else asked
        unwanted |= asked | refused if is_refused else refused
    return frozenset(wanted - unwanted), frozenset(unwanted)


def _wanted_in(clause: Sequence[Token]) -> tuple[set[str], set[str]]:
    asked, refused = set[str](), set[str]()
    now = asked
    for token in clause:
        if token.text in _TAKING:
            now = refused
        elif token.text in _ADDING:
            now = asked
        now.update(_concepts_of(token))
        # A Russian noun ends what is refused: "без синей шляпы".
        if has_cyrillic(token.text) and not is_small(token) and not _ADJECTIVE.search(token.text):
            now = asked
    return asked, refused


def _lettered(text: str) -> Iterator[str]:
    """Yield the words in capitals, which are lettering whatever they say."""
    if text.isupper():
        return
    for found in _CAPITALS.findall(text):
        yield concept("text")
        yield from (concept(each.text) for each in parse_text(found).tokens)


def _concepts_of(token: Token) -> Iterator[str]:
    if token.text == "«»" or token.text in WORDS["writing"]:
        yield concept("text")
    elif not is_small(token):
        yield from map(concept, {token.text, *token.text.split("-")})


def _with_phrases(text: str) -> str:
    lowered = _LACKING.sub(_without, fold(_CAPITALS.sub(" ", text) if not text.isupper() else text))
    for phrase, word in TABLES["phrases"].items():
        lowered = lowered.replace(phrase, word)
    return lowered


def _without(found: re.Match[str]) -> str:
    """Return "without label" for "unlabeled", and "без раскраш" for «нераскрашенный»."""
    return f" without {next(filter(None, found.groups()))} "


def near(word: str, known: set[str]) -> str:
    """Return the known word that this one is a form of, or a slip of the pen."""
    if word in known:
        return word
    forms = (each for each in sorted(known) if _is_form(word, each))
    if found := next(forms, ""):
        return found
    if len(word) < _SHORTEST_SLIP:
        return ""
    return next(iter(slips_of(word, sorted(known))), "")


def _is_form(one: str, other: str) -> bool:
    """Return true for words of one root: "огурц" and "огуречн", "otter" and "ottermat"."""
    shorter, longer = sorted((one, other), key=len)
    if len(shorter) < _SHORTEST or one[:_SHORTEST] != other[:_SHORTEST]:
        return False
    if longer.startswith(shorter):
        return len(longer) - len(shorter) <= _LONGEST_ENDING and len(shorter) > _SHORTEST
    return False
