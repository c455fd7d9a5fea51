"""Status messages: one per job, sent on admission, kept up to date, turned into the result.

Every write to a job's message is under its lock, so that a progress hint can never arrive after
the picture, and two first messages can never be sent at once.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import groupby
from weakref import WeakValueDictionary

from imgbot.aio import sleep_or_event
from imgbot.domain.errors import (
    ChatGoneError,
    ChatMovedError,
    ConfigError,
    FencedError,
    ImgbotError,
    StaleJobError,
    TransientError,
    UserError,
)
from imgbot.domain.job import Job, State, is_billed, variant_number
from imgbot.domain.result_buttons import CANCEL
from imgbot.domain.texts import approx, t
from imgbot.storage.job_queue import JobQueue
from imgbot.telegram.messenger import ChatTarget, Messenger
from imgbot.telegram.rate_limiter import OptionalCall, max_wait
from imgbot.telemetry import events

CHAT_CLOSED = "chat_closed"
"""Reason of a job that was cancelled because its chat took no message."""

_RETRY_MS = 15_000
_BATCH = 50
_TICK_S = 5.0
_PLACES_EVERY_S = 3.0
_PLACES_AT_ONCE = 50
_REMOVAL_PATIENCE_S = 3.0
_SOON_S = 8
"""A picture that takes less time needs no estimate."""


_COUNTED_FROM_S = 15
"""Seconds of work after which the time that is left is shown."""

_LEFT_S = ((0, 0), (22, 15), (45, 30), (90, 60))
"""Most seconds left, and the seconds that are shown for them; above, whole minutes."""


@dataclass(slots=True)
class _MessageState:
    """State of one job's message in this process."""

    message_id: int = 0
    is_closed: bool = False
    text: str = ""
    shown_s: float = field(default_factory=time.monotonic)
    """Time at which the text was shown."""
    lost: int = 0
    """Sends without an answer: it may be in the chat as often."""
    place: int = 0
    """Position in the queue that it shows."""
    left_s: float = math.inf
    """Seconds left that it shows."""
    is_measured: bool = False
    """True once it shows the progress."""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class StatusMessages:
    """Status messages of all live jobs.

    One is sent and becomes the picture; everything between is sent only while there is room.
    """

    def __init__(
        self,
        queue: JobQueue,
        messenger: Messenger,
        now_ms: Callable[[], int],
        typical_s: Callable[[Job], Awaitable[float]],
    ) -> None:
        """`typical_s` returns the usual seconds for a job, 0 while unknown."""
        self._queue = queue
        self._messenger = messenger
        self._now_ms = now_ms
        self._messages: dict[str, _MessageState] = {}
        self._wakeup = asyncio.Event()
        self._announcing = set[str]()
        """Jobs whose announcement has begun: a second one would send again what the first lost."""
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        """By request, the lock for the first messages of its jobs: they are sent in order."""
        self._typical_s = typical_s

    def nudge(self) -> None:
        """Announce the jobs that have to wait in the queue now, not at the next tick."""
        self._wakeup.set()

    async def announce_all(self) -> None:
        """Send the first message of admitted jobs that nobody runs yet, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._tell_places())
            while True:
                self._wakeup.clear()
                ids = sorted(await self._unannounced(), key=_place_in_request)
                self._announcing.update(ids)
                for _, together in groupby(ids, _request_of):
                    group.create_task(self._announce_in_turn([*together]))
                await sleep_or_event(_TICK_S, self._wakeup)

    async def _unannounced(self) -> list[str]:
        try:
            ids = await self._queue.unannounced(self._now_ms(), _BATCH)
        except TransientError:
            return []
        begun = self._announcing
        return [one for one in ids if one not in begun and not self._message(one).lock.locked()]

    async def _announce_in_turn(self, ids: Sequence[str]) -> None:
        for job_id in ids:
            await self._announce_waiting(job_id)

    async def _announce_waiting(self, job_id: str) -> None:
        try:
            job = await self._queue.job(job_id)
            if job is None:
                await self._queue.record_status_message(job_id)
                self.discard(job_id)
            else:
                await self.announce(job)
        except (TransientError, UserError) as error:
            events.announcement_failed(f"job {job_id}", error)
        finally:
            self._announcing.discard(job_id)

    async def announce(self, job: Job) -> None:
        """Send the first message of a job, if there is none; on failure it is tried again later."""
        try:
            await self.ensure(job, "")
        except ChatGoneError:
            if is_billed(job):
                return
            with suppress(TransientError, UserError):
                await self._queue.cancel(job.id, job.user_id, self._now_ms(), CHAT_CLOSED)
        except (FencedError, ConfigError):
            raise
        except Exception as error:  # noqa: BLE001 -- one message must not stop the others
            # It stays on the list with the time of its next attempt.
            events.announcement_failed(events.name_of(job), error)

    async def ensure(self, job: Job, text: str) -> int:
        """Id of the job's message, which is sent first if there is none.

        Raises ChatGoneError, TransientError, StaleJobError, FencedError.
        """
        message = self._message(job.id)
        async with message.lock:
            if message.message_id or job.progress.message_id:
                message.message_id = message.message_id or job.progress.message_id
                return message.message_id
            async with self._turns.setdefault(_request_of(job.id), asyncio.Lock()):
                return await self._send_first(message, job, text)

    async def _send_first(self, message: _MessageState, job: Job, text: str) -> int:
        retry_ms = self._now_ms() + _RETRY_MS
        # Before it is sent: a fenced supervisor sends nothing.
        if not await self._queue.record_status_message(job.id, retry_ms=retry_ms):
            raise StaleJobError(f"{job.id}: finished before its status message was sent")
        place = ChatTarget(job.request.chat_id, job.request.thread_id, job.request.reply_to)
        rows = [] if text else [[CANCEL.button(job.request.language, job.id)]]
        message.text = text or await self._standing(message, job)
        message.shown_s = time.monotonic()
        try:
            message.message_id = await self._messenger.send_text(place, message.text, rows)
        except ChatMovedError as error:
            # The message that it would answer stayed behind.
            place = ChatTarget(error.chat_id, job.request.thread_id)
            message.message_id = await self._messenger.send_text(place, message.text, rows)
        except TransientError as error:
            message.lost += error.retry_after_s is None
            raise
        await self._queue.record_status_message(job.id, message.message_id, place.chat_id)
        if message.lost:
            await self._remove_lost(message, place)
        return message.message_id

    async def _remove_lost(self, message: _MessageState, place: ChatTarget) -> None:
        # Best effort: one that stays tells by its button what it is.
        with suppress(ImgbotError), max_wait(_REMOVAL_PATIENCE_S):
            await self._messenger.remove_lost(place, message.message_id, message.lost)
        message.lost = 0

    async def _standing(self, message: _MessageState, job: Job) -> str:
        places = await self._queue.places([job.id]) if job.state is State.QUEUED else [0]
        message.place = place = places[0]
        if place:
            return _waiting(job, place)
        return await self._working(job)

    async def _working(self, job: Job) -> str:
        typical_s = await self._typical_s(job)
        if typical_s < _SOON_S:
            return t(job.request.language, "job_working")
        usually = approx(job.request.language, _rounded_s(typical_s))
        return t(job.request.language, "job_working_usually", usually=usually)

    async def _tell_places(self) -> None:
        """Show queued users when they have moved up, the next in line first."""
        while True:
            await asyncio.sleep(_PLACES_EVERY_S)
            with suppress(TransientError):
                waiting = await self._queue.waiting_ids(_PLACES_AT_ONCE)
                for place, job_id in enumerate(waiting, 1):
                    await self._tell_place(job_id, place)

    async def _tell_place(self, job_id: str, place: int) -> None:
        message = self._message(job_id)
        # An unchanged position costs nothing: this runs for all queued jobs.
        if message.place == place or message.lock.locked() or message.is_closed:
            return
        if not self._messenger.has_room(OptionalCall.PLACE, 0, time.monotonic() - message.shown_s):
            return
        with _optional(job_id):
            async with message.lock:
                # Under the lock: the final text is not written yet, or the message is closed.
                job = await self._queue.job(job_id)
                if job is None:
                    self.discard(job_id)
                elif job.state is State.QUEUED and job.progress.message_id and not job.is_cancelled:
                    message.message_id = job.progress.message_id
                    text = _waiting(job, place)
                    await self._hint(message, job, text, OptionalCall.PLACE)
                    message.place = place if message.text == text else 0

    async def hint_working(self, job: Job) -> None:
        """Show that the work has begun, if the message shows a place in the queue."""
        if self._message(job.id).place:
            with _optional(job.id):
                await self.update(job, await self._working(job))

    async def hint_progress(self, job: Job, share: float) -> None:
        """Show the progress, 0 to 1; 0 shows nothing."""
        if share:
            self._message(job.id).is_measured = True
            percent = round(min(share, 0.99) * 100)
            await self.update(job, t(job.request.language, "job_progress", percent=percent))

    async def hint_left(self, job: Job, age_s: float) -> None:
        """Show about how long it still takes, if that is known; the number only falls."""
        message = self._message(job.id)
        if age_s < _COUNTED_FROM_S or message.is_measured or not message.left_s:
            return
        typical_s = await self._typical_s(job)
        left_s = _shown_s(typical_s - age_s)
        if not typical_s or left_s >= message.left_s:
            return
        language = job.request.language
        key = "job_left" if left_s else "job_left_soon"
        text = t(language, key, left=approx(language, left_s))
        await self.update(job, text)
        if message.text == text:
            message.left_s = left_s

    async def update(self, job: Job, text: str) -> None:
        """Change the message if that can be done at once; else this update is dropped."""
        message = self._message(job.id)
        if message.lock.locked():
            return
        with _optional(job.id):
            async with message.lock:
                await self._hint(message, job, text, OptionalCall.PROGRESS)

    async def _hint(self, message: _MessageState, job: Job, text: str, call: OptionalCall) -> None:
        if message.text == text or message.is_closed or not message.message_id:
            return
        now_s, chat_id = time.monotonic(), job.request.chat_id
        if not self._messenger.has_room(call, chat_id, now_s - message.shown_s):
            return
        with max_wait(0):
            await self._messenger.edit_text(
                ChatTarget(chat_id),
                message.message_id,
                text,
                [[CANCEL.button(job.request.language, job.id)]],
            )
        message.text, message.shown_s = text, now_s

    def lock_final(self, job: Job) -> asyncio.Lock:
        """Lock for the final text; no hint is written from here on."""
        message = self._message(job.id)
        message.is_closed = True
        return message.lock

    def forget(self, job_id: str) -> None:
        """Forget a message that is gone from the chat: the next `ensure` sends another."""
        self._message(job_id).message_id = 0

    def discard(self, job_id: str) -> None:
        """Drop the state of a finished job."""
        self._messages.pop(job_id, None)

    def _message(self, job_id: str) -> _MessageState:
        return self._messages.setdefault(job_id, _MessageState())


@contextmanager
def _optional(job_id: str) -> Generator[None]:
    """Drop an edit that fails: no job ends by it."""
    try:
        yield
    except ImgbotError:
        pass
    except Exception as error:  # noqa: BLE001 -- it is logged
        events.failed(error, "job %s: its status message was not edited", job_id)


def _request_of(job_id: str) -> str:
    return job_id.partition("-")[0]


def _place_in_request(job_id: str) -> tuple[str, int]:
    return _request_of(job_id), variant_number(job_id)


def _waiting(job: Job, place: int) -> str:
    key = "job_waiting_picture" if job.request.awaits_picture else "job_waiting"
    return t(job.request.language, key, place=place)


def _shown_s(left_s: float) -> int:
    shown = (shown_s for most_s, shown_s in _LEFT_S if left_s <= most_s)
    return next(shown, round(left_s / 60) * 60)


def _rounded_s(seconds: float) -> int:
    """Round as people do: to five seconds, then to ten, then to half minutes."""
    step = 5 if seconds < 30 else 10 if seconds < 90 else 30
    return max(step, round(seconds / step) * step)
