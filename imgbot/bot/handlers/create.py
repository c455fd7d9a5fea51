"""Create: a prompt becomes a picture."""

from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery, Message

from imgbot.bot.context import RequestContext
from imgbot.bot.dialogue import Dialogue, expect_answer
from imgbot.bot.handlers.edit import handle_photo
from imgbot.bot.messages import photo_of, prompt_of
from imgbot.bot.requests import RequestService
from imgbot.domain.errors import UserError


async def handle_create(
    event: Message | CallbackQuery,
    state: FSMContext,
    context: RequestContext,
    service: RequestService,
) -> None:
    """/create with or without a prompt, the button, or plain text."""
    await service.check_rate_limit(context)
    words = prompt_of(event) if isinstance(event, Message) else ""
    if words:
        await service.create(context, words)
        await state.clear()
        return
    await expect_answer(state, Dialogue.create_words)
    await service.ask(context, "ask_create")


async def take_create_prompt(
    message: Message, state: FSMContext, context: RequestContext, service: RequestService
) -> None:
    """Answer to the question for a prompt; with a picture it is about that picture."""
    if photo_of(message):
        await handle_photo(message, state, context, service)
        return
    words = prompt_of(message)
    if not words:
        raise UserError("words_empty")
    await service.create(context, words)
    await state.clear()
