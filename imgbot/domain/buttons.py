"""Inline buttons, and their callback data: the name of an action, and the parts of its argument.

Callback data is not trusted: it is parsed to what its action takes, and the handlers check access.
A keyboard that one module alone shows stands there, and an action beside its handler.
"""

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Any

from imgbot.domain.errors import UserError
from imgbot.domain.texts import t


@dataclass(frozen=True, slots=True)
class Button:
    """Label, and at most 64 bytes of callback data; a link instead, if there is a URL."""

    label: str
    data: str
    url: str = ""


Keyboard = list[list[Button]]


def in_rows(buttons: Sequence[Button], length: int) -> Keyboard:
    return [list(buttons[start : start + length]) for start in range(0, len(buttons), length)]


def one_of(*values: Any) -> Callable[[str], Any]:
    """Return the type of a part that is one of these; it raises ValueError for another text."""
    return lambda text: values[[str(each) for each in values].index(text)]


class Presser(int):
    """Id of the one user who may press a button."""


@dataclass(frozen=True, slots=True)
class ButtonAction:
    """Action of buttons: the form of its callback data, and who may press them."""

    name: str
    parts: Sequence[Callable[[str], Any]] = (str,)
    """Types of the parts of its argument, between which dots stand; those at its end may lack."""
    is_for_admins: bool = False
    is_repeatable: bool = False
    """True if two presses within seconds count twice, as of a page that is turned."""
    is_open: bool = False
    """True if also those who are not admitted may press it."""

    def pack(self, *parts: object) -> str:
        """Return the callback data of a button."""
        return f"{self.name}:{'.'.join(map(str, parts))}"

    def button(self, language: str, *parts: object, key: str = "", **facts: str | int) -> Button:
        """Return a button, labelled by the text of a key, if it is not that of its name."""
        return Button(t(language, f"button_{key or self.name}", **facts), self.pack(*parts))

    def parse(self, argument: str, user_id: int) -> list[Any]:
        """Return the parts of a pressed button's argument but its `Presser`.

        Raises UserError for another user's button, and for what no button of this action has.
        """
        texts = chain(argument.split(".", len(self.parts) - 1), repeat(""))
        try:
            parts = [part(text) for part, text in zip(self.parts, texts, strict=False)]
        except ValueError:
            raise UserError("unknown_button") from None
        if any(isinstance(part, Presser) and part != user_id for part in parts):
            raise UserError("not_your_button")
        return [part for part in parts if not isinstance(part, Presser)]


FORGET = ButtonAction("forget", (int,), is_open=True)
"""Delete everything about a user: they may press it, and administrators."""

_FORM = re.compile(r"([a-z]{2,10}):([A-Za-z0-9_.-]{0,60})")


def action_in(data: str | None) -> tuple[str, str]:
    """Return the name of the action, and its argument; nothing for data of another form."""
    found = _FORM.fullmatch(data or "")
    return (found[1], found[2]) if found else ("", "")


def mark_of(text: str) -> str:
    """Return the form of a model's id, or of a shown price, in callback data, which is short."""
    return hashlib.sha256(text.encode()).hexdigest()[:8]
