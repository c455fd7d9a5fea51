"""Whose jobs these are: a state that has served one bot does not serve another."""

import secrets

from redis.asyncio import Redis

from imgbot.domain.errors import ConfigError
from imgbot.storage import keys
from imgbot.storage.scripts import Scripts

_ID_BYTES = 6


async def bind_to_bot(redis: Redis, bot_id: int) -> str:
    """Note the bot that this Redis serves from now on; before the epoch is opened.

    Returns the id of this installation, made at its first start and kept for good.

    Raises ConfigError where it is another's: its people would be answered by a stranger, and
    what they have sent could not be fetched.
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
    """Return what a key holds, from now on `value` where it held nothing."""
    _, held = await scripts.call("set_once", key=key, value=value)
    return str(held)
