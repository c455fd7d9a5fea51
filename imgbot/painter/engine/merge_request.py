"""Merge requests: layout, order of the photos and background, parsed from a prompt.

Parsing never fails: unrecognised words are reported, and the photos become a collage.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from imgbot.domain import this_style
from imgbot.domain.moving import UNMOVED, Move
from imgbot.domain.phrases import blanked, normalize
from imgbot.domain.spelling import has_cyrillic, similar, slips_of
from imgbot.painter.engine import photo_styles
from imgbot.painter.engine.colours import NAMED_COLOURS, Colour, colour_key
from imgbot.painter.engine.tables import phrase_lists, table
from imgbot.painter.engine.vocabulary import STOP_WORDS as _FILLERS

_TABLE = table("merge")
# Photos by their references: "@1", "@1, @2 and @3".
_AND = phrase_lists("merge").named("and")
_PHOTOS = rf"@\d{{1,2}}(?:(?: (?:{_AND})){{0,3}} @\d{{1,2}}){{0,9}}"
_LISTS = phrase_lists("merge", photos=_PHOTOS, first="@1")


def _compiled(name: str) -> Mapping[str, re.Pattern[str]]:
    return {key: _LISTS.compiled(phrase) for key, phrase in _TABLE[name].items()}


_PARTS, _LAYOUTS, _POSITIONS = map(_compiled, ("parts", "layouts", "positions"))
_SIZES, _CUT_OUTS = _compiled("sizes"), tuple(_compiled("cut_outs").values())
# 0 is the last one.
_NUMBERS = tuple((int(number), phrase) for number, phrase in _compiled("numbers").items()) + tuple(
    (number, re.compile(rf"(?<![\w@]){number}(?![:%\w])(?! ?(?:раз|px))"))
    for number in range(1, 11)
)
_NAMED = re.compile(
    rf"(?<!\w)(?:(?:the )?(?:{_LISTS.named('noun')}|номер|number|no|n) )?@(\d{{1,2}})"
    rf"(?: (?:{_LISTS.named('noun')})(?!\w))?"
)
if photo_styles.PAINTER.is_installed:
    _STYLE = re.compile(rf"(?<![\w@])(?:{this_style.STYLE})(?!\w)")
    _LAYOUTS = {"like_picture": _STYLE, **_LAYOUTS}
# By word: "first" or "last", and the layout with such sides.
_SIDES = {
    word: side.split("_") for side, words in _TABLE["sides"].items() for word in words.split()
}
_TYPO_LETTERS_MIN = 5
_MERGE_WORDS = frozenset(_TABLE["stop_words"].split())
_STOP_WORDS = _FILLERS | _MERGE_WORDS
_OBEYED = tuple(sorted(word for word in _MERGE_WORDS if len(word) >= _TYPO_LETTERS_MIN))
"""Words that ask for a merge, also with a slip."""
# Words for typo correction and suggestions, with the form shown to users.
LAYOUT_WORDS = {
    word: name for name, words in _TABLE["layout_words"].items() for word in words.split()
}

SUGGESTIONS_MAX = 3
_REFERENCE = re.compile(r"@(\d{1,2})")


@dataclass(frozen=True, slots=True)
class MergeRequest:
    """Parsed merge prompt; photos are numbered from 0.

    In a cut-out `subjects` are placed onto `ground`; both are chosen by the merge if not given.
    The style of another picture is that of `ground`.
    """

    layout: str
    order: tuple[int, ...]
    subjects: tuple[int, ...] = ()
    ground: int | None = None
    position: str = ""
    size: float = 1.0
    move: Move = UNMOVED
    background: Colour | None = None
    has_gaps: bool = True
    unrecognised: tuple[str, ...] = ()
    suggestions: tuple[str, ...] = ()


def parse_merge_request(prompt: str, count: int) -> MergeRequest:
    """Parse the prompt of a merge of `count` photos."""
    corrected = _correct_typos(_with_references(normalize(prompt), count))
    beyond = tuple(match[0] for match in _LISTS["unsupported"].finditer(corrected))
    text = _LISTS["unsupported"].sub(" , ", corrected)
    subjects, ground, is_cut_out = _read_cut_out(text, count)
    layout = _first(_LAYOUTS, text)
    order, side_layout = _read_order(text, count)
    if is_cut_out and not (layout in ("blend", "screen") and not subjects):
        layout = "cut_out"
    if layout == "like_picture":
        numbered = _LAYOUTS[layout].search(text)
        ground = (_numbers(numbered[0] if numbered else "", count) or (count - 1,))[0]
    unrecognised = (*dict.fromkeys(beyond), *_unrecognised_words(text))
    return MergeRequest(
        layout=layout or side_layout or "collage",
        order=order,
        subjects=subjects,
        ground=ground,
        position=_first(_POSITIONS, text),
        size=float(_first(_SIZES, text) or 1),
        background=_read_background(text),
        has_gaps=not _PARTS["no_gaps"].search(text),
        unrecognised=unrecognised,
        suggestions=_suggestions(unrecognised),
    )


def _first(patterns: Mapping[str, re.Pattern[str]], text: str) -> str:
    """Name of the first of the patterns that is found; empty without any."""
    return next((name for name, pattern in patterns.items() if pattern.search(text)), "")


def _with_references(text: str, count: int) -> str:
    """Text with every reference to a photo by number as `@1`, and "two into one" removed."""
    for number, pattern in _NUMBERS:
        text = pattern.sub(f"@{count if number == 0 else number}", text)
    return _LISTS["in_one"].sub(" ", _NAMED.sub(r"@\1", text))


def _numbers(text: str, count: int) -> tuple[int, ...]:
    """Existing photos that the text refers to."""
    named = [int(number) - 1 for number in _REFERENCE.findall(text)]
    return tuple(dict.fromkeys(index for index in named if 0 <= index < count))


def _read_cut_out(text: str, count: int) -> tuple[tuple[int, ...], int | None, bool]:
    """Subjects and ground of a cut-out, and True if a cut-out was requested."""
    for pattern in _CUT_OUTS:
        if match := pattern.search(text):
            subjects, ground = _numbers(match["subjects"], count), _numbers(match["ground"], count)
            if subjects and ground and ground[0] not in subjects:
                return subjects, ground[0], True
    match = _PARTS["ground_only"].search(text)
    if match and (ground := _numbers(match[0], count)):
        return _all_but(ground[:1], count), ground[0], True
    match = _PARTS["cutting"].search(text)
    subjects = _numbers(match[0], count) if match else ()
    rest = _all_but(subjects, count)
    if subjects and rest:
        return subjects, rest[0], True
    return (), None, match is not None


def _all_but(chosen: Sequence[int], count: int) -> tuple[int, ...]:
    return tuple(index for index in range(count) if index not in chosen)


def _read_order(text: str, count: int) -> tuple[tuple[int, ...], str]:
    """Photos in the requested order (the others follow), and the layout that it implies."""
    first: list[int] = []
    last: list[int] = []
    direction = ""
    forms = (list(_PARTS[name].finditer(text)) for name in ("side_first", "side_last"))
    # `@1 left` or `left @1`: the form with which the sentence begins.
    for match in min(filter(None, forms), key=lambda found: found[0].start(), default=[]):
        end, direction = _SIDES[match["side"]]
        (first if end == "first" else last).extend(_numbers(match[0], count)[:1])
    if not direction:
        lists = [_numbers(match[0], count) for match in re.finditer(_PHOTOS, text)]
        named = max(lists, key=len, default=())
        first = list(named) if len(named) > 1 else []
    rest = [index for index in range(count) if index not in (*first, *last)]
    order = tuple(dict.fromkeys([*first, *rest, *last]))
    return (order[::-1] if _PARTS["reversed"].search(text) else order), direction


def _read_background(text: str) -> Colour | None:
    match = _PARTS["backgrounds"].search(text)
    key = colour_key(match[1] or match[2]) if match else None
    return NAMED_COLOURS[key] if key else None


def _unrecognised_words(text: str) -> tuple[str, ...]:
    tables = (_PARTS, _LAYOUTS, _POSITIONS, _SIZES)
    known = (*_CUT_OUTS, *(pattern for each in tables for pattern in each.values()))
    spans = (match.span() for pattern in known for match in pattern.finditer(text))
    words = [
        word
        for word in blanked(text, spans).split()
        if word not in _STOP_WORDS
        and any(char.isalpha() for char in word)
        and not slips_of(word, _OBEYED, 2 if len(word) >= 8 else 1)
    ]
    return tuple(dict.fromkeys(words))


def _correct_typos(text: str) -> str:
    """Text with typos in the names of layouts corrected."""
    for word in _unrecognised_words(text):
        near = [known for known in slips_of(word, tuple(LAYOUT_WORDS))
                if min(len(known), len(word)) >= _TYPO_LETTERS_MIN]  # fmt: skip
        if len(near) == 1:
            text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", near[0], text)
    return text


def _suggestions(unknown: Sequence[str]) -> tuple[str, ...]:
    """Layouts similar to the unrecognised words, filled up with the most popular ones."""
    if not unknown:
        return ()
    russian = has_cyrillic(" ".join(unknown))
    words = [word for word in LAYOUT_WORDS if has_cyrillic(word) == russian]
    near = [LAYOUT_WORDS[found] for word in unknown
            for found in similar(word, words, 1, 0.72)]  # fmt: skip
    popular = _TABLE["popular_ru" if russian else "popular_en"]
    return tuple(dict.fromkeys([*near, *popular]))[:SUGGESTIONS_MAX]
