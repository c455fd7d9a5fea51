"""Operations: each starts with a command or a button, asks for what is missing, and is ordered.

Merge has a module of its own, as it collects photos. An operation on one photo that needs no
prompt needs no handler of its own.
"""

from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import Any

from aiogram.types import CallbackQuery, Message

from imgbot.bot.dialogue import PHOTO_STATES, Dialogue, Question, to_state_data
from imgbot.bot.handlers.merge import handle_smart_merge_start
from imgbot.bot.intents import is_about_size, is_upscale_request, operation_in, scale_in
from imgbot.bot.messages import photo_of, prompt_of, target_photo
from imgbot.domain.errors import UserError
from imgbot.domain.job import InputPhoto
from imgbot.domain.operations import ACTIONS, OPERATIONS, Operation, Prompt
from imgbot.domain.texts import buttons


async def handle_edit_start(
    event: Message | CallbackQuery, dialogue: Dialogue, photo: InputPhoto | None = None
) -> None:
    """/edit, the buttons, a photo with a caption, or a prompt in reply to a picture."""
    await dialogue.check_rate_limit()
    prompt = ""
    if isinstance(event, Message):
        prompt = await dialogue.requests.prompt_in(event)
        photo = target_photo(event) or photo
    await edit(dialogue, photo, prompt)


async def take_edit_photo(message: Message, dialogue: Dialogue) -> None:
    """Photo to edit, with or without a prompt."""
    photo = photo_of(message)
    if photo is None:
        raise UserError("send_photo_please")
    await edit(dialogue, photo, await dialogue.requests.prompt_in(message))


async def take_edit_prompt(message: Message, dialogue: Dialogue) -> None:
    """Prompt for the photo; another photo replaces the first."""
    photo = target_photo(message) or await dialogue.photo()
    await edit(dialogue, photo, await dialogue.requests.prompt_in(message))


async def handle_photo(message: Message, dialogue: Dialogue) -> None:
    """Picture sent outside a dialogue: its caption is the prompt."""
    photo = photo_of(message)
    if photo is None or await dialogue.requests.prompt_in(message):
        await handle_edit_start(message, dialogue)
        return
    await ask_about(dialogue, photo)


async def handle_photo_prompt(message: Message, dialogue: Dialogue) -> None:
    """Prompt for the photo sent before it; another photo replaces the first."""
    if photo_of(message):
        await handle_photo(message, dialogue)
        return
    await handle_edit_start(message, dialogue, await dialogue.photo())


async def ask_about(dialogue: Dialogue, photo: InputPhoto) -> None:
    """Ask for the operation on a photo that was sent without a prompt."""
    await dialogue.ask(
        Question.photo_action,
        "ask_photo_action",
        buttons.under_photo(dialogue.context.language),
        sources=to_state_data(photo),
    )


async def edit(dialogue: Dialogue, photo: InputPhoto | None, prompt: str) -> None:
    """Enqueue the edit, perhaps as an upscale or a retouch, or ask for what is missing."""
    if photo is None:
        await dialogue.ask(PHOTO_STATES[Operation.EDIT], "ask_edit_photo")
    elif not prompt:
        await dialogue.ask(Question.edit_words, "ask_edit_words", sources=to_state_data(photo))
    elif is_upscale_request(prompt):
        await dialogue.order(Operation.UPSCALE, "", (photo,), scale_in(prompt) or 2)
    elif (operation := operation_in(prompt)) is not None:
        await dialogue.order(operation, "", (photo,))
    else:
        await dialogue.order(Operation.EDIT, prompt, (photo,))


async def handle_create(event: Message | CallbackQuery, dialogue: Dialogue) -> None:
    """/create with or without a prompt, the button, or plain text."""
    await dialogue.check_rate_limit()
    prompt = prompt_of(event) if isinstance(event, Message) else ""
    if prompt:
        await dialogue.create(prompt)
        await dialogue.state.clear()
    else:
        await dialogue.ask(Question.create_words, "ask_create")


async def take_create_prompt(message: Message, dialogue: Dialogue) -> None:
    """Answer to the question for a prompt; with a picture it is about that picture."""
    if photo_of(message):
        await handle_photo(message, dialogue)
        return
    prompt = prompt_of(message)
    if not prompt:
        raise UserError("words_empty")
    await dialogue.create(prompt)
    await dialogue.state.clear()


async def handle_upscale_button(
    event: Message | CallbackQuery,
    dialogue: Dialogue,
    photo: InputPhoto | None = None,
    scale: int | None = None,
) -> None:
    """The buttons, or /upscale with or without a photo and a scale."""
    await dialogue.check_rate_limit()
    if isinstance(event, Message):
        photo = target_photo(event)
        scale = scale_in(prompt_of(event))
    await upscale(dialogue, photo, scale)


async def take_upscale_photo(message: Message, dialogue: Dialogue) -> None:
    """Picture to upscale, or text in reply to it; a photo with another prompt is a new request."""
    if await _is_request(message, dialogue):
        await handle_photo(message, dialogue)
        return
    photo = target_photo(message)
    if photo is None:
        raise UserError("send_photo_please")
    data = await dialogue.state.get_data()
    await upscale(dialogue, photo, scale_in(prompt_of(message)) or data.get("scale"))


async def take_upscale_scale(message: Message, dialogue: Dialogue) -> None:
    """Scale as text, or another picture instead; one with another prompt is a new request."""
    if await _is_request(message, dialogue):
        await handle_photo(message, dialogue)
        return
    photo = photo_of(message)
    scale = scale_in(prompt_of(message))
    if photo is None and scale is None:
        await dialogue.responder.reply("choose_scale_please", buttons.scales())
        return
    await upscale(dialogue, photo or await dialogue.photo(), scale)


async def _is_request(message: Message, dialogue: Dialogue) -> bool:
    is_photo = photo_of(message) is not None
    return is_photo and not is_about_size(await dialogue.requests.prompt_in(message))


async def upscale(dialogue: Dialogue, photo: InputPhoto | None, scale: int | None) -> None:
    """Enqueue the upscale, or ask for what is missing."""
    if photo is None:
        await dialogue.ask(PHOTO_STATES[Operation.UPSCALE], "ask_upscale_photo", scale=scale)
    elif scale is None:
        sources = to_state_data(photo)
        await dialogue.ask(Question.upscale_scale, "ask_scale", buttons.scales(), sources=sources)
    else:
        await dialogue.order(Operation.UPSCALE, "", (photo,), scale)


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
