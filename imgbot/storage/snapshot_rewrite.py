"""Rewrite of records restored elsewhere: file paths, and jobs of uncertain state.

The copy of a bot that kept running is older than the state of that bot. A job that was not ordered
then may have been ordered since: it is treated like an order whose answer was lost, which is
found, repeated under the same key, or stopped, and never paid for on a guess. A broadcast may have
continued to recipients unknown here: it is stopped. A deferred update is dropped, because that bot
has it as well: handled by both, it would be ordered twice.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from imgbot.domain.job import State
from imgbot.storage import keys
from imgbot.storage.snapshot import Record

# Rebuilt from the jobs when the bot starts.
_DERIVED = frozenset({keys.QUEUE, keys.TAGS, keys.SINCE, keys.WAITING, keys.ACTIVE})
_WITH_A_FILE = frozenset({State.RENDERING, State.DELIVERING})


def rewrite_paths(records: Iterable[Record], old: str, new: str) -> Iterator[Record]:
    """Rewrite the file paths of jobs; `old` and `new` are absolute state directories."""
    for record in records:
        if record.key.startswith(keys.JOB) and record.kind == "hash" and old != new:
            fields = _fields(record)
            fields["file"] = _path(fields.get("file", ""), old, new)
            if ticket := fields.get("ticket"):
                fields["ticket"] = json.dumps(
                    _paths(json.loads(ticket), old, new), ensure_ascii=False
                )
            yield _with(record, fields)
        else:
            yield record


def mark_uncertain(
    records: Iterable[Record],
    taken_ms: int,
    has_file: Callable[[str], bool],
    installation: str = "",
) -> Iterator[Record]:
    """Make every job check first whether it was ordered since `taken_ms`.

    Its order id would begin with `installation`; empty for a backup of an earlier release, which
    orders under the job id alone.
    """
    due: list[str] = []
    for record in records:
        if record.key in _DERIVED or record.key.startswith(keys.DEFERRED):
            continue
        if record.kind == "hash" and record.key.startswith(keys.BROADCAST_OF):
            yield _with(record, _stopped(_fields(record)))
            continue
        if not record.key.startswith(keys.JOB) or record.kind != "hash":
            yield record
            continue
        fields = _fields(record)
        due += [record.key.removeprefix(keys.JOB), str(taken_ms)]
        if _is_unordered(fields):
            job_id = record.key.removeprefix(keys.JOB)
            order_id = f"{installation}-{job_id}" if installation else ""
            yield _with(record, _as_ordered(fields, taken_ms) | {"order_id": order_id})
        else:
            yield _with(record, _with_a_file(fields, has_file))
    if due:
        yield Record(keys.DUE, "zset", 0, due)


def _stopped(fields: dict[str, str]) -> dict[str, str]:
    return fields | {"state": "cancelled"} if fields.get("state") == "running" else fields


def _is_unordered(fields: dict[str, str]) -> bool:
    state = fields.get("state", "")
    return state == State.QUEUED or (
        state == State.SUBMITTING and fields.get("intent_ms", "0") == "0"
    )


def _as_ordered(fields: dict[str, str], taken_ms: int) -> dict[str, str]:
    claimed_ms = fields.get("claimed_ms", "0")
    return fields | {
        "state": State.SUBMITTING.value,
        "intent_ms": str(taken_ms),
        "claimed_ms": str(taken_ms) if claimed_ms == "0" else claimed_ms,
    }


def _with_a_file(fields: dict[str, str], has_file: Callable[[str], bool]) -> dict[str, str]:
    state = fields.get("state", "")
    if state in _WITH_A_FILE and fields.get("file") and not has_file(fields["file"]):
        # The running bot has delivered and deleted the file: it is fetched again at no cost.
        is_ticketed = "id" in json.loads(fields.get("ticket") or "{}")
        again = State.POLLING if is_ticketed else State.SUBMITTING
        return fields | {"state": again.value, "file": "", "outcome": "", "reason": ""}
    return fields


def _fields(record: Record) -> dict[str, str]:
    return dict(zip(record.value[::2], record.value[1::2], strict=True))


def _with(record: Record, fields: dict[str, str]) -> Record:
    return replace(record, value=[part for pair in fields.items() for part in pair])


def _paths(value: Any, old: str, new: str) -> Any:
    if isinstance(value, str):
        return _path(value, old, new)
    if isinstance(value, list):
        return [_paths(entry, old, new) for entry in value]
    if isinstance(value, dict):
        return {name: _paths(entry, old, new) for name, entry in value.items()}
    return value


def _path(text: str, old: str, new: str) -> str:
    return new + text[len(old) :] if text.startswith(f"{old}/") else text
