"""When a backup last left this machine, and when one was last read back."""

from imgbot.storage import keys
from imgbot.storage.client import Store

SENT, READ = "backup", "rehearsal"
"""Fields of the record, called as the rules that judge their age."""


class BackupTimes(Store):
    """Store of both times."""

    async def note(self, field: str, at_ms: int) -> None:
        """Note that it succeeded at this time; 0: it failed, however good it was before."""
        await self._redis.hset(keys.BACKUPS, field, str(at_ms))

    async def ages_s(self, now_ms: int) -> dict[str, float]:
        """Return the seconds since both, as far as they are known."""
        found = await self._redis.hgetall(keys.BACKUPS)
        ages_s = {
            name: (now_ms - int(found[name])) / 1000 for name in (SENT, READ) if name in found
        }
        return {name: max(age_s, 0.0) for name, age_s in ages_s.items()}
