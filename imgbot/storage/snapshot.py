"""Snapshot of all of imgbot's keys in Redis as records, which any server can restore.

Related data (jobs, queue order, money) are read at one moment. Independent data (results, handled
updates, up to a month of them) are read afterwards in batches, so that a server with little memory
never holds them twice.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, TypeVar

from imgbot.domain.job import State
from imgbot.storage import job_codec, keys
from imgbot.storage.client import Client

_T = TypeVar("_T")

_PREFIXES = ("rq:", "img:", keys.RATE_LIMIT)
_BULKY = (
    *(keys.RESULT, keys.HISTORY, keys.RECENT, keys.PICTURE, keys.READY),
    *(keys.DEAD_JOB, keys.HANDLED, keys.TOMBSTONE, keys.ONCE),
)
_PRECIOUS = (keys.JOB, keys.RESULT, keys.USER, keys.SPEND, keys.DEAD_JOB, "img:stars:")
"""Key prefixes of valuable data; a server with none of them has not served any user yet."""

_BATCH = 500
_SCAN_COUNT = 1000
_MOST_PARTS = 5000
"""Elements in one command: a longer list is restored in parts."""

_PUT = {"string": "SET", "hash": "HSET", "list": "RPUSH", "set": "SADD", "zset": "ZADD"}
_PAIRED = frozenset({"hash", "zset"})


@dataclass(frozen=True, slots=True)
class Record:
    """Record of one key. A hash or a sorted set is one flat list: name, value, name, value."""

    key: str
    kind: str
    expires_ms: int
    """Expiry in ms since 1970; 0 never."""
    value: str | list[str]

    def dump(self) -> str:
        """Return the record as one line of JSON, without a newline."""
        return json.dumps([self.key, self.kind, self.expires_ms, self.value], ensure_ascii=False)

    @property
    def fields(self) -> dict[str, str]:
        """Fields of a hash."""
        return dict(zip(self.value[::2], self.value[1::2], strict=True))

    def with_fields(self, **changes: str) -> "Record":
        """Return a hash with some fields changed."""
        pairs = (self.fields | changes).items()
        return replace(self, value=[part for pair in pairs for part in pair])


def load(line: str) -> Record:
    """Parse a line. Raises ValueError for one that is not a record of imgbot."""
    match json.loads(line):
        case [str(key), str(kind), int(expires_ms), str() | list() as value]:
            is_text = isinstance(value, str)
        case _:
            raise ValueError("a line that is no record")
    if not key.startswith(_PREFIXES) or (kind == "string") is not is_text:
        raise ValueError("a record of something else")
    if not is_text and not all(isinstance(part, str) for part in value):
        raise ValueError("a record with parts that are no text")
    if kind not in _PUT or (kind in _PAIRED and len(value) % 2):
        raise ValueError("a record of an unknown kind")
    return Record(key, kind, max(expires_ms, 0), value)


async def take(redis: Client) -> AsyncIterator[Record]:
    """Read all records. Raises StorageUnavailableError."""
    patterns = ",".join(f"{prefix}*" for prefix in _PREFIXES)
    for each in await redis.call(
        "snapshot", patterns=patterns, excluded=",".join(_BULKY), names=[]
    ):
        yield Record(*each)
    async for names in _pages(redis, _BULKY):
        # A scan may return a key twice, which does no harm.
        for each in await redis.call("snapshot", patterns="", excluded="", names=names):
            yield Record(*each)


async def put(redis: Client, records: Iterable[Record]) -> int:
    """Write records; return their number. Raises StorageUnavailableError."""
    count = 0
    for batch in _batched(records):
        commands = [command for record in batch for command in _commands(record)]
        await asyncio.gather(*(redis.execute_command(*command) for command in commands))  # noqa: TID251 -- all end with their batch
        count += len(batch)
    return count


async def has_served(redis: Client) -> bool:
    """Return true if Redis holds valuable data."""
    async for _ in _pages(redis, _PRECIOUS):
        return True
    return False


async def knows(redis: Client, records: Iterable[Record]) -> bool:
    """Return true if any job in the records is known here: live, ended or dead."""
    jobs = [r.key.removeprefix(keys.JOB) for r in records if r.key.startswith(keys.JOB)]
    prefixes = (keys.JOB, keys.TOMBSTONE, keys.DEAD_JOB)
    for batch in _batched(f"{prefix}{job}" for job in jobs for prefix in prefixes):
        if await redis.exists(*batch):
            return True
    return False


async def delete_all(redis: Client) -> None:
    """Delete all keys of imgbot."""
    async for names in _pages(redis, _PREFIXES):
        await redis.unlink(keys.QUEUE, *names)


async def epoch(redis: Client) -> int:
    stored = str(await redis.get(keys.EPOCH) or "0")
    return int(stored.partition("-")[0])


async def set_epoch(redis: Client, value: int) -> None:
    """Set the epoch number, which fences off every supervisor up to it."""
    await redis.set(keys.EPOCH, value)


async def _pages(redis: Client, prefixes: Iterable[str]) -> AsyncIterator[list[Any]]:
    for prefix in prefixes:
        cursor = -1
        while cursor:
            cursor, names = await redis.scan(max(cursor, 0), match=f"{prefix}*", count=_SCAN_COUNT)
            if names:
                yield names


def _batched(parts: Iterable[_T]) -> Iterator[list[_T]]:
    left = iter(parts)
    while batch := list(islice(left, _BATCH)):
        yield batch


def _commands(record: Record) -> list[tuple[str, ...]]:
    command, value = _PUT[record.kind], record.value
    if isinstance(value, str):
        value = [value]
    if record.kind == "zset":
        # ZADD takes the score before its member.
        value = [part for at in range(0, len(value), 2) for part in (value[at + 1], value[at])]
    found: list[tuple[str, ...]] = [
        (command, record.key, *value[at : at + _MOST_PARTS])
        for at in range(0, len(value), _MOST_PARTS)
    ]
    if record.expires_ms:
        found.append(("PEXPIREAT", record.key, str(record.expires_ms)))
    return found


# Rebuilt from the jobs when the bot starts.
_DERIVED = frozenset({keys.QUEUE, keys.TAGS, keys.ACTIVE})
# Left to the bot that went on: it has made jobs or answers of them. Those of features are named,
# as a restore builds none.
_UNHANDLED = keys.DEFERRED, "img:album:", "img:albums", "img:album-begun:", "img:album-open:"
_RUNNING = "running"
"""State of a feature's long work, such as a broadcast; left to the bot that went on as well."""

