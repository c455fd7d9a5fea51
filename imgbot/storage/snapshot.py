"""Snapshot of all of imgbot's keys in Redis as records, which any server can restore.

Related data (jobs, queue order, money) are read at one moment. Independent data (results, handled
updates, up to a month of them) are read afterwards in batches, so that a server with little memory
never holds them twice.
"""

import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from imgbot.domain.job import State
from imgbot.storage import keys
from imgbot.storage.client import Client, storage_errors

PREFIXES = ("rq:", "img:", keys.RATE_LIMIT)
_BULKY = (
    *(keys.RESULT, keys.HISTORY, keys.LATEST, keys.PICTURE, keys.READY, keys.DEAD_JOB),
    *(keys.UPDATE, keys.TOMBSTONE, keys.COUNTED, keys.CHOICE),
)
_PRECIOUS = (keys.JOB, keys.RESULT, keys.USER, keys.SPEND, keys.DEAD_JOB)
"""Key prefixes of valuable data; a server with none of them has not served any user yet."""

_BATCH = 500
_SCAN_COUNT = 1000
_MOST_PARTS = 5000
"""Elements in one command: a longer list is restored in parts."""


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


def load(line: str) -> Record:
    """Parse a line. Raises ValueError for one that is not a record of imgbot."""
    content = json.loads(line)
    match content:
        case [str(key), str(kind), int(expires_ms), str() | list() as value]:
            is_text = isinstance(value, str)
        case _:
            raise ValueError("a line that is no record")
    if not key.startswith(PREFIXES) or (kind == "string") is not is_text:
        raise ValueError("a record of something else")
    if not is_text and not all(isinstance(part, str) for part in value):
        raise ValueError("a record with parts that are no text")
    if kind not in _PUT or (kind in _PAIRED and len(value) % 2):
        raise ValueError("a record of an unknown kind")
    return Record(key, kind, max(expires_ms, 0), value)


async def take(redis: Client) -> AsyncIterator[Record]:
    """Read all records. Raises StorageUnavailableError."""
    patterns = ",".join(f"{prefix}*" for prefix in PREFIXES)
    answer = await redis.call("snapshot", patterns=patterns, excluded=",".join(_BULKY))
    for key, kind, expires_ms, value in answer:
        yield Record(key, kind, int(expires_ms), value)
    with storage_errors():
        async for names in _batches(redis):
            for record in await _read(redis, names):
                yield record


async def put(redis: Client, records: Iterable[Record]) -> int:
    """Write records; return their number. Raises StorageUnavailableError."""
    count = 0
    batch: list[Record] = []
    with storage_errors():
        for record in records:
            batch.append(record)
            count += 1
            if len(batch) >= _BATCH:
                await _write(redis, batch)
                batch = []
        await _write(redis, batch)
    return count


async def has_served(redis: Client) -> bool:
    """Return whether Redis holds valuable data."""
    with storage_errors():
        for prefix in _PRECIOUS:
            async for _ in redis.scan_iter(match=f"{prefix}*", count=_SCAN_COUNT):
                return True
    return False


async def knows(redis: Client, records: Iterable[Record]) -> bool:
    """Return whether any job in the records is known here: live, ended or dead."""
    jobs = [r.key.removeprefix(keys.JOB) for r in records if r.key.startswith(keys.JOB)]
    names = [
        f"{prefix}{job}" for job in jobs for prefix in (keys.JOB, keys.TOMBSTONE, keys.DEAD_JOB)
    ]
    with storage_errors():
        for at in range(0, len(names), _BATCH):
            if await redis.exists(*names[at : at + _BATCH]):
                return True
    return False


async def forget(redis: Client) -> None:
    """Delete all keys of imgbot except the installation id, which is part of its order ids.

    A backup of a release before that id has none; orders placed here since would be looked up
    under another id, not found, and placed again.
    """
    with storage_errors():
        for prefix in PREFIXES:
            async for key in redis.scan_iter(match=f"{prefix}*", count=_SCAN_COUNT):
                if key != keys.INSTALLATION:
                    await redis.unlink(key)


async def epoch(redis: Client) -> int:
    with storage_errors():
        told = str(await redis.get(keys.EPOCH) or "0")
    return int(told.partition("-")[0])


async def set_epoch(redis: Client, value: int) -> None:
    """Set the epoch number, which fences off every supervisor up to it."""
    with storage_errors():
        await redis.set(keys.EPOCH, value)


async def _batches(redis: Client) -> AsyncIterator[list[str]]:
    names: list[str] = []
    for prefix in _BULKY:
        async for key in redis.scan_iter(match=f"{prefix}*", count=_SCAN_COUNT):
            names.append(key)
            if len(names) >= _BATCH:
                yield names
                names = []
    if names:
        yield names


async def _read(redis: Client, names: Sequence[str]) -> list[Record]:
    # A scan may return a key twice, which does no harm.
    asked = redis.pipeline(transaction=False)
    for name in names:
        asked.type(name)
        asked.pexpiretime(name)
    answers = await asked.execute()
    kinds, expiries = answers[::2], answers[1::2]
    known = [
        (name, kind, max(int(expires_ms), 0))
        for name, kind, expires_ms in zip(names, kinds, expiries, strict=True)
        if kind in _PUT
    ]
    asked = redis.pipeline(transaction=False)
    for name, kind, _ in known:
        _ask(asked, name, kind)
    values = await asked.execute() if known else []
    return [
        Record(name, kind, expires_ms, _flat(value))
        for (name, kind, expires_ms), value in zip(known, values, strict=True)
        # The key expired after the scan.
        if value
    ]


def _ask(pipe: Any, name: str, kind: str) -> None:
    match kind:
        case "string":
            pipe.get(name)
        case "hash":
            pipe.hgetall(name)
        case "list":
            pipe.lrange(name, 0, -1)
        case "set":
            pipe.smembers(name)
        case _:
            pipe.zrange(name, 0, -1, withscores=True)


def _flat(value: Any) -> str | list[str]:
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return [part for pair in value.items() for part in pair]
    parts: list[str] = []
    for entry in value:
        # A member with its score, or a member alone.
        parts += [str(entry[0]), repr(float(entry[1]))] if isinstance(entry, tuple) else [entry]
    return parts


async def _write(redis: Client, records: Sequence[Record]) -> None:
    pipe = redis.pipeline(transaction=False)
    for record in records:
        for command in _commands(record):
            pipe.execute_command(*command)
        if record.expires_ms:
            pipe.execute_command("PEXPIREAT", record.key, record.expires_ms)
    if records:
        await pipe.execute()


_PUT = {"string": "SET", "hash": "HSET", "list": "RPUSH", "set": "SADD", "zset": "ZADD"}
_PAIRED = frozenset({"hash", "zset"})


def _commands(record: Record) -> list[tuple[str, ...]]:
    put_, value = _PUT[record.kind], record.value
    if isinstance(value, str):
        return [(put_, record.key, value)]
    if record.kind == "zset":
        # ZADD takes the score before its member.
        value = [part for at in range(0, len(value), 2) for part in (value[at + 1], value[at])]
    return [
        (put_, record.key, *value[at : at + _MOST_PARTS])
        for at in range(0, len(value), _MOST_PARTS)
    ]


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
