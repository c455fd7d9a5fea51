"""Store of named photos: fields of their users by the names, and copies on this machine's disk."""

import asyncio
import json
from pathlib import Path

from imgbot.domain.job import InputPhoto
from imgbot.painter.originals import OriginalStore
from imgbot.storage import keys
from imgbot.storage.client import Client, Store
from imgbot.storage.job_codec import pack
from imgbot.storage.users import NAMED

_COPIES_MB = 512
"""Beyond it the oldest copies are deleted: Telegram's files are taken instead."""


class NamedPhotos(Store):
    """Named photos; their copies are named by user and photo."""

    def __init__(self, redis: Client, folder: Path) -> None:
        super().__init__(redis)
        self._folder = folder
        self._copies = OriginalStore(folder, _COPIES_MB)

    async def keep(self, user_id: int, photo: InputPhoto, checked: Path) -> None:
        """Keep a photo under its name, with a copy, in place of the one that had the name."""
        stored = json.dumps(photo, default=pack)
        # First: a copy that no name leads to is deleted.
        await self._redis.hset(f"{keys.USER}{user_id}", f"{NAMED}{photo.name}", stored)
        copy = f"{user_id}.{photo.unique_id}"
        await asyncio.to_thread(self._copies.keep, checked, copy, checked.suffix)

    async def delete(self, user_id: int, name: str) -> None:
        await self._redis.hdel(f"{keys.USER}{user_id}", f"{NAMED}{name}")
        await self._tidy(f"{user_id}")

    def copy_of(self, user_id: int, photo: InputPhoto) -> Path | None:
        return self._copies.find(f"{user_id}.{photo.unique_id}") if photo.is_kept else None

    async def tidy(self) -> None:
        """Delete the copies that no name leads to, as of users who were forgotten."""
        for user in {path.name.partition(".")[0] for path in self._folder.iterdir()}:
            await self._tidy(user)
        await asyncio.to_thread(self._copies.prune, 0.0)

    async def _tidy(self, user: str) -> None:
        copies = [*self._folder.glob(f"{user}.*")]
        fields = await self._redis.hgetall(keys.USER + user)
        named = (json.loads(photo) for name, photo in fields.items() if name.startswith(NAMED))
        kept = {f"{user}.{unique_id}" for _, unique_id, *_ in named}
        for path in copies:
            if path.stem not in kept:
                path.unlink(missing_ok=True)
