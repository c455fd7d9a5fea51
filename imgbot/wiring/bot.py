"""Builds the side that talks to users."""

import asyncio
import functools
import shutil
from collections.abc import Collection
from urllib.parse import urlsplit

from imgbot.bot.chat_model import ChatModel
from imgbot.bot.dialogue import Dialogues
from imgbot.bot.handlers.admin.remedies import Remedies
from imgbot.bot.handlers.admin.reports import StatsSources
from imgbot.bot.handlers.privacy import Privacy
from imgbot.bot.requests import AccessPolicy, RequestService
from imgbot.bot.router import Components, UpdateHandler
from imgbot.config.settings import Settings
from imgbot.domain.texts import language_of, t
from imgbot.imaging.originals import OriginalStore
from imgbot.ops import state_dir as state
from imgbot.ops.lifecycle import resize
from imgbot.storage.access import Access
from imgbot.storage.albums import Albums
from imgbot.storage.alerts import AlertStore
from imgbot.storage.broadcasts import Broadcasts
from imgbot.storage.client import storage_errors
from imgbot.storage.dead_letters import DeadLetters
from imgbot.storage.forgetting import Forgetting
from imgbot.storage.rate_limit import RateLimit
from imgbot.storage.results import ResultStore
from imgbot.storage.spend import Spend
from imgbot.storage.stats import QueueStats
from imgbot.storage.update_ledger import UpdateLedger
from imgbot.storage.users import UserStore
from imgbot.telegram.messenger import ChatTarget, Messenger
from imgbot.telegram.update import Update, chat_of, language_code_of
from imgbot.telegram.update_poller import UpdatePoller
from imgbot.wiring.connections import Connections, now_ms, utc_offset_s


def build_components(settings: Settings, connections: Connections) -> Components:
    redis, queue, routes = connections.redis, connections.queue, connections.routes
    messenger = Messenger(connections.bot)
    users, results = UserStore(redis), ResultStore(redis)
    spend = Spend(redis, queue.caps, utc_offset_s)
    access, dead_letters = Access(redis), DeadLetters(redis, queue)
    limit = RateLimit(
        redis, window_s=settings.rate_limit_window, max_requests=settings.rate_limit_max_requests
    )
    policy = AccessPolicy(
        allowed=frozenset(settings.allowed_users),
        admins=frozenset(settings.admins),
        has_builtin_engine=settings.providers == ("builtin",),
        price_of=routes.price_micro,
    )
    pictures = state.folder(settings.state_dir, "pictures")
    originals = OriginalStore(pictures, settings.kept_pictures_mb)
    return Components(
        identity=connections.bot_identity,
        policy=policy,
        requests=RequestService(
            queue, users, results, limit, spend, policy, messenger.bot_id, now_ms
        ),
        messenger=messenger,
        queue=queue,
        job_reads=queue,
        results=results,
        users=users,
        albums=Albums(redis),
        limit=limit,
        spend=spend,
        originals=originals,
        access=access,
        broadcasts=Broadcasts(redis),
        dead_letters=dead_letters,
        privacy=_privacy(settings, connections, spend, originals),
        chat_model=ChatModel(
            settings.chat_url,
            settings.chat_model,
            settings.chat_key,
            lambda: spend.take_chat_call(now_ms(), settings.chat_daily_limit),
        ),
        stats=StatsSources(
            queue_stats=QueueStats(redis),
            job_reads=queue,
            users=users,
            spend=spend,
            workers=connections.workers,
            providers_out=connections.providers_out,
        ),
        remedies=Remedies(
            incidents=AlertStore(redis),
            access=access,
            dead_letters=dead_letters,
            spend=spend,
            workers=connections.workers,
            resize=functools.partial(resize, connections.pool),
            now_ms=now_ms,
        ),
        now_ms=now_ms,
    )


def _privacy(
    settings: Settings, connections: Connections, spend: Spend, originals: OriginalStore
) -> Privacy:
    folder = state.folder(settings.state_dir, "jobs")

    def remove_files(job_ids: Collection[str]) -> None:
        for job_id in job_ids:
            originals.remove(job_id)
            shutil.rmtree(folder / job_id, ignore_errors=True)

    return Privacy(
        Forgetting(
            connections.redis,
            connections.queue,
            functools.partial(asyncio.to_thread, remove_files),
        ),
        spend,
        now_ms,
        connections.routes.makers,
        settings.forget_after_days,
        urlsplit(settings.chat_url).hostname or "",
    )


def build_update_poller(
    connections: Connections, components: Components, dialogues: Dialogues
) -> UpdatePoller:
    """Build the poller, and the handler of its updates."""
    handler = UpdateHandler(components, dialogues, connections.bot)
    users, window_s = components.users, components.limit.window_s

    async def handle(update: Update) -> None:
        with storage_errors():
            await handler.handle(update)

    async def slow_down(update: Update) -> None:
        # In a group this would reproach members for talking to each other.
        if not isinstance(chat := chat_of(update), int) or chat < 0:
            return
        # One notice per window is enough, whichever limit it is about.
        notice, request = f"rate_limited.{chat}", str(update["update_id"])
        if await users.claim_notice(chat, notice, request, window_s):
            text = t(language_of(language_code_of(update)), "too_fast")
            await components.messenger.send_text(ChatTarget(chat), text, [])

    ledger = UpdateLedger(connections.redis, connections.queue.persist)
    return UpdatePoller(connections.bot, handle, ledger, slow_down)
