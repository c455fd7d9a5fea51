"""Pictures that messages are about: what is stored of a chat, for the rule in `this_picture`."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass

from aiogram.types import CallbackQuery, Message

from imgbot.bot.dialogue import Dialogue
from imgbot.bot.messages import prompt_of, replied_picture_of
from imgbot.bot.this_picture import Meant, awaited, by_number, meant_by, numbered, target_of, undone
from imgbot.domain.errors import UserError
from imgbot.domain.job import InputPhoto, Job, variant_ids
from imgbot.domain.operations import CHANGES, Operation
from imgbot.domain.ordinals import ORIGINAL, UNDONE, Named, picture_named_in
from imgbot.storage.results import Recent, ResultStore

_STEPS = 50
"""Changes of one picture that are followed back."""

_AFTER_PHOTO = frozenset({"last", "file", "receipt"})
"""Actions on results that are not about a photo that was sent after them."""
_BEFORE_SHOWN = frozenset({"again"})
"""Actions that are about a picture even before it is there."""
_OWN = frozenset({"last", "complaint", "delete", "receipt"})
"""Actions that are about the user's own results, in a group, too."""


@dataclass(frozen=True, slots=True)
class Pictures:
    """Pictures of a chat."""

    results: ResultStore

    async def owned_result(
        self, job_id: str, dialogue: Dialogue, *, gone: str = "stale_button"
    ) -> Job:
        """Return the user's own result of this chat, for a button under it.

        Raises UserError if it is `gone`, somebody else's, or of another chat.
        """
        result = await self.results.result(job_id)
        if result is None:
            raise UserError(gone)
        if result.user_id != dialogue.user_id:
            raise UserError("not_your_button")
        if not result.is_of(dialogue.context.chat_id):
            raise UserError("stale_button")
        return result

    async def failed_request(
        self, callback: CallbackQuery, job_id: str, dialogue: Dialogue
    ) -> tuple[Job, Dialogue]:
        """Return what a job without a picture was to make, and a dialogue beside what asked for it.

        Raises UserError as `owned_result` does, and if there is a picture.
        """
        wanted = await self.owned_result(job_id, dialogue, gone="request_gone")
        message = callback.message
        if not isinstance(message, Message) or wanted.picture is not None:
            raise UserError("stale_button")
        asked = message.reply_to_message or message
        return wanted, dialogue.in_reply_to(asked.message_id)

    async def newest_first(self, dialogue: Dialogue) -> AsyncGenerator[tuple[Recent, Meant]]:
        """Yield what "this picture" may mean in this chat and topic, the newest first."""
        context, results = dialogue.context, self.results
        for recent in await results.recent(context.place):
            is_later = 0 < context.as_of_ms < recent.at_ms
            if is_later or recent.job_id.partition("-")[0] == context.request:
                # The update is handled again: it cannot mean what it ordered itself.
                continue
            job, result = await results.of_job(recent.job_id)
            if not _is_here(result, dialogue):
                if job is None and await self._was_meant(recent, dialogue):
                    yield recent, awaited(recent)
                    continue
                _, result = await results.of_job(recent.parent)
            shown = result if _is_here(result, dialogue) else None
            if meant := meant_by(recent, job, shown, context.user_id):
                yield recent, meant

    async def _was_meant(self, recent: Recent, dialogue: Dialogue) -> bool:
        """Return true if the user's picture was being made when they wrote, and has failed."""
        context = dialogue.context
        if not (recent.job_id and context.sent_s) or recent.user_id != context.user_id:
            return False
        # Its time is in whole seconds.
        latest_s = context.sent_s + 1 + dialogue.messenger.clock_ahead_s
        return latest_s * 1000 < await self.results.failed_ms(recent.job_id, dialogue.now_ms())

    async def meant_in(
        self, message: Message, dialogue: Dialogue, fits: Callable[[Meant], object] = bool
    ) -> Meant:
        """Return the picture that the message replies to, else the newest that fits, or nothing."""
        if photo := replied_picture_of(message):
            job_id = await self.results.job_of_picture(photo)
            result = await self.results.expected(job_id)
            return result if result and _is_here(result, dialogue) else (photo,)
        async with aclosing(self.newest_first(dialogue)) as newest:
            async for _, meant in newest:
                if fits(meant):
                    return meant
        return ()

    async def chosen(self, action: str, message: Message, dialogue: Dialogue) -> Job:
        """Return the result that the message is about. Raises UserError without one."""

        def fits(meant: Meant) -> bool:
            if isinstance(meant, tuple):
                return action not in _AFTER_PHOTO
            is_own = meant.user_id == dialogue.user_id
            is_early = action in _BEFORE_SHOWN or (action == "undo" and meant.request.parent != "")
            return (is_own or action not in _OWN) and (meant.is_there or is_early)

        which = picture_named_in(prompt_of(message))
        if which and which.rest and which.is_certain:
            meant = await self.named(which, message, dialogue)
        else:
            meant = await self.meant_in(message, dialogue, fits)
        found = meant.id if isinstance(meant, Job) else ""
        # An undo changes the latest result: a redelivered update must start from the same one.
        result = await self.results.expected(await dialogue.once(action, found))
        is_here = result is not None and result.is_of(dialogue.context.chat_id)
        # Of any picture that is replied to, only `fits` was not asked.
        if result is None or not is_here or (action in _OWN and result.user_id != dialogue.user_id):
            raise UserError(f"{action}_nothing")
        return result

    async def of_this_chat(self, unique_id: str, dialogue: Dialogue) -> InputPhoto | None:
        """Return the picture of this chat that has the id; the user's own while it is recent."""
        results = self.results
        # A picture that was being made had the id of its job.
        result = await results.result(await results.job_of_unique_id(unique_id) or unique_id)
        if result and _is_here(result, dialogue):
            return result.picture
        async with aclosing(self.newest_first(dialogue)) as newest:
            async for recent, meant in newest:
                for photo in (target_of(meant).photo, *recent.photos):
                    if photo and photo.unique_id == unique_id:
                        return photo
        return None

    async def named(
        self, which: Named, message: Message, dialogue: Dialogue, *, goes_back: bool = False
    ) -> Meant:
        """Return the variant of this picture that a text names, or one of its versions.

        Raises UserError if there is none.
        """
        meant = await self.meant_in(message, dialogue)
        if which.number == UNDONE:
            return await self._change_undone(dialogue, meant)
        readers = [self._variants] if which.rest else [self._variants, self._versions]
        readers = [self._versions, self._variants] if goes_back else readers
        for read in [self._versions] if which.number == ORIGINAL else readers:
            found = await read(dialogue, meant)
            if len(found) > 1:
                return numbered(found, which.number or min(found))
        raise UserError("variants_none" if which.number else "undo_nothing")

    async def _versions(self, dialogue: Dialogue, meant: Meant) -> Mapping[int, Meant]:
        """Return what a picture was before each of its changes, from the first on, and the last.

        Changes that were undone count as well.
        """
        found: list[Meant] = [(await self._changes_undone(dialogue, meant) or [meant])[0]]
        while len(found) < _STEPS and (before := await self.version_before(dialogue, found[0])):
            found.insert(0, before)
        return dict(enumerate(found, 1))

    async def version_before(self, dialogue: Dialogue, meant: Meant) -> Meant:
        """Return what a picture was before its last change; nothing if it was not changed."""
        if isinstance(meant, tuple) or meant.request.operation not in {*CHANGES, Operation.CREATE}:
            return ()
        # A forwarded picture has a job, but its prompt is private to the chat of that job.
        parent = await self.results.expected(meant.request.parent)
        if parent and _is_here(parent, dialogue):
            return parent
        return tuple(photo for photo in meant.request.sources[:1] if photo.file_id)

    async def _variants(self, dialogue: Dialogue, meant: Meant) -> Mapping[int, Meant]:
        """Return the variants that a picture is one of, or was made from; nothing without any."""
        for _ in range(_STEPS):
            if isinstance(meant, tuple):
                break
            results = await self.results.all_expected(variant_ids(meant.id))
            if len(found := by_number(results)) > 1:
                return found
            meant = await self.version_before(dialogue, meant)
        return {}

    async def _changes_undone(self, dialogue: Dialogue, meant: Meant) -> list[Job]:
        """Return the results that came of a picture before it was shown again, the newest first."""
        results = self.results
        ids = undone(await results.recent(dialogue.context.place), meant, dialogue.user_id)
        return [each for each in await results.results(ids) if _is_here(each, dialogue)]

    async def _change_undone(self, dialogue: Dialogue, meant: Meant) -> Meant:
        """Return the result of the change that was undone last. Raises UserError without one."""
        found = await self._changes_undone(dialogue, meant)
        # Shown by an update that is handled again, it is the newest itself.
        chosen = await dialogue.once("undone", found[0].id if found else "")
        again = await self.results.result(chosen)
        if again is None:
            raise UserError("undo_nothing")
        return again


def _is_here(result: Job | None, dialogue: Dialogue) -> bool:
    return bool(result and result.picture and result.is_of(dialogue.context.chat_id))
