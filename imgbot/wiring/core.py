"""Builds the parts of the core that features use."""

import asyncio
import functools
import shutil
from collections.abc import Awaitable, Callable, Collection

from imgbot.bot.commands import CommandTable
from imgbot.bot.handlers.account import AccountHandlers
from imgbot.bot.handlers.operations import OperationHandlers
from imgbot.bot.handlers.start import GeneralHandlers
from imgbot.bot.pictures import Pictures
from imgbot.bot.requests import Requests
from imgbot.config.settings import Settings
from imgbot.features.feature import Core
from imgbot.files import state_folder
from imgbot.ops.status.sampler import StatusSampler
from imgbot.painter.originals import OriginalStore
from imgbot.providers.chat import ChatClient
from imgbot.storage.forgetting import Forgetting
from imgbot.storage.rate_limit import RateLimit
from imgbot.storage.results import ResultStore
from imgbot.storage.spend import Spend
from imgbot.storage.stats import QueueStats
from imgbot.storage.users import UserStore
from imgbot.telegram.messenger import Messenger
from imgbot.wiring.connections import Connections, now_ms
from imgbot.wiring.features import forgetters, owners
from imgbot.wiring.providers import access_policy


def build_core(
    settings: Settings,
    connections: Connections,
    sampler: StatusSampler,
    originals: OriginalStore,
) -> Core:
    """Build the core; its table of commands is filled when its features are built."""
    redis, queue, identity = connections.redis, connections.queue, connections.bot_identity
    policy, spend = access_policy(settings, connections.routes), Spend(redis, queue.caps)
    window_s, max_requests = settings.rate_limit_window, settings.rate_limit_max_requests
    limit = RateLimit(redis, window_s=window_s, max_requests=max_requests)
    messenger, users, results = Messenger(connections.bot), UserStore(redis), ResultStore(redis)
    remove_files = _file_removal(settings, originals)
    chat, key = settings.chat, settings.chat_key
    ask_at = chat.url, chat.model, key, lambda: spend.count_chat_call(now_ms())
    requests = Requests(queue, users, results, limit, spend, policy)
    return Core(
        settings=settings,
        redis=redis,
        queue=queue,
        bot=connections.bot,
        identity=identity,
        messenger=messenger,
        policy=policy,
        spend=spend,
        forgetting=Forgetting(
            redis, queue, remove_files, messenger.delete_pack, owners(), forgetters()
        ),
        pool=connections.pool,
        originals=originals,
        routes=connections.routes,
        is_clock_sure=connections.is_clock_sure,
        measure=sampler.measure,
        alarm=connections.alarm,
        now_ms=now_ms,
        requests=requests,
        chat=ChatClient(*ask_at),
        sight=ChatClient(*ask_at),
        pictures=Pictures(results),
        operations=OperationHandlers(requests, policy.has_photo_styles),
        account=AccountHandlers(queue, users, limit, spend, policy),
        general=GeneralHandlers(
            identity, policy, CommandTable(), QueueStats(redis), settings.welcome
        ),
    )


def _file_removal(
    settings: Settings, originals: OriginalStore
) -> Callable[[Collection[str]], Awaitable[None]]:
    folder = state_folder(settings.state_dir, "jobs")

    def remove(job_ids: Collection[str]) -> None:
        for job_id in job_ids:
            originals.remove(job_id)
            shutil.rmtree(folder / job_id, ignore_errors=True)

    return functools.partial(asyncio.to_thread, remove)
