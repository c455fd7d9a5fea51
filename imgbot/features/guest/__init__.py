"""Guest mode and inline mode: pictures in chats that the bot is not in."""

from functools import partial

from imgbot.features.feature import Core, Feature, Seams
from imgbot.features.guest.handlers import KINDS, delivery_hooks, handle_update


def _build(core: Core) -> Seams:
    handle = partial(handle_update, core.app)
    return Seams(updates=dict.fromkeys(KINDS, handle), hooks=delivery_hooks(core.app.messenger))


FEATURE = Feature("guest", _build)
