"""Forgetting of users: a rule for each key of `keys`, and its execution.

Jobs under way are cancelled and go when they end; `settle` finishes what could not go at once.
Deleted values stay in the append-only file of Redis until `rewrite_log`.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from redis.exceptions import ResponseError

from imgbot.domain.job import Job, is_billed
from imgbot.storage import job_codec as records, keys
from imgbot.storage.client import Client, Store
from imgbot.storage.job_queue import JobQueue
from imgbot.storage.job_reads import JobReads
from imgbot.telemetry import events as telemetry

_READ_AT_ONCE = 1000
_JOB, _SPEND, _LOG = "job", "spend", "log"
"""Kinds of entries in `keys.FORGOTTEN`."""

_LAST_WRITES_S = 10
"""Time in which the end of a job is followed by what a button or a reply needs."""

_JOBS_END_MS = 180_000
_REWRITE_POLL_S = 0.2
_REMOVE = {"hash": "hdel", "set": "srem", "zset": "zrem"}
"""Command that removes an element, by the type of the key."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Rule for one key, or for all keys with a prefix; all conditions that are given apply."""

    name: str = ""
    """Pattern of a name behind the prefix, with the user's id as its group: the key is deleted."""
    member: str = ""
    """Element of a hash or set that is removed; `{}` stands for the user's id."""
    is_of_job: bool = False
    """True if the name behind the prefix is a job's id: deleted with the user's jobs."""
    is_to_job: bool = False
    """True if the value is a job's id: deleted with the user's jobs."""
    note: str = ""
    """Why it stays, or which method removes what belongs to the user."""


_NOTHING = Rule(note="nothing of a user")
_WITH_JOB = Rule(note="goes when the job has ended, which is cancelled first")
_LIMIT = Rule(note="expires with its window: forgetting must not reset a limit")
_OPERATOR = Rule(note="the operator's: by and for administrators, who are named in the settings")
_BAN = Rule(note="a ban must outlast forgetting")
_BY_USER = Rule(name=r"(\d+)")
_WITH_ALBUM = Rule(note="_forget_albums")

