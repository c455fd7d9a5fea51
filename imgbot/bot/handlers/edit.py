"""Edit: a photo and a prompt become a changed photo."""

from aiogram.types import CallbackQuery, Message

from imgbot.bot.dialogue import PHOTO_STATES, Dialogue, Question, to_state_data
from imgbot.bot.messages import photo_of, target_photo
from imgbot.bot.upscale_phrases import is_upscale_request, operation_in, scale_in
from imgbot.domain.errors import UserError
from imgbot.domain.job import InputPhoto
from imgbot.domain.operations import Operation
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
