"""Merge: several photos become one picture."""

from collections.abc import Sequence

from aiogram.types import CallbackQuery, Message

from imgbot.bot.dialogue import Dialogue, Question, to_state_data
from imgbot.bot.messages import photo_of
from imgbot.domain.errors import UserError
from imgbot.domain.job import InputPhoto
from imgbot.domain.operations import Operation
from imgbot.domain.texts import buttons, t
from imgbot.storage.albums import PHOTOS_LIMIT


async def handle_smart_merge_start(event: Message | CallbackQuery, dialogue: Dialogue) -> None:
    await dialogue.check_rate_limit()
    await start_merge(dialogue)
    if isinstance(event, Message) and photo_of(event):
        await take_merge_photo(event, dialogue)
        return
    await dialogue.reply_question("ask_merge_photos")


async def start_merge(dialogue: Dialogue) -> None:
    """Start collecting photos, with none so far."""
    await dialogue.expect(Question.merge_photos, sources=[], words="", panel=0, shown=0)


async def take_merge_photo(message: Message, dialogue: Dialogue) -> None:
    """Another photo, or the prompt that ends the collecting."""
    photo, prompt = photo_of(message), await dialogue.requests.prompt_in(message)
    if photo is not None:
        await collect_photos(dialogue, (photo,), prompt)
    elif prompt and await dialogue.photos():
        await merge(dialogue, prompt)
    else:
        raise UserError("send_photo_please")


async def collect_photos(dialogue: Dialogue, photos: Sequence[InputPhoto], prompt: str) -> None:
    """Add photos to those collected, and report the count."""
    data = await dialogue.state.get_data()
    known = await dialogue.photos()
    seen = {each.unique_id for each in known}
    # Already collected: a redelivered update, or the same photo by mistake; the count shows it.
    fresh = [photo for photo in photos if photo.unique_id not in seen]
    kept = (*known, *fresh)[:PHOTOS_LIMIT]
    await dialogue.extend(sources=to_state_data(*kept), words=prompt or data.get("words", ""))
    if len(known) + len(fresh) > PHOTOS_LIMIT:
        rows = buttons.merge(dialogue.context.language)
        await dialogue.reply("merge_full", rows, limit=PHOTOS_LIMIT)
        return
    # The button appears with the second photo; a late count does no harm.
    is_needed = data.get("shown", 0) < 2 <= len(kept)
    panel = await _show_count(dialogue, data.get("panel", 0), len(kept), is_needed=is_needed)
    await dialogue.state.update_data(panel=panel, shown=len(kept))


async def on_merge_callback(_: CallbackQuery, dialogue: Dialogue) -> str:
    if not await dialogue.is_asking(Question.merge_photos):
        return "stale_button"
    await merge(dialogue, (await dialogue.state.get_data()).get("words", ""))
    return ""


async def merge(dialogue: Dialogue, prompt: str) -> None:
    """Order the merge of the collected photos. Raises UserError for fewer than two."""
    photos = await dialogue.photos()
    if len(photos) < 2:
        raise UserError("merge_too_few")
    await dialogue.order(Operation.MERGE, prompt, photos)


async def _show_count(dialogue: Dialogue, panel: int, count: int, *, is_needed: bool) -> int:
    """Keep one message with the count up to date, instead of one answer per photo."""
    language = dialogue.context.language
    text = t(language, "merge_count" if count > 1 else "merge_count_one", count=count)
    rows = buttons.merge(language) if count > 1 else []
    if panel and await dialogue.edit_text(panel, text, rows, is_needed=is_needed):
        return panel
    return await dialogue.reply_text(text, rows)
