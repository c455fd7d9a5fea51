"""Job queue on a real Redis: each transition, each limit, each replay."""

from contextlib import nullcontext
from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from imgbot.domain.errors import FencedError
from imgbot.domain.job import NEXT_STATES, InputPhoto, Job, State, with_changes
from imgbot.domain.operations import Operation
from imgbot.storage import keys
from imgbot.storage.client import Client
from imgbot.storage.job_queue import STOPPED, JobQueue, QueueLimits
from imgbot.storage.persistence import Persistence
from imgbot.storage.results import ResultStore
from imgbot.storage.stats import QueueStats
from tests.fixtures.jobs import job_of
from tests.fixtures.redis_servers import filled

NOW = 1_800_000_000_000


def job(job_id: str, user_id: int = 1, **changes: Any) -> Job:
    return job_of(
        job_id,
        user_id,
        user_id,
        Operation.CREATE,
        "ru",
        prompt="лиса 🦊",
        sources=(InputPhoto("f1", "u1", 10, "кот.jpg"),),
        **changes,
    )


async def open_queue(redis: Client, caps: QueueLimits | None = None) -> JobQueue:
    # Each supervisor has a client of its own, with its epoch.
    own = Client(connection_pool=redis.connection_pool)
    queue = JobQueue(own, caps or QueueLimits())
    await queue.open_epoch()
    return queue


async def claimed(queue: JobQueue, job_id: str = "1") -> Job:
    await queue.enqueue(job(job_id), NOW)
    found = await queue.claim(NOW + 5)
    assert found is not None
    return found


async def to_delivering(queue: JobQueue, one: Job) -> Job:
    one = await queue.move(one, State.RENDERING)
    return await queue.move(one, State.DELIVERING, outcome=State.DELIVERED)


async def test_no_job_of_a_full_chat_is_claimed(redis: Client) -> None:
    queue = await open_queue(redis)
    for chat_id in (-1, -10, 1):
        await queue.enqueue(job_of(str(chat_id), 1, chat_id, Operation.CREATE, "en"), NOW)

    claims = [await queue.claim(NOW, chats) for chats in ((-1, 7), (-1, 1), ())]

    assert [found and found.request.chat_id for found in claims] == [-10, None, -1]


async def test_jobs_that_left_their_places_do_not_count_against_their_user(redis: Client) -> None:
    queue = await open_queue(redis, QueueLimits(running_per_user=2))
    for number in range(4):
        await queue.enqueue(job(str(number)), NOW)
    running = [await queue.claim(NOW) for _ in range(3)]
    own = next(each.user_id for each in running if each)

    claims = [await queue.claim(NOW, (), idle) for idle in ((own * 10, own * 10), (own,), (own,))]

    assert [bool(each) for each in running] == [True, True, False]
    assert [bool(each) for each in claims] == [False, True, False]


async def test_a_job_awaits_the_picture_that_its_parent_makes(redis: Client) -> None:
    queue = await open_queue(redis)
    parent = await claimed(queue)
    change = with_changes(job("2"), parent=parent.id, sources=(InputPhoto("", parent.id),))
    await queue.enqueue(change, NOW)

    early, state = await queue.claim(NOW), await QueueStats(redis).state(NOW, 9)
    await queue.finish(await to_delivering(queue, parent), State.DELIVERED, NOW)
    late = await queue.claim(NOW)

    # It is not for the queue that it waits.
    assert (early, state.waiting, state.oldest_waiting_ms) == (None, {"create": 1}, 0)
    assert [late and late.id] == [change.id]


async def test_a_job_moves_along_the_arrows_of_the_table_alone(redis: Client) -> None:
    queue = await open_queue(redis)
    one = await claimed(queue)

    for state, target in product(State, State):
        stored = replace(one, state=state)
        if target in NEXT_STATES[state]:
            one = await queue.move(stored, target)
            assert one.state is target
        else:
            with pytest.raises(ValueError, match=f"no arrow from {state} to {target}"):
                await queue.move(stored, target)


@pytest.mark.parametrize("outcome", [State.DELIVERED, State.FAILED, State.CANCELLED, State.DEAD])
async def test_an_end_leaves_a_tombstone_and_a_result_for_a_while(
    redis: Client, outcome: State
) -> None:
    queue = await open_queue(redis)
    one = await to_delivering(queue, await claimed(queue))

    for _ in range(2):
        await queue.finish(one, outcome, NOW, one)

    assert await redis.keys(f"{keys.USER_JOBS}*") == []
    assert await redis.get(keys.TOMBSTONE + "1") == outcome
    assert await redis.hgetall(keys.ENDED) == {f"create.{outcome}": "1"}
    assert 0 < await redis.ttl(keys.TOMBSTONE + "1") <= 172_800
    assert 0 < await redis.ttl(keys.RESULT + "1") <= 2_592_000


