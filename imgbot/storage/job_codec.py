"""Codec of a job: mapping between the fields of `Job` and its stored hash fields.

Stored names are a contract with earlier and later releases: a field may be renamed in its group,
but its stored name stays.
"""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import fields
from typing import Any, NamedTuple, TypeVar, cast

from imgbot.domain.holds import Hold
from imgbot.domain.job import (
    FIELDS,
    InputPhoto,
    Job,
    Operation,
    State,
    UnreadableJob,
    job_from,
)

_T = TypeVar("_T")
_HOLD = len(Hold._fields)
"""Stored values of a hold; a later release may have more."""


class StoredField(NamedTuple):
    """Stored name of a field, and the function that reads its stored text."""

    name: str
    read: Callable[[str], Any]


def pack(photo: InputPhoto) -> list[Any]:
    """Return the form of a photo in JSON, a `default` of json.dumps."""
    packed = [photo.file_id, photo.unique_id, photo.size_bytes, photo.name, int(photo.is_file)]
    if photo.is_hidden or photo.replied:
        packed.append(int(photo.is_hidden))
    return [*packed, pack(photo.replied)] if photo.replied else packed


def unpack(packed: list[list[Any]]) -> tuple[InputPhoto, ...]:
    return tuple(
        InputPhoto(
            *entry[:4],
            is_file=any(entry[4:5]),
            is_hidden=any(entry[5:6]),
            replied=next(iter(unpack(entry[6:7])), None),
        )
        for entry in packed
    )


def _mapping(text: str) -> Any:
    return json.loads(text or "{}")


_READERS: Mapping[Any, Callable[[str], Any]] = {
    str: str,
    int: int,
    bool: "1".__eq__,
    Operation: Operation,
    State: State,
    State | None: lambda text: State(text) if text else None,
    tuple[InputPhoto, ...]: lambda text: unpack(json.loads(text)),
    tuple[Hold, ...]: lambda text: tuple(Hold(*each[:_HOLD]) for each in json.loads(text)),
    Mapping[str, str]: _mapping,
}
"""By the type of a field; all others are mappings, in JSON."""

_STORED_AS = {"prompt": "words", "shown": "picture", "submit_ms": "intent_ms"}
"""Stored names that differ from the names of the fields."""


STORED: Mapping[str, StoredField] = {
    name: StoredField(_STORED_AS.get(name, name), _READERS.get(kind, _mapping))
    for name, (_, kind) in FIELDS.items()
}
"""Stored field by field of `Job`. The Lua scripts use the stored names."""

AWAITED = '[[""'
"""Beginning of the stored sources of a job that awaits its picture: a photo without a file id."""

_REQUIRED: Mapping[str, Any] = {
    "id": "",
    "user_id": 0,
    "chat_id": 0,
    "operation": Operation.CREATE,
    "language": "en",
    "state": State.SUBMITTING,
}
"""Fields that every record has; the values are for an unreadable job."""

_OF_RESULT = (
    *("user_id", "state", "created_ms", "chat_id", "operation", "language", "prompt", "sources"),
    *("scale", "ratio", "seed", "parent", "negative", "ignored", "base", "variants", "sent"),
    *("model", "inline_id", "price_micro", "holds", "submit_ms", "order_model", "lettering"),
    *("message_id", "facts", "shown", "caption", "takes_seed", "features"),
)
"""Fields of an ended job that are kept with its picture; the others are for its steps alone."""

_EMPTY = frozenset({"", "0", "[]", "{}"})

_MALFORMED = (ValueError, TypeError, KeyError, RecursionError)
_FAULT_LENGTH = 100


def is_job(record: Mapping[str, str]) -> bool:
    """Return true if a hash is a job; a foreign key under the same prefix is not run."""
    return "operation" in record


def to_fields(changes: Mapping[str, Any]) -> list[str]:
    """Return alternating stored names and texts. Raises KeyError for a field not in `Job`."""
    return [
        part for field, value in changes.items() for part in (STORED[field].name, to_text(value))
    ]


def admitted_fields(job: Job) -> list[str]:
    """Return stored names and texts of a new job; the script sets identity, state and time."""
    request = {each.name: getattr(job.request, each.name) for each in fields(job.request)}
    held = {name: getattr(job.charge, name) for name in ("price_micro", "spend_day", "holds")}
    return to_fields({**request, **held, "reserved_micro": job.charge.price_micro})


def result_fields(job: Job) -> list[str]:
    """Return stored names and texts of an ended job, as its result."""
    parts = {"": job, "request": job.request, "charge": job.charge, "progress": job.progress}
    values = {name: getattr(parts[FIELDS[name][0]], name) for name in _OF_RESULT}
    stored = {STORED[name].name: to_text(value) for name, value in values.items()}
    return [part for item in stored.items() if item[1] not in _EMPTY for part in item]


def _of_first_release(record: Mapping[str, str]) -> Mapping[str, str]:
    """Return a result of 1.0.0 as one is stored now; this can go once that is 30 days old."""
    if "message" not in record:
        return record
    models = {"model": record.get("chosen", ""), "order_model": record.get("model", "")}
    return {**record, **models}


def from_hash(record: Mapping[str, str]) -> Job:
    """Read a stored job; an UnreadableJob if a field is malformed or missing."""
    record = _of_first_release(record)
    faults = [f"no {name}" for name in _REQUIRED if name not in record]
    values: dict[str, Any] = {}
    for field, (name, read) in STORED.items():
        if name in record:
            try:
                values[field] = read(record[name])
            except _MALFORMED as error:
                faults.append(f"{name}: {error}"[:_FAULT_LENGTH])
    rest = job_from({**_REQUIRED, **values})
    if not faults:
        return rest
    parts = {each.name: getattr(rest, each.name) for each in fields(rest)}
    return UnreadableJob(**parts, fault=", ".join(faults))


def load(kind: type[_T], record: Mapping[str, str]) -> _T:
    """Read a record other than a job; missing or malformed fields get their defaults."""
    values: dict[str, Any] = {}
    for entry in fields(cast("Any", kind)):
        if entry.name in record:
            with suppress(ValueError):
                values[entry.name] = _READERS[entry.type](record[entry.name])
    return kind(**values)


def to_text(value: object) -> str:
    """Return the stored form of a value: JSON for collections and photos, else plain text."""
    if isinstance(value, Mapping | tuple | InputPhoto):
        return json.dumps(value, ensure_ascii=False, default=pack)
    return str(int(value)) if isinstance(value, bool) else str(value)
