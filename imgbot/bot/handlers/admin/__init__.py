"""Admin commands and buttons; for other users they do not exist."""

from imgbot.bot.commands import ButtonAction, ChatCommand, admin_command
from imgbot.bot.handlers.admin import access, broadcast, people, remedies, reports

COMMANDS: tuple[ChatCommand, ...] = (
    *reports.COMMANDS,
    *access.COMMANDS,
    *people.COMMANDS,
    admin_command("broadcast", broadcast.handle_broadcast),
)
BUTTONS: tuple[ButtonAction, ...] = (
    *reports.BUTTONS,
    *access.BUTTONS,
    *people.BUTTONS,
    ButtonAction("cast", broadcast.on_broadcast_callback, is_for_admins=True),
    ButtonAction("fix", remedies.on_remedy_callback, is_for_admins=True),
)
