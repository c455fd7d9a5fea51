"""Paths into JSON responses: `data.taskId`, `images[*].url`, `output[0]`."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

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
