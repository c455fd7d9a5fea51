"""Guest mode and inline mode: pictures in chats that the bot is not in."""

from functools import partial

from imgbot.features.feature import Core, Feature, Seams
from imgbot.features.guest.handlers import handle_update


def _build(core: Core) -> Seams:
    return Seams(first_looks=[partial(handle_update, core.app)])


FEATURE = Feature("guest", _build)
