"""kill -9 in the middle of a broadcast: it goes on by itself, and nobody gets it twice."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fixtures.bot import Bot
from tests.fixtures.sandbox import Control, Message, Person, open_sandbox
from tests.fixtures.waiting import eventually

# The sandbox counts its people from this.
OWNER_ID = 5_000_000_001
PEOPLE = 24
KILLS = 3
WORDS = "New styles are here"


@pytest.fixture
async def stage(state_dir: Path) -> AsyncIterator[tuple[Bot, Control, Person, list[Person]]]:
    async with open_sandbox() as (sandbox, control):
        owner = await control.make_user("Owner")
        assert owner.id == OWNER_ID
        async with Bot(sandbox, state_dir, IMGBOT_ADMINS=str(OWNER_ID)) as bot:
            people = [await control.make_user(f"P{number}") for number in range(PEOPLE)]
            for person in people:
                await control.say(person, "/start")
            for person in people:
                await control.wait_message(person.id)
            yield bot, control, owner, people


async def copies(control: Control, people: list[Person]) -> list[int]:
    """How often each has got it."""
    return [
        sum(message.text == WORDS for message in await control.messages(person.id))
        for person in people
    ]


async def question(control: Control, owner: Person) -> Message:
    after = await control.last_seq()
    await control.say(owner, f"/broadcast {WORDS}")
    found = await control.wait_message(owner.id, lambda m: m.text.startswith("☝️"), after=after)
    assert found.text.endswith(f"to {PEOPLE} users?")
    return found


async def test_a_broadcast_continues_after_each_kill_and_reaches_nobody_twice(
    stage: tuple[Bot, Control, Person, list[Person]],
) -> None:
    bot, control, owner, people = stage
    # Each send takes a while, so that the kills fall into the middle of some.
    await control.fault("sendMessage", "delay", times=10 * PEOPLE, delay_s=0.3)
    asked = await question(control, owner)
    await control.click(owner, asked, "📣 Send")

    for kill in range(1, KILLS + 1):
        await eventually(
            lambda: copies(control, people),
            lambda counts, kill=kill: sum(counts) >= kill * PEOPLE // (KILLS + 1),
            what="a part of the broadcast",
        )
        await bot.kill()
        await bot.start()

    async def summary() -> str:
        return (await control.message(owner.id, asked.id)).text

    told = await eventually(summary, lambda text: text.startswith("📣 Broadcast finished."))
    counts = await copies(control, people)
    head, *rest = told.splitlines()
    [sent] = [int(word) for word in head.replace(" of ", " ").split() if word.isdecimal()][:1]
    unknown = sum(int(part) for line in rest for part in line.replace(".", " ").split()
                  if part.isdecimal())  # fmt: skip

    assert max(counts) == 1
    # Of whom a kill caught in the hand nobody knows: one at most per kill, and all are told of.
    assert sent + unknown == PEOPLE
    assert unknown <= KILLS
    assert sum(counts) >= PEOPLE - unknown
    async with bot.redis() as redis:
        assert await eventually(lambda: redis.keys("img:broadcast*"), lambda k: len(k) == 1)
    assert (await control.calls())["violations"] == []
