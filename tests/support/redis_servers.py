"""An embedded Redis as tests see it: a client of it, and what it says of itself."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from redis.asyncio import Redis
from redis.exceptions import RedisError

from imgbot.queue.server import RedisServer


@asynccontextmanager
async def client_of(server: RedisServer) -> AsyncGenerator[Redis]:
    client = Redis.from_url(server.url, decode_responses=True)
    try:
        yield client
    finally:
        await client.aclose()


async def answers(server: RedisServer) -> bool:
    async with client_of(server) as client:
        try:
            return await client.ping()
        except (RedisError, OSError):
            return False


async def is_at_rest(client: Redis) -> bool:
    info = await client.info("persistence")
    return not (info["aof_rewrite_in_progress"] or info["aof_rewrite_scheduled"])


@asynccontextmanager
async def filled(client: Redis) -> AsyncGenerator[None]:
    """Its memory is full until the end of this."""
    limit = (await client.config_get("maxmemory"))["maxmemory"]
    await client.config_set("maxmemory", "100kb")
    try:
        yield
    finally:
        await client.config_set("maxmemory", str(limit))
