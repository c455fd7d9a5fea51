"""More orders than the queue takes: said once, as a toast on a press, and for no longer."""

import pytest
import pytest_asyncio

from tests.fixtures.hostile import answers_to, assert_undisturbed
from tests.fixtures.sandbox import Person
from tests.fixtures.waiting import eventually
from tests.integration.stage import Stage, jpeg, open_stage, result_for, said

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

FULL = "The bot is very busy right now. Try again in a couple of minutes."
MANY = "You already have 1 in line. Wait for one of them, or cancel one: /cancel"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def crowded_stage(tmp_path_factory: pytest.TempPathFactory):
    """Two pictures at once and two waiting, of each person one."""
    settings = {
        "IMGBOT_QUEUE_LIMIT": "2",
        "IMGBOT_WORKERS": "1",
        "IMGBOT_JOBS_PER_WORKER": "2",
        "IMGBOT_WAITING_PER_USER": "1",
        "IMGBOT_RUNNING_PER_USER": "1",
    }
    async for stage in open_stage(tmp_path_factory.mktemp("crowd"), is_simulated=True, **settings):
        yield stage
        await assert_undisturbed(stage.bot, stage.control)


async def test_too_many_waiting_is_said_once_and_as_a_toast(crowded_stage: Stage) -> None:
    control = crowded_stage.control
    ann = await control.make_user("Ann")
    await control.say(ann, "a cat")
    result = await result_for(control, ann)
    await occupy(crowded_stage, ann)

    for number in range(10):
        await control.say(ann, f"one more {number}")
    again = result.button("Again")["callback_data"]
    toasts = await answers_to(control, ann, result, again)
    answers = await said(crowded_stage, ann, rests=False)
    await call_off(crowded_stage, ann)

    assert [text for text in answers if "🎨" not in text and "⏳" not in text] == ["a cat", MANY]
    assert toasts == [MANY]


async def test_a_full_queue_is_said_once_and_as_a_toast(crowded_stage: Stage) -> None:
    control = crowded_stage.control
    ann, bob = await control.make_user("Ann"), await control.make_user("Bob")
    carl = await control.make_user("Carl")
    await control.say(carl, "a cat")
    result = await result_for(control, carl)
    await occupy(crowded_stage, ann)
    await occupy(crowded_stage, bob)

    for number in range(10):
        await control.say(carl, f"one more {number}")
    await control.send_photos(carl, [jpeg("cat")], caption="a hat")
    again = result.button("Again")["callback_data"]
    toasts = await answers_to(control, carl, result, again)
    refused = await said(crowded_stage, carl, rests=False)
    await call_off(crowded_stage, ann)
    await call_off(crowded_stage, bob)
    await control.say(carl, "a dog")

    assert refused == ["a cat", FULL]
    assert toasts == [FULL]
    assert await said(crowded_stage, carl) == ["a cat", FULL, "a dog"]


async def test_variants_that_do_not_fit_are_told_of(crowded_stage: Stage) -> None:
    control = crowded_stage.control
    ann = await control.make_user("Ann")

    await control.say(ann, "a fox, 4 variants")
    answers = await said(crowded_stage, ann)

    fewer = [text for text in answers if text.startswith("Making ")]
    # How many fit depends on whether the first was claimed by then: as many as are made.
    assert [int(text.split()[1]) for text in fewer] == [answers.count("a fox")]
    assert MANY not in answers


async def occupy(stage: Stage, person: Person) -> None:
    """Give a person one picture under way and one in the line."""
    async with stage.bot.redis() as redis:
        for number, busy in enumerate(("img:active", "img:waiting")):
            await stage.control.say(person, f"fox {number} [[sim:slow=60]]")
            await eventually(lambda busy=busy: redis.hget(busy, str(person.id)), lambda n: n == "1")


async def call_off(stage: Stage, person: Person) -> None:
    """Take both back."""
    for _ in range(2):
        await stage.control.say(person, "/cancel")
    async with stage.bot.redis() as redis:
        await eventually(lambda: redis.exists(f"img:mine:{person.id}"), lambda found: not found)
