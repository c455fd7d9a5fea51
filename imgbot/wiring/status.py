"""Builds what operators and administrators see: metrics, the status page, alerts."""

from collections.abc import Callable, Mapping

from aiogram import Bot

from imgbot.config.settings import Settings
from imgbot.ops.resource_usage import disk_problem
from imgbot.ops.status.cluster import ClusterStatus
from imgbot.ops.status.observer import Observer
from imgbot.ops.status.sampler import Check, StatusSampler
from imgbot.painter.pool import Pool
from imgbot.storage.backups import BackupTimes
from imgbot.storage.client import Client
from imgbot.storage.lease import Lease
from imgbot.storage.server.durability import trouble_of
from imgbot.storage.server.guard import Guard
from imgbot.storage.spend import Spend
from imgbot.storage.stats import QueueStats
from imgbot.storage.users import UserStore
from imgbot.telegram.polling_health import NoPolling, PollingHealth
from imgbot.telegram.session import BotSession
from imgbot.wiring.connections import now_ms, queue_limits_of


def build_sampler(
    settings: Settings,
    redis: Client,
    bot: Bot,
    pool: Pool,
    checks: Mapping[str, Check],
    is_standby: Callable[[], bool],
    in_cluster: tuple[Guard, Lease] | None,
) -> StatusSampler:
    """Build the sampler of the status page; each check is a sentence on what is wrong, or nothing.

    It knows neither jobs nor providers: at the start, there are none yet.
    """
    session = bot.session
    common: dict[str, Check] = {
        "redis": lambda: trouble_of(redis),
        "clock": lambda: session.clock_trouble if isinstance(session, BotSession) else "",
        "disk": lambda: disk_problem(settings.state_dir),
    }
    observer = Observer(
        QueueStats(redis),
        UserStore(redis),
        Spend(redis, queue_limits_of(settings)),
        pool,
        now_ms,
        "+".join(settings.providers),
        NoPolling() if settings.is_clustered else PollingHealth(),
        BackupTimes(redis) if settings.backup_to else None,
    )
    all_checks, folder = common | dict(checks), settings.state_dir
    if in_cluster is None:
        return StatusSampler(all_checks, observer, folder)
    cluster = ClusterStatus(*in_cluster)
    all_checks["cluster"] = cluster.trouble
    return StatusSampler(all_checks, observer, folder, is_standby, cluster.document)
