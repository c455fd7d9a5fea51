"""Forgetting of users: `keys` declares what happens to each key, here it is done.

Jobs under way are cancelled and go when they end; `settle` finishes what could not go at once.
Deleted values stay in the append-only file of Redis until `rewrite_log`.
"""

import json
import re
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from imgbot.domain.errors import TransientError
from imgbot.domain.job import is_paid
from imgbot.storage import job_codec, keys, log_rewrite
from imgbot.storage.client import Client, Store
from imgbot.storage.entries import readable
from imgbot.storage.job_queue import JobQueue
from imgbot.storage.keys import Owner
from imgbot.storage.results import load_recent
from imgbot.storage.stats import EndedJob
from imgbot.storage.user_keys import UserKeys
from imgbot.telemetry import events

_READ_AT_ONCE = 1000

_JOB, _SPEND, _PACK, _LOG = "job", "spend", "pack", "log"
_KINDS = {
    **{kind: re.compile(r".+") for kind in (_JOB, _PACK)},
    _SPEND: re.compile(r"[^.]+\.[^.]+"),
    _LOG: re.compile(r"\d+"),
}
"""Forms of entries in `keys.FORGOTTEN`, by their kinds."""

_LAST_WRITES_S = 10
"""Time in which the end of a job is followed by what a button or a reply needs."""

_JOBS_END_MS = 180_000

BLANK: Mapping[str, Any] = {
    **dict.fromkeys(
        ("prompt", "sent", "negative", "ignored", "parent", "base", "lost", "model"), ""
    ),
    "lettering": "",
    "sources": (),
    "order_fields": {},
    "shown": (),
}
"""Fields of a cancelled job that tell of its user, and are not needed to end it."""

BLANK_DEAD: Mapping[str, Any] = {
    **BLANK,
    **dict.fromkeys(("user_id", "chat_id", "thread_id", "reply_to", "message_id", "seed"), 0),
    **dict.fromkeys(("file", "inline_id", "caption", "original_id"), ""),
    "facts": {},
    "features": {},
    "holds": (),
    "is_unsure": False,
}
"""The same of a dead job whose charge is unsettled. What remains: the order at its provider."""


