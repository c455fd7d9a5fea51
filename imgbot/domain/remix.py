"""Remix: the prompt of a picture, amended by the words that ask for a change of it. Pure."""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

from imgbot.domain.errors import UserError
from imgbot.domain.intents.words import stem
from imgbot.domain.prompt_options import (
    PROMPT_LIMIT,
    PromptOptions,
    count_in,
    parse_prompt_options,
)
from imgbot.domain.spelling import fold, has_cyrillic
from imgbot.domain.texts import tables

TABLES = tomllib.loads((files("imgbot.domain") / "remix.toml").read_text("utf-8"))
_LONGEST_CHANGE, _LONGEST_OPTIONS = 300, 120
"""Characters; a longer text is a description, and is added as it is."""
_LOOK_BACK = 3
"""Words between a noun and the preposition that goes with it."""

_WORD = re.compile(r"\w+(?:[-'’]\w+)*")
_ADJECTIVE = re.compile(r"\w{3,}(?:ый|ий|ой|ая|яя|ое|ее|ые|ие|ую|юю|ого|его|ым|им|ом|ем|ей|ых|их)")
_ADJECTIVE_ENDING = re.compile(
    r"(?:ыми|ими|ого|его|ому|ему|ый|ий|ой|ая|яя|ое|ее|ые|ие|ую|юю|ым|им|ом|ем|ей|ых|их)$"
)
_VERBAL = re.compile(r"\w{3,}ing")
_CLAUSES = re.compile(
    r"\s*[,;.!\n]+\s*|\s+(?:и|and|но|but)\s+"
    r"(?=(?:no|without|remove|add|make|без|убери|удали|добавь|сделай)\b)"
)
_PARTS = re.compile(r"\s*[,;.!\n]+\s*|\s+(?:и|and|но|but)\s+")
_DEFINITE = re.compile(r"^(?:the|that|this|those|these)\s+(?=\w)", re.IGNORECASE)
_THING = "thing"
_SHORTEST_INFLECTED = 4

_BEFORE, _ANYWHERE = (
    {name: tuple(words.split()) for name, words in TABLES[table].items()}
    for table in ("before_a_thing", "anywhere")
)
_LINKS, _ARTICLES, _PRONOUNS, _FIXED, _STRESSED = (
    frozenset(TABLES["words"][name].split())
    for name in ("links", "articles", "pronouns", "fixed", "stressed")
)
_JOINING = frozenset({"and", "or", "but", "и", "или", "но"})


def _pattern(name: str, form: str = "{}") -> re.Pattern[str]:
    return re.compile(form.format(TABLES["patterns"][name].replace("\n", "")), re.IGNORECASE)


_BEGINNING, _END = _pattern("beginning", r"(?:{})(?:[\s,:]+|$)"), _pattern("end", r"\s+(?:{})$")
_WITHOUT, _ONCE_MORE = _pattern("without"), _pattern("once_more")
_OTHER = _pattern("other", r"(?<!\w)(?:{})(?!\w)")
_ASKED = _pattern("asked", r"(?:^|(?<=\W))(?:{})(?=\W|$)")
_KIND_OF_PICTURE = _pattern("kind_of_picture", r"(?:{})\s+")
_REPLACED = [re.compile(each, re.IGNORECASE) for each in TABLES["patterns"]["replaced"]]


@dataclass(frozen=True, slots=True)
class _Wish:
    """A change as options of the picture, and the words beside them."""

    options: PromptOptions
    words: str
    is_other: bool
    """True if another picture of the prompt is asked for."""


def amend(base: str, change: str) -> PromptOptions:
    """Return the request `base`, a prompt with its flags, as the change asks for it.

    It keeps its seed, so that the picture stays the same where the words do, unless other pictures
    are asked for. Raises UserError if prompt or negative prompt would be too long.
    """
    if len(change) > _LONGEST_CHANGE:
        known = parse_prompt_options(base, has_words=False)
        return _checked(replace(known, prompt=_appended(known.prompt, change)))
    known, once_more = parse_prompt_options(base, has_words=False), _ONCE_MORE.fullmatch(change)
    wish = _read(once_more["change"] if once_more else change)
    unwanted = wish.options.negative
    prompt = _removed(known.prompt, unwanted)
    negative = ", ".join(filter(None, (known.negative, unwanted)))
    for clause in _clauses(wish.words):
        prompt, negative = _apply(prompt, negative, clause)
    is_other = wish.is_other or once_more or wish.options.variants > 1
    return _checked(
        PromptOptions(
            prompt,
            ratio=wish.options.ratio or known.ratio,
            variants=wish.options.variants,
            seed=wish.options.seed or (0 if is_other else known.seed),
            negative=negative,
            ignored=wish.options.ignored,
        )
    )


