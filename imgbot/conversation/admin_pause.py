"""/pause and /resume: whether orders are taken; what is under way goes on either way."""

from aiogram.types import Message

from imgbot.conversation.admin_reading import text_after
from imgbot.conversation.desk import RequestService, paused_error
from imgbot.conversation.reading import clean
from imgbot.conversation.visit import RequestContext
from imgbot.texts import t

_WORDS = 500


async def handle_pause(message: Message, visit: RequestContext, desk: RequestService) -> None:
    """/pause [words that people are told]."""
    words = clean(text_after(message))[:_WORDS]
    await desk.store.admin.access.pause(words)
    told = paused_error(words)
    sentence = t(visit.language, told.reason, **told.facts)
    await desk.reply_text(visit, f"{t(visit.language, 'pause_done')}\n{sentence}")


async def handle_resume(_: Message, visit: RequestContext, desk: RequestService) -> None:
    """/resume."""
    is_resumed = await desk.store.admin.access.resume()
    await desk.reply(visit, "resume_done" if is_resumed else "resume_nothing")
