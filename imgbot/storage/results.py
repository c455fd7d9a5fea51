"""Results: ended jobs with the Telegram file id of their picture, for 30 days.

Only the file id is stored, never the bytes: showing a picture again costs nothing. Beside them are
the recent photos, orders and results of a chat, the candidates for "this picture".
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace

from imgbot.domain.job import InputPhoto, Job, State
from imgbot.domain.operations import OPERATIONS, Operation
from imgbot.storage import job_codec, keys
from imgbot.storage.client import Store
from imgbot.storage.entries import readable

_PRUNED = (keys.RESULT, keys.PICTURE, keys.READY)
_READ_AT_ONCE = 500
_SOURCES_KEPT = 2
"""Photos of a job that are stored: if it has several, none of them is "this picture"."""
_WORDS_KEPT = 120
"""Characters of a prompt."""


@dataclass(frozen=True, slots=True)
class Recent:
    """Photo that was sent, job that was ordered, or result that was shown, in one chat."""

    user_id: int
    at_ms: int
    job_id: str = ""
    parent: str = ""
    """Job whose picture the job changes."""
    photos: tuple[InputPhoto, ...] = ()
    """Photos that were sent, or that the job changes."""
    operation: Operation | None = None
    """Operation of the job."""
    words: str = ""
    """Beginning of its prompt."""

    @property
    def origin(self) -> str:
        """Id of the picture that the job changes: of its job, or Telegram's; empty without one."""
        first = self.photos[0].unique_id if self.photos else ""
        return (self.parent or first) if self.job_id else ""

    @classmethod
    def of(cls, job: Job, user_id: int, now_ms: int) -> "Recent":
        """Return a job that is ordered, or whose picture is shown, by or for a user."""
        request = job.request
        photos = () if request.awaits_picture else request.shown_sources[:_SOURCES_KEPT]
        words = request.prompt[:_WORDS_KEPT]
        return cls(user_id, now_ms, job.id, request.parent, photos, request.operation, words)

    def dump(self) -> str:
        # The previous release reads five values.
        made = f"{self.parent} {self.operation} {self.words}" if self.operation else self.parent
        stored = [self.user_id, self.at_ms, self.job_id, made, self.photos]
        return json.dumps(stored, default=job_codec.pack)


class JobReader(Store):
    """Reader of stored jobs."""

    async def jobs(self, ids: Iterable[str], prefix: str = keys.JOB) -> list[Job]:
        """Read those of the given jobs that are live, or that have ended, by the prefix of such."""
        names = list(filter(None, ids))
        found = await self._all(*(self._redis.hgetall(prefix + job_id) for job_id in names))
        return [
            job_codec.from_hash({"id": job_id, **record})
            for job_id, record in zip(names, found, strict=True)
            if job_codec.is_job(record)
        ]


