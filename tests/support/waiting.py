"""Waiting for something to become true, with a deadline and with what was seen at its end."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

_STEP_S = 0.02

PATIENCE_S = 180.0
"""How long the slowest machine may take; only what hangs ever waits so long."""


def wait_until(is_true: Callable[[], object], what: str, within_s: float = PATIENCE_S) -> None:
    """Return as soon as `is_true`; fail with `what` after the deadline."""
    deadline = time.monotonic() + within_s
    while not is_true():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s} s: {what}")
        time.sleep(_STEP_S)


async def eventually(
    ask: Callable[[], Awaitable[T]],
    is_enough: Callable[[T], object] = bool,
    *,
    what: str = "",
    within_s: float = PATIENCE_S,
) -> T:
    """Ask until the answer is enough, and return it; fail with the last answer."""
    deadline = time.monotonic() + within_s
    while True:
        answer = await ask()
        if is_enough(answer):
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s} s: {what}; last seen: {answer!r}")
        await asyncio.sleep(_STEP_S)
