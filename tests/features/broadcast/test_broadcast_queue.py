"""A broadcast in Redis: taken one by one, settled once."""

from dataclasses import replace
from typing import Any

import pytest

from imgbot.domain.errors import FencedError, StorageUnavailableError
from imgbot.domain.preferences import Preferences
from imgbot.features.broadcast.broadcasts import BROADCAST_LEFT, BROADCAST_OF, Broadcast, Broadcasts
from imgbot.features.people.access import Access, Ban
from imgbot.storage.client import Client
from imgbot.storage.job_queue import JobQueue, QueueLimits
from imgbot.storage.users import UserStore

NOW = 1_800_000_000_000
OWNER = 1
CAST = Broadcast("77", OWNER, "en", text="hello")


async def opened(redis: Client, people: int = 4) -> Broadcasts:
    """So many people who have spoken with the bot, the owner first."""
    # Each supervisor has a client of its own, with its epoch.
    own = Client(connection_pool=redis.connection_pool)
    queue = JobQueue(own, QueueLimits())
    await queue.open_epoch()
    for number in range(people):
        await UserStore(redis).mark_seen(OWNER + number, "en", NOW + number)
    return Broadcasts(own)


async def counted(broadcasts: Broadcasts) -> dict[str, int]:
    found = await broadcasts.read(CAST.id)
    assert found is not None
    names = ("sent", "blocked", "refused", "skipped", "unknown")
    return {name: count for name in names if (count := getattr(found, name))}


async def test_it_goes_to_all_but_its_author_the_banned_and_who_wants_none(redis: Client) -> None:
    broadcasts = await opened(redis, people=6)
    await Access(redis).ban(Ban(3))
    await UserStore(redis).set_preference(4, Preferences(is_unsubscribed=True))

    total = await broadcasts.draft(CAST)
    taken: list[int | None] = []
    verdict = await broadcasts.start(CAST.id, 9)
    while (user_id := await broadcasts.take(CAST)) is not None:
        taken.append(user_id)
        await broadcasts.settle(CAST, user_id, "sent")

    assert (total, verdict) == (3, "ok")
    assert taken == [2, 5, 6]
    assert await counted(broadcasts) == {"sent": 3}
    assert await broadcasts.take(CAST) is None


async def test_whoever_was_in_the_hand_of_an_earlier_life_is_not_taken_again(redis: Client) -> None:
    broadcasts = await opened(redis)
    await broadcasts.draft(CAST)
    await broadcasts.start(CAST.id, 9)
    first = await broadcasts.take(CAST)

    later = await opened(redis, people=0)
    second = await later.take(CAST)
    assert first is not None
    with pytest.raises(FencedError):
        await broadcasts.settle(CAST, first, "sent")

    assert (first, second) == (2, 3)
    assert await counted(later) == {"unknown": 1}


async def taken_unheard(redis: Client, monkeypatch: pytest.MonkeyPatch) -> Broadcasts:
    """Begin, take somebody in hand, and lose the answer."""
    broadcasts = await opened(redis)
    await broadcasts.draft(CAST)
    await broadcasts.start(CAST.id, 9)
    call = Client.call

    async def lose(client: Client, name: str, **values: Any) -> list[Any]:
        await call(client, name, **values)
        raise StorageUnavailableError("Redis does not answer")

    with monkeypatch.context() as patch:
        patch.setattr(Client, "call", lose)
        with pytest.raises(StorageUnavailableError):
            await broadcasts.take(CAST)
    return broadcasts


async def test_whoever_was_taken_while_the_answer_was_lost_is_taken_again(
    redis: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    broadcasts = await taken_unheard(redis, monkeypatch)
    again = await broadcasts.take(CAST)
    assert again is not None
    await broadcasts.settle(CAST, again, "sent")

    assert [again, await broadcasts.take(CAST)] == [2, 3]
    assert await counted(broadcasts) == {"sent": 1}


async def test_whoever_was_taken_unheard_is_sent_nothing_once_it_was_called_off(
    redis: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    broadcasts = await taken_unheard(redis, monkeypatch)
    await broadcasts.cancel(CAST.id)

    assert [await broadcasts.take(CAST), await broadcasts.take(CAST)] == [None, None]
    # That nothing was sent is known.
    assert await counted(broadcasts) == {}


async def test_a_settlement_counts_once_and_again_puts_back(redis: Client) -> None:
    broadcasts = await opened(redis)
    await broadcasts.draft(CAST)
    await broadcasts.start(CAST.id, 9)

    for outcome in ("again", "again", "blocked", "blocked"):
        await broadcasts.settle(CAST, 2, outcome)
    assert await counted(broadcasts) == {}
    assert await broadcasts.take(CAST) == 2
    await broadcasts.settle(CAST, 2, "again")
    assert await broadcasts.take(CAST) == 2
    for outcome in ("blocked", "blocked", "sent"):
        await broadcasts.settle(CAST, 2, outcome)

    assert await counted(broadcasts) == {"blocked": 1}
    assert await UserStore(redis).count() == 3


async def test_one_at_a_time_and_a_draft_that_was_dropped_is_gone(redis: Client) -> None:
    broadcasts = await opened(redis)
    other = replace(CAST, id="78")
    await broadcasts.draft(CAST)
    await broadcasts.draft(other)

    verdicts = [await broadcasts.start(each, 9) for each in ("77", "77", "78", "79")]
    stopped = [await broadcasts.cancel("77"), await broadcasts.cancel("77")]
    nobody = await broadcasts.take(CAST)
    await broadcasts.close(CAST)
    dropped = await broadcasts.cancel("78")
    late = await broadcasts.start("78", 9)

    assert verdicts == ["ok", "ok", "busy", "gone"]
    assert stopped == [True, False]
    assert nobody is None
    assert (dropped, late) == (True, "gone")
    assert await broadcasts.current() is None
    assert await redis.exists(BROADCAST_LEFT + "77") == 0
    assert 0 < await redis.ttl(BROADCAST_OF + "77") <= 604_800


async def test_a_draft_is_kept_for_an_hour_and_a_running_one_to_its_end(redis: Client) -> None:
    broadcasts = await opened(redis)
    await broadcasts.draft(CAST)
    stored = BROADCAST_OF + CAST.id, BROADCAST_LEFT + CAST.id
    drafted = [await redis.ttl(key) for key in stored]
    await broadcasts.start(CAST.id, 9)

    assert all(0 < ttl_s <= 3600 for ttl_s in drafted)
    assert [await redis.ttl(key) for key in stored] == [-1, -1]
    assert await broadcasts.current() == replace(CAST, state="running", status_id=9, total=3)
