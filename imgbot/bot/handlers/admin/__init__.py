"""Routes of admin commands and callbacks; for other users they do not exist."""

from imgbot.bot.handlers.admin.access import (
    handle_allow,
    handle_ban,
    handle_forget,
    handle_pause,
    handle_resume,
    handle_unban,
    on_allow_callback,
    on_ban_callback,
)
from imgbot.bot.handlers.admin.broadcast import handle_broadcast, on_broadcast_callback
from imgbot.bot.handlers.admin.remedies import on_remedy_callback
from imgbot.bot.handlers.admin.reports import (
    handle_spend,
    handle_stats,
    handle_stuck,
    on_stuck_callback,
)

COMMANDS = {
    "stats": handle_stats,
    "stuck": handle_stuck,
    "spend": handle_spend,
    "ban": handle_ban,
    "unban": handle_unban,
    "allow": handle_allow,
    "forget": handle_forget,
    "pause": handle_pause,
    "resume": handle_resume,
    "broadcast": handle_broadcast,
}

CALLBACKS = {
    "stuck": on_stuck_callback,
    "ban": on_ban_callback,
    "allow": on_allow_callback,
    "cast": on_broadcast_callback,
    "fix": on_remedy_callback,
}

ANYWHERE = frozenset({"ban", "unban", "allow", "pause", "resume"})
"""Commands that also work in a group: their answers disclose nothing private."""
