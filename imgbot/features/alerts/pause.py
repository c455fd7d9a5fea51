"""Pause of the bot, for administrators: /pause, /resume."""

from dataclasses import dataclass

from aiogram.types import Message

from imgbot.bot.dialogue import Dialogue, paused_error
from imgbot.bot.messages import clean, text_after
from imgbot.features.alerts import buttons
from imgbot.storage.pause import Pause

_NOTICE_LENGTH = 500


@dataclass(frozen=True, slots=True)
class PauseHandlers:
    """Handlers of both commands."""

    pause: Pause

    async def begin(self, message: Message, dialogue: Dialogue) -> None:
        """/pause [text shown to users]."""
        notice = clean(text_after(message))[:_NOTICE_LENGTH]
        await self.pause.begin(notice)
        error = paused_error(notice)
        shown = dialogue.t(error.reason, **error.facts)
        rows = [[buttons.resume(dialogue.language)]]
        await dialogue.say(f"{dialogue.t('pause_done')}\n{shown}", rows)

    async def end(self, _: Message, dialogue: Dialogue) -> None:
        is_resumed = await self.pause.end()
        await dialogue.say(dialogue.t("resume_done" if is_resumed else "resume_nothing"))
