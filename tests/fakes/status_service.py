"""A server that watches a pipeline of the test's own."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from prometheus_client import CollectorRegistry, Gauge

from imgbot.config.setting_types import Address
from imgbot.domain.errors import StorageUnavailableError
from imgbot.ops.http import OpsServer, TakeHook
from imgbot.ops.status import Document
from imgbot.ops.status.document import QueueGlance
from imgbot.ops.status.history import COLUMNS
from imgbot.ops.status.sampler import Check, StatusSampler
from imgbot.painter.worker_slot import WorkerStatus
from tests.fixtures.status_facts import worker

KEY = "key of the operator"


class Service:
    """What the tests set, the status shows."""

    def __init__(self, folder: Path, checks: Mapping[str, Check] | None = None) -> None:
        self.registry = CollectorRegistry()
        jobs = Gauge("imgbot_queue_jobs", "Jobs.", ("queue", "state"), registry=self.registry)
        self.waiting = jobs.labels("img_queue", "waiting")
        self.glance = QueueGlance()
        self.workers: Sequence[WorkerStatus] = [worker(1, 99, "create", 2.0, 1000), worker(2)]
        self.is_redis_away = False
        self.cluster: Document | None = None
        observer: Any = SimpleNamespace(
            workers=lambda: self.workers,
            glance=self._look,
            provider="simulated",
            redis="localhost:6380",
        )
        self.watch = StatusSampler(
            self.registry, checks or {}, observer, folder, cluster=lambda: self.cluster
        )

    async def _look(self) -> QueueGlance:
        if self.is_redis_away:
            raise StorageUnavailableError("Redis: ConnectionError")
        waiting = self.registry.get_sample_value(
            "imgbot_queue_jobs", {"queue": "img_queue", "state": "waiting"}
        )
        return replace(self.glance, load=replace(self.glance.load, waiting=int(waiting or 0)))

    def server(self, port: int = 0, take_hook: TakeHook | None = None) -> OpsServer:
        return OpsServer(Address("127.0.0.1", port), self.watch, take_hook, key=KEY)


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
