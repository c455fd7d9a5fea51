"""Edit requests: changes with order and strength, parsed from a prompt.

The phrases of edit.toml are searched in the whole prompt, longest first, and applied in the order
of the text. A degree belongs to the next change before the next comma, otherwise to the previous
change. A word with one typo counts as the word that was meant.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import prod
from typing import NamedTuple

from imgbot.domain.moving import UNMOVED, Move
from imgbot.domain.phrases import blanked, normalize
from imgbot.painter.engine import photo_styles
from imgbot.painter.engine.backdrop import names_scene
from imgbot.painter.engine.colours import colour_key
from imgbot.painter.engine.tables import phrase_lists, table
from imgbot.painter.engine.vocabulary import MUCH, NORMAL_PERCENT, SLIGHT, STOP_WORDS, correct_typo

_TABLE, _LISTS = table("edit"), phrase_lists("edit")
# By the change that a word would ask for: requests that make the word a mere description.
_REMEDIES = {key: frozenset(keys.split()) for key, keys in _TABLE["remedies"].items()}
_ALONE, _OPPOSITES = _TABLE["alone"], _TABLE["opposites"]


def _at_end(name: str, following: str = "") -> re.Pattern[str]:
    """Pattern of a phrase of a list, and any number of another's, at the end of a text."""
    repeated = f"(?: (?:{_LISTS.named(following)}))*" if following else ""
    return re.compile(rf"(?<!\w)(?:{_LISTS.named(name)}){repeated} $")


_NEGATION, _LESSENED = _at_end("negation", "negated"), _at_end("lessened")
_MADE_BEFORE = _at_end("made", "made_thing")
_PHOTO_IS, _PART_IS = _at_end("photo_or_it", "so"), _at_end("part", "so")
_MADE_AFTER = re.compile(f" {_LISTS['made_after'].pattern}")
_OF_PHOTO = re.compile(f" {_LISTS['photo'].pattern}")
_DEGREES = ((SLIGHT, _LISTS["slightly_degree"]), (MUCH, _LISTS["much_degree"]))
_BEFORE = _LISTS["before"]
_PERCENT = re.compile(
    rf"(?<!\w)(?:by |на )?(minus )?(\d{{1,3}}) ?(?:{_LISTS.named('percent')})(?!\w)"
)
# "Remove dust and scratches": the verb applies to both.
_BOTH = re.compile(
    rf"(?<!\w)(?P<verb>{_LISTS.named('take_away')}|почист\w+) (?P<one>{_LISTS.named('blemish')}) "
    rf"(?P<and>and|и) (?=(?:{_LISTS.named('blemish')})(?!\w))"
)


def names_crop(prompt: str) -> bool:
    """Return true if a prompt asks to crop in so many words."""
    return _LISTS["crop"].search(normalize(prompt)) is not None


def _before(text: str, place: int) -> str:
    """Context in which a negation, a subject or so is searched."""
    return text[max(0, place - 80) : place]


def diagnose(text: str, start: int, end: int, key: str, others: Collection[str]) -> str:
    """Key of the change that the words from `start` to `end` ask for; "" for none.

    `key` is the change they would ask for alone, `others` are the other changes in the sentence.
    """
    words = text[start:end]
    if _LISTS["excess"].fullmatch(words):
        return "" if key in others else key
    is_scene = bool(_LISTS["scene"].fullmatch(words))
    is_defect = is_scene or _LISTS["defect"].fullmatch(words) is not None
    if not is_defect or key not in _REMEDIES:
        return key
    is_remedied = not _REMEDIES[key].isdisjoint(others)
    if not _is_of_photo(text, start, end):
        return "" if is_remedied and _describes_photo(_PART_IS, text, start, end) else key
    reasons = _is_made(text, start, end) + is_scene
    if is_remedied:
        return key if reasons > 1 else ""
    return key if reasons else _ALONE.get(key, key)


def _is_made(text: str, start: int, end: int) -> bool:
    return bool(_MADE_BEFORE.search(_before(text, start)) or _MADE_AFTER.match(text[end:]))


def _is_of_photo(text: str, start: int, end: int) -> bool:
    is_attribute = _OF_PHOTO.match(text[end:]) or _LISTS["old_shot"].fullmatch(text[start:end])
    return bool(is_attribute) or _describes_photo(_PHOTO_IS, text, start, end)


