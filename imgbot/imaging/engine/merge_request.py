"""Merge requests: layout, order of the photos and background, parsed from a prompt.

Parsing never fails: unrecognised words are reported, and the photos become a collage.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from imgbot.imaging.engine.colours import NAMED_COLOURS, Colour, colour_key
from imgbot.imaging.engine.edit_request import normalize
from imgbot.imaging.engine.merge_vocabulary import (
    BACKGROUNDS,
    CUT_OUTS,
    CUTTING,
    GROUND_ONLY,
    IN_ONE,
    LAYOUT_WORDS,
    LAYOUTS,
    LIST,
    NAMED,
    NO_GAPS,
    NUMBERS,
    POPULAR,
    POSITIONS,
    REVERSED,
    SIDE_FIRST,
    SIDE_LAST,
    SIDES,
    SIZES,
    STOP_WORDS,
    UNSUPPORTED,
)
from imgbot.imaging.engine.typos import is_one_edit_apart, is_russian

SUGGESTIONS_MAX = 3
_TYPO_LETTERS_MIN = 5
_REFERENCE = re.compile(r"@(\d{1,2})")


@dataclass(frozen=True, slots=True)
class MergeRequest:
    """Parsed merge prompt; photos are numbered from 0.

    In a cut-out `subjects` are placed onto `ground`; both are chosen by the merge if not given.
    """

    layout: str
    order: tuple[int, ...]
    subjects: tuple[int, ...] = ()
    ground: int | None = None
    position: str = ""
    size: float = 1.0
    background: Colour | None = None
    has_gaps: bool = True
    unrecognised: tuple[str, ...] = ()
    suggestions: tuple[str, ...] = ()


def parse_merge_request(prompt: str, count: int) -> MergeRequest:
    """Parse the prompt of a merge of `count` photos."""
    said = _correct_typos(_with_references(normalize(prompt), count))
    beyond = tuple(match[0] for match in UNSUPPORTED.finditer(said))
    text = UNSUPPORTED.sub(" , ", said)
    subjects, ground, is_cut_out = _read_cut_out(text, count)
    layout = next((key for key, pattern in LAYOUTS if pattern.search(text)), "")
    order, side_layout = _read_order(text, count)
    if is_cut_out and not (layout in ("blend", "screen") and not subjects):
        layout = "cut_out"
    unrecognised = (*dict.fromkeys(beyond), *_unrecognised_words(text))
    return MergeRequest(
        layout=layout or side_layout or "collage",
        order=order,
        subjects=subjects,
        ground=ground,
        position=next((key for key, pattern in POSITIONS if pattern.search(text)), ""),
        size=next((factor for factor, pattern in SIZES if pattern.search(text)), 1.0),
        background=_read_background(text),
        has_gaps=not NO_GAPS.search(text),
        unrecognised=unrecognised,
        suggestions=_suggestions(unrecognised),
    )


def _with_references(text: str, count: int) -> str:
    """Text with every reference to a photo by number as `@1`, and "two into one" removed."""
    for number, pattern in NUMBERS:
        text = pattern.sub(f"@{count if number == 0 else number}", text)
    return IN_ONE.sub(" ", NAMED.sub(r"@\1", text))


def _numbers(text: str, count: int) -> tuple[int, ...]:
    """Existing photos that the text refers to."""
    named = [int(number) - 1 for number in _REFERENCE.findall(text)]
    return tuple(dict.fromkeys(index for index in named if 0 <= index < count))


def _read_cut_out(text: str, count: int) -> tuple[tuple[int, ...], int | None, bool]:
    """Subjects and ground of a cut-out, and True if a cut-out was requested."""
    for pattern in CUT_OUTS:
        if match := pattern.search(text):
            subjects, ground = _numbers(match["subjects"], count), _numbers(match["ground"], count)
            if subjects and ground and ground[0] not in subjects:
                return subjects, ground[0], True
    if (match := GROUND_ONLY.search(text)) and (ground := _numbers(match[0], count)):
        return tuple(index for index in range(count) if index != ground[0]), ground[0], True
    if match := CUTTING.search(text):
        subjects = _numbers(match[0], count)
        rest = [index for index in range(count) if index not in subjects]
        return (subjects, rest[0], True) if subjects and rest else ((), None, True)
    return (), None, False


def _read_order(text: str, count: int) -> tuple[tuple[int, ...], str]:
    """Photos in the requested order (the others follow), and the layout that it implies."""
    first: list[int] = []
    last: list[int] = []
    direction = ""
    for match in _sides(text):
        is_first, direction = SIDES[match["side"]]
        (first if is_first else last).extend(_numbers(match[0], count)[:1])
    if not direction:
        lists = [_numbers(match[0], count) for match in LIST.finditer(text)]
        named = max(lists, key=len, default=())
        first = list(named) if len(named) > 1 else []
    rest = [index for index in range(count) if index not in (*first, *last)]
    order = tuple(dict.fromkeys([*first, *rest, *last]))
    return (order[::-1] if REVERSED.search(text) else order), direction


def _sides(text: str) -> list[re.Match[str]]:
    """Matches of `@1 left` or of `left @1`, whichever form the sentence begins with."""
    first, last = list(SIDE_FIRST.finditer(text)), list(SIDE_LAST.finditer(text))
    if first and (not last or first[0].start() <= last[0].start()):
        return first
    return last


def _read_background(text: str) -> Colour | None:
    match = BACKGROUNDS.search(text)
    key = colour_key(match[1] or match[2]) if match else None
    return NAMED_COLOURS[key] if key else None


def _unrecognised_words(text: str) -> tuple[str, ...]:
    known = (
        *CUT_OUTS, GROUND_ONLY, CUTTING, SIDE_FIRST, SIDE_LAST, BACKGROUNDS, NO_GAPS, REVERSED,
        *(pattern for _, pattern in (*LAYOUTS, *POSITIONS, *SIZES)),
    )  # fmt: skip
    left = list(text)
    for pattern in known:
        for match in pattern.finditer(text):
            left[match.start() : match.end()] = " " * (match.end() - match.start())
    words = [
        word
        for word in "".join(left).split()
        if word not in STOP_WORDS and any(char.isalpha() for char in word)
    ]
    return tuple(dict.fromkeys(words))


def _correct_typos(text: str) -> str:
    """Text with typos in the names of layouts corrected."""
    for word in _unrecognised_words(text):
        near = [known for known in LAYOUT_WORDS if len(known) >= _TYPO_LETTERS_MIN
                and len(word) >= _TYPO_LETTERS_MIN and is_one_edit_apart(word, known)]  # fmt: skip
        if len(near) == 1:
            text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", near[0], text)
    return text


def _suggestions(unknown: Sequence[str]) -> tuple[str, ...]:
    """Layouts similar to the unrecognised words, filled up with the most popular ones."""
    if not unknown:
        return ()
    russian = is_russian(" ".join(unknown))
    words = [word for word in LAYOUT_WORDS if is_russian(word) == russian]
    near = [LAYOUT_WORDS[found] for word in unknown
            for found in get_close_matches(word, words, 1, 0.72)]  # fmt: skip
    return tuple(dict.fromkeys([*near, *POPULAR[russian]]))[:SUGGESTIONS_MAX]
