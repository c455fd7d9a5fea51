"""Handlers of /privacy, which says what is stored of a user, and of /forget_me."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from aiogram.types import CallbackQuery, Message

from imgbot.bot.dialogue import Audience, Dialogue
from imgbot.domain.buttons import FORGET
from imgbot.domain.texts import has_text, in_time
from imgbot.features.feature import PrivacyNote
from imgbot.storage.forgetting import Forgetting
from imgbot.storage.spend import Spend
from imgbot.telegram.messenger import ChatTarget, Messenger

_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class PrivacyHandlers:
    """Handlers of commands, of the button that confirms, and of questions."""

    makers: Sequence[tuple[str, str]]
    """Name and country code, if known, of each service that pictures are ordered from."""
    forget_after_days: int
    """Days of silence after which users are forgotten; 0 never."""
    notes: Sequence[PrivacyNote]
    forgetting: Forgetting
    spend: Spend
    messenger: Messenger

    def _makers(self, dialogue: Dialogue) -> str:
        return ", ".join(_maker(dialogue, *maker) for maker in self.makers)

    async def show(self, _: Message, dialogue: Dialogue) -> None:
        """/privacy: what is kept, where and how long, and who makes the pictures."""
        names = self._makers(dialogue)
        days = in_time(dialogue.language, self.forget_after_days * _DAY_S)
        silence = "privacy_silence" if self.forget_after_days else "privacy_no_silence"
        services = dialogue.t("privacy_makers" if names else "privacy_builtin", makers=names)
        notes = "".join(f"\n\n{_note(each, dialogue)}" for each in self.notes)
        facts = {"silence": dialogue.t(silence, days=days), "makers": services + notes}
        text = dialogue.t("privacy", **facts, user_id=dialogue.user_id)
        await dialogue.say(text, to=Audience.ASKER)

    async def answer_privacy(self, _: Message, dialogue: Dialogue) -> None:
        await dialogue.say(dialogue.t("answer_privacy"))

    async def send_my_data(self, message: Message, dialogue: Dialogue) -> None:
        """/my_data: what /forget_me would delete, as a file of JSON."""
        kept = await self.forgetting.kept_of(dialogue.user_id)
        content = json.dumps(kept, ensure_ascii=False, indent=1).encode()
        target = ChatTarget(message.chat.id, reply_to=message.message_id)
        await self.messenger.send_data(target, content, "imgbot-my-data.json")

    async def answer_provider(self, _: Message, dialogue: Dialogue) -> None:
        names = self._makers(dialogue)
        text = dialogue.t("answer_provider" if names else "answer_engine", makers=names)
        await dialogue.say(text)

    async def ask_to_forget(self, _: Message, dialogue: Dialogue) -> None:
        """/forget_me: one question before everything is deleted."""
        context, question = dialogue.context, dialogue.t("forget_ask")
        if context.is_private and context.profile.is_allowed:
            question = f"{question} {dialogue.t('forget_ask_invited')}"
        rows = [[FORGET.button(context.language, context.user_id)]]
        await dialogue.say(question, rows, Audience.ASKER)

    async def on_forget(self, _: CallbackQuery, user_id: int, dialogue: Dialogue) -> str:
        """Delete what is stored of a user."""
        is_own = user_id == dialogue.user_id
        if not (is_own or dialogue.is_by_admin):
            return "not_your_button"
        at_ms, update_id = dialogue.now_ms(), dialogue.context.update_id
        today = self.spend.today(at_ms)
        await self.forgetting.forget({user_id}, at_ms, today, update_id)
        if not is_own:
            await dialogue.edit(dialogue.t("forget_done_other", user=user_id), [])
            return ""
        lines = [dialogue.t("forget_done"), "", dialogue.t("forget_out_of_reach")]
        others = (each.recipient for each in self.notes)
        if recipients := ", ".join(filter(None, (self._makers(dialogue), *others))):
            lines.append(dialogue.t("forget_makers", makers=recipients))
        lines += ["", dialogue.t("forget_kept")]
        lines += [_note(each, dialogue) for each in self.notes if each.is_kept]
        await dialogue.edit("\n".join(lines), [])
        return ""


def _maker(dialogue: Dialogue, name: str, country: str) -> str:
    key = f"country_{country.lower()}"
    return f"{name} ({dialogue.t(key)})" if has_text(key) else name


def _note(note: PrivacyNote, dialogue: Dialogue) -> str:
    return dialogue.t(note.key, recipient=note.recipient)
