"""Whether Redis has room left: one that is full answers, and takes no order."""

from dataclasses import dataclass

from redis.asyncio import Redis

from imgbot.queue.durability import redis_cli
from imgbot.queue.scripts import storage_errors

# At the limit itself what is being written counts, too: large orders are refused before it.
_FULL = 0.99
_ROOMY = 0.95


@dataclass(frozen=True, slots=True)
class Memory:
    """What counts against Redis's maxmemory, and that; 0 where there is none."""

    used_bytes: int
    limit_bytes: int
    cli: str = "redis-cli"
    """The command that reaches the server."""

    @property
    def is_full(self) -> bool:
        return bool(self.limit_bytes) and self.used_bytes >= self.limit_bytes * _FULL

    @property
    def is_roomy(self) -> bool:
        """Whether it will not be full again in a moment."""
        return self.used_bytes < self.limit_bytes * _ROOMY or not self.limit_bytes

    @property
    def used_mb(self) -> int:
        return self.used_bytes >> 20

    @property
    def limit_mb(self) -> int:
        return self.limit_bytes >> 20

    @property
    def mend(self) -> str:
        """The command that gives it room."""
        enough_mb = max(2 * self.limit_mb, self.used_mb + self.used_mb // 2)
        return f"{self.cli} CONFIG SET maxmemory {enough_mb}mb"

    @property
    def trouble(self) -> str:
        """That it is full, and what to do; empty while it has room."""
        if not self.is_full:
            return ""
        return (
            f"its memory is full ({self.used_mb} of {self.limit_mb} MB), so no order is taken: "
            f"raise its maxmemory ({self.mend}), or let fewer wait (IMGBOT_QUEUE_LIMIT)"
        )


async def measure(redis: Redis) -> Memory:
    """Raises StorageAwayError while Redis is away."""
    with storage_errors():
        told = await redis.info("memory")
    # Its own log of what is to be written does not count.
    used = int(told.get("used_memory", 0)) - int(told.get("mem_not_counted_for_evict", 0))
    return Memory(used, int(told.get("maxmemory", 0)), redis_cli(redis))
