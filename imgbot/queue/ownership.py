"""Whose jobs these are: a state that has served one bot does not serve another."""

from redis.asyncio import Redis

from imgbot.errors import ConfigError
from imgbot.queue import keys
from imgbot.queue.scripts import storage_errors


async def own(redis: Redis, bot_id: int) -> None:
    """Note the bot that this Redis serves from now on; before the epoch is opened.

    Raises ConfigError where it is another's: its people would be answered by a stranger, and
    what they have sent could not be fetched.
    """
    with storage_errors():
        # A full memory refuses even a SET that would change nothing.
        owner = await redis.get(keys.OWNER) or await redis.set(
            keys.OWNER, bot_id, nx=True, get=True
        )
    if owner not in {None, str(bot_id)}:
        raise ConfigError(
            "IMGBOT_TOKEN",
            f"is of the bot {bot_id}, but the jobs here are of the bot {owner}: use that bot's "
            "token, or give this one an IMGBOT_STATE_DIR (or IMGBOT_REDIS_URL) of its own",
        )
