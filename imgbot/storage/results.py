"""Results: delivered pictures with their user, origin and Telegram file id, for 30 days.

Only the file id is stored, never the bytes: showing a picture again costs nothing. Beside them are
the recent photos, orders and results of a chat, the candidates for "this picture".
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from imgbot.domain.job import InputPhoto, Job, Request, State, is_billed
from imgbot.domain.operations import PHOTO_ACTIONS, Operation
from imgbot.domain.prompt_options import PromptOptions, to_prompt
from imgbot.storage import job_codec, keys
from imgbot.storage.client import Store
from imgbot.storage.entries import readable

_PRUNED = (keys.RESULT, keys.PICTURE, keys.READY)
_READ_AT_ONCE = 500
_RECENT_PHOTOS = 2
"""Photos that are stored: two tell as much as ten, that none of them is the one that is meant."""


@dataclass(frozen=True, slots=True)
class Result:
    """Result of a job: the delivered picture and its inputs."""

    id: str
    user_id: int
    operation: Operation
    sources: tuple[InputPhoto, ...]
    scale: int
    language: str = "en"
    words: str = ""
    ratio: str = ""
    parent: str = ""
    caption: str = ""
    picture: InputPhoto | None = None
    """None if Telegram did not return a file id."""
    original_id: str = ""
    """File id of the original file, once it was sent."""
    negative: str = ""
    base: str = ""
    """Prompt, with its flags, of the created picture that this one is a change of."""
    undrawn: tuple[str, ...] = ()
    """Phrases of the prompt that the picture does not show, as far as is told."""
    lettering: str = ""
    """Words that the bot has put on the provider's picture."""
    chat_id: int = 0
    message_id: int = 0
    """Message that shows the picture."""
    ignored: str = ""
    """Flags of the prompt that had no effect."""
    seed: int = 0
    takes_seed: bool = False
    """True if the model makes another picture with another seed."""
    model: str = ""
    """Model, or the provider where it has none to choose."""
    chosen: str = ""
    """Model that the user chose; empty for the usual one."""
    sent: str = ""
    """Prompt as the provider got it; empty if that is `words`."""
    size: str = ""
    """Width and height in pixels, as in 1024x768."""
    queue_ms: int = 0
    """Time from the request to the order."""
    took_ms: int = 0
    """Time from the order to the picture."""
    price_micro: int = 0
    stars: int = 0
    """Telegram Stars that the user paid."""
    variant: str = ""
    """Its number among variants, as in 2/3; empty for one picture alone."""
    inline_id: str = ""
    """Inline message in another chat that shows it as well."""

    @property
    def full_prompt(self) -> str:
        """Prompt, with its flags, that the picture was drawn from; empty if it was not drawn."""
        if self.operation is not Operation.CREATE or not self.words:
            return self.base
        return to_prompt(PromptOptions(self.words, self.ratio, 0, self.seed, self.negative))

    @property
    def is_there(self) -> bool:
        """True if it can be shown; false while it is being made."""
        return self.picture is not None and bool(self.picture.file_id)

    def is_of(self, chat_id: int) -> bool:
        """Return true if it was made in this chat."""
        return self.chat_id == chat_id


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

    def dump(self) -> str:
        told = [self.user_id, self.at_ms, self.job_id, self.parent, self.photos[:_RECENT_PHOTOS]]
        return json.dumps(told, default=job_codec.pack)


