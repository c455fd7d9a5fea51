"""Forgetting of users: what happens to each key of `keys`, and its execution.

Jobs under way are cancelled and go when they end; `settle` finishes what could not go at once.
Deleted values stay in the append-only file of Redis until `rewrite_log`.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping
from typing import Any

from redis.exceptions import ResponseError

from imgbot.domain.job import Job, is_billed
from imgbot.storage import job_codec as records, keys
from imgbot.storage.client import Client, Store
from imgbot.storage.job_queue import JobQueue
from imgbot.telemetry import events as telemetry

_READ_AT_ONCE = 1000
_JOB, _SPEND, _LOG = "job", "spend", "log"
"""Kinds of entries in `keys.FORGOTTEN`."""

_LAST_WRITES_S = 10
"""Time in which the end of a job is followed by what a button or a reply needs."""

_JOBS_END_MS = 180_000
_REWRITE_POLL_S = 0.2

NAMED_BY_USER: Mapping[str, str] = {
    **dict.fromkeys((keys.USER, keys.MEANT, keys.HISTORY, keys.LATEST), r"(\d+)"),
    **dict.fromkeys((keys.NOTICE_SENT, keys.READY, keys.ALBUM_JOB), r"(\d+)\..*"),
    **dict.fromkeys((keys.COUNTED, keys.CHOICE), r"album\.(\d+)\..*"),
    keys.TAP_GUARD: r"-?\d+\.(\d+)\..*",
    keys.ALBUM_OPEN: r"-?\d+\.(\d+)",
    keys.DIALOGUE: r"(?::-?\d+)+:(\d+):.*",
}
"""Prefix of keys that are deleted → pattern of the rest of a name, with the user's id its group."""

NAMED_BY_JOB = (keys.RESULT, keys.WEBHOOK_TICKET)
"""Prefixes of keys that are deleted with the user's jobs; the rest of a name is a job's id."""

POINTING_TO_JOB = (keys.READY, keys.PICTURE, keys.ALBUM_JOB)
"""Prefixes of keys that are deleted with the user's jobs; the value is a job's id."""

WITH_MEMBER: Mapping[str, str] = {
    **dict.fromkeys((keys.REFUSED, keys.BROADCAST_LEFT), "zrem"),
    **dict.fromkeys((keys.UNSUBSCRIBED, keys.ALLOWED), "srem"),
    keys.USER_TAGS: "hdel",
}
"""Key or prefix → command that removes the user's id from it."""

