"""Admin commands and buttons; for other users they do not exist."""

from imgbot.bot.commands import ButtonAction, ChatCommand
from imgbot.bot.handlers.admin import access, people, remedies, reports

COMMANDS: tuple[ChatCommand, ...] = (
    *reports.COMMANDS,
    *access.COMMANDS,
    *people.COMMANDS,
)
BUTTONS: tuple[ButtonAction, ...] = (
    *reports.BUTTONS,
    *access.BUTTONS,
    *people.BUTTONS,
    ButtonAction("fix", remedies.on_remedy_callback, is_for_admins=True),
)
