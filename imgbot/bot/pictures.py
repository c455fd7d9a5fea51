"""Pictures that messages are about: what is stored of a chat, as facts for the reader of words."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from aiogram.types import CallbackQuery, Message

from imgbot.bot.context import RequestContext
from imgbot.bot.dialogue import Dialogue
from imgbot.bot.messages import replied_picture_of
from imgbot.bot.this_picture import (
    Meant,
    TargetPicture,
    awaited,
    chat_pictures,
    id_of,
    made_by,
    photos_of,
    target_of,
    undone_in,
)
from imgbot.domain.errors import UserError
from imgbot.domain.intents import PendingQuestion
from imgbot.domain.job import InputPhoto, Job
from imgbot.domain.operations import CHANGES, Operation
from imgbot.domain.texts import has_text
from imgbot.domain.words.chat import ChatState
from imgbot.storage.results import Recent, ResultStore

_AFTER_PHOTO = frozenset({"last", "file", "receipt"})
"""Actions on results that are not about a photo that was sent after them."""
_BEFORE_SHOWN = frozenset({"again"})
"""Actions that are about a picture even before it is there."""
_OWN = frozenset({"last", "complaint", "delete", "receipt"})
"""Actions that are about the user's own results, in a group, too."""


@dataclass(frozen=True, slots=True)
class KnownChat:
    """Chat in which a message is read, and what is known of its pictures."""

    state: ChatState
    known: Mapping[str, Meant]
    """Photos of the user, and jobs that were looked up, by the ids of their pictures."""
    replied_to: int = 0
    """Message with the picture that was replied to."""


