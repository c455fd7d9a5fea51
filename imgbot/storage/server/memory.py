"""Memory use of Redis: a full server still answers, but accepts no jobs."""

from dataclasses import dataclass
from pathlib import Path

from redis.asyncio import Redis

from imgbot.domain.errors import StorageUnavailableError
from imgbot.storage import keys
from imgbot.storage.scripts import storage_errors
from imgbot.storage.server.durability import counted_bytes, redis_cli
from imgbot.telemetry.thresholds import REDIS_MEMORY_RATIO, Level

_ROOMY = 0.95


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory that counts against Redis's maxmemory, and the limit; 0 if there is none."""

    used_bytes: int
    limit_bytes: int
    cli: str = "redis-cli"
    """Command that reaches the server."""
    is_embedded: bool = False

    @property
    def level(self) -> Level:
        return REDIS_MEMORY_RATIO.level(
            self.used_bytes / self.limit_bytes if self.limit_bytes else 0.0
        )

    @property
    def is_full(self) -> bool:
        """Return whether jobs are refused, or are about to be."""
        return self.level is Level.CRITICAL

    @property
    def is_roomy(self) -> bool:
        """Return whether use is far enough below the limit not to reach it again soon."""
        return self.used_bytes < self.limit_bytes * _ROOMY or not self.limit_bytes

    @property
    def used_mb(self) -> int:
        return self.used_bytes >> 20

    @property
    def limit_mb(self) -> int:
        return self.limit_bytes >> 20

    @property
    def advice(self) -> str:
        """Command that raises the limit permanently."""
        enough_mb = max(2 * self.limit_mb, self.used_mb + self.used_mb // 2)
        if self.is_embedded:
            return f"IMGBOT_REDIS_MEMORY_MB={enough_mb}, then: sudo systemctl restart imgbot"
        return f"{self.cli} CONFIG SET maxmemory {enough_mb}mb && {self.cli} CONFIG REWRITE"

    @property
    def trouble(self) -> str:
        """Problem and its solution if memory is full; empty otherwise."""
        if not self.is_full:
            return ""
        return (
            f"its memory is full ({self.used_mb} of {self.limit_mb} MB), so orders are refused or "
            f"soon will be: give it more ({self.advice}), or let fewer wait "
            "(IMGBOT_QUEUE_LIMIT)"
        )


async def trouble_of(redis: Redis) -> str:
    """Return why the server cannot accept jobs; empty if it can.

    A test write is included: a server that has lost its replicas, or its disk, still reads.
    """
    try:
        memory = await measure(redis)
        if not memory.trouble:
            with storage_errors():
                await redis.incr(keys.SYNCS)
    except StorageUnavailableError as error:
        return str(error)
    return memory.trouble


async def measure(redis: Redis) -> Memory:
    """Read the memory use. Raises StorageUnavailableError while Redis is unavailable."""
    with storage_errors():
        told = await redis.info("memory", "server")
    limit_bytes = int(told.get("maxmemory", 0))
    is_embedded = _is_embedded(redis, str(told.get("config_file", "")))
    return Memory(counted_bytes(told), limit_bytes, redis_cli(redis), is_embedded)


def _is_embedded(redis: Redis, config_file: str) -> bool:
    # Only the embedded server has its socket and its configuration in one directory.
    socket_path = redis.connection_pool.connection_kwargs.get("path", "")
    return bool(socket_path) and Path(socket_path).parent == Path(config_file).parent
