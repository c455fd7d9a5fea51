"""Forged, stale and doubled presses, chats that end midway: answered, and nobody is disturbed."""

import re

import pytest

from imgbot.domain.texts import t
from tests.integration.stage import (
    BOT_NAME,
    OUT_OF_REACH,
    UNDISTURBED,
    Stage,
    User,
    has_buttons,
    is_picture,
    jpeg,
    open_group,
)

pytestmark = UNDISTURBED


UNKNOWN = "This button doesn't work. Start again: /start"
STALE = "This button no longer works. Start again: /start"
STALE_PHOTO = "This question is no longer open. Send the photo again."
NOT_YOURS = "This button is for the person who asked for the picture."
FORGED = {
    "nonsense": UNKNOWN,
    "menu:create": UNKNOWN,
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
    "up:9.1": UNKNOWN,
    "up:": UNKNOWN,
    "view:": STALE,
    "view:1": STALE,
    "scale:2": STALE_PHOTO,
    "scale:3": UNKNOWN,
    "photo:edit": STALE_PHOTO,
    "photo:": UNKNOWN,
    "merge:": STALE,
    "merge:9": STALE,
    "cancel:": t("en", "cancel_over"),
    "cancel:12345": t("en", "cancel_over"),
    "queue:": UNKNOWN,
    "queue:1": NOT_YOURS,
    "set:": UNKNOWN,
    "set:language.en": UNKNOWN,
    "set:language.en.1": NOT_YOURS,
    "set:language.xx.{me}": UNKNOWN,
    "set:ratio.99x1.{me}": UNKNOWN,
    "set:variants.9.{me}": UNKNOWN,
    "set:is_banned.0.{me}": UNKNOWN,
    "model:nothing.open.{me}": t("en", "model_gone_short"),
    "model:create.open.{me}": t("en", "model_gone_short"),
}


async def test_forged_and_stale_buttons_are_answered(anna: User) -> None:
    menu, fox = await anna.ask("/start"), await anna.order("a fox")
    status = await anna.ask("an owl [[sim:slow=2]]", fits=has_buttons)
    owned = (f"queue:{anna.id}", f"set:all.open.{anna.id}", "help:all", "start:edit")
    forged = [data.replace("{me}", str(anna.id)) for data in FORGED]

    answers = await anna.toasts(OUT_OF_REACH, *forged)
    not_shown = [await anna.toasts(each, *forged[:9], *owned) for each in (fox, status)]
    not_shown.append(await anna.toasts(menu, *forged))

    assert dict(zip(FORGED, answers, strict=True)) == FORGED
    assert {answer for each in not_shown for answer in each} == {STALE}
    assert [message.text for message in await anna.heard()] == [
        *(menu.text, "a fox", "an owl [[sim:slow=2]]")
    ]


async def test_pictures_and_jobs_of_another_user_are_out_of_reach(simulated_stage: Stage) -> None:
    anna, mallory = await open_group(simulated_stage)
    fox = await anna.order("/create a fox")
    grey = await anna.order(f"{BOT_NAME} make it darker")
    await anna.heard()
    strip = await anna.ask("/history", fits=has_buttons)
    menu = await mallory.ask("/start")
    status = await anna.ask("/create an owl [[sim:slow=5]]", fits=has_buttons)
    # The status message first: it becomes a picture with other buttons.
    shown = [status, fox, grey, strip]

    pressed = {each.id: [button["callback_data"] for button in each.buttons] for each in shown}
    answers = [await mallory.toasts(each, *pressed[each.id]) for each in shown]
    forged = [await mallory.toasts(menu, *data) for data in pressed.values()]

    assert {answer for each in answers for answer in each} == {NOT_YOURS}
    assert {answer for each in forged for answer in each} == {STALE}
    assert [m.text for m in await anna.heard()][:3] == [fox.text, grey.text, strip.text]


