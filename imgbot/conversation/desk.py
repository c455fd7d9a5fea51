"""The desk that every handler stands at: who is there, what may be done, how to answer."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from aiogram.types import CallbackQuery, Message

from imgbot import telemetry
from imgbot.errors import MessageGoneError, TransientError
from imgbot.job import Job, Operation, Source
from imgbot.queue.jobs import JobQueue
from imgbot.queue.rate_limit import RateLimit
from imgbot.queue.shelf import Shelf
from imgbot.telegram.delivery import Delivery, Place
from imgbot.telegram.flood import patience
from imgbot.texts import language_of, say, seconds
from imgbot.texts.buttons import Keyboard


@dataclass(frozen=True, slots=True)
class Visit:
    """One update as the handlers see it: whose it is, and where the answer belongs."""

    update_id: int
    user_id: int
    chat_id: int
    language: str
    thread_id: int = 0
    message_id: int = 0
    is_private: bool = True

    @property
    def request(self) -> str:
        """The request that begins with this update, for counting it once."""
        return str(self.update_id)


@dataclass(frozen=True, slots=True)
class House:
    """What the operator decided about visitors."""

    allowed_users: frozenset[int]
    has_builtin_engine: bool


class Desk:
    """Counts, admits and answers; owns nothing but its tools."""

    def __init__(
        self,
        queue: JobQueue,
        shelf: Shelf,
        limit: RateLimit,
        delivery: Delivery,
        house: House,
        now_ms: Callable[[], int],
    ) -> None:
        self.queue = queue
        self.shelf = shelf
        self.house = house
        self.now_ms = now_ms
        self._limit = limit
        self._delivery = delivery

    async def check_rate_limit(self, visit: Visit, request: str = "") -> bool:
        """Count the request; refuse it in words when it is one too many."""
        verdict = await self._limit.check_rate_limit(visit.user_id, request or visit.request)
        if verdict:
            return True
        telemetry.rate_limited()
        wait = seconds(visit.language, max(verdict.wait_s, 1))
        await self.say(visit, "rate_limited", wait=wait, remaining=verdict.remaining)
        return False

    async def order(
        self,
        visit: Visit,
        operation: Operation,
        words: str = "",
        sources: tuple[Source, ...] = (),
        scale: int = 2,
    ) -> bool:
        """Make a job of the request, once; say why not if it is not admitted."""
        job = Job(
            id=str(visit.update_id),
            user_id=visit.user_id,
            chat_id=visit.chat_id,
            operation=operation,
            language=visit.language,
            words=words,
            sources=sources,
            scale=scale,
            seed=visit.update_id % 1_000_003,
            thread_id=visit.thread_id,
            reply_to=visit.message_id,
        )
        admission = await self.queue.enqueue(job, self.now_ms())
        if admission.verdict == "ok":
            telemetry.job_admitted(job, admission.count)
        if admission.verdict in {"ok", "duplicate"}:
            return True
        telemetry.admission_refused(admission.verdict)
        key = {"full": "queue_full", "many": "too_many_waiting"}[admission.verdict]
        await self.say(visit, key, count=admission.count)
        return False

    async def say(
        self, visit: Visit, key: str, rows: Keyboard | None = None, /, **facts: str | int | float
    ) -> int:
        """Answer with a sentence; return the message's id."""
        return await self.write(visit, say(visit.language, key, **facts), rows)

    async def write(self, visit: Visit, text: str, rows: Keyboard | None = None) -> int:
        """Answer with a text; return the message's id."""
        # In a group the answer must show whom it is for.
        reply_to = 0 if visit.is_private else visit.message_id
        place = Place(visit.chat_id, visit.thread_id, reply_to)
        return await self._delivery.announce(place, text, rows or [])

    async def answer(self, callback_id: str, text: str) -> None:
        """Answer a press; one that is too old for it is no loss."""
        await self._delivery.answer(callback_id, text)

    async def rewrite(
        self, visit: Visit, message_id: int, key: str, rows: Keyboard, **facts: str | int
    ) -> bool:
        """Change an earlier answer; False if it is gone. What cannot be now is left out."""
        place = Place(visit.chat_id, visit.thread_id)
        try:
            with patience(1.0):
                await self._delivery.tell(
                    place, message_id, say(visit.language, key, **facts), rows
                )
        except MessageGoneError:
            return False
        except TransientError:
            return True
        return True


def visit_of(event: Message | CallbackQuery, update_id: int) -> Visit | None:
    """Return the visit, or None for what no person of this chat has sent."""
    user = event.from_user
    message = event.message if isinstance(event, CallbackQuery) else event
    if user is None or message is None:
        return None
    visit = Visit(
        update_id=update_id,
        user_id=user.id,
        chat_id=message.chat.id,
        language=language_of(user.language_code),
        message_id=message.message_id,
        is_private=message.chat.type == "private",
    )
    if isinstance(message, Message) and message.is_topic_message and message.message_thread_id:
        return replace(visit, thread_id=message.message_thread_id)
    return visit