_WITH_A_FILE = frozenset({State.RENDERING, State.DELIVERING})


def rewrite_paths(records: Iterable[Record], old: str, new: str) -> Iterator[Record]:
    """Rewrite the file paths of jobs; `old` and `new` are absolute state directories."""
    for record in records:
        if record.key.startswith(keys.JOB) and record.kind == "hash" and old != new:
            ticket = _paths(json.loads(record.fields.get("ticket") or "{}"), old, new)
            yield record.with_fields(
                file=_paths(record.fields.get("file", ""), old, new),
                ticket=json.dumps(ticket, ensure_ascii=False),
            )
        else:
            yield record


def mark_uncertain(
    records: Iterable[Record],
    taken_ms: int,
    has_file: Callable[[str], bool],
    installation: str,
) -> Iterator[Record]:
    """Make every job check first whether it was ordered since `taken_ms`.

    Its order id would begin with `installation`.
    """
    due: list[str] = []
    for record in records:
        if record.key in _DERIVED or record.key.startswith(_UNHANDLED):
            continue
        if record.kind == "hash" and record.fields.get("state") == _RUNNING:
            yield record.with_fields(state="cancelled")
        elif record.kind == "hash" and record.key.startswith(keys.JOB):
            job_id = record.key.removeprefix(keys.JOB)
            changes = _doubted(record.fields, taken_ms, f"{installation}-{job_id}", has_file)
            yield record.with_fields(**changes)
            if changes.get("state") != State.QUEUED:
                due += [job_id, str(taken_ms)]
        else:
            yield record
    if due:
        yield Record(keys.DUE, "zset", 0, due)


def _doubted(
    fields: dict[str, str], taken_ms: int, order_id: str, has_file: Callable[[str], bool]
) -> dict[str, str]:
    state, claimed_ms = fields.get("state", ""), fields.get("claimed_ms", "0")
    is_ordered = state != State.SUBMITTING or fields.get("intent_ms", "0") != "0"
    if state == State.QUEUED and fields.get("sources", "").startswith(job_codec.AWAITED):
        # It is claimed, and looked up, once its picture is there.
        return {"state": State.QUEUED.value, "intent_ms": str(taken_ms), "order_id": order_id}
    if state == State.QUEUED or not is_ordered:
        return {
            "state": State.SUBMITTING.value,
            "intent_ms": str(taken_ms),
            "claimed_ms": str(taken_ms) if claimed_ms == "0" else claimed_ms,
            "order_id": order_id,
        }
    if state in _WITH_A_FILE and fields.get("file") and not has_file(fields["file"]):
        # The running bot has delivered and deleted the file: it is fetched again at no cost.
        is_ticketed = "id" in json.loads(fields.get("ticket") or "{}")
        again = State.POLLING if is_ticketed else State.SUBMITTING
        return {"state": again.value, "file": "", "outcome": "", "reason": ""}
    return {}


def _paths(value: Any, old: str, new: str) -> Any:
    if isinstance(value, str):
        return new + value[len(old) :] if value.startswith(f"{old}/") else value
    if isinstance(value, list):
        return [_paths(entry, old, new) for entry in value]
    if isinstance(value, dict):
        return {name: _paths(entry, old, new) for name, entry in value.items()}
    return value
