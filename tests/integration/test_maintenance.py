"""Maintenance: folders of ended jobs go, but for what the operator may still hand out."""

import asyncio
import os
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import pytest

from imgbot.aio import cancel_and_wait_current
from imgbot.domain.job import State, with_changes
from imgbot.features.privacy.forgetter import Forgetter
from imgbot.jobs.inputs import is_to_be_kept
from imgbot.jobs.maintenance import Maintenance
from imgbot.painter.originals import OriginalStore
from imgbot.storage import keys
from imgbot.storage.client import Client
from imgbot.storage.forgetting import Forgetting
from imgbot.storage.job_queue import JobQueue
from imgbot.storage.keys import RESULT_KEPT_S
from imgbot.storage.results import ResultStore
from imgbot.storage.server.durability import measure
from imgbot.storage.spend import Spend
from imgbot.storage.users import UserStore
from tests.fixtures.redis_servers import filled
from tests.fixtures.waiting import eventually
from tests.integration.test_job_queue import NOW, claimed, job, open_queue, to_delivering


def upkeep_of(redis: Client, queue: JobQueue, folder: Path, **changes: Any) -> Maintenance:
    upkeep = Maintenance(
        queue,
        ResultStore(redis),
        Spend(redis, queue.caps, 0),
        folder / "jobs",
        OriginalStore(folder / "kept", 0),
        partial(measure, redis),
        lambda: NOW,
        Forgetting(redis, queue, AsyncMock(), AsyncMock()),
        is_clock_sure=lambda: True,
    )
    return replace(upkeep, **changes)


@pytest.mark.parametrize(
    ("outcome", "output", "is_kept"),
    [
        (State.DEAD, {"url": "", "path": "/jobs/1/made.jpg"}, True),
        (State.DEAD, {"url": "https://example/1.png", "path": ""}, False),
        (State.FAILED, {"url": "", "path": "/jobs/1/made.jpg"}, False),
    ],
)
def test_the_only_copy_of_a_picture_is_kept_for_the_operator(
    outcome: State, output: dict[str, str], *, is_kept: bool
) -> None:
    ended = with_changes(job("1"), outcome=outcome, ticket={"outputs": [output]})

    assert is_to_be_kept(ended) is is_kept


async def test_folders_of_the_dead_stay_and_forgotten_ones_go(
    redis: Client, tmp_path: Path
) -> None:
    queue = await open_queue(redis)
    await queue.finish(await to_delivering(queue, await claimed(queue)), State.DEAD, NOW)
    for name in ("1", "2"):
        (tmp_path / "jobs" / name).mkdir(parents=True)
        os.utime(tmp_path / "jobs" / name, (0, 0))
    upkeep = upkeep_of(redis, queue, tmp_path)

    async def left() -> list[str]:
        return sorted(folder.name for folder in (tmp_path / "jobs").iterdir())

    async with asyncio.TaskGroup() as group:
        checking = group.create_task(upkeep.repair_loop())
        await eventually(left, lambda names: "2" not in names)
        await cancel_and_wait_current(checking)

    assert await left() == ["1"]


async def test_the_oldest_pictures_are_forgotten_while_redis_fills(
    redis: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imgbot.jobs.maintenance.CHECK_EVERY_S", 0.05)
    queue = await open_queue(redis)
    for job_id in ("old", "young", "dead"):
        one = await to_delivering(queue, await claimed(queue, job_id))
        outcome = State.DEAD if job_id == "dead" else State.DELIVERED
        await queue.finish(one, outcome, NOW, one)
        await redis.expire(keys.RESULT + job_id, RESULT_KEPT_S)
    await redis.expire(f"{keys.RESULT}old", RESULT_KEPT_S // 3)
    upkeep = upkeep_of(redis, queue, tmp_path)

    async def is_forgotten() -> bool:
        return not await redis.exists(f"{keys.RESULT}old")

    async with asyncio.TaskGroup() as group:
        checking = group.create_task(upkeep.repair_loop())
        async with filled(redis):
            await eventually(is_forgotten)
        await cancel_and_wait_current(checking)

    assert await redis.exists(f"{keys.RESULT}young", f"{keys.DEAD_JOB}dead") == 2


@pytest.mark.parametrize("is_sure", [True, False])
async def test_nothing_is_deleted_for_its_age_while_the_clock_is_doubted(
    redis: Client, tmp_path: Path, *, is_sure: bool
) -> None:
    queue, users = await open_queue(redis), UserStore(redis)
    await users.mark_seen(1, "en", NOW - 366 * 86_400_000)
    originals = OriginalStore(tmp_path / "kept", 100)
    (tmp_path / "kept" / "1.png").write_bytes(b"a picture")
    os.utime(tmp_path / "kept" / "1.png", (0, 0))
    upkeep = upkeep_of(
        redis,
        queue,
        tmp_path,
        originals=originals,
        is_clock_sure=lambda: is_sure,
    )
    forgetter = Forgetter(
        upkeep.forgetting, lambda: NOW, upkeep.spend.today, 365, 60, lambda: is_sure
    )

    await upkeep._repair()
    await forgetter._forget()

    assert await redis.zcard(keys.PEOPLE) == (0 if is_sure else 1)
    assert (originals.find("1") is None) is is_sure


async def test_a_redis_that_permits_no_rewrite_is_asked_once_in_five_minutes(
    redis: Client,
) -> None:
    forgetting = Forgetting(redis, await open_queue(redis), AsyncMock(), AsyncMock())
    await redis.hset(keys.FORGOTTEN, "log.1", "1")
    await redis.execute_command("ACL SETUSER", "default", "-bgrewriteaof")
    try:
        # True lets `Maintenance` wait; what is due stays noted.
        assert await forgetting.rewrite_log(NOW)
        assert await redis.hkeys(keys.FORGOTTEN) == ["log.1"]
    finally:
        await redis.execute_command("ACL SETUSER", "default", "+bgrewriteaof")
