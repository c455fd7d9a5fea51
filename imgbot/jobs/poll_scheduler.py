"""Poll times of jobs: by the fixed schedule, or by learned durations of their kind."""

import random
import statistics
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from imgbot.domain.duration_model import KEPT, CensoredDuration
from imgbot.domain.errors import TransientError
from imgbot.domain.poll_schedule import (
    JITTER,
    SLOW_INTERVAL_S,
    Budget,
    PollingConfig,
    PollPlan,
    is_telling,
    plan,
)
from imgbot.storage.provider_records import Durations
from imgbot.telemetry import events as telemetry

_ENOUGH_TO_TELL = 3
"""Fewer pictures give no estimate that is worth showing."""

_MOST_KINDS = 500
"""Bound of the cache, far above the number of operations and models."""


@dataclass(slots=True)
class _Known:
    """Durations of one kind, and the plan made from them until there is a new one."""

    spans: deque[CensoredDuration]
    plan: PollPlan | None = None


class PollScheduler:
    """Poll scheduler of all jobs: by the number of polls, or learned (`is_learned`).

    A learned plan goes by the age of a job, so that a restart changes nothing, and all jobs
    together keep to `budget`. `now_s` is a monotonic clock.
    """

    def __init__(
        self,
        config: PollingConfig,
        budget: Budget,
        durations: Durations,
        now_s: Callable[[], float],
        *,
        is_learned: bool = True,
    ) -> None:
        self._config = config
        self._budget = budget
        self._durations = durations
        self._now_s = now_s
        self._is_learned = is_learned
        self._known: dict[str, _Known] = {}

    def is_slow(self, polls: int, age_s: float) -> bool:
        """True once the schedule is used up, which the user is told.

        A learned plan may use up its polls early: it becomes slow no sooner than the schedule.
        """
        is_early = self._is_learned and age_s < self._config.lasts_s
        return self._config.is_slow(polls) and not is_early

    def is_exhausted(self, polls: int, age_s: float) -> bool:
        """True once even the slow polls are used up."""
        return self._config.is_exhausted(polls) and self.is_slow(polls, age_s)

    async def wait_s(self, kind: str, polls: int, age_s: float) -> float:
        """Seconds until the next poll of a job of that age, after so many polls."""
        if not self._is_learned:
            return self._config.get_interval(polls) * _about_one()
        if self.is_slow(polls, age_s):
            return SLOW_INTERVAL_S * _about_one()
        waits = await self._plan(kind)
        seconds = waits.wait_s(age_s)
        return seconds + random.uniform(-1, 1) * waits.jitter_s(seconds)  # noqa: S311 -- jitter

    def next_slot_s(self) -> float:
        """Reserve the next slot for a poll, first come, first served; seconds until it."""
        return 0.0 if not self._is_learned else self._budget.delay_s(self._now_s())

    async def learn(self, kind: str, span: CensoredDuration) -> None:
        """Learn from a finished task; if it cannot be stored, only until the next start."""
        if not is_telling(span, self._config):
            return
        try:
            known = await self._read(kind)
            known.spans.append(span)
            known.plan = None
            await self._durations.add(kind, span)
        except TransientError as error:
            telemetry.warning("duration of %s not stored: %s", kind, error)

    async def typical_s(self, kind: str) -> float:
        """Median of the latest durations in seconds; 0 while unknown."""
        try:
            spans = (await self._read(kind)).spans
        except TransientError:
            return 0.0
        enough = len(spans) >= _ENOUGH_TO_TELL
        return statistics.median(span.by_s for span in spans) if enough else 0.0

    async def _plan(self, kind: str) -> PollPlan:
        try:
            known = await self._read(kind)
        except TransientError as error:
            telemetry.warning("durations of %s could not be read: %s", kind, error)
            return plan((), self._config)
        if known.plan is None:
            known.plan = plan(tuple(known.spans), self._config)
        return known.plan

    async def _read(self, kind: str) -> _Known:
        if kind not in self._known:
            spans = [span for span in await self._durations.latest(kind) if self._is_usable(span)]
            if len(self._known) >= _MOST_KINDS:
                self._known.clear()
            self._known.setdefault(kind, _Known(deque(spans, maxlen=KEPT)))
        return self._known[kind]

    def _is_usable(self, span: CensoredDuration) -> bool:
        return is_telling(span, self._config)


def _about_one() -> float:
    return random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 -- jitter