def _checked(wanted: PromptOptions) -> PromptOptions:
    if max(len(wanted.prompt), len(wanted.negative)) > PROMPT_LIMIT:
        raise UserError("change_too_long", limit=PROMPT_LIMIT)
    return wanted


def repeats_prompt(text: str) -> bool:
    """Return true for options alone, and for "another one, but at night".

    They ask for the prompt of the latest picture again.
    """
    if len(text) > _LONGEST_OPTIONS:
        return False
    if _ONCE_MORE.fullmatch(text):
        return True
    wish = _read(text)
    options = wish.options
    # "A square" may be a prompt.
    is_shape = any(map(str.isdigit, text)) and (options.ratio or options.seed)
    if not (wish.is_other or options.variants or options.negative or is_shape):
        return False
    return all(_WITHOUT.fullmatch(clause) for clause in _clauses(wish.words))


def undone_part(change: str, undone: Sequence[str]) -> str:
    """Return the parts of a change that have the words which could not be done."""
    missed = {word for words in undone for word in _words_in(words)}
    parts = (each for each in _PARTS.split(change) if not missed.isdisjoint(_words_in(each)))
    return ", ".join(parts) or change


def _read(change: str) -> _Wish:
    words = _OTHER.sub(" ", change)
    # "16:9" alone is no prompt.
    options = parse_prompt_options(f"{_THING} — {words}")
    rest = options.prompt.removeprefix(_THING).strip(" ,;.!?—-")
    bare = " ".join(_ASKED.sub(" ", rest).split()).strip(" ,;.!?-")
    if not bare or _is_without(bare):
        rest = bare
    elif bare != rest and (count := count_in(bare)) and len(bare.split()) == 1:
        options, rest = replace(options, variants=count), ""
    return _Wish(options, rest, words != change)


def _is_without(words: str) -> bool:
    return all(_WITHOUT.fullmatch(each) for each in _CLAUSES.split(words))


def _clauses(words: str) -> Iterator[str]:
    """The changes one by one; a replacement is one, also where it has a comma."""
    if any(each.fullmatch(form) for form in _forms(words) for each in _REPLACED):
        yield words
    else:
        yield from (each for each in _CLAUSES.split(words) if each)


def _forms(clause: str) -> Iterator[str]:
    """The clause, and what is left of it without its first words: "but make it red", "red"."""
    rest = clause.strip(" ,;:.!?—–-")
    while rest:
        yield rest
        found = _BEGINNING.match(rest)
        shorter = rest[found.end() :] if found else _END.sub("", rest)
        if shorter == rest:
            return
        rest = shorter


def _apply(prompt: str, negative: str, clause: str) -> tuple[str, str]:
    """Return prompt and negative prompt with one change."""
    rest = ""
    for rest in _forms(clause):
        if found := _WITHOUT.fullmatch(rest):
            unwanted = without_article(found["old"])
            return _removed(prompt, unwanted), ", ".join(filter(None, (negative, unwanted)))
        for pattern in _REPLACED:
            if found := pattern.fullmatch(rest):
                return _replaced(prompt, found), _unless_wanted(negative, found["new"])
    wanted = rest and with_nominative(_DEFINITE.sub("", rest))
    return _amended(prompt, wanted) if wanted else prompt, _unless_wanted(negative, wanted)


def _amended(prompt: str, wanted: str) -> str:
    """Return the prompt with what is to be seen: in place of words of its kind, or at its end."""
    words = _words_in(wanted)
    if described := _described(prompt, words):
        return described
    if {*map(stem, words)} <= {*map(stem, _words_in(prompt))}:
        return prompt
    for kind in {_kind(word, _ANYWHERE) for word in words} - {""}:
        for at, word in reversed([*enumerate(_words_in(prompt))]):
            if _kind(word, _ANYWHERE) == kind:
                prompt = _without_attribute(prompt, at)
    return _appended(prompt, wanted)


