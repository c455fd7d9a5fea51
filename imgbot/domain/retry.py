"""What to do after a failure: again, or an end with a sentence. Pure, without a clock."""

import math
from dataclasses import dataclass, replace

from imgbot.domain.errors import ProviderError, ProviderErrorKind
from imgbot.domain.job import State

SUBMIT_ATTEMPTS = 8
"""Submits that were refused before a task existed; about five minutes of backoff."""

POLL_FAILURES = 30
"""Polls in a row without an answer before the job is set aside; the task stays paid for."""

FETCH_ATTEMPTS = 6

LOST_ORDERS = 2
"""Tasks that may be lost before an order that costs nothing is not repeated any longer: it may
be what brings the server down."""

GONE_ATTEMPTS = 2
"""Fetches of a result that its host says is not there; it may not know it yet."""

DELIVERY_ATTEMPTS = 12
"""Deliveries of a picture that failed for no known reason; about five minutes of backoff."""

LOST_GRACE_S = 30.0
"""A task that is younger may become known still (providers' own clients wait about as long)."""

_KIND = ProviderErrorKind
_NOT_ACCEPTED = frozenset({_KIND.RATE_LIMITED, _KIND.UNAVAILABLE})
_MAY_PASS = _NOT_ACCEPTED | {_KIND.AUTH, _KIND.NO_CREDIT}
"""Says nothing of a task that is paid for: a key is mended, an account is filled again."""

REFUSALS = _MAY_PASS | {_KIND.INVALID, _KIND.UNSUITABLE, _KIND.MODERATED}
"""Answers to an order that say that no task was made."""

_REASONS = {
    _KIND.AUTH: "provider_closed",
    _KIND.NO_CREDIT: "provider_closed",
    _KIND.INVALID: "provider_invalid",
    _KIND.UNSUITABLE: "provider_unsuitable",
    _KIND.MODERATED: "provider_moderated",
    _KIND.RATE_LIMITED: "provider_busy",
    _KIND.UNAVAILABLE: "provider_down",
    _KIND.FAILED: "provider_failed",
    _KIND.LOST: "provider_lost",
    _KIND.EXPIRED: "provider_expired",
    _KIND.TOO_HEAVY: "result_too_heavy",
    _KIND.SUBMIT_UNKNOWN: "submit_unknown",
}


@dataclass(frozen=True, slots=True)
class TryAgain:
    """The same step again after `delay_s`."""

    delay_s: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The job ends in `outcome`; the person reads the sentence `reason`."""

    outcome: State
    reason: str
    is_billed: bool | None = None
    """Whether the order costs its price; None where nobody knows."""


def backoff_s(attempt: int, *, first_s: float = 1.0, cap_s: float = 60.0) -> float:
    """Seconds to wait after failure number `attempt` (0 is the first), doubling."""
    return min(first_s * 2.0 ** min(attempt, 30), cap_s)


def after_submit(error: ProviderError, attempt: int) -> TryAgain | GiveUp:
    """Only a refusal before a task existed may be repeated: anything else could pay twice."""
    if error.kind in _NOT_ACCEPTED and attempt < SUBMIT_ATTEMPTS:
        return TryAgain(max(error.retry_after_s or 0.0, backoff_s(attempt)))
    # What was refused before a task existed costs nothing, unless the provider says otherwise.
    is_refused = error.kind in REFUSALS and error.is_billed is None
    return replace(_end(error), is_billed=False if is_refused else error.is_billed)


def after_poll(error: ProviderError, failures: int, age_s: float = math.inf) -> TryAgain | GiveUp:
    """Asking costs nothing, so silence is met with patience; `failures` are in a row.

    A provider may not know a task yet that it took seconds ago, at another of its servers.
    """
    is_young = error.kind is _KIND.LOST and age_s < LOST_GRACE_S
    if error.kind in _MAY_PASS or is_young:
        if failures < POLL_FAILURES:
            return TryAgain(max(error.retry_after_s or 0.0, backoff_s(failures, first_s=2)))
        return GiveUp(State.DEAD, "provider_lost")
    return _end(error)


def after_fetch(error: ProviderError, attempt: int) -> TryAgain | GiveUp:
    """The picture is paid for: a fetch is repeated until it must be called lost."""
    attempts = FETCH_ATTEMPTS if error.kind in _MAY_PASS else GONE_ATTEMPTS
    if error.kind in _MAY_PASS | {_KIND.EXPIRED} and attempt < attempts:
        return TryAgain(max(error.retry_after_s or 0.0, backoff_s(attempt)))
    # It is made, and what keeps it from being fetched may be mended.
    is_known = error.kind in {_KIND.EXPIRED, _KIND.TOO_HEAVY}
    return GiveUp(State.DEAD, _REASONS[error.kind] if is_known else "provider_lost")


def _end(error: ProviderError) -> GiveUp:
    is_unknown = error.kind in {_KIND.SUBMIT_UNKNOWN, _KIND.LOST, _KIND.EXPIRED}
    outcome = State.DEAD if is_unknown else State.FAILED
    return GiveUp(outcome, _REASONS[error.kind], error.is_billed)
