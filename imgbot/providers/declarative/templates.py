"""Request templates with slots like `{prompt}`, and paths into responses.

`{name}` alone in a string becomes the value itself, a number or a list; inside a longer string it
is interpolated. `{name:str}` converts, `{name|sizes}` looks the value up in the map of that name,
`{name?}` omits the whole entry if there is no value. A key with `{i}` stands for the second and
every further picture: `"input_image_{i}" = "{images}"`.

Paths are written `data.taskId`, `images[*].url`, `output[0]`.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from imgbot.domain.errors import ProviderError, ProviderErrorKind
from imgbot.providers.protocol import MAX_STORED_CHARACTERS
from imgbot.providers.spec_file import Place

SLOT = re.compile(r"\{(?P<name>[a-z_]+)(?P<text>:str)?(?:\|(?P<map>[a-z_]+))?(?P<optional>\?)?\}")
NUMBERED = "{i}"

Values = Mapping[str, Any]
Maps = Mapping[str, Mapping[str, Any]]

_OMITTED = object()


def slots_in(template: object, place: Place = ()) -> Iterator[tuple[Place, re.Match[str]]]:
    """Yield every slot of a template with its place."""
    if isinstance(template, str):
        yield from ((place, found) for found in SLOT.finditer(template))
    elif isinstance(template, Mapping):
        for key, part in template.items():
            yield from slots_in(part, (*place, str(key)))
    elif isinstance(template, list | tuple):
        for index, part in enumerate(template):
            yield from slots_in(part, (*place, index))


def names_in(template: object) -> set[str]:
    """Return the names of a template's slots."""
    return {slot["name"] for _, slot in slots_in(template)}


def fill(template: object, values: Values, maps: Maps) -> Any:
    """Return the template with its slots filled; None if the top level is omitted.

    Raises ProviderError INVALID for a required slot without a value.
    """
    filled = _fill(template, values, maps)
    return None if filled is _OMITTED else filled


def _fill(template: object, values: Values, maps: Maps) -> Any:
    if isinstance(template, str):
        return _fill_text(template, values, maps)
    if isinstance(template, Mapping):
        return dict(_entries(template, values, maps))
    if isinstance(template, list | tuple):
        parts = (_fill(part, values, maps) for part in template)
        return [part for part in parts if part is not _OMITTED]
    return template


def _entries(template: Mapping[Any, Any], values: Values, maps: Maps) -> Iterator[tuple[str, Any]]:
    for key, part in template.items():
        if NUMBERED in key:
            further = (values.get("images") or ())[1:]
            for number, image in enumerate(further, 2):
                yield key.replace(NUMBERED, str(number)), image
        elif (filled := _fill(part, values, maps)) is not _OMITTED:
            yield key, filled


def _fill_text(template: str, values: Values, maps: Maps) -> Any:
    if whole := SLOT.fullmatch(template):
        return _value(whole, values, maps)
    found = {slot[0]: _value(slot, values, maps) for slot in SLOT.finditer(template)}
    if _OMITTED in found.values():
        return _OMITTED
    return SLOT.sub(lambda slot: str(found[slot[0]]), template)


def _value(slot: re.Match[str], values: Values, maps: Maps) -> Any:
    value = values.get(slot["name"])
    if slot["map"] and value not in (None, ""):
        table = maps[slot["map"]]
        value = table.get(str(value), table.get("default"))
    if slot["optional"] and value in (None, "", [], ()):
        return _OMITTED
    if value is None:
        raise ProviderError(ProviderErrorKind.INVALID, f"the request has no {slot['name']}")
    return str(value) if slot["text"] else value


_PART = re.compile(r"([A-Za-z0-9_\-]+)|\[(\*|\d+)\]")
_PATH = re.compile(r"[A-Za-z0-9_\-]+(?:\.[A-Za-z0-9_\-]+|\[(?:\*|\d+)\])*")


def is_path(text: str) -> bool:
    return bool(_PATH.fullmatch(text))


def pick(content: Any, path: str) -> list[Any]:
    """Return all values at the path, at most 100; nulls are skipped."""
    found = [content]
    for name, index in _PART.findall(path):
        found = [value for part in found for value in _below(part, name, index)][:100]
    return [value for value in found if value is not None]


def first(content: Any, paths: Iterable[str]) -> Any:
    """Return the first value at any of the paths, None if there is none."""
    return next((value for path in paths for value in pick(content, path)), None)


def texts_at(content: Any, paths: Iterable[str]) -> Iterator[str]:
    """Yield the strings and numbers at the paths, as strings; none is empty."""
    for path in paths:
        for value in pick(content, path):
            if isinstance(value, str | int | float) and not isinstance(value, bool) and value != "":
                yield str(value)


def first_text(content: Any, paths: Iterable[str]) -> str:
    """Return the first string or number that may be stored; empty if there is none."""
    found = texts_at(content, paths)
    return next((text for text in found if len(text) <= MAX_STORED_CHARACTERS), "")


def decoded(value: Any) -> Any:
    """Decode JSON embedded in a JSON string; None if it is not JSON."""
    try:
        return json.loads(value) if isinstance(value, str) else None
    except (ValueError, RecursionError):
        return None


def _below(part: Any, name: str, index: str) -> list[Any]:
    if name:
        return [part.get(name)] if isinstance(part, dict) else []
    if not isinstance(part, list):
        return []
    return part if index == "*" else part[int(index) : int(index) + 1]
