"""Checks of the Redis that the bot uses."""

from imgbot.config.setting_types import ClusterUrl
from imgbot.config.settings import Settings
from imgbot.domain.findings import Finding
from imgbot.ops.doctor.cluster import judge_cluster
from imgbot.storage.server.check import RedisReport, check_program, check_redis
from imgbot.storage.server.cluster import look
from imgbot.storage.server.process import url_of


async def examine_redis(settings: Settings, bot_id: str, *, is_running: bool) -> RedisReport:
    """Check the Redis of the bot, or the program of the embedded one while it does not run."""
    if url := settings.redis_address:
        return await check_redis(url, bot_id, is_embedded=False)
    if not is_running:
        return check_program(settings.redis_memory_bytes)
    return await check_redis(url_of(settings.state_dir), bot_id, is_embedded=True)


async def examine_cluster(url: str) -> list[Finding]:
    """Check a cluster by the URL of its Sentinels."""
    return judge_cluster(await look(ClusterUrl.parse(url)))
