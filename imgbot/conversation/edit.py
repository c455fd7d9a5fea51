"""A photo and words become a changed photo."""

from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery, Message

from imgbot.conversation.desk import Desk, Visit
from imgbot.conversation.dialogue import Ask, ask, source_in, stored
from imgbot.conversation.reading import picture_of, subject_of, words_of
from imgbot.job import Operation, Source


async def handle_edit_start(
    event: Message | CallbackQuery,
    state: FSMContext,
    visit: Visit,
    desk: Desk,
    source: Source | None = None,
) -> None:
    """/edit, the buttons, a photo with a caption, or words in reply to a picture."""
    if not await desk.check_rate_limit(visit):
        return
    words = ""
    if isinstance(event, Message):
        words = words_of(event)
        source = subject_of(event) or source
    await _go_on(state, visit, desk, source, words)


async def take_edit_photo(message: Message, state: FSMContext, visit: Visit, desk: Desk) -> None:
    """The photo to edit, with or without words."""
    source = picture_of(message)
    if source is None:
        await desk.say(visit, "send_photo_please")
        return
    await _go_on(state, visit, desk, source, words_of(message))


async def take_edit_words(message: Message, state: FSMContext, visit: Visit, desk: Desk) -> None:
    """What to do with the photo; another photo takes the place of the first."""
    source = picture_of(message) or await source_in(state)
    await _go_on(state, visit, desk, source, words_of(message))


async def _go_on(
    state: FSMContext, visit: Visit, desk: Desk, source: Source | None, words: str
) -> None:
    if source is None:
        await ask(state, Ask.edit_photo)
        await desk.say(visit, "ask_edit_photo")
    elif not words:
        await ask(state, Ask.edit_words, sources=stored(source))
        await desk.say(visit, "ask_edit_words")
    elif await desk.order(visit, Operation.EDIT, words, (source,)):
        await state.clear()