def _describes_photo(subject_pattern: re.Pattern[str], text: str, start: int, end: int) -> bool:
    """True if the words describe the photo (or part) rather than the wanted result."""
    before = _before(text, start)
    subject = subject_pattern.search(before)
    if subject is None or _MADE_AFTER.match(text[end:]):
        return False
    return not _MADE_BEFORE.search(before[: subject.start()])


class _Phrase(NamedTuple):
    """Change with the pattern that asks for it; `{}` in its value is what is said there."""

    key: str
    value: str
    pattern: re.Pattern[str]


# Recognised but unsupported: reported as unrecognised instead of being applied in part.
_NOT_DONE = "not_done"
_PHRASES = tuple(
    _Phrase(name.partition("|")[0], name.partition("|")[2], _LISTS.compiled(phrase))
    for name, phrase in _TABLE["changes"].items()
) + tuple(
    _Phrase("photo_style", style, re.compile(rf"(?<!\w)(?:{pattern})(?!\w)"))
    for style, pattern in photo_styles.patterns()
)
KEYS = tuple(dict.fromkeys(phrase.key for phrase in _PHRASES if phrase.key != _NOT_DONE))
# Changes whose value is the key of a colour.
_COLOURED = frozenset(_TABLE["coloured"].split())


@dataclass(frozen=True, slots=True)
class EditStep:
    """One change: key, degree (1 is normal), value if it has one, percent if given."""

    key: str
    degree: float = 1.0
    value: str = ""
    percent: int = 0
    thing: str = ""
    """Words for the part of the picture that is to change."""
    move: Move = UNMOVED


class _FoundPhrase(NamedTuple):
    """Words that ask for a change, or tell its degree."""

    start: int
    end: int
    key: str = ""
    value: str = ""
    thing: str = ""
    factor: float = 1.0
    percent: int = 0


def parse_edit_request(words: str) -> tuple[tuple[EditStep, ...], tuple[str, ...]]:
    """Requested changes in order, and the unrecognised words."""
    text = _BOTH.sub(r"\g<verb> \g<one> \g<and> \g<verb> ", normalize(words))
    steps, unrecognised = _parse(text)
    corrected = _correct_typos(text, unrecognised)
    return _parse(corrected) if corrected != text else (steps, unrecognised)


def _parse(text: str) -> tuple[tuple[EditStep, ...], tuple[str, ...]]:
    understood = _find_changes(text)
    found = _without_descriptions(text, [item for item in understood if item.key != _NOT_DONE])
    degrees = _find_degrees(text, understood)
    left = blanked(text, ((span.start, span.end) for span in (*understood, *degrees)))
    owners = [_owner_index(text, degree.start, found) for degree in degrees]
    owned = list(zip(owners, degrees, strict=True))
    steps = tuple(
        _step(item, [degree for owner, degree in owned if owner == index])
        for index, item in enumerate(found)
        if item.key and not _is_repeated(index, found, left)
    )
    not_done = (text[item.start : item.end] for item in understood if item.key == _NOT_DONE)
    return steps, tuple(dict.fromkeys([*not_done, *_words_left(left)]))


def _words_left(text: str) -> list[str]:
    words = (word for word in text.split() if word not in STOP_WORDS)
    return [word for word in words if any(map(str.isalpha, word))]


def place_named(prompt: str) -> str:
    """Place in front of which somebody is to stand; empty if the prompt tells none."""
    found = _BEFORE.search(normalize(prompt))
    return next(filter(None, found.groups()), "") if found else ""


def _find_changes(text: str) -> list[_FoundPhrase]:
    plain = [
        _FoundPhrase(*match.span(), phrase.key, value, match.groupdict().get("thing") or "")
        for phrase in _PHRASES
        for match in phrase.pattern.finditer(text)
        if (value := _value(phrase, match)) is not None
    ]
    candidates = [*plain, *(less for item in plain if (less := _inverted(text, item)))]
    wanted = [item for item in candidates if not _NEGATION.search(_before(text, item.start))]
    # More than a prompt can contain; bounds the work.
    return sorted(_longest(wanted)[:200])


