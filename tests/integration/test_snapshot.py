"""Everything out of one Redis and into another."""

import json

import pytest

from imgbot.domain.job import InputPhoto
from imgbot.domain.operations import Operation
from imgbot.features.albums.store import Albums, Item
from imgbot.features.broadcast.broadcasts import Broadcast, Broadcasts
from imgbot.storage import snapshot, snapshot as relocation
from imgbot.storage.client import Client
from imgbot.storage.job_queue import JobQueue, QueueLimits
from imgbot.storage.snapshot import Record
from imgbot.storage.update_ledger import UpdateLedger
from imgbot.storage.users import UserStore
from tests.fixtures.jobs import job_of

NOW = 1_800_000_000_000
LATER_MS = 4_000_000_000_000


async def fill(redis: Client) -> None:
    await redis.set("img:epoch", 7)
    await redis.set("img:done:1", "delivered", pxat=LATER_MS)
    await redis.hset("img:result:1", mapping={"words": "лиса\n\x00", "empty": ""})
    await redis.pexpireat("img:result:1", LATER_MS)
    await redis.rpush("img:history:5", *(str(n) for n in range(20)))
    await redis.sadd("img:banned", "5", "6")
    await redis.zadd("img:due", {"a": 1_800_000_000_123.0, "b": 0.5})
    await redis.rpush("rq:queue:img_queue", *(str(n) for n in range(6000)))
    await redis.set("rate_limit:5", "3", pxat=LATER_MS)
    await redis.set("somebody:else", "x")


async def seen(redis: Client) -> list[tuple[str, str, int, list[str] | str]]:
    found = [record async for record in snapshot.take(redis)]
    return sorted((r.key, r.kind, r.expires_ms, _in_order(r)) for r in found)


def _in_order(record: Record) -> list[str] | str:
    return sorted(record.value) if record.kind == "set" else record.value


async def test_it_comes_back_as_it_was(redis: Client) -> None:
    await fill(redis)
    before = await seen(redis)
    lines = [record.dump() async for record in snapshot.take(redis)]

    assert await snapshot.has_served(redis)
    await snapshot.delete_all(redis)
    assert await redis.keys("*") == ["somebody:else"]
    assert not await snapshot.has_served(redis)
    count = await snapshot.put(redis, map(snapshot.load, lines))

    assert await seen(redis) == before
    assert count == len(lines) == 8
    assert await redis.hgetall("img:result:1") == {"words": "лиса\n\x00", "empty": ""}
    assert await redis.zscore("img:due", "a") == 1_800_000_000_123.0
    assert await redis.lindex("rq:queue:img_queue", 5999) == "5999"


@pytest.mark.parametrize(
    "content",
    [
        ["other:key", "string", 0, "x"],
        ["img:x", "stream", 0, ["x"]],
        ["img:x", "string", 0, ["x"]],
        ["img:x", "hash", 0, ["x"]],
        ["img:x", "list", 0, [1]],
        ["img:x", "list", "0", ["x"]],
        {"key": "img:x"},
        ["img:x"],
    ],
    ids=["foreign", "kind", "no text", "odd", "numbers", "time", "object", "short"],
)
def test_a_line_that_is_no_record(content: object) -> None:
    with pytest.raises(ValueError, match="record"):
        snapshot.load(json.dumps(content))


def job(**fields: str) -> Record:
    return Record("rq:job:1", "hash", 0, [part for pair in fields.items() for part in pair])


def fields_of(record: Record) -> dict[str, str]:
    return dict(zip(record.value[::2], record.value[1::2], strict=True))


