"""Features of a text in its chat: what the model sees, as numbers of buckets."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from zlib import crc32

from imgbot.domain.intents.facts import ChatFacts
from imgbot.domain.intents.words import ParsedText, Token, stems_of

BUCKETS = 1 << 17
_TOKENS, _NAME_LETTERS = 32, 3


def features_of(reading: ParsedText, facts: ChatFacts) -> list[int]:
    """Return the buckets of a text's features, each once, in order."""
    tokens = reading.tokens[:_TOKENS]
    named = {
        *_of_words(tokens),
        *_of_chat(tokens, facts),
        *_of_pictures(tokens, facts),
        *_of_shape(reading, facts),
    }
    return sorted({crc32(each.encode("utf-8", "replace")) % BUCKETS for each in named})


def _of_words(tokens: Sequence[Token]) -> Iterator[str]:
    stems = ["^", *(token.stem for token in tokens), "$"]
    for first, second in pairwise(stems):
        yield f"s {first}"
        yield f"p {first} {second}"
    for first, third in zip(stems[1:], stems[3:], strict=False):
        yield f"o {first} {third}"
    for token in tokens:
        # Letters of a word whose n-grams are features.
        word = f"<{token.text[:14]}>"
        for size in (3, 4):
            for at in range(len(word) - size + 1):
                yield word[at : at + size]


def _of_chat(tokens: Sequence[Token], facts: ChatFacts) -> Iterator[str]:
    if tokens:
        yield f"f {tokens[0].stem}"
        yield f"fc {tokens[0].stem} {facts.context}"
        yield f"l {tokens[-1].stem}"


def _of_pictures(tokens: Sequence[Token], facts: ChatFacts) -> Iterator[str]:
    """Yield how much the text names of what this picture shows, or another one."""
    this = stems_of(facts.latest_prompt)
    others = frozenset[str]().union(*map(stems_of, facts.other_words))
    named = [token.stem for token in tokens if len(token.stem) >= _NAME_LETTERS]
    shown = [each in this or each in others for each in named]
    of_other = not (others - this).isdisjoint(named)
    yield f"named {of_other} {not this.isdisjoint(named)} {facts.context}"
    yield f"named of {min(sum(shown), 3)} {min(len(tokens), 6)}"
    if tokens:
        yield f"named first {bool(shown and shown[0])} {facts.context}"


def _of_shape(reading: ParsedText, facts: ChatFacts) -> Iterator[str]:
    """Yield the parts of a text's shape in its chat: all that can be said without its words."""
    tokens, context, shown = reading.tokens[:_TOKENS], facts.context, stems_of(facts.latest_prompt)
    names = [token.stem in shown for token in tokens if len(token.stem) >= _NAME_LETTERS]
    same, new = min(sum(names), 3), min(len(names) - sum(names), 4)
    yield f"c {context}"
    yield f"n {min(len(tokens), 12)}"
    yield f"nc {min(len(tokens), 6)} {context}"
    yield f"new {new} {context}"
    yield f"same {same} {new}" if shown else "unknown"
    if tokens:
        yield f"clauses {min(tokens[-1].clause, 3)}"
    if reading.asks:
        yield f"asks {context}"
    yield from (f"has {sign}" for sign in '!,.:;)(-–"«+/…' if sign in reading.text)
    if tokens and tokens[-1].end > 25 * len(tokens):
        yield "long words"
    if reading.text[:1].isupper():
        yield "capital"