def _appended(prompt: str, words: str) -> str:
    return f"{prompt.rstrip(' .,;')}, {words}"


def _described(prompt: str, words: Sequence[str]) -> str:
    """Return the prompt with a colour or size for one of its things; nothing if none is told."""
    told = [each for each in words if _kind(each, _BEFORE)]
    things = [each for each in words if each not in told and each not in _ARTICLES | _PRONOUNS]
    if len(told) != 1 or len(things) > 1 or any(each in _LINKS for each in things):
        return ""
    found = _words_in(prompt)
    at = _place_of(things[0], found) if things else _head(prompt)
    return _with_attribute(prompt, at, told[0]) if at >= 0 else ""


def _with_attribute(prompt: str, at: int, attribute: str) -> str:
    """Return the prompt with the attribute before the thing at that place."""
    spans, kind = [*_WORD.finditer(prompt)], _kind(fold(attribute), _BEFORE)
    thing = fold(spans[at][0])
    told = agreed(attribute, nominative(thing)) if has_cyrillic(attribute) else attribute
    for earlier in range(at - 1, max(-1, at - 1 - _LOOK_BACK), -1):
        word = fold(spans[earlier][0])
        if word in _LINKS or not _is_adjacent(prompt, spans, earlier):
            break
        if _kind(word, _BEFORE) == kind:
            start, end = spans[earlier].span()
            return _with_article(f"{prompt[:start]}{told}{prompt[end:]}", start)
    if has_cyrillic(thing) and nominative(thing) != thing:
        # The attribute would have to be declined.
        return _appended(prompt, f"{told} {nominative(thing)}")
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


def _replaced(prompt: str, found: re.Match[str]) -> str:
    """Return the prompt with the new words in place of the old ones, or at its end."""
    old, new = _words_in(found["old"]), with_nominative(found["new"])
    named = [each for each in old if each not in _ARTICLES | _PRONOUNS]
    at = _place_of(named[-1], _words_in(prompt)) if named else _head(prompt)
    if at < 0:
        is_part = found.start("old") and fold(found[0]).split()[0] not in {"not", "не"}
        is_told = is_part and found.start("old") < found.start("new") and len(named) == 1
        is_told = is_told and not fold(found[0]).startswith(("instead", "вместо"))
        return _appended(prompt, f"{named[0]}: {new}") if is_told else _amended(prompt, new)
    spans = [*_WORD.finditer(prompt)]
    word = fold(spans[at][0])
    if _kind(word, _BEFORE) and at + 1 < len(spans):
        return _with_attribute(prompt, at + 1, new)
    if has_cyrillic(word) and nominative(word) != word:
        return _appended(_without_phrase(prompt, at), new)
    first = _first_of_phrase(prompt, spans, at)
    if fold(spans[first][0]) in _LINKS:
        first += 1
    return f"{prompt[: spans[first].start()]}{new}{prompt[spans[at].end() :]}"


def _removed(prompt: str, unwanted: str) -> str:
    """Return the prompt without the phrases of these words, unless nothing would be left."""
    for word in _words_in(unwanted):
        at = _place_of(word, _words_in(prompt)) if word not in _LINKS else -1
        if at >= 0:
            prompt = _without_phrase(prompt, at)
    return prompt


def _without_phrase(prompt: str, at: int) -> str:
    spans = [*_WORD.finditer(prompt)]
    start, end = spans[_first_of_phrase(prompt, spans, at)].start(), spans[at].end()
    left = _tidy(f"{prompt[:start]}{prompt[end:]}")
    return left or prompt


def _without_attribute(prompt: str, at: int) -> str:
    """Return the prompt without the word, and without its phrase unless a noun follows in it."""
    spans = [*_WORD.finditer(prompt)]
    is_last = at + 1 == len(spans) or not _is_adjacent(prompt, spans, at)
    if is_last or fold(spans[at + 1][0]) in _LINKS | _JOINING:
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
        if word in _LINKS:
            return earlier
        is_of_it = word in _ARTICLES or _kind(word, _BEFORE) or _ADJECTIVE.fullmatch(word)
        if (is_of_it and first == earlier + 1) or word in _ARTICLES:
            first = earlier
    return first


def _is_adjacent(prompt: str, spans: Sequence[re.Match[str]], at: int) -> bool:
    return not prompt[spans[at].end() : spans[at + 1].start()].strip()


