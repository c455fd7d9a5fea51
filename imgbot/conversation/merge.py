"""Several photos become one picture."""

from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery, Message

from imgbot.conversation.desk import Desk, Visit
from imgbot.conversation.dialogue import Ask, ask, sources_in, stored
from imgbot.conversation.reading import picture_of, words_of
from imgbot.job import Operation
from imgbot.texts import buttons

PHOTOS_LIMIT = 10
"""As many as an album holds."""


async def handle_smart_merge_start(
    event: Message | CallbackQuery, state: FSMContext, visit: Visit, desk: Desk
) -> None:
    """/merge, the button, or an album; an album is one request, however many photos."""
    request = ""
    if isinstance(event, Message) and event.media_group_id:
        request = f"album.{visit.chat_id}.{event.media_group_id}"
    if not await desk.check_rate_limit(visit, request):
        return
    await ask(state, Ask.merge_photos, sources=[], words="", panel=0)
    if isinstance(event, Message) and picture_of(event):
        await take_merge_photo(event, state, visit, desk)
        return
    await desk.say(visit, "ask_merge_photos")


async def take_merge_photo(message: Message, state: FSMContext, visit: Visit, desk: Desk) -> None:
    """One more photo, or the words that end the collecting."""
    source, words = picture_of(message), words_of(message)
    data = await state.get_data()
    known = await sources_in(state)
    if source is None:
        if words and known:
            await _merge(state, visit, desk, words)
        else:
            await desk.say(visit, "send_photo_please")
        return
    is_known = source.unique_id in {each.unique_id for each in known}
    if not is_known and len(known) >= PHOTOS_LIMIT:
        await desk.say(visit, "merge_full", buttons.merge(visit.language), limit=PHOTOS_LIMIT)
        return
    # Known: the same update again, or the same photo by mistake; the count says so.
    known = known if is_known else (*known, source)
    await state.update_data(sources=stored(*known), words=words or data.get("words", ""))
    panel = await _show_count(visit, desk, data.get("panel", 0), len(known))
    await state.update_data(panel=panel)


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
        await desk.say(visit, "merge_too_few")
        return
    if await desk.order(visit, Operation.MERGE, words, sources):
        await state.clear()


async def _show_count(visit: Visit, desk: Desk, panel: int, count: int) -> int:
    """Keep one message with the count up to date, instead of one answer per photo."""
    key = "merge_count" if count > 1 else "merge_count_one"
    rows = buttons.merge(visit.language) if count > 1 else []
    if panel and await desk.rewrite(visit, panel, key, rows, count=count):
        return panel
    return await desk.say(visit, key, rows, count=count)