async def test_what_is_recent_in_a_chat_and_a_users_history_are_bounded(redis: Client) -> None:
    ids = [str(number) for number in range(keys.RECENT_LENGTH + 2)]
    limits = QueueLimits(waiting_per_user=len(ids), running_per_user=len(ids))
    queue, results = await open_queue(redis, limits), ResultStore(redis)
    for one in ids:
        await queue.enqueue(job(one), NOW)
    ordered = await results.recent("1.0")
    while found := await queue.claim(NOW):
        result = await to_delivering(queue, found)
        await queue.finish(result, State.DELIVERED, NOW, result)
    shown = await results.recent("1.0")

    newest = ids[: -keys.RECENT_LENGTH - 1 : -1]
    assert [each.job_id for each in ordered] == [each.job_id for each in shown] == newest
    assert await results.history(1) == newest[: keys.HISTORY_LENGTH]


async def test_the_status_message_is_noted_once_and_seen_by_the_next_move(redis: Client) -> None:
    queue = await open_queue(redis)
    one = await claimed(queue)
    before = await queue.unannounced(NOW, 10)

    is_alive = await queue.record_status_message("1", retry_ms=NOW + 1000)
    in_between = await queue.unannounced(NOW, 10)
    await queue.record_status_message("1", 55, 1)
    moved = await queue.move(one, State.POLLING)

    assert before == ["1"]
    assert is_alive
    assert in_between == []
    assert await queue.unannounced(NOW + 5000, 10) == []
    assert moved.progress.message_id == 55
    assert not await queue.record_status_message("never", retry_ms=NOW)


async def test_inconsistent_queue_structures_are_repaired(redis: Client) -> None:
    queue = await open_queue(redis)
    one = await claimed(queue, "1")
    await queue.enqueue(job("2"), NOW)
    await redis.zrem(keys.DUE, "1")
    await redis.lrem(keys.QUEUE, 0, "2")
    await redis.rpush(keys.QUEUE, "ghost", "1")
    await redis.zadd(keys.DUE, {"spirit": 1})
    await redis.hset(keys.ACTIVE, "1", "40")

    mended = await queue.fsck(NOW)
    again = await queue.fsck(NOW)

    assert mended == (3, 2, 0, ["user 1: active 40, not 1"])
    assert again == (0, 0, 0, [])
    assert list(await queue.due()) == ["1"]
    assert await redis.lrange(keys.QUEUE, 0, -1) == ["2"]
    assert await redis.hgetall(keys.ACTIVE) == {"1": "1"}
    assert (await queue.move(one, State.POLLING)).state is State.POLLING


async def test_a_lost_queue_is_rebuilt_from_the_jobs(redis: Client) -> None:
    queue = await open_queue(redis)
    for number in range(3):
        await queue.enqueue(job(str(number), number), NOW + number)
    # As nothing should leave it.
    await redis.delete(keys.TAGS, f"{keys.USER_JOBS}1")
    await redis.rpush(keys.QUEUE, "1", "1")

    mended = await queue.fsck(NOW)

    assert mended == (2, 0, 0, [])
    assert await queue.fsck(NOW) == (0, 0, 0, [])
    assert await redis.lrange(keys.QUEUE, 0, -1) == ["0", "1", "2"]
    assert sorted(await queue.places(["0", "1", "2", "9"])) == [0, 1, 2, 3]
    assert (await QueueStats(redis).state(NOW, 9)).oldest_waiting_ms == NOW
    assert await queue.newest_of(1) == "1"


async def test_however_many_capped_jobs_wait_in_front_the_next_one_is_found(redis: Client) -> None:
    caps = QueueLimits(waiting=2000, waiting_per_user=1000, running_per_user=1)
    queue = await open_queue(redis, caps)
    for number in range(601):
        await queue.enqueue(job(f"a{number}", user_id=1), NOW)
    await queue.claim(NOW)
    # Their turn comes late, as if they had been served much.
    await redis.hset(keys.USER_TAGS, "2", "900")
    await queue.enqueue(job("b", user_id=2), NOW)

    found = await queue.claim(NOW)

    assert found is not None
    assert found.id == "b"
    assert await queue.claim(NOW) is None