def _tidy(prompt: str) -> str:
    """Return the prompt without small words that lead nowhere."""
    parts = [part.split() for part in prompt.split(",")]
    for words in parts:
        while words and fold(words[0]) in _JOINING:
            del words[0]
        while words and fold(words[-1]) in _LINKS | _ARTICLES:
            del words[-1]
    return ", ".join(" ".join(words) for words in parts if words)


def _unless_wanted(negative: str, wanted: str) -> str:
    """Return the negative prompt without the things that are wanted now."""
    stems = {stem(word) for word in _words_in(wanted)}
    kept = (each for each in negative.split(", ") if stems.isdisjoint(map(stem, _words_in(each))))
    return ", ".join(kept)


def _words_in(text: str) -> list[str]:
    return _WORD.findall(fold(text))


def _place_of(word: str, words: Sequence[str]) -> int:
    """Place of the word, in any of its forms; -1 without it."""
    wanted = stem(word)
    return next((at for at, each in enumerate(words) if stem(each) == wanted), -1)


def _head(prompt: str) -> int:
    """Place of the thing that the prompt is about: "a red fox in the snow"; -1 without one."""
    kind = _KIND_OF_PICTURE.match(prompt)
    begin = kind.end() if kind else 0
    skipped = len(_WORD.findall(prompt[:begin]))
    words = _words_in(re.split(r"[,;.:]", prompt[begin:], maxsplit=1)[0])
    found = -1
    for at, word in enumerate(words):
        if word in _LINKS or (found >= 0 and _VERBAL.fullmatch(word)):
            break
        if word in _ARTICLES or (has_cyrillic(word) and _ADJECTIVE.fullmatch(word)):
            continue
        found = at
        if has_cyrillic(word):
            break
    return found + skipped if found >= 0 else -1


def _kind(word: str, kinds: Mapping[str, Sequence[str]]) -> str:
    return next((kind for kind, forms in kinds.items() if _is_any(word, forms)), "")


def _is_any(word: str, forms: Sequence[str]) -> bool:
    return any(word.startswith(each[:-1]) if each[-1] == "*" else word == each for each in forms)


# Russian: what is added stands in the nominative, and an attribute agrees with its thing.


@cache
def _subjects() -> Mapping[str, str]:
    drawn = (name for name in tables("ru")["subjects"].values() if " " not in name)
    names = (*TABLES["words"]["things"].split(), *drawn)
    return {stem(fold(name)): name for name in names}


def nominative(word: str) -> str:
    """Return a noun as it is listed, else the nominative of a feminine accusative."""
    folded = fold(word)
    if known := _subjects().get(stem(folded)):
        return known
    if folded in _FIXED or len(word) < _SHORTEST_INFLECTED:
        return word
    for ending, nominative in (("ую", "ая"), ("юю", "яя"), ("у", "а"), ("ю", "я")):
        if folded.endswith(ending):
            return word[: -len(ending)] + nominative
    return word


def with_nominative(words: str) -> str:
    """Return the words with those before the first preposition in the nominative."""
    parts = words.split(" ")
    for at, word in enumerate(parts):
        folded = fold(word)
        if (folded in _LINKS and folded not in _JOINING) or not has_cyrillic(word):
            break
        parts[at] = word if _kind(folded, _ANYWHERE) else nominative(word)
    return " ".join(parts)


def agreed(adjective: str, noun: str) -> str:
    """Return a Russian adjective in the nominative that goes with the noun."""
    root = _ADJECTIVE_ENDING.sub("", adjective)
    last = fold(noun)[-1:]
    is_soft, is_hushing = root.endswith("син"), root.endswith(("ж", "ш", "ч", "щ"))
    is_velar = root.endswith(("г", "к", "х"))
    if last in "ая":
        return root + ("яя" if is_soft else "ая")
    if last in "ое":
        return root + ("ее" if is_soft or is_hushing else "ое")
    if last in "ыи":
        return root + ("ие" if is_soft or is_hushing or is_velar else "ые")
    if root in _STRESSED:
        return root + "ой"
    return root + ("ий" if is_soft or is_hushing or is_velar else "ый")


def without_article(words: str) -> str:
    first, _, rest = words.partition(" ")
    return rest if fold(first) in _ARTICLES and rest else words
