"""What providers took, in Redis, and the pace that is learned from it."""

import asyncio
from pathlib import Path
from typing import cast

import pytest

from imgbot.domain.poll_schedule import Budget, CensoredDuration, PollingConfig
from imgbot.jobs.poll_scheduler import PollScheduler
from imgbot.storage import keys
from imgbot.storage.client import Client, connect
from imgbot.storage.provider_records import KEPT_S, Durations
from tests.fixtures.waiting import PATIENCE_S

pytestmark = pytest.mark.slow

KIND = "replicate.create.google/nano-banana:2"
CONFIG = PollingConfig()


def pace(redis: Client, polls_per_s: float = 1000.0) -> PollScheduler:
    return PollScheduler(CONFIG, Budget(lambda: polls_per_s), Durations(redis), lambda: 0.0)


async def test_spans_come_back_the_oldest_first(redis: Client) -> None:
    durations = Durations(redis)
    spans = [CensoredDuration(0, 2.0), CensoredDuration(5.123, 9.5), CensoredDuration(16.25, 26.25)]

    for span in spans:
        await durations.add(KIND, span)

    assert await durations.latest(KIND) == spans
    assert await durations.latest("another.create.model") == []


async def test_no_more_than_forty_are_kept_for_no_more_than_90_days(redis: Client) -> None:
    durations = Durations(redis)

    for number in range(100):
        await durations.add(KIND, CensoredDuration(number, number + 1))

    kept = await durations.latest(KIND)
    assert (len(kept), kept[0], kept[-1]) == (
        40,
        CensoredDuration(60, 61),
        CensoredDuration(99, 100),
    )
    assert 0 < await redis.ttl(keys.DURATIONS + KIND) <= KEPT_S


async def test_entries_that_are_no_spans_are_left_out(redis: Client) -> None:
    bad = ["", "x", "1", "5:5", "9:3", "-4:2", "1:2:3", "1e3:2e3", "1:99999999999999", "nan:inf"]
    await redis.rpush(keys.DURATIONS + KIND, *bad, "1000:2000")

    assert await Durations(redis).latest(KIND) == [CensoredDuration(1, 2)]


async def test_what_was_learned_holds_for_its_kind_at_any_age_and_after_a_restart(
    redis: Client,
) -> None:
    first = pace(redis)
    before_s = await first.wait_s(KIND, 0.0)
    for _ in range(15):
        await first.learn(KIND, CensoredDuration(19.0, 20.0))

    learned_s = await first.wait_s(KIND, 0.0)
    after_restart_s = await pace(redis).wait_s(KIND, 0.0)

    assert before_s == pytest.approx(2.0, rel=0.05)
    assert learned_s > 15
    assert await first.typical_s(KIND) == 20.0
    assert after_restart_s == pytest.approx(learned_s, abs=0.6)
    # An adopted job goes on from its age, however few its polls.
    assert await first.wait_s(KIND, 19.0) < 2.0
    assert await first.wait_s("replicate.edit.x", 0.0) == pytest.approx(2.0, rel=0.05)


async def test_the_pace_is_the_schedule_until_something_is_learned(redis: Client) -> None:
    first = pace(redis)

    waits = [await first.wait_s(KIND, age_s) for age_s in (0.0, 2.0, 26.25, 600.0)]

    assert waits == [pytest.approx(seconds, rel=0.0301) for seconds in (2, 3, 10, 60)]


async def test_a_job_past_the_schedule_is_asked_for_slowly_and_then_given_up(redis: Client) -> None:
    scheduler = pace(redis)
    lasts_s = sum(CONFIG.get_interval(attempt) for attempt in range(CONFIG.max_attempts))

    assert [scheduler.is_slow(age_s) for age_s in (lasts_s - 1, lasts_s + 1)] == [False, True]
    assert await scheduler.wait_s(KIND, lasts_s + 1) == 60
    assert [scheduler.is_exhausted(lasts_s + age_s) for age_s in (3599, 3601)] == [False, True]


async def test_polls_over_the_budget_wait_for_their_turn(redis: Client) -> None:
    learned = pace(redis, 2.0)

    assert [learned.next_slot_s() for _ in range(5)] == [0.0, 0.0, 0.5, 1.0, 1.5]


async def test_without_redis_the_pace_is_the_schedule_and_learning_goes_on_later(
    tmp_path: Path,
) -> None:
    nowhere = connect(f"unix://{tmp_path}/no-redis")
    learned = pace(nowhere)

    async with asyncio.timeout(PATIENCE_S):
        await learned.learn(KIND, CensoredDuration(19.0, 20.0))
        seconds = await learned.wait_s(KIND, 0.0)
    await nowhere.aclose()

    assert seconds == pytest.approx(2.0, rel=0.0301)
    assert cast("dict[str, object]", learned._known) == {}
