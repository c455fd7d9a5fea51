"""Request templates with slots like `{prompt}`, and paths into responses.

`{name}` alone in a string becomes the value itself, a number or a list; inside a longer string it
is interpolated. `{name:int}`, `:float` and `:str` convert, `{name|sizes}` looks the value up in the
map of that name, `{name?}` omits the whole entry if there is no value. A key with `{i}` stands for
the second and every further picture: `"input_image_{i}" = "{images}"`.

Paths are written `data.taskId`, `images[*].url`, `output[0]`.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from imgbot.domain.errors import ProviderError, ProviderErrorKind

_SLOT = re.compile(r"\{([a-z_]+)(?::(int|float|str))?(?:\|([a-z_]+))?(\?)?\}")
_NUMBERED = "{i}"
_CONVERT: Mapping[str, Callable[[Any], Any]] = {"int": int, "float": float, "str": str}

Values = Mapping[str, Any]
Maps = Mapping[str, Mapping[str, Any]]
Place = tuple[str | int, ...]


class _Omitted:
    """Marker of an omitted entry."""


_OMITTED: Final = _Omitted()


@dataclass(frozen=True, slots=True)
class Slot:
    """One parsed placeholder."""

    name: str
    type: str
    map: str
    is_optional: bool


def slots_in(template: object, place: Place = ()) -> Iterator[tuple[Place, Slot]]:
    """Yield every slot of a template with its place."""
    if isinstance(template, str):
        for found in _SLOT.finditer(template):
            yield place, _slot(found)
    elif isinstance(template, Mapping):
        for key, part in template.items():
            yield from slots_in(part, (*place, str(key)))
    elif isinstance(template, list | tuple):
        for index, part in enumerate(template):
            yield from slots_in(part, (*place, index))


def fill(template: object, values: Values, maps: Maps) -> Any:
    """Return the template with its slots filled; None if the top level is omitted.

    Raises ProviderError INVALID for a required slot without a value.
    """
    filled = _fill(template, values, maps)
    return None if isinstance(filled, _Omitted) else filled


def _fill(template: object, values: Values, maps: Maps) -> Any:
    if isinstance(template, str):
        return _fill_text(template, values, maps)
    if isinstance(template, Mapping):
        return dict(_entries(template, values, maps))
    if isinstance(template, list | tuple):
        parts = [_fill(part, values, maps) for part in template]
        return [part for part in parts if not isinstance(part, _Omitted)]
    return template


def _entries(template: Mapping[Any, Any], values: Values, maps: Maps) -> Iterator[tuple[str, Any]]:
    for key, part in template.items():
        if _NUMBERED in key:
            for number, image in enumerate(values.get("images") or (), 1):
                if number > 1:
                    yield key.replace(_NUMBERED, str(number)), image
            continue
        filled = _fill(part, values, maps)
        if not isinstance(filled, _Omitted):
            yield key, filled


def _fill_text(template: str, values: Values, maps: Maps) -> Any:
    if whole := _SLOT.fullmatch(template):
        return _value(_slot(whole), values, maps)
    parts: list[str] = []
    end = 0
    for found in _SLOT.finditer(template):
        value = _value(_slot(found), values, maps)
        if isinstance(value, _Omitted):
            return _OMITTED
        parts += [template[end : found.start()], str(value)]
        end = found.end()
    return "".join([*parts, template[end:]])


def _value(slot: Slot, values: Values, maps: Maps) -> Any:
    value = values.get(slot.name)
    if slot.map and value is not None and value != "":
        table = maps[slot.map]
        value = table.get(str(value), table.get("default"))
    is_empty = value is None or value == "" or (slot.is_optional and value in ([], ()))
    if is_empty and slot.is_optional:
        return _OMITTED
    if value is None:
        raise ProviderError(ProviderErrorKind.INVALID, f"the request has no {slot.name}")
    return _CONVERT[slot.type](value) if slot.type else value


def _slot(found: re.Match[str]) -> Slot:
    return Slot(found[1], found[2] or "", found[3] or "", bool(found[4]))


_PART = re.compile(r"([A-Za-z0-9_\-]+)|\[(\*|\d+)\]")
_PATH = re.compile(r"[A-Za-z0-9_\-]+(?:\.[A-Za-z0-9_\-]+|\[(?:\*|\d+)\])*")
_MAX_VALUES = 100


def is_path(text: str) -> bool:
    return bool(_PATH.fullmatch(text))


def parts_of(path: str) -> list[str | int]:
    """Return the steps of a path: names and indexes; `[*]` becomes the first index."""
    steps = _PART.findall(path)
    return [name or (0 if index == "*" else int(index)) for name, index in steps]


def pick(content: Any, path: str) -> list[Any]:
    """Return all values at the path, at most 100; nulls are skipped."""
    found = [content]
    for name, index in _PART.findall(path):
        found = [value for part in found for value in _below(part, name, index)][:_MAX_VALUES]
    return [value for value in found if value is not None]


def first(content: Any, paths: Iterable[str]) -> Any:
    """Return the first value at any of the paths, None if there is none."""
    return next((value for path in paths for value in pick(content, path)), None)


def first_text(content: Any, paths: Iterable[str]) -> str:
    """Return the first string or number at the paths, as a string; empty if there is none."""
    for path in paths:
        for value in pick(content, path):
            if isinstance(value, str | int | float) and not isinstance(value, bool) and value != "":
                return str(value)
    return ""


def decoded(value: Any) -> Any:
    """Decode JSON embedded in a JSON string; None if it is not JSON."""
    if not isinstance(value, str):
        return None
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


def _below(part: Any, name: str, index: str) -> Iterator[Any]:
    if name:
        if isinstance(part, dict):
            yield part.get(name)
    elif isinstance(part, list):
        if index == "*":
            yield from part
        elif int(index) < len(part):
            yield part[int(index)]
