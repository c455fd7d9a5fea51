"""Texts with their entities: those that a call gives, and those that Telegram detects by itself.

Offsets and lengths count UTF-16 code units.
"""

import re
from collections.abc import Iterable
from typing import Any

TEXT_LIMIT = 4096
CAPTION_LIMIT = 1024

_MAX_ENTITIES = 100
_OPAQUE = frozenset({"code", "pre", "text_link", "text_mention", "custom_emoji"})
_PATTERNS = {
    "url": re.compile(r"https?://[^\s<>\"]*[^\s<>\".,;:!?)\]']", re.IGNORECASE),
    "bot_command": re.compile(r"(?<![\w/<>])/[A-Za-z0-9_]{1,64}(?:@[A-Za-z0-9_]{3,32})?(?![\w/])"),
    "mention": re.compile(r"(?<![\w/@.])@[A-Za-z][A-Za-z0-9_]{2,31}(?!\w)"),
    "hashtag": re.compile(r"(?<![\w&#])#(?=\w*[^\W\d_])\w{1,255}"),
}

Entity = dict[str, Any]


def utf16_length(text: str) -> int:
    """Return the length of `text` in UTF-16 code units, as Telegram counts."""
    return len(text) + sum(character > "\uffff" for character in text)


def text_part(text: str, given: Iterable[Entity] = ()) -> dict[str, Any]:
    """Return a text, without the space around it, as a part of a message; empty without words."""
    text, entities = _trimmed(text, given)
    found = _with_found(text, entities)
    return ({"text": text} if text else {}) | ({"entities": found} if found else {})


def caption_part(text: str, given: Iterable[Entity] = ()) -> dict[str, Any]:
    """Return a caption, as `text_part` does a text."""
    names = {"text": "caption", "entities": "caption_entities"}
    return {names[name]: value for name, value in text_part(text, given).items()}


def _trimmed(text: str, entities: Iterable[Entity]) -> tuple[str, list[Entity]]:
    """Return the text without surrounding space; entities moved and cut to fit."""
    without_tail = text.rstrip()
    stripped = without_tail.lstrip()
    shift = utf16_length(without_tail) - utf16_length(stripped)
    end = utf16_length(stripped)
    kept: list[Entity] = []
    for entity in entities:
        start = max(0, entity["offset"] - shift)
        stop = min(end, entity["offset"] + entity["length"] - shift)
        if stop > start:
            kept.append(entity | {"offset": start, "length": stop - start})
    return stripped, kept


def _with_found(text: str, entities: list[Entity]) -> list[Entity]:
    """Return `entities` and those that Telegram detects in the text."""
    taken = [
        (entity["offset"], entity["offset"] + entity["length"])
        for entity in entities
        if entity["type"] in _OPAQUE
    ]
    found = list(entities)
    for kind, pattern in _PATTERNS.items():
        for match in pattern.finditer(text):
            offset = utf16_length(text[: match.start()])
            end = offset + utf16_length(match[0])
            if all(end <= start or offset >= stop for start, stop in taken):
                taken.append((offset, end))
                found.append({"offset": offset, "length": end - offset, "type": kind})
    found.sort(key=lambda entity: (entity["offset"], -entity["length"]))
    return found[:_MAX_ENTITIES]


def covered(text: str, entity: Entity) -> str:
    """Return the part of `text` that the entity covers."""
    units = text.encode("utf-16-le")
    start = entity["offset"] * 2
    return units[start : start + entity["length"] * 2].decode("utf-16-le", "replace")


def split_text(text: str) -> list[dict[str, Any]]:
    """Split a text into the messages that a client makes of it."""
    parts: list[dict[str, Any]] = []
    rest = text.strip()
    while rest:
        piece = _first_piece(rest)
        rest = rest[len(piece) :].lstrip()
        parts.append(text_part(piece))
    return parts


def _first_piece(text: str) -> str:
    """Return as much of the text as one message holds, cut between words if possible."""
    if utf16_length(text) <= TEXT_LIMIT:
        return text
    piece = text[:TEXT_LIMIT]
    while utf16_length(piece) > TEXT_LIMIT:
        piece = piece[:-1]
    spaces = [match.start() for match in re.finditer(r"\s", piece)]
    return piece[: spaces[-1]] if spaces and spaces[-1] > TEXT_LIMIT // 2 else piece
