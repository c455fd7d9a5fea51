"""Numbers: pictures by their number or place: "второй поярче", "use the first one". Pure."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from imgbot.domain.intents.words import Token
from imgbot.domain.words.chat import ChatState
from imgbot.domain.words.reading import Sentence
from imgbot.domain.words.vocabulary import TABLES, WORDS, is_small

LAST, LAST_BUT_ONE, MIDDLE = -1, -2, -3

_ENDING = "(?:[ыоиая]й|[ая]я|[ое]е|[ую]ю|ь[яею]|ьей|ьего|[ое]го|ьему|[ое]му|[оеыи]м|ь[еи]м)"
_ROOTS: Sequence[str] = tuple(TABLES["numbers"].values())
_PLACES: Mapping[str, int] = (
    {word: at for at, word in enumerate(TABLES["numbers"], 1)}
    | dict.fromkeys(("last", "rightmost"), LAST)
    | {"leftmost": 1, "penultimate": LAST_BUT_ONE}
)
_BESIDE_A_THING = {"left": 1, "middle": MIDDLE, "center": MIDDLE, "right": LAST}
_RUSSIAN = (
    *((re.compile(root + _ENDING), at) for at, root in enumerate(_ROOTS, 1)),
    (re.compile(f"(?:последн|правая крайн){_ENDING}"), LAST),
    (re.compile(f"предпоследн{_ENDING}"), LAST_BUT_ONE),
    (re.compile(f"средн{_ENDING}"), MIDDLE),
)
_DIGITS = re.compile(r"([1-9]\d?)(?:st|nd|rd|th|-?(?:[ыои]?й|[ая]?я|[ую]?ю|[ое]го|[ое]му|ой|ом|е))")
_BARE = re.compile(r"[1-9]\d?")
_ROW = re.compile(r"(?<!\S)[1-9]\d?(?: (?:(?:and|и|plus) )?[1-9]\d?)*+(?!\S)")
_SIGNS = frozenset({"номер", "number", "no", "номера"})
_CHOICES = frozenset({"вариант", "option", "version", "variant"})
MORE = re.compile(
    r"по\w+(?:[еч]е|ше|же)|\w{3,}ее|\w{3,}er|вырежи\w*|увелич\w+|файлом|чб"
    r"|(?:яр|мяг|рез|коро|лег|жар|кре[п])че|(?:тон|боль|мень|луч|ти|стар)ше|(?:ни|бли|у)же|шире|гуще"
)
"""Words that say what shall become of a picture that is named before them."""


class Numbered(NamedTuple):
    """Number that a text names a picture by, and the tokens that say it."""

    number: int
    start: int
    end: int
    of: str = ""
    """Name of any picture beside it."""


def number_of(token: Token) -> int:
    """Return the place in a row that a word is; 0 for any other."""
    if found := _DIGITS.fullmatch(token.text):
        return int(found[1])
    known = (at for pattern, at in _RUSSIAN if pattern.fullmatch(token.text))
    return _PLACES.get(token.text) or next(known, 0)


def numbered_in(sentence: Sentence, chat: ChatState) -> list[Numbered]:
    """Return the pictures that a text names by a number."""
    tokens, count = sentence.parsed.tokens, max((each.number for each in chat.pictures), default=0)
    if bare := _bare_in(sentence):
        are_known = all(each.number <= max(count, len(chat.pictures)) for each in bare)
        return bare if are_known else []
    found: list[Numbered] = []
    for at in range(len(tokens)):
        is_next = are_joined(found[-1].end, at, tokens) if found else False
        if each := _numbered(at, tokens, sentence.text, count, is_next=is_next):
            found.append(each)
    return found


def _bare_in(sentence: Sentence) -> list[Numbered]:
    """Return the numbers of "1 and 3" and "delete 2"; those of "2 dogs" and "5 4 3" are others."""
    tokens, row = sentence.parsed.tokens, _ROW.search(sentence.plain)
    if row is None:
        return []
    start = sentence.plain.count(" ", 0, row.start())
    end = start + len(row[0].split())
    behind = tokens[end : end + 1]
    are_counted = not all(is_small(each) or MORE.fullmatch(each.text) for each in behind)
    if are_counted or _is_other(start, end, tokens):
        return []
    numbers = ((at, tokens[at].text) for at in range(start, end))
    found = [Numbered(int(each), at, at + 1) for at, each in numbers if _BARE.fullmatch(each)]
    of_thing = start > 0 and tokens[start - 1].text in WORDS["thing"] | _SIGNS
    return [found[0]._replace(start=start - of_thing), *found[1:]]


def _is_other(start: int, end: int, tokens: Sequence[Token]) -> bool:
    """Return true for what is to be written or drawn, and for one number that is no choice."""
    said = {each.text for each in (*tokens[:start], *tokens[end:])}
    if end - start == 1 and not WORDS["links"].issuperset(said):
        return tokens[0].text not in WORDS["choosing"]
    return not said.isdisjoint(WORDS["writing"] | WORDS["drawing"])


def are_joined(end: int, start: int, tokens: Sequence[Token]) -> bool:
    """Return true if no more than "and" or a comma stands between two numbers."""
    return end <= start and all(each.text in {"and", "и", "plus"} for each in tokens[end:start])


def _numbered(
    at: int, tokens: Sequence[Token], text: str, count: int, *, is_next: bool
) -> Numbered | None:
    token, start = tokens[at], _start(at, tokens)
    of_thing = _of_thing(at, tokens)
    if _BARE.fullmatch(token.text):
        return _digit(at, tokens, text, of_thing)
    number = number_of(token) or (_BESIDE_A_THING.get(token.text, 0) if of_thing else 0)
    if not number or _is_new(start, tokens):
        return None
    if of_thing:
        return Numbered(number, start, at + 2, of_thing)
    is_known = _is_first(start, tokens) and number <= count and not token.text.isascii()
    is_meant = is_known or _is_alone(at, start, tokens, is_next=is_next)
    return Numbered(number, start, at + 1) if is_meant else None


def _is_alone(at: int, start: int, tokens: Sequence[Token], *, is_next: bool) -> bool:
    """Return true if no thing is counted: not "the second dog", nor "make it brighter first"."""
    is_adverb = tokens[at].text.isascii() and start == at
    is_adverb = is_adverb and not (is_next or _is_first(start, tokens))
    following = _following(at, tokens)
    is_last = following is None or is_small(following)
    return not is_adverb and (is_last or MORE.fullmatch(following.text) is not None)


def _of_thing(at: int, tokens: Sequence[Token]) -> str:
    """Return the name of any picture behind a number."""
    following = _following(at, tokens)
    return following.text if following and following.text in WORDS["thing"] else ""


def _digit(at: int, tokens: Sequence[Token], text: str, of_thing: str) -> Numbered | None:
    token = tokens[at]
    number = int(token.text)
    before = tokens[at - 1] if at else None
    if text[: token.end - len(token.text)].rstrip()[-1:] in {"#", "№"}:
        return Numbered(number, at, at + 1)
    if before and (before.text in _SIGNS or before.text in WORDS["thing"]):
        return Numbered(number, _start(at - 1, tokens), at + 1, before.text)
    return Numbered(number, at, at + 2) if of_thing in _CHOICES else None


def _following(at: int, tokens: Sequence[Token]) -> Token | None:
    after = tokens[at + 1] if at + 1 < len(tokens) else None
    return after if after and after.clause == tokens[at].clause else None


def _start(at: int, tokens: Sequence[Token]) -> int:
    """Return where the preposition and the article before a number begin."""
    for name in ("definite", "place"):
        before = tokens[at - 1] if at else None
        if before and before.text in WORDS[name] and before.clause == tokens[at].clause:
            at -= 1
    return at


def _is_new(start: int, tokens: Sequence[Token]) -> bool:
    """Return true after "a", as in "a second one"."""
    return start > 0 and tokens[start - 1].text in WORDS["indefinite"]


def _is_first(start: int, tokens: Sequence[Token]) -> bool:
    """Return true at the beginning of a clause."""
    is_linked = all(each.text in WORDS["links"] for each in tokens[:start])
    return is_linked or tokens[start - 1].clause != tokens[start].clause
