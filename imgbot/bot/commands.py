"""Commands and button actions: who may use them, where, and by which function.

A handler's last argument is the `Dialogue`, which stands above this module.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiogram.types import Message

from imgbot.domain.buttons import ButtonAction

PressHandler = Callable[..., Awaitable[Any]]
"""Handler of a press; takes the callback, what `ButtonAction.parse` returns, and the dialogue.

Returns the answer to the press.
"""


@dataclass(frozen=True, slots=True)
class ChatCommand:
    """Command; the menu lists those with a place in it, in that order."""

    name: str
    handler: Callable[[Message, Any], Awaitable[None]]
    menu_place: int = 0
    """Place in the menu; 0 if it is not listed."""
    payload: str = ""
    """Beginning of the text behind it, if it is for that alone."""
    is_for_admins: bool = False
    is_private: bool = False
    """True if groups do not have it."""
    is_personal: bool = False
    """True if only its sender sees it in a group, as far as the client can do that."""
    is_open: bool = False
    """True if also those who are not admitted may use it: it is about what is theirs."""
    is_part: bool = False
    """True if its message is a part of a request: it is neither noted nor kept by itself."""
    help_topic: str = ""
    """Topic of the help that ends with it, where no text of the topic names it."""


@dataclass(frozen=True, slots=True)
class CommandTable:
    """All commands and button actions of the bot. Raises ValueError for two of one name."""

    commands: Sequence[ChatCommand] = ()
    actions: Sequence[tuple[ButtonAction, PressHandler]] = ()
    _by_name: Mapping[str, tuple[ButtonAction, PressHandler]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        by_name = {action.name: (action, handler) for action, handler in self.actions}
        called = {(each.name, each.payload) for each in self.commands}
        if len(by_name) < len(self.actions) or len(called) < len(self.commands):
            raise ValueError("two commands, or two button actions, have the same name")
        object.__setattr__(self, "_by_name", by_name)

    def command(self, name: str, text: str) -> ChatCommand | None:
        """Return the command of this name that takes the text behind it."""
        named = [each for each in self.commands if each.name == name]
        fits = [each for each in named if text.startswith(each.payload)]
        return max(fits, key=lambda each: len(each.payload), default=None)

    def action(self, name: str) -> tuple[ButtonAction, PressHandler] | None:
        """Return the action of this name, and its handler."""
        return self._by_name.get(name)

    def menu(self, *, is_admin: bool = False) -> list[ChatCommand]:
        """Return what the menu lists; for administrators, their own commands come last."""
        listed = [each for each in self.commands if each.menu_place]
        chosen = [each for each in listed if is_admin or not each.is_for_admins]
        return sorted(chosen, key=lambda each: (each.is_for_admins, each.menu_place))


def admin_command(
    name: str,
    handler: Callable[[Message, Any], Awaitable[None]],
    *,
    is_private: bool = True,
    is_listed: bool = True,
) -> ChatCommand:
    """Return a command for administrators; a private one would disclose something in a group."""
    return ChatCommand(name, handler, int(is_listed), is_for_admins=True, is_private=is_private)
