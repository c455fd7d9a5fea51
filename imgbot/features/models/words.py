"""Model words: "with flux", "через флюкс", "в лучшем качестве" in a prompt name a model. Pure."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from imgbot.domain.intents import Intent
from imgbot.domain.operations import Operation
from imgbot.domain.spelling import fold
from imgbot.domain.words import order_in
from imgbot.domain.words.chat import ChatPicture, ChatState

_TITLE_WORDS = 5
_DRAWN = ChatState((ChatPicture("drawn", Operation.CREATE),))
_SHORTEST_NAME = 3
_BY = (
    r"(?:(?:made |drawn |done )?(?:with|using|via|by|in|on|through|use|try)"
    r"|(?:но |сделай |нарисуй )?(?:с помощью|с|со|через|на|в|моделью))"
    r"(?: (?:the )?(?:model|модел\w+))?"
)
_NAMED = re.compile(
    r"(?:^|[\s,;.(])(?:(?:but|just|only|но|только) )?"
    rf"(?P<by>--model[ =]|{_BY} )?(?P<name>[\w.+-]+(?: [\w.+-]+){{0,{_TITLE_WORDS}}}?)"
    r"(?: (?:model|модел\w+))?(?: (?:please|пожалуйста))?[\s.!)]*$",
    re.IGNORECASE,
)
_TOLD = re.compile("model|модел", re.IGNORECASE)
_BEST = re.compile(
    r"(?:^|[\s,;.(])(?:в|in) (?:(?:the|самом) )?"
    r"(?:лучшем|наилучшем|максимальном|высшем|best|highest|top)(?: possible)? "
    r"(?:качестве|quality)(?:,? (?:please|пожалуйста))?(?=[^\S\n]*(?:[,;.!)\n]|$))[\s.!)]*",
    re.IGNORECASE,
)
# Words of titles, for their Russian spelling without and with an ending.
_SPOKEN: Mapping[str, str] = {
    "флюкс": "flux", "флакс": "flux", "нано": "nano", "банан": "banana", "сидрим": "seedream",
    "топаз": "topaz", "шнель": "schnell", "макс": "max", "про": "pro", "клейн": "klein",
}  # fmt: skip
_ENDINGS = ("", "а", "е", "ом", "у")
_SPOKEN_FORMS = {stem + end: plain for stem, plain in _SPOKEN.items() for end in _ENDINGS}
_COMMON = frozenset({
    "banana", "flux", "nano", "origin", "phoenix", "photo", "photon", "playground", "real",
    "stable", "topaz",
})  # fmt: skip
"""Words of titles that may be meant as such: alone they name a model only where it is clear."""
_BESIDE = re.compile(
    r"(?:^|[\s,;:.—-])(?:compare|side by side(?: with)?|сравни(?:те|ть)?|бок о бок)\s+"
    r"(?P<one>[\w.+ -]{3,40}?)\s+(?:and|with|vs\.?|versus|и|с|со)\s+(?P<other>[\w.+ -]{3,40}?)"
    r"(?: side by side| бок о бок)?(?:,? (?:please|пожалуйста))?[\s.!]*$",
    re.IGNORECASE,
)
_SAME = frozenset({
    "the same", "same", "same thing", "redo", "make it again", "do it again", "now",
    "то же самое", "то же", "тем же", "это же", "так же", "теперь", "давай",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Name:
    """Name of a model at the end of a text, as it is written there."""

    words: Sequence[str]
    rest: str
    """The text before it."""
    by: str
    """Word between them: "with", "через"."""
    phrase: str

    @property
    def is_common(self) -> bool:
        """True if it is a word that may be meant as such."""
        return len(self.words) == 1 and self.words[0] in _COMMON


@dataclass(frozen=True, slots=True)
class NameRule:
    """Reason for which a name is meant as that of a model."""

    example: str
    applies: Callable[[_Name], bool]


RULES = (
    NameRule("the same, flux", lambda name: bool(name.rest) and asks_for_the_same(name.rest)),
    NameRule("with flux", lambda name: bool(name.by) and not name.rest),
    NameRule("a fox with krea", lambda name: bool(name.by) and not name.is_common),
    NameRule("a fox with flux model", lambda name: bool(name.by and _TOLD.search(name.phrase))),
)
"""A name is that of a model if one of them applies."""


def named_in(text: str, titles: Mapping[str, str], best: str = "") -> tuple[str, str]:
    """Return the text without its words about a model, and the id of the one that they name.

    `titles` are those of the models by their ids, `best` is the one for the best quality.
    """
    if best and (found := _BEST.search(text)):
        rest = f"{text[: found.start()]} {text[found.end() :]}".strip(" ,;")
        # Alone, it asks for something to be done to a picture.
        return (rest, best) if rest else (text, "")
    for name in _names_in(text):
        if model := _model_of(name.words, titles):
            return (name.rest, model) if any(each.applies(name) for each in RULES) else (text, "")
    return text, ""


def _names_in(text: str) -> Iterator[_Name]:
    """Yield what the text may end with as a name; "with" may stand more than once before it."""
    for at in (match.start() for match in re.finditer(r"(?<!\S)\S", text)):
        if found := _NAMED.match(text, max(at - 1, 0)):
            rest = text[: found.start()].strip(" ,;")
            yield _Name(_words_of(found["name"]), rest, found["by"] or "", found[0])


def pair_in(text: str, titles: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
    """Return the text without words that ask for two models side by side, and their ids."""
    if found := _BESIDE.search(text):
        models = tuple(_model_of(_words_of(found[each]), titles) for each in ("one", "other"))
        if all(models) and models[0] != models[1]:
            return text[: found.start()].strip(" ,;:.—-"), models
    return text, ()


def _model_of(words: Sequence[str], titles: Mapping[str, str]) -> str:
    """Return the id of the model whose title is the name, or begins with it."""
    if not words or len(words[0]) < _SHORTEST_NAME:
        return ""
    begun = [each for each in titles if _words_of(titles[each])[: len(words)] == words]
    exact = [each for each in begun if _words_of(titles[each]) == words]
    return next(iter([*exact, *begun]), "")


def asks_for_the_same(rest: str) -> bool:
    """Return true if the words beside those about a model ask for the same picture again."""
    plain = fold(rest).strip(" ,.!")
    if not plain or plain in _SAME:
        return True
    order = order_in(plain, _DRAWN)
    return order is not None and order.intent is Intent.AGAIN


def _words_of(name: str) -> list[str]:
    return [_spoken(word) for word in re.findall(r"[^\W\d_]+|\d+(?:\.\d+)?", fold(name))]


def _spoken(word: str) -> str:
    return _SPOKEN_FORMS.get(word, word)
