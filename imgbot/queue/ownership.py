"""Whose jobs these are: a state that has served one bot does not serve another."""

import secrets

from redis.asyncio import Redis

from imgbot.errors import ConfigError
from imgbot.queue import keys
from imgbot.queue.scripts import storage_errors

_ID_BYTES = 6


async def own(redis: Redis, bot_id: int) -> str:
    """Note the bot that this Redis serves from now on; before the epoch is opened.

    Returns the id of this installation, made at its first start and kept for good.

    Raises ConfigError where it is another's: its people would be answered by a stranger, and
    what they have sent could not be fetched.
    """
    with storage_errors():
        owner = await _kept(redis, keys.OWNER, str(bot_id))
    if owner != str(bot_id):
        raise ConfigError(
            "IMGBOT_TOKEN",
            f"is of the bot {bot_id}, but the jobs here are of the bot {owner}: use that bot's "
            "token, or give this one an IMGBOT_STATE_DIR (or IMGBOT_REDIS_URL) of its own",
        )
    with storage_errors():
        return await _kept(redis, keys.INSTALLATION, secrets.token_hex(_ID_BYTES))


async def _kept(redis: Redis, key: str, value: str) -> str:
    """Return what a key holds, from now on `value` where it held nothing."""
    # A full memory refuses even a SET that would change nothing.
    held = await redis.get(key) or await redis.set(key, value, nx=True, get=True)
    return str(held or value)
