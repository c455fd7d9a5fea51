"""Stored entries, read so that one of another form costs itself and disturbs nothing else.

It stays where it is: an operator or another release has written it, and may read it yet.
"""

import functools
from collections.abc import Callable, Iterable
from typing import TypeVar

from imgbot.telemetry import events

_E = TypeVar("_E")
_T = TypeVar("_T")

_MALFORMED = (ValueError, TypeError, LookupError, AttributeError, RecursionError)


def readable(key: str, read: Callable[[_E], _T], entries: Iterable[_E]) -> list[_T]:
    """Return what `read` makes of each entry of a key; those that it cannot read are left out."""
    found = list[_T]()
    for entry in entries:
        try:
            found.append(read(entry))
        except _MALFORMED as error:
            set_aside(key, type(error).__name__, hash(repr(entry)))
    return found


@functools.lru_cache(maxsize=1000)
def set_aside(key: str, fault: str, entry: int = 0) -> None:  # noqa: ARG001 -- each is told once
    """Count and log an entry that cannot be read, once; not what it says, which may be a user's."""
    events.entry_unreadable(key, fault)
