"""Access changes while the bot runs: /ban, /unban, /allow, /forget; groups that move."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from aiogram.types import CallbackQuery, Message, Update

from imgbot.bot.dialogue import Dialogue, OpenDialogue
from imgbot.bot.people import UserFinder
from imgbot.bot.policy import AccessPolicy
from imgbot.domain.buttons import FORGET, Button, ButtonAction, Keyboard, in_rows, one_of
from imgbot.domain.errors import UserError
from imgbot.domain.job import State
from imgbot.features.people.access import Access, Ban
from imgbot.storage.job_queue import STOPPED, JobQueue
from imgbot.storage.users import UserStore
from imgbot.telemetry import events

_LISTED = 40
_REASON_LENGTH = 60


BAN = ButtonAction("ban", (one_of("undo"), int), is_for_admins=True)
ALLOW = ButtonAction("allow", (one_of("undo"), int), is_for_admins=True)


@dataclass(frozen=True, slots=True)
class AdmissionHandlers:
    """Handlers of bans and invitations by id."""

    access: Access
    finder: UserFinder
    policy: AccessPolicy
    users: UserStore
    queue: JobQueue

    async def follow(self, update: Update, _: str, __: OpenDialogue) -> None:
        """Let in the supergroup that an allowed group has become."""
        message = update.message
        if message is None or not message.migrate_to_chat_id:
            return
        old, new = message.chat.id, message.migrate_to_chat_id
        if old in self.policy.allowed or old in await self.access.allowed():
            await self.access.allow(new)
            events.info("the allowed group %d is the supergroup %d now", old, new)

    async def ban(self, message: Message, dialogue: Dialogue) -> None:
        """/ban id or @name [reason], or as a reply; without a target it lists bans."""
        user_id, reason = await self.finder.target_of(message)
        if user_id is None and dialogue.context.is_private:
            await dialogue.say(*await self._bans(dialogue))
            return
        if user_id is None:
            raise UserError("ban_usage")
        await self.ban_user(dialogue, user_id, reason)
        label = await self.finder.label_of(user_id)
        await dialogue.say(dialogue.t("ban_done", user=label, id=user_id))

    async def ban_user(self, dialogue: Dialogue, user_id: int, reason: str = "") -> None:
        """Ban a user and cancel their waiting jobs. Raises UserError for a group or an admin."""
        at_ms = dialogue.now_ms()
        if user_id < 0:
            raise UserError("ban_person_only")
        if self.policy.is_admin(user_id):
            raise UserError("ban_admin")
        await self.access.ban(Ban(user_id, reason[:_REASON_LENGTH], dialogue.user_id, at_ms))
        # Queued jobs are not paid for yet; running ones may be, and continue.
        for job in await self.queue.jobs_of(user_id):
            if job.state is State.QUEUED:
                await self.queue.cancel(job.id, user_id, at_ms, STOPPED)

    async def unban(self, message: Message, dialogue: Dialogue) -> None:
        """/unban id or @name, or as a reply."""
        user_id, _ = await self.finder.target_of(message)
        if user_id is None:
            raise UserError("unban_usage")
        is_undone = await self.access.unban(user_id)
        label = await self.finder.label_of(user_id)
        await dialogue.say(dialogue.t("ban_undone" if is_undone else "ban_unknown", user=label))

    async def allow(self, message: Message, dialogue: Dialogue) -> None:
        """/allow id or @name, or as a reply; in a group it admits the group, else it lists."""
        context = dialogue.context
        some_id, _ = await self.finder.target_of(message)
        if not self.policy.allowed:
            raise UserError("allow_open")
        if some_id is None and not context.is_private:
            some_id = context.chat_id
        if some_id is None:
            await dialogue.say(*await self._allowed(dialogue))
            return
        is_new = await self.access.allow(some_id)
        is_known = not is_new or some_id in self.policy.allowed
        done = "allow_done" if some_id > 0 else "allow_group_done"
        label = await self.finder.label_of(some_id)
        await dialogue.say(dialogue.t("allow_already" if is_known else done, user=label))

    async def on_ban(self, _: CallbackQuery, _undo: str, user_id: int, dialogue: Dialogue) -> str:
        is_undone = await self.access.unban(user_id)
        await dialogue.edit(*await self._bans(dialogue))
        return "undone" if is_undone else "stale_button"

    async def on_allow(self, _: CallbackQuery, _undo: str, some_id: int, dialogue: Dialogue) -> str:
        is_undone = await self.access.disallow(some_id)
        await dialogue.edit(*await self._allowed(dialogue))
        return "undone" if is_undone else "stale_button"

    async def _bans(self, dialogue: Dialogue) -> tuple[str, Keyboard]:
        bans = await self.access.bans()
        labels = await self.users.labels(each.user_id for each in bans[:_LISTED])
        lines = {each.user_id: _ban_line(each, labels) for each in bans}
        if not lines:
            return f"{dialogue.t('ban_empty')} {dialogue.t('ban_usage')}", []
        return _list(dialogue, BAN, lines)

    async def _allowed(self, dialogue: Dialogue) -> tuple[str, Keyboard]:
        allowed = await self.access.allowed()
        labels = await self.users.labels(allowed[:_LISTED])
        lines = {some_id: labels.get(some_id, str(some_id)) for some_id in allowed}
        return _list(dialogue, ALLOW, lines) if lines else (dialogue.t("allow_empty"), [])

    async def ask_to_forget(self, message: Message, dialogue: Dialogue) -> None:
        """/forget id or @name, or as a reply; a button confirms it."""
        user_id, _ = await self.finder.target_of(message)
        if user_id is None or user_id < 0:
            raise UserError("forget_usage")
        rows = [[FORGET.button(dialogue.language, user_id)]]
        label = await self.finder.label_of(user_id)
        await dialogue.say(dialogue.t("forget_ask_other", user=label), rows)


def _ban_line(entry: Ban, labels: Mapping[int, str]) -> str:
    day = time.strftime("%Y-%m-%d", time.localtime(entry.at_ms / 1000)) if entry.at_ms else ""
    return " · ".join(filter(None, (labels.get(entry.user_id, ""), day, entry.reason)))


def _list(
    dialogue: Dialogue, action: ButtonAction, lines: Mapping[int, str]
) -> tuple[str, Keyboard]:
    """Return a list of ids, each with a button that removes it."""
    shown = [dialogue.t(f"{action.name}_title", count=len(lines)), *list(lines.values())[:_LISTED]]
    if len(lines) > _LISTED:
        shown.append(dialogue.t("queue_more", count=len(lines) - _LISTED))
    undo = [Button(f"✖️ {each}", action.pack("undo", each)) for each in list(lines)[:_LISTED]]
    return "\n".join(shown), in_rows(undo, 3)
