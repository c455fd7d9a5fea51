"""Complaints: what a complaint about a picture misses, in words that an offer can use. Pure."""

import re
from dataclasses import dataclass

from imgbot.domain.prompt_words import TABLES, without_article
from imgbot.domain.russian import agreed, nominative, with_nominative
from imgbot.domain.spelling import fold, has_cyrillic

_BEGINNING = re.compile(
    r"(?:ну|эй|слушай|блин|но|а|hey|but|hm+|so|ok|no,|нет,|эх|ой|well)[\s,]+", re.IGNORECASE
)
_AGAIN, _MISSING = (
    [re.compile(each, re.IGNORECASE) for each in TABLES["complaints"][name]]
    for name in ("again", "missing")
)
_DEFECTS = {
    word: tuple(remedy.split("|"))
    for words, remedy in TABLES["defects"].items()
    for word in words.split("|")
}
_VAGUE = frozenset(TABLES["words"]["vague"].split())
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Offer:
    """Wishes behind a complaint, as words to order with; empty where it tells none."""

    again: str = ""
    """Words to draw the picture again with."""
    change: str = ""
    """Change of the picture, as a user would write it."""
    is_other: bool = False
    """True if the picture shows the thing, and another one is wanted."""


def offer_for(complaint: str) -> Offer:
    """Return what to offer for the words of a complaint."""
    text = complaint.strip(" .,!?…:;()")
    while begun := _BEGINNING.match(text):
        text = text[begun.end() :]
    # Characters of what a button can name.
    if len(text) > 60:
        return Offer()
    offer = _missed(text) or _mended(text) or _again(text) or Offer()
    is_vague = _VAGUE.issuperset(_WORD.findall(fold(offer.again)))
    return Offer() if offer.again and is_vague else offer


def _missed(text: str) -> Offer | None:
    for pattern in _MISSING:
        if found := pattern.fullmatch(text):
            thing = found["thing"].removesuffix("-то")
            if not has_cyrillic(thing):
                return Offer(without_article(thing), f"add {thing}")
            named = with_nominative(thing)
            return Offer(named, f"добавь {' '.join(map(_accusative, named.split()))}")
    return None


def _accusative(word: str) -> str:
    """Return a Russian word in the accusative, where that differs in the feminine."""
    endings = {"ая": "ую", "яя": "юю", "а": "у", "я": "ю"}
    found = next((ending for ending in endings if word.endswith(ending)), "")
    return word.removesuffix(found) + endings[found] if found else word


def _mended(text: str) -> Offer | None:
    remedies = [_DEFECTS[word] for word in _WORD.findall(fold(text)) if word in _DEFECTS]
    return Offer(change=remedies[0][has_cyrillic(text)]) if len(remedies) == 1 else None


def _again(text: str) -> Offer | None:
    for pattern in _AGAIN:
        if found := pattern.fullmatch(text):
            parts = found.groupdict()
            thing, told = parts["thing"], parts.get("told")
            if not told:
                named = without_article(with_nominative(thing))
                return Offer(named, is_other="other" in parts)
            if not has_cyrillic(thing):
                return Offer(f"{told} {thing}", f"make the {thing} {told}")
            named = nominative(thing)
            return Offer(
                f"{agreed(told, named)} {named}", f"пусть {named} будет {agreed(told, named)}"
            )
    return None
