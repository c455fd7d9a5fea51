"""An embedded Redis as tests see it: a client of it, and what it says of itself."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from redis.asyncio import Redis
from redis.exceptions import RedisError

from imgbot.storage.server.process import RedisServer


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


@asynccontextmanager
async def deaf(redis_url: str, words: str, *, times: float = 1) -> AsyncGenerator[str]:
    """The address of a way to Redis that hangs, so many times, where `words` are said to it."""
    there = Redis.from_url(redis_url).connection_pool.connection_kwargs
    heard = 0

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal heard
        with suppress(OSError):
            while said := await reader.read(65_536):
                if words.encode() in said and heard < times:
                    heard += 1
                    continue
                writer.write(said)
        writer.close()

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        near, far = await asyncio.open_unix_connection(there["path"])
        async with asyncio.TaskGroup() as group:
            group.create_task(carry(reader, far))
            group.create_task(carry(near, writer))

    server = await asyncio.start_server(meet, "127.0.0.1", 0)
    async with server:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
