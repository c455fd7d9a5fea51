"""Guest mode and inline mode: pictures in chats that the bot is not in."""

from imgbot.features.feature import Core, Feature, Seams
from imgbot.features.guest.handlers import KINDS, GuestHandlers, delivery_hooks
from imgbot.storage.results import ResultStore
from imgbot.storage.stats import QueueStats
from imgbot.storage.users import UserStore


def _build(core: Core) -> Seams:
    redis = core.redis
    parts = core.identity, core.messenger, core.policy, core.requests, core.account, core.now_ms
    handlers = GuestHandlers(*parts, UserStore(redis), ResultStore(redis), QueueStats(redis))
    updates = dict.fromkeys(KINDS, handlers.handle_update)
    return Seams(updates=updates, hooks=delivery_hooks(core.messenger))


FEATURE = Feature("guest", _build)
