"""Recovery decisions for a submit whose answer was lost; pure, without I/O or a clock.

An order is repeated only under an idempotency key, or if its provider is sure to have no such task.
"""

from dataclasses import dataclass
from enum import StrEnum

from imgbot.domain.retry import SUBMIT_ATTEMPTS, backoff_s
from imgbot.providers.protocol import Recovery

WEBHOOK_S = 600.0
"""Longest wait for a webhook with the ticket; a picture takes less."""

SEARCH_S = 300.0
"""Longest search in a provider's list, which may have finished tasks only."""

SEARCHED_MS = 3_300_000
"""Age limit of the search: the owners of tasks are forgotten after an hour."""

_SETTLED_S = 10.0
"""Until then, a task may turn out to be that of the same order made at the same moment."""

_LOOK_UPS_S = (1.0, 4.0, 10.0)
"""Pauses before the look-ups, in sum longer than a request can be under way."""

_SILENT_S = 600.0
"""Longest time in which a server that does not answer is asked again."""

_LONGEST_WAIT_S = 60.0


class Answer(StrEnum):
    """Answer to the latest look-up or search, where that found no task."""

    NONE = "none"
    ABSENT = "absent"  # there is no such task, for certain
    NEVER = "never"  # this provider cannot tell, whenever it is asked


class Action(StrEnum):
    """The next thing to do."""

    REPEAT = "repeat"  # order under the same key, which is never charged twice
    ASK = "ask"  # look up, search, or see whether a webhook has come
    ORDER_AGAIN = "order_again"  # nothing was ordered
    SET_ASIDE = "set_aside"  # a dead letter for the operator


@dataclass(frozen=True, slots=True)
class Unknown:
    """Facts of an order whose answer was lost."""

    recovery: Recovery
    tries: int
    age_s: float
    """Since the submit record."""
    is_hooked: bool = False
    """True if a webhook may bring its ticket."""
    is_searchable: bool = False
    """True if it may be found in a list, in which its absence proves nothing."""
    questions: int = 0
    """Look-ups and searches made by this process."""
    answer: Answer = Answer.NONE
    is_foreign: bool = False
    """True if it was recorded by an earlier process."""
    locked_s: float = 0.0
    """For so long, that process may still make it."""


@dataclass(frozen=True, slots=True)
class Decision:
    """An action, after a pause."""

    action: Action
    wait_s: float = 0.0


def decide(order: Unknown) -> Decision:
    """Next action; to be called again after each `ASK`."""
    decision = _decide(order)
    if order.locked_s > 0 and decision.action in {Action.ORDER_AGAIN, Action.SET_ASIDE}:
        # The last question comes after the lock.
        return Decision(Action.ASK, min(order.locked_s, backoff_s(order.questions)))
    return decision


def _decide(order: Unknown) -> Decision:
    has_tries = order.tries < SUBMIT_ATTEMPTS
    match order.recovery:
        case Recovery.REPEAT if has_tries:
            return Decision(Action.REPEAT, backoff_s(order.tries) if order.tries else 0.0)
        case Recovery.LOOK_UP if order.answer is not Answer.NEVER:
            if order.questions < len(_LOOK_UPS_S):
                return Decision(Action.ASK, _LOOK_UPS_S[order.questions])
            if order.answer is Answer.ABSENT:
                return Decision(Action.ORDER_AGAIN if has_tries else Action.SET_ASIDE)
            return _until(_SILENT_S, order)
        case Recovery.NONE:
            hook_s = WEBHOOK_S if order.is_hooked else 0.0
            return _until(max(hook_s, SEARCH_S if order.is_searchable else 0.0), order)
        case _:
            return Decision(Action.SET_ASIDE)


def _until(patience_s: float, order: Unknown) -> Decision:
    """Ask at least once, however old the order is, if there is anything to ask for."""
    if not patience_s or (order.questions and order.age_s >= patience_s):
        return Decision(Action.SET_ASIDE)
    if not order.questions:
        return Decision(Action.ASK, max(0.0, _SETTLED_S - order.age_s))
    wait_s = backoff_s(order.questions, cap_s=_LONGEST_WAIT_S)
    return Decision(Action.ASK, min(wait_s, patience_s - order.age_s))
