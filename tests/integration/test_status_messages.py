"""Status messages while Telegram hangs: each job has one on its way, however long that takes."""

import asyncio
from pathlib import Path
from typing import cast
from unittest.mock import AsyncMock, Mock

import pytest

from imgbot.aio import cancel_and_wait_current
from imgbot.domain.errors import FencedError, TransientError
from imgbot.domain.job import Job, with_changes
from imgbot.domain.texts import t
from imgbot.jobs import status_messages
from imgbot.jobs.status_messages import StatusMessages
from imgbot.sandbox.simulated_provider import SPEC_FILE
from imgbot.storage import keys
from imgbot.storage.client import Client
from imgbot.storage.job_queue import QueueLimits
from imgbot.telegram.messenger import ChatTarget
from tests.fixtures.waiting import eventually
from tests.integration.stage import open_stage
from tests.integration.test_job_queue import NOW, job, open_queue

JOBS = 30


async def say_nothing(*_: object) -> None:
    """As a Telegram that takes a message and hangs."""
    await asyncio.Event().wait()


async def test_concurrent_announcements_reach_a_user_once(
    redis: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status_messages, "_TICK_S", 0.01)
    queue = await open_queue(redis)
    for number in range(1, JOBS + 1):
        await queue.enqueue(job(str(number), user_id=number), NOW)
    messenger = Mock(send_text=AsyncMock(side_effect=say_nothing))
    asked = AsyncMock(side_effect=queue.unannounced)
    monkeypatch.setattr(queue, "unannounced", asked)
    usual_s = AsyncMock(return_value=0.0)
    status = StatusMessages(queue, messenger, lambda: NOW + 1, usual_s)

    async def times() -> int:
        return asked.await_count

    async with asyncio.TaskGroup() as group:
        announcer = group.create_task(status.announce_all())
        await eventually(times, lambda count: count > 10)
        await cancel_and_wait_current(announcer)

    assert messenger.send_text.call_count == JOBS


async def test_a_lost_answer_is_not_followed_by_another_message_at_once(
    redis: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = await open_queue(redis)
    for number in range(1, JOBS + 1):
        await queue.enqueue(job(str(number), user_id=number), NOW)
    messenger = Mock(send_text=AsyncMock(side_effect=TransientError("the answer was lost")))
    status = StatusMessages(queue, messenger, lambda: NOW + 1, AsyncMock(return_value=0.0))
    unannounced = queue.unannounced

    async def nudged_meanwhile(now_ms: int, limit: int) -> list[str]:
        # As by the claim loop, for a job that comes while the list of the earlier ones is read.
        status.nudge()
        return await unannounced(now_ms, limit)

    monkeypatch.setattr(queue, "unannounced", AsyncMock(side_effect=nudged_meanwhile))
    async with asyncio.TaskGroup() as group:
        announcer = group.create_task(status.announce_all())
        await eventually(AsyncMock(side_effect=lambda: messenger.send_text.call_count >= JOBS))
        await asyncio.sleep(0.1)
        await cancel_and_wait_current(announcer)

    assert messenger.send_text.call_count == JOBS


@pytest.mark.parametrize("is_claimed", [False, True])
async def test_jobs_of_one_request_are_announced_in_their_order(
    redis: Client, *, is_claimed: bool
) -> None:
    queue, sent = await open_queue(redis, QueueLimits(waiting_per_user=12)), list[int]()
    jobs = [job(f"7-{n}" if n > 1 else "7", reply_to=n) for n in range(1, 11)]
    for each in jobs:
        await queue.enqueue(each, NOW)

    async def send_slowly_at_first(place: ChatTarget, *_others: object) -> int:
        for _ in range(10 - place.reply_to):
            await asyncio.sleep(0)
        sent.append(place.reply_to)
        return len(sent)

    messenger = Mock(send_text=send_slowly_at_first)
    status = StatusMessages(queue, messenger, lambda: NOW + 1, AsyncMock(return_value=0.0))
    async with asyncio.TaskGroup() as group:
        if is_claimed:
            for each in jobs:
                group.create_task(status.announce(each))
        else:
            announcer = group.create_task(status.announce_all())
            await eventually(AsyncMock(side_effect=lambda: len(sent) == len(jobs)))
            await cancel_and_wait_current(announcer)

    assert sent == [*range(1, 11)]


async def test_a_fenced_supervisor_sends_no_message(redis: Client) -> None:
    queue = await open_queue(redis)
    await queue.enqueue(job("1"), NOW)
    claimed = await queue.claim(NOW)
    messenger = Mock(send_text=AsyncMock(return_value=7))
    status = StatusMessages(queue, messenger, lambda: NOW + 1, AsyncMock(return_value=0.0))
    await redis.set(keys.EPOCH, "another")

    with pytest.raises(FencedError):
        await status.ensure(cast("Job", claimed), "")

    messenger.send_text.assert_not_called()


async def test_the_time_that_is_left_is_counted_down_coarsely(redis: Client) -> None:
    queue = await open_queue(redis)
    await queue.enqueue(job("1", user_id=1), NOW)
    running = with_changes(job("1", user_id=1), message_id=7, language="en")
    messenger = Mock(edit_text=AsyncMock())
    status = StatusMessages(queue, messenger, lambda: NOW + 1, AsyncMock(return_value=200.0))
    await status.ensure(running, "")

    for age_s in (*range(0, 300, 3), 20):
        await status.hint_left(running, age_s)
    told = [call.args[2] for call in messenger.edit_text.await_args_list]
    await status.hint_progress(running, 0.5)
    await status.hint_left(running, 100)

    left = ("3 minutes", "2 minutes", "60 seconds", "30 seconds", "15 seconds")
    assert told == [
        *(f"🎨 Working… about {each} left." for each in left),
        t("en", "job_left_soon"),
    ]
    assert messenger.edit_text.await_count == len(told) + 1


async def test_a_picture_that_takes_long_tells_what_is_left(tmp_path: Path) -> None:
    constants = {
        "imgbot.jobs.status_messages._COUNTED_FROM_S": 0.0,
        "imgbot.jobs.runner._HINT_AFTER_S": 0.0,
        "imgbot.jobs.runner._PROGRESS_EVERY_S": 0.1,
    }
    # Of a provider that tells no progress, which would be shown in its place.
    spec = tmp_path / SPEC_FILE.name
    told_less = SPEC_FILE.read_text().replace('progress = ["progress"]', "")
    spec.write_text(f"prices_usd = {{ create = 0 }}\n{told_less}")
    async for stage in open_stage(tmp_path, constants, IMGBOT_PROVIDER=str(spec)):
        anna = await stage.user(language="ru")
        async with stage.bot.redis() as redis:
            key = f"{keys.DURATIONS}simulated.create.simulated"
            await redis.rpush(key, *["59000:60000"] * 3)

        await anna.ask(
            "лиса [[sim:slow=600]]",
            fits=lambda m: m.text == "🎨 Работаю… осталось около 60 секунд.",
        )

        await anna.ask("/cancel", fits=lambda m: m.text == "Отменено.")
