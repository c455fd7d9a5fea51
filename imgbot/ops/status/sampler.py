"""Status sampler: looks at the service as often as somebody needs it, from the start to the end."""

import asyncio
import inspect
import logging
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path

from imgbot.domain.errors import StorageUnavailableError
from imgbot.ops.resource_usage import ResourceCollector, ResourceUsage
from imgbot.ops.status import Document
from imgbot.ops.status.document import status_document
from imgbot.ops.status.history import History
from imgbot.ops.status.indicators import Indicators, take_sample
from imgbot.ops.status.observer import Observer, Serving
from imgbot.storage.stats import QueueState
from imgbot.telemetry import events
from imgbot.telemetry.health import HealthFacts
from imgbot.version import version

_log = logging.getLogger(__name__)

_CHECK_TIMEOUT_S = 3.0

Check = Callable[[], str | Awaitable[str]]
"""Returns what is wrong, empty when all is well; an exception or silence is wrong, too."""


async def _ask(name: str, check: Check) -> str:
    try:
        async with asyncio.timeout(_CHECK_TIMEOUT_S):
            answer = check()
            return await answer if inspect.isawaitable(answer) else answer
    except TimeoutError:
        return f"no answer in {_CHECK_TIMEOUT_S:.0f} s"
    except Exception as error:  # noqa: BLE001 -- any failure is an answer
        # Shown by its type alone: the text may hold an address with a token in it.
        _log.warning("the check %s failed: %s", name, error)
        return f"the check failed ({type(error).__name__})"


SAMPLE_EVERY_S = 15.0
"""Often enough for alerts and history; the status page asks for fresher samples."""

FIRST_AFTER_S = 1.0
"""The parts of the service are usually open by then; a look before would find them away."""

_PATIENCE_S = 5.0


class StatusSampler:
    """Samples the service: indicators, history, and the latest status document."""

    def __init__(
        self,
        checks: Mapping[str, Check],
        observer: Observer,
        state_dir: Path,
        is_standby: Callable[[], bool] = bool,
        cluster: Callable[[], Document | None] = lambda: None,
    ) -> None:
        self._cluster = cluster
        self.is_standby = is_standby
        self._checks = checks
        self._observer = observer
        self.history = History(state_dir / "history.json")
        self._begun_s = time.monotonic()
        self._looking = asyncio.Lock()
        self._looked_s = -math.inf
        self.resources = ResourceCollector()
        self.indicators = Indicators(take_sample(HealthFacts(), ResourceUsage(), 0.0, 0.0))
        self.queue: QueueState | None = None
        """None while Redis is away."""
        self.facts = HealthFacts()
        """Facts by which the latest document judges the health."""
        self.document: Document | None = None
        """The latest; None before the first sample."""

    @property
    def summary(self) -> str:
        """One line for systemd."""
        if self.document is None:
            return "serving"
        if self.queue is None:
            return "Redis is away"
        facts = self.facts
        workers = f"{facts.busy} of {facts.workers} workers busy"
        return f"{facts.waiting} waiting, {facts.running} running, {workers}"

    def serve(self, serving: Serving) -> None:
        """Sample and check these parts as well from now on."""
        updates = serving.updates
        self._observer.serve(serving)
        self._checks = {
            **self._checks,
            "telegram": lambda: updates.contact.trouble,
            "updates": lambda: updates.trouble,
        }

    async def health(self) -> dict[str, str]:
        """Run all checks; name → what is wrong, empty when well."""
        async with asyncio.TaskGroup() as group:
            checking = {
                name: group.create_task(_ask(name, check)) for name, check in self._checks.items()
            }
        return {name: task.result() for name, task in checking.items()}

    async def run(self) -> None:
        """Sample until cancelled; then save the unfinished minute."""
        await asyncio.to_thread(self.history.load, time.time())
        await asyncio.sleep(FIRST_AFTER_S)
        try:
            while True:
                await self._look(0.8 * SAMPLE_EVERY_S)
                await asyncio.sleep(SAMPLE_EVERY_S)
        finally:
            self.history.complete()
            self.history.save()

    async def refresh(self, max_age_s: float = 1.0) -> Document | None:
        """Return a document of this age at most, or the latest if sampling takes too long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE_S):
                await self._look(max_age_s)
        return self.document

    async def measure(self) -> HealthFacts:
        """Return the facts of this moment. Raises StorageUnavailableError while Redis is away."""
        await self.refresh(0.0)
        if self.queue is None:
            raise StorageUnavailableError("Redis is away")
        return self.facts

    async def _look(self, max_age_s: float) -> None:
        try:
            async with self._looking:
                if time.monotonic() - self._looked_s >= max_age_s:
                    await self._sample()
                    self._looked_s = time.monotonic()
        except Exception as error:  # noqa: BLE001 -- a failed sample must not stop the service
            events.warning("the status could not be taken: %s: %s", type(error).__name__, error)

    async def _sample(self) -> None:
        facts, self.queue = await self._observer.observe()
        usage = await asyncio.to_thread(self.resources.usage)
        sample = take_sample(facts, usage, time.time(), time.monotonic())
        self.indicators.take(sample)
        if self.history.take(sample, self.indicators.levels):
            await asyncio.to_thread(self.history.save)
        self.facts = self.indicators.health(await self.health())
        about = {
            "version": version(),
            "provider": self._observer.provider,
            "redis": self._observer.stats.address,
            "is_standby": self.is_standby(),
            "cluster": self._cluster(),
            "up_s": time.monotonic() - self._begun_s,
        }
        workers = self._observer.pool.slots()
        self.document = status_document(self.indicators, self.facts, self.queue, workers, about)
