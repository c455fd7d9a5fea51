"""Webhooks of the simulated providers: sent when a task is over, to this machine alone."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_TIMEOUT_S = 15.0
_ATTEMPTS = 3
_AGAIN_S = 0.5
_MOST_WAITING = 1000


@dataclass(frozen=True, slots=True)
class HookCall:
    """What is posted."""

    headers: dict[str, str]
    body: bytes
    attempts: int = _ATTEMPTS


Make = Callable[[], Sequence[HookCall]]
"""Returns the calls in their order, none where the news is void."""


class HookSender:
    """Posts in a task group of the sandbox's; `sent` counts what was answered with 2xx."""

    def __init__(self, group: asyncio.TaskGroup) -> None:
        self._group = group
        self._tasks: set[asyncio.Task[None]] = set()
        self.sent = 0
        self.refused: list[int] = []

    def plan(self, url: str, due_s: float, make: Make) -> None:
        """Post what `make` returns at the loop's time `due_s`; never to another machine."""
        if urlsplit(url).hostname not in LOOPBACK or len(self._tasks) >= _MOST_WAITING:
            return
        task = self._group.create_task(self._post(url, due_s, make))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def _post(self, url: str, due_s: float, make: Make) -> None:
        await asyncio.sleep(due_s - asyncio.get_running_loop().time())
        calls = make()
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            for call in calls:
                await self._deliver(session, url, call)

    async def _deliver(self, session: aiohttp.ClientSession, url: str, call: HookCall) -> None:
        for left in reversed(range(call.attempts)):
            try:
                async with session.post(
                    url, data=call.body, headers=call.headers, allow_redirects=False
                ) as answer:
                    if 200 <= answer.status < 300:
                        self.sent += 1
                        return
                    self.refused.append(answer.status)
                    del self.refused[:-_MOST_WAITING]
            except (aiohttp.ClientError, TimeoutError):
                pass
            if left:
                await asyncio.sleep(_AGAIN_S)
