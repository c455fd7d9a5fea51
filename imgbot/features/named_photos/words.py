"""Words with names of photos: "this is Rex" gives one, "Rex on the moon" orders with it. Pure."""

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from imgbot.domain.intents import Intent
from imgbot.domain.intents.beginnings import is_order
from imgbot.domain.lettering import read_lettering
from imgbot.domain.spelling import fold, has_cyrillic
from imgbot.domain.words import read, vetoes
from imgbot.domain.words.chat import ABOUT_PHOTO, ChatState
from imgbot.domain.words.reading import Example, Order, Sentence, Talk, WordReader

NAMING, ORDERING = "name a photo", "order with a named photo"

_TABLES = tomllib.loads((files("imgbot.features.named_photos") / "words.toml").read_text("utf-8"))
_WORD = r"[^\W\d_]{2,20}(?:[-'][^\W\d_]{1,20})?"
_NAME = rf"(?!(?:an|the) )(?P<name>{_WORD}(?: {_WORD})?)[\s.!)]*"
_PATTERNS = {
    name: re.compile(form.replace("\n", "").replace("{name}", _NAME), re.IGNORECASE)
    for name, form in _TABLES["patterns"].items()
}
_COMMON = frozenset(map(fold, _TABLES["words"]["common"].split()))
_CASES = {"а": "[аыиеу]|[ое][йю]", "я": "[яиею]|е[йю]", "й": "[йяюеи]|ем", "ь": "[ьяюеи]|ем|ью"}
_CASES_ELSE = "[ауеыи]?|[ое]м"
_FLEETING = re.compile(r"[ео](?=[бвгджзклмнпрстфхцчшщ]$)")


@dataclass(frozen=True, slots=True)
class NamedOrder:
    """Order with named photos."""

    names: tuple[str, ...]
    is_sure: bool
    is_added: bool
    """True if what is named is to be put into another picture."""
    is_alone: bool
    """True if it says nothing but a name."""


def is_common(name: str) -> bool:
    """Return true for a name that is a word, as "Rose" is: it counts with a capital letter only."""
    return fold(name) in _COMMON


def name_given(text: str) -> tuple[str, bool]:
    """Return the name that a text gives a photo, and whether it can mean nothing else."""
    plain = " ".join(text.split())
    if found := _PATTERNS["told"].fullmatch(plain):
        return " ".join(word[0].upper() + word[1:] for word in found["name"].split()), True
    found = _PATTERNS["said"].fullmatch(plain)
    name = found["name"] if found else ""
    return (name if all(word[0].isupper() for word in name.split()) else ""), False


@lru_cache(maxsize=256)
def _pattern(names: tuple[str, ...]) -> re.Pattern[str]:
    longest = sorted(enumerate(names), key=lambda each: -len(each[1]))
    forms = (f"(?P<n{at}>{' '.join(map(_cases, fold(name).split()))})" for at, name in longest)
    return re.compile(rf"(?<![\w-])(?:{'|'.join(forms)})(?:'s)?(?![\w-])")


def _cases(word: str) -> str:
    """Return a pattern of a word of a name in its cases: "Аня", "Аню", "Аней"."""
    if not has_cyrillic(word):
        return word
    base = word[:-1] if word[-1] in _CASES else word
    return f"(?:{base}|{_FLEETING.sub('', base)})(?:{_CASES.get(word[-1], _CASES_ELSE)})"


def _names_in(text: str, names: tuple[str, ...]) -> Iterator[tuple[str, int, int]]:
    """Yield the names of a text, each with its place; not those in words to be written."""
    lettering = read_lettering(text)
    scene = lettering.scene if lettering else text
    start = text.find(scene) if scene else -1
    if start < 0:
        return
    for match in _pattern(names).finditer(fold(text), start, start + len(scene)):
        name = names[int((match.lastgroup or "n0")[1:])]
        if not is_common(name) or text[match.start()].isupper():
            yield name, match.start(), match.end()


def _with_instead(text: str, found: Sequence[tuple[str, int, int]], *, is_thing: bool) -> str:
    """Return a text with "cat", or nothing, instead of each name."""
    for name, start, end in found[::-1]:
        thing = "кот" if has_cyrillic(name) else "cat"
        text = text[:start] + thing * is_thing + text[end:]
    return text


def without_names(text: str, names: tuple[str, ...]) -> str:
    """Return a text without the names; the whole of one that says nothing else."""
    plain = _with_instead(text, [*_names_in(text, names)], is_thing=False)
    return " ".join(plain.split()).strip(" ,") or text


def order_with(text: str, names: tuple[str, ...]) -> NamedOrder | None:
    """Return what a text orders with these names; None if it does not, or names none.

    It is read as it would be with "cat" for each of them.
    """
    found = [*_names_in(text, names)]
    if not found:
        return None
    plain = _with_instead(text, found, is_thing=True)
    is_added, alone = bool(_PATTERNS["added"].match(plain)), read(plain, ChatState())
    if isinstance(alone, Talk) and not is_added:
        return None
    is_asked = is_added or Order in {type(alone), type(read(plain, ABOUT_PHOTO))}
    # The capital letter of a word may be that of the sentence.
    common = (start for name, start, _ in found if is_common(name))
    is_clear = all(text[:start].strip()[-1:] not in {"", ".", "!"} for start in common)
    is_sure = is_asked and is_clear and not _PATTERNS["states"].match(plain)
    known = tuple(dict.fromkeys(name for name, *_ in found))
    return NamedOrder(known, is_sure, is_added, plain.strip(" .!") in {"cat", "кот"})


def _gives_name(sentence: Sentence, chat: ChatState) -> bool:
    name, is_told = name_given(sentence.text)
    is_near = chat.replied or chat.asked or (chat.this and chat.this.operation is None)
    is_praise = any(row.read(sentence, chat) for row in vetoes.ROWS)
    return bool(name and (is_told or (is_near and not is_praise)))


def _read_named(sentence: Sentence, chat: ChatState) -> Talk | None:
    text = sentence.text
    may_name = chat.this and any(_PATTERNS[each].match(text) for each in ("told", "said"))
    if may_name and _gives_name(sentence, chat):
        return Talk(Intent.COMMAND, NAMING)
    order = order_with(text, chat.names) if chat.names else None
    is_ordered = order and not _is_of_this(sentence, order, chat)
    return Talk(Intent.COMMAND, ORDERING) if is_ordered else None


def _is_of_this(sentence: Sentence, order: NamedOrder, chat: ChatState) -> bool:
    """Return true for "give Rex a hat" about a photo, or a picture that was made with him."""
    is_change = is_order(sentence.parsed.tokens) and not _PATTERNS["draws"].match(sentence.text)
    if chat.this is None or order.is_added or not is_change:
        return False
    is_photo = chat.this.operation is None and bool(chat.asked or chat.replied)
    shown = fold(" ".join(chat.this.words))
    return is_photo or all(_pattern((name,)).search(shown) for name in order.names)


ROW = WordReader(
    "named photo",
    "a name that is given to a photo, or an order with what has one",
    _read_named,
    (Example("remember this as Rex"), Example("это Аня", "reply")),
    is_first=True,
    is_of_captions=True,
)
