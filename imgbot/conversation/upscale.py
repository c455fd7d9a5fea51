"""A picture becomes larger."""

from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery, Message

from imgbot.conversation.captions import words_about
from imgbot.conversation.desk import Desk
from imgbot.conversation.dialogue import Ask, ask, source_in, stored
from imgbot.conversation.edit import handle_photo
from imgbot.conversation.enlarging import is_about_size, scale_in
from imgbot.conversation.reading import picture_of, subject_of, words_of
from imgbot.conversation.visit import Visit
from imgbot.errors import UserError
from imgbot.job import Operation, Source
from imgbot.texts import buttons


async def handle_upscale_button(
    event: Message | CallbackQuery,
    state: FSMContext,
    visit: Visit,
    desk: Desk,
    source: Source | None = None,
    scale: int | None = None,
) -> None:
    """The buttons, or /upscale with or without a photo and a scale."""
    await desk.check_rate_limit(visit)
    if isinstance(event, Message):
        source = subject_of(event)
        scale = scale_in(words_of(event))
    await _go_on(state, visit, desk, source, scale)


async def take_upscale_photo(message: Message, state: FSMContext, visit: Visit, desk: Desk) -> None:
    """The picture to enlarge, or words in reply to it; a photo with other words is a request."""
    if await _is_request(message, desk):
        await handle_photo(message, state, visit, desk)
        return
    source = subject_of(message)
    if source is None:
        raise UserError("send_photo_please")
    data = await state.get_data()
    await _go_on(state, visit, desk, source, scale_in(words_of(message)) or data.get("scale"))


async def take_upscale_scale(message: Message, state: FSMContext, visit: Visit, desk: Desk) -> None:
    """The scale in words, or another picture instead; one with other words is a request."""
    if await _is_request(message, desk):
        await handle_photo(message, state, visit, desk)
        return
    source = picture_of(message)
    scale = scale_in(words_of(message))
    if source is None and scale is None:
        await desk.say(visit, "choose_scale_please", buttons.scales())
        return
    await _go_on(state, visit, desk, source or await source_in(state), scale)


async def _is_request(message: Message, desk: Desk) -> bool:
    return picture_of(message) is not None and not is_about_size(await words_about(message, desk))


async def press_scale(state: FSMContext, visit: Visit, desk: Desk, scale: int) -> str:
    """The scale by a button; returns the answer to the press."""
    source = await source_in(state)
    if await state.get_state() != Ask.upscale_scale.state or source is None:
        return "stale_button"
    await _go_on(state, visit, desk, source, scale)
    return ""


async def _go_on(
    state: FSMContext, visit: Visit, desk: Desk, source: Source | None, scale: int | None
) -> None:
    if source is None:
        await ask(state, Ask.upscale_photo, scale=scale)
        await desk.ask(visit, "ask_upscale_photo")
    elif scale is None:
        await ask(state, Ask.upscale_scale, sources=stored(source))
        await desk.say(visit, "ask_scale", buttons.scales())
    else:
        await desk.order(visit, Operation.UPSCALE, "", (source,), scale)
        await state.clear()
