"""Presses: buttons that have ordered jobs, until their messages show that these have ended."""

import asyncio
import json
from typing import Any, NamedTuple

from imgbot.storage import keys
from imgbot.storage.client import Client, Store

_KEPT_S = 86_400


class Press(NamedTuple):
    """Press of a button, and the keyboard that it is in, as Telegram told it."""

    chat_id: int
    message_id: int
    data: str
    job_ids: list[str]
    rows: list[list[dict[str, Any]]]


class PressStore(Store):
    """Store of presses; each sets `noted`."""

    def __init__(self, redis: Client) -> None:
        super().__init__(redis)
        self.noted = asyncio.Event()

    async def note(self, press: Press) -> None:
        """Store a press, with the keyboard as it is without disabled buttons.

        It is left out if that keyboard is not known.
        """
        if any("disabled" in button for row in press.rows for button in row):
            beside = [each for each in await self.presses() if each[:2] == press[:2]]
            if not beside:
                return
            press = press._replace(rows=beside[0].rows)
        await self._all(
            self._redis.hset(keys.PRESSES, press.job_ids[0], json.dumps(press)),
            self._redis.expire(keys.PRESSES, _KEPT_S),
        )
        self.noted.set()

    async def presses(self) -> list[Press]:
        """Return all presses; fields that a later release has added are ignored."""
        stored = map(json.loads, await self._redis.hvals(keys.PRESSES))
        return [Press(*each[: len(Press._fields)]) for each in stored]

    async def is_running(self, press: Press) -> bool:
        return bool(await self._redis.exists(*(keys.JOB + job_id for job_id in press.job_ids)))

    async def drop(self, presses: list[Press]) -> None:
        if presses:
            await self._redis.hdel(keys.PRESSES, *(press.job_ids[0] for press in presses))
