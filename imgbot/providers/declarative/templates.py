"""Request templates: TOML with slots like `{prompt}`, filled with typed values.

`{name}` alone in a string becomes the value itself, a number or a list; inside a longer string it
is interpolated. `{name:int}`, `:float` and `:str` convert, `{name|sizes}` looks the value up in the
map of that name, `{name?}` omits the whole entry if there is no value. A key with `{i}` stands for
the second and every further picture: `"input_image_{i}" = "{images}"`.
"""

import re
from collections.abc import Callable, Iterator, Mapping
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
