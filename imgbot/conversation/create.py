"""Words become a picture."""

from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery, Message

from imgbot.conversation.desk import Desk
from imgbot.conversation.dialogue import Ask, ask
from imgbot.conversation.edit import handle_photo
from imgbot.conversation.reading import picture_of, words_of
from imgbot.conversation.visit import Visit
from imgbot.errors import UserError


async def handle_create(
    event: Message | CallbackQuery, state: FSMContext, visit: Visit, desk: Desk
) -> None:
    """/create with or without words, the button, or plain words."""
    await desk.check_rate_limit(visit)
    words = words_of(event) if isinstance(event, Message) else ""
    if words:
        await desk.order_new(visit, words)
        await state.clear()
        return
    await ask(state, Ask.create_words)
    await desk.ask(visit, "ask_create")


async def take_create_words(message: Message, state: FSMContext, visit: Visit, desk: Desk) -> None:
    """The answer to what to draw; with a picture it is about that picture."""
    if picture_of(message):
        await handle_photo(message, state, visit, desk)
        return
    words = words_of(message)
    if not words:
        raise UserError("words_empty")
    await desk.order_new(visit, words)
    await state.clear()
