"""Codec of a job: mapping between the fields of `Job` and its stored hash fields.

Stored names are a contract with earlier and later releases: a field may be renamed in `Job`, but
its stored name stays.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from imgbot.domain.job import InputPhoto, Job, Operation, State


class StoredField(NamedTuple):
    """Stored name of a field, and the function that reads its stored text."""

    name: str
    read: Callable[[str], Any]


def pack_sources(sources: tuple[InputPhoto, ...]) -> list[list[str | int]]:
    """Return the JSON form of photos."""
    return [[s.file_id, s.unique_id, s.size_bytes, s.name, int(s.is_file)] for s in sources]


def unpack_sources(packed: list[list[Any]]) -> tuple[InputPhoto, ...]:
    return tuple(InputPhoto(*entry[:4], is_file=bool(entry[4:5] and entry[4])) for entry in packed)


def dump_sources(sources: tuple[InputPhoto, ...]) -> str:
    return json.dumps(pack_sources(sources), ensure_ascii=False)


def load_sources(text: str) -> tuple[InputPhoto, ...]:
    return unpack_sources(json.loads(text))


def _flag(text: str) -> bool:
    return text == "1"


def _mapping(text: str) -> Any:
    return json.loads(text or "{}")


def _end(text: str) -> State | None:
    return State(text) if text else None


STORED: Mapping[str, StoredField] = {
    "id": StoredField("id", str),
    "user_id": StoredField("user_id", int),
    "chat_id": StoredField("chat_id", int),
    "operation": StoredField("operation", Operation),
    "language": StoredField("language", str),
    "words": StoredField("words", str),
    "sources": StoredField("sources", load_sources),
    "scale": StoredField("scale", int),
    "side_px": StoredField("side_px", int),
    "ratio": StoredField("ratio", str),
    "seed": StoredField("seed", int),
    "thread_id": StoredField("thread_id", int),
    "reply_to": StoredField("reply_to", int),
    "parent": StoredField("parent", str),
    "is_file": StoredField("is_file", _flag),
    "note": StoredField("note", str),
    "price_micro": StoredField("price_micro", int),
    "reserved_micro": StoredField("reserved_micro", int),
    "spend_day": StoredField("spend_day", str),
    "created_ms": StoredField("created_ms", int),
    "state": StoredField("state", State),
    "version": StoredField("version", int),
    "claimed_ms": StoredField("claimed_ms", int),
    "intent_ms": StoredField("intent_ms", int),
    "accepted_ms": StoredField("accepted_ms", int),
    "provider": StoredField("provider", str),
    "order_id": StoredField("order_id", str),
    "order_fields": StoredField("order_fields", _mapping),
    "pending_ms": StoredField("pending_ms", int),
    "ticket": StoredField("ticket", _mapping),
    "message_id": StoredField("message_id", int),
    "tries": StoredField("tries", int),
    "lost_orders": StoredField("lost_orders", int),
    "file": StoredField("file", str),
    "outcome": StoredField("outcome", _end),
    "reason": StoredField("reason", str),
    "facts": StoredField("facts", _mapping),
    "is_cancelled": StoredField("is_cancelled", _flag),
    "is_unbilled": StoredField("is_unbilled", _flag),
}
"""Stored field by field of `Job`. The Lua scripts use the stored names."""

_REQUIRED = ("id", "operation", "state", "language")

_ADMITTED = (
    *("chat_id", "operation", "language", "words", "sources", "scale", "ratio", "seed"),
    *("thread_id", "reply_to", "parent", "is_file", "note", "price_micro", "spend_day"),
)
"""Fields stored at admission; the script sets identity, state and time."""


def is_job(record: Mapping[str, str]) -> bool:
    """Return whether a hash is a job; a foreign key under the same prefix is not run."""
    return STORED["operation"].name in record


def to_fields(changes: Mapping[str, Any]) -> list[str]:
    """Return alternating stored names and texts. Raises KeyError for a field not in `Job`."""
    return [
        part for field, value in changes.items() for part in (STORED[field].name, to_text(value))
    ]


def admitted_fields(job: Job) -> list[str]:
    """Return stored names and texts of a new job, including the reservation of its price."""
    changes = {field: getattr(job, field) for field in _ADMITTED}
    return to_fields(changes | {"reserved_micro": job.price_micro})


def from_hash(record: Mapping[str, str]) -> Job:
    """Read a stored job. Raises KeyError or ValueError for a malformed record."""
    if missing := [field for field in _REQUIRED if STORED[field].name not in record]:
        raise KeyError(*missing)
    return Job(
        **{
            field: stored.read(record[stored.name])
            for field, stored in STORED.items()
            if stored.name in record
        }
    )


def to_text(value: object) -> str:
    """Return the stored form of a value: JSON for collections, digits for flags and numbers."""
    if isinstance(value, Mapping):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, tuple):
        return dump_sources(value)
    if isinstance(value, bool):
        return str(int(value))
    return str(value)
