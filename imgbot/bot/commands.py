"""Commands and button actions: who may use them, where, and by which function."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from imgbot.bot.dialogue import Alert, MessageHandler, Resend
from imgbot.domain.buttons import ButtonAction

PressHandler = Callable[..., Awaitable[str | Alert | Resend]]
"""Handler of a press; takes the callback, what `ButtonAction.parse` returns, and the dialogue.

Returns the answer to the press, or its key, or nothing.
"""

HandledAction = tuple[ButtonAction, PressHandler]


@dataclass(frozen=True, slots=True)
class ChatCommand:
    """Command; the menu lists those with a place in it, in that order."""

    name: str
    handler: MessageHandler
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
    is_uncounted: bool = False
    """True if it is never refused for too many commands."""
    help_topic: str = ""
    """Topic of the help that ends with it, where no text of the topic names it."""


class CommandTable:
    """All commands and button actions of the bot; some of their handlers need it themselves."""

    def __init__(self) -> None:
        self._called: dict[object, ChatCommand | HandledAction] = {}

    def add(self, *called: ChatCommand | HandledAction) -> None:
        """Add what users call. Raises ValueError for two of one name."""
        for each in called:
            is_command = isinstance(each, ChatCommand)
            key = (each.name, each.payload) if is_command else each[0].name
            if key in self._called:
                raise ValueError(f"two commands, or two button actions, have the same name: {key}")
            self._called[key] = each

    @property
    def commands(self) -> list[ChatCommand]:
        return [each for each in self._called.values() if isinstance(each, ChatCommand)]

    def command(self, name: str, text: str) -> ChatCommand | None:
        """Return the command of this name that takes the text behind it."""
        listed = (each for each in self._called.values() if isinstance(each, ChatCommand))
        fits = [each for each in listed if each.name == name and text.startswith(each.payload)]
        return max(fits, key=lambda each: len(each.payload), default=None)

    @property
    def actions(self) -> list[HandledAction]:
        return [each for each in self._called.values() if not isinstance(each, ChatCommand)]

    def action(self, name: str) -> HandledAction | None:
        """Return the action of this name, and its handler."""
        found = self._called.get(name)
        return None if isinstance(found, ChatCommand) else found

    def menu(self, *, is_admin: bool = False) -> list[ChatCommand]:
        """Return what the menu lists; for administrators, their own commands come last."""
        listed = [each for each in self.commands if each.menu_place]
        chosen = [each for each in listed if is_admin or not each.is_for_admins]
        return sorted(chosen, key=lambda each: (each.is_for_admins, each.menu_place))


def admin_command(
    name: str,
    handler: MessageHandler,
    *,
    is_private: bool = True,
    is_listed: bool = True,
) -> ChatCommand:
    """Return a command for administrators; a private one would disclose something in a group."""
    return ChatCommand(name, handler, int(is_listed), is_for_admins=True, is_private=is_private)
