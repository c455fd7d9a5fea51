"""Admin commands and callbacks; for other users they do not exist."""

from collections.abc import Mapping

from imgbot.bot.dialogue import CallbackHandler, MessageHandler
from imgbot.bot.handlers.admin import (
    access,
    broadcast,
    people,
    remedies,
    reports,
)

COMMANDS: Mapping[str, MessageHandler] = {
    **reports.COMMANDS,
    **access.COMMANDS,
    **people.COMMANDS,
    "broadcast": broadcast.handle_broadcast,
}
CALLBACKS: Mapping[str, CallbackHandler] = {
    **reports.CALLBACKS,
    **access.CALLBACKS,
    **people.CALLBACKS,
    "cast": broadcast.on_broadcast_callback,
    "fix": remedies.on_remedy_callback,
}

ANYWHERE = frozenset({"ban", "unban", "allow", "pause", "resume"})
"""Commands that also work in a group: their answers disclose nothing private."""
