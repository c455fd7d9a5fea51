"""Handlers of commands, messages and buttons."""

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

from aiogram.types import CallbackQuery, Message

from imgbot.bot.dialogue import Dialogue
from imgbot.bot.handlers import account, operations, privacy, results, start

_MODULES = (start, operations, results, account, privacy)

COMMANDS: Mapping[str, Callable[[Message, Dialogue], Coroutine[Any, Any, None]]] = {
    name: handler for module in _MODULES for name, handler in module.COMMANDS.items()
}
CALLBACKS: Mapping[str, Callable[[CallbackQuery, str, Dialogue], Awaitable[str]]] = {
    action: handler for module in _MODULES for action, handler in module.CALLBACKS.items()
}
"""Handler of each callback action; it returns the key of the answer, or nothing."""
