"""A photo becomes a better photo."""

from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery, Message

from imgbot.conversation.captions import words_about
from imgbot.conversation.desk import Desk
from imgbot.conversation.dialogue import Ask, ask
from imgbot.conversation.edit import handle_photo
from imgbot.conversation.reading import picture_of, subject_of, words_of
from imgbot.conversation.visit import Visit
from imgbot.errors import UserError
from imgbot.job import Operation, Source


async def handle_retoucher_start(
    event: Message | CallbackQuery,
    state: FSMContext,
    visit: Visit,
    desk: Desk,
    source: Source | None = None,
) -> None:
    """/retouch with or without a photo, or the buttons."""
    await desk.check_rate_limit(visit)
    words = ""
    if isinstance(event, Message):
        words = words_of(event)
        source = subject_of(event)
    if source is None:
        await ask(state, Ask.retouch_photo)
        await desk.ask(visit, "ask_retouch_photo")
        return
    await desk.order(visit, Operation.RETOUCH, words, (source,))
    await state.clear()


async def take_retouch_photo(message: Message, state: FSMContext, visit: Visit, desk: Desk) -> None:
    """The photo to retouch, or words in reply to it; a photo with words is a new request."""
    if picture_of(message) and await words_about(message, desk):
        await handle_photo(message, state, visit, desk)
        return
    source = subject_of(message)
    if source is None:
        raise UserError("send_photo_please")
    # Words that only point at an earlier picture say nothing about how.
    await desk.order(visit, Operation.RETOUCH, "", (source,))
    await state.clear()
