"""What only administrators may say and press; to everybody else it does not exist."""

from aiogram.types import CallbackQuery

from imgbot.conversation.admin_broadcast import handle_broadcast, press_cast
from imgbot.conversation.admin_pause import handle_pause, handle_resume
from imgbot.conversation.admin_people import (
    handle_allow,
    handle_ban,
    handle_unban,
    press_allow,
    press_ban,
)
from imgbot.conversation.admin_spend import handle_spend
from imgbot.conversation.admin_stats import handle_stats
from imgbot.conversation.admin_stuck import handle_stuck, press_stuck
from imgbot.conversation.desk import Desk
from imgbot.conversation.visit import Visit
from imgbot.texts.buttons import Press

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

_PRESSES = {"stuck": press_stuck, "ban": press_ban, "allow": press_allow, "cast": press_cast}

ANYWHERE = frozenset({"ban", "unban", "allow", "pause", "resume"})
"""What makes sense in a group, too: its answers tell nobody what is not theirs to know."""


async def press_admin(callback: CallbackQuery, press: Press, visit: Visit, desk: Desk) -> str:
    """Do what an administrator's button says; returns the answer to the press."""
    if not desk.house.is_admin(visit.user_id):
        return "unknown_button"
    return await _PRESSES[press.action](callback, press.argument, visit, desk)
