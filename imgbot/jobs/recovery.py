"""What is to be done about an order whose answer was lost: a decision, without I/O or a clock.

Only a provider that is sure to know no such task makes an order be given again.
"""

from dataclasses import dataclass
from enum import StrEnum

from imgbot.domain.retry import SUBMIT_ATTEMPTS, backoff_s
from imgbot.providers.protocol import Recovery

WEBHOOK_S = 600.0
"""So long a webhook is waited for that may reveal an order; a picture takes less."""

SEARCH_S = 300.0
"""So long an order is searched for: a provider may list what is finished alone."""

SEARCHED_MS = 3_300_000
"""An older order is not searched for: soon it is forgotten (after an hour) which task is whose."""

_SETTLED_S = 10.0
"""By then it is known whose are the tasks of the same orders made at the same moment."""

_LOOK_UPS_S = (1.0, 4.0, 10.0)
"""Longer in sum than an order is on its way to a server that answers at all."""

_SILENT_S = 600.0
"""So long a server that does not answer is asked again."""

_LONGEST_WAIT_S = 60.0


class Answer(StrEnum):
    """What the latest question was answered with, where that was no task."""

    NONE = "none"
    ABSENT = "absent"  # there is no such task, for certain
    NEVER = "never"  # this provider cannot tell, whenever it is asked


class Action(StrEnum):
    """What comes next."""

    REPEAT = "repeat"  # order under the same key, which is never charged twice
    ASK = "ask"  # look up, search, or see whether a webhook has come
    ORDER_AGAIN = "order_again"  # nothing was ordered
    SET_ASIDE = "set_aside"  # for the operator: nobody knows


@dataclass(frozen=True, slots=True)
class Unknown:
    """The facts of an order whose answer was lost."""

    recovery: Recovery
    tries: int
    age_s: float
    """Since the order was noted as about to be made."""
    is_hooked: bool = False
    """Whether a webhook may reveal it."""
    is_searchable: bool = False
    """Whether it may be found in a list, in which its absence proves nothing."""
    questions: int = 0
    """How often this process has asked."""
    answer: Answer = Answer.NONE


@dataclass(frozen=True, slots=True)
class Decision:
    """An action, after a pause."""

    action: Action
    wait_s: float = 0.0


def decide(order: Unknown) -> Decision:
    """Decide what to do next; to be asked again after each question."""
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
    """Ask once at least, however old the order is, if there is anything to be asked."""
    if not patience_s or (order.questions and order.age_s >= patience_s):
        return Decision(Action.SET_ASIDE)
    if not order.questions:
        return Decision(Action.ASK, max(0.0, _SETTLED_S - order.age_s))
    wait_s = backoff_s(order.questions, cap_s=_LONGEST_WAIT_S)
    return Decision(Action.ASK, min(wait_s, patience_s - order.age_s))
