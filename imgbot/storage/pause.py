"""Pause: while it lasts, new jobs are refused."""

from imgbot.storage import keys
from imgbot.storage.client import Store

UNSAID = "1"
"""Stored value of a pause without a message."""


class Pause(Store):
    """Store of the pause; a change applies from the next update."""

    async def begin(self, words: str) -> None:
        """Refuse new jobs from now on; `words` are added to the refusal that users see."""
        await self._redis.set(keys.PAUSED, words or UNSAID)

    async def begin_anew(self) -> bool:
        """Refuse new jobs without a message; return False if there is a pause already."""
        return bool(await self._redis.set(keys.PAUSED, UNSAID, nx=True))

    async def is_on(self) -> bool:
        return bool(await self._redis.exists(keys.PAUSED))

    async def end(self) -> bool:
        """Accept jobs again; return False if there was no pause."""
        return bool(await self._redis.delete(keys.PAUSED))
