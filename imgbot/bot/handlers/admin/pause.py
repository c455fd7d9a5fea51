"""/pause and /resume: stop and restart admission of requests; running jobs always continue."""

from aiogram.types import Message

from imgbot.bot.handlers.admin.arguments import text_after
from imgbot.bot.messages import clean
from imgbot.bot.requests import paused_error
from imgbot.bot.responder import Responder
from imgbot.domain.texts import t
from imgbot.storage.access import Access

_NOTICE_LENGTH = 500


async def handle_pause(message: Message, responder: Responder, access: Access) -> None:
    """/pause [text shown to users]."""
    notice = clean(text_after(message))[:_NOTICE_LENGTH]
    await access.pause(notice)
    error, language = paused_error(notice), responder.context.language
    shown = t(language, error.reason, **error.facts)
    await responder.reply_text(f"{t(language, 'pause_done')}\n{shown}")


async def handle_resume(_: Message, responder: Responder, access: Access) -> None:
    """/resume."""
    is_resumed = await access.resume()
    await responder.reply("resume_done" if is_resumed else "resume_nothing")