RULES: Mapping[str, Rule] = {
    keys.QUEUE: _WITH_JOB,
    keys.JOB: Rule(note="_cancel_jobs empties it; goes when the job has ended"),
    keys.RATE_LIMIT: _LIMIT,
    keys.COMMANDS: _LIMIT,
    keys.REFUSED: Rule(member="{}"),
    keys.COUNTED: Rule(name=r"album\.(\d+)\..*"),
    keys.DUE: _WITH_JOB,
    keys.TAGS: _WITH_JOB,
    keys.SINCE: _WITH_JOB,
    keys.VIRTUAL_TIME: _NOTHING,
    keys.USER_TAGS: Rule(member="{}"),
    keys.SEQUENCE: _NOTHING,
    keys.WAITING: _WITH_JOB,
    keys.ACTIVE: _WITH_JOB,
    keys.USER_JOBS: _WITH_JOB,
    keys.EPOCH: _NOTHING,
    keys.LAST_CLAIM: _NOTHING,
    keys.ANNOUNCE: _WITH_JOB,
    keys.WAKE: _WITH_JOB,
    keys.TOMBSTONE: _NOTHING,
    keys.RESULT: Rule(is_of_job=True),
    keys.DEAD: Rule(note="_forget_dead"),
    keys.DEAD_JOB: Rule(note="_forget_dead; what an unsettled charge needs stays for 30 days"),
    keys.STATS: _NOTHING,
    keys.UPDATE: _NOTHING,
    keys.DEFERRED: Rule(note="_forget_deferred"),
    keys.DEFERRED_OF: Rule(note="_forget_deferred"),
    keys.POISON: Rule(note="_forget_failed_updates"),
    keys.DIALOGUE: Rule(name=r"(?::-?\d+)+:(\d+):.*"),
    keys.TAP_GUARD: Rule(name=r"-?\d+\.(\d+)\..*"),
    keys.SYNCS: _NOTHING,
    keys.CHOICE: Rule(name=r"album\.(\d+)\..*"),
    keys.USER: _BY_USER,
    keys.USERNAMES: Rule(note="_forget_names"),
    keys.MEANT: _BY_USER,
    keys.PEOPLE: Rule(member="{}"),
    keys.UNSUBSCRIBED: Rule(member="{}"),
    keys.BANNED: _BAN,
    keys.BAN: _BAN,
    keys.ALLOWED: Rule(member="{}"),
    keys.PAUSED: _OPERATOR,
    keys.CHAT_CALLS: _NOTHING,
    keys.INCIDENTS: _NOTHING,
    keys.ALARM: _OPERATOR,
    keys.BROADCAST: _OPERATOR,
    keys.BROADCAST_OF: _OPERATOR,
    keys.BROADCAST_LEFT: Rule(member="{}"),
    keys.NOTICE_SENT: Rule(name=r"(\d+)\..*"),
    keys.HISTORY: _BY_USER,
    keys.LATEST: _BY_USER,
    keys.READY: Rule(name=r"(\d+)\..*", is_to_job=True),
    keys.PICTURE: Rule(is_to_job=True),
    keys.DURATIONS: _NOTHING,
    keys.WEBHOOK_TICKET: Rule(is_of_job=True),
    keys.ENDED: _NOTHING,
    keys.SPEND: Rule(note="_forget_spend: today's stays until the day is over"),
    keys.ALBUM: _WITH_ALBUM,
    keys.ALBUMS: _WITH_ALBUM,
    keys.ALBUM_BEGUN: _WITH_ALBUM,
    keys.ALBUM_OPEN: Rule(name=r"-?\d+\.(\d+)"),
    keys.ALBUM_JOB: Rule(name=r"(\d+)\..*", is_to_job=True),
    keys.OWNER: _NOTHING,
    keys.FORGOTTEN: Rule(note="goes once nothing is left"),
    keys.INSTALLATION: _NOTHING,
}
"""How each key is forgotten."""

BLANK: Mapping[str, Any] = {
    "prompt": "",
    "negative": "",
    "ignored": "",
    "sources": (),
    "parent": "",
    "order_fields": {},
}
"""Fields of a cancelled job that tell of its user, and are not needed to end it."""

BLANK_DEAD: Mapping[str, Any] = {
    **BLANK,
    **dict.fromkeys(("user_id", "chat_id", "thread_id", "reply_to", "message_id", "seed"), 0),
    "file": "",
    "facts": {},
}
"""The same of a dead job whose charge is unsettled. What remains: the order at its provider."""