@pytest.mark.parametrize("waiting", [1, 10, 11, 510])
async def test_a_queue_of_capped_jobs_is_not_empty(redis: Client, waiting: int) -> None:
    caps = QueueLimits(waiting=1000, waiting_per_user=1000, running_per_user=1)
    queue = await open_queue(redis, caps)
    for number in range(waiting + 1):
        await queue.enqueue(job(f"{number}"), NOW)
    await queue.claim(NOW)

    assert await queue.claim(NOW) is None
    assert not queue.is_known_empty(NOW)


async def test_a_result_has_nothing_of_an_older_one_with_its_id(redis: Client) -> None:
    queue = await open_queue(redis)
    one = await to_delivering(queue, await claimed(queue))
    shown = with_changes(one, shown=(InputPhoto("f9", "u9"),))
    await queue.finish(one, State.DELIVERED, NOW, shown)
    await redis.delete(f"{keys.TOMBSTONE}1")

    one = await to_delivering(queue, await claimed(queue))
    await queue.finish(one, State.FAILED, NOW, one)

    result = await ResultStore(redis).result("1")
    assert result is not None
    assert (result.state, result.picture) == (State.FAILED, None)


async def test_whoever_closes_a_queue_writes_no_more(redis: Client) -> None:
    earlier, queue = await open_queue(redis), await open_queue(redis)

    await earlier.close_epoch()
    still = await redis.get(keys.EPOCH)
    await queue.close_epoch()

    assert (str(still).partition("-")[0], await redis.get(keys.EPOCH)) == ("2", "2")
    with pytest.raises(FencedError):
        await queue.enqueue(job("1"), NOW)


async def test_two_supervisors_of_one_number_do_not_both_write(redis: Client) -> None:
    """A failover that lost the latest epoch gives its number out again."""
    await redis.set(keys.EPOCH, "6")
    earlier = await open_queue(redis)
    await redis.set(keys.EPOCH, "6")
    later = await open_queue(redis)

    with pytest.raises(FencedError):
        await earlier.enqueue(job("1"), NOW)
    assert (await later.enqueue(job("1"), NOW)).verdict == "ok"


async def test_the_intent_is_on_the_disk_before_money_is_spent(redis: Client) -> None:
    persistence = Persistence(redis, is_synced_by_itself=False)
    await redis.config_set("appendfsync", "everysec")

    await persistence.persist()

    calls = await redis.info("commandstats")
    assert calls["cmdstat_waitaof"]["calls"] >= 1
    assert await redis.get(keys.SYNCS) == "1"


@pytest.mark.parametrize("is_full", [False, True])
async def test_a_running_job_is_told_that_it_is_cancelled(redis: Client, *, is_full: bool) -> None:
    queue = await open_queue(redis)
    one = await queue.move(await claimed(queue), State.POLLING)

    async with filled(redis) if is_full else nullcontext():
        verdict = await queue.cancel("1", 1, NOW)
        moved = await queue.move(one, State.POLLING)

    assert verdict == "ok"
    assert moved.is_cancelled
    # Where there is room for it, it is told at once.
    assert is_full or await JobQueue(redis, QueueLimits()).next_wakeup() == "1"


async def test_what_its_user_has_cancelled_is_stopped_when_they_are_forgotten(
    redis: Client,
) -> None:
    queue = await open_queue(redis)
    await queue.move(await claimed(queue), State.POLLING)

    verdicts = [await queue.cancel("1", 1, NOW), await queue.cancel("1", 1, NOW, STOPPED)]
    again = await queue.cancel("1", 1, NOW)

    assert (*verdicts, again) == ("ok", "ok", "ok")
    stored = await queue.job("1")
    assert stored is not None
    assert stored.progress.reason == STOPPED


async def test_reading_the_state_of_a_long_queue_costs_no_more_than_of_a_short_one(
    redis: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imgbot.storage.stats._LOOKED_AT", 3)
    queue = await open_queue(redis)

    async def commands() -> int:
        return (await redis.info("stats"))["total_commands_processed"]

    costs: list[int] = []
    for number in range(30):
        await queue.enqueue(job(str(number), user_id=number), NOW)
        before = await commands()
        await QueueStats(redis).state(NOW, 9)
        costs.append(await commands() - before)

    assert costs[5:] == costs[5:6] * 25


async def test_the_oldest_job_is_told_though_others_came_before_it(
    redis: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imgbot.storage.stats._LOOKED_AT", 1)
    queue = await open_queue(redis)
    for number, user_id in enumerate((1, 1, 2, 3)):
        await queue.enqueue(job(str(number), user_id=user_id), NOW + number)
    await queue.claim(NOW)

    state = await QueueStats(redis).state(NOW, 9)

    assert await queue.waiting_ids() == ["2", "3", "1"]
    assert (state.oldest_waiting_ms, state.waiting) == (NOW + 1, {"create": 2, "other": 1})
