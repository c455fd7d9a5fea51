"""Model words: "with flux", "через флюкс", "в лучшем качестве" in a prompt name a model. Pure."""

import re
from collections.abc import Mapping

from imgbot.domain.intents import Intent, classify
from imgbot.domain.spelling import fold

_TITLE_WORDS = 5
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
_SAME = frozenset({
    "the same", "same", "same thing", "redo", "make it again", "do it again", "now",
    "то же самое", "то же", "тем же", "это же", "так же", "теперь", "давай",
})  # fmt: skip


def named_in(text: str, titles: Mapping[str, str], best: str = "") -> tuple[str, str]:
    """Return the text without its words about a model, and the id of the one that they name.

    `titles` are those of the models by their ids, `best` is the one for the best quality.
    """
    if best and (found := _BEST.search(text)):
        rest = f"{text[: found.start()]} {text[found.end() :]}".strip(" ,;")
        # Alone, it asks for something to be done to a picture.
        return (rest, best) if rest else (text, "")
    # The name is at the end; "with" may stand more than once before it.
    for at in (match.start() for match in re.finditer(r"(?<!\S)\S", text)):
        if found := _NAMED.match(text, max(at - 1, 0)):
            wanted, rest = _words_of(found["name"]), text[: found.start()].strip(" ,;")
            is_name = len(wanted[0]) >= _SHORTEST_NAME if wanted else False
            begun = [each for each in titles if _words_of(titles[each])[: len(wanted)] == wanted]
            if is_name and begun:
                model = next(
                    (each for each in begun if _words_of(titles[each]) == wanted), begun[0]
                )
                is_clear = wanted[0] not in _COMMON or len(wanted) > 1 or _TOLD.search(found[0])
                is_same = bool(rest or found["by"]) and asks_for_the_same(rest)
                return (rest, model) if is_same or (is_clear and found["by"]) else (text, "")
    return text, ""


def asks_for_the_same(rest: str) -> bool:
    """Return true if the words beside those about a model ask for the same picture again."""
    plain = fold(rest).strip(" ,.!")
    return not plain or plain in _SAME or classify(plain).intent is Intent.AGAIN


def _words_of(name: str) -> list[str]:
    return [_spoken(word) for word in re.findall(r"[^\W\d_]+|\d+(?:\.\d+)?", fold(name))]


def _spoken(word: str) -> str:
    return _SPOKEN_FORMS.get(word, word)
