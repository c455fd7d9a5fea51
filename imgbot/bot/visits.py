"""Visits: who writes to the bot is admitted, and what is known of them is kept up to date."""

from contextlib import suppress
from dataclasses import dataclass

from aiogram.types import CallbackQuery, Message

from imgbot.bot.context import RequestContext
from imgbot.bot.dialogue import Dialogue
from imgbot.bot.messages import command_of, photo_of, replied_picture_of
from imgbot.bot.policy import AccessPolicy
from imgbot.bot.requests import Requests
from imgbot.domain.errors import StorageUnavailableError, UserError
from imgbot.storage import keys
from imgbot.storage.job_queue import JobQueue
from imgbot.storage.results import Recent, ResultStore
from imgbot.storage.stats import QueueStats, visitor_of
from imgbot.storage.users import UserStore


@dataclass(frozen=True, slots=True)
class Visits:
    """Users as they write to the bot."""

    policy: AccessPolicy
    queue: JobQueue
    requests: Requests
    users: UserStore
    results: ResultStore
    stats: QueueStats

    async def admit(
        self,
        event: Message | CallbackQuery,
        dialogue: Dialogue,
        stored_language: str,
        *,
        is_open: bool,
    ) -> bool:
        """Note who writes what; false for a request that its user has revoked since.

        Raises UserError for a user who is not admitted, unless it `is_open` to all.
        """
        context = dialogue.context
        if self.queue.is_revoked(context.user_id, context.request, dialogue.now_ms()):
            return False
        # Also of a user who is refused: an admin may let them in by their name.
        await self._note_username(dialogue)
        if context.is_anonymous or not is_open:
            await self._check(dialogue)
        await self._remember(dialogue, stored_language)
        if isinstance(event, Message):
            if dialogue.update:
                await self._note_photo(event, dialogue)
            await self._count(event, dialogue)
        return True

    async def _check(self, dialogue: Dialogue) -> None:
        """Raise UserError for a user who is not admitted, which is counted for a stranger."""
        try:
            self.policy.check(dialogue.context)
        except UserError as error:
            if error.reason == "not_allowed":
                with suppress(StorageUnavailableError):
                    await self.stats.count_use("refused", dialogue.now_ms())
            raise

    async def _note_username(self, dialogue: Dialogue) -> None:
        """Store the user's @name when it changes: Telegram tells no id for a name."""
        context, before = dialogue.context, dialogue.context.profile.username
        if context.username != before and not context.is_anonymous:
            with suppress(StorageUnavailableError):
                changed = context.username, before, dialogue.now_ms()
                await self.users.set_username(context.user_id, *changed)

    async def _remember(self, dialogue: Dialogue, stored_language: str) -> None:
        """Record the user's language, and once a day that they are active."""
        context, written = dialogue.context, dialogue.context.profile.written
        # A full Redis must not prevent the answer that reports it.
        with suppress(StorageUnavailableError):
            await note_seen(context, self.users, self.stats, dialogue.now_ms())
            if written != stored_language:
                await self.users.set_written(context.user_id, written)

    async def _note_photo(self, message: Message, dialogue: Dialogue) -> None:
        """Record a photo, or the picture replied to: it stays the one that is meant."""
        if message.edit_date:
            return
        with suppress(UserError, StorageUnavailableError):
            photo, maker = photo_of(message), ""
            if photo is None and (photo := replied_picture_of(message)):
                maker = await self.results.job_of_picture(photo)
            if photo:
                own = dialogue.user_id, dialogue.now_ms()
                noted = Recent(*own, parent=maker, photos=(photo,))
                await self.results.add_recent(dialogue.context.place, noted)

    async def _count(self, message: Message, dialogue: Dialogue) -> None:
        """Count a command against its own limit; requests are counted by their handlers.

        A user out of requests may still list active jobs and remaining limits.
        """
        is_command = message.text is not None and command_of(message) not in {"", "cancel"}
        if not is_command or dialogue.is_by_admin:
            return
        try:
            request = f"command.{dialogue.context.request}"
            await self.requests.check_rate_limit(dialogue, request, keys.COMMANDS)
        except UserError as error:
            # A full Redis still serves commands that only read.
            if error.reason != "storage_full":
                raise


async def note_seen(
    context: RequestContext, users: UserStore, stats: QueueStats, now_ms: int
) -> None:
    """Record once a day that a user is active: who is silent for long is forgotten."""
    if context.is_anonymous or not context.profile.needs_seen_update(now_ms):
        return
    await users.mark_seen(context.user_id, context.language, now_ms, is_private=context.is_private)
    if visitor := visitor_of(context.profile.seen_ms, now_ms):
        await stats.count_use(visitor, now_ms)
