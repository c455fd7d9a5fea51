"""Pause of the bot, for administrators: /pause, /resume."""

from aiogram.types import Message

from imgbot.bot.commands import admin_command
from imgbot.bot.dialogue import Dialogue, paused_error
from imgbot.bot.messages import clean, text_after
from imgbot.domain.texts import buttons

_NOTICE_LENGTH = 500


async def handle_pause(message: Message, dialogue: Dialogue) -> None:
    """/pause [text shown to users]."""
    notice = clean(text_after(message))[:_NOTICE_LENGTH]
    await dialogue.app.pause.begin(notice)
    error = paused_error(notice)
    shown = dialogue.t(error.reason, **error.facts)
    rows = [[buttons.resume(dialogue.language)]]
    await dialogue.reply_text(f"{dialogue.t('pause_done')}\n{shown}", rows)


async def handle_resume(_: Message, dialogue: Dialogue) -> None:
    is_resumed = await dialogue.app.pause.end()
    await dialogue.reply("resume_done" if is_resumed else "resume_nothing")


COMMANDS = (
    admin_command("pause", handle_pause, is_private=False),
    admin_command("resume", handle_resume, is_private=False),
)
