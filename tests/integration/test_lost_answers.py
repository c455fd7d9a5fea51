"""A message whose answer was lost: sent again, and the first one is found and removed."""

import functools
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast
from unittest.mock import AsyncMock

import pytest
from aiogram import Bot as AiogramBot

from imgbot.bot.handlers.operations import under_photo
from imgbot.domain.errors import TransientError
from imgbot.domain.job import Job
from imgbot.domain.operations import Operation
from imgbot.domain.result_buttons import CANCEL
from imgbot.domain.texts import t
from imgbot.jobs.status_messages import StatusMessages
from imgbot.storage.client import Client
from imgbot.storage.job_queue import JobQueue
from imgbot.telegram.client import open_bot
from imgbot.telegram.messenger import ChatTarget, Messenger
from tests.fixtures.jobs import job_of
from tests.fixtures.sandbox import Control, Person, open_sandbox
from tests.fixtures.waiting import eventually
from tests.integration.stage import Stage, User, is_picture, jpeg, open_stage
from tests.integration.test_job_queue import NOW, open_queue

pytestmark = pytest.mark.slow

ROWS = [[CANCEL.button("en", "1")]]


@asynccontextmanager
async def open_chat() -> AsyncGenerator[tuple[Control, AiogramBot, Person]]:
    """A chat where somebody has spoken, and the bot of it."""
    async with open_sandbox(flood=False) as (sandbox, control):
        anna = await control.make_user("Anna")
        await control.say(anna, "a fox")
        bot = open_bot(sandbox.token, sandbox.url)
        try:
            yield control, bot, anna
        finally:
            await bot.session.close()


async def lose(control: Control, delivery: Messenger, person: Person, text: str) -> None:
    await control.fault("sendMessage", "drop_after", chat_id=person.id)
    with pytest.raises(TransientError):
        await delivery.send_text(ChatTarget(person.id), text, ROWS)


async def texts_of(control: Control, person: Person) -> list[str]:
    """What is in the chat, deleted messages left out."""
    return [m.text for m in await control.messages(person.id) if not m.raw["deleted"]]


@pytest.mark.parametrize(("method", "shown"), [("editMessageMedia", 1), ("sendDocument", 2)])
async def test_a_repeated_edit_shows_one_picture_and_a_repeated_send_two(
    method: str, shown: int, tmp_path: Path
) -> None:
    (tmp_path / "ready.jpg").write_bytes(jpeg("cat"))
    async with open_chat() as (control, bot, anna):
        place, delivery = ChatTarget(anna.id), Messenger(bot)
        status = await delivery.send_text(place, "working", ROWS)
        picture = (tmp_path / "ready.jpg", "", [])
        show = {
            "editMessageMedia": lambda: delivery.edit_to_picture(
                place, status, *picture, kind="photo"
            ),
            "sendDocument": lambda: delivery.send_picture(place, *picture),
        }[method]
        await control.fault(method, "drop_after", chat_id=anna.id)
        with pytest.raises(TransientError):
            await show()
        await show()

        messages = await control.messages(anna.id)
        assert sum(bool(m.photo_id or m.document_id) for m in messages) == shown


@pytest.mark.parametrize("times", [1, 2])
async def test_a_message_sent_twice_is_removed_once_and_nothing_else(times: int) -> None:
    async with open_chat() as (control, bot, anna):
        delivery = Messenger(bot)
        boris = await control.make_user("Boris")
        place = ChatTarget(anna.id)
        await control.say(boris, "a crow")
        await delivery.send_text(place, "before", ROWS)
        for _ in range(times):
            await lose(control, delivery, anna, "working")
            await delivery.send_text(ChatTarget(boris.id), "meanwhile", ROWS)
        await control.say(anna, "an owl")
        message_id = await delivery.send_text(place, "working", ROWS)
        await delivery.remove_lost(place, message_id, times)

        assert await texts_of(control, anna) == ["a fox", "before", "an owl", "working"]
        assert await texts_of(control, boris) == ["a crow", *["meanwhile"] * times]
        assert (await control.message(anna.id, message_id)).text == "working"


async def test_where_two_messages_were_lost_neither_is_taken_for_the_other() -> None:
    async with open_chat() as (control, bot, anna):
        place, delivery = ChatTarget(anna.id), Messenger(bot)
        await delivery.send_text(place, "before", ROWS)
        await lose(control, delivery, anna, "help")
        await lose(control, delivery, anna, "working")
        message_id = await delivery.send_text(place, "working", ROWS)
        await delivery.remove_lost(place, message_id, 1)

        left = ["a fox", "before", "help", "working", "working"]
        assert await texts_of(control, anna) == left
        assert all(m.buttons for m in await control.messages(anna.id) if m.is_outgoing)


