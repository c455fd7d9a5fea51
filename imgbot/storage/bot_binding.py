"""Binding of a Redis to one bot: jobs of one bot are never served by another."""

import secrets

from redis.asyncio import Redis

from imgbot.domain.errors import ConfigError
from imgbot.storage import keys
from imgbot.storage.scripts import Scripts

_ID_BYTES = 6


async def bind_to_bot(redis: Redis, bot_id: int) -> str:
    """Bind this Redis to a bot, before the epoch is opened.

    Returns the id of this installation, created at its first start and never changed.

    Raises ConfigError if Redis is bound to another bot: users would be answered by a bot they do
    not know, and files that they sent to the other one could not be downloaded.
    """
    scripts = Scripts(redis)
    owner = await _kept(scripts, keys.OWNER, str(bot_id))
    if owner != str(bot_id):
        raise ConfigError(
            "IMGBOT_TOKEN",
            f"is of the bot {bot_id}, but the jobs here are of the bot {owner}: use that bot's "
            "token, or give this one an IMGBOT_STATE_DIR (or IMGBOT_REDIS_URL) of its own",
        )
    return await _kept(scripts, keys.INSTALLATION, secrets.token_hex(_ID_BYTES))


async def _kept(scripts: Scripts, key: str, value: str) -> str:
    """Return the value of a key, after setting it to `value` if it had none."""
    _, held = await scripts.call("set_once", key=key, value=value)
    return str(held)
