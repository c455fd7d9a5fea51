"""Circuit breaker of a provider: after failures in a row, and while it answers nothing."""

import math
from dataclasses import dataclass

from imgbot.domain.errors import ProviderErrorKind

HOPELESS = frozenset({ProviderErrorKind.AUTH, ProviderErrorKind.NO_CREDIT})
"""Refusals that only the operator can resolve: the next submit would fail in the same way."""

_NO_ANSWER = frozenset({ProviderErrorKind.UNAVAILABLE, ProviderErrorKind.SUBMIT_UNKNOWN})
_SILENT_AFTER_S = 60.0
_SILENCE_IS_OLD_AFTER_S = 300.0
"""Longer than the longest pause between two polls of a job that get no answer."""

_OUTAGE_S = 10.0
"""Shorter ones end before anything waits for long."""

_FAILURES = 3
_FIRST_PAUSE_S = 30.0
_LONGEST_PAUSE_S = 600.0


@dataclass(slots=True)
class Breaker:
    """Circuit breaker: opens after failures in a row, then lets single probes through."""

    failures: int = 0
    pause_s: float = 0.0
    until_s: float = 0.0
    reason: ProviderErrorKind | None = None
    is_proven: bool = False
    """Seen to serve, or to refuse service, by this process."""
    silent_since_s: float = -math.inf
    silent_until_s: float = -math.inf
    """Time span in which every call, a submit or a poll, has gone unanswered."""

    @property
    def is_open(self) -> bool:
        return self.pause_s > 0

    def wait_s(self, now_s: float) -> float:
        """Seconds until a submit may go through; if the breaker is open, that one is the probe."""
        if not self.is_open:
            return 0.0
        if now_s < self.until_s:
            return self.until_s - now_s
        # One probe; should it never get as far as a submit, there is another one after a while.
        self.until_s = now_s + _FIRST_PAUSE_S
        return 0.0

    def note_call(self, kind: ProviderErrorKind | None, begun_s: float, now_s: float) -> bool:
        """Record the end of a call that began at `begun_s`; True if it ended an outage.

        None is an answer without an error.
        """
        if kind not in _NO_ANSWER:
            is_over = self.silent_until_s > self.silent_since_s + _OUTAGE_S
            self.silent_since_s = self.silent_until_s = -math.inf
            if is_over and self.reason in _NO_ANSWER:
                self.until_s = now_s
            return is_over
        if now_s - self.silent_until_s > _SILENCE_IS_OLD_AFTER_S:
            self.silent_since_s = begun_s
        self.silent_until_s = now_s
        return False

    def is_silent(self, now_s: float) -> bool:
        """True once no call was answered for long, and while nothing suggests that it is over."""
        is_recent = now_s - self.silent_until_s <= _SILENCE_IS_OLD_AFTER_S
        return is_recent and self.silent_until_s - self.silent_since_s >= _SILENT_AFTER_S

    def trouble(self, now_s: float) -> ProviderErrorKind | None:
        """Kind of error with which it is out of service; None while it serves."""
        if self.is_open:
            return self.reason
        return ProviderErrorKind.UNAVAILABLE if self.is_silent(now_s) else None

    def succeeded(self) -> bool:
        """Close; True if it was open."""
        was_open = self.is_open
        self.failures, self.pause_s, self.reason, self.is_proven = 0, 0.0, None, True
        return was_open

    def failed(self, kind: ProviderErrorKind, now_s: float, asked_s: float = 0.0) -> bool:
        """Count a failure; True if it opened the breaker just now.

        `asked_s` is a pause that the provider asked for, if it is a long one: it opens at once.
        """
        self.failures += 1
        is_final = kind in HOPELESS or asked_s > 0
        if not is_final and self.failures < _FAILURES and not self.is_open:
            return False
        was_open, self.reason, self.is_proven = self.is_open, kind, True
        pause_s = min(max(self.pause_s * 2, _FIRST_PAUSE_S), _LONGEST_PAUSE_S)
        self.pause_s = max(pause_s, asked_s)
        self.until_s = now_s + self.pause_s
        return not was_open
