"""Every button: what it says, and what it sends back.

What comes back is not trusted: `parse` knows only what is made here, and who may press
is decided where the press is handled.
"""

import re
from dataclasses import dataclass

from imgbot.job import Operation
from imgbot.texts import say


@dataclass(frozen=True, slots=True)
class Button:
    """A label, and at most 64 bytes of data."""

    label: str
    data: str


@dataclass(frozen=True, slots=True)
class Press:
    """A button as it comes back: what to do, and with what."""

    action: str
    argument: str = ""


Keyboard = list[list[Button]]

_FORM = re.compile(r"([a-z]{2,10}):([A-Za-z0-9_.-]{0,40})")
_ACTIONS = frozenset({"start", "photo", "scale", "merge", "cancel", "again", "edit", "up"})
SCALES = (2, 4)


def parse(data: str | None) -> Press | None:
    """Read what a button sent; None for anything that no button of ours sends."""
    found = _FORM.fullmatch(data or "")
    if not found or found[1] not in _ACTIONS:
        return None
    return Press(found[1], found[2])


def menu(language: str) -> Keyboard:
    """The five actions."""
    create, edit, merge, retouch, upscale = (
        Button(say(language, f"button_{operation}"), f"start:{operation}")
        for operation in Operation
    )
    return [[create], [edit, merge], [retouch, upscale]]


def waiting(language: str, job_id: str) -> Keyboard:
    """Under a status message."""
    return [[Button(say(language, "button_cancel"), f"cancel:{job_id}")]]


def under_photo(language: str) -> Keyboard:
    """Under a photo that came without words."""
    return [
        [
            Button(say(language, "button_edit"), "photo:edit"),
            Button(say(language, "button_retouch"), "photo:retouch"),
        ],
        [Button(f"×{scale}", f"photo:x{scale}") for scale in SCALES],
    ]


def scales() -> Keyboard:
    """How much larger."""
    return [[Button(f"×{scale}", f"scale:{scale}") for scale in SCALES]]


def merge(language: str) -> Keyboard:
    """While photos for a merge are collected."""
    return [[Button(say(language, "button_merge_now"), "merge:")]]


def under_result(language: str, job_id: str) -> Keyboard:
    """Under a finished picture."""
    return [
        [
            Button(say(language, "button_again"), f"again:{job_id}"),
            Button(say(language, "button_edit_more"), f"edit:{job_id}"),
            *(Button(f"×{scale}", f"up:{scale}.{job_id}") for scale in SCALES),
        ]
    ]
