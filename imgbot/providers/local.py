"""Provider `local`: a diffusion model on the operator's own server."""

import asyncio
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from imgbot.domain.errors import ProviderError, ProviderErrorKind, WorkerLostError
from imgbot.domain.local_model import LocalModel
from imgbot.domain.operations import Operation
from imgbot.providers.http import copy_result
from imgbot.providers.protocol import (
    Capability,
    Done,
    GenerationRequest,
    InputLimits,
    Make,
    Output,
    Provider,
    Recovery,
)

_FLAGS = frozenset({"avx2", "f16c", "fma"})
"""Processor features that the extra is built for; the kernel kills it without them."""


def obstacle() -> str:
    """Return why no model can run on this machine, empty if one can."""
    if find_spec("cyllama") is None:
        return "the extra `model` is not installed"
    with suppress(OSError):
        flags = Path("/proc/cpuinfo").read_text().partition("flags")[2].partition("\n")[0].split()
        if missing := sorted(_FLAGS.difference(flags)):
            return f"this processor lacks {', '.join(missing)}, without which no model runs"
    return ""


def problem_of(model: LocalModel) -> str:
    """Return why a model cannot be used here, empty if it can; its content is not checked."""
    if found := obstacle():
        return found
    try:
        size_bytes = Path(model.path).stat().st_size
    except OSError as error:
        return f"{model.path} cannot be read ({error.strerror})"
    return "" if size_bytes == model.size_bytes else f"{model.path} is not the whole file"


class LocalProvider(Provider):
    """Returns the finished picture from `submit`; one at a time, in a process of its own."""

    name = "local"
    recovery = Recovery.REPEAT
    is_on_this_server = True
    max_concurrent = 1

    def __init__(self, make: Make, model: LocalModel) -> None:
        name, inputs = Path(model.path).stem, InputLimits(max_count=1)
        terms = Capability(model=name, takes_seed=True, inputs=inputs)
        self.offers = dict.fromkeys((Operation.CREATE, Operation.EDIT), terms)
        self.problem = problem_of(model)
        self._make = make
        self._turn = asyncio.Lock()

    async def submit(self, order: GenerationRequest) -> Done:
        if self.problem:
            raise ProviderError(ProviderErrorKind.UNAVAILABLE, self.problem)
        try:
            async with self._turn:
                return await self._make(order)
        except WorkerLostError as error:
            why = f"the model's process was {error.reason} twice; its memory or its file may be why"
            raise ProviderError(ProviderErrorKind.UNAVAILABLE, why) from error
        except (MemoryError, RuntimeError) as error:
            raise ProviderError(ProviderErrorKind.UNAVAILABLE, str(error)) from error

    async def fetch(self, output: Output, target: Path) -> None:
        await copy_result(output.path, target)
