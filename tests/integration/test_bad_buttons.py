"""Forged, stale and doubled presses, chats that end midway: answered, and nobody is disturbed."""

import re

import pytest

from imgbot.domain.texts import t
from tests.fixtures.hostile import answers_to
from tests.fixtures.waiting import eventually
from tests.integration.conftest import Stage, said
from tests.integration.test_actions import result_for

pytestmark = [
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.usefixtures("undisturbed"),
]


UNKNOWN = "I don't know this button. Start again: /start"
STALE = "This button no longer works. Start again: /start"
NOT_YOURS = "This button is for the person who ordered the picture."
FORGED = {
    "nonsense": UNKNOWN,
    "menu:create": UNKNOWN,
    "AGAIN:1": UNKNOWN,
    "again:1\n": UNKNOWN,
    "again:" + "1" * 41: UNKNOWN,
    "again:" + "1" * 5000: UNKNOWN,
    "cancel:" + "А" * 20: UNKNOWN,
    "\x00\x01\xff\u202e": UNKNOWN,
    '{"action": "again"}': UNKNOWN,
    "again:1 2": UNKNOWN,
    "again:*": UNKNOWN,
    "start:everything": UNKNOWN,
    "start:compare": UNKNOWN,
    "start:": UNKNOWN,
    "again:": STALE,
    "again:12345": STALE,
    "edit:..": STALE,
    "file:-": STALE,
    "compare:0": STALE,
    "undo:99999999999999999999": STALE,
    "up:4.999": STALE,
    "up:9.1": STALE,
    "up:": STALE,
    "view:": STALE,
    "view:1": STALE,
    "scale:2": STALE,
    "scale:3": UNKNOWN,
    "photo:edit": STALE,
    "photo:": STALE,
    "merge:": STALE,
    "merge:9": STALE,
    "cancel:": t("en", "cancel_over"),
    "cancel:12345": t("en", "cancel_over"),
    "queue:": NOT_YOURS,
    "queue:1": NOT_YOURS,
    "set:": NOT_YOURS,
    "set:language.en": NOT_YOURS,
    "set:language.en.1": NOT_YOURS,
    "set:language.xx.{me}": UNKNOWN,
    "set:ratio.99x1.{me}": UNKNOWN,
    "set:variants.9.{me}": UNKNOWN,
    "set:is_banned.0.{me}": UNKNOWN,
}


@pytest.mark.parametrize("data", FORGED, ids=lambda data: repr(data[:24]))
async def test_forged_and_stale_buttons_are_answered(simulated_stage: Stage, data: str) -> None:
    control = simulated_stage.control
    person = await control.make_user("Mallory")
    await control.say(person, "/start")
    menu = await control.wait_message(person.id)

    [answer] = await answers_to(control, person, menu, data.replace("{me}", str(person.id)))

    assert answer == FORGED[data]
    assert len(await said(simulated_stage, person)) == 1


@pytest.mark.parametrize("action", ["again", "edit", "up", "file", "compare", "undo", "view"])
async def test_the_picture_of_another_person_is_out_of_reach(
    simulated_stage: Stage, action: str
) -> None:
    control = simulated_stage.control
    ann, mallory = await control.make_user("Ann"), await control.make_user("Mallory")
    await control.say(mallory, "/start")
    menu = await control.wait_message(mallory.id)
    await control.say(ann, "a secret fox")
    result = await result_for(control, ann)
    job_id = result.button("Again")["callback_data"].removeprefix("again:")

    scale = "2." if action == "up" else ""
    [answer] = await answers_to(control, mallory, menu, f"{action}:{scale}{job_id}")

    assert answer == NOT_YOURS
    assert len(await said(simulated_stage, mallory)) == 1


async def test_a_strangers_job_cannot_be_called_off(simulated_stage: Stage) -> None:
    control = simulated_stage.control
    ann, mallory = await control.make_user("Ann"), await control.make_user("Mallory")
    await control.say(mallory, "/start")
    menu = await control.wait_message(mallory.id)
    await control.say(ann, "a fox [[sim:slow=2]]")
    status = await control.wait_message(ann.id, lambda m: bool(m.buttons))

    [answer] = await answers_to(control, mallory, menu, status.button("Cancel")["callback_data"])
    await result_for(control, ann)

    assert answer == NOT_YOURS


