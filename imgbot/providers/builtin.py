"""Built-in engine as a provider: no key, no network, no cost."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from imgbot.domain.operations import Operation
from imgbot.providers.http import copy_result
from imgbot.providers.protocol import (
    Capability,
    Done,
    GenerationRequest,
    Output,
    Provider,
    Recovery,
)

Make = Callable[[GenerationRequest], Awaitable[Done]]
"""Runs the engine in a worker process."""


class BuiltinProvider(Provider):
    """Returns the finished picture from `submit`; equal requests give equal pictures."""

    name = "builtin"
    recovery = Recovery.REPEAT
    is_deterministic = True
    offers = dict.fromkeys(Operation, Capability())

    def __init__(self, make: Make) -> None:
        self._make = make

    async def submit(self, order: GenerationRequest) -> Done:
        return await self._make(order)

    async def fetch(self, output: Output, target: Path) -> None:
        await copy_result(output.path, target)
