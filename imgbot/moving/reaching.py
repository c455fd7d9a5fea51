"""Reaching the Redis of a state directory, whether its bot runs or not."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from redis.asyncio import Redis

from imgbot.ops import state
from imgbot.ops.lock import AlreadyRunningError, InstanceLock
from imgbot.ops.settings import Settings
from imgbot.queue.durability import verify
from imgbot.queue.scripts import connect
from imgbot.queue.server import RedisServer, socket_of

_ANSWER_S = 20.0


@asynccontextmanager
async def open_redis(
    settings: Settings, state_dir: Path, *, is_ours: bool = False
) -> AsyncGenerator[Redis]:
    """Reach Redis: one's own, the embedded one of a bot that runs, else one started for this.

    `is_ours` says that the state directory is locked already: no bot can run.
    """
    if settings.redis_url is not None:
        redis = connect(settings.redis_url.get_secret_value())
        try:
            await verify(
                redis, accept_volatile=settings.accept_volatile_redis, deadline_s=_ANSWER_S
            )
            yield redis
        finally:
            await redis.aclose()
        return
    lock = InstanceLock(state_dir, "")
    try:
        if not is_ours:
            lock.acquire()
    except AlreadyRunningError:
        async with _client(f"unix://{socket_of(state_dir)}") as redis:
            yield redis
        return
    try:
        async with RedisServer(state_dir, port=0) as server, _client(server.url) as redis:
            yield redis
    finally:
        state.hand_over(state_dir)
        lock.release()


@asynccontextmanager
async def _client(url: str) -> AsyncGenerator[Redis]:
    redis = connect(url)
    try:
        yield redis
    finally:
        await redis.aclose()
