"""Upscale: a picture becomes larger."""

from aiogram.types import CallbackQuery, Message

from imgbot.bot.dialogue import PHOTO_STATES, Dialogue, Question, to_state_data
from imgbot.bot.handlers.edit import handle_photo
from imgbot.bot.messages import photo_of, prompt_of, target_photo
from imgbot.bot.upscale_phrases import is_about_size, scale_in
from imgbot.domain.errors import UserError
from imgbot.domain.job import InputPhoto
from imgbot.domain.operations import Operation
from imgbot.domain.texts import buttons


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
