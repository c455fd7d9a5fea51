"""Handlers of commands, messages and buttons."""

from imgbot.bot.commands import ButtonAction, ChatCommand
from imgbot.bot.handlers import (
    account,
    operations,
    results,
    start,
)

COMMANDS: tuple[ChatCommand, ...] = (
    *operations.COMMANDS,
    *results.COMMANDS,
    *account.COMMANDS,
    *start.COMMANDS,
)
BUTTONS: tuple[ButtonAction, ...] = (
    *start.BUTTONS,
    *operations.BUTTONS,
    *results.BUTTONS,
    *account.BUTTONS,
)
