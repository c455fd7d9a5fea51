"""Poll times of jobs: by learned durations of their kind, first by the guide's schedule."""

import random
import statistics
from collections import deque
from collections.abc import Callable

from imgbot.domain.errors import TransientError
from imgbot.domain.poll_schedule import (
    KEPT,
    SLOW_INTERVAL_S,
    Budget,
    CensoredDuration,
    PollingConfig,
    PollPlan,
    is_telling,
    plan,
)
from imgbot.storage.provider_records import Durations
from imgbot.telemetry import events

_ENOUGH_TO_TELL = 3
"""Fewer pictures give no estimate that is worth showing."""


class PollScheduler:
    """Poll scheduler of all jobs, by their age, so that a restart changes nothing.

    All jobs together keep to `budget`. `now_s` is a monotonic clock.
    """

    def __init__(
        self,
        config: PollingConfig,
        budget: Budget,
        durations: Durations,
        now_s: Callable[[], float],
    ) -> None:
        self._config = config
        self._budget = budget
        self._durations = durations
        self._now_s = now_s
        self._schedule = plan((), config)
        self._lasts_s = config.lasts_s
        self._exhausted_s = config.exhausted_s
        self._known: dict[str, deque[CensoredDuration]] = {}
        """Latest durations by their kind."""
        self._plans: dict[str, PollPlan] = {}
        """Plan made from all that is known of a kind."""

    def is_slow(self, age_s: float) -> bool:
        """True once the schedule is used up, which the user is told."""
        return age_s >= self._lasts_s

    def is_exhausted(self, age_s: float) -> bool:
        """True once even the slow polls are used up."""
        return age_s >= self._exhausted_s

    async def wait_s(self, kind: str, age_s: float) -> float:
        """Seconds until the next poll of a job of that age."""
        if self.is_slow(age_s):
            return SLOW_INTERVAL_S
        waits = await self._plan(kind)
        seconds = waits.wait_s(age_s)
        return seconds + random.uniform(-1, 1) * waits.jitter_s(seconds)  # noqa: S311 -- jitter

    def next_slot_s(self) -> float:
        """Reserve the next slot for a poll, first come, first served; seconds until it."""
        return self._budget.delay_s(self._now_s())

    async def learn(self, kind: str, span: CensoredDuration) -> None:
        """Learn from a finished task; if it cannot be stored, only until the next start."""
        if not is_telling(span, self._config):
            return
        try:
            (await self._read(kind)).append(span)
            self._plans.pop(kind, None)
            await self._durations.add(kind, span)
        except TransientError as error:
            events.warning("duration of %s not stored: %s", kind, error)

    async def typical_s(self, kind: str) -> float:
        """Median of the latest durations in seconds; 0 while unknown."""
        try:
            spans = await self._read(kind)
        except TransientError:
            return 0.0
        enough = len(spans) >= _ENOUGH_TO_TELL
        return statistics.median(span.by_s for span in spans) if enough else 0.0

    async def _plan(self, kind: str) -> PollPlan:
        try:
            known = await self._read(kind)
        except TransientError as error:
            events.warning("durations of %s could not be read: %s", kind, error)
            return self._schedule
        if kind not in self._plans:
            self._plans[kind] = plan(tuple(known), self._config)
        return self._plans[kind]

    async def _read(self, kind: str) -> deque[CensoredDuration]:
        if kind not in self._known:
            latest = await self._durations.latest(kind)
            usable = (span for span in latest if is_telling(span, self._config))
            self._known.setdefault(kind, deque(usable, maxlen=KEPT))
        return self._known[kind]
