"""Telegram's Markdown, both versions: text and entities, or the reason of a refusal.

Not simulated: expandable block quotes.
"""

import re
from dataclasses import dataclass
from typing import Any

from imgbot.sandbox.markup import link, unparsed, utf16_length

_KINDS = {
    "```": ("Pre", "pre"),
    "||": ("Spoiler", "spoiler"),
    "__": ("Underline", "underline"),
    "![": ("CustomEmoji", "custom_emoji"),
    "[": ("TextUrl", "text_link"),
    "_": ("Italic", "italic"),
    "*": ("Bold", "bold"),
    "~": ("Strikethrough", "strikethrough"),
    "`": ("Code", "code"),
}
"""Marks, longest first, with their name in refusals and their entity."""

_RESERVED = frozenset("_*[]()~`>#+-=|{}.!")
_LINKS = frozenset({"[", "!["})
_CODES = frozenset({"`", "```"})
_LANGUAGE = re.compile(r"[^\s`]+(?=\s)")
_LINE_END = re.compile(r"\r\n|\n\r|\r|\n")
_EMOJI = re.compile(r"tg://emoji/?\?id=([1-9][0-9]*)", re.IGNORECASE)
_ESCAPED = re.compile(r"\\([\x01-\x7e])")
_URL = re.compile(r"\(((?:\\.|[^)\\])*)\)", re.DOTALL)
_OLD_ESCAPED = re.compile(r"\\([_*`\[])")
_OLD = re.compile(r"```(.*?)```|`(.*?)`|\*(.*?)\*|_(.*?)_|\[(.*?)\](?:\(([^)]*)\)?)?", re.DOTALL)
_OLD_TYPES = ("pre", "code", "bold", "italic", "text_link")


@dataclass(frozen=True, slots=True)
class _OpenMark:
    """Mark without its end yet."""

    mark: str
    at: int
    offset: int
    language: str = ""


class _EntityParser:
    """Shared part of both versions: the text so far, and its entities."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._at = 0
        self._text = ""
        self._entities: list[dict[str, Any]] = []

    @property
    def _offset(self) -> int:
        return utf16_length(self._text)

    def _result(self) -> tuple[str, list[dict[str, Any]]]:
        self._entities.sort(key=lambda entity: (entity["offset"], -entity["length"]))
        return self._text, self._entities

    def _add(self, offset: int, entity: dict[str, Any]) -> None:
        if entity and self._offset > offset:
            self._entities.append({"offset": offset, "length": self._offset - offset} | entity)

    def _bytes(self, at: int) -> int:
        return len(self._source[:at].encode())

    def _take_language(self) -> str:
        """Skip the language of a code block, and the end of its line."""
        found = _LANGUAGE.match(self._source, self._at)
        self._at = found.end() if found else self._at
        line_end = _LINE_END.match(self._source, self._at)
        self._at = line_end.end() if line_end else self._at
        return found[0] if found else ""


class MarkdownV2Parser(_EntityParser):
    """MarkdownV2: entities nest, and every reserved character is a mark or escaped."""

    def __init__(self, source: str) -> None:
        super().__init__(source)
        self._stack: list[_OpenMark] = []
        self._quote: int | None = None

    def parse(self) -> tuple[str, list[dict[str, Any]]]:
        while self._at < len(self._source):
            if escaped := _ESCAPED.match(self._source, self._at):
                self._text += escaped[1]
                self._at = escaped.end()
            elif self._stack and self._is_end(self._stack[-1].mark):
                self._close(self._stack.pop())
            else:
                self._step(self._source[self._at])
        if self._stack:
            opened = self._stack[-1]
            name = "PreCode" if opened.language else _KINDS[opened.mark][0]
            at = self._bytes(opened.at)
            raise unparsed(f"Can't find end of {name} entity at byte offset {at}")
        self._end_quote()
        return self._result()

    def _is_end(self, mark: str) -> bool:
        end = "]" if mark in _LINKS else mark
        is_longer = mark == "_" and self._source.startswith("__", self._at)
        return self._source.startswith(end, self._at) and not is_longer

    def _step(self, character: str) -> None:
        is_code = bool(self._stack) and self._stack[-1].mark in _CODES
        mark = next((mark for mark in _KINDS if self._source.startswith(mark, self._at)), "")
        if character == ">" and not is_code and self._is_at_line_start():
            self._quote = self._offset if self._quote is None else self._quote
            self._at += 1
        elif mark and not (is_code and mark not in _CODES):
            self._open(mark)
        elif character in _RESERVED and not is_code:
            raise unparsed(
                f"Character '{character}' is reserved and must be escaped with the preceding '\\'"
            )
        else:
            self._text += character
            self._at += 1
            if character == "\n" and not is_code and self._source[self._at : self._at + 1] != ">":
                self._end_quote()

    def _is_at_line_start(self) -> bool:
        return self._at == 0 or self._source[self._at - 1] == "\n"

    def _open(self, mark: str) -> None:
        at, self._at = self._at, self._at + len(mark)
        language = self._take_language() if mark == "```" else ""
        self._stack.append(_OpenMark(mark, at, self._offset, language))

    def _close(self, opened: _OpenMark) -> None:
        inner = self._text.encode("utf-16-le")[opened.offset * 2 :].decode("utf-16-le")
        self._at += 1 if opened.mark in _LINKS else len(opened.mark)
        entity: dict[str, Any] = {"type": _KINDS[opened.mark][1]}
        if opened.mark in _LINKS:
            target = self._target(inner)
            entity = link(target) if opened.mark == "[" else _emoji(target)
        elif opened.language:
            entity["language"] = opened.language
        self._add(opened.offset, entity)

    def _target(self, inner: str) -> str:
        if not self._source.startswith("(", self._at):
            return inner
        found = _URL.match(self._source, self._at)
        if found is None:
            raise unparsed(f"Can't find end of a URL at byte offset {self._bytes(self._at + 1)}")
        self._at = found.end()
        return _ESCAPED.sub(r"\1", found[1])

    def _end_quote(self) -> None:
        if self._quote is not None:
            self._add(self._quote, {"type": "blockquote"})
        self._quote = None


class MarkdownParser(_EntityParser):
    """Legacy Markdown: nothing nests, and nothing is escaped within an entity."""

    def parse(self) -> tuple[str, list[dict[str, Any]]]:
        while self._at < len(self._source):
            if escaped := _OLD_ESCAPED.match(self._source, self._at):
                self._text += escaped[1]
                self._at = escaped.end()
            elif self._source[self._at] not in "_*`[":
                self._text += self._source[self._at]
                self._at += 1
            else:
                self._take_entity()
        return self._result()

    def _take_entity(self) -> None:
        found = _OLD.match(self._source, self._at)
        if found is None:
            at = self._bytes(self._at)
            raise unparsed(f"Can't find end of the entity starting at byte offset {at}")
        number = next(n for n in range(1, 6) if found[n] is not None)
        entity: dict[str, Any] = {"type": _OLD_TYPES[number - 1]}
        begin = found.start(number)
        if number == 1:
            self._at = begin
            entity |= {"language": language} if (language := self._take_language()) else {}
            begin = min(self._at, found.end(number))
        elif number == 5:
            entity = link(found[5] if found[6] is None else found[6])
        offset = self._offset
        self._text += self._source[begin : found.end(number)]
        self._at = found.end()
        self._add(offset, entity)


def _emoji(target: str) -> dict[str, Any]:
    found = _EMOJI.fullmatch(target)
    if found is None:
        raise unparsed("Custom emoji entity must contain a tg://emoji URL")
    return {"type": "custom_emoji", "custom_emoji_id": found[1]}
