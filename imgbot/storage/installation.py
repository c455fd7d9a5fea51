"""Installation: the bot that a Redis belongs to."""

import secrets

from imgbot.domain.errors import ConfigError
from imgbot.storage import keys
from imgbot.storage.client import Client

_ID_BYTES = 6


async def bind_to_bot(redis: Client, bot_id: int) -> str:
    """Bind this Redis to a bot, before the epoch is opened.

    Returns the id of this installation, created at its first start and never changed.

    Raises ConfigError if Redis is bound to another bot: users would be answered by a bot they do
    not know, and files that they sent to the other one could not be downloaded.
    """
    _, owner = await redis.call("once", key=keys.OWNER, value=str(bot_id), ttl_s=0)
    if owner != str(bot_id):
        raise ConfigError(
            "IMGBOT_TOKEN",
            f"is of the bot {bot_id}, but the jobs here are of the bot {owner}: use that bot's "
            "token, or give this one an IMGBOT_STATE_DIR (or IMGBOT_REDIS_URL) of its own",
        )
    random_id = secrets.token_hex(_ID_BYTES)
    _, held = await redis.call("once", key=keys.INSTALLATION, value=random_id, ttl_s=0)
    return str(held)
