"""/ban, /unban and /allow: who may come in, changed while the bot runs."""

import time

from aiogram.types import CallbackQuery, Message

from imgbot.conversation.admin_reading import target_of
from imgbot.conversation.desk import RequestService
from imgbot.conversation.visit import RequestContext
from imgbot.errors import UserError
from imgbot.job import State
from imgbot.queue.access import Ban
from imgbot.texts import admin_buttons, t
from imgbot.texts.buttons import Keyboard

_LISTED = 40
_REASON = 60


async def handle_ban(message: Message, visit: RequestContext, desk: RequestService) -> None:
    """/ban id [reason], or as an answer to what the person wrote; alone it lists the bans."""
    user_id, reason = target_of(message)
    if user_id is None and visit.is_private:
        await desk.reply_text(visit, *await _bans(visit.language, desk))
        return
    if user_id is None:
        raise UserError("ban_usage")
    if user_id < 0:
        raise UserError("ban_person_only")
    if desk.policy.is_admin(user_id):
        raise UserError("ban_admin")
    ban = Ban(user_id, reason[:_REASON], visit.user_id, desk.now_ms())
    await desk.store.admin.access.ban(ban)
    # What waits is not paid for yet; what is under way may be, and goes on.
    for job in await desk.store.job_reads.jobs_of(user_id):
        if job.state is State.QUEUED:
            await desk.store.queue.cancel(job.id, user_id, desk.now_ms())
    await desk.reply(visit, "ban_done", user=user_id)


async def handle_unban(message: Message, visit: RequestContext, desk: RequestService) -> None:
    """/unban id."""
    user_id, _ = target_of(message)
    if user_id is None:
        raise UserError("unban_usage")
    is_undone = await desk.store.admin.access.unban(user_id)
    await desk.reply(visit, "ban_undone" if is_undone else "ban_unknown", user=user_id)


async def handle_allow(message: Message, visit: RequestContext, desk: RequestService) -> None:
    """/allow id; in a group it lets the group in, alone it lists who was let in."""
    some_id, _ = target_of(message)
    if not desk.policy.allowed:
        raise UserError("allow_open")
    if some_id is None and not visit.is_private:
        some_id = visit.chat_id
    if some_id is None:
        await desk.reply_text(visit, *await _allowed(visit.language, desk))
        return
    is_new = await desk.store.admin.access.allow(some_id)
    is_known = not is_new or some_id in desk.policy.allowed
    done = "allow_done" if some_id > 0 else "allow_group_done"
    await desk.reply(visit, "allow_already" if is_known else done, user=some_id)


async def on_ban_callback(
    callback: CallbackQuery, argument: str, visit: RequestContext, desk: RequestService
) -> str:
    """Open the bot for somebody again; returns the answer to the press."""
    user_id = _id_in(argument)
    is_undone = await desk.store.admin.access.unban(user_id)
    await _refresh(callback, visit, desk, *await _bans(visit.language, desk))
    return "undone" if is_undone else "stale_button"


async def on_allow_callback(
    callback: CallbackQuery, argument: str, visit: RequestContext, desk: RequestService
) -> str:
    """Take an invitation back; returns the answer to the press."""
    some_id = _id_in(argument)
    is_undone = await desk.store.admin.access.disallow(some_id)
    await _refresh(callback, visit, desk, *await _allowed(visit.language, desk))
    return "undone" if is_undone else "stale_button"


async def _refresh(
    callback: CallbackQuery, visit: RequestContext, desk: RequestService, text: str, rows: Keyboard
) -> None:
    if callback.message is not None:
        await desk.edit_text(visit, callback.message.message_id, text, rows)


async def _bans(language: str, desk: RequestService) -> tuple[str, Keyboard]:
    bans = await desk.store.admin.access.bans()
    if not bans:
        return f"{t(language, 'ban_empty')} {t(language, 'ban_usage')}", []
    lines = [t(language, "ban_title", count=len(bans)), *map(_ban_line, bans[:_LISTED])]
    if len(bans) > _LISTED:
        lines.append(t(language, "queue_more", count=len(bans) - _LISTED))
    return "\n".join(lines), admin_buttons.undo("ban", [ban.user_id for ban in bans[:_LISTED]])


def _ban_line(ban: Ban) -> str:
    day = time.strftime("%Y-%m-%d", time.localtime(ban.at_ms / 1000)) if ban.at_ms else ""
    return " · ".join(part for part in (str(ban.user_id), day, ban.reason) if part)


async def _allowed(language: str, desk: RequestService) -> tuple[str, Keyboard]:
    allowed = await desk.store.admin.access.allowed()
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
