"""A photo and words become a changed photo."""

from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery, Message

from imgbot.conversation.captions import words_about
from imgbot.conversation.desk import Desk
from imgbot.conversation.dialogue import Ask, ask, source_in, stored
from imgbot.conversation.enlarging import is_enlargement, is_retouch, scale_in
from imgbot.conversation.reading import picture_of, subject_of
from imgbot.conversation.visit import Visit
from imgbot.errors import UserError
from imgbot.job import Operation, Source
from imgbot.texts import buttons


async def handle_edit_start(
    event: Message | CallbackQuery,
    state: FSMContext,
    visit: Visit,
    desk: Desk,
    source: Source | None = None,
) -> None:
    """/edit, the buttons, a photo with a caption, or words in reply to a picture."""
    await desk.check_rate_limit(visit)
    words = ""
    if isinstance(event, Message):
        words = await words_about(event, desk)
        source = subject_of(event) or source
    await edit(state, visit, desk, source, words)


async def take_edit_photo(message: Message, state: FSMContext, visit: Visit, desk: Desk) -> None:
    """The photo to edit, with or without words."""
    source = picture_of(message)
    if source is None:
        raise UserError("send_photo_please")
    await edit(state, visit, desk, source, await words_about(message, desk))


async def take_edit_words(message: Message, state: FSMContext, visit: Visit, desk: Desk) -> None:
    """What to do with the photo; another photo takes the place of the first."""
    source = subject_of(message) or await source_in(state)
    await edit(state, visit, desk, source, await words_about(message, desk))


async def handle_photo(message: Message, state: FSMContext, visit: Visit, desk: Desk) -> None:
    """A picture that came by itself: words say what to do."""
    source = picture_of(message)
    if source is None or await words_about(message, desk):
        await handle_edit_start(message, state, visit, desk)
        return
    await ask_about(state, visit, desk, source)


async def handle_photo_words(message: Message, state: FSMContext, visit: Visit, desk: Desk) -> None:
    """Words about the photo that came before them; another photo takes its place."""
    if picture_of(message):
        await handle_photo(message, state, visit, desk)
        return
    await handle_edit_start(message, state, visit, desk, await source_in(state))


async def ask_about(state: FSMContext, visit: Visit, desk: Desk, photo: Source) -> None:
    """Ask what to do with a photo that came without words."""
    await ask(state, Ask.photo_action, sources=stored(photo))
    await desk.say(visit, "ask_photo_action", buttons.under_photo(visit.language))


async def edit(
    state: FSMContext, visit: Visit, desk: Desk, source: Source | None, words: str
) -> None:
    """Order the edit, which may be but a larger or a better picture, or ask for what is missing."""
    if source is None:
        await ask(state, Ask.edit_photo)
        await desk.ask(visit, "ask_edit_photo")
    elif not words:
        await ask(state, Ask.edit_words, sources=stored(source))
        await desk.ask(visit, "ask_edit_words")
    elif is_enlargement(words):
        await desk.order(visit, Operation.UPSCALE, "", (source,), scale_in(words) or 2)
        await state.clear()
    elif is_retouch(words):
        await desk.order(visit, Operation.RETOUCH, "", (source,))
        await state.clear()
    else:
        await desk.order(visit, Operation.EDIT, words, (source,))
        await state.clear()