async def test_a_picture_that_is_forgotten_says_so(simulated_stage: Stage) -> None:
    control = simulated_stage.control
    person = await control.make_user("Bob")
    await control.say(person, "a fox")
    result = await result_for(control, person)
    again = result.button("Again")["callback_data"]
    async with simulated_stage.bot.redis() as redis:
        key = f"img:result:{again.removeprefix('again:')}"
        # It is shown a moment before it is remembered.
        await eventually(lambda: redis.exists(key), bool)
        await redis.delete(key)

    assert await answers_to(control, person, result, again) == [STALE]


async def test_buttons_of_a_message_out_of_reach_are_answered(simulated_stage: Stage) -> None:
    """Telegram names such a message without telling what is in it."""
    control = simulated_stage.control
    person = await control.make_user("Bob")
    await control.say(person, "a fox")
    result = await result_for(control, person)
    again = result.button("Again")["callback_data"]
    job_id = again.removeprefix("again:")
    await control.delete(result)
    buttons = [again, f"view:{job_id}", f"set:quiet.1.{person.id}", f"queue:{person.id}"]

    answers = await answers_to(control, person, result, *buttons)
    await answers_to(control, person, 987_654, "start:create")

    assert answers == [STALE, STALE, "", ""]
    assert (await said(simulated_stage, person))[-1] == "What shall I draw? Say it in words."


async def test_the_same_button_twice_at_once_acts_once(simulated_stage: Stage) -> None:
    control = simulated_stage.control
    person = await control.make_user("Bob")
    await control.say(person, "two taps")
    result = await result_for(control, person)

    data = result.button("Again")["callback_data"]

    answers = await answers_to(control, person, result, data, data)

    assert sorted(answers) == ["Accepted.", "On it already."]
    assert await said(simulated_stage, person) == ["two taps", "two taps"]


async def test_called_off_twice_at_once_is_called_off_once(simulated_stage: Stage) -> None:
    control = simulated_stage.control
    person = await control.make_user("Bob")
    await control.say(person, "a fox [[sim:slow=20]]")
    status = await control.wait_message(person.id, lambda m: bool(m.buttons))
    data = status.button("Cancel")["callback_data"]

    answers = await answers_to(control, person, status, data, data)

    assert sorted(answers) == ["Cancelling…", "On it already."]
    assert await said(simulated_stage, person) == ["Cancelled."]


async def test_cancel_twice_in_a_row_calls_two_pictures_off(simulated_stage: Stage) -> None:
    control = simulated_stage.control
    person = await control.make_user("Bob")
    for number in range(3):
        await control.say(person, f"fox {number} [[sim:slow=3]]")

    for _ in range(2):
        await control.say(person, "/cancel")
    answers = await said(simulated_stage, person)

    assert sorted(answers) == ["Cancelled.", "Cancelled.", "fox 0 [[sim:slow=3]]"]


async def test_someone_who_blocks_the_bot_is_served_again_later(simulated_stage: Stage) -> None:
    control = simulated_stage.control
    person = await control.make_user("Bob")
    await control.say(person, "a fox [[sim:slow=1]]")
    await control.wait_message(person.id)

    await control.block(person)
    before = await said(simulated_stage, person)
    await control.block(person, blocked=False)
    await control.say(person, "a second fox")
    await result_for(control, person)

    assert all("fox" not in text for text in before)
    assert "a step failed" not in simulated_stage.bot.log


async def test_an_account_that_is_deleted_ends_its_job_quietly(simulated_stage: Stage) -> None:
    control = simulated_stage.control
    person = await control.make_user("Bob")
    await control.say(person, "a fox [[sim:slow=1]]")
    await control.wait_message(person.id)
    before = len(simulated_stage.bot.log)

    await control.close_chat(person.id, "deactivated")
    await said(simulated_stage, person)

    assert not re.search("Traceback|a step failed", simulated_stage.bot.log[before:])


async def test_a_deleted_status_message_costs_no_picture_and_makes_no_second(
    simulated_stage: Stage,
) -> None:
    control = simulated_stage.control
    person = await control.make_user("Bob")
    await control.say(person, "a fox [[sim:slow=1]]")
    await control.delete(await control.wait_message(person.id))

    assert await said(simulated_stage, person) == ["a fox [[sim:slow=1]]"]
