"""A photo becomes a better photo."""

from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery, Message

from imgbot.bot.context import RequestContext
from imgbot.bot.handlers.edit import handle_photo
from imgbot.bot.message_prompt import prompt_about
from imgbot.bot.messages import photo_of, prompt_of, target_photo
from imgbot.bot.requests import RequestService
from imgbot.bot.states import Dialogue, expect_answer
from imgbot.domain.errors import UserError
from imgbot.domain.job import InputPhoto
from imgbot.domain.operations import Operation


async def handle_retoucher_start(
    event: Message | CallbackQuery,
    state: FSMContext,
    context: RequestContext,
    service: RequestService,
    source: InputPhoto | None = None,
) -> None:
    """/retouch with or without a photo, or the buttons."""
    await service.check_rate_limit(context)
    words = ""
    if isinstance(event, Message):
        words = prompt_of(event)
        source = target_photo(event)
    if source is None:
        await expect_answer(state, Dialogue.retouch_photo)
        await service.ask(context, "ask_retouch_photo")
        return
    await service.order(context, Operation.RETOUCH, words, (source,))
    await state.clear()


async def take_retouch_photo(
    message: Message, state: FSMContext, context: RequestContext, service: RequestService
) -> None:
    """The photo to retouch, or words in reply to it; a photo with words is a new request."""
    if photo_of(message) and await prompt_about(message, service):
        await handle_photo(message, state, context, service)
        return
    source = target_photo(message)
    if source is None:
        raise UserError("send_photo_please")
    # Words that only point at an earlier picture say nothing about how.
    await service.order(context, Operation.RETOUCH, "", (source,))
    await state.clear()