async def test_what_an_earlier_process_sent_is_left_alone() -> None:
    async with open_chat() as (control, bot, anna):
        place, delivery = ChatTarget(anna.id), Messenger(bot)
        await Messenger(bot).send_text(place, "before", ROWS)
        await lose(control, delivery, anna, "working")
        message_id = await delivery.send_text(place, "working", ROWS)
        await delivery.remove_lost(place, message_id, 1)

        assert await texts_of(control, anna) == ["a fox", "before", "working", "working"]


async def announce(queue: JobQueue, messenger: Messenger) -> None:
    """Announce job 1 as another process would."""
    status = StatusMessages(queue, messenger, lambda: NOW, AsyncMock(return_value=0.0))
    await status.announce(cast("Job", await queue.job("1")))


async def test_a_status_message_that_was_not_sent_before_a_kill_changes_no_other(
    redis: Client,
) -> None:
    async with open_chat() as (control, bot, anna):
        place, earlier, queue = ChatTarget(anna.id), Messenger(bot), await open_queue(redis)
        await queue.enqueue(job_of("1", anna.id, anna.id, Operation.CREATE, "en"), NOW)
        await earlier.send_text(place, "before", ROWS)
        await control.fault("sendMessage", "drop_before", chat_id=anna.id)
        await announce(queue, earlier)
        question = await earlier.send_text(place, "what?", under_photo("en"))
        before = (await control.message(anna.id, question)).buttons
        await announce(queue, Messenger(bot))

        assert len(await texts_of(control, anna)) == len(["a fox", "before", "what?", "working"])
        assert (await control.message(anna.id, question)).buttons == before


async def test_a_file_that_cannot_be_read_is_no_outage_of_telegram(tmp_path: Path) -> None:
    broken = tmp_path / "ready.jpg"
    # Reading at its beginning is an input/output error.
    broken.symlink_to("/proc/self/mem")
    async with open_chat() as (_, bot, anna):
        place, delivery = ChatTarget(anna.id), Messenger(bot)
        message_id = await delivery.send_text(place, "working", ROWS)
        with pytest.raises(OSError, match="Input/output error"):
            await delivery.edit_to_picture(place, message_id, broken, "", [], kind="photo")
        with pytest.raises(OSError, match="Input/output error"):
            await delivery.send_picture(place, broken, "", [])


@pytest.mark.asyncio(loop_scope="module")
async def test_a_picture_leaves_no_second_message(anna: User) -> None:
    await anna.ask("/start")
    await anna.control.fault("sendMessage", "drop_after", chat_id=anna.id)
    await anna.order("a calm lake")

    [start, picture] = await anna.heard()
    assert start.buttons
    assert picture.photo_id


async def test_the_button_of_a_message_left_over_removes_it(tmp_path: Path) -> None:
    async for stage in open_stage(tmp_path):
        anna = await stage.user()
        # The first message of all: nothing is known that it came after.
        await anna.control.fault("sendMessage", "drop_after", chat_id=anna.id)
        await anna.say("a calm lake [[sim:slow=600]]")

        left_over, status = await eventually(
            functools.partial(anna.heard, rests=False), lambda found: len(found) == 2
        )
        await anna.click(left_over, t("en", "button_cancel"))
        [end] = await anna.heard()

        assert (end.id, end.text) == (status.id, t("en", "cancelled"))


@pytest.mark.parametrize(
    ("caption", "photos", "label", "operation"),
    [
        ("", ["cat"], "Retouch", "retouch"),
        ("/upscale", ["cat"], "×4", "upscale"),
        ("", ["cat", "astronaut"], t("en", "button_merge_now"), "merge"),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_each_copy_of_a_question_can_be_answered(
    simulated_stage: Stage, caption: str, photos: list[str], label: str, operation: str
) -> None:
    before = len(await simulated_stage.orders())
    for chosen in (0, 1):
        anna = await simulated_stage.user()
        await anna.control.fault("sendMessage", "drop_after", chat_id=anna.id)
        await anna.photos(*[jpeg(name, (320, 240)) for name in photos], caption=caption)
        copies = await anna.heard()
        await anna.click(copies[chosen], label, is_picture)
        await anna.order("a red fox")
        assert len(copies) == 2

    assert (await simulated_stage.orders())[before:] == [operation, "create a red fox"] * 2
