"""Telegram's HTML: text and entities, or the reason of a refusal.

Offsets of entities count UTF-16 code units, offsets in refusals count UTF-8 bytes.
"""

import re
from dataclasses import dataclass
from typing import Any

from imgbot.sandbox.api_errors import ApiError, bad_request

_SIMPLE_TAGS = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "tg-spoiler": "spoiler",
    "span": "spoiler",
    "code": "code",
    "pre": "pre",
    "blockquote": "blockquote",
}
_TAGS = _SIMPLE_TAGS.keys() | {"a", "tg-emoji"}
_NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
_REFERENCE = re.compile(
    r"&(?:#(?:x([0-9a-f]{1,6})|([0-9]{1,7}))|(lt|gt|amp|quot));?", re.IGNORECASE
)
_SPACE = re.compile(r"\s*")
_TOKEN = re.compile(r"[A-Za-z0-9.\-]*")


def utf16_length(text: str) -> int:
    """Return the length of `text` in UTF-16 code units, as Telegram counts."""
    return len(text) + sum(character > "\uffff" for character in text)


@dataclass(frozen=True, slots=True)
class _OpenTag:
    """Tag without its end yet."""

    tag: str
    attributes: dict[str, str]
    offset: int
    length_before: int


class HtmlParser:
    """Single-pass parser of one text."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._at = 0
        self._parts: list[str] = []
        self._offset = 0
        self._stack: list[_OpenTag] = []
        self._entities: list[dict[str, Any]] = []

    def parse(self) -> tuple[str, list[dict[str, Any]]]:
        while self._at < len(self._source):
            character = self._source[self._at]
            if character == "&":
                self._reference()
            elif character != "<":
                self._emit(character)
                self._at += 1
            elif self._source.startswith("</", self._at):
                self._end_tag()
            else:
                self._start_tag()
        if self._stack:
            raise unparsed(
                f'Can\'t find end tag corresponding to start tag "{self._stack[-1].tag}"'
            )
        self._entities.sort(key=lambda entity: (entity["offset"], -entity["length"]))
        return "".join(self._parts), self._entities

    def _emit(self, text: str) -> None:
        self._parts.append(text)
        self._offset += utf16_length(text)

    def _reference(self) -> None:
        character, self._at = _decoded(self._source, self._at)
        self._emit(character)

    def _start_tag(self) -> None:
        begin = self._at
        end = begin + 1
        while end < len(self._source) and not (
            self._source[end].isspace() or self._source[end] == ">"
        ):
            end += 1
        if end == len(self._source):
            raise self._fault("Unclosed start tag", begin)
        tag = self._source[begin + 1 : end].lower()
        if tag not in _TAGS:
            raise self._fault(f'Unsupported start tag "{tag}"', begin)
        self._at = end
        attributes = self._attributes(tag, begin)
        if tag == "span" and attributes.get("class") != "tg-spoiler":
            raise self._fault('Tag "span" must have class "tg-spoiler"', begin)
        self._stack.append(_OpenTag(tag, attributes, self._offset, len(self._parts)))

    def _attributes(self, tag: str, begin: int) -> dict[str, str]:
        found: dict[str, str] = {}
        while True:
            self._skip_space()
            if self._peek() == ">":
                self._at += 1
                return found
            name = self._attribute_name()
            if not name:
                raise self._fault(f'Empty attribute name in the tag "{tag}"', begin)
            self._skip_space()
            if self._peek() != "=":
                found[name] = ""
                continue
            self._at += 1
            self._skip_space()
            if not self._peek():
                raise self._fault(f'Unclosed start tag "{tag}"', begin)
            found[name] = self._attribute_value()
            if not self._peek():
                raise self._fault("Unclosed start tag", begin)

    def _attribute_name(self) -> str:
        start = self._at
        while self._peek() and not self._peek().isspace() and self._peek() not in "=>":
            self._at += 1
        return self._source[start : self._at].lower()

    def _attribute_value(self) -> str:
        quote = self._peek()
        if quote not in "'\"":
            start = self._at
            match = _TOKEN.match(self._source, start)
            self._at = match.end() if match else start
            if self._peek() and not self._peek().isspace() and self._peek() != ">":
                raise self._fault("Unexpected end of name token", start)
            return self._source[start : self._at].lower()
        self._at += 1
        value: list[str] = []
        while self._peek() and self._peek() != quote:
            character, self._at = _decoded(self._source, self._at)
            value.append(character)
        if self._peek() == quote:
            self._at += 1
        return "".join(value)

    def _end_tag(self) -> None:
        begin = self._at
        if not self._stack:
            raise self._fault("Unexpected end tag", begin)
        self._at += 2
        start = self._at
        while self._peek() and not self._peek().isspace() and self._peek() != ">":
            self._at += 1
        tag = self._source[start : self._at].lower()
        self._skip_space()
        if self._peek() != ">":
            raise self._fault("Unclosed end tag", begin)
        self._at += 1
        opened = self._stack.pop()
        if tag and tag != opened.tag:
            raise self._fault(
                f"Unmatched end tag at byte offset {self._bytes(begin)},"
                f' expected "</{opened.tag}>", found "</{tag}>"',
                None,
            )
        if self._offset > opened.offset:
            self._close(opened)

    def _close(self, opened: _OpenTag) -> None:
        length = self._offset - opened.offset
        entity: dict[str, Any] = {"offset": opened.offset, "length": length}
        if opened.tag == "a":
            inner = "".join(self._parts[opened.length_before :])
            entity |= link(opened.attributes.get("href") or inner)
        elif opened.tag == "tg-emoji":
            entity |= {
                "type": "custom_emoji",
                "custom_emoji_id": opened.attributes.get("emoji-id", ""),
            }
        else:
            entity["type"] = _SIMPLE_TAGS[opened.tag]
        self._refine(opened, entity)
        if entity.get("type"):
            self._entities.append(entity)

    def _refine(self, opened: _OpenTag, entity: dict[str, Any]) -> None:
        """Give a block its language, or its expandable form."""
        language = opened.attributes.get("class", "").removeprefix("language-")
        if opened.tag == "code" and language and language != opened.attributes.get("class"):
            entity["language"] = language
        elif opened.tag == "blockquote" and "expandable" in opened.attributes:
            entity["type"] = "expandable_blockquote"
        elif opened.tag == "pre" and self._entities:
            inner = self._entities[-1]
            if (inner["type"], inner["offset"], inner["length"]) == (
                "code",
                entity["offset"],
                entity["length"],
            ):
                self._entities.pop()
                if "language" in inner:
                    entity["language"] = inner["language"]

    def _peek(self) -> str:
        return self._source[self._at : self._at + 1]

    def _skip_space(self) -> None:
        match = _SPACE.match(self._source, self._at)
        self._at = match.end() if match else self._at

    def _bytes(self, at: int) -> int:
        return len(self._source[:at].encode())

    def _fault(self, reason: str, at: int | None) -> ApiError:
        return unparsed(reason if at is None else f"{reason} at byte offset {self._bytes(at)}")


def unparsed(reason: str) -> ApiError:
    """Return the refusal of malformed markup."""
    return bad_request(f"can't parse entities: {reason}")


def _decoded(source: str, at: int) -> tuple[str, int]:
    """Return one character of `source`, or the one that a reference at `at` stands for."""
    match = _REFERENCE.match(source, at) if source[at] == "&" else None
    if match is None:
        return source[at], at + 1
    hexadecimal, decimal, name = match.groups()
    if name:
        return _NAMED[name.lower()], match.end()
    code = int(hexadecimal, 16) if hexadecimal else int(decimal)
    if code == 0 or code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        return "&", at + 1
    return chr(code), match.end()


def link(target: str) -> dict[str, Any]:
    """Return the entity of a link; an invalid target leaves plain text."""
    user = re.fullmatch(r"tg://user\?id=([0-9]{1,15})", target.strip())
    if user:
        return {"type": "text_mention", "user_id": int(user[1])}
    if re.fullmatch(r"(?:https?|tg|ftp)://\S+", target, re.IGNORECASE):
        return {"type": "text_link", "url": target}
    if re.fullmatch(r"[\w-]+(?:\.[\w-]+)+(?:[/?#]\S*)?", target):
        return {"type": "text_link", "url": f"http://{target}{'' if '/' in target else '/'}"}
    return {}
