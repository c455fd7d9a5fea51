"""Health of the connection to Telegram: last response, conflicting pollers."""

import random
import time
from enum import StrEnum

from aiogram.exceptions import TelegramConflictError, TelegramRetryAfter

from imgbot.telegram.session import cause_of
from imgbot.telemetry import events, metrics
from imgbot.telemetry.thresholds import THRESHOLDS

CONFLICTS_IN_A_ROW = 3
"""Fewer conflicts may come from an old process that is about to stop."""


class UpdateConflict(StrEnum):
    """Competing consumer of the updates (409)."""

    POLLER = "poller"
    WEBHOOK = "webhook"


_DESCRIPTIONS = {
    UpdateConflict.POLLER: (
        "another program polls with this token and takes its updates (409): stop it, "
        "or ask @BotFather for a new token (/revoke)"
    ),
    UpdateConflict.WEBHOOK: (
        "a webhook takes the updates (409): `imgbot doctor --fix` deletes it, and so does a restart"
    ),
}


class PollingHealth:
    """Results of getUpdates calls."""

    def __init__(self) -> None:
        self._answered_s = time.monotonic()
        self.has_answered = False
        """True once this process got a response; before that, silence means little."""
        self._last_rival = UpdateConflict.POLLER
        self._conflicts = 0
        self._conflict_s = 0.0

    @property
    def seconds_since_answer(self) -> float:
        """Seconds since Telegram last answered getUpdates."""
        return time.monotonic() - self._answered_s

    @property
    def trouble(self) -> str:
        """Description of a polling problem and its remedy; empty if there is none."""
        if self._is_disturbed:
            return _DESCRIPTIONS[self._last_rival]
        return (
            ""
            if self.seconds_since_answer < THRESHOLDS["polling"].attention
            else f"no answer for {self.seconds_since_answer:.0f} s"
        )

    @property
    def rival(self) -> UpdateConflict | None:
        """Persistent competing consumer; None if there is none."""
        is_here_to_stay = self._is_disturbed and self._conflicts >= CONFLICTS_IN_A_ROW
        return self._last_rival if is_here_to_stay else None

    @property
    def _is_disturbed(self) -> bool:
        # Two pollers interrupt each other repeatedly; after this, one that stopped is forgotten.
        return bool(self._conflicts) and time.monotonic() - self._conflict_s < 90.0

    def answered(self) -> None:
        metrics.poll_success.set_to_current_time()
        self.has_answered = True
        self._answered_s = time.monotonic()

    def delay_after(self, error: Exception, delay_s: float) -> float:
        """Record an error; return the seconds to wait before the next attempt."""
        if isinstance(error, TelegramRetryAfter):
            delay_s = float(error.retry_after)
        if isinstance(error, TelegramConflictError):
            self._conflicts = self._conflicts + 1 if self._is_disturbed else 1
            is_webhook = "webhook" in error.message.lower()
            self._last_rival = UpdateConflict.WEBHOOK if is_webhook else UpdateConflict.POLLER
            self._conflict_s = time.monotonic()
        delay_s *= random.uniform(0.8, 1.2)  # noqa: S311 -- jitter
        events.warning("getUpdates: %s; again in %.1f s", cause_of(error), delay_s)
        if isinstance(error, TelegramConflictError):
            events.warning("%s", _DESCRIPTIONS[self._last_rival])
        return delay_s


class NoPolling(PollingHealth):
    """Health of a bot that stands by: it asks Telegram for nothing."""

    @property
    def seconds_since_answer(self) -> float:
        return 0.0
