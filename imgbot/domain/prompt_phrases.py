"""Phrases of a prompt: found by a word, described, replaced and removed. Pure."""

import re
from collections.abc import Sequence

from imgbot.domain.intents.words import stem
from imgbot.domain.prompt_options import count_in
from imgbot.domain.prompt_words import (
    ANYWHERE,
    ARTICLES,
    ATTRIBUTES,
    JOINING,
    LINKS,
    PRONOUNS,
    TABLES,
    WORD,
    kind_of,
    pattern,
    words_in,
)
from imgbot.domain.russian import declined, nominative, with_nominative
from imgbot.domain.spelling import fold, has_cyrillic

_LOOK_BACK = 3
"""Words between a noun and the preposition that goes with it."""

_ADJECTIVE = re.compile(r"\w{3,}(?:ый|ий|ой|ая|яя|ое|ее|ые|ие|ую|юю|ого|его|ым|им|ом|ем|ей|ых|их)")
_VERBAL = re.compile(r"\w{3,}ing")
_KIND_OF_PICTURE = pattern("kind_of_picture", r"(?:{})\s+")
_SIZED = {name: frozenset(words.split()) for name, words in TABLES["sized"].items()}
_SIZE_WORDS = ARTICLES | PRONOUNS | frozenset[str]().union(*_SIZED.values())
_DEGREES = {
    "bigger": ("big", "large", "huge", "больш*", "огромн*"),
    "smaller": ("small", "little", "tiny", "маленьк*", "крошечн*"),
}
_ADJECTIVES = {
    "bigger": (("большой", "big"), ("огромный", "huge")),
    "smaller": (("маленький", "small"), ("крошечный", "tiny")),
}
"""Words for a size, and for the next one."""
_AT_FIRST = re.compile(r"(?:not|не)\b|instead|вместо")
"""Beginnings of a replacement that name first what is not to be there."""


def amended(prompt: str, wanted: str) -> str:
    """Return the prompt with what is to be seen: in place of words of its kind, or at its end."""
    words = words_in(wanted)
    if described := _described(prompt, words) or _sized(prompt, words):
        return described
    if {*map(stem, words)} <= {*map(stem, words_in(prompt))}:
        return prompt
    for kind in {kind_of(word, ANYWHERE) for word in words} - {""}:
        for at, word in reversed([*enumerate(words_in(prompt))]):
            if kind_of(word, ANYWHERE) == kind:
                prompt = _without_attribute(prompt, at)
    return appended(prompt, wanted)


def appended(prompt: str, words: str) -> str:
    return f"{prompt.rstrip(' .,;')}, {words}"


def _described(prompt: str, words: Sequence[str]) -> str:
    """Return the prompt with a colour or size for one of its things; nothing if none is told."""
    told = [each for each in words if kind_of(each, ATTRIBUTES)]
    things = [each for each in words if each not in told and each not in ARTICLES | PRONOUNS]
    if len(told) != 1 or len(things) > 1 or any(each in LINKS for each in things):
        return ""
    found = words_in(prompt)
    at = _place_of(things[0], found) if things else _head(prompt)
    return _with_attribute(prompt, at, told[0]) if at >= 0 else ""


def _sized(prompt: str, words: Sequence[str]) -> str:
    """Return the prompt with one of its things bigger or smaller; nothing if none is to be."""
    told = [name for name in ("bigger", "smaller") for each in words if each in _SIZED[name]]
    things = [each for each in words if each not in _SIZE_WORDS]
    # "Больше деревьев" is about their number.
    if len(told) != 1 or len(things) > 1 or (words[0] in LINKS and things):
        return ""
    at = _place_of(things[0], words_in(prompt)) if things else _head(prompt)
    return _of_size(prompt, at, told[0]) if at >= 0 else ""


def _of_size(prompt: str, at: int, told: str) -> str:
    """Return the prompt with the thing at that place of the next size."""
    found = ["", *words_in(prompt)]
    before, thing = found[at], found[at + 1]
    russian, english = _ADJECTIVES[told][kind_of(before, _DEGREES) == told]
    return _with_attribute(prompt, at, russian if has_cyrillic(thing) else english)


def _with_attribute(prompt: str, at: int, attribute: str) -> str:
    """Return the prompt with the attribute before the thing at that place."""
    spans, kind = [*WORD.finditer(prompt)], kind_of(fold(attribute), ATTRIBUTES)
    thing, is_governed = fold(spans[at][0]), _is_governed(prompt, spans, at)
    is_russian = has_cyrillic(attribute)
    told = declined(attribute, thing, is_governed=is_governed) if is_russian else attribute
    for earlier in range(at - 1, max(-1, at - 1 - _LOOK_BACK), -1):
        word = fold(spans[earlier][0])
        if word in LINKS or not _is_adjacent(prompt, spans, earlier):
            break
        if kind_of(word, ATTRIBUTES) == kind:
            start, end = spans[earlier].span()
            return _with_article(f"{prompt[:start]}{told}{prompt[end:]}", start)
    start = spans[at].start()
    return _with_article(f"{prompt[:start]}{told} {prompt[start:]}", start)


def _with_article(prompt: str, start: int) -> str:
    """Return the prompt with the article before the word at `start` in its right form."""
    before = prompt[:start]
    found = re.search(r"(?<!\w)(an?)\s+$", before, re.IGNORECASE)
    if not found:
        return prompt
    article = found[1][0] + ("n" if prompt[start].lower() in "aeiou" else "")
    return f"{before[: found.start()]}{article} {prompt[start:]}"