def _longest(
    candidates: Sequence[_FoundPhrase], taken: Sequence[_FoundPhrase] = ()
) -> list[_FoundPhrase]:
    """Candidates that overlap neither what is taken nor a longer one."""
    chosen: list[_FoundPhrase] = []
    for item in sorted(candidates, key=lambda item: (item.start - item.end, item.start)):
        if all(item.end <= other.start or item.start >= other.end for other in (*taken, *chosen)):
            chosen.append(item)
    return chosen


def _without_descriptions(text: str, found: list[_FoundPhrase]) -> list[_FoundPhrase]:
    """Changes that are asked for; descriptions lose their key."""
    keys = [item.key for item in found]
    for at, item in enumerate(found):
        others = keys[:at] + keys[at + 1 :]
        keys[at] = diagnose(text, item.start, item.end, item.key, others)
    return [item._replace(key=key) for item, key in zip(found, keys, strict=True)]


def _inverted(text: str, item: _FoundPhrase) -> _FoundPhrase | None:
    """The opposite change if a word for "less" precedes ("less warm")."""
    before = _before(text, item.start)
    less = _LESSENED.search(before) if item.key in _OPPOSITES else None
    if less is None:
        return None
    return item._replace(start=item.start - len(less[0]), key=_OPPOSITES[item.key])


def _value(phrase: _Phrase, match: re.Match[str]) -> str | None:
    """Value of the change; None if the words are no valid value."""
    named = match.groupdict()
    value = named.get("value") or next(filter(None, match.groups()), "")
    if "thing" in named and not _is_thing(named["thing"] or ""):
        return None
    if phrase.key in _COLOURED:
        return colour_key(value)
    if phrase.key == "scenery":
        return value if names_scene(value) else None
    return phrase.value.replace("{}", value)


def _is_thing(words: str) -> bool:
    """True if the words may name a part of the picture, and ask for no other change."""
    parts = words.split()
    others = [phrase.pattern for phrase in _PHRASES if "thing" not in phrase.pattern.groupindex]
    others += [_LISTS["no_thing"], *(pattern for _, pattern in _DEGREES)]
    return (
        0 < len(parts) <= 3
        and STOP_WORDS.isdisjoint(parts)
        and colour_key(parts[-1]) is None
        and not any(pattern.search(words) for pattern in others)
    )


def _find_degrees(text: str, found: Sequence[_FoundPhrase]) -> list[_FoundPhrase]:
    candidates = [
        _FoundPhrase(*match.span(), factor=factor)
        for factor, pattern in _DEGREES
        for match in pattern.finditer(text)
    ]
    for match in _PERCENT.finditer(text):
        percent = int(match[2])
        factor = min(3.0, max(0.1, percent / NORMAL_PERCENT)) * (-1 if match[1] else 1)
        candidates.append(_FoundPhrase(*match.span(), factor=factor, percent=percent))
    return _longest(candidates, found)


def _owner_index(text: str, place: int, found: Sequence[_FoundPhrase]) -> int:
    """Index of the change that a degree belongs to: the next up to the comma, else the previous."""
    fence = place + len(text[place:].partition(",")[0])
    following = [index for index, item in enumerate(found) if place < item.start < fence]
    before = [index for index, item in enumerate(found) if item.start < place]
    return (following or before[-1:] or [0])[0]


def _step(item: _FoundPhrase, degrees: Sequence[_FoundPhrase]) -> EditStep:
    # "A little bit" is one degree in two words.
    factor = prod({degree.factor for degree in degrees})
    percent = max((degree.percent for degree in degrees), default=0)
    # "Brightness −20" asks for the opposite change.
    key = _OPPOSITES.get(item.key, item.key) if factor < 0 else item.key
    return EditStep(key, abs(factor), item.value, percent, item.thing)


def _is_repeated(index: int, found: Sequence[_FoundPhrase], left: str) -> bool:
    """True if the phrase repeats the one right before it ("grain, film-like")."""
    before, item = found[index - 1], found[index]
    return index > 0 and before[2:5] == item[2:5] and not left[before.end : item.start].strip()


def _correct_typos(text: str, unrecognised: Sequence[str]) -> str:
    for word in unrecognised:
        # A known word that was left over was negated ("without a frame").
        is_known = any(phrase.pattern.fullmatch(word) for phrase in _PHRASES)
        if not is_known and (corrected := correct_typo(word)):
            text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", corrected, text)
    return text
