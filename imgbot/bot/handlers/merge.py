"""Merge: several photos become one picture."""

from collections.abc import Sequence

from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery, Message

from imgbot.bot.context import RequestContext
from imgbot.bot.dialogue import Dialogue, expect_answer, extend, sources_in, to_state_data
from imgbot.bot.message_prompt import prompt_about
from imgbot.bot.messages import photo_of
from imgbot.bot.requests import RequestService
from imgbot.domain.errors import UserError
from imgbot.domain.job import InputPhoto
from imgbot.domain.operations import Operation
from imgbot.domain.texts import buttons, t
from imgbot.storage.albums import PHOTOS_LIMIT


async def handle_smart_merge_start(
    event: Message | CallbackQuery,
    state: FSMContext,
    context: RequestContext,
    service: RequestService,
) -> None:
    """/merge or the button."""
    await service.check_rate_limit(context)
    await start_merge(state)
    if isinstance(event, Message) and photo_of(event):
        await take_merge_photo(event, state, context, service)
        return
    await service.ask(context, "ask_merge_photos")


async def start_merge(state: FSMContext) -> None:
    """Start collecting photos, with none so far."""
    await expect_answer(state, Dialogue.merge_photos, sources=[], words="", panel=0, shown=0)


async def take_merge_photo(
    message: Message, state: FSMContext, context: RequestContext, service: RequestService
) -> None:
    """Another photo, or the prompt that ends the collecting."""
    source, words = photo_of(message), await prompt_about(message, service)
    if source is not None:
        await collect_photos(state, context, service, (source,), words)
    elif words and await sources_in(state):
        await _merge(state, context, service, words)
    else:
        raise UserError("send_photo_please")


async def collect_photos(
    state: FSMContext,
    context: RequestContext,
    service: RequestService,
    photos: Sequence[InputPhoto],
    words: str,
) -> None:
    """Add photos to those collected, and report the count."""
    data = await state.get_data()
    known = list(await sources_in(state))
    seen = {each.unique_id for each in known}
    # Already collected: a redelivered update, or the same photo by mistake; the count shows it.
    fresh = [photo for photo in photos if photo.unique_id not in seen]
    kept = (*known, *fresh)[:PHOTOS_LIMIT]
    await extend(state, sources=to_state_data(*kept), words=words or data.get("words", ""))
    if len(known) + len(fresh) > PHOTOS_LIMIT:
        await service.reply(
            context, "merge_full", buttons.merge(context.language), limit=PHOTOS_LIMIT
        )
        return
    # The button appears with the second photo; a late count does no harm.
    is_needed = data.get("shown", 0) < 2 <= len(kept)
    panel = await _show_count(
        context, service, data.get("panel", 0), len(kept), is_needed=is_needed
    )
    await state.update_data(panel=panel, shown=len(kept))


async def on_merge_callback(
    state: FSMContext, context: RequestContext, service: RequestService
) -> str:
    """Button that ends the collecting; returns the answer to the callback."""
    if await state.get_state() != Dialogue.merge_photos.state:
        return "stale_button"
    data = await state.get_data()
    await _merge(state, context, service, data.get("words", ""))
    return ""


async def _merge(
    state: FSMContext, context: RequestContext, service: RequestService, words: str
) -> None:
    sources = await sources_in(state)
    if len(sources) < 2:
        raise UserError("merge_too_few")
    await service.order(context, Operation.MERGE, words, sources)
    await state.clear()


async def _show_count(
    context: RequestContext, service: RequestService, panel: int, count: int, *, is_needed: bool
) -> int:
    """Keep one message with the count up to date, instead of one answer per photo."""
    key = "merge_count" if count > 1 else "merge_count_one"
    rows = buttons.merge(context.language) if count > 1 else []
    text = t(context.language, key, count=count)
    patience_s = 10.0 if is_needed else 1.0
    if panel and await service.edit_text(
        context, panel, text, rows, patience_s=patience_s, is_needed=is_needed
    ):
        return panel
    return await service.reply_text(context, text, rows)
