"""What only administrators may say and press; to everybody else it does not exist."""

from aiogram.types import CallbackQuery

from imgbot.conversation.admin_broadcast import handle_broadcast, on_broadcast_callback
from imgbot.conversation.admin_pause import handle_pause, handle_resume
from imgbot.conversation.admin_people import (
    handle_allow,
    handle_ban,
    handle_unban,
    on_allow_callback,
    on_ban_callback,
)
from imgbot.conversation.admin_spend import handle_spend
from imgbot.conversation.admin_stats import handle_stats
from imgbot.conversation.admin_stuck import handle_stuck, on_stuck_callback
from imgbot.conversation.desk import RequestService
from imgbot.conversation.visit import RequestContext
from imgbot.texts.buttons import CallbackData

COMMANDS = {
    "stats": handle_stats,
    "stuck": handle_stuck,
    "spend": handle_spend,
    "ban": handle_ban,
    "unban": handle_unban,
    "allow": handle_allow,
    "pause": handle_pause,
    "resume": handle_resume,
    "broadcast": handle_broadcast,
}

_PRESSES = {
    "stuck": on_stuck_callback,
    "ban": on_ban_callback,
    "allow": on_allow_callback,
    "cast": on_broadcast_callback,
}

ANYWHERE = frozenset({"ban", "unban", "allow", "pause", "resume"})
"""What makes sense in a group, too: its answers tell nobody what is not theirs to know."""


async def on_admin_callback(
    callback: CallbackQuery, press: CallbackData, context: RequestContext, service: RequestService
) -> str:
    """Do what an administrator's button says; returns the answer to the press."""
    if not service.policy.is_admin(context.user_id):
        return "unknown_button"
    return await _PRESSES[press.action](callback, press.argument, context, service)
