"""/broadcast: one message to all users, previewed first, then sent by the broadcaster."""

from dataclasses import dataclass, replace

from aiogram.types import CallbackQuery, Message

from imgbot.bot.dialogue import Dialogue
from imgbot.bot.messages import replied_message, text_after
from imgbot.domain.buttons import ButtonAction, one_of
from imgbot.domain.errors import MessageGoneError, TelegramRefusedError, UserError
from imgbot.domain.texts import counted
from imgbot.features.broadcast.broadcasts import Broadcast, Broadcasts
from imgbot.storage.users import UserStore

CAST = ButtonAction("cast", (one_of("go", "drop", "stop"), str), is_for_admins=True)
NEWS = ButtonAction("news")


@dataclass(frozen=True, slots=True)
class BroadcastHandlers:
    """Handlers of the command and of its buttons."""

    broadcasts: Broadcasts
    users: UserStore

    async def preview(self, message: Message, dialogue: Dialogue) -> None:
        """/broadcast text, or as a reply to the message to send."""
        context = dialogue.context
        text, replied = text_after(message), replied_message(message)
        if not text and replied is None:
            raise UserError("cast_usage")
        broadcast = Broadcast(
            id=str(context.update_id),
            admin=context.user_id,
            language=context.language,
            text=text,
            from_chat=0 if text else context.chat_id,
            message_id=0 if text or replied is None else replied.message_id,
        )
        count = await self.broadcasts.draft(broadcast)
        if not count:
            raise UserError("cast_nobody")
        await self._preview(broadcast, dialogue)
        rows = [
            [CAST.button(context.language, step, broadcast.id, key=f"cast_{step}")]
            for step in ("go", "drop")
        ]
        people = counted(context.language, "to_users", count)
        await dialogue.say(dialogue.t("cast_preview", people=people), rows)

    async def on_press(
        self, _: CallbackQuery, step: str, broadcast_id: str, dialogue: Dialogue
    ) -> str:
        if step == "go":
            verdict = await self.broadcasts.start(broadcast_id, dialogue.context.message_id)
            return {"ok": "cast_begun", "busy": "cast_busy"}.get(verdict, "cast_stale")
        is_cancelled = await self.broadcasts.cancel(broadcast_id)
        if step == "stop":
            return "cast_stopping" if is_cancelled else "cast_stale"
        if is_cancelled:
            await dialogue.edit(dialogue.t("cast_dropped"), [])
        return "" if is_cancelled else "cast_stale"

    async def _preview(self, broadcast: Broadcast, dialogue: Dialogue) -> None:
        target = dialogue.context.chat_target
        rows = [[NEWS.button(broadcast.language, "off", key="news_off")]]
        if not broadcast.message_id:
            await dialogue.say(broadcast.text, rows)
            return
        try:
            origin = broadcast.from_chat, broadcast.message_id
            await dialogue.messenger.copy_message(target, *origin, rows)
        except (TelegramRefusedError, MessageGoneError) as error:
            raise UserError("cast_uncopied") from error

    async def on_unsubscribe(self, _: CallbackQuery, __: str, dialogue: Dialogue) -> str:
        preferences = replace(dialogue.context.preferences, is_unsubscribed=True)
        await self.users.set_preference(dialogue.user_id, preferences)
        return "news_off"
