"""Health checks, run concurrently."""

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping

_log = logging.getLogger(__name__)

_CHECK_TIMEOUT_S = 3.0

Check = Callable[[], str | Awaitable[str]]
"""Returns what is wrong, empty when all is well; an exception or silence is wrong, too."""


async def ask_all(checks: Mapping[str, Check]) -> dict[str, str]:
    """Ask all checks; name → what is wrong, empty when well."""
    async with asyncio.TaskGroup() as group:
        asked = {name: group.create_task(_ask(name, check)) for name, check in checks.items()}
    return {name: task.result() for name, task in asked.items()}


async def _ask(name: str, check: Check) -> str:
    try:
        async with asyncio.timeout(_CHECK_TIMEOUT_S):
            answer = check()
            return await answer if inspect.isawaitable(answer) else answer
    except TimeoutError:
        return f"no answer in {_CHECK_TIMEOUT_S:.0f} s"
    except Exception as error:  # noqa: BLE001 -- whatever it is, it is the answer
        # Shown by its type alone: the text may hold an address with a token in it.
        _log.warning("the check %s failed: %s", name, error)
        return f"the check failed ({type(error).__name__})"
