"""Albums on their way: Telegram sends each photo by itself and never says how many there are.

An album counts as whole 1.5 s after its last item, 6 s after its first, or at once with ten
(figures: what other bots found to work). It waits in Redis, so a restart loses none of it.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from imgbot.domain.job import InputPhoto
from imgbot.storage import job_codec as records, keys
from imgbot.storage.scripts import Scripts, Store

PHOTOS_LIMIT = 10
_QUIET_MS = 1500
_LIMIT_MS = 6000
_DUE_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Item:
    """One message of an album; `visit` is what the conversation needs to know about it."""

    message_id: int
    source: InputPhoto | None
    words: str
    context: Mapping[str, Any]
    entry: str = ""
    """The item as it is stored."""


class Albums(Store):
    """Raises StorageUnavailableError while Redis is away."""

    def __init__(self, redis: Redis, scripts: Scripts) -> None:
        super().__init__(redis)
        self._scripts = scripts
        self.added = asyncio.Event()
        """Set at each new item, for whoever waits for albums to be whole."""

    async def add(self, album: str, person: str, item: Item, now_ms: int) -> None:
        """Put an item to its album, once; `person` is who sends it, and where."""
        packed = [
            item.message_id,
            records.pack_sources((item.source,) if item.source else ()),
            item.words,
            dict(item.context),
        ]
        await self._scripts.call(
            "add_album_item",
            album=keys.ALBUM + album,
            albums=keys.ALBUMS,
            open=keys.ALBUM_OPEN + person,
            begun=keys.ALBUM_BEGUN + album,
            album_id=album,
            item=json.dumps(packed, ensure_ascii=False),
            now_ms=now_ms,
            quiet_ms=_QUIET_MS,
            limit_ms=_LIMIT_MS,
            items_limit=PHOTOS_LIMIT,
            # Text ends an album: its sender has sent all of it.
            is_complete=int(item.source is None),
        )
        self.added.set()

    async def open_album(self, person: str) -> str:
        """Return the album that this person is sending at this moment, or nothing."""
        album = await self._ask(self._redis.get(keys.ALBUM_OPEN + person)) or ""
        return album if album and await self.is_open(album) else ""

    async def is_open(self, album: str) -> bool:
        return bool(await self._ask(self._redis.exists(keys.ALBUM + album)))

    async def is_known(self, album: str) -> bool:
        """Whether an item of this album came before: it is on its way, or has become a job."""
        known = (keys.ALBUM + album, keys.ALBUM_JOB + album)
        return bool(await self._ask(self._redis.exists(*known)))

    async def due(self, now_ms: int) -> tuple[list[str], int]:
        """Return the albums that are whole, and when (ms) to look again; 0 if none waits."""
        pipe = self._redis.pipeline(transaction=False)
        pipe.zrangebyscore(keys.ALBUMS, 0, now_ms, start=0, num=_DUE_AT_ONCE)
        pipe.zrangebyscore(keys.ALBUMS, f"({now_ms}", "+inf", start=0, num=1, withscores=True)
        due, later = await self._ask(pipe.execute())
        return due, int(later[0][1]) if later else 0

    async def items(self, album: str) -> list[Item]:
        """Return the items in the order of their messages."""
        entries = await self._ask(self._redis.lrange(keys.ALBUM + album, 0, -1))
        return sorted(map(_item, entries), key=lambda item: item.message_id)

    async def wait_anew(self, now_ms: int) -> None:
        """After a restart: the rest of an album may be on its way from Telegram still."""
        for album in await self._ask(self._redis.zrange(keys.ALBUMS, 0, -1)):
            await self.postpone(album, now_ms + _QUIET_MS)

    async def postpone(self, album: str, due_ms: int) -> None:
        """Look at it again later."""
        await self._ask(self._redis.zadd(keys.ALBUMS, {album: due_ms}))

    async def close(self, album: str, job_id: str, items: Sequence[Item]) -> None:
        """Forget the items that were handled; what came meanwhile stays, and is due."""
        await self._scripts.call(
            "close_album",
            album=keys.ALBUM + album,
            albums=keys.ALBUMS,
            begun=keys.ALBUM_BEGUN + album,
            job=keys.ALBUM_JOB + album,
            album_id=album,
            job_id=job_id,
            items=[item.entry for item in items],
        )

    async def join_late(self, album: str, source: InputPhoto) -> bool:
        """Put a photo that came late to the job its album became, if that still waits."""
        job_id = await self._ask(self._redis.get(keys.ALBUM_JOB + album))
        return bool(job_id) and await self.join(job_id, source)

    async def join(self, job_id: str, source: InputPhoto) -> bool:
        """Put a photo to a merge, unless it is there already; False if it waits no longer."""
        entry = json.dumps(records.pack_sources((source,))[0], ensure_ascii=False)
        answer = await self._scripts.call(
            "append_late_photo",
            job=keys.JOB + job_id,
            photo=entry,
            unique_id=source.unique_id,
            photos_limit=PHOTOS_LIMIT,
        )
        return answer[0] == "ok"


def _item(entry: str) -> Item:
    message_id, sources, words, visit = json.loads(entry)
    source = next(iter(records.unpack_sources(sources)), None)
    return Item(message_id, source, words, visit, entry)
