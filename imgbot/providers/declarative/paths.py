"""Where something stands in an answer: `data.taskId`, `images[*].url`, `output[0]`."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

_PART = re.compile(r"([A-Za-z0-9_\-]+)|\[(\*|\d+)\]")
_PATH = re.compile(r"[A-Za-z0-9_\-]+(?:\.[A-Za-z0-9_\-]+|\[(?:\*|\d+)\])*")
_MOST = 100


def is_path(text: str) -> bool:
    return bool(_PATH.fullmatch(text))


def parts_of(path: str) -> list[str | int]:
    """Return the steps of a path: names and indexes, the first one for all of a list."""
    steps = _PART.findall(path)
    return [name or (0 if index == "*" else int(index)) for name, index in steps]


def pick(content: Any, path: str) -> list[Any]:
    """Return everything that the path leads to, a hundred at most; null counts as nothing."""
    found = [content]
    for name, index in _PART.findall(path):
        found = [value for part in found for value in _below(part, name, index)][:_MOST]
    return [value for value in found if value is not None]


def first(content: Any, paths: Iterable[str]) -> Any:
    """Return the first thing that any of the paths leads to, None for nothing."""
    return next((value for path in paths for value in pick(content, path)), None)


def first_text(content: Any, paths: Iterable[str]) -> str:
    """Return the first text or number that the paths lead to, as text; empty for none."""
    for path in paths:
        for value in pick(content, path):
            if isinstance(value, str | int | float) and not isinstance(value, bool) and value != "":
                return str(value)
    return ""


def decoded(value: Any) -> Any:
    """Return what a JSON text inside of JSON says; None for what is none."""
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
