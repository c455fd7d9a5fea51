"""Buttons of questions about a drawing."""

from aiogram.types import CallbackQuery

from imgbot.bot.dialogue import Dialogue
from imgbot.bot.pictures import Pictures
from imgbot.bot.requests import Requests
from imgbot.domain.job import with_changes
from imgbot.domain.operations import Operation


async def on_choice(
    requests: Requests,
    pictures: Pictures,
    callback: CallbackQuery,
    choice: Operation,
    job_id: str,
    dialogue: Dialogue,
) -> str:
    """Order a change of the area, or of the first photo, in reply to what asked for it."""
    wanted, by_asked = await pictures.failed_request(callback, job_id, dialogue)
    sources = wanted.request.sources
    sources = sources[:1] if choice is Operation.EDIT else sources
    wanted = with_changes(wanted, operation=choice, sources=sources)
    is_new = await requests.repeat_failed(by_asked, wanted)
    await dialogue.remove_panel()
    return "accepted_short" if is_new else "tapped_already"
