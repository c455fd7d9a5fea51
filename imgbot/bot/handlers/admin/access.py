"""Access changes while the bot runs, and the users or groups that their commands name."""

import re
import time
from collections.abc import Mapping

from aiogram.types import (
    CallbackQuery,
    ExternalReplyInfo,
    Message,
    MessageOriginHiddenUser,
    MessageOriginUser,
    User,
)

from imgbot.bot.app import App
from imgbot.bot.commands import ButtonAction, admin_command
from imgbot.bot.dialogue import Dialogue, paused_error
from imgbot.bot.messages import clean, replied_message, text_after
from imgbot.domain.errors import UserError
from imgbot.domain.job import State
from imgbot.domain.texts import buttons
from imgbot.domain.texts.buttons import Keyboard
from imgbot.storage.access import Ban
from imgbot.storage.job_queue import STOPPED
from imgbot.telegram.messenger import picture_in

_LISTED = 40
_REASON_LENGTH = 60
_NUMBER = re.compile(r"-?[0-9]+")
_USERNAME = re.compile(r"@(\w{1,32})", re.ASCII)
_ID_IN_TEXT = re.compile(r"(?<![\w.,$-])[0-9]{6,16}(?![\w.,]?\w)")
_ID_DIGITS = 16
_ID_BITS = 52
"""Telegram documents at most 52 significant bits for its ids."""
_QUOTED_LENGTH = 40


async def target_of(message: Message, app: App) -> tuple[int | None, str]:
    """Return the target of the command, and the rest of its text.

    Raises UserError for an id that is invalid or that Telegram never assigns, for an unknown
    name, and for a message that does not show which user it is about.
    """
    text = clean(text_after(message))
    first, _, rest = text.partition(" ")
    if _NUMBER.fullmatch(first):
        return _id_of(first), rest
    if name := _USERNAME.fullmatch(first):
        return await _id_of_name(name[1], app), rest
    replied = replied_message(message) or message.external_reply
    target = await _target_in(replied, app) if replied else None
    if target is None and first:
        raise UserError("id_unreadable", words=first[:_QUOTED_LENGTH])
    return target, text


async def label_of(user_id: int, app: App) -> str:
    """Return an id, with the user's @name before it where they have one."""
    return (await app.users.labels([user_id]))[user_id]


async def _id_of_name(name: str, app: App) -> int:
    user_id = await app.users.id_of(name)
    if user_id is None:
        raise UserError("name_unknown", name=name)
    return user_id


async def _target_in(replied: Message | ExternalReplyInfo, app: App) -> int | None:
    """Return the user whose message it is, or whom a message of the bot is about."""
    author = _author_of(replied)
    if author is not None and not author.is_bot:
        return author.id
    is_own = author is not None and author.id == app.identity.id
    is_here = isinstance(replied, Message)
    return await _mentioned_in(replied, app) if is_own and is_here else None


async def _mentioned_in(message: Message, app: App) -> int | None:
    """Return whom a message of the bot mentions, made a picture for, or names by id."""
    for entity in message.entities or []:
        if entity.user is not None:
            return entity.user.id
    if picture := picture_in(message):
        job_id = await app.results.job_of_picture(picture)
    else:
        job_id = await app.results.announced_in(message.chat.id, message.message_id)
    if result := await app.results.result(job_id):
        return result.user_id
    numbers = dict.fromkeys(map(int, _ID_IN_TEXT.findall(message.text or "")))
    # Other numbers are of jobs.
    known = await app.users.known(numbers)
    if len(known) > 1:
        raise UserError("several_named")
    return known[0] if known else None


def _id_of(number: str) -> int:
    digits = number.removeprefix("-").lstrip("0")
    if not digits or len(digits) > _ID_DIGITS or int(digits).bit_length() > _ID_BITS:
        raise UserError("id_nobodys", number=number[:_QUOTED_LENGTH])
    return int(number)


def _author_of(message: Message | ExternalReplyInfo) -> User | None:
    """Return the account that wrote a message, or from which it was forwarded.

    Raises UserError if it is hidden: the account that forwarded it is another one.
    """
    is_here = isinstance(message, Message)
    origin = message.forward_origin if is_here else message.origin
    if isinstance(origin, MessageOriginUser):
        return origin.sender_user
    # In a group a member may be banned for what they forward from a channel.
    is_of_member = is_here and message.chat.type != "private"
    if isinstance(origin, MessageOriginHiddenUser) or (origin and not is_of_member):
        raise UserError("author_hidden")
    return message.from_user if is_here else None


async def handle_ban(message: Message, dialogue: Dialogue) -> None:
    """/ban id or @name [reason], or as a reply; without a target it lists bans."""
    user_id, reason = await target_of(message, dialogue.app)
    if user_id is None and dialogue.context.is_private:
        await dialogue.reply_text(*await _bans(dialogue))
        return
    if user_id is None:
        raise UserError("ban_usage")
    await ban(dialogue, user_id, reason)
    await dialogue.reply("ban_done", user=await label_of(user_id, dialogue.app))


async def ban(dialogue: Dialogue, user_id: int, reason: str = "") -> None:
    """Ban a user and cancel their waiting jobs. Raises UserError for a group or an admin."""
    app, at_ms = dialogue.app, dialogue.app.now_ms()
    if user_id < 0:
        raise UserError("ban_person_only")
    if app.policy.is_admin(user_id):
        raise UserError("ban_admin")
    await app.access.ban(Ban(user_id, reason[:_REASON_LENGTH], dialogue.user_id, at_ms))
    # Queued jobs are not paid for yet; running ones may be, and continue.
    for job in await app.queue.jobs_of(user_id):
        if job.state is State.QUEUED:
            await app.queue.cancel(job.id, user_id, at_ms, STOPPED)