class Forgetting(Store):
    """Forgets users; each call raises StorageUnavailableError while Redis is unavailable.

    Everything may be repeated. `remove_files` removes the files of jobs by their ids.
    """

    def __init__(
        self,
        redis: Client,
        queue: JobQueue,
        remove_files: Callable[[Collection[str]], Awaitable[None]],
    ) -> None:
        super().__init__(redis)
        self._queue = queue
        self._reads = JobReads(redis)
        self._remove_files = remove_files

    async def forget(
        self, users: Collection[int], now_ms: int, today: str, before_update: int = 0
    ) -> None:
        """Forget users; of deferred updates only those before `before_update`, which are older."""
        live = [job for user in users for job in await self._reads.jobs_of(user)]
        await self._cancel_jobs(live, now_ms)
        await self._forget_names(users)
        jobs = await self._results_of(users) | await self._dead_of(users)
        await self._forget_jobs(jobs, users)
        await self._forget_albums(users)
        await self._forget_deferred(users, before_update)
        await self._forget_failed_updates(users)
        await self._forget_spend(users, today)
        await self._forget_members(users)
        await self._ask(self._redis.hset(keys.FORGOTTEN, f"{_LOG}.{now_ms}", "1"))

    async def silent(self, before_ms: int, limit: int) -> list[int]:
        """Return users whose latest update is older."""
        found = await self._ask(
            self._redis.zrangebyscore(keys.PEOPLE, 0, before_ms, start=0, num=limit)
        )
        return [int(user) for user in found]

    async def settle(self, now_ms: int, today: str) -> None:
        """Forget what had to wait: jobs that have ended since, and the spend of days gone by."""
        left = await self._ask(self._redis.hgetall(keys.FORGOTTEN))
        waiting = {
            entry.partition(".")[2]: int(user)
            for entry, user in left.items()
            if entry.startswith(_JOB)
        }
        ended = {job_id: waiting[job_id] for job_id in await self._ended(list(waiting))}
        past = [
            entry for entry in left if entry.startswith(_SPEND) and entry.split(".")[1] != today
        ]
        if not ended and not past:
            return
        await self._forget_late_jobs(ended)
        for _, day, user in (entry.split(".") for entry in past):
            await self._ask(self._redis.hdel(keys.SPEND + day, f"user:{user}"))
        done = [*past, *(f"{_JOB}.{job_id}" for job_id in ended)]
        await self._ask(self._redis.hset(keys.FORGOTTEN, f"{_LOG}.{now_ms}", "1"))
        await self._ask(self._redis.hdel(keys.FORGOTTEN, *done))

    async def _ended(self, job_ids: list[str]) -> list[str]:
        """Return those jobs that ended a moment ago or earlier: nothing more is stored of them."""
        live = {job.id for job in await self._reads.jobs(job_ids)}
        left_s = await self._each("ttl", [keys.TOMBSTONE + job_id for job_id in job_ids])
        return [
            job_id
            for job_id, ttl_s in zip(job_ids, left_s, strict=True)
            if job_id not in live and ttl_s <= keys.TOMBSTONE_S - _LAST_WRITES_S
        ]

    async def _cancel_jobs(self, jobs: Iterable[Job], now_ms: int) -> None:
        """Cancel jobs, and empty those that will make no picture any longer."""
        for job in jobs:
            await self._ask(self._redis.hset(keys.FORGOTTEN, f"{_JOB}.{job.id}", str(job.user_id)))
            if await self._queue.cancel(job.id, job.user_id, now_ms) == "ok":
                await self._strip(keys.JOB + job.id, BLANK)

    async def _strip(self, key: str, blank: Mapping[str, Any]) -> None:
        await self._redis.call("strip_job", key=key, fields=records.to_fields(blank))

    async def _results_of(self, users: Collection[int]) -> set[str]:
        """Return the jobs of these users whose results are stored, in the history or not."""
        names = {str(user) for user in users}
        found: set[str] = set()
        async for page in self._pages(keys.RESULT):
            owners = await self._each("hget", page, "user_id")
            pairs = zip(page, owners, strict=True)
            found |= {key.removeprefix(keys.RESULT) for key, user in pairs if user in names}
        return found

    async def _dead_of(self, users: Collection[int]) -> set[str]:
        names = {str(user) for user in users}
        ids = [str(job_id) for job_id in await self._ask(self._redis.zrange(keys.DEAD, 0, -1))]
        owners = await self._each("hget", [keys.DEAD_JOB + job_id for job_id in ids], "user_id")
        return {job_id for job_id, user in zip(ids, owners, strict=True) if user in names}

    async def _forget_late_jobs(self, ended: Mapping[str, int]) -> None:
        """Forget jobs that ended after their users were forgotten, who may have come back."""
        await self._forget_jobs(set(ended), ())
        for job_id, user in ended.items():
            await self._ask(self._redis.lrem(f"{keys.HISTORY}{user}", 0, job_id))
            if await self._ask(self._redis.get(f"{keys.LATEST}{user}")) == job_id:
                await self._ask(self._redis.delete(f"{keys.LATEST}{user}"))

    async def _forget_jobs(self, jobs: set[str], users: Collection[int]) -> None:
        """Delete all keys that belong to ended jobs, or are named after a user, and the files."""
        await self._remove_files(jobs)
        await self._forget_dead(jobs)
        # They tell whose jobs these were, should the forgetting be repeated.
        results = {keys.RESULT + job_id for job_id in jobs}
        async for page in self._pages(""):
            pointers = [key for key in page if RULES[_prefix(key)].is_to_job]
            targets = dict(zip(pointers, await self._each("get", pointers), strict=True))
            doomed = [
                key
                for key in page
                if targets.get(key) in jobs or (key not in results and _is_named(key, jobs, users))
            ]
            if doomed:
                await self._ask(self._redis.unlink(*doomed))
        if results:
            await self._ask(self._redis.unlink(*results))

    async def _forget_dead(self, jobs: Iterable[str]) -> None:
        """Delete dead jobs; of one whose charge is unsettled the order at its provider stays."""
        for job_id in jobs:
            key = keys.DEAD_JOB + job_id
            record = await self._ask(self._redis.hgetall(key))
            if not records.is_job(record):
                continue
            job = records.from_hash(record)
            if is_billed(job) and job.charge.price_micro:
                receipt = {k: v for k, v in job.progress.ticket.items() if k != "outputs"}
                await self._strip(key, {**BLANK_DEAD, "ticket": receipt})
            else:
                await self._ask(self._redis.unlink(key))
                await self._ask(self._redis.zrem(keys.DEAD, job_id))

    async def _forget_names(self, users: Collection[int]) -> None:
        ids = {str(user) for user in users}
        held = await self._ask(self._redis.hgetall(keys.USERNAMES))
        if names := [name for name, user in held.items() if user in ids]:
            await self._ask(self._redis.hdel(keys.USERNAMES, *names))

    async def _forget_albums(self, users: Collection[int]) -> None:
        for album in await self._ask(self._redis.zrange(keys.ALBUMS, 0, -1)):
            items = map(json.loads, await self._ask(self._redis.lrange(keys.ALBUM + album, 0, -1)))
            if any(item[3].get("user_id") in users for item in items):
                await self._ask(self._redis.unlink(keys.ALBUM + album, keys.ALBUM_BEGUN + album))
                await self._ask(self._redis.zrem(keys.ALBUMS, album))

    async def _forget_deferred(self, users: Collection[int], before_update: int) -> None:
        for chat in await self._ask(self._redis.zrange(keys.DEFERRED, 0, -1)):
            key = keys.DEFERRED_OF + chat
            entries = await self._ask(self._redis.zrangebyscore(key, "-inf", before_update - 1))
            own = [entry for entry in entries if _sender_of(json.loads(entry)[1]) in users]
            if own:
                await self._ask(self._redis.zrem(key, *own))
            if not await self._ask(self._redis.exists(key)):
                await self._ask(self._redis.zrem(keys.DEFERRED, chat))

    async def _forget_failed_updates(self, users: Collection[int]) -> None:
        """Remove updates that mention the users; a long one is cut off, and cannot be parsed."""
        mentions = re.compile(rf'"id": ?({"|".join(map(str, users))})\b')
        for entry in await self._ask(self._redis.lrange(keys.POISON, 0, -1)):
            if mentions.search(entry):
                await self._ask(self._redis.lrem(keys.POISON, 0, entry))

    async def _forget_spend(self, users: Collection[int], today: str) -> None:
        async for page in self._pages(keys.SPEND):
            for key in page:
                day = key.removeprefix(keys.SPEND)
                spent = [
                    user
                    for user in users
                    if await self._ask(self._redis.hexists(key, f"user:{user}"))
                ]
                if day != today and spent:
                    await self._ask(self._redis.hdel(key, *(f"user:{user}" for user in spent)))
                for user in spent if day == today else ():
                    await self._ask(
                        self._redis.hset(keys.FORGOTTEN, f"{_SPEND}.{day}.{user}", str(user))
                    )

    async def _forget_members(self, users: Collection[int]) -> None:
        """Remove the users from hashes and sets; from that of the silent ones last."""
        for prefix in sorted(_with_members(), key=lambda key: key == keys.PEOPLE):
            members = [RULES[prefix].member.format(user) for user in users]
            async for page in self._pages(prefix):
                for key, kind in zip(page, await self._each("type", page), strict=True):
                    if kind in _REMOVE:
                        await self._ask(getattr(self._redis, _REMOVE[kind])(key, *members))

    async def _pages(self, prefix: str) -> AsyncIterator[list[str]]:
        """Read the names of keys with this prefix, or of all with a rule, page by page."""
        if prefix and not _is_open(prefix):
            yield [prefix]
            return
        cursor = -1
        while cursor:
            cursor, names = await self._ask(
                self._redis.scan(max(cursor, 0), match=f"{prefix or 'img:'}*", count=_READ_AT_ONCE)
            )
            page = [name for name in names if _prefix(name) and prefix in {"", _prefix(name)}]
            if page:
                yield page

    async def _each(self, command: str, names: Collection[str], *arguments: str) -> list[Any]:
        pipe = self._redis.pipeline(transaction=False)
        for name in names:
            getattr(pipe, command)(name, *arguments)
        return await self._ask(pipe.execute())

    async def rewrite_log(self, before_ms: int) -> bool:
        """Have Redis rewrite its append-only file if something was deleted before then.

        Returns whether it did. Newer deletions wait: limits of the user have yet to expire, and
        their jobs to end, which holds up others for a few minutes at most.
        """
        left = await self._ask(self._redis.hkeys(keys.FORGOTTEN))
        marks = [entry for entry in left if entry.startswith(_LOG) and _time_in(entry) <= before_ms]
        has_jobs = any(entry.startswith(_JOB) for entry in left)
        if has_jobs and before_ms - min(map(_time_in, marks), default=0) < _JOBS_END_MS:
            return False
        if not marks or await self._is_rewriting():
            return False
        if await self._rewrite():
            await self._ask(self._redis.hdel(keys.FORGOTTEN, *marks))
        return True

    async def _rewrite(self) -> bool:
        """Rewrite the append-only file, if there is one; return False if that failed."""
        if not (await self._persistence())["aof_enabled"]:
            return True
        try:
            await self._ask(self._redis.bgrewriteaof())
        except ResponseError as error:
            telemetry.warning("Redis does not rewrite its append-only file: %s", error)
            return False
        while await self._is_rewriting():  # noqa: ASYNC110 -- only Redis knows
            await asyncio.sleep(_REWRITE_POLL_S)
        return (await self._persistence())["aof_last_bgrewrite_status"] == "ok"

    async def _persistence(self) -> Mapping[str, Any]:
        return await self._ask(self._redis.info("persistence"))

    async def _is_rewriting(self) -> bool:
        state = await self._persistence()
        return bool(state["aof_rewrite_in_progress"] or state["aof_rewrite_scheduled"])


