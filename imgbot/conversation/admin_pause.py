"""/pause and /resume: whether orders are taken; what is under way goes on either way."""

from aiogram.types import Message

from imgbot.conversation.admin_reading import text_after
from imgbot.conversation.desk import Desk, pause_of
from imgbot.conversation.reading import clean
from imgbot.conversation.visit import Visit
from imgbot.texts import say

_WORDS = 500


async def handle_pause(message: Message, visit: Visit, desk: Desk) -> None:
    """/pause [words that people are told]."""
    words = clean(text_after(message))[:_WORDS]
    await desk.store.office.access.pause(words)
    told = pause_of(words)
    sentence = say(visit.language, told.reason, **told.facts)
    await desk.write(visit, f"{say(visit.language, 'pause_done')}\n{sentence}")


async def handle_resume(_: Message, visit: Visit, desk: Desk) -> None:
    """/resume."""
    is_resumed = await desk.store.office.access.resume()
    await desk.say(visit, "resume_done" if is_resumed else "resume_nothing")
