"""Reaching the Redis of a state directory, whether its bot runs or not."""

import os
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

from redis.exceptions import (
    ConnectionError as RedisConnectionError,
    RedisError,
    TimeoutError as RedisTimeoutError,
)

from imgbot.config.settings import Settings
from imgbot.config.sources import NO_TOKEN, SettingsSource
from imgbot.domain.errors import ImgbotError
from imgbot.files import anchored, as_owner
from imgbot.ops.installation import environ_of_service
from imgbot.ops.state_directory import AlreadyRunningError, instance_lock
from imgbot.storage.client import Client, connect
from imgbot.storage.server.durability import address_of, verify
from imgbot.storage.server.process import RedisServer, find_binary, url_of

_ANSWER_S = 20.0


@asynccontextmanager
async def open_redis(
    settings: Settings, state_dir: Path, *, is_ours: bool = False
) -> AsyncGenerator[Client]:
    """Connect to Redis: the external one, the running bot's, else one started for this.

    `is_ours` says that the state directory is locked already: no bot can run.
    """
    if url := settings.redis_address:
        async with aclosing(connect(url)) as redis:
            await verify(redis, deadline_s=_ANSWER_S)
            yield redis
        return
    async with AsyncExitStack() as closing:
        try:
            if not is_ours:
                closing.enter_context(instance_lock(state_dir, ""))
        except AlreadyRunningError:
            url = url_of(state_dir)
        else:
            here = closing.enter_context(anchored(state_dir))
            binary = find_binary()
            program = closing.enter_context(binary.open("rb")).fileno()
            server = RedisServer(here, port=0, binary=binary, program=program, memory_bytes=0)
            closing.push_async_callback(server.stop)
            with as_owner(here):
                await server.start()
            url = server.url
        yield await closing.enter_async_context(aclosing(connect(url)))


async def ask_redis(command_words: list[str]) -> list[str]:
    """Send one command to the Redis of the running bot; return what `redis-cli` would print.

    Raises ConfigError, ImgbotError.
    """
    settings = SettingsSource(environ_of_service(os.environ), NO_TOKEN).read()
    async with aclosing(connect(settings.redis_address or url_of(settings.state_dir))) as redis:
        try:
            # As the server says it: the client would turn many answers into types of its own.
            connection = await redis.connection_pool.get_connection()
            await connection.send_command(*(command_words or ["PING"]))
            return list(_printed(await connection.read_response()))
        except (RedisConnectionError, RedisTimeoutError) as error:
            where = address_of(redis)
            raise ImgbotError(f"no Redis answers at {where}: is the bot running?") from error
        except RedisError as error:
            raise ImgbotError(f"Redis: {error}") from error


def _printed(answer: Any) -> Iterator[str]:
    match answer:
        case list() | tuple() | set():
            for each in answer:
                yield from _printed(each)
        case dict():
            yield from _printed([part for pair in answer.items() for part in pair])
        case RedisError():
            raise answer
        case _:
            yield "" if answer is None else str(answer)
