"""Remix: the prompt of a picture, amended by the words that ask for a change of it. Pure."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from imgbot.domain.errors import UserError
from imgbot.domain.intents.words import stem
from imgbot.domain.lettering import QUOTED, read_lettering
from imgbot.domain.prompt_options import (
    PROMPT_LIMIT,
    PromptOptions,
    count_in,
    parse_prompt_options,
)
from imgbot.domain.prompt_phrases import amended, appended, removed, replaced
from imgbot.domain.prompt_words import (
    ATTRIBUTES,
    TABLES,
    kind_of,
    pattern,
    without_article,
    words_in,
)
from imgbot.domain.russian import with_nominative
from imgbot.domain.spelling import fold

_LONGEST_CHANGE, _LONGEST_OPTIONS = 300, 120
"""Characters; a longer text is a description, and is added as it is."""

_CLAUSES = re.compile(
    r"\s*[,;.!\n]+\s*|\s+(?:и|and|но|but)\s+"
    r"(?=(?:no|without|remove|add|make|the|без|убери|удали|добавь|сделай"
    r"|\w+ (?:по)?(?:больше|меньше|крупнее|мельче))\b)"
)
_PARTS = re.compile(r"\s*[,;.!\n]+\s*|\s+(?:и|and|но|but)\s+")
_DEFINITE = re.compile(r"^(?:the|that|this|those|these)\s+(?=\w)", re.IGNORECASE)
_THING = "thing"

_BEGINNING, _END = pattern("beginning", r"(?:{})(?:[\s,:]+|$)"), pattern("end", r"\s+(?:{})$")
_WITHOUT, _ONCE_MORE = pattern("without"), pattern("once_more")
_SHAPED = pattern("shaped")
_OTHER = pattern("other", r"(?<!\w)(?:{})(?!\w)")
_TOLD = pattern("told")
_ASKED = pattern("asked", r"(?:^|(?<=\W))(?:{})(?=\W|$)")
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
        return _checked(replace(known, prompt=appended(known.prompt, change)))
    known, once_more = parse_prompt_options(base, has_words=False), _ONCE_MORE.fullmatch(change)
    known = replace(known, prompt=_with_quotes(known.prompt))
    wish = _read(once_more["change"] if once_more else change)
    unwanted = wish.options.negative
    prompt = removed(known.prompt, unwanted)
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


def _with_quotes(prompt: str) -> str:
    """Return a prompt with its lettering in quotes, so that words can be added behind it."""
    found = read_lettering(prompt)
    if found and not QUOTED.search(prompt):
        for part in found.parts:
            prompt = prompt.replace(part.text, f"«{part.text}»", 1)
    return prompt


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
    missed = {word for words in undone for word in words_in(words)}
    parts = (each for each in _PARTS.split(change) if not missed.isdisjoint(words_in(each)))
    return ", ".join(parts) or change


def _read(change: str) -> _Wish:
    words = _OTHER.sub(" ", change)
    # "16:9" alone is no prompt.
    options = parse_prompt_options(f"{_THING} — {words}")
    rest = options.prompt.removeprefix(_THING).strip(" ,;.!?—-")
    bare = " ".join(_ASKED.sub(" ", rest).split()).strip(" ,;.!?-")
    if options.ratio and _SHAPED.fullmatch(bare):
        bare = ""
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
    if (told := _TOLD.fullmatch(clause)) and kind_of(fold(told["told"]), ATTRIBUTES):
        clause = f"{told['thing']} {told['told']}"
    for rest in _forms(clause):
        if found := _WITHOUT.fullmatch(rest):
            unwanted = without_article(found["old"])
            return removed(prompt, unwanted), ", ".join(filter(None, (negative, unwanted)))
        for form in _REPLACED:
            if found := form.fullmatch(rest):
                return replaced(prompt, found), _unless_wanted(negative, found["new"])
    # "Make it 16:9" leaves "it".
    said = "" if _BEGINNING.fullmatch(rest) else _DEFINITE.sub("", rest)
    wanted = said and with_nominative(said)
    return amended(prompt, wanted) if wanted else prompt, _unless_wanted(negative, wanted)


def _unless_wanted(negative: str, wanted: str) -> str:
    """Return the negative prompt without the things that are wanted now."""
    stems = {stem(word) for word in words_in(wanted)}
    kept = (each for each in negative.split(", ") if stems.isdisjoint(map(stem, words_in(each))))
    return ", ".join(kept)