def _time_in(mark: str) -> int:
    return int(mark.partition(".")[2])


def _with_members() -> list[str]:
    return [prefix for prefix, rule in RULES.items() if rule.member]


def _is_open(entry: str) -> bool:
    """Return whether an entry of the table is a prefix, and not a whole key."""
    return entry.endswith(":") or entry == keys.DIALOGUE


def _prefix(key: str) -> str:
    """Return the entry of the table that a key belongs to, or an empty string."""
    head = key[: key.find(":", len("img:")) + 1]
    return next((each for each in (key, head, head.removesuffix(":")) if each in RULES), "")


def _is_named(key: str, jobs: set[str], users: Collection[int]) -> bool:
    """Return whether a key's name is that of one of the jobs, or names one of the users."""
    prefix = _prefix(key)
    rule, rest = RULES[prefix], key.removeprefix(prefix)
    named = re.fullmatch(rule.name, rest) if rule.name else None
    return (rule.is_of_job and rest in jobs) or (named is not None and int(named[1]) in users)


def _sender_of(update: Mapping[str, Any]) -> int | None:
    senders = (each["from"]["id"] for each in update.values() if _has_sender(each))
    return next(senders, None)


def _has_sender(content: object) -> bool:
    return isinstance(content, Mapping) and isinstance(content.get("from"), Mapping)