def replaced(prompt: str, found: re.Match[str]) -> str:
    """Return the prompt with the new words in place of the old ones, or at its end."""
    new = with_nominative(found["new"])
    named = [each for each in words_in(found["old"]) if each not in ARTICLES | PRONOUNS]
    at = _place_of(named[-1], words_in(prompt)) if named else _head(prompt)
    if at < 0:
        return _named_anew(prompt, found, named, new)
    spans = [*WORD.finditer(prompt)]
    word = fold(spans[at][0])
    if kind_of(word, ATTRIBUTES) and at + 1 < len(spans):
        return _with_attribute(prompt, at + 1, new)
    if kind_of(fold(new), ATTRIBUTES):
        return _with_attribute(prompt, at, new)
    first = _first_of_phrase(prompt, spans, at)
    if has_cyrillic(word) and (nominative(word) != word or fold(spans[first][0]) in LINKS):
        # The new words would have to be declined.
        return appended(_without_phrase(prompt, at), new)
    if fold(spans[first][0]) in LINKS:
        first += 1
    return f"{prompt[: spans[first].start()]}{new}{prompt[spans[at].end() :]}"


def _named_anew(prompt: str, found: re.Match[str], named: Sequence[str], new: str) -> str:
    """Return the prompt with the new words at its end, if it does not have the old ones."""
    begins_with_new = found.start("old") > found.start("new")
    begins_with_old = found.start("old") == 0
    is_part = not (begins_with_new or begins_with_old or _AT_FIRST.match(fold(found[0])))
    if is_part and len(named) == 1:
        return appended(prompt, f"{named[0]}: {new}")
    return amended(prompt, new)


def removed(prompt: str, unwanted: str) -> str:
    """Return the prompt without the phrases of these words, unless nothing would be left."""
    for word in words_in(unwanted):
        at = _place_of(word, words_in(prompt)) if word not in LINKS else -1
        if at >= 0:
            prompt = _without_phrase(prompt, at)
    return prompt


def _without_phrase(prompt: str, at: int) -> str:
    spans = [*WORD.finditer(prompt)]
    start, end = spans[_first_of_phrase(prompt, spans, at)].start(), spans[at].end()
    left = _tidy(f"{prompt[:start]}{prompt[end:]}")
    return left or prompt


def _without_attribute(prompt: str, at: int) -> str:
    """Return the prompt without the word, and without its phrase unless a noun follows in it."""
    spans = [*WORD.finditer(prompt)]
    is_last = at + 1 == len(spans) or not _is_adjacent(prompt, spans, at)
    if is_last or fold(spans[at + 1][0]) in LINKS | JOINING:
        return _without_phrase(prompt, at)
    start = spans[at].start()
    return _with_article(prompt[:start] + prompt[spans[at + 1].start() :], start)


def _first_of_phrase(prompt: str, spans: Sequence[re.Match[str]], at: int) -> int:
    """Place of the first word of the phrase that ends at `at`: "in a big city"."""
    first = at
    for earlier in range(at - 1, max(-1, at - 1 - _LOOK_BACK), -1):
        word = fold(spans[earlier][0])
        if not _is_adjacent(prompt, spans, earlier):
            break
        if word in LINKS:
            return earlier
        is_of_it = word in ARTICLES or kind_of(word, ATTRIBUTES) or _ADJECTIVE.fullmatch(word)
        if (is_of_it and first == earlier + 1) or word in ARTICLES:
            first = earlier
    return first


def _is_governed(prompt: str, spans: Sequence[re.Match[str]], at: int) -> bool:
    """Return true for a noun after a preposition, or after another noun: "портрет лисы"."""
    first = _first_of_phrase(prompt, spans, at)
    word = fold(spans[first][0])
    if word not in LINKS and first and _is_adjacent(prompt, spans, first - 1):
        word = fold(spans[first - 1][0])
        return word not in LINKS and not count_in(word)
    return word in LINKS - JOINING


def _is_adjacent(prompt: str, spans: Sequence[re.Match[str]], at: int) -> bool:
    return not prompt[spans[at].end() : spans[at + 1].start()].strip()


def _tidy(prompt: str) -> str:
    """Return the prompt without small words that lead nowhere."""
    parts = [part.split() for part in prompt.split(",")]
    for words in parts:
        while words and fold(words[0]) in JOINING:
            del words[0]
        while words and fold(words[-1]) in LINKS | ARTICLES:
            del words[-1]
    return ", ".join(" ".join(words) for words in parts if words)


def _place_of(word: str, words: Sequence[str]) -> int:
    """Place of the word, in any of its forms; -1 without it."""
    # The stem of a form may be the word itself, which has another: "диване", "диван", "дива".
    wanted = {word, stem(word)}
    return next((at for at, each in enumerate(words) if wanted & {each, stem(each)}), -1)


def _head(prompt: str) -> int:
    """Place of the thing that the prompt is about: "a red fox in the snow"; -1 without one."""
    kind = _KIND_OF_PICTURE.match(prompt)
    begin = kind.end() if kind else 0
    skipped = len(WORD.findall(prompt[:begin]))
    words = words_in(re.split(r"[,;.:]", prompt[begin:], maxsplit=1)[0])
    found = -1
    for at, word in enumerate(words):
        if word in LINKS or (found >= 0 and _VERBAL.fullmatch(word)):
            break
        if word in ARTICLES or (has_cyrillic(word) and _ADJECTIVE.fullmatch(word)):
            continue
        found = at
        if has_cyrillic(word):
            break
    return found + skipped if found >= 0 else -1
