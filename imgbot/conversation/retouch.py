"""A photo becomes a better photo."""

from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery, Message

from imgbot.conversation.desk import Desk, Visit
from imgbot.conversation.dialogue import Ask, ask
from imgbot.conversation.reading import picture_of, subject_of, words_of
from imgbot.job import Operation, Source


async def handle_retoucher_start(
    event: Message | CallbackQuery,
    state: FSMContext,
    visit: Visit,
    desk: Desk,
    source: Source | None = None,
) -> None:
    """/retouch with or without a photo, or the buttons."""
    if not await desk.check_rate_limit(visit):
        return
    words = ""
    if isinstance(event, Message):
        words = words_of(event)
        source = subject_of(event)
    if source is None:
        await ask(state, Ask.retouch_photo)
        await desk.say(visit, "ask_retouch_photo")
        return
    if await desk.order(visit, Operation.RETOUCH, words, (source,)):
        await state.clear()


async def take_retouch_photo(message: Message, state: FSMContext, visit: Visit, desk: Desk) -> None:
    """The photo to retouch."""
    source = picture_of(message)
    if source is None:
        await desk.say(visit, "send_photo_please")
        return
    if await desk.order(visit, Operation.RETOUCH, words_of(message), (source,)):
        await state.clear()
