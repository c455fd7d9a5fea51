"""Status messages while Telegram hangs: each job has one on its way, however long that takes."""

import asyncio
from typing import Any, cast

import pytest

from imgbot.aio import cancel_and_wait_current
from imgbot.domain.operations import Operation
from imgbot.jobs import status_messages as status_module
from imgbot.jobs.status_messages import StatusMessages
from imgbot.storage.client import Client
from imgbot.storage.job_queue import JobQueue, QueueLimits
from imgbot.telegram.messenger import Messenger
from tests.fixtures.waiting import eventually
from tests.integration.test_jobs import NOW, job

JOBS = 30


class CountingQueue(JobQueue):
    """Knows how often it was asked who is to be told."""

    asked = 0

    async def unannounced(self, now_ms: int, limit: int) -> list[str]:
        self.asked += 1
        return await super().unannounced(now_ms, limit)


class HangingDelivery:
    """A Telegram that takes a message and says nothing."""

    sent = 0

    async def send_text(self, *_: Any, **__: Any) -> int:
        self.sent += 1
        await asyncio.Event().wait()
        return 0


async def usually_s(_: Operation) -> float:
    return 0.0


async def test_concurrent_announcements_reach_a_user_once(
    redis: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status_module, "_TICK_S", 0.01)
    queue = CountingQueue(redis, QueueLimits())
    await queue.open_epoch()
    for number in range(1, JOBS + 1):
        await queue.enqueue(job(str(number), user_id=number), NOW)
    delivery = HangingDelivery()
    status = StatusMessages(queue, cast("Messenger", delivery), lambda: NOW + 1, usually_s)

    async def asked() -> int:
        return queue.asked

    async with asyncio.TaskGroup() as group:
        announcer = group.create_task(status.announce_all())
        await eventually(asked, lambda times: times > 10)
        await cancel_and_wait_current(announcer)

    assert delivery.sent == JOBS
