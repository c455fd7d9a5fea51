"""Voice messages: sent to the speech model once, shown as what was heard, then read as a text."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from aiogram.types import Message, Voice

from imgbot.bot.commands import ChatCommand
from imgbot.bot.dialogue import Audience, Dialogue
from imgbot.bot.messages import clean
from imgbot.domain.errors import UserError
from imgbot.features.feature import Core
from imgbot.providers.chat import ChatClient
from imgbot.storage.users import UserStore
from imgbot.telegram.client import download

_LONGEST_S, _LIMIT_BYTES = 60, 1_000_000
_TIMEOUT_S = 20.0
_USER_SHARE = 40
"""One user can have this part of the recordings of a day heard."""
_AT_ONCE = 4
"""Recordings heard at the same time: each keeps a slot of the update dispatcher."""
_KEPT_S = 90_000
"""As long as an update may be handled again; the buttons of a question work that long, too."""


@dataclass(slots=True)
class Listener:
    """Handler of voice messages."""

    core: Core
    speech: ChatClient
    _under_way: int = 0

    async def route(self, message: Message) -> ChatCommand | None:
        """Return what takes a voice message to the bot."""
        is_own = message.voice is not None and self.core.identity.is_addressed(message)
        return ChatCommand("", self.handle) if is_own else None

    async def words_of(self, message: Message) -> str:
        """Return what was heard in a message, as long as it is kept."""
        return await UserStore(self.core.redis).choice(_name_of(message))

    async def explain(self, _: Message, dialogue: Dialogue) -> None:
        """/voice: what can be said."""
        await dialogue.say(dialogue.t("voice_how"))

    async def handle(self, message: Message, dialogue: Dialogue) -> None:
        """Show what was heard, and do what it asks for."""
        dialogue.refuse_while_paused()
        await self.core.requests.check_rate_limit(dialogue)
        words = await self.words_of(message)
        if not words:
            # Handled again after a crash, it is not sent a second time.
            words = await self._heard(message.voice, dialogue)
            words = await dialogue.users.once(_name_of(message), words, _KEPT_S)
        shown = f"{_name_of(message)}.shown"
        if not await dialogue.users.choice(shown):
            text, about = dialogue.t("voice_heard", words=words), dialogue.context.message_id
            await dialogue.say(text, to=Audience.ASKER, about=about)
            await dialogue.users.once(shown, "shown", _KEPT_S)
        said = message.model_copy(update={"text": words, "voice": None, "caption": None})
        for handle_text in self.core.text_handlers:
            await handle_text(said, dialogue)

    async def _heard(self, voice: Voice | None, dialogue: Dialogue) -> str:
        """Return the words of a recording. Raises UserError."""
        if voice is None or voice.duration > _LONGEST_S or (voice.file_size or 0) > _LIMIT_BYTES:
            raise UserError("voice_too_long")
        if self.speech.is_paused or self._under_way >= _AT_ONCE:
            raise UserError("voice_unheard")
        if not await self.speech.may_call(dialogue.user_id, _USER_SHARE):
            raise UserError("voice_spent")
        self._under_way += 1
        try:
            words = await self._transcribed(voice.file_id)
        finally:
            self._under_way -= 1
        if not words:
            raise UserError("voice_unheard" if words is None else "voice_empty")
        return words

    async def _transcribed(self, file_id: str) -> str | None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "voice.ogg"
            try:
                await download(self.core.bot, file_id, path)
            except UserError:
                # Telegram no longer has it.
                return None
            if path.stat().st_size > _LIMIT_BYTES:
                raise UserError("voice_too_long")
            return await self.speech.transcribe(path, clean, _TIMEOUT_S)


def _name_of(message: Message) -> str:
    """Return the name of what was heard in a message; /forget_me finds it by the user's id."""
    author = message.from_user.id if message.from_user else 0
    place = f"{message.chat.id}.{message.message_id}.{message.ephemeral_message_id or 0}"
    return f"said.{author}.voice.{place}"
