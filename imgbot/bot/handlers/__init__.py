"""Handlers of commands, messages and buttons."""

from collections.abc import Mapping

from imgbot.bot.handlers import account, operations, privacy, results, start
from imgbot.bot.handlers.operations import Handler

_MODULES = (start, operations, results, account, privacy)

COMMANDS: Mapping[str, Handler] = {
    name: handler for module in _MODULES for name, handler in module.COMMANDS.items()
}
CALLBACKS: Mapping[str, Handler] = {
    action: handler for module in _MODULES for action, handler in module.CALLBACKS.items()
}
"""Handler of each callback action; it returns the key of the answer, or nothing."""
