"""Upscale: a picture becomes larger."""

from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery, Message

from imgbot.bot.context import RequestContext
from imgbot.bot.dialogue import PHOTO_STATES, Dialogue, expect_answer, source_in, to_state_data
from imgbot.bot.handlers.edit import handle_photo
from imgbot.bot.message_prompt import prompt_about
from imgbot.bot.messages import photo_of, prompt_of, target_photo
from imgbot.bot.requests import RequestService
from imgbot.bot.upscale_phrases import is_about_size, scale_in
from imgbot.domain.errors import UserError
from imgbot.domain.job import InputPhoto
from imgbot.domain.operations import Operation
from imgbot.domain.texts import buttons


async def handle_upscale_button(
    event: Message | CallbackQuery,
    state: FSMContext,
    context: RequestContext,
    service: RequestService,
    source: InputPhoto | None = None,
    scale: int | None = None,
) -> None:
    """The buttons, or /upscale with or without a photo and a scale."""
    await service.check_rate_limit(context)
    if isinstance(event, Message):
        source = target_photo(event)
        scale = scale_in(prompt_of(event))
    await _continue(state, context, service, source, scale)


async def take_upscale_photo(
    message: Message, state: FSMContext, context: RequestContext, service: RequestService
) -> None:
    """Picture to upscale, or text in reply to it; a photo with another prompt is a new request."""
    if await _is_request(message, service):
        await handle_photo(message, state, context, service)
        return
    source = target_photo(message)
    if source is None:
        raise UserError("send_photo_please")
    data = await state.get_data()
    await _continue(
        state, context, service, source, scale_in(prompt_of(message)) or data.get("scale")
    )


async def take_upscale_scale(
    message: Message, state: FSMContext, context: RequestContext, service: RequestService
) -> None:
    """Scale as text, or another picture instead; one with another prompt is a new request."""
    if await _is_request(message, service):
        await handle_photo(message, state, context, service)
        return
    source = photo_of(message)
    scale = scale_in(prompt_of(message))
    if source is None and scale is None:
        await service.reply(context, "choose_scale_please", buttons.scales())
        return
    await _continue(state, context, service, source or await source_in(state), scale)


async def _is_request(message: Message, service: RequestService) -> bool:
    return photo_of(message) is not None and not is_about_size(await prompt_about(message, service))


async def on_scale_callback(
    state: FSMContext, context: RequestContext, service: RequestService, scale: int
) -> str:
    """Scale by a button; returns the answer to the callback."""
    source = await source_in(state)
    if await state.get_state() != Dialogue.upscale_scale.state or source is None:
        return "stale_button"
    await _continue(state, context, service, source, scale)
    return ""


async def _continue(
    state: FSMContext,
    context: RequestContext,
    service: RequestService,
    source: InputPhoto | None,
    scale: int | None,
) -> None:
    if source is None:
        await expect_answer(state, PHOTO_STATES[Operation.UPSCALE], scale=scale)
        await service.ask(context, "ask_upscale_photo")
    elif scale is None:
        await expect_answer(state, Dialogue.upscale_scale, sources=to_state_data(source))
        await service.reply(context, "ask_scale", buttons.scales())
    else:
        await service.order(context, Operation.UPSCALE, "", (source,), scale)
        await state.clear()