class ResultStore(JobReader):
    """Store of results."""

    async def result(self, job_id: str) -> Job | None:
        """Read a result; None if it has expired."""
        return next(iter(await self.jobs([job_id], keys.RESULT)), None)

    async def results(self, job_ids: Iterable[str]) -> list[Job]:
        """Read those results that can still be shown."""
        return [each for each in await self.jobs(job_ids, keys.RESULT) if each.picture]

    async def of_job(self, job_id: str) -> tuple[Job | None, Job | None]:
        """Read a job while it is live, and its result."""
        # It may end in between.
        for prefix in (keys.RESULT, keys.JOB, keys.RESULT):
            for job in await self.jobs([job_id], prefix):
                return (job, None) if prefix == keys.JOB else (None, job)
        return None, None

    async def expected(self, job_id: str) -> Job | None:
        """Read a result, or the live job that will have it."""
        return next(iter(await self.all_expected([job_id])), None)

    async def all_expected(self, job_ids: Iterable[str]) -> list[Job]:
        """Read those of the results that are there, or the live jobs that will have them."""
        found = await self._all(*map(self.of_job, job_ids))
        return [job for live, ended in found if (job := ended or live)]

    async def failed_ms(self, job_id: str, now_ms: int) -> int:
        """Return when a job ended that was to show a picture and did not; 0 if it is not known."""
        key = keys.TOMBSTONE + job_id
        outcome, left_ms = await self._all(self._redis.get(key), self._redis.pttl(key))
        is_failed = outcome in {State.FAILED, State.DEAD}
        return now_ms - (keys.TOMBSTONE_S * 1000 - left_ms) if is_failed else 0

    async def history(self, user_id: int) -> list[str]:
        """Return the job ids of the user's pictures, newest first."""
        return await self._redis.lrange(f"{keys.HISTORY}{user_id}", 0, -1)

    async def recent(self, place: str) -> list[Recent]:
        """Return what was sent, ordered or shown in a chat and topic, newest first."""
        entries = await self._redis.lrange(keys.RECENT + place, 0, -1)
        found = readable(keys.RECENT + place, load_recent, entries)
        return sorted(found, key=lambda each: each.at_ms, reverse=True)

    async def add_recent(self, place: str, recent: Recent) -> None:
        """Add a photo that was sent, or a result or original photo that is shown again."""
        key = keys.RECENT + place
        await self._all(
            self._redis.lpush(key, recent.dump()),
            self._redis.ltrim(key, 0, keys.RECENT_LENGTH - 1),
            self._redis.expire(key, keys.RESULT_KEPT_S),
        )

    async def delete(self, result: Job, place: str) -> None:
        """Delete a result, and what leads to it from this chat and topic."""
        entries = await self._redis.lrange(keys.RECENT + place, 0, -1)
        read = readable(keys.RECENT + place, lambda each: (each, load_recent(each)), entries)
        shown = [each for each, recent in read if recent.job_id == result.id]
        picture = [keys.PICTURE + result.picture.unique_id] if result.picture else []
        await self._all(
            *(self._redis.lrem(keys.RECENT + place, 0, each) for each in shown),
            self._redis.lrem(f"{keys.HISTORY}{result.user_id}", 0, result.id),
            self._redis.unlink(keys.RESULT + result.id, *picture),
        )

    async def job_of_picture(self, picture: InputPhoto) -> str:
        """Return the job that made a picture, or makes it; empty for the user's own photo."""
        if not picture.file_id:
            return picture.unique_id
        return await self.job_of_unique_id(picture.unique_id)

    async def job_of_unique_id(self, unique_id: str) -> str:
        """Return the job that made the picture with Telegram's unique id, or an empty string."""
        return await self._text(keys.PICTURE + unique_id)

    async def set_original(self, job_id: str, file_id: str) -> None:
        """Store the file id of the original file."""
        await self._redis.hset(keys.RESULT + job_id, "original_id", file_id)

    async def note_ready(self, chat_id: int, message_id: int, job_id: str) -> None:
        """Record the job whose result a message announces."""
        key = f"{keys.READY}{chat_id}.{message_id}"
        await self._redis.set(key, job_id, ex=keys.RESULT_KEPT_S)

    async def announced_in(self, chat_id: int, message_id: int) -> str:
        """Return the job whose result a message announces, or an empty string."""
        return await self._text(f"{keys.READY}{chat_id}.{message_id}")

    async def _text(self, key: str) -> str:
        return await self._redis.get(key) or ""

    async def prune(self, kept_s: int) -> int:
        """Delete results delivered longer ago than `kept_s`; return the number of deleted keys."""
        pruned, names = 0, list[str]()
        async for name in self._redis.scan_iter(match="img:*", count=_READ_AT_ONCE):
            if name.startswith(_PRUNED):
                names.append(name)
            if len(names) >= _READ_AT_ONCE:
                pruned += await self._prune(names, kept_s)
                names.clear()
        return pruned + await self._prune(names, kept_s)

    async def _prune(self, names: Iterable[str], kept_s: int) -> int:
        left_s = await self._all(*(self._redis.ttl(name) for name in names))
        kept = range(keys.RESULT_KEPT_S - kept_s)
        old = [name for name, ttl_s in zip(names, left_s, strict=True) if ttl_s in kept]
        return await self._redis.unlink(*old) if old else 0


def load_recent(text: str) -> Recent:
    user_id, at_ms, job_id, made, photos = json.loads(text)
    parent, *rest = made.split(" ", 2)
    # Of an order, and in the former form, no more is stored.
    operation, words = rest or (Operation.EDIT if parent or photos else Operation.CREATE, "")
    known = Operation(operation) if job_id else None
    return Recent(user_id, at_ms, job_id, parent, job_codec.unpack(photos), known, words)


def ordered(job: Job, now_ms: int) -> dict[str, str]:
    """Return the new entries of a new job by their keys; of a final one nothing is asked for."""
    if OPERATIONS[job.request.operation].is_final:
        return {}
    recent = Recent.of(job, job.user_id, now_ms)
    # The previous release looks for what an order changes; its words follow with its picture.
    return _in_chat(job, replace(recent, operation=None) if recent.origin else recent)


def shown(job: Job, now_ms: int) -> dict[str, str]:
    """Return the new entries of a job whose picture is shown, by their keys."""
    recent = Recent.of(job, job.user_id, now_ms)
    return {f"{keys.HISTORY}{job.user_id}": job.id, **_in_chat(job, recent)}


def _in_chat(job: Job, recent: Recent) -> dict[str, str]:
    return {f"{keys.RECENT}{job.request.chat_id}.{job.request.thread_id}": recent.dump()}
