"""When a provider gets orders: its pace, and its circuit breaker while it refuses or is silent.

The pace is its limit, halved when it refuses for now, and raised slowly. Pure: the clock is a fact,
in seconds, and nothing waits here.
"""

import math
from dataclasses import dataclass, replace

from imgbot.domain.errors import ProviderErrorKind

_BURST = 0.05
"""Share of a window's orders that may go at once; the others are spread over the window."""

_DOUBLED_IN_S = 300.0
"""Time in which a reduced pace doubles, until it is the provider's own again."""

_LOOK_EVERY_S = 15.0
"""Time between two looks of the status: it is to see that an order has waited."""

_SLOWEST_PER_S = 0.05
"""Three orders a minute: the lowest documented limit is five."""


@dataclass(frozen=True, slots=True)
class OrderLimit:
    """Limit of orders in any window; 0 orders is no limit."""

    orders: int = 0
    window_s: float = 60.0

    @property
    def per_s(self) -> float:
        return self.orders / self.window_s if self.orders else math.inf


@dataclass(frozen=True, slots=True)
class Turn:
    """Time at which an order may go, or may take a turn, if the provider wants none before."""

    at_s: float
    taken_s: float = -math.inf

    @property
    def is_taken(self) -> bool:
        return self.taken_s > -math.inf


@dataclass(frozen=True, slots=True)
class OrderPace:
    """Pace of the orders at one provider."""

    limit: OrderLimit = OrderLimit()
    reduced_per_s: float = math.inf
    """Limit right after the latest reduction."""
    reduced_s: float = -math.inf
    """Time of the latest reduction."""
    blocked_until_s: float = -math.inf
    """Time before which the provider wants no order."""
    due_s: float = -math.inf
    """Time of the next order if all are spread evenly."""
    waited_until_s: float = -math.inf
    """Latest turn for which an order has to wait."""

    def per_s(self, now_s: float) -> float:
        """Return the present limit, in orders per second."""
        grows_since_s = max(self.reduced_s, self.blocked_until_s)
        # Sixty times exceed any limit, and are far from an overflow.
        doublings = min(max(0.0, (now_s - grows_since_s) / _DOUBLED_IN_S), 60.0)
        return min(self.limit.per_s, self.reduced_per_s * 2.0**doublings)

    def with_turn(self, now_s: float, held: Turn | None = None) -> tuple["OrderPace", Turn]:
        """Return a turn for an order; the one it has taken, if no refusal has come since."""
        if now_s < self.blocked_until_s:
            return replace(self, waited_until_s=self.blocked_until_s), Turn(self.blocked_until_s)
        if held is not None and held.is_taken and held.taken_s >= self.reduced_s:
            return self, held
        if math.isinf(per_s := self.per_s(now_s)):
            return self, Turn(now_s, now_s)
        at_s = max(now_s, self.due_s - self._ahead_s(per_s))
        due_s = max(self.due_s, at_s) + 1 / ((1 - _BURST) * per_s)
        waited_until_s = at_s if at_s > now_s else self.waited_until_s
        return replace(self, due_s=due_s, waited_until_s=waited_until_s), Turn(at_s, now_s)

    def held_per_s(self, now_s: float) -> float | None:
        """Return the present limit if it holds orders back, 0 in a pause; else None."""
        if self.waited_until_s < now_s - _LOOK_EVERY_S:
            return None
        return 0.0 if now_s < self.blocked_until_s else self.per_s(now_s)

    def after_refusal(
        self, now_s: float, *, sent_s: float, recent_per_s: float, retry_after_s: float | None
    ) -> "OrderPace":
        """Return the pace after the provider refused an order of `sent_s` for now.

        `recent_per_s` is the rate of the orders before it. The limit is halved once for all orders
        that were under way, and the turns that were taken are void.
        """
        blocked_until_s = max(self.blocked_until_s, now_s + (retry_after_s or 0.0))
        if sent_s < self.reduced_s:
            return replace(self, blocked_until_s=blocked_until_s)
        # Rate below which orders are not taken for the cause of a refusal at first sight.
        per_s = min(self.per_s(now_s), max(recent_per_s, 1.0))
        per_s = max(per_s / 2, _SLOWEST_PER_S)
        return replace(
            self,
            reduced_per_s=per_s,
            reduced_s=now_s,
            blocked_until_s=blocked_until_s,
            due_s=blocked_until_s + self._ahead_s(per_s),
        )

    def resumed(self, per_s: float, age_s: float, now_s: float) -> "OrderPace":
        """Return the pace of a new process; it was reduced to `per_s` so many seconds ago."""
        pace = replace(self, reduced_per_s=per_s, reduced_s=now_s - age_s)
        return replace(pace, due_s=now_s + self._ahead_s(pace.per_s(now_s)))

    def _ahead_s(self, per_s: float) -> float:
        """Return the time by which orders may be ahead of an even spread."""
        at_once = max(1.0, _BURST * per_s * self.limit.window_s)
        return (at_once - 1) / ((1 - _BURST) * per_s)


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
    """True once it was seen to serve, or to refuse service, by this process."""
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
