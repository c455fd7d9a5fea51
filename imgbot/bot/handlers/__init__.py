"""Handlers of commands, messages and buttons."""

from collections.abc import Mapping

from imgbot.bot.dialogue import CallbackHandler, MessageHandler
from imgbot.bot.handlers import (
    account,
    models,
    operations,
    privacy,
    prompt_help,
    results,
    stars,
    start,
)

_MODULES = (start, operations, results, models, prompt_help, account, privacy, stars)

COMMANDS: Mapping[str, MessageHandler] = {
    name: handler for module in _MODULES for name, handler in module.COMMANDS.items()
}
CALLBACKS: Mapping[str, CallbackHandler] = {
    action: handler for module in _MODULES for action, handler in module.CALLBACKS.items()
}
