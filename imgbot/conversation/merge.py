"""Several photos become one picture."""

from collections.abc import Sequence

from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery, Message

from imgbot.conversation.captions import words_about
from imgbot.conversation.desk import Desk
from imgbot.conversation.dialogue import Ask, ask, extend, sources_in, stored
from imgbot.conversation.reading import picture_of
from imgbot.conversation.visit import Visit
from imgbot.errors import UserError
from imgbot.job import Operation, Source
from imgbot.queue.albums import PHOTOS_LIMIT
from imgbot.texts import buttons, say


async def handle_smart_merge_start(
    event: Message | CallbackQuery, state: FSMContext, visit: Visit, desk: Desk
) -> None:
    """/merge or the button."""
    await desk.check_rate_limit(visit)
    await begin(state)
    if isinstance(event, Message) and picture_of(event):
        await take_merge_photo(event, state, visit, desk)
        return
    await desk.ask(visit, "ask_merge_photos")


async def begin(state: FSMContext) -> None:
    """Wait for photos, with none so far."""
    await ask(state, Ask.merge_photos, sources=[], words="", panel=0, shown=0)


async def take_merge_photo(message: Message, state: FSMContext, visit: Visit, desk: Desk) -> None:
    """One more photo, or the words that end the collecting."""
    source, words = picture_of(message), await words_about(message, desk)
    if source is not None:
        await collect(state, visit, desk, (source,), words)
    elif words and await sources_in(state):
        await _merge(state, visit, desk, words)
    else:
        raise UserError("send_photo_please")


async def collect(
    state: FSMContext, visit: Visit, desk: Desk, photos: Sequence[Source], words: str
) -> None:
    """Put photos to those that are there, and say how many there are."""
    data = await state.get_data()
    known = list(await sources_in(state))
    seen = {each.unique_id for each in known}
    # Known: the same update again, or the same photo by mistake; the count says so.
    fresh = [photo for photo in photos if photo.unique_id not in seen]
    kept = (*known, *fresh)[:PHOTOS_LIMIT]
    await extend(state, sources=stored(*kept), words=words or data.get("words", ""))
    if len(known) + len(fresh) > PHOTOS_LIMIT:
        await desk.say(visit, "merge_full", buttons.merge(visit.language), limit=PHOTOS_LIMIT)
        return
    # The button comes with the second photo; a count that is late is no loss.
    is_needed = data.get("shown", 0) < 2 <= len(kept)
    panel = await _show_count(visit, desk, data.get("panel", 0), len(kept), is_needed=is_needed)
    await state.update_data(panel=panel, shown=len(kept))


async def press_merge(state: FSMContext, visit: Visit, desk: Desk) -> str:
    """The button that ends the collecting; returns the answer to the press."""
    if await state.get_state() != Ask.merge_photos.state:
        return "stale_button"
    data = await state.get_data()
    await _merge(state, visit, desk, data.get("words", ""))
    return ""


async def _merge(state: FSMContext, visit: Visit, desk: Desk, words: str) -> None:
    sources = await sources_in(state)
    if len(sources) < 2:
        raise UserError("merge_too_few")
    await desk.order(visit, Operation.MERGE, words, sources)
    await state.clear()


async def _show_count(visit: Visit, desk: Desk, panel: int, count: int, *, is_needed: bool) -> int:
    """Keep one message with the count up to date, instead of one answer per photo."""
    key = "merge_count" if count > 1 else "merge_count_one"
    rows = buttons.merge(visit.language) if count > 1 else []
    text = say(visit.language, key, count=count)
    patience_s = 10.0 if is_needed else 1.0
    if panel and await desk.rewrite(
        visit, panel, text, rows, patience_s=patience_s, is_needed=is_needed
    ):
        return panel
    return await desk.write(visit, text, rows)
