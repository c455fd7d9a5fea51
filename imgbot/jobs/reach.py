"""Reach of a cluster's bots: a leader that can make no pictures lets another lead that can.

A bot that stands by notes in Redis, as long as it is so, that it reaches Telegram and a provider.
"""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field

from imgbot.domain.errors import StorageUnavailableError
from imgbot.providers.url_policy import far_address
from imgbot.storage import keys
from imgbot.storage.client import Client
from imgbot.telemetry import events

_EVERY_S, _AGAIN_S, _ANSWER_S = 3.0, 1.0, 3.0
_SILENCE_S = 10.0
_REACHES_S, _SELDOM_S = 10, 300


@dataclass(kw_only=True, slots=True)
class Reach:
    """Reach of one bot; providers on its own machine do not count."""

    redis: Client
    ask_telegram: Callable[[], Awaitable[bool]]
    providers: Callable[[], Iterable[str]]
    """Base URLs."""
    is_standby: Callable[[], bool]
    is_in_sync: Callable[[], bool]
    """True if the other server has everything that this one has."""
    disk_problem: Callable[[], str]
    """Says that the disk is full, on which a picture needs room."""
    hand_over: Callable[[], None]
    now_s: Callable[[], float] = time.monotonic
    _own: str = field(default_factory=lambda: str(uuid.uuid4()), init=False)
    _reached_s: float = field(init=False)
    """When this bot last reached something, or stood by."""

    def __post_init__(self) -> None:
        self._reached_s = self.now_s()

    async def run(self) -> None:
        """Look every few seconds until cancelled."""
        while True:
            with suppress(StorageUnavailableError):
                await self.step()
            has_reached = self.now_s() - self._reached_s < _AGAIN_S
            await asyncio.sleep(_EVERY_S if has_reached else _AGAIN_S)

    async def step(self) -> None:
        """Look once: stand by, lead on, or hand over."""
        reached, full = await self._look(), self.disk_problem()
        if any(reached) or self.is_standby():
            self._reached_s = self.now_s()
        if self.is_standby():
            if all(reached) and not full:
                await self.redis.set(keys.REACHES, self._own, ex=_REACHES_S)
        elif await self.redis.get(keys.REACHES) not in {None, self._own} and (
            full or await self._may_leave()
        ):
            why = full or "neither Telegram nor a provider is reached from here"
            events.error("handing over: %s", why)
            self.hand_over()

    async def _may_leave(self) -> bool:
        """Return true if it has reached nothing for long, and none has left for that just now."""
        if self.now_s() - self._reached_s < _SILENCE_S or not self.is_in_sync():
            return False
        return bool(await self.redis.set(keys.LEFT, self._own, nx=True, ex=_SELDOM_S))

    async def _look(self) -> tuple[bool, bool]:
        """Return true if Telegram answers, and any provider, if there is one elsewhere."""
        places = {place for url in self.providers() if (place := far_address(url))}
        async with asyncio.TaskGroup() as group:
            telegram = group.create_task(_within(self.ask_telegram()))
            opened = [group.create_task(_within(_opens(*place))) for place in places]
        is_there = telegram.result()
        return is_there, any(task.result() for task in opened) if opened else is_there


async def _within(answer: Awaitable[bool]) -> bool:
    with suppress(OSError):
        async with asyncio.timeout(_ANSWER_S):
            return await answer
    return False


async def _opens(host: str, port: int) -> bool:
    _, writer = await asyncio.open_connection(host, port)
    writer.close()
    return True
