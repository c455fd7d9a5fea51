"""The built-in engine as a provider: no key, no network, no cost."""

import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

from imgbot.providers.protocol import (
    Accepted,
    Cancelled,
    Done,
    Order,
    Output,
    Pending,
    Recovery,
    Ticket,
)

Make = Callable[[Order], Awaitable[tuple[str, tuple[str, ...], tuple[str, ...]]]]
"""Makes the picture in a worker; returns its path, what was done, and unknown words."""


class BuiltinProvider:
    """Answers the submit with the finished picture; the same order makes the same picture."""

    name = "builtin"
    recovery = Recovery.REPEAT

    def __init__(self, make: Make) -> None:
        self._make = make

    async def submit(self, order: Order) -> Accepted | Done:
        path, did, unknown = await self._make(order)
        return Done((Output(path=path),), did, unknown)

    async def look_up(self, job_id: str) -> Ticket | None:
        raise NotImplementedError(f"{job_id}: a repeated submit is free")

    async def poll(self, ticket: Ticket) -> Pending | Done:
        raise NotImplementedError(f"{ticket}: the submit has answered already")

    async def fetch(self, output: Output, target: Path) -> None:
        shutil.copyfile(output.path, target)

    async def cancel(self, ticket: Ticket) -> Cancelled:  # noqa: ARG002 -- the protocol's
        return Cancelled.UNSUPPORTED

    async def aclose(self) -> None:
        return None
