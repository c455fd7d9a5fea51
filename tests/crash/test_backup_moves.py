"""A bot with work under way moves to another state directory: one picture and one charge each."""

import shutil

import pytest

from imgbot.storage.client import Client
from tests.crash.conftest import Move
from tests.crash.test_supervisor_killed import all_pictures, ask_for_pictures, field_is_set
from tests.fixtures.commands import run, run_anew
from tests.fixtures.sandbox import Person
from tests.fixtures.waiting import eventually


async def order(move: Move, people: int) -> list[Person]:
    """Start the old bot; order three pictures for the first of the people, one each else."""
    await move.old.start()
    asked = await ask_for_pictures(move.control, people, "a fox [[sim:slow=3600]]")
    for words in ("a crow", "an owl"):
        await move.control.say(asked[0], words)
    await eventually(
        lambda: field_is_set(move.old, "message_id"),
        lambda found: len(found) == people + 2,
        what="a status message for each",
    )
    await eventually(
        lambda: field_is_set(move.old, "state", "polling"),
        lambda found: len(found) == people,
        what="one of each is being made",
    )
    return asked


@pytest.mark.parametrize("is_stopped", [True, False], ids=["stopped", "killed"])
async def test_jobs_under_way_go_on_elsewhere(move: Move, *, is_stopped: bool) -> None:
    people = await order(move, 5)
    await move.control.say(people[1], "/quiet")
    await move.control.say(people[2], "make it brighter")
    async with move.old.redis() as redis:
        await eventually(lambda: redis.hget(f"img:user:{people[1].id}", "is_quiet"))
        await eventually(lambda: redis.keys("rq:job:*"), lambda found: len(found) == 8)

    if is_stopped:
        made = await run(move.old, "backup", "--stop", str(move.file))
    else:
        made = await run(move.old, "backup", str(move.file))
        await move.old.kill()
    put = await run(move.new, "restore", str(move.file))
    refused = await run(move.old) if is_stopped else None
    await move.new.start()
    move.finish_tasks()

    assert (made.status, put.status) == (0, 0), made.said + put.said
    assert "8 jobs in progress" in made.said
    assert move.file.stat().st_mode & 0o777 == 0o600
    if refused:
        assert (refused.status, "moved" in refused.said) == (78, True)
    else:
        assert "what happens from now on is not in it" in made.said
        assert "stop it for good" in put.said
    await expect_each(move, people, [3, 1, 2, 1, 1])
    async with move.new.redis() as redis:
        assert await redis.hget(f"img:user:{people[1].id}", "is_quiet") == "1"


async def test_what_was_ordered_after_the_copy_is_not_paid_again(move: Move) -> None:
    control = move.control
    people = await order(move, 3)
    made = await run(move.old, "backup", str(move.file))
    move.finish_tasks()
    await eventually(
        lambda: all_pictures(control, people),
        lambda seen: seen == [3, 1, 1],
        what="all pictures by the old one",
    )
    assert await move.old.stop() == 0
    before = len((await control.provider())["ledger"])

    put = await run(move.new, "restore", str(move.file))
    await move.new.start()

    assert (made.status, put.status) == (0, 0), made.said + put.said
    await expect_each(move, people, [3, 1, 1])
    assert len((await control.provider())["ledger"]) == before == 5


async def test_what_the_new_place_has_ordered_is_not_paid_again_when_it_is_restored_anew(
    move: Move,
) -> None:
    people = await order(move, 2)
    made = await run(move.old, "backup", "--stop", str(move.file))
    first = await run(move.new, "restore", str(move.file))
    await move.new.start()
    move.finish_tasks()
    await expect_each(move, people, [3, 1])
    assert await move.new.stop() == 0

    again = await run(move.new, "restore", str(move.file), "--force")
    await move.new.start()

    statuses = (made.status, first.status, again.status)
    assert statuses == (0, 0, 0), made.said + first.said + again.said
    assert "looked up at their provider first" not in first.said
    assert "looked up at their provider first" in again.said
    await expect_each(move, people, [3, 1])


async def test_a_file_that_was_thrown_away_since_is_made_again_for_nothing(move: Move) -> None:
    control = move.control
    await control.fault("editMessageMedia", "delay", times=1, delay_s=600.0)
    await move.old.start()
    people = await ask_for_pictures(control, 1)
    # Before that, the message to be edited may be too new for the copy.
    faults = move.sandbox.state.faults
    await eventually(lambda: not len(faults), what="the picture is uploaded, and its edit held")
    shutil.rmtree(move.old.state_dir / "jobs")
    made = await run(move.old, "backup", str(move.file))
    await move.old.kill()
    await control.clear_faults()

    put = await run(move.new, "restore", str(move.file))
    await move.new.start()

    assert (made.status, put.status) == (0, 0), made.said + put.said
    await expect_each(move, people, [1])


async def expiries(redis: Client) -> dict[str, int]:
    """When each entry that outlasts a job expires, ms."""
    names = ("result:", "history:", "picture:", "spend:", "update:")
    found = [str(key) for name in names for key in await redis.keys(f"img:{name}*")]
    return {key: await redis.pexpiretime(key) for key in found}


async def test_into_a_redis_of_ones_own_with_the_time_that_is_left(
    move: Move, redis: Client, redis_url: str
) -> None:
    control = move.control
    await move.old.start()
    [person] = await ask_for_pictures(control, 1)
    await control.wait_message(person.id, lambda m: bool(m.photo_id))
    async with move.old.redis() as old:
        await eventually(lambda: old.keys("img:result:*"), what="a result")
        before = await expiries(old)
    move.new.settings["IMGBOT_REDIS_URL"] = redis_url

    made = await run_anew(move.old, "backup", "--stop", str(move.file))
    put = await run_anew(move.new, "restore", str(move.file))
    after = await expiries(redis)
    kept = await run(move.new, "restore", str(move.file))
    epoch = int(await redis.get("img:epoch") or 0)
    await move.new.start()

    assert (made.status, put.status) == (0, 0), made.said + put.said
    assert after == before
    # Whoever held the queue is fenced off.
    assert epoch == 2
    assert (kept.status, "--force" in kept.said) == (1, True)
    assert len(list((move.new.state_dir / "pictures").iterdir())) == 1


async def expect_each(move: Move, people: list[Person], counts: list[int]) -> None:
    control = move.control
    await eventually(
        lambda: all_pictures(control, people),
        lambda seen: seen == counts,
        what="as many pictures as were asked for",
    )
    async with move.new.redis() as redis:
        await eventually(lambda: redis.keys("rq:job:*"), lambda keys: not keys, what="no job left")
        assert await redis.hgetall("img:active") == {}
        assert await redis.llen("rq:queue:img_queue") == 0
    ledger = (await control.provider())["ledger"]
    assert len({entry["client_id"] for entry in ledger}) == len(ledger) == sum(counts)
    assert await all_pictures(control, people) == counts