def test_files_are_found_at_the_new_place() -> None:
    ticket = {"id": "/old/jobs", "target": "/old/jobs/1/made.jpg", "outputs": [{"path": "/old/x"}]}
    before = job(file="/old/jobs/1/ready.jpg", words="/old/jobs", ticket=json.dumps(ticket))

    [after] = relocation.rewrite_paths([before], "/old", "/new")

    found = fields_of(after)
    assert (found["file"], found["words"]) == ("/new/jobs/1/ready.jpg", "/old/jobs")
    assert json.loads(found["ticket"])["target"] == "/new/jobs/1/made.jpg"
    assert json.loads(found["ticket"])["outputs"] == [{"path": "/new/x"}]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"state": "queued"}, {"state": "submitting", "intent_ms": str(NOW)}),
        ({"state": "submitting", "intent_ms": "0"}, {"intent_ms": str(NOW)}),
        ({"state": "submitting", "intent_ms": "5"}, {"intent_ms": "5"}),
        ({"state": "polling", "ticket": '{"id": "t"}'}, {"state": "polling"}),
        (
            {
                "state": "delivering",
                "file": "/gone",
                "ticket": '{"id": "t"}',
                "outcome": "delivered",
            },
            {"state": "polling", "file": "", "outcome": ""},
        ),
        ({"state": "rendering", "file": "/gone", "ticket": "{}"}, {"state": "submitting"}),
        ({"state": "delivering", "file": "/here"}, {"state": "delivering", "file": "/here"}),
        (
            {"state": "delivering", "outcome": "failed"},
            {"state": "delivering", "outcome": "failed"},
        ),
    ],
    ids=[
        *("waiting", "claimed", "intended", "polled", "thrown away", "thrown away, made here"),
        *("shown", "a sentence"),
    ],
)
def test_what_may_have_been_ordered_since_is_doubted(
    before: dict[str, str], after: dict[str, str]
) -> None:
    changed, due = relocation.mark_uncertain(
        [job(**before)], NOW, lambda path: path == "/here", "here"
    )

    assert after.items() <= fields_of(changed).items()
    assert due == Record("img:due", "zset", 0, ["1", str(NOW)])


async def test_a_message_that_waited_is_left_to_the_bot_that_went_on(redis: Client) -> None:
    ledger, albums = UpdateLedger(redis), Albums(redis)
    await ledger.defer([("7", NOW, [(NOW, {"update_id": 5, "message": {"text": "a fox"}})])])
    await albums.add("7.1", "7", Item(1, InputPhoto("file", "unique"), "side by side", {}), NOW)
    records = [record async for record in snapshot.take(redis)]
    await snapshot.delete_all(redis)
    await snapshot.put(redis, relocation.mark_uncertain(records, NOW, lambda _: False, "here"))

    assert await ledger.deferred() == []
    assert await redis.keys("img:album*") == []

    # One that was stopped has left it to nobody else.
    await snapshot.put(redis, records)
    [(chat, _, updates)] = await ledger.deferred()
    assert (chat, [update["update_id"] for _, update in updates]) == ("7", [5])


async def test_a_broadcast_that_went_on_since_is_sent_to_nobody_else(redis: Client) -> None:
    queue = JobQueue(redis, QueueLimits())
    await queue.open_epoch()
    broadcasts, cast = Broadcasts(redis), Broadcast("77", 1, "en", text="hello")
    for person in (2, 3, 4):
        await UserStore(redis).mark_seen(person, "en", NOW)
    await broadcasts.draft(cast)
    await broadcasts.start(cast.id, 9)
    assert await broadcasts.take(cast) == 2
    await broadcasts.settle(cast, 2, "sent")
    records = [record async for record in snapshot.take(redis)]
    await snapshot.delete_all(redis)

    await snapshot.put(redis, relocation.mark_uncertain(records, NOW, lambda _: False, "here"))
    await queue.open_epoch()
    current = await broadcasts.current()

    assert await broadcasts.take(cast) is None
    assert current is not None
    assert (current.state, current.sent, current.total) == ("cancelled", 1, 3)


async def test_the_books_agree_after_a_doubtful_restore(redis: Client) -> None:
    queue = JobQueue(redis, QueueLimits())
    await queue.open_epoch()
    for number in range(3):
        await queue.enqueue(job_of(str(number), 1, 1, Operation.CREATE, "en", prompt="x"), NOW)
    await queue.claim(NOW)
    records = [record async for record in snapshot.take(redis)]
    await snapshot.delete_all(redis)

    await snapshot.put(redis, relocation.mark_uncertain(records, NOW, lambda _: False, "here"))
    await queue.open_epoch()
    await queue.fsck(NOW)

    assert await queue.claim(NOW) is None
    assert sorted(await redis.zrange("img:due", 0, -1)) == ["0", "1", "2"]
    assert await redis.hgetall("img:active") == {"1": "3"}
    assert await redis.llen("rq:queue:img_queue") == 0
    assert (await queue.fsck(NOW))[:2] == (0, 0)


@pytest.mark.parametrize("prefix", ["rq:job:", "img:done:", "img:dead:"])
async def test_a_job_that_has_been_here_is_known(redis: Client, prefix: str) -> None:
    jobs = [Record(f"rq:job:{n}", "hash", 0, ["state", "queued"]) for n in range(400)]

    assert not await snapshot.knows(redis, jobs)
    await redis.set(f"{prefix}399", "x")
    assert await snapshot.knows(redis, jobs)