async def test_buttons_of_a_message_out_of_reach_are_answered(anna: User) -> None:
    result = await anna.order("a fox")
    again = result.button("Again")["callback_data"]
    job_id = again.removeprefix("again:")
    await anna.control.delete(result)
    buttons = [again, f"view:{job_id}", f"set:quiet.1.{anna.id}", f"queue:{anna.id}"]

    answers = await anna.toasts(result, *buttons)
    await anna.toasts(OUT_OF_REACH, "start:create")

    assert answers == [STALE, STALE, "", ""]
    assert (await anna.said())[-1] == "What should I draw? Tell me in words."


async def test_a_button_pressed_twice_at_once_acts_once(anna: User) -> None:
    result = await anna.order("an owl")
    again = result.button("Again")["callback_data"]

    answers = await anna.toasts(result, again, again)
    said = await anna.said()
    status = await anna.ask("a fox [[sim:slow=20]]", fits=has_buttons)
    cancel = status.button("Cancel")["callback_data"]
    cancelled = await anna.toasts(status, cancel, cancel)

    assert sorted(answers) == ["Already on it.", "Got it."]
    assert said == ["an owl", "an owl"]
    assert sorted(cancelled) == ["Already on it.", "Cancelling…"]
    assert (await anna.said())[2:] == ["Cancelled."]


@pytest.mark.parametrize(("caption", "label"), [("", "Retouch"), ("/upscale", "×4")])
async def test_a_button_about_an_older_photo_does_not_act_on_a_newer_one(
    anna: User, caption: str, label: str
) -> None:
    older, newer = jpeg("cat", (320, 240)), jpeg("astronaut", (320, 240))
    about_older = await anna.ask(caption, older, fits=has_buttons)
    about_newer = await anna.ask(caption, newer, fits=has_buttons)

    toast = await anna.toast(about_older, label)
    made = await anna.click(about_newer, label, is_picture)

    assert toast == STALE_PHOTO
    assert await anna.results() == [made]


async def test_photos_sent_before_either_is_asked_about_are_not_confused(anna: User) -> None:
    for name in ("cat", "astronaut"):
        await anna.photos(jpeg(name, (320, 240)))
    about_older, about_newer = await anna.heard()

    assert await anna.toast(about_older, "Retouch") == STALE_PHOTO
    assert is_picture(await anna.click(about_newer, "Retouch", is_picture))


async def test_cancel_twice_in_a_row_cancels_two_jobs(anna: User) -> None:
    for number in range(3):
        await anna.say(f"a fox in a forest {number} [[sim:slow=3]]")

    for _ in range(2):
        await anna.say("/cancel")
    answers = await anna.said()

    waiting = [f"Still in progress or waiting: {number}." for number in (1, 2)]
    said = ["Cancelled.", "Cancelled.", *waiting, "a fox in a forest 0 [[sim:slow=3]]"]
    assert sorted(answers) == said


async def test_a_picture_waits_for_a_user_who_blocks_the_bot_for_a_moment(anna: User) -> None:
    begin, seq = len(anna.stage.bot.log), await anna.control.last_seq()
    charged = await anna.stage.charges()
    await anna.ask("a fox [[sim:slow=1]]")

    await anna.control.block(anna.person)
    await anna.control.wait_call("editMessageMedia", after=seq, ok=False)
    await anna.control.block(anna.person, blocked=False)
    shown = await anna.wait(is_picture, after=seq)

    assert shown.text == "a fox [[sim:slow=1]]"
    assert await anna.stage.charges() == charged + 1
    assert "a step failed" not in anna.stage.bot.log[begin:]


async def test_a_deleted_status_message_costs_no_picture_and_makes_no_second(anna: User) -> None:
    begin = len(anna.stage.bot.log)
    status = await anna.ask("a fox [[sim:slow=1]]")
    await anna.control.delete(status)

    assert await anna.said() == ["a fox [[sim:slow=1]]"]
    assert "a step failed" not in anna.stage.bot.log[begin:]


async def test_an_account_that_is_deleted_ends_its_job_quietly(anna: User) -> None:
    await anna.ask("a fox [[sim:slow=1]]")
    begin = len(anna.stage.bot.log)

    await anna.control.close_chat(anna.id, "deactivated")
    await anna.said()

    assert not re.search("Traceback|a step failed", anna.stage.bot.log[begin:])
