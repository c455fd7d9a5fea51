"""Incomplete albums: Telegram sends each photo separately and never says how many there are.

An album counts as complete 1.5 s after its last item, 6 s after its first, or at once with ten
items (figures: values that work in other bots). It is stored in Redis, so a restart loses nothing.
"""

import asyncio
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from imgbot.domain.job import InputPhoto
from imgbot.domain.operations import PHOTOS_LIMIT
from imgbot.storage import job_codec
from imgbot.storage.client import Client, Store
from imgbot.storage.entries import readable
from imgbot.storage.keys import Owner, Owners

ALBUM = "img:album:"  # LIST per incomplete album: its items as JSON
# ZSET: incomplete albums by the time (ms) at which they count as complete
ALBUMS = "img:albums"
# STRING per incomplete album: the time (ms) of its first item
ALBUM_BEGUN = "img:album-begun:"
# STRING per chat, topic and user, 10 s: the album that is being received
ALBUM_OPEN = "img:album-open:"
# STRING per album, an hour: the job made from it, for late items
ALBUM_JOB = "img:album-job:"

KEYS: Owners = {
    ALBUM: (Owner.METHOD,),
    ALBUMS: (Owner.METHOD,),
    ALBUM_BEGUN: (Owner.METHOD,),
    ALBUM_OPEN: (r"-?\d+(?:\.\d+)?\.(\d+)",),
    ALBUM_JOB: (Owner.POINTER, r"(\d+)\..*"),
}


_QUIET_MS = 1500
_LIMIT_MS = 6000
_POSTPONED_MS = 600_000
"""Longer than an album is postponed: one due later was added before the clock was set back."""
_DUE_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Item:
    """Message of an album; `context` is what its handler needs."""

    message_id: int
    source: InputPhoto | None
    words: str
    context: Mapping[str, Any]
    entry: str = ""
    """Stored form of the item."""


class Albums(Store):
    """Store of incomplete albums."""

    def __init__(self, redis: Client) -> None:
        super().__init__(redis)
        self.added = asyncio.Event()
        """Set at each new item, for the task that waits for albums to be complete."""

    async def add(self, album: str, person: str, item: Item, now_ms: int) -> None:
        """Add an item to its album, once; `person` identifies its sender and chat."""
        sources = (item.source,) if item.source else ()
        await self._redis.call(
            "add_album_item",
            album_id=album,
            person=person,
            item=job_codec.to_text((item.message_id, sources, item.words, dict(item.context))),
            now_ms=now_ms,
            quiet_ms=_QUIET_MS,
            limit_ms=_LIMIT_MS,
            items_limit=PHOTOS_LIMIT,
            # A text ends an album: the user sends it after the last photo.
            is_complete=int(item.source is None),
        )
        self.added.set()

    async def open_album(self, person: str) -> str:
        """Return the album that this user is sending now, or an empty string."""
        album = await self._redis.get(ALBUM_OPEN + person) or ""
        return album if album and await self.is_open(album) else ""

    async def is_open(self, album: str) -> bool:
        return bool(await self._redis.exists(ALBUM + album))

    async def is_known(self, album: str) -> bool:
        """Return true if the album has items, or has already become a job."""
        known = (ALBUM + album, ALBUM_JOB + album)
        return bool(await self._redis.exists(*known))

    async def due(self, now_ms: int) -> tuple[list[str], int]:
        """Return the complete albums, and the time (ms) of the next check; 0 if none is pending."""
        after, one = f"({now_ms}", {"start": 0, "num": 1, "withscores": True}
        due, later = await self._all(
            self._redis.zrangebyscore(ALBUMS, 0, now_ms, start=0, num=_DUE_AT_ONCE),
            self._redis.zrangebyscore(ALBUMS, after, "+inf", **one),
        )
        if later and later[0][1] > now_ms + _POSTPONED_MS:
            return [*due, later[0][0]], 0
        return due, int(later[0][1]) if later else 0

    async def items(self, album: str) -> list[Item]:
        """Return the items in message order; one that cannot be read would be due for ever."""
        key = ALBUM + album
        entries = await self._redis.lrange(key, 0, -1)
        found = readable(key, load_item, entries)
        for lost in {*entries} - {item.entry for item in found}:
            await self._redis.lrem(key, 0, lost)
        return sorted(found, key=lambda item: item.message_id)

    async def wait_anew(self, now_ms: int) -> None:
        """Restart the wait after a restart: Telegram may still deliver the rest of an album."""
        for album in await self._redis.zrange(ALBUMS, 0, -1):
            await self.postpone(album, now_ms + _QUIET_MS)

    async def postpone(self, album: str, due_ms: int) -> None:
        """Postpone the next check of an album to `due_ms`."""
        await self._redis.zadd(ALBUMS, {album: due_ms})

    async def close(self, album: str, job_id: str, items: Sequence[Item]) -> None:
        """Remove the handled items; items added meanwhile stay and are due at once."""
        await self._redis.call(
            "close_album",
            album_id=album,
            job_id=job_id,
            items=[item.entry for item in items],
        )

    async def join_late(self, album: str, source: InputPhoto) -> bool:
        """Add a late photo to the job of its album, if that job is still waiting."""
        job_id = await self._redis.get(ALBUM_JOB + album)
        return bool(job_id) and await self.join(job_id, source)

    async def join(self, job_id: str, source: InputPhoto) -> bool:
        """Add a photo to a merge job, once; return False if the job is no longer waiting."""
        answer = await self._redis.call(
            "append_late_photo",
            id=job_id,
            photo=job_codec.to_text(source),
            unique_id=source.unique_id,
            photos_limit=PHOTOS_LIMIT,
        )
        return answer[0] == "ok"

    async def forget(self, users: Collection[int]) -> None:
        """Delete the incomplete albums of users."""
        for album in await self._redis.zrange(ALBUMS, 0, -1):
            if any(item.context.get("user_id") in users for item in await self.items(album)):
                await self._redis.unlink(ALBUM + album, ALBUM_BEGUN + album)
                await self._redis.zrem(ALBUMS, album)


def load_item(entry: str) -> Item:
    """Return an item from its stored form."""
    message_id, sources, words, context = json.loads(entry)
    source = next(iter(job_codec.unpack(sources)), None)
    return Item(message_id, source, words, context, entry)
