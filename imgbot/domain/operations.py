"""Operations: one record for each, from which everything that lists operations derives.

Menu, buttons, commands, dialogue states, callbacks, help, settings (`IMGBOT_PROVIDER`) and
the names in provider files follow from `OPERATIONS`. Texts are found by the operation's name:
`button_…`, `command_…`, `help_…`, `title_…`, `action_…` and `caption_…`, and `ask_…_photo` for one
that takes one photo.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

PHOTOS_LIMIT = 10
"""Photos that one picture is merged of at most."""


class Operation(StrEnum):
    """Kind of a request; the value is stored, and is the name of its command."""

    CREATE = "create"
    EDIT = "edit"
    MERGE = "merge"
    RETOUCH = "retouch"
    INPAINT = "inpaint"
    UPSCALE = "upscale"
    REMOVE_BACKGROUND = "removebg"
    STICKER = "sticker"
    COMPARE = "compare"
    ANIMATE = "animate"


class Prompt(StrEnum):
    """Need of an operation for a prompt."""

    REQUIRED = "required"
    OPTIONAL = "optional"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class OperationSpec:
    """One operation, as it is offered, asked for and described."""

    photos: int
    """Minimum number of photos."""
    prompt: Prompt
    aliases: tuple[str, ...] = ()
    """Commands beside the operation's own name."""
    result_action: str = ""
    """Callback action of its button under a result; empty if there is none, or one per scale."""
    has_scale: bool = False
    """True if it takes a scale, and has a button for each."""
    lists_changes: bool = False
    """True if the caption names the changes that were made."""
    captions: Mapping[str, str] = field(default_factory=dict[str, str])
    """Caption keys instead of the usual one, by the only change that was made."""
    is_offered: bool = True
    """True if a provider can be set for it; else it is built in and free."""
    is_in_menu: bool = True
    """True if it is asked for by its name; else it follows from what is sent."""
    is_final: bool = False
    """True if nothing is made of its result, which has no buttons and is in no history."""
    needs_model: bool = False
    """True if the engine cannot do it: it is offered where a provider has a model for it."""
    makes_clip: bool = False
    """True if its result is a clip: a file that is checked, and sent as it is."""


OPERATIONS: Mapping[Operation, OperationSpec] = {
    Operation.CREATE: OperationSpec(0, Prompt.REQUIRED, aliases=("draw", "imagine")),
    Operation.EDIT: OperationSpec(
        1,
        Prompt.REQUIRED,
        result_action="edit",
        lists_changes=True,
        captions={"unlettered": "caption_unlettered"},
    ),
    Operation.MERGE: OperationSpec(
        2, Prompt.OPTIONAL, lists_changes=True, captions={"like_picture": "caption_like_picture"}
    ),
    Operation.RETOUCH: OperationSpec(
        1,
        Prompt.OPTIONAL,
        lists_changes=True,
        captions={"unchanged": "caption_retouch_nothing"},
    ),
    Operation.INPAINT: OperationSpec(1, Prompt.REQUIRED, lists_changes=True, is_in_menu=False),
    Operation.UPSCALE: OperationSpec(1, Prompt.NONE, has_scale=True),
    Operation.REMOVE_BACKGROUND: OperationSpec(
        1,
        Prompt.NONE,
        aliases=("nobg",),
        result_action="removebg",
        captions={"no_clear_subject": "caption_removebg_unclear"},
    ),
    # A cut-out that is sent as a sticker, too.
    Operation.STICKER: OperationSpec(
        1,
        Prompt.NONE,
        result_action="sticker",
        captions={"no_clear_subject": "caption_sticker_unclear"},
        is_offered=False,
    ),
    Operation.COMPARE: OperationSpec(2, Prompt.NONE, is_offered=False, is_final=True),
    Operation.ANIMATE: OperationSpec(
        1, Prompt.OPTIONAL, is_in_menu=False, is_final=True, needs_model=True, makes_clip=True
    ),
}

OFFERED = tuple(operation for operation, spec in OPERATIONS.items() if spec.is_offered)
"""Operations that a provider can be set for."""

ACTIONS = tuple(operation for operation in OFFERED if OPERATIONS[operation].is_in_menu)
"""Operations of the menu, in its order."""

PHOTO_ACTIONS = tuple(
    operation for operation, spec in OPERATIONS.items() if spec.photos == 1 and spec.is_in_menu
)
"""Operations that change one photo, and can be asked for by name."""

CHANGES = frozenset({*PHOTO_ACTIONS, Operation.INPAINT})
"""Operations whose result is their first photo, changed."""

RESULT_ACTIONS = {
    spec.result_action: operation for operation, spec in OPERATIONS.items() if spec.result_action
}
"""Callback action → operation, of the buttons under a result that request something new from it."""
