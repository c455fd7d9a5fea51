"""A photo and words become a changed photo."""

from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery, Message

from imgbot.conversation.captions import prompt_about
from imgbot.conversation.desk import RequestService
from imgbot.conversation.dialogue import Dialogue, expect_answer, source_in, to_state_data
from imgbot.conversation.enlarging import is_retouch, is_upscale_request, scale_in
from imgbot.conversation.reading import photo_of, target_photo
from imgbot.conversation.visit import RequestContext
from imgbot.errors import UserError
from imgbot.job import InputPhoto, Operation
from imgbot.texts import buttons


async def handle_edit_start(
    event: Message | CallbackQuery,
    state: FSMContext,
    visit: RequestContext,
    desk: RequestService,
    source: InputPhoto | None = None,
) -> None:
    """/edit, the buttons, a photo with a caption, or words in reply to a picture."""
    await desk.check_rate_limit(visit)
    words = ""
    if isinstance(event, Message):
        words = await prompt_about(event, desk)
        source = target_photo(event) or source
    await edit(state, visit, desk, source, words)


async def take_edit_photo(
    message: Message, state: FSMContext, visit: RequestContext, desk: RequestService
) -> None:
    """The photo to edit, with or without words."""
    source = photo_of(message)
    if source is None:
        raise UserError("send_photo_please")
    await edit(state, visit, desk, source, await prompt_about(message, desk))


async def take_edit_prompt(
    message: Message, state: FSMContext, visit: RequestContext, desk: RequestService
) -> None:
    """What to do with the photo; another photo takes the place of the first."""
    source = target_photo(message) or await source_in(state)
    await edit(state, visit, desk, source, await prompt_about(message, desk))


async def handle_photo(
    message: Message, state: FSMContext, visit: RequestContext, desk: RequestService
) -> None:
    """A picture that came by itself: words say what to do."""
    source = photo_of(message)
    if source is None or await prompt_about(message, desk):
        await handle_edit_start(message, state, visit, desk)
        return
    await ask_about(state, visit, desk, source)


async def handle_photo_prompt(
    message: Message, state: FSMContext, visit: RequestContext, desk: RequestService
) -> None:
    """Words about the photo that came before them; another photo takes its place."""
    if photo_of(message):
        await handle_photo(message, state, visit, desk)
        return
    await handle_edit_start(message, state, visit, desk, await source_in(state))


async def ask_about(
    state: FSMContext, visit: RequestContext, desk: RequestService, photo: InputPhoto
) -> None:
    """Ask what to do with a photo that came without words."""
    await expect_answer(state, Dialogue.photo_action, sources=to_state_data(photo))
    await desk.reply(visit, "ask_photo_action", buttons.under_photo(visit.language))


async def edit(
    state: FSMContext,
    visit: RequestContext,
    desk: RequestService,
    source: InputPhoto | None,
    words: str,
) -> None:
    """Order the edit, which may be but a larger or a better picture, or ask for what is missing."""
    if source is None:
        await expect_answer(state, Dialogue.edit_photo)
        await desk.ask(visit, "ask_edit_photo")
    elif not words:
        await expect_answer(state, Dialogue.edit_words, sources=to_state_data(source))
        await desk.ask(visit, "ask_edit_words")
    elif is_upscale_request(words):
        await desk.order(visit, Operation.UPSCALE, "", (source,), scale_in(words) or 2)
        await state.clear()
    elif is_retouch(words):
        await desk.order(visit, Operation.RETOUCH, "", (source,))
        await state.clear()
    else:
        await desk.order(visit, Operation.EDIT, words, (source,))
        await state.clear()
