"""How much is let in, and how an attempt to come in ended."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Admission:
    """How an enqueue ended: ok, duplicate, full (the queue), many (of this user's).

    Or budget (the day's money is used up), user_budget (this user's is). `count` is the
    place in the line for ok, the user's waiting jobs for many, else 0.
    """

    verdict: str
    count: int = 0


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """How many jobs may wait over all, wait per user, and run per user; what a day may cost.

    Money is in micro-dollars; None is no ceiling, 0 lets nothing in that costs money.
    """

    waiting: int = 500
    waiting_per_user: int = 20
    running_per_user: int = 3
    daily_micro: int | None = None
    daily_micro_per_user: int | None = None
