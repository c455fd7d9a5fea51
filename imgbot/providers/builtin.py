"""Built-in engine as a provider: no key, no network, no cost."""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from imgbot.domain.operations import Operation
from imgbot.providers.http import copy_result
from imgbot.providers.protocol import (
    Accepted,
    Cancelled,
    Capability,
    Done,
    GenerationRequest,
    Output,
    Pending,
    Recovery,
    Ticket,
)

Make = Callable[[GenerationRequest], Awaitable[Done]]
"""Runs the engine in a worker process."""


class BuiltinProvider:
    """Returns the finished picture from `submit`; equal requests give equal pictures."""

    name = "builtin"
    recovery = Recovery.REPEAT
    is_deterministic = True
    max_concurrent = 0
    offers: Mapping[Operation, Capability] = dict.fromkeys(Operation, Capability())

    def __init__(self, make: Make) -> None:
        self._make = make

    async def throttle(self) -> None:
        """The pool has a line of its own."""

    async def submit(self, order: GenerationRequest) -> Accepted | Done:
        return await self._make(order)

    async def look_up(self, job_id: str) -> Ticket | None:
        raise NotImplementedError(f"{job_id}: a repeated submit is free")

    async def poll(self, ticket: Ticket) -> Pending | Done:
        raise NotImplementedError(f"{ticket}: the submit has answered already")

    async def fetch(self, output: Output, target: Path) -> None:
        await copy_result(output.path, target)

    async def cancel(self, ticket: Ticket) -> Cancelled:  # noqa: ARG002 -- the protocol's
        return Cancelled.UNSUPPORTED

    async def aclose(self) -> None:
        return None
