"""A job as a Redis hash and back."""

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from imgbot.domain.job import InputPhoto, Job, State
from imgbot.domain.operations import Operation

_INTS = frozenset(field.name for field in fields(Job) if field.type is int)


def to_hash(job: Job) -> dict[str, str]:
    """Return what a new job stores; identity, state and time are set by the script."""
    return {
        "chat_id": str(job.chat_id),
        "operation": job.operation.value,
        "language": job.language,
        "words": job.words,
        "sources": dump_sources(job.sources),
        "scale": str(job.scale),
        "ratio": job.ratio,
        "seed": str(job.seed),
        "thread_id": str(job.thread_id),
        "reply_to": str(job.reply_to),
        "parent": job.parent,
        "is_file": to_text(job.is_file),
        "note": job.note,
        "price_micro": str(job.price_micro),
        "reserved_micro": str(job.price_micro),
        "spend_day": job.spend_day,
    }


def from_hash(record: Mapping[str, str]) -> Job:
    """Read a stored job. Raises KeyError or ValueError on a record that is not one."""
    values: dict[str, Any] = {name: int(record[name]) for name in _INTS if name in record}
    return Job(
        id=record["id"],
        operation=Operation(record["operation"]),
        state=State(record["state"]),
        language=record["language"],
        words=record.get("words", ""),
        ratio=record.get("ratio", ""),
        parent=record.get("parent", ""),
        is_file=record.get("is_file") == "1",
        note=record.get("note", ""),
        spend_day=record.get("spend_day", ""),
        provider=record.get("provider", ""),
        order_id=record.get("order_id", ""),
        sources=load_sources(record.get("sources", "[]")),
        order_fields=json.loads(record.get("order_fields") or "{}"),
        ticket=json.loads(record.get("ticket") or "{}"),
        facts=json.loads(record.get("facts") or "{}"),
        outcome=State(record["outcome"]) if record.get("outcome") else None,
        reason=record.get("reason", ""),
        file=record.get("file", ""),
        is_cancelled=record.get("is_cancelled") == "1",
        is_unbilled=record.get("is_unbilled") == "1",
        **values,
    )


def pack_sources(sources: tuple[InputPhoto, ...]) -> list[list[str | int]]:
    """Return pictures as JSON has them."""
    return [[s.file_id, s.unique_id, s.size_bytes, s.name, int(s.is_file)] for s in sources]


def unpack_sources(packed: list[list[Any]]) -> tuple[InputPhoto, ...]:
    return tuple(InputPhoto(*entry[:4], is_file=bool(entry[4:5] and entry[4])) for entry in packed)


def dump_sources(sources: tuple[InputPhoto, ...]) -> str:
    return json.dumps(pack_sources(sources), ensure_ascii=False)


def load_sources(text: str) -> tuple[InputPhoto, ...]:
    return unpack_sources(json.loads(text))


def to_text(value: object) -> str:
    """Return a field's stored form: JSON for collections, digits for flags and numbers."""
    if isinstance(value, Mapping):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, bool):
        return str(int(value))
    return str(value)