BLANK: Mapping[str, Any] = {
    **dict.fromkeys(("prompt", "negative", "ignored", "parent"), ""),
    "sources": (),
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
    """Forgets users; everything may be repeated.

    `remove_files` removes the files of jobs by their ids.
    """

    def __init__(
        self,
        redis: Client,
        queue: JobQueue,
        remove_files: Callable[[Collection[str]], Awaitable[None]],
    ) -> None:
        super().__init__(redis)
        self._queue = queue
        self._remove_files = remove_files

    async def forget(
        self, users: Collection[int], now_ms: int, today: str, before_update: int = 0
    ) -> None:
        """Forget users; of deferred updates only those before `before_update`, which are older."""
        ids = {str(user) for user in users}
        for user in users:
            await self._cancel_jobs(await self._queue.jobs_of(user), now_ms)
        await self._forget_names(ids)
        await self._forget_jobs(await self._jobs_of(ids), ids, today)
        await self._forget_albums(users)
        await self._forget_deferred(users, before_update)
        await self._forget_failed_updates(ids)
        # Last, as silent users are found by it.
        await self._redis.zrem(keys.PEOPLE, *ids)
        await self._mark_log(now_ms)

    async def silent(self, before_ms: int, limit: int) -> list[int]:
        """Return users whose latest update is older."""
        found = await self._redis.zrangebyscore(keys.PEOPLE, 0, before_ms, start=0, num=limit)
        return [int(user) for user in found]

    async def settle(self, now_ms: int, today: str) -> None:
        """Forget what had to wait: jobs that have ended since, and the spend of days gone by."""
        left = {
            tuple(entry.split(".")): user
            for entry, user in (await self._redis.hgetall(keys.FORGOTTEN)).items()
        }
        jobs = {entry[1]: user for entry, user in left.items() if entry[0] == _JOB}
        ended = {job_id: jobs[job_id] for job_id in await self._ended(list(jobs))}
        past = [entry for entry in left if entry[0] == _SPEND and entry[1] != today]
        if not ended and not past:
            return
        await self._forget_late_jobs(ended)
        for _, day, user in past:
            await self._redis.hdel(keys.SPEND + day, f"user:{user}")
        await self._mark_log(now_ms)
        done = [*map(".".join, past), *(f"{_JOB}.{job_id}" for job_id in ended)]
        await self._redis.hdel(keys.FORGOTTEN, *done)

    async def _mark_log(self, now_ms: int) -> None:
        await self._redis.hset(keys.FORGOTTEN, f"{_LOG}.{now_ms}", "1")

    async def _ended(self, job_ids: list[str]) -> list[str]:
        """Return those jobs that ended a moment ago or earlier: nothing more is stored of them."""
        live = {job.id for job in await self._queue.jobs(job_ids)}
        left_s = await self._all(*(self._redis.ttl(keys.TOMBSTONE + one) for one in job_ids))
        return [
            job_id
            for job_id, ttl_s in zip(job_ids, left_s, strict=True)
            if job_id not in live and ttl_s <= keys.TOMBSTONE_S - _LAST_WRITES_S
        ]

    async def _cancel_jobs(self, jobs: Iterable[Job], now_ms: int) -> None:
        """Cancel jobs, and empty those that will make no picture any longer."""
        for job in jobs:
            await self._redis.hset(keys.FORGOTTEN, f"{_JOB}.{job.id}", str(job.user_id))
            if await self._queue.cancel(job.id, job.user_id, now_ms) == "ok":
                await self._strip(keys.JOB + job.id, BLANK)

    async def _strip(self, key: str, blank: Mapping[str, Any]) -> None:
        await self._redis.call("strip_job", key=key, fields=records.to_fields(blank))

    async def _jobs_of(self, ids: Collection[str]) -> set[str]:
        """Return the ended jobs of users: dead, or with a result, in the history or not."""
        dead = await self._redis.zrange(keys.DEAD, 0, -1)
        found = await self._owned([keys.DEAD_JOB + job_id for job_id in dead], ids)
        async for page in self._pages(keys.RESULT):
            found += await self._owned(page, ids)
        return {key.rpartition(":")[2] for key in found}

    async def _owned(self, names: Collection[str], ids: Collection[str]) -> list[str]:
        owners = await self._all(*(self._redis.hget(name, "user_id") for name in names))
        return [name for name, owner in zip(names, owners, strict=True) if owner in ids]

    async def _forget_late_jobs(self, ended: Mapping[str, str]) -> None:
        """Forget jobs that ended after their users were forgotten, who may have come back."""
        await self._forget_jobs(set(ended))
        for job_id, user in ended.items():
            await self._redis.lrem(keys.HISTORY + user, 0, job_id)
            if await self._redis.get(keys.LATEST + user) == job_id:
                await self._redis.delete(keys.LATEST + user)

    async def _forget_jobs(
        self, jobs: set[str], ids: Collection[str] = (), today: str = ""
    ) -> None:
        """Delete all that belongs to ended jobs, or is named after users, and the files."""
        await self._remove_files(jobs)
        for job_id in jobs:
            await self._forget_dead(job_id)
        # They tell whose jobs these were, should the forgetting be repeated.
        results = {keys.RESULT + job_id for job_id in jobs}
        async for page in self._pages("img:"):
            pointers = [key for key in page if key.startswith(POINTING_TO_JOB)]
            targets = await self._all(*(self._redis.get(key) for key in pointers))
            doomed = {key for key in page if _is_named(key, jobs, ids)} - results
            doomed |= {key for key, job in zip(pointers, targets, strict=True) if job in jobs}
            if doomed:
                await self._redis.unlink(*doomed)
            for key, command in _with_members(page) if ids else ():
                await getattr(self._redis, command)(key, *ids)
            for key in page if ids else ():
                if key.startswith(keys.SPEND):
                    await self._forget_spend(key, ids, today)
        if results:
            await self._redis.unlink(*results)

    async def _forget_dead(self, job_id: str) -> None:
        """Delete a dead job; if its charge is unsettled the order at its provider stays."""
        key = keys.DEAD_JOB + job_id
        for job in await self._queue.jobs([job_id], keys.DEAD_JOB):
            if is_billed(job) and job.charge.price_micro:
                receipt = {k: v for k, v in job.progress.ticket.items() if k != "outputs"}
                await self._strip(key, {**BLANK_DEAD, "ticket": receipt})
            else:
                await self._all(self._redis.unlink(key), self._redis.zrem(keys.DEAD, job_id))

    async def _forget_names(self, ids: Collection[str]) -> None:
        held = await self._redis.hgetall(keys.USERNAMES)
        if names := [name for name, user in held.items() if user in ids]:
            await self._redis.hdel(keys.USERNAMES, *names)

    async def _forget_albums(self, users: Collection[int]) -> None:
        for album in await self._redis.zrange(keys.ALBUMS, 0, -1):
            items = map(json.loads, await self._redis.lrange(keys.ALBUM + album, 0, -1))
            if any(item[3].get("user_id") in users for item in items):
                await self._redis.unlink(keys.ALBUM + album, keys.ALBUM_BEGUN + album)
                await self._redis.zrem(keys.ALBUMS, album)

    async def _forget_deferred(self, users: Collection[int], before_update: int) -> None:
        for chat in await self._redis.zrange(keys.DEFERRED, 0, -1):
            key = keys.DEFERRED_OF + chat
            entries = await self._redis.zrangebyscore(key, "-inf", before_update - 1)
            own = [entry for entry in entries if _sender_of(json.loads(entry)[1]) in users]
            if own:
                await self._redis.zrem(key, *own)
            if not await self._redis.exists(key):
                await self._redis.zrem(keys.DEFERRED, chat)

    async def _forget_failed_updates(self, ids: Collection[str]) -> None:
        """Remove updates that mention the users; a long one is cut off, and cannot be parsed."""
        mentions = re.compile(rf'"id": ?({"|".join(ids)})\b')
        for entry in await self._redis.lrange(keys.POISON, 0, -1):
            if mentions.search(entry):
                await self._redis.lrem(keys.POISON, 0, entry)

    async def _forget_spend(self, key: str, ids: Collection[str], today: str) -> None:
        """Remove users from a day that is over; from today, `settle` does it later."""
        day, entries = key.removeprefix(keys.SPEND), [f"user:{user}" for user in ids]
        if day != today:
            await self._redis.hdel(key, *entries)
            return
        spent = await self._redis.hmget(key, entries)
        for user in [user for user, micro in zip(ids, spent, strict=True) if micro is not None]:
            await self._redis.hset(keys.FORGOTTEN, f"{_SPEND}.{day}.{user}", user)

    async def _pages(self, prefix: str) -> AsyncIterator[list[str]]:
        """Read the names of keys with this prefix, page by page."""
        cursor = -1
        while cursor:
            cursor, page = await self._redis.scan(
                max(cursor, 0), match=f"{prefix}*", count=_READ_AT_ONCE
            )
            if page:
                yield page

    async def rewrite_log(self, before_ms: int) -> bool:
        """Have Redis rewrite its append-only file if something was deleted before then.

        Returns whether it did. Newer deletions wait: limits of the user have yet to expire, and
        their jobs to end, which holds up others for a few minutes at most.
        """
        left = [entry.partition(".") for entry in await self._redis.hkeys(keys.FORGOTTEN)]
        times = [int(time) for kind, _, time in left if kind == _LOG and int(time) <= before_ms]
        has_jobs = any(kind == _JOB for kind, _, _ in left)
        if has_jobs and before_ms - min(times, default=0) < _JOBS_END_MS:
            return False
        if not times or await self._is_rewriting():
            return False
        if await self._rewrite():
            await self._redis.hdel(keys.FORGOTTEN, *(f"{_LOG}.{ms}" for ms in times))
        return True

    async def _rewrite(self) -> bool:
        """Rewrite the append-only file, if there is one; return False if that failed."""
        if not (await self._persistence())["aof_enabled"]:
            return True
        try:
            await self._redis.bgrewriteaof()
        except ResponseError as error:
            telemetry.warning("Redis does not rewrite its append-only file: %s", error)
            return False
        while await self._is_rewriting():  # noqa: ASYNC110 -- only Redis knows
            await asyncio.sleep(_REWRITE_POLL_S)
        return (await self._persistence())["aof_last_bgrewrite_status"] == "ok"

    async def _persistence(self) -> Mapping[str, Any]:
        return await self._redis.info("persistence")

    async def _is_rewriting(self) -> bool:
        state = await self._persistence()
        return bool(state["aof_rewrite_in_progress"] or state["aof_rewrite_scheduled"])


def _is_named(key: str, jobs: set[str], ids: Collection[str]) -> bool:
    """Return whether a key's name is that of one of the jobs, or names one of the users."""
    if any(key.startswith(prefix) and key[len(prefix) :] in jobs for prefix in NAMED_BY_JOB):
        return True
    for prefix, pattern in NAMED_BY_USER.items():
        if key.startswith(prefix) and (found := re.fullmatch(pattern, key[len(prefix) :])):
            return found[1] in ids
    return False


def _with_members(names: Iterable[str]) -> Iterable[tuple[str, str]]:
    for name in names:
        for key, command in WITH_MEMBER.items():
            if name == key or (key.endswith(":") and name.startswith(key)):
                yield name, command


def _sender_of(update: Mapping[str, Any]) -> int | None:
    senders = (each["from"]["id"] for each in update.values() if _has_sender(each))
    return next(senders, None)


def _has_sender(content: object) -> bool:
    return isinstance(content, Mapping) and isinstance(content.get("from"), Mapping)