@dataclass(frozen=True, slots=True)
class Pictures:
    """Pictures of chats."""

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

    async def chat_of(
        self,
        dialogue: Dialogue,
        pending: PendingQuestion = PendingQuestion.NOTHING,
        *,
        replied: InputPhoto | None = None,
        asked: InputPhoto | None = None,
        message_id: int = 0,
    ) -> KnownChat:
        """Return the chat of a message, from one reading of what is recent in it.

        `replied` is the picture that it replies to, `message_id` the message, and `asked` the
        picture that the open question is about.
        """
        recents, known = await self._recent(dialogue)
        user_id, now_ms = dialogue.user_id, dialogue.now_ms()
        photos: dict[str, Meant] = {
            name: (photo,) for name, photo in photos_of(recents, user_id).items()
        }
        given = {id_of(photo, recents): photo for photo in (replied, asked) if photo}
        photos |= {name: (photo,) for name, photo in given.items() if photo.file_id}
        about = next((name for name, job in known.items() if _is_shown_in(job, message_id)), "")
        state = ChatState(
            chat_pictures(recents, user_id, now_ms),
            id_of(replied, recents) if replied else "",
            pending,
            id_of(asked, recents) if asked else about,
            names=tuple(dialogue.context.profile.named),
        )
        state = replace(state, undone=undone_in(state))
        return KnownChat(state, {**photos, **known}, message_id if replied else 0)

    async def _recent(self, dialogue: Dialogue) -> tuple[Sequence[Recent], Mapping[str, Meant]]:
        """Return what is recent in this chat and topic, newest first, and jobs that were looked up.

        What the user ordered, and is not known as shown, is looked up, and so is the newest: a job
        that came to nothing leaves the photo that it was to change.
        """
        context = dialogue.context
        stored = await self.results.recent(context.place)
        counts = Counter(each.job_id for each in stored)
        found, known = list[Recent](), dict[str, Meant]()
        for recent in stored:
            if _is_later(recent, context):
                continue
            is_shown = counts[recent.job_id] > 1
            if not recent.job_id or recent.job_id in known or (is_shown and found):
                found.append(recent)
                continue
            job, entry = await self._looked_up(
                recent, dialogue, is_shown=is_shown, is_newest=not found
            )
            known |= {recent.job_id: job} if job else {}
            found.append(entry)
        return found, known

    async def _looked_up(
        self, recent: Recent, dialogue: Dialogue, *, is_shown: bool, is_newest: bool
    ) -> tuple[Job | None, Recent]:
        """Return the job of an entry, and the entry as that has left it."""
        is_possible = is_shown or recent.user_id == dialogue.user_id
        job = await self._made(recent.job_id, dialogue) if is_possible else None
        if job:
            return job, Recent.of(job, recent.user_id, recent.at_ms)
        if is_newest and await self._was_meant(recent, dialogue):
            return awaited(recent), recent
        parent = await self._made(recent.parent, dialogue) if recent.parent else None
        return None, replace(recent, job_id="", parent=parent.id if parent else "")

    async def _made(self, job_id: str, dialogue: Dialogue) -> Job | None:
        """Return the job whose picture is there, or will be, for the user in this chat."""
        found = await self.results.of_job(job_id)
        return made_by(*found, dialogue.context.chat_id, dialogue.user_id)

    async def _was_meant(self, recent: Recent, dialogue: Dialogue) -> bool:
        """Return true if the user's picture was being made when they wrote, and has failed."""
        context = dialogue.context
        if not context.sent_s or recent.user_id != context.user_id:
            return False
        # Its time is in whole seconds.
        latest_s = context.sent_s + 1 + dialogue.messenger.clock_ahead_s
        return latest_s * 1000 < await self.results.failed_ms(recent.job_id, dialogue.now_ms())

    async def before(self, photo: InputPhoto, dialogue: Dialogue) -> list[Recent]:
        """Return what was recent of the user before this photo, which is noted already."""
        # So is its order if the message is handled again.
        noted = {photo.unique_id, dialogue.context.request}
        recents = await self.results.recent(dialogue.context.place)
        own = (each for each in recents if each.user_id == dialogue.user_id)
        return [each for each in own if (each.job_id or each.photos[0].unique_id) not in noted]

    async def meant(self, chat: KnownChat, picture_id: str, dialogue: Dialogue) -> Meant:
        """Return what an id of a picture stands for; nothing if it is gone."""
        known = chat.known.get(picture_id, ())
        if isinstance(known, Job) or (known and known[0].unique_id == picture_id):
            return known
        return await self._made(picture_id, dialogue) or known

    async def target(self, chat: KnownChat, picture_id: str, dialogue: Dialogue) -> TargetPicture:
        """Return a picture as an order is about it."""
        target = target_of(await self.meant(chat, picture_id, dialogue))
        is_replied = chat.replied_to and picture_id == chat.state.replied
        return replace(target, message_id=chat.replied_to) if is_replied else target

    async def meant_in(
        self, message: Message, dialogue: Dialogue, fits: Callable[[Meant], object] = bool
    ) -> Meant:
        """Return the picture that the message replies to, else the newest that fits, or nothing."""
        replied = replied_picture_of(message)
        chat = await self.chat_of(dialogue, replied=replied)
        if replied:
            return await self.meant(chat, chat.state.replied, dialogue)
        for picture in chat.state.pictures:
            meant = await self.meant(chat, picture.id, dialogue)
            if meant and fits(meant):
                return meant
        return ()

    async def chosen(
        self, action: str, message: Message, dialogue: Dialogue, named: Meant = ()
    ) -> Job:
        """Return the result that is named, or the message is about. UserError without one."""

        def fits(meant: Meant) -> bool:
            if isinstance(meant, tuple):
                return action not in _AFTER_PHOTO
            is_own = meant.user_id == dialogue.user_id
            is_early = action in _BEFORE_SHOWN or (action == "undo" and meant.request.parent != "")
            return (is_own or action not in _OWN) and (meant.is_there or is_early)

        meant = named or await self.meant_in(message, dialogue, fits)
        found = meant.id if isinstance(meant, Job) else ""
        # An undo changes the latest result: a redelivered update must start from the same one.
        name = f"{action}.{found}" if named else action
        result = await self.results.expected(await dialogue.once(name, found))
        is_here = result is not None and result.is_of(dialogue.context.chat_id)
        # Of any picture that is replied to, only `fits` was not asked.
        if result is None or not is_here or (action in _OWN and result.user_id != dialogue.user_id):
            key = f"{action}_nothing"
            raise UserError(key if has_text(key) else "history_empty")
        return result

    async def of_this_chat(self, unique_id: str, dialogue: Dialogue) -> InputPhoto | None:
        """Return the picture of this chat that has the id; the user's own while it is recent."""
        results = self.results
        # A picture that was being made had the id of its job.
        result = await results.result(await results.job_of_unique_id(unique_id) or unique_id)
        if result and result.picture and result.is_of(dialogue.context.chat_id):
            return result.picture
        chat = await self.chat_of(dialogue)
        return target_of(await self.meant(chat, unique_id, dialogue)).photo

    async def version_before(self, dialogue: Dialogue, meant: Meant) -> Meant:
        """Return what a picture was before its last change; nothing if it was not changed."""
        if isinstance(meant, tuple) or meant.request.operation not in {*CHANGES, Operation.CREATE}:
            return ()
        # A forwarded picture has a job, but its prompt is private to the chat of that job.
        parent = await self.results.expected(meant.request.parent)
        if parent and parent.picture and parent.is_of(dialogue.context.chat_id):
            return parent
        return tuple(photo for photo in meant.request.shown_sources[:1] if photo.file_id)


def _is_shown_in(job: Meant, message_id: int) -> bool:
    return bool(message_id) and isinstance(job, Job) and job.progress.message_id == message_id


def _is_later(recent: Recent, context: RequestContext) -> bool:
    """Return true for what came after the message, which may be handled again, or came of it."""
    is_after = 0 < context.as_of_ms < recent.at_ms
    return is_after or recent.job_id.partition("-")[0] == context.request
