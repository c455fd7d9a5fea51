"""Admin commands and callbacks; for other users they do not exist."""

from imgbot.bot.handlers.admin import access, broadcast, remedies, reports

COMMANDS = {
    **reports.COMMANDS,
    **access.COMMANDS,
    "broadcast": broadcast.handle_broadcast,
}
CALLBACKS = {
    **reports.CALLBACKS,
    **access.CALLBACKS,
    "cast": broadcast.on_broadcast_callback,
    "fix": remedies.on_remedy_callback,
}

ANYWHERE = frozenset({"ban", "unban", "allow", "pause", "resume"})
"""Commands that also work in a group: their answers disclose nothing private."""
