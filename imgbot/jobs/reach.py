"""Reach of a cluster's bots: a leader that reaches nothing lets another lead that reaches all.

A bot that stands by notes in Redis, as long as it is so, that it reaches Telegram and a provider.
"""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress

from imgbot.domain.errors import StorageUnavailableError
from imgbot.providers.url_policy import far_address
from imgbot.storage import keys
from imgbot.storage.client import Client
from imgbot.telemetry import events

_EVERY_S, _AGAIN_S, _ANSWER_S = 3.0, 1.0, 3.0
_SILENCE_S = 10.0
_REACHES_S, _SELDOM_S = 10, 300


class Reach:
    """What one bot reaches; providers on its own machine do not count."""

    def __init__(
        self,
        redis: Client,
        ask_telegram: Callable[[], Awaitable[bool]],
        providers: Callable[[], Iterable[str]],
        is_standby: Callable[[], bool],
        is_in_sync: Callable[[], bool],
        hand_over: Callable[[], None],
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`providers` returns base URLs; `is_in_sync` tells if the other has all that this has."""
        self._redis = redis
        self._ask_telegram = ask_telegram
        self._providers = providers
        self._is_standby = is_standby
        self._is_in_sync = is_in_sync
        self._hand_over = hand_over
        self._now_s = now_s
        self._own = str(uuid.uuid4())
        self._reached_s = now_s()
        """When this bot last reached something, or stood by."""

    async def run(self) -> None:
        """Look every few seconds until cancelled."""
        while True:
            with suppress(StorageUnavailableError):
                await self.step()
            has_reached = self._now_s() - self._reached_s < _AGAIN_S
            await asyncio.sleep(_EVERY_S if has_reached else _AGAIN_S)

    async def step(self) -> None:
        """Look once: stand by, lead on, or hand over."""
        reached = await self._look()
        if self._is_standby():
            self._reached_s = self._now_s()
            if all(reached):
                await self._redis.set(keys.REACHES, self._own, ex=_REACHES_S)
        elif any(reached):
            self._reached_s = self._now_s()
        elif await self._should_hand_over():
            events.error("handing over: neither Telegram nor a provider is reached from here")
            self._hand_over()

    async def _should_hand_over(self) -> bool:
        if self._now_s() - self._reached_s < _SILENCE_S or not self._is_in_sync():
            return False
        if await self._redis.get(keys.REACHES) in {None, self._own}:
            return False
        return bool(await self._redis.set(keys.LEFT, self._own, nx=True, ex=_SELDOM_S))

    async def _look(self) -> tuple[bool, bool]:
        """Return whether Telegram answers, and any provider, if there is one elsewhere."""
        places = {place for url in self._providers() if (place := far_address(url))}
        async with asyncio.TaskGroup() as group:
            telegram = group.create_task(_within(self._ask_telegram()))
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
