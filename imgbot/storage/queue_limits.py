"""Limits of the queue, and the outcome of an admission."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Admission:
    """Outcome of an enqueue: ok, duplicate, full (the queue), many (waiting jobs of the user).

    Or budget (the day's budget is spent), user_budget (the user's is). `count` is the position
    in the queue for ok, the user's waiting jobs for many, else 0.
    """

    verdict: str
    count: int = 0


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """Limits on waiting jobs in total and per user, running jobs per user, and daily budgets.

    Budgets are in micro-dollars; None is no limit, 0 admits no job that has a price.
    """

    waiting: int = 500
    waiting_per_user: int = 20
    running_per_user: int = 3
    daily_micro: int | None = None
    daily_micro_per_user: int | None = None
