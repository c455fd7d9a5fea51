"""Variants in one message, where the user wants that and the chat takes it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from imgbot.storage import keys
from tests.fixtures.sandbox import Message
from tests.fixtures.waiting import eventually
from tests.integration.stage import Stage, User, is_picture

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(loop_scope="module")
async def user(simulated_stage: Stage) -> AsyncIterator[User]:
    """A user who wants variants in one message."""
    user = await simulated_stage.user("Bob")
    await user.click(await user.ask("/settings"), "Show variants: one by one", lambda m: m.edits)
    yield user


def slides(message: Message) -> list[str]:
    """Unique ids of the pictures that a slideshow shows."""
    blocks = message.raw.get("rich_message", {}).get("blocks", [])
    shows = [block["blocks"] for block in blocks if block["type"] == "slideshow"]
    return [each["photo"][-1]["file_unique_id"] for show in shows for each in show]


async def test_variants_grow_in_one_message_and_each_is_shown_alone(user: User) -> None:
    shown = await user.ask("a red fox, 3 variants", fits=lambda m: len(slides(m)) == 3)
    sent = [each for each in await user.control.messages(user.chat_id) if slides(each)]
    alone = await user.click(shown, "2", is_picture)
    file = await user.click(shown, "As files", lambda m: m.document_id)

    [paragraph] = [each for each in shown.raw["rich_message"]["blocks"] if "text" in each]
    assert paragraph["text"] == "a red fox"
    assert len({*slides(shown)}) == 3
    assert [button["text"] for button in shown.buttons] == [
        "1",
        "2",
        "3",
        "🔁 Again",
        "📄 As files",
    ]
    assert [each.id for each in sent] == [shown.id]
    assert (alone.photo_unique_id, alone.text) == (slides(shown)[1], "2/3 · a red fox")
    assert file.id > shown.id
    again = await user.click(shown, "Again", lambda m: len(slides(m)) == 3 and m.id != shown.id)
    assert {*slides(again)}.isdisjoint(slides(shown))


async def test_one_that_fails_says_so_beside_the_others(user: User) -> None:
    await user.stage.control.set_provider(marks="[[sim:fail]]")
    failed = await user.ask("a blue fox, 2 variants", fits=lambda m: "Try again" in str(m.raw))
    await user.stage.control.set_provider(marks="")
    await eventually(lambda: working(user), lambda left: left == [])
    shown = await user.click(failed, "Try again", is_picture)
    assert "a blue fox" in shown.text


async def working(user: User) -> list[Message]:
    """Messages of requests that are under way."""
    found = await user.control.messages(user.chat_id)
    return [each for each in found if "Cancel" in str(each.raw.get("reply_markup"))]


async def test_cancel_ends_all_of_them(user: User) -> None:
    status = await user.ask("a slow fox, 3 variants [[sim:slow=600]]")
    over = await user.click(status, "Cancel", lambda m: not m.buttons)

    assert over.id == status.id
    async with user.stage.bot.redis() as redis:
        await eventually(lambda: redis.zcard(f"{keys.USER_JOBS}{user.id}"), (0).__eq__)
    assert await working(user) == []


async def test_a_bot_that_is_killed_shows_each_picture_once(user: User) -> None:
    status = await user.ask("a wild fox, 3 variants [[sim:slow=600]]")
    async with user.stage.bot.redis() as redis:

        async def told() -> list[list[Any]]:
            jobs = await redis.keys(f"{keys.JOB}*")
            return [await redis.hmget(job, ["state", "message_id"]) for job in jobs]

        # One that is ordered later would not be finished by what follows.
        await eventually(told, [["polling", str(status.id)]].__mul__(3).__eq__)
    user.stage.finish_tasks()
    await user.wait(lambda m: slides(m) and m.id == status.id)
    await user.stage.bot.kill()
    await user.stage.bot.start()
    # All three may have been there before the kill.
    shown = await eventually(
        lambda: user.control.message(user.chat_id, status.id), lambda m: len(slides(m)) == 3
    )

    found = await user.control.messages(user.chat_id)
    assert [each.id for each in found if slides(each)] == [shown.id] == [status.id]
    assert await user.results() == []


async def test_a_chat_that_refuses_is_not_tried_again(user: User) -> None:
    refusal = {"error_code": 400, "description": "Bad Request: RICH_MESSAGE_INVALID"}
    await user.control.fault("editMessageText", "error", times=50, **refusal)
    await user.say("a shy fox, 2 variants")
    await eventually(user.results, lambda found: len(found) == 2)
    await user.control.clear_faults()
    await user.say("a bold fox, 2 variants")
    await eventually(user.results, lambda found: len(found) == 4)

    found = await user.control.messages(user.chat_id)
    assert [each for each in found if slides(each)] == []
