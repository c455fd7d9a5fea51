"""A server that watches a pipeline of the test's own."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from prometheus_client import CollectorRegistry

from imgbot.config.setting_types import Address
from imgbot.ops.http import HttpLimits, OpsServer, TakeHook
from imgbot.ops.status import Document
from imgbot.ops.status.history import COLUMNS
from imgbot.ops.status.sampler import Check, StatusSampler
from imgbot.painter.worker_slot import WorkerStatus
from imgbot.storage.stats import QueueState
from imgbot.telemetry.health import HealthFacts
from tests.fixtures.status_facts import queue_of, worker

KEY = "key of the operator"


class Service:
    """What the tests set, the status shows."""

    def __init__(self, folder: Path, checks: Mapping[str, Check] | None = None) -> None:
        self.registry = CollectorRegistry()
        self.limits = HttpLimits()
        self.facts = HealthFacts(waiting=0)
        self.queue = queue_of()
        self.workers: Sequence[WorkerStatus] = [worker(1, 99, "create", 2.0, 1000), worker(2)]
        self.is_redis_away = False
        self.cluster: Document | None = None
        observer: Any = SimpleNamespace(
            observe=self._observe,
            pool=SimpleNamespace(slots=lambda: self.workers),
            provider="simulated",
            stats=SimpleNamespace(address="localhost:6380"),
        )
        self.watch = StatusSampler(checks or {}, observer, folder, cluster=lambda: self.cluster)

    def set_facts(self, **facts: Any) -> None:
        self.facts = replace(self.facts, **facts)

    async def _observe(self) -> tuple[HealthFacts, QueueState | None]:
        if self.is_redis_away:
            return replace(self.facts, waiting=None), None
        return self.facts, self.queue

    def server(self, port: int = 0, take_hook: TakeHook | None = None) -> OpsServer:
        return OpsServer(
            Address("127.0.0.1", port),
            self.watch,
            take_hook,
            key=KEY,
            registry=self.registry,
            limits=self.limits,
        )


def write_history(folder: Path, minutes: int, **figures: float) -> None:
    """Leave a history as an earlier life would: of each figure the same in every minute."""
    now_s = time.time()
    known = dict.fromkeys(COLUMNS, 0.0) | figures
    points = [
        [now_s - 60 * minute if name == "at_s" else value for name, value in known.items()]
        for minute in range(minutes, 0, -1)
    ]
    text = json.dumps({"columns": COLUMNS, "points": points})
    (folder / "history.json").write_text(text)
