"""Handlers of commands, messages and buttons."""

from imgbot.bot.commands import ChatCommand, PressHandler
from imgbot.bot.handlers import (
    account,
    operations,
    results,
    start,
)
from imgbot.domain.buttons import ButtonAction

COMMANDS: tuple[ChatCommand, ...] = (
    *operations.COMMANDS,
    *results.COMMANDS,
    *account.COMMANDS,
    *start.COMMANDS,
)
BUTTONS: tuple[tuple[ButtonAction, PressHandler], ...] = (
    *start.BUTTONS,
    *operations.BUTTONS,
    *results.BUTTONS,
    *account.BUTTONS,
)
