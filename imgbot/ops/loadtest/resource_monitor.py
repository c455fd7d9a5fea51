"""Resource usage of the bot, its workers and its Redis under load, and the length of the queue.

They are looked at from outside; the bot's own metrics are asked at the beginning and at the end.
"""

import asyncio
import http.client
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from imgbot.domain.errors import TransientError
from imgbot.ops.resource_usage import ProcessGroup, ProcessUsage, usage_by_part
from imgbot.ops.status.indicators import Sample, Sampler

_LINE_EVERY_S = 0.25
_USE_EVERY_S = 1.0
_TIMEOUT_S = 15.0
_MOST_BYTES = 8 << 20


@dataclass(frozen=True, slots=True)
class ResourceSample:
    """Resource usage at one time; CPU time counts from the start of each process."""

    at_s: float
    parts: Mapping[ProcessGroup, ProcessUsage]
    test_cpu_s: float
    """Of this process: Telegram, the people and the provider."""

    @property
    def cpu_s(self) -> float:
        return sum(usage.cpu_s for usage in self.parts.values())

    @property
    def memory_bytes(self) -> int:
        return sum(usage.memory_bytes for usage in self.parts.values())


@dataclass(slots=True)
class ResourceMonitor:
    """Run it in a TaskGroup; `line` tells which jobs wait."""

    bot_pid: int
    redis_pid: Callable[[], int]
    line: Callable[[], Awaitable[list[str]]]
    looks: list[ResourceSample] = field(default_factory=list[ResourceSample])
    lines: list[int] = field(default_factory=list[int])

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._look_for_ever())
            while True:
                with suppress(TransientError):
                    self.lines.append(len(await self.line()))
                await asyncio.sleep(_LINE_EVERY_S)

    async def look(self) -> None:
        self.looks.append(await asyncio.to_thread(self._look))

    async def _look_for_ever(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(_USE_EVERY_S)

    def _look(self) -> ResourceSample:
        parts = dict(usage_by_part(self.bot_pid))
        # Its Redis is this process's child, so that it can outlive the bot; alone, it is a root.
        parts[ProcessGroup.REDIS] = usage_by_part(self.redis_pid())[ProcessGroup.BOT]
        return ResourceSample(time.monotonic(), parts, time.process_time())


class _Told(Collector):
    """Metrics as another process has told them."""

    def __init__(self, text: str) -> None:
        self._families = list(text_string_to_metric_families(text))

    def collect(self) -> Iterator[Metric]:
        yield from self._families


async def ask_metrics(url: str) -> Sample:
    """Ask the bot at `url` for its metrics. Raises OSError."""
    text = await asyncio.to_thread(_get, url)
    registry = CollectorRegistry()
    registry.register(_Told(text))
    return Sampler(registry).take()


def _get(url: str) -> str:
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.netloc, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", "/metrics")
        return connection.getresponse().read(_MOST_BYTES).decode()
    except http.client.HTTPException as error:
        raise ConnectionError(f"{url}/metrics broke off: {error!r}") from error
    finally:
        connection.close()