async def handle_unban(message: Message, dialogue: Dialogue) -> None:
    """/unban id or @name, or as a reply."""
    user_id, _ = await target_of(message, dialogue.app)
    if user_id is None:
        raise UserError("unban_usage")
    is_undone = await dialogue.app.access.unban(user_id)
    label = await label_of(user_id, dialogue.app)
    await dialogue.reply("ban_undone" if is_undone else "ban_unknown", user=label)


async def handle_allow(message: Message, dialogue: Dialogue) -> None:
    """/allow id or @name, or as a reply; in a group it admits the group, else it lists."""
    app, context = dialogue.app, dialogue.context
    some_id, _ = await target_of(message, dialogue.app)
    if not app.policy.allowed:
        raise UserError("allow_open")
    if some_id is None and not context.is_private:
        some_id = context.chat_id
    if some_id is None:
        await dialogue.reply_text(*await _allowed(dialogue))
        return
    is_new = await app.access.allow(some_id)
    is_known = not is_new or some_id in app.policy.allowed
    done = "allow_done" if some_id > 0 else "allow_group_done"
    label = await label_of(some_id, app)
    await dialogue.reply("allow_already" if is_known else done, user=label)


async def handle_forget(message: Message, dialogue: Dialogue) -> None:
    """/forget id or @name, or as a reply; a button confirms it."""
    user_id, _ = await target_of(message, dialogue.app)
    if user_id is None or user_id < 0:
        raise UserError("forget_usage")
    rows, label = buttons.forget(dialogue.language, user_id), await label_of(user_id, dialogue.app)
    await dialogue.reply("forget_ask_other", rows, user=label)


async def on_ban_callback(_: CallbackQuery, argument: str, dialogue: Dialogue) -> str:
    is_undone = await dialogue.app.access.unban(_id_in(argument))
    await dialogue.update_panel(*await _bans(dialogue))
    return "undone" if is_undone else "stale_button"


async def on_allow_callback(_: CallbackQuery, argument: str, dialogue: Dialogue) -> str:
    is_undone = await dialogue.app.access.disallow(_id_in(argument))
    await dialogue.update_panel(*await _allowed(dialogue))
    return "undone" if is_undone else "stale_button"


async def _bans(dialogue: Dialogue) -> tuple[str, Keyboard]:
    bans = await dialogue.app.access.bans()
    labels = await dialogue.app.users.labels(each.user_id for each in bans[:_LISTED])
    lines = {each.user_id: _ban_line(each, labels) for each in bans}
    if not lines:
        return f"{dialogue.t('ban_empty')} {dialogue.t('ban_usage')}", []
    return _list(dialogue, "ban", lines)


def _ban_line(entry: Ban, labels: Mapping[int, str]) -> str:
    day = time.strftime("%Y-%m-%d", time.localtime(entry.at_ms / 1000)) if entry.at_ms else ""
    return " · ".join(filter(None, (labels.get(entry.user_id, ""), day, entry.reason)))


async def _allowed(dialogue: Dialogue) -> tuple[str, Keyboard]:
    allowed = await dialogue.app.access.allowed()
    labels = await dialogue.app.users.labels(allowed[:_LISTED])
    lines = {some_id: labels.get(some_id, str(some_id)) for some_id in allowed}
    return _list(dialogue, "allow", lines) if lines else (dialogue.t("allow_empty"), [])


def _list(dialogue: Dialogue, action: str, lines: Mapping[int, str]) -> tuple[str, Keyboard]:
    """Return a list of ids, each with a button that removes it."""
    shown = [dialogue.t(f"{action}_title", count=len(lines)), *list(lines.values())[:_LISTED]]
    if len(lines) > _LISTED:
        shown.append(dialogue.t("queue_more", count=len(lines) - _LISTED))
    return "\n".join(shown), buttons.undo(action, list(lines)[:_LISTED])


def _id_in(argument: str) -> int:
    action, _, some_id = argument.partition(".")
    if action != "undo" or not some_id.removeprefix("-").isdecimal():
        raise UserError("unknown_button")
    return int(some_id)


_NOTICE_LENGTH = 500


async def handle_pause(message: Message, dialogue: Dialogue) -> None:
    """/pause [text shown to users]."""
    notice = clean(text_after(message))[:_NOTICE_LENGTH]
    await dialogue.app.access.pause(notice)
    error = paused_error(notice)
    shown = dialogue.t(error.reason, **error.facts)
    rows = [[buttons.resume(dialogue.language)]]
    await dialogue.reply_text(f"{dialogue.t('pause_done')}\n{shown}", rows)


async def handle_resume(_: Message, dialogue: Dialogue) -> None:
    is_resumed = await dialogue.app.access.resume()
    await dialogue.reply("resume_done" if is_resumed else "resume_nothing")


# Those that also work in a group disclose nothing private by their answers.
COMMANDS = (
    admin_command("ban", handle_ban, is_private=False),
    admin_command("unban", handle_unban, is_private=False),
    admin_command("allow", handle_allow, is_private=False),
    admin_command("forget", handle_forget),
    admin_command("pause", handle_pause, is_private=False),
    admin_command("resume", handle_resume, is_private=False),
)
BUTTONS = (
    ButtonAction("ban", on_ban_callback, is_for_admins=True),
    ButtonAction("allow", on_allow_callback, is_for_admins=True),
)
