"""getUpdates: one long poll at a time, and whether the bot polls at all."""

import asyncio
from collections.abc import Callable

from imgbot.sandbox.api_errors import OTHER_POLL, ApiError
from imgbot.sandbox.updates import Update, UpdateQueue

MAX_TIMEOUT_S = 50
_LOOK_S = 0.5
_PAUSE_S = 3.0


class _Poll:
    """Waiting getUpdates call."""

    def __init__(self) -> None:
        self.wake = asyncio.Event()
        self.refusal: ApiError | None = None


class Poller:
    """Serves long polls from the queue; a newer call ends the older one."""

    def __init__(
        self, queue: UpdateQueue, now: Callable[[], float], on_active: Callable[[bool], None]
    ) -> None:
        self._queue = queue
        self._now = now
        self._on_active = on_active
        self._current: _Poll | None = None
        self._pause: asyncio.TimerHandle | None = None
        self._last_offset: int | None = None
        self._last_start = 0.0
        self._is_closed = False
        self.is_active = False

    def wake(self) -> None:
        if self._current:
            self._current.wake.set()

    def interrupt(self, reason: str) -> None:
        """End a waiting call with 409, as another getUpdates or setWebhook does."""
        if self._current:
            self._current.refusal = ApiError(409, reason)
            self._current.wake.set()
            self._current = None
            self._end()

    def close(self) -> None:
        self._is_closed = True
        self.wake()
        if self._pause:
            self._pause.cancel()

    async def poll(
        self, offset: int, limit: int, timeout_s: float, is_gone: Callable[[], bool]
    ) -> list[Update]:
        self.interrupt(OTHER_POLL)
        limit, timeout_s = self._slowed(offset, limit, timeout_s)
        self._queue.confirm(offset)
        poll = self._current = _Poll()
        self._begin()
        try:
            return await self._wait(poll, limit, timeout_s, is_gone)
        finally:
            if self._current is poll:
                self._current = None
                self._end(pause_s=0 if is_gone() else _PAUSE_S)

    def _slowed(self, offset: int, limit: int, timeout_s: float) -> tuple[int, float]:
        """Delay a caller that repeats itself, as Telegram's server does."""
        now = self._now()
        since_s = now - self._last_start
        is_repeated = offset == self._last_offset
        self._last_offset, self._last_start = offset, now
        if is_repeated and since_s < 3 and timeout_s < 3:
            timeout_s = 3
        if is_repeated and since_s < 0.5:
            limit = 1
        return limit, timeout_s

    async def _wait(
        self, poll: _Poll, limit: int, timeout_s: float, is_gone: Callable[[], bool]
    ) -> list[Update]:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        while True:
            poll.wake.clear()
            if poll.refusal:
                raise poll.refusal
            found = self._queue.batch(limit)
            left_s = deadline - loop.time()
            if found or left_s <= 0 or self._is_closed or is_gone():
                return found
            try:
                # Short waits, because a killed caller does not close its connection properly.
                async with asyncio.timeout(min(left_s, _LOOK_S)):
                    await poll.wake.wait()
            except TimeoutError:
                continue

    def _begin(self) -> None:
        if self._pause:
            self._pause.cancel()
            self._pause = None
        self._set_active(active=True)

    def _end(self, pause_s: float = _PAUSE_S) -> None:
        """Note the end of a call; shortly after it, a bot still counts as polling."""
        if not self._is_closed:
            loop = asyncio.get_running_loop()
            self._pause = loop.call_later(pause_s, self._stopped)

    def _stopped(self) -> None:
        self._pause = None
        self._set_active(active=False)

    def _set_active(self, *, active: bool) -> None:
        if active != self.is_active:
            self.is_active = active
            self._on_active(active)
