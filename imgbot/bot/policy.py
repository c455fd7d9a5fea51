"""Access: the operator's rules, and what is noted of the users whom they admit."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from aiogram.types import CallbackQuery, Message

from imgbot.bot.context import RequestContext
from imgbot.bot.dialogue import Dialogue
from imgbot.bot.messages import photo_of, replied_picture_of
from imgbot.domain.errors import StorageUnavailableError, UserError
from imgbot.domain.operations import OFFERED, Operation
from imgbot.storage.job_queue import JobQueue
from imgbot.storage.results import Recent, ResultStore
from imgbot.storage.stats import QueueStats, visitor_of
from imgbot.storage.users import UserStore

_SMALLEST_SCALE = 2


@dataclass(frozen=True, slots=True)
class AccessPolicy:
    """Access rules of the operator: admitted users and groups by id, and the engine."""

    allowed: frozenset[int]
    admins: frozenset[int]
    has_builtin_engine: bool
    """True if it makes all pictures."""
    has_builtin_edits: bool
    """True if it makes the edits: it changes less than words can ask for."""
    price_of: Callable[[Operation, int, str], int]
    """Price of a picture at a scale by a model, in micro-dollars; empty is the usual model."""
    title_of: Callable[[Operation, str], str] = lambda _, model: model
    """Name by which users know a model of an operation."""
    prompt_language: str = ""
    """Language of prompts that the provider of new pictures understands best; empty if any."""
    has_photo_styles: bool = False
    """True if it makes the edits, and the extra `paint` is installed."""

    @property
    def least_price_micro(self) -> int:
        """Price of the cheapest picture that is not free, in micro-dollars; 0 if all are free."""
        prices = (self.price_of(operation, _SMALLEST_SCALE, "") for operation in OFFERED)
        return min(filter(None, prices), default=0)

    def admits(self, *ids: int) -> bool:
        """Return true if this user, or the chat they write in, is admitted."""
        return not self.allowed or not (self.allowed | self.admins).isdisjoint(ids)

    def is_admin(self, user_id: int) -> bool:
        return user_id in self.admins

    def check(self, context: RequestContext) -> None:
        """Raise UserError for a user who is not admitted, or not at present."""
        profile = context.profile
        if profile.is_banned and not self.is_admin(context.user_id):
            raise UserError("banned")
        # That account has an id, but no user who could be admitted.
        if context.is_anonymous:
            raise UserError("anonymous")
        if not (profile.is_allowed or self.admits(context.user_id, context.chat_id)):
            raise UserError("not_allowed", user_id=context.user_id)


@dataclass(frozen=True, slots=True)
class Visits:
    """Users as they write to the bot."""

    policy: AccessPolicy
    queue: JobQueue
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
        await self._note_names(dialogue)
        if context.is_anonymous or not is_open:
            await self._check(dialogue)
        await self._remember(dialogue, stored_language)
        if dialogue.update and isinstance(event, Message):
            await self._note_photo(event, dialogue)
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

    async def _note_names(self, dialogue: Dialogue) -> None:
        """Store the user's names when they change: Telegram tells no id for a name."""
        context, before = dialogue.context, dialogue.context.profile
        now = context.name, context.username
        if now != (before.name, before.username) and not context.is_anonymous:
            with suppress(StorageUnavailableError):
                changed = *now, before.username, dialogue.now_ms()
                await self.users.set_names(context.user_id, *changed)

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


async def note_seen(
    context: RequestContext, users: UserStore, stats: QueueStats, now_ms: int
) -> None:
    """Record once a day that a user is active: who is silent for long is forgotten."""
    if context.is_anonymous or not context.profile.needs_seen_update(now_ms):
        return
    await users.mark_seen(context.user_id, context.language, now_ms, is_private=context.is_private)
    if visitor := visitor_of(context.profile.seen_ms, now_ms):
        await stats.count_use(visitor, now_ms)
