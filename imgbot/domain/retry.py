"""Decision after a failure: retry, or end with an error text. Pure, without a clock."""

import math
from dataclasses import dataclass, replace

from imgbot.domain.errors import ProviderError, ProviderErrorKind
from imgbot.domain.job import Job, State

SUBMIT_ATTEMPTS = 8
"""Submits refused before a task existed; about five minutes of backoff."""


LONG_REFUSAL_S = 60.0
"""Pause asked for by a provider above which it counts as out of service: another one may serve."""

PATIENCE_S = 600.0
"""Longest wait for a provider that is out of service; their users are told instead."""

_FETCH_ATTEMPTS = 6
_GONE_ATTEMPTS = 2
"""Fetches of a result that its host does not find; it may not have it yet."""

LOST_ORDERS = 2
"""Tasks that may be lost before a submit that costs nothing is no longer repeated: the request
may be crashing the server.
"""


DELIVERY_ATTEMPTS = 12
"""Deliveries of a picture that its chat refused, or that failed for no known reason; about five
minutes of backoff.
"""


_KIND = ProviderErrorKind
_NOT_ACCEPTED = frozenset({_KIND.RATE_LIMITED, _KIND.UNAVAILABLE})
_MAY_PASS = _NOT_ACCEPTED | {_KIND.AUTH, _KIND.NO_CREDIT, _KIND.NOT_FOUND}
"""Errors unrelated to a task that is paid for: a key can be fixed, an account topped up."""

REFUSALS = _MAY_PASS | {_KIND.INVALID, _KIND.UNSUITABLE, _KIND.MODERATED}
"""Answers to a submit that mean that no task was created."""

_REASONS = {
    _KIND.AUTH: "provider_closed",
    _KIND.NO_CREDIT: "provider_closed",
    _KIND.NOT_FOUND: "provider_closed",
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


_REPEATABLE = frozenset(
    {
        "provider_busy",
        "provider_closed",
        "provider_down",
        "provider_failed",
        "model_withdrawn",
        "went_wrong",
    }
    | {"worker_killed"}
)
"""Reasons of failed jobs whose request may succeed if it is ordered again as it is."""


def is_repeatable(job: Job, outcome: State | None) -> bool:
    """Return true if the user may order a failed job's request again.

    A dead job's task may still be running. Each repetition makes the id longer, and callback data
    is limited: 64 bytes hold an id two characters longer, a user's, and the choice of a model.
    """
    is_short = len(job.id) <= 21
    return outcome is State.FAILED and job.progress.reason in _REPEATABLE and is_short


@dataclass(frozen=True, slots=True)
class TryAgain:
    """Retry of the same step after `delay_s`."""

    delay_s: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """End of the job in `outcome`; the user reads the sentence `reason`."""

    outcome: State
    reason: str
    is_billed: bool | None = None
    """True if the submit costs its price; None if unknown."""


def backoff_s(attempt: int, *, first_s: float = 1.0, cap_s: float = 60.0) -> float:
    """Seconds to wait after failure number `attempt` (0 is the first), doubling."""
    return min(first_s * 2.0 ** min(attempt, 30), cap_s)


def judged(refusal: ProviderError) -> ProviderError:
    """Return the refusal of an order; one for long is no service, and not a question of pace."""
    if refusal.kind is _KIND.RATE_LIMITED and (refusal.retry_after_s or 0.0) > LONG_REFUSAL_S:
        wait_s = refusal.retry_after_s
        return ProviderError(_KIND.UNAVAILABLE, str(refusal), retry_after_s=wait_s)
    return refusal


def after_submit(error: ProviderError, attempt: int) -> TryAgain | GiveUp:
    """Retry only a refusal before a task existed: any other retry could pay twice."""
    wait_s = max(error.retry_after_s or 0.0, backoff_s(attempt))
    if error.kind in _NOT_ACCEPTED and attempt < SUBMIT_ATTEMPTS and wait_s <= PATIENCE_S:
        return TryAgain(wait_s)
    # A refusal before a task existed costs nothing, unless the provider says otherwise.
    is_refused = error.kind in REFUSALS and error.is_billed is None
    return replace(_end(error), is_billed=False if is_refused else error.is_billed)


def after_poll(error: ProviderError, failures: int, age_s: float = math.inf) -> TryAgain | GiveUp:
    """Decide after a failed poll: polls are free, so they are repeated; `failures` are consecutive.

    A provider may not know a task yet that another of its servers accepted seconds ago.
    """
    # Age below which an unknown task may still appear (providers' own clients wait about as long).
    is_young = error.kind is _KIND.LOST and age_s < 30.0
    if error.kind in _MAY_PASS or is_young:
        # Consecutive polls without an answer before the job is set aside; the task stays paid for.
        if failures < 30:
            return TryAgain(max(error.retry_after_s or 0.0, backoff_s(failures, first_s=2)))
        return GiveUp(State.DEAD, "provider_lost")
    return _end(error)


def after_fetch(error: ProviderError, attempt: int) -> TryAgain | GiveUp:
    """Decide after a failed fetch: the picture is paid for, so it is repeated until it is lost."""
    attempts = _FETCH_ATTEMPTS if error.kind in _MAY_PASS else _GONE_ATTEMPTS
    if error.kind in _MAY_PASS | {_KIND.EXPIRED} and attempt < attempts:
        return TryAgain(max(error.retry_after_s or 0.0, backoff_s(attempt)))
    # The picture exists, and the cause of the failure may be fixed.
    is_known = error.kind in {_KIND.EXPIRED, _KIND.TOO_HEAVY}
    return GiveUp(State.DEAD, _REASONS[error.kind] if is_known else "provider_lost")


def _end(error: ProviderError) -> GiveUp:
    is_unknown = error.kind in {_KIND.SUBMIT_UNKNOWN, _KIND.LOST, _KIND.EXPIRED}
    outcome = State.DEAD if is_unknown else State.FAILED
    return GiveUp(outcome, _REASONS[error.kind], error.is_billed)
