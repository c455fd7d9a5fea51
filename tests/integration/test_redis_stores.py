"""Stores beside the job queue: counts, updates set aside, examples."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from unittest.mock import ANY, AsyncMock

import pytest
from hypothesis import given, settings, strategies as st

from imgbot.domain.errors import ProviderErrorKind, StorageUnavailableError
from imgbot.domain.job import Job, State
from imgbot.domain.operations import Operation
from imgbot.ops.status.observer import Observer
from imgbot.storage import keys
from imgbot.storage.client import Client
from imgbot.storage.job_queue import JobQueue, QueueLimits
from imgbot.storage.pause import Pause
from imgbot.storage.rate_limit import RateLimit
from imgbot.storage.spend import Spend
from imgbot.storage.stats import QueueStats
from imgbot.storage.update_ledger import UpdateLedger
from imgbot.storage.users import UserStore
from imgbot.telegram.polling_health import NoPolling
from imgbot.telemetry import metrics
from imgbot.telemetry.health import BudgetState, HealthFacts, ProviderState
from tests.fixtures.jobs import job_of

NOW = 1_800_000_000_000


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(1, 2), st.integers(1, 6)), max_size=20))
async def test_a_request_is_counted_once_and_its_limit_is_true(
    redis: Client, asked: list[tuple[int, int]]
) -> None:
    await redis.flushall()
    limit = RateLimit(redis, window_s=60, max_requests=3)
    counted = defaultdict[int, set[int]](set)
    for user_id, request in asked:
        own = counted[user_id]
        is_allowed = request in own or len(own) < 3
        own |= {request} if is_allowed else set()

        verdict = await limit.check_rate_limit(user_id, f"{user_id}.{request}")

        assert (bool(verdict), verdict.remaining) == (is_allowed, 3 - len(own))
        assert (0 < verdict.wait_s <= 60) is not is_allowed
        assert await redis.get(f"rate_limit:{user_id}") == str(len(own))
        assert 0 < await redis.ttl(f"rate_limit:{user_id}") <= 60
        assert await limit.get_rate_limit_remaining(user_id) == 3 - len(own)
    assert set(await redis.keys("rate_limit:*")) == {f"rate_limit:{user}" for user in counted}


async def test_a_count_that_lost_its_end_gets_one_again(redis: Client) -> None:
    limit = RateLimit(redis, window_s=60, max_requests=2)
    await redis.set("rate_limit:1", 5)

    verdict = await limit.check_rate_limit(1, "x")

    assert not verdict
    assert 0 < verdict.wait_s <= 60


async def test_any_update_can_be_set_aside_and_only_so_many_are_kept(redis: Client) -> None:
    ledger = UpdateLedger(redis)

    await ledger.dead_letter({"message": {"text": "half a character: \ud800"}})
    for number in range(1005):
        await ledger.dead_letter({"update_id": number})

    assert await redis.llen(keys.POISON) == 1000


async def test_deferred_updates_are_kept_once_in_order_until_they_are_handled(
    redis: Client,
) -> None:
    ledger = UpdateLedger(redis)
    first, second, third = ({"update_id": number} for number in (1, 2, 3))

    await ledger.mark_handled(3, "7")
    for _ in range(2):
        await ledger.defer([("7", NOW, [(5, second), (6, third)]), ("8", NOW - 1, [(5, first)])])
        await ledger.defer([("7", NOW + 9, [(4, first)])])
    kept = await ledger.deferred()
    for number, chat in ((1, "7"), (2, "7"), (1, "8")):
        await ledger.mark_handled(number, chat)

    assert kept == [("8", NOW - 1, [(5, first)]), ("7", NOW + 9, [(4, first), (5, second)])]
    assert await ledger.deferred() == []
    assert await redis.keys(f"{keys.DEFERRED}*") == []


async def test_a_bounded_number_of_refused_messages_is_kept(redis: Client) -> None:
    users = UserStore(redis)
    for update_id in range(1, 201):
        await users.keep_refused(1, {"update_id": update_id}, NOW)

    assert len(await redis.keys(f"{keys.REFUSED_UPDATE}1.*")) < 100
    assert await users.refused(1, 200) == (NOW, {"update_id": 200})
    assert await users.refused(1, 1) is None


async def test_the_status_counts_each_job_once_and_shows_what_is_painted(redis: Client) -> None:
    limits = QueueLimits(running_per_user=1, daily_micro=5_000_000)
    queue, users = JobQueue(redis, limits), UserStore(redis)
    await queue.open_epoch()
    for number, user_id in enumerate((8, 7, 7, 7)):
        await queue.enqueue(job_of(str(number), user_id, user_id, Operation.CREATE, "en"), NOW)
    lost, claimed = await queue.claim(NOW), await queue.claim(NOW + 1000)
    assert lost
    assert claimed
    lost = await queue.move(lost, State.DELIVERING)
    await queue.finish(lost, State.DEAD, NOW + 1500)
    await Pause(redis).begin_anew()
    await users.set_names(8, "Anna", "anna", "", NOW)
    await redis.zadd(f"{keys.REFUSED}{NOW // 3_600_000}", {"8": 3})
    pool: Any = SimpleNamespace(size=3, started=2, busy=2, waiting=4)
    pool.slots = lambda: [SimpleNamespace(about=each) for each in ("create", "fitting")]
    spend = Spend(redis, limits)
    observer = Observer(QueueStats(redis), users, spend, pool, lambda: NOW + 2000, "", NoPolling())
    alone, _ = await observer.observe()

    observer.serve(_serving(queue, replace(claimed, state=State.SUBMITTING)))
    facts, seen = await observer.observe()

    assert (alone.waiting, alone.running, alone.workers, alone.capacity) == (2, 0, 3, 0)
    assert facts == FACTS
    assert seen
    assert (seen.running, seen.refused, seen.names) == (1, ((8, 3),), {8: "Anna @anna (8)"})
    assert shown("imgbot_redis_memory_bytes") == seen.memory.used_bytes
    assert {name: shown(f"imgbot_{name}", labels) for name, labels, _ in SHOWN} == {
        name: figure for name, _, figure in SHOWN
    }


FACTS = HealthFacts(
    now_ms=NOW + 2000,
    jobs={"create": {"queued": 2, "submitting": 1, "painting": 1, "delivering": 1}},
    waiting=2,
    capped=2,
    running=3,
    delivering=1,
    capacity=9,
    oldest_waiting_ms=NOW,
    oldest_running_ms=NOW + 1000,
    update_age_s=3.0,
    workers=3,
    started=2,
    busy=2,
    steps_waiting=4,
    is_provider_full=True,
    figures={"unattended": 2, "replica": 0, "redis_full": 0},
    redis=ANY,
    providers={"fal": ProviderState(ProviderErrorKind.AUTH)},
    budget=BudgetState(0, 5_000_000, 1, ANY, ANY),
    dead=1,
    dead_job="0",
    dead_ms=NOW + 1500,
    silence_s=4.0,
    has_answered=True,
    rival="poller",
    is_paused=True,
)


async def test_while_redis_is_away_the_rest_is_measured(
    redis: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    queue, stats = JobQueue(redis, QueueLimits()), QueueStats(redis)
    away: Any = SimpleNamespace(state=AsyncMock(side_effect=StorageUnavailableError("away")))
    pool: Any = SimpleNamespace(size=3, started=2, busy=2, waiting=0, slots=list)
    stores = UserStore(redis), Spend(redis, QueueLimits())
    observer = Observer(stats, *stores, pool, lambda: NOW, "", NoPolling())
    observer.serve(_serving(queue, job_of("1", 7, 7, Operation.CREATE, "en")))
    await observer.observe()

    observer.stats = away
    facts, seen = await observer.observe()
    was_up = shown("imgbot_redis_up")
    observer.stats = stats
    for _ in range(2):
        await observer.observe()

    assert (seen, facts.waiting, facts.running, facts.workers) == (None, None, 3, 3)
    assert facts.providers["fal"].refusal is ProviderErrorKind.AUTH
    assert (was_up, shown("imgbot_redis_up")) == (0, 1)
    assert caplog.text.count("Redis answers again") == 1


shown = metrics.REGISTRY.get_sample_value
SHOWN: Sequence[tuple[str, dict[str, str], float]] = [
    ("queue_jobs", {"queue": "img_queue", "state": "waiting"}, 2),
    ("queue_oldest_job_timestamp_seconds", {}, NOW / 1000),
    ("workers", {"state": "busy"}, 2),
    ("provider_up", {"provider": "fal"}, 0),
    ("spend_budget_usd", {}, 5),
    ("job_oldest_running_timestamp_seconds", {}, (NOW + 1000) / 1000),
]


def _serving(queue: JobQueue, made: Job) -> Any:
    """A bot that makes a job twice, and delivers it as well."""
    jobs = [made, made, replace(made, state=State.DELIVERING)]
    return SimpleNamespace(
        provider="fal",
        providers=lambda: {"fal": ProviderState(ProviderErrorKind.AUTH)},
        runner=SimpleNamespace(jobs=jobs, capacity=9, is_provider_full=True, unattended=2),
        updates=SimpleNamespace(
            contact=SimpleNamespace(seconds_since_answer=4.0, has_answered=True, rival="poller"),
            oldest_age_s=3.0,
        ),
        persistence=queue.persistence,
        least_price_micro=1,
    )
