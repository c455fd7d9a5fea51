"""/ban, /unban and /allow: access changes while the bot runs."""

import time

from aiogram.types import CallbackQuery, Message

from imgbot.bot.context import RequestContext
from imgbot.bot.handlers.admin.arguments import target_of
from imgbot.bot.requests import RequestService
from imgbot.domain.errors import UserError
from imgbot.domain.job import State
from imgbot.domain.texts import admin_buttons, t
from imgbot.domain.texts.buttons import Keyboard
from imgbot.storage.access import Ban

_LISTED = 40
_REASON = 60


async def handle_ban(message: Message, context: RequestContext, service: RequestService) -> None:
    """/ban id [reason], or as a reply to the user's message; without a target it lists bans."""
    user_id, reason = target_of(message)
    if user_id is None and context.is_private:
        await service.reply_text(context, *await _bans(context.language, service))
        return
    if user_id is None:
        raise UserError("ban_usage")
    if user_id < 0:
        raise UserError("ban_person_only")
    if service.policy.is_admin(user_id):
        raise UserError("ban_admin")
    ban = Ban(user_id, reason[:_REASON], context.user_id, service.now_ms())
    await service.store.admin.access.ban(ban)
    # Queued jobs are not paid for yet; running ones may be, and continue.
    for job in await service.store.job_reads.jobs_of(user_id):
        if job.state is State.QUEUED:
            await service.store.queue.cancel(job.id, user_id, service.now_ms())
    await service.reply(context, "ban_done", user=user_id)


async def handle_unban(message: Message, context: RequestContext, service: RequestService) -> None:
    """/unban id."""
    user_id, _ = target_of(message)
    if user_id is None:
        raise UserError("unban_usage")
    is_undone = await service.store.admin.access.unban(user_id)
    await service.reply(context, "ban_undone" if is_undone else "ban_unknown", user=user_id)


async def handle_allow(message: Message, context: RequestContext, service: RequestService) -> None:
    """/allow id; in a group it admits the group, without arguments it lists those admitted."""
    some_id, _ = target_of(message)
    if not service.policy.allowed:
        raise UserError("allow_open")
    if some_id is None and not context.is_private:
        some_id = context.chat_id
    if some_id is None:
        await service.reply_text(context, *await _allowed(context.language, service))
        return
    is_new = await service.store.admin.access.allow(some_id)
    is_known = not is_new or some_id in service.policy.allowed
    done = "allow_done" if some_id > 0 else "allow_group_done"
    await service.reply(context, "allow_already" if is_known else done, user=some_id)


async def on_ban_callback(
    callback: CallbackQuery, argument: str, context: RequestContext, service: RequestService
) -> str:
    """Lift a ban; returns the answer to the callback."""
    user_id = _id_in(argument)
    is_undone = await service.store.admin.access.unban(user_id)
    await _refresh(callback, context, service, *await _bans(context.language, service))
    return "undone" if is_undone else "stale_button"


async def on_allow_callback(
    callback: CallbackQuery, argument: str, context: RequestContext, service: RequestService
) -> str:
    """Withdraw an admission; returns the answer to the callback."""
    some_id = _id_in(argument)
    is_undone = await service.store.admin.access.disallow(some_id)
    await _refresh(callback, context, service, *await _allowed(context.language, service))
    return "undone" if is_undone else "stale_button"


async def _refresh(
    callback: CallbackQuery,
    context: RequestContext,
    service: RequestService,
    text: str,
    rows: Keyboard,
) -> None:
    if callback.message is not None:
        await service.edit_text(context, callback.message.message_id, text, rows)


async def _bans(language: str, service: RequestService) -> tuple[str, Keyboard]:
    bans = await service.store.admin.access.bans()
    if not bans:
        return f"{t(language, 'ban_empty')} {t(language, 'ban_usage')}", []
    lines = [t(language, "ban_title", count=len(bans)), *map(_ban_line, bans[:_LISTED])]
    if len(bans) > _LISTED:
        lines.append(t(language, "queue_more", count=len(bans) - _LISTED))
    return "\n".join(lines), admin_buttons.undo("ban", [ban.user_id for ban in bans[:_LISTED]])


def _ban_line(ban: Ban) -> str:
    day = time.strftime("%Y-%m-%d", time.localtime(ban.at_ms / 1000)) if ban.at_ms else ""
    return " · ".join(part for part in (str(ban.user_id), day, ban.reason) if part)


async def _allowed(language: str, service: RequestService) -> tuple[str, Keyboard]:
    allowed = await service.store.admin.access.allowed()
    if not allowed:
        return t(language, "allow_empty"), []
    lines = [t(language, "allow_title", count=len(allowed)), *map(str, allowed[:_LISTED])]
    if len(allowed) > _LISTED:
        lines.append(t(language, "queue_more", count=len(allowed) - _LISTED))
    return "\n".join(lines), admin_buttons.undo("allow", allowed[:_LISTED])


def _id_in(argument: str) -> int:
    what, _, some_id = argument.partition(".")
    if what != "undo" or not some_id.removeprefix("-").isdecimal():
        raise UserError("unknown_button")
    return int(some_id)
