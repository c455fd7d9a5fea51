"""kill -9 of the supervisor with jobs in every state: one picture and one charge each."""

import asyncio
import random
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from imgbot.storage import keys
from tests.browser.demo import Demo
from tests.crash.conftest import Sandboxed
from tests.fixtures.bot import Bot
from tests.fixtures.processes import children_of, is_gone
from tests.fixtures.sandbox import Control, Person
from tests.fixtures.waiting import eventually


async def pictures_of(control: Control, person: Person) -> int:
    messages = await control.messages(person.id)
    return sum(1 for message in messages if message.is_outgoing and message.photo_id)


async def all_pictures(control: Control, people: list[Person]) -> list[int]:
    return [await pictures_of(control, person) for person in people]


async def folders(bot: Bot) -> list[Path]:
    return list((bot.state_dir / "jobs").iterdir())


async def ask_for_pictures(control: Control, count: int, words: str = "a fox") -> list[Person]:
    people = [await control.make_user(f"P{number}") for number in range(count)]
    for number, person in enumerate(people):
        await control.say(person, f"{words} {number}")
    return people


async def expect_one_each(bot: Bot, control: Control, people: list[Person]) -> None:
    """The promise: one picture, one charge, nothing left over."""
    await eventually(
        lambda: all_pictures(control, people),
        lambda counts: all(count >= 1 for count in counts),
        what="a picture for everybody",
    )
    async with bot.redis() as redis:
        await eventually(lambda: redis.keys("rq:job:*"), lambda keys: not keys, what="no job left")
        assert await redis.zcard("img:due") == 0
        assert await redis.hgetall("img:active") == {}
        assert await redis.llen("rq:queue:img_queue") == 0
    ledger = (await control.provider())["ledger"]
    assert Counter(entry["client_id"] for entry in ledger).most_common(1)[0][1] == 1
    assert len(ledger) == len(people)
    assert await all_pictures(control, people) == [1] * len(people)
    assert (await control.calls())["violations"] == []
    # The pictures go a moment after their jobs.
    await eventually(lambda: folders(bot), lambda left: not left, what="no folder left")


async def field_is_set(bot: Bot, field: str, value: str | None = None) -> list[str]:
    async with bot.redis() as redis:
        found: list[str] = []
        for key in await redis.keys("rq:job:*"):
            stored = await redis.hget(key, field)
            if stored and stored != "0" and value in {None, stored}:
                found.append(str(stored))
        return found


def reaches(field: str, value: str | None = None) -> Callable[[Bot], Awaitable[object]]:
    async def wait(bot: Bot) -> object:
        return await eventually(
            lambda: field_is_set(bot, field, value), what=f"a job with {field}={value}"
        )

    return wait


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param(reaches("id"), id="admitted"),
        pytest.param(reaches("intent_ms"), id="intent noted"),
        pytest.param(reaches("ticket"), id="polling"),
    ],
)
async def test_killed_in_the_middle_of_five_jobs(
    sandboxed: Sandboxed, moment: Callable[[Bot], Awaitable[object]]
) -> None:
    bot, control = sandboxed
    people = await ask_for_pictures(control, 5)

    await moment(bot)
    family = children_of(bot.pid)
    assert len(family) >= 3
    await bot.kill()
    # No worker, no forkserver, no Redis outlives the supervisor.
    assert [name for pid, name in family.items() if not is_gone(pid)] == []
    await bot.start()

    await expect_one_each(bot, control, people)


async def test_killed_while_delivering(sandboxed: Sandboxed) -> None:
    """The edit arrives, its answer is lost, the process dies: still one picture."""
    bot, control = sandboxed
    await control.fault("editMessageMedia", "drop_after", times=1)
    await control.fault("editMessageMedia", "delay", times=2, delay_s=1.0)
    people = await ask_for_pictures(control, 2)

    await eventually(lambda: field_is_set(bot, "state", "delivering"), what="a job being delivered")
    await bot.kill()
    await bot.start()

    await expect_one_each(bot, control, people)


async def test_killed_before_the_update_was_confirmed(sandboxed: Sandboxed) -> None:
    """Telegram hands the same updates over again; each is one job all the same."""
    bot, control = sandboxed
    slow = await control.make_user("Slow")
    await control.fault("sendMessage", "delay", times=1, delay_s=25.0, chat_id=slow.id)
    await control.say(slow, "/limits")
    await control.wait_for(lambda event: event.type == "message" and event.chat_id == slow.id)
    people = await ask_for_pictures(control, 4, "a fox [[sim:slow=3]]")

    await eventually(lambda: handled(bot), lambda count: count == 4, what="four handled updates")
    await bot.kill()
    await bot.start()

    await expect_one_each(bot, control, people)
    # The pictures may be there before Telegram has handed all of them over again.
    await eventually(lambda: repeated(bot), lambda count: count == 4, what="four repeated updates")


async def handled(bot: Bot) -> int:
    """How many updates are noted as handled."""
    async with bot.redis() as redis:
        pages = await redis.keys(f"{keys.HANDLED}*")
        return sum([await redis.scard(page) for page in pages])


async def repeated(bot: Bot) -> float:
    """How many updates this life has known from an earlier one."""
    [line] = re.findall(
        r"^imgbot_updates_duplicate_total (\S+)$", await bot.get("/metrics"), re.MULTILINE
    )
    return float(line)


async def test_killed_again_and_again(sandboxed: Sandboxed) -> None:
    bot, control = sandboxed
    dice = random.Random(7)
    people = await ask_for_pictures(control, 8)

    for _ in range(4):
        # Any moment will do, and none is like the other: that is the point.
        await asyncio.sleep(dice.uniform(0.0, 0.8))
        await bot.kill()
        await bot.start()

    await expect_one_each(bot, control, people)


async def test_the_demo_kills_its_bot_as_often_as_it_is_told_to() -> None:
    async with Demo("--kill-after", "1") as demo:
        await demo.says("the bot ended (status -9)")
        await demo.says("the bot ended (status -9)")