class Forgetting(Store):
    """Forgets users; everything may be repeated.

    `remove_files` removes the files of jobs by their ids, `delete_pack` a sticker pack by its name;
    it raises TransientError if that has to be tried again. `others` forget what features keep.
    """

    def __init__(
        self,
        redis: Client,
        queue: JobQueue,
        remove_files: Callable[[Collection[str]], Awaitable[None]],
        delete_pack: Callable[[str], Awaitable[None]],
        owners: keys.Owners = keys.OWNERS,
        others: Sequence[Callable[[Client, Collection[int]], Awaitable[None]]] = (),
    ) -> None:
        super().__init__(redis)
        self._keys = UserKeys(redis, owners)
        self._queue = queue
        self._remove_files = remove_files
        self._delete_pack = delete_pack
        self._others = others

    async def kept_of(self, user: int) -> dict[str, Any]:
        """Return what forgetting this user would delete: key → its content, or their entries."""
        return await self._keys.kept_of(user)

    async def forget(
        self, users: Collection[int], now_ms: int, today: str, before_update: int = 0
    ) -> None:
        """Forget users; of their updates only those before `before_update`, which are older."""
        ids = {str(user) for user in users}
        for user in users:
            await self._cancel_jobs(user, now_ms, before_update)
        await self._forget_names(ids)
        owned, named = await self._keys.find(ids)
        # They tell whose jobs these were, should the forgetting be repeated.
        jobs = {key.rpartition(":")[2] for key in owned if key.startswith(self._keys.records)}
        await self._forget_jobs(jobs, owned)
        await self._unlink([key for key in named if self._keys.user_in(key) in ids])
        await self._forget_members(named, ids)
        await self._forget_spend(named, ids, today)
        # Others have shown these jobs as well.
        await self._forget_recent(named, ids | jobs)
        await self.forget_ended(ids)
        await self._forget_not_understood(named, ids)
        for forget in self._others:
            await forget(self._redis, users)
        await self._forget_deferred(users, before_update)
        await self._forget_failed_updates(ids)
        await self._forget_records(jobs)
        # Last, as silent users are found by it.
        await self._all(self._redis.zrem(keys.PEOPLE, *ids), self._redis.zrem(keys.SEEN, *ids))
        await self.mark_log(now_ms)

    async def forget_picture(self, job_id: str, now_ms: int) -> None:
        """Forget that an ended job was, and delete its files; its result is deleted next."""
        await self.mark_log(now_ms)
        await self.forget_ended({job_id})
        await self._remove_files([job_id])

    async def delete_outdated(self, now_ms: int) -> None:
        """Delete ended jobs but the latest 200 of 30 days."""
        oldest_ms = now_ms - keys.RESULT_KEPT_S * 1000
        await self._all(
            self._redis.zremrangebyscore(keys.ENDED_JOBS, 0, oldest_ms),
            self._redis.zremrangebyrank(keys.ENDED_JOBS, 0, -keys.ENDED_JOBS_KEPT - 1),
        )

    async def silent(self, before_ms: int, limit: int) -> list[int]:
        """Return users whose latest update is older."""
        found = await self._redis.zrangebyscore(keys.SEEN, 0, before_ms, start=0, num=limit)
        return [int(user) for user in found]

    async def settle(self, now_ms: int, today: str) -> None:
        """Forget what had to wait: jobs that have ended since, and the spend of days gone by."""
        users = await self._redis.hgetall(keys.FORGOTTEN)
        left = _by_kind(users)
        await self._delete_packs(left[_PACK])
        ended = {each: users[f"{_JOB}.{each}"] for each in await self._ended(left[_JOB])}
        past = [each for each in left[_SPEND] if each.partition(".")[0] != today]
        if not ended and not past:
            return
        await self._forget_late_jobs(ended)
        for each in past:
            day, _, user = each.partition(".")
            await self._redis.hdel(keys.SPEND + day, f"user:{user}", f"pictures:{user}")
        await self.mark_log(now_ms)
        done = [*(f"{_SPEND}.{each}" for each in past), *(f"{_JOB}.{each}" for each in ended)]
        await self._redis.hdel(keys.FORGOTTEN, *done)

    async def _delete_packs(self, names: Iterable[str]) -> None:
        for name in names:
            try:
                await self._delete_pack(name)
            except TransientError as error:
                events.warning("sticker pack %s is deleted later: %s", name, error)
            else:
                await self._redis.hdel(keys.FORGOTTEN, f"{_PACK}.{name}")

    async def mark_log(self, now_ms: int) -> None:
        """Note that something was deleted, which the append-only file still holds."""
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

    async def _cancel_jobs(self, user: int, now_ms: int, before_update: int) -> None:
        """Cancel jobs, and empty those that will make no picture any longer."""
        verdicts = await self._queue.cancel_all(user, now_ms, before_update)
        if verdicts:
            entries = {f"{_JOB}.{job_id}": str(user) for job_id in verdicts}
            await self._redis.hset(keys.FORGOTTEN, mapping=entries)
        for job_id, verdict in verdicts.items():
            if verdict == "ok":
                await self._strip(keys.JOB + job_id, BLANK)

    async def _strip(self, key: str, blank: Mapping[str, Any]) -> None:
        await self._redis.call("strip_job", key=key, fields=job_codec.to_fields(blank))

    async def _forget_late_jobs(self, ended: Mapping[str, str]) -> None:
        """Forget jobs that ended after their users were forgotten, who may have come back."""
        if not ended:
            return
        owned, named = await self._keys.find(ended)
        await self._forget_jobs(set(ended), owned)
        private = [f"{keys.RECENT}{user}.0" for user in ended.values()]
        await self._forget_recent([*named, *private], ended)
        await self.forget_ended(ended)
        for job_id, user in ended.items():
            await self._redis.lrem(keys.HISTORY + user, 0, job_id)
        await self._forget_records(ended)

    async def _forget_jobs(self, jobs: set[str], owned: Iterable[str]) -> None:
        """Delete all that belongs to ended jobs but their records, and the files."""
        await self._remove_files(jobs)
        pointers = [key for key in owned if key.startswith(self._keys.pointers)]
        named = self._keys.owned(Owner.NAMED_BY_JOB)
        await self._unlink([*pointers, *(prefix + job for prefix in named for job in jobs)])

    async def _unlink(self, names: Sequence[str]) -> None:
        for at in range(0, len(names), _READ_AT_ONCE):
            await self._redis.unlink(*names[at : at + _READ_AT_ONCE])

    async def _forget_records(self, job_ids: Collection[str]) -> None:
        """Delete ended jobs; of a dead one whose charge is unsettled its order stays."""
        for job in await self._queue.jobs(job_ids, keys.DEAD_JOB):
            key = keys.DEAD_JOB + job.id
            if is_paid(job):
                receipt = {k: v for k, v in job.progress.ticket.items() if k != "outputs"}
                await self._strip(key, {**BLANK_DEAD, "ticket": receipt})
            else:
                await self._all(self._redis.unlink(key), self._redis.zrem(keys.DEAD, job.id))
        await self._unlink([keys.RESULT + job_id for job_id in job_ids])

    async def _forget_members(self, names: Iterable[str], ids: Collection[str]) -> None:
        single = [key for key in self._keys.with_member if not key.endswith(":")]
        for name in [*names, *single]:
            if command := self._keys.with_member.get(self._keys.kind_of(name)):
                await getattr(self._redis, command)(name, *ids)

    async def _forget_recent(self, names: Iterable[str], ids: Collection[str]) -> None:
        """Remove what users sent, or had made, from what is recent in chats."""
        for name in (name for name in names if name.startswith(keys.RECENT)):
            entries = await self._redis.lrange(name, 0, -1)
            for entry, recent in readable(name, lambda one: (one, load_recent(one)), entries):
                if not {str(recent.user_id), recent.job_id}.isdisjoint(ids):
                    await self._redis.lrem(name, 0, entry)

    async def forget_ended(self, ids: Collection[str]) -> None:
        """Remove jobs of these users, or with these ids, from the latest that have ended."""
        entries = await self._redis.zrange(keys.ENDED_JOBS, 0, -1)
        read = readable(keys.ENDED_JOBS, lambda one: (one, EndedJob.load(one)), entries)
        for entry, job in read:
            if not {str(job.user_id), job.id}.isdisjoint(ids):
                await self._redis.zrem(keys.ENDED_JOBS, entry)

    async def _forget_not_understood(self, names: Iterable[str], ids: Collection[str]) -> None:
        noted = [name for name in names if name.startswith(keys.NOT_UNDERSTOOD)]
        texts = await self._all(*map(self._redis.get, noted))
        found = zip(noted, texts, strict=True)
        await self._unlink([name for name, text in found if str(text).partition(" ")[0] in ids])

    async def _forget_names(self, ids: Collection[str]) -> None:
        held = await self._redis.hgetall(keys.USERNAMES)
        if names := [name for name, user in held.items() if user in ids]:
            await self._redis.hdel(keys.USERNAMES, *names)

    async def _forget_deferred(self, users: Collection[int], before_update: int) -> None:
        for chat in await self._redis.zrange(keys.DEFERRED, 0, -1):
            key = keys.DEFERRED_OF + chat
            entries = await self._redis.zrangebyscore(key, "-inf", before_update - 1)
            read = readable(key, lambda one: (one, _sender_of(json.loads(one)[1])), entries)
            own = [entry for entry, sender in read if sender in users]
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

    async def _forget_spend(self, names: Iterable[str], ids: Collection[str], today: str) -> None:
        """Remove users from the days that are over; from today, `settle` does it later."""
        entries = [f"user:{user}" for user in ids]
        pictures = [f"pictures:{user}" for user in ids]
        for day in [
            name.removeprefix(keys.SPEND)
            for name in names
            if self._keys.kind_of(name) == keys.SPEND
        ]:
            if day != today:
                await self._redis.hdel(keys.SPEND + day, *entries, *pictures)
                continue
            kept = [*entries, *pictures]
            found = zip((*ids, *ids), await self._redis.hmget(keys.SPEND + day, kept), strict=True)
            for user in {user for user, value in found if value is not None}:
                await self._redis.hset(keys.FORGOTTEN, f"{_SPEND}.{day}.{user}", user)

    async def rewrite_log(self, before_ms: int) -> bool:
        """Have Redis rewrite its append-only file if something was deleted before then.

        Returns whether it did. Newer deletions wait: limits of the user have yet to expire, and
        their jobs to end, which holds up others for a few minutes at most.
        """
        left = _by_kind(await self._redis.hkeys(keys.FORGOTTEN))
        times = [ms for ms in map(int, left[_LOG]) if ms <= before_ms]
        if left[_JOB] and before_ms - min(times, default=0) < _JOBS_END_MS:
            return False
        if not times or await log_rewrite.is_rewriting(self._redis):
            return False
        if await log_rewrite.rewrite(self._redis):
            await self._redis.hdel(keys.FORGOTTEN, *(f"{_LOG}.{ms}" for ms in times))
        return True


def _by_kind(entries: Iterable[str]) -> Mapping[str, list[str]]:
    """Return the entries of `keys.FORGOTTEN` without their kinds, by these."""
    found: dict[str, list[str]] = {kind: [] for kind in _KINDS}
    for kind, rest in readable(keys.FORGOTTEN, _kept_from, entries):
        found[kind].append(rest)
    return found


def _kept_from(entry: str) -> tuple[str, str]:
    kind, _, rest = entry.partition(".")
    if not _KINDS[kind].fullmatch(rest):
        raise ValueError(kind)
    return kind, rest


def _sender_of(update: Mapping[str, Any]) -> int | None:
    senders = (each["from"]["id"] for each in update.values() if _has_sender(each))
    return next(senders, None)


def _has_sender(content: object) -> bool:
    return isinstance(content, Mapping) and isinstance(content.get("from"), Mapping)