class ResultStore(Store):
    """Store of results."""

    async def result(self, job_id: str) -> Result | None:
        """Read a result; None if it has expired."""
        found = await self._read([job_id] if job_id else [])
        return found[0] if found else None

    async def results(self, job_ids: Sequence[str]) -> list[Result]:
        """Read those results that can still be shown."""
        return [result for result in await self._read(job_ids) if result.picture is not None]

    async def of_job(self, job_id: str) -> tuple[Job | None, Result | None]:
        """Read a job while it is live, and its result."""
        if not job_id:
            return None, None
        job, record = await self._all(
            self._redis.hgetall(keys.JOB + job_id), self._redis.hgetall(keys.RESULT + job_id)
        )
        return (
            job_codec.from_hash(job) if job_codec.is_job(job) else None,
            _from_hash(job_id, record) if "operation" in record else None,
        )

    async def expected(self, job_id: str) -> Result | None:
        """Read a result, or the one that a live job will have."""
        return next(iter(await self.all_expected([job_id])), None)

    async def all_expected(self, job_ids: Iterable[str]) -> list[Result]:
        """Read those of the results that are there, or that live jobs will have."""
        found = await self._all(*map(self.of_job, job_ids))
        return [result or result_of(job) for job, result in found if result or job]

    async def failed_ms(self, job_id: str, now_ms: int) -> int:
        """Return when a job ended that was to show a picture and did not; 0 if it is not known."""
        key = keys.TOMBSTONE + job_id
        outcome, left_ms = await self._all(self._redis.get(key), self._redis.pttl(key))
        is_failed = outcome in {State.FAILED, State.DEAD}
        return now_ms - (keys.TOMBSTONE_S * 1000 - left_ms) if is_failed else 0

    async def _read(self, job_ids: Sequence[str]) -> list[Result]:
        found = await self._all(*(self._redis.hgetall(keys.RESULT + one) for one in job_ids))
        return [
            _from_hash(job_id, record)
            for job_id, record in zip(job_ids, found, strict=True)
            if "operation" in record
        ]

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
            self._redis.ltrim(key, 0, keys.HISTORY_LENGTH - 1),
            self._redis.expire(key, keys.RESULT_KEPT_S),
        )

    async def delete(self, result: Result, place: str) -> None:
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


def to_hash(
    job: Job,
    picture: InputPhoto | None,
    caption: str,
    message_id: int = 0,
    *,
    model: str = "",
    takes_seed: bool = False,
) -> dict[str, str]:
    """Return the stored fields of the result of a job."""
    request, progress = job.request, job.progress
    stars = job.charge.stars - job.charge.stars_back
    return {
        "user_id": str(job.user_id),
        "operation": request.operation.value,
        "language": request.language,
        "words": request.prompt,
        "sources": job_codec.to_text(request.sources),
        "scale": str(request.scale),
        "ratio": request.ratio,
        "parent": request.parent,
        "caption": caption,
        "picture": job_codec.to_text((picture,) if picture else ()),
        "negative": request.negative,
        "base": request.base,
        "undrawn": str(progress.facts.get("unknown", "")),
        "lettering": progress.lettering,
        "message": f"{request.chat_id}.{message_id}",
        "ignored": request.ignored,
        "seed": str(request.seed),
        "takes_seed": job_codec.to_text(takes_seed),
        "model": model,
        "chosen": request.model,
        "sent": request.sent,
        "size": str(progress.facts.get("size", "")),
        "queue_ms": str(max(progress.intent_ms - job.created_ms, 0)),
        "took_ms": str(progress.facts.get("took_ms", 0)),
        "price_micro": str(job.charge.price_micro if is_billed(job) else 0),
        "variant": job.variant,
        **({"stars": str(stars)} if stars else {}),
        **({"inline_id": request.inline_id} if request.inline_id else {}),
    }


def result_of(job: Job) -> Result:
    """Return the result that a job will have: the picture is named, and not there yet."""
    later = InputPhoto("", job.id)
    return _from_hash(job.id, to_hash(job, later, "", job.progress.message_id))


def _from_hash(job_id: str, record: Mapping[str, str]) -> Result:
    chat_id, _, message_id = record["message"].partition(".")
    place = {"chat_id": chat_id, "message_id": message_id}
    # The previous release stores a sticker as a cut-out, too; can go after the first release.
    operation = record.get("made_as", record["operation"])
    return job_codec.load(Result, {**record, **place, "id": job_id, "operation": operation})


def load_recent(text: str) -> Recent:
    user_id, at_ms, job_id, parent, photos = json.loads(text)
    return Recent(user_id, at_ms, job_id, parent, job_codec.unpack(photos))


def is_change(made: Request | Result) -> bool:
    """Return true if a picture is another one, changed."""
    is_alone = made.operation in PHOTO_ACTIONS and len(made.sources) == 1
    return is_alone or made.operation is Operation.INPAINT


def place_of(job: Job) -> str:
    """Return the chat and topic of a job, as they are part of a key."""
    return f"{job.request.chat_id}.{job.request.thread_id}"


def ordered(job: Job, now_ms: int) -> str:
    """Return the stored form of a new job; empty for a comparison, which shows nothing new."""
    request = job.request
    if request.operation is Operation.COMPARE:
        return ""
    photos = () if request.awaits_picture else request.sources
    return Recent(job.user_id, now_ms, job.id, request.parent, photos).dump()


def shown(job: Job, now_ms: int) -> str:
    """Return the stored form of a job whose picture is shown."""
    return Recent(job.user_id, now_ms, job.id).dump()
