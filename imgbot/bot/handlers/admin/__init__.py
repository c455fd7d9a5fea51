"""Admin commands and buttons; for other users they do not exist."""

from imgbot.bot.commands import ButtonAction
from imgbot.bot.handlers.admin import pause, remedies

COMMANDS = pause.COMMANDS
BUTTONS: tuple[ButtonAction, ...] = (
    ButtonAction("fix", remedies.on_remedy_callback, is_for_admins=True),
)
