"""TOML spec file of a provider: reading, and validation errors with line numbers."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from imgbot.config.settings import PRESETS
from imgbot.domain.errors import ConfigError

SETTING = "IMGBOT_PROVIDER"
_LIMIT_BYTES = 256 << 10
_HEADER = re.compile(r"\s*(\[{1,2})\s*([^\]]+?)\s*\]{1,2}\s*(?:#.*)?$")
_KEY = re.compile(r"""\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*[A-Za-z0-9_-]+)*)\s*=""")
_PART = re.compile(r"""[A-Za-z0-9_-]+|"[^"]*"|'[^']*'""")
_LINE = re.compile(r"\(at line (\d+), column \d+\)")

M = TypeVar("M", bound=BaseModel)
Place = tuple[str | int, ...]


class LocatedTable(BaseModel):
    """Table of a spec file: unknown keys are refused, and it is immutable."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, strict=True)


@dataclass(frozen=True, slots=True)
class SpecDocument:
    """Text of a spec file and its parsed content."""

    name: str
    text: str
    content: dict[str, Any]

    @property
    def adapter(self) -> str:
        """Adapter that reads the file; empty for declarative providers."""
        return str(self.content.get("adapter", ""))

    def error(self, place: Place, sentence: str) -> ConfigError:
        """Return an error about one place, with its line."""
        where = ".".join(str(part) for part in place) or "the file"
        return ConfigError(SETTING, f"{self.name}, line {self.line_of(place)}: {where}: {sentence}")

    def line_of(self, place: Place) -> int:
        """Return the line of the nearest key at or above `place`, from 1."""
        best, line = 0, 1
        for number, found in _keys(self.text):
            depth = _shared(found, place)
            if depth == len(found) and depth > best:
                best, line = depth, number
        return line


def read_file(path: Path) -> SpecDocument:
    """Read an operator's own file. Raises ConfigError."""
    try:
        with path.open("rb") as file:
            content = file.read(_LIMIT_BYTES + 1)
        text = content.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(SETTING, f"{path} cannot be read: {error}") from error
    if len(content) > _LIMIT_BYTES:
        raise ConfigError(SETTING, f"{path} is too large (limit 256 KiB)")
    return parse(str(path), text)


def read_preset(name: str) -> SpecDocument:
    """Read a preset of the package."""
    return parse(f"{name}.toml", (PRESETS / f"{name}.toml").read_text(encoding="utf-8"))


def parse(name: str, text: str) -> SpecDocument:
    try:
        return SpecDocument(name, text, tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        found = _LINE.search(str(error))
        where = f", line {found[1]}" if found else ""
        reason = _LINE.sub("", str(error)).strip()
        raise ConfigError(SETTING, f"{name}{where}: not TOML: {reason}") from None


def validate(document: SpecDocument, model: type[M]) -> M:
    """Return the file as `model`. Raises ConfigError with the line of the first mistake."""
    try:
        # JSON mode: TOML has arrays and strings where the model has tuples and enumerations.
        return model.model_validate(document.content, strict=False)
    except ValidationError as refusal:
        first = refusal.errors(include_input=False, include_url=False)[0]
        sentence = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            sentence = "unknown key"
        raise document.error(first["loc"], sentence) from None


def _keys(text: str) -> Iterator[tuple[int, Place]]:
    """Yield every header and key with its line; for messages only, tomllib does the parsing."""
    table: Place = ()
    counts: dict[Place, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            table = _names(header[2])
            if header[1] == "[[":
                counts[table] = counts.get(table, -1) + 1
            table = _counted(table, counts)
            yield number, table
        elif key := _KEY.match(line):
            yield number, (*table, *_names(key[1]))


def _names(text: str) -> Place:
    return tuple(part.strip("\"'") for part in _PART.findall(text))


def _counted(table: Place, counts: dict[Place, int]) -> Place:
    """Insert the indexes of arrays of tables into a name."""
    found: Place = ()
    for end in range(1, len(table) + 1):
        found = (*found, table[end - 1])
        if table[:end] in counts:
            found = (*found, counts[table[:end]])
    return found


def _shared(one: Place, other: Place) -> int:
    count = 0
    for mine, theirs in zip(one, other, strict=False):
        if mine != theirs:
            break
        count += 1
    return count
