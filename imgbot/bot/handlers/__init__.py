"""Handlers of commands, messages and buttons."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from imgbot.bot.handlers.account import (
    handle_limits,
    handle_queue,
    handle_quiet,
    handle_settings,
)
from imgbot.bot.handlers.operations import START_HANDLERS
from imgbot.bot.handlers.privacy import handle_forget_me, handle_privacy
from imgbot.bot.handlers.results import handle_compare, handle_history, handle_last, handle_undo
from imgbot.bot.handlers.start import handle_cancel, handle_help, handle_start
from imgbot.domain.operations import OPERATIONS

COMMANDS: Mapping[str, Callable[..., Coroutine[Any, Any, None]]] = {
    "start": handle_start,
    "help": handle_help,
    "cancel": handle_cancel,
    **{
        name: handler
        for operation, handler in START_HANDLERS.items()
        for name in (operation.value, *OPERATIONS[operation].aliases)
    },
    "undo": handle_undo,
    "compare": handle_compare,
    "last": handle_last,
    "history": handle_history,
    "queue": handle_queue,
    "limits": handle_limits,
    "settings": handle_settings,
    "quiet": handle_quiet,
    "privacy": handle_privacy,
    "forget_me": handle_forget_me,
}
