"""/pause and /resume: stop and restart admission of requests; running jobs always continue."""

from aiogram.types import Message

from imgbot.bot.context import RequestContext
from imgbot.bot.handlers.admin.arguments import text_after
from imgbot.bot.messages import clean
from imgbot.bot.requests import RequestService, paused_error
from imgbot.domain.texts import t

_WORDS = 500


async def handle_pause(message: Message, context: RequestContext, service: RequestService) -> None:
    """/pause [text shown to users]."""
    words = clean(text_after(message))[:_WORDS]
    await service.store.admin.access.pause(words)
    told = paused_error(words)
    sentence = t(context.language, told.reason, **told.facts)
    await service.reply_text(context, f"{t(context.language, 'pause_done')}\n{sentence}")


async def handle_resume(_: Message, context: RequestContext, service: RequestService) -> None:
    """/resume."""
    is_resumed = await service.store.admin.access.resume()
    await service.reply(context, "resume_done" if is_resumed else "resume_nothing")
