"""Handlers by operation: the start of each, and the step that takes its photo.

An operation on one photo that needs no prompt is served by the handlers of this module; the
others have their own.
"""

from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import Any

from aiogram.types import CallbackQuery, Message

from imgbot.bot.dialogue import PHOTO_STATES, Dialogue
from imgbot.bot.handlers.create import handle_create
from imgbot.bot.handlers.edit import handle_edit_start, handle_photo, take_edit_photo
from imgbot.bot.handlers.merge import handle_smart_merge_start
from imgbot.bot.handlers.upscale import handle_upscale_button, take_upscale_photo
from imgbot.bot.messages import photo_of, prompt_of, target_photo
from imgbot.domain.errors import UserError
from imgbot.domain.job import InputPhoto
from imgbot.domain.operations import ACTIONS, OPERATIONS, Operation, Prompt

Handler = Callable[..., Coroutine[Any, Any, None]]


async def start_photo_operation(
    operation: Operation,
    event: Message | CallbackQuery,
    dialogue: Dialogue,
    photo: InputPhoto | None = None,
) -> None:
    """The command with or without a photo, or the buttons."""
    await dialogue.check_rate_limit()
    prompt = ""
    if isinstance(event, Message):
        prompt = prompt_of(event)
        photo = target_photo(event)
    if photo is None:
        await dialogue.ask(PHOTO_STATES[operation], f"ask_{operation}_photo")
        return
    if OPERATIONS[operation].prompt is Prompt.NONE:
        prompt = ""
    await dialogue.order(operation, prompt, (photo,))


async def take_photo(operation: Operation, message: Message, dialogue: Dialogue) -> None:
    """The requested photo, or text in reply to it; a photo with a prompt is a new request."""
    if photo_of(message) and await dialogue.requests.prompt_in(message):
        await handle_photo(message, dialogue)
        return
    photo = target_photo(message)
    if photo is None:
        raise UserError("send_photo_please")
    # A text that only refers to an earlier picture gives no instruction.
    await dialogue.order(operation, "", (photo,))


handle_retoucher_start = partial(start_photo_operation, Operation.RETOUCH)

START_HANDLERS: Mapping[Operation, Handler] = {
    **{operation: partial(start_photo_operation, operation) for operation in ACTIONS},
    Operation.CREATE: handle_create,
    Operation.EDIT: handle_edit_start,
    Operation.MERGE: handle_smart_merge_start,
    Operation.RETOUCH: handle_retoucher_start,
    Operation.UPSCALE: handle_upscale_button,
}
"""Handler that starts an operation: from a command, or from a button, possibly with its photo."""

PHOTO_HANDLERS: Mapping[Operation, Handler] = {
    **{operation: partial(take_photo, operation) for operation in PHOTO_STATES},
    Operation.EDIT: take_edit_photo,
    Operation.UPSCALE: take_upscale_photo,
}
"""Handler that takes the photo an operation asked for."""
