"""Codec of a job: mapping between the fields of `Job` and its stored hash fields.

Stored names are a contract with earlier and later releases: a field may be renamed in its group,
but its stored name stays.
"""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import fields
from typing import Any, NamedTuple, TypeVar, cast

from imgbot.domain.holds import Hold, amount_spent
from imgbot.domain.job import (
    FIELDS,
    InputPhoto,
    Job,
    Operation,
    State,
    UnreadableJob,
    job_from,
    with_changes,
)
from imgbot.storage import holds

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
    *("inline_id", "price_micro", "holds", "submit_ms", "lettering", "message_id", "facts"),
    *("shown", "caption", "takes_seed", "features"),
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
    stored |= _as_former_result(job)
    # The previous release does not read a result without sources.
    kept = (item for item in stored.items() if item[1] not in _EMPTY or item[0] == "sources")
    return [part for item in kept for part in item]


def _as_former_result(job: Job) -> dict[str, str]:
    """Return what the previous release reads of a result; this can go after the first release.

    The chosen model is then a field of a result like any other, and the ordered one, too.
    """
    request, progress = job.request, job.progress
    return {
        "message": f"{request.chat_id}.{progress.message_id}",
        "stars": str(amount_spent(job.charge.holds)),
        "chosen": request.model,
        "model": progress.order_model,
        "variant": job.variant,
        "undrawn": str(progress.facts.get("unknown", "")),
        "size": str(progress.facts.get("size", "")),
        "took_ms": str(progress.facts.get("took_ms", 0)),
        "queue_ms": str(max(progress.submit_ms - job.created_ms, 0)),
    }


def _of_former_release(record: Mapping[str, str]) -> Mapping[str, str]:
    """Return a record as it is stored now; this can go after the first release."""
    if "shown" in record:
        return {"picture": record["shown"], **record}
    if "message" not in record:
        return record
    models = {"model": record.get("chosen", ""), "order_model": record.get("model", "")}
    if "state" in record:
        return {**record, **models}
    chat_id, _, message_id = record["message"].partition(".")
    facts = {"unknown": "undrawn", "size": "size", "took_ms": "took_ms"}
    is_shown = record.get("picture", "") not in _EMPTY
    return {
        **record,
        **models,
        # The release before that stores a sticker as a cut-out, too.
        "operation": record.get("made_as", record["operation"]),
        "chat_id": chat_id,
        "message_id": message_id,
        "state": (State.DELIVERED if is_shown else State.FAILED).value,
        "variants": record.get("variant", "").partition("/")[2] or "0",
        "facts": json.dumps({name: record.get(field, "") for name, field in facts.items()}),
        "intent_ms": record.get("queue_ms", "0"),
    }


def from_hash(record: Mapping[str, str]) -> Job:
    """Read a stored job; an UnreadableJob if a field is malformed or missing."""
    record = _of_former_release(record)
    faults = [f"no {name}" for name in _REQUIRED if name not in record]
    values: dict[str, Any] = {}
    for field, (name, read) in STORED.items():
        if name in record:
            try:
                values[field] = read(record[name])
            except _MALFORMED as error:
                faults.append(f"{name}: {error}"[:_FAULT_LENGTH])
    rest = job_from({**_REQUIRED, **values})
    try:
        rest = with_changes(rest, holds=holds.former(rest, record))
        rest = _without_former_facts(rest)
    except _MALFORMED as error:
        faults.append(f"former: {error}"[:_FAULT_LENGTH])
    if not faults:
        return rest
    parts = {each.name: getattr(rest, each.name) for each in fields(rest)}
    return UnreadableJob(**parts, fault=", ".join(faults))


def _without_former_facts(job: Job) -> Job:
    """Read what the previous release keeps in `facts`; this can go after the first release."""
    facts = dict(job.progress.facts)
    if begun := facts.pop("sticker", 0):
        features = {"stickers": {"is_begun": bool(begun)}}
        job = with_changes(job, facts=facts, features=features)
    if stored := facts.pop("shown", ""):
        shown = unpack([json.loads(str(stored))[1]])
        job = with_changes(job, facts=facts, shown=shown)
    return job


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
