"""/broadcast: one message to all users, previewed first, then sent by the runner."""

from aiogram.types import CallbackQuery, Message

from imgbot.bot.context import RequestContext
from imgbot.bot.handlers.admin.arguments import text_after
from imgbot.bot.messages import replied_message
from imgbot.bot.requests import RequestService
from imgbot.domain.errors import MessageGoneError, TelegramRefusedError, UserError
from imgbot.domain.texts import admin_buttons, buttons, t, to_users
from imgbot.domain.texts.buttons import Keyboard
from imgbot.storage.broadcasts import Broadcast


async def handle_broadcast(
    message: Message, context: RequestContext, service: RequestService
) -> None:
    """/broadcast text, or as a reply to the message to send."""
    text, answered = text_after(message), replied_message(message)
    if not text and answered is None:
        raise UserError("cast_usage")
    broadcast = Broadcast(
        id=str(context.update_id),
        admin=context.user_id,
        language=context.language,
        text=text,
        from_chat=0 if text else context.chat_id,
        message_id=0 if text or answered is None else answered.message_id,
    )
    count = await service.store.admin.broadcasts.draft(broadcast)
    if not count:
        raise UserError("cast_nobody")
    rows = buttons.unsubscribe(context.language)
    if broadcast.message_id:
        await _show_copy(context, service, broadcast.message_id, rows)
    else:
        await service.reply_text(context, text, rows)
    question = t(context.language, "cast_preview", people=to_users(context.language, count))
    await service.reply_text(
        context, question, admin_buttons.broadcast_preview(context.language, broadcast.id)
    )


async def _show_copy(
    context: RequestContext, service: RequestService, message_id: int, rows: Keyboard
) -> None:
    try:
        await service.delivery.copy_message(context.chat_target, context.chat_id, message_id, rows)
    except (TelegramRefusedError, MessageGoneError) as error:
        raise UserError("cast_uncopied") from error


async def on_broadcast_callback(
    callback: CallbackQuery, argument: str, context: RequestContext, service: RequestService
) -> str:
    """Send, discard or stop a broadcast; returns the answer to the callback."""
    what, _, broadcast_id = argument.partition(".")
    broadcasts = service.store.admin.broadcasts
    message_id = callback.message.message_id if callback.message else 0
    if what == "go":
        verdict = await broadcasts.start(broadcast_id, message_id)
        return {"ok": "cast_begun", "busy": "cast_busy"}.get(verdict, "cast_stale")
    if what not in {"drop", "stop"}:
        return "unknown_button"
    is_cancelled = await broadcasts.cancel(broadcast_id)
    if what == "stop":
        return "cast_stopping" if is_cancelled else "cast_stale"
    if is_cancelled:
        await service.edit_text(context, message_id, t(context.language, "cast_dropped"), [])
    return "" if is_cancelled else "cast_stale"
