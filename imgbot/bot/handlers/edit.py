"""Edit: a photo and a prompt become a changed photo."""

from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery, Message

from imgbot.bot.context import RequestContext
from imgbot.bot.dialogue import PHOTO_STATES, Dialogue, expect_answer, source_in, to_state_data
from imgbot.bot.message_prompt import prompt_about
from imgbot.bot.messages import photo_of, target_photo
from imgbot.bot.requests import RequestService
from imgbot.bot.upscale_phrases import is_upscale_request, operation_in, scale_in
from imgbot.domain.errors import UserError
from imgbot.domain.job import InputPhoto
from imgbot.domain.operations import Operation
from imgbot.domain.texts import buttons


async def handle_edit_start(
    event: Message | CallbackQuery,
    state: FSMContext,
    context: RequestContext,
    service: RequestService,
    source: InputPhoto | None = None,
) -> None:
    """/edit, the buttons, a photo with a caption, or a prompt in reply to a picture."""
    await service.check_rate_limit(context)
    words = ""
    if isinstance(event, Message):
        words = await prompt_about(event, service)
        source = target_photo(event) or source
    await edit(state, context, service, source, words)


async def take_edit_photo(
    message: Message, state: FSMContext, context: RequestContext, service: RequestService
) -> None:
    """Photo to edit, with or without a prompt."""
    source = photo_of(message)
    if source is None:
        raise UserError("send_photo_please")
    await edit(state, context, service, source, await prompt_about(message, service))


async def take_edit_prompt(
    message: Message, state: FSMContext, context: RequestContext, service: RequestService
) -> None:
    """Prompt for the photo; another photo replaces the first."""
    source = target_photo(message) or await source_in(state)
    await edit(state, context, service, source, await prompt_about(message, service))


async def handle_photo(
    message: Message, state: FSMContext, context: RequestContext, service: RequestService
) -> None:
    """Picture sent outside a dialogue: its caption is the prompt."""
    source = photo_of(message)
    if source is None or await prompt_about(message, service):
        await handle_edit_start(message, state, context, service)
        return
    await ask_about(state, context, service, source)


async def handle_photo_prompt(
    message: Message, state: FSMContext, context: RequestContext, service: RequestService
) -> None:
    """Prompt for the photo sent before it; another photo replaces the first."""
    if photo_of(message):
        await handle_photo(message, state, context, service)
        return
    await handle_edit_start(message, state, context, service, await source_in(state))


async def ask_about(
    state: FSMContext, context: RequestContext, service: RequestService, photo: InputPhoto
) -> None:
    """Ask for the operation on a photo that was sent without a prompt."""
    await expect_answer(state, Dialogue.photo_action, sources=to_state_data(photo))
    await service.reply(context, "ask_photo_action", buttons.under_photo(context.language))


async def edit(
    state: FSMContext,
    context: RequestContext,
    service: RequestService,
    source: InputPhoto | None,
    words: str,
) -> None:
    """Enqueue the edit, perhaps as an upscale or a retouch, or ask for what is missing."""
    if source is None:
        await expect_answer(state, PHOTO_STATES[Operation.EDIT])
        await service.ask(context, "ask_edit_photo")
    elif not words:
        await expect_answer(state, Dialogue.edit_words, sources=to_state_data(source))
        await service.ask(context, "ask_edit_words")
    elif is_upscale_request(words):
        await service.order(context, Operation.UPSCALE, "", (source,), scale_in(words) or 2)
        await state.clear()
    elif (operation := operation_in(words)) is not None:
        await service.order(context, operation, "", (source,))
        await state.clear()
    else:
        await service.order(context, Operation.EDIT, words, (source,))
        await state.clear()
