"""Groups and topics: silent unless spoken to, answers in the right place, and their end."""

from typing import Any

import pytest

from imgbot.domain.texts import t
from imgbot.storage import keys
from tests.fixtures.sandbox import KINDS, picture
from tests.integration.stage import (
    BOT_NAME,
    UNDISTURBED,
    Stage,
    User,
    is_picture,
    jpeg,
    open_group,
    title,
)

pytestmark = UNDISTURBED


UNADDRESSED: dict[str, dict[str, Any]] = {
    "words": {"text": "a fox in the forest"},
    "words-like-a-settings": {"text": "16:9"},
    "mention-of-another": {"text": "@another_bot draw a fox"},
    "longer-name": {"text": f"{BOT_NAME}2 draw a fox"},
    "address-in-a-link": {"text": f"https://t.me/{BOT_NAME}"},
    "email": {"text": "write to me@imgbot_sandbox_bot.com"},
    "command-of-another-bot": {"text": "/create@another_bot a fox"},
    "start-of-another-bot": {"text": "/start@another_bot"},
    "unknown-command": {"text": "/roll 20"},
    "command-of-bots-that-sell": {"text": "/balance"},
    "slash": {"text": "and/or /"},
    **{kind: {"extra": content} for kind, content in KINDS.items()},
}


async def test_messages_of_a_group_that_are_not_for_the_bot_are_met_with_silence(
    simulated_stage: Stage,
) -> None:
    ann, bob = await open_group(simulated_stage)

    for content in UNADDRESSED.values():
        await ann.send(**content)
    await ann.photos(picture())
    await ann.photos(picture(), caption="look!")
    await bob.photos(picture(), picture(color="red"), caption="us")
    await bob.files(("a.pdf", b"%PDF"))
    chatter = await ann.say("hello")
    await ann.control.edit(ann.person, chatter, f"{BOT_NAME} a fox")

    assert await ann.heard() == []


async def test_a_busy_group_that_was_read_late_hears_no_complaint(ann: User) -> None:
    """People talk with each other there: how fast is not the bot's business."""
    await ann.control.fault("getUpdates", "delay", times=2, delay_s=1.5)
    await ann.within(ann.id).say("/start")

    for number in range(60):
        await ann.say(f"chatter {number}")
    await ann.order(f"/create{BOT_NAME} a fox")

    assert [m.text for m in await ann.heard()] == ["a fox"]


async def test_a_group_that_forbids_photos_costs_one_picture(ann: User) -> None:
    refusal = {"description": "Bad Request: not enough rights to send photos to the chat"}
    before = await ann.stage.charges()
    await ann.control.fault(
        "editMessageMedia", "error", times=1, chat_id=ann.chat_id, error_code=400, **refusal
    )

    await ann.say("/create a fox")
    first = await ann.heard()
    await ann.say("/create an owl")
    both = await ann.heard()
    await ann.within(ann.id).order("a fox")

    assert [m.text for m in first] == [t("en", "photos_forbidden")]
    assert [m.text for m in both] == [t("en", "photos_forbidden")] * 2
    assert await ann.stage.charges() == before + 2


ADDRESSED = {
    "command": "/create a fox",
    "command-with-name": f"/create{BOT_NAME} a fox",
    "command-in-capitals": f"/create{BOT_NAME.upper()} a fox",
    "mention-first": f"{BOT_NAME} a fox",
    "mention-with-comma": f"{BOT_NAME}, a fox",
    "mention-last": f"a fox {BOT_NAME}",
    "mention-in-capitals": f"{BOT_NAME.upper()} a fox",
    "mention-in-the-middle": f"a {BOT_NAME} fox",
    "command-and-mention": f"/create {BOT_NAME} a fox",
}


async def test_an_addressed_bot_draws_without_its_name(ann: User) -> None:
    asked = {(await ann.say(words)).id for words in ADDRESSED.values()}
    results = await ann.heard()

    assert {m.text for m in results} == {"a fox"}
    assert all(m.photo_id for m in results)
    assert {m.reply_to for m in results} == asked


async def test_a_photo_with_a_mention_in_its_caption_or_a_reply_is_edited(
    simulated_stage: Stage,
) -> None:
    ann, bob = await open_group(simulated_stage)
    [photo] = await ann.photos(jpeg("cat"))

    await bob.say(f"{BOT_NAME} a hat", reply_to=photo.id)
    await ann.photos(jpeg("cat"), caption=f"{BOT_NAME} a hat")

    assert [m.text for m in await ann.heard()] == ["✏️ a hat"] * 2


async def test_an_album_with_a_mention_is_merged_whole(simulated_stage: Stage) -> None:
    """Only its first photo says that it is for the bot; another's photos come in between."""
    ann, bob = await open_group(simulated_stage)
    album = [jpeg("cat", (200 + n, 200)) for n in range(4)]

    sent = await ann.photos(*album[:2], caption=f"{BOT_NAME} side by side")
    await bob.photos(*album[:2])
    await ann.control.send_late(ann.person, sent[0], album[2])
    await ann.control.send_late(ann.person, sent[0], album[3])
    [result] = await ann.heard()

    assert result.text == "🧩 Merged 4 photos"


async def test_a_question_is_answered_by_a_reply_only(simulated_stage: Stage) -> None:
    ann, bob = await open_group(simulated_stage)
    asked = await ann.say("/create")
    question = await ann.wait()

    await ann.say("dinner at eight?")
    await bob.say("yes")
    silent = await ann.heard()
    await ann.say("a fox", reply_to=question.id)
    shown = await ann.heard()

    assert question.force_reply is not None
    assert question.force_reply["selective"]
    assert question.reply_to == asked.id
    assert [m.id for m in silent] == [question.id]
    assert [m.text for m in shown[1:]] == ["a fox"]


async def test_answers_and_pictures_stay_in_their_topic(simulated_stage: Stage) -> None:
    ann, _ = await open_group(simulated_stage, is_forum=True)

    await ann.say("/create", thread_id=7)
    await ann.say("/create a fox [[sim:slow=2]]", thread_id=8)
    await ann.say("/create a cat")
    await ann.say(f"/help{BOT_NAME}", thread_id=9)
    helped = t("en", "help_in_group", name=BOT_NAME[1:])
    shown = await ann.heard()

    assert {m.text: m.raw.get("message_thread_id") for m in shown} == {
        "What should I draw? Tell me in words.": 7,
        "a fox [[sim:slow=2]]": 8,
        "a cat": None,
        helped: 9,
    }


async def test_a_dialogue_in_private_does_not_leak_into_the_group(ann: User) -> None:
    await ann.within(ann.id).ask("/upscale")

    await ann.say(f"{BOT_NAME} a fox")

    assert await ann.said() == ["a fox"]


async def test_a_picture_sent_inline_into_a_group_is_no_request(ann: User) -> None:
    await ann.within(ann.id).order("a lighthouse")
    offers = await ann.control.ask_inline(ann.person, "light", chat_id=ann.chat_id)

    await ann.control.choose_inline(offers, offers.results[0]["id"], ann.chat_id)

    assert await ann.heard() == []


async def test_a_question_after_a_press_is_for_the_user_who_pressed(ann: User) -> None:
    """It answers the bot's own message: without a mention no client would show it as asked."""
    await ann.say("/create a fox")
    [fox] = await ann.heard()

    question = await ann.click(fox, "Edit")
    await ann.say("a hat", reply_to=question.id)
    shown = await ann.heard()

    assert question.text.startswith("Ann, this is for you:\nWhat should I do with it?")
    assert question.force_reply is not None
    assert question.force_reply["selective"]
    [mention] = question.raw["entities"]
    assert (mention["type"], mention["offset"], mention["length"]) == ("text_mention", 0, 3)
    assert mention["user"]["id"] == ann.id
    assert [m.text for m in shown[2:]] == ["✏️ a hat"]


async def test_where_the_topic_is_gone_the_answers_come_to_the_group(
    simulated_stage: Stage,
) -> None:
    ann, _ = await open_group(simulated_stage, is_forum=True)
    await ann.say("/create a cat")
    before = len(await ann.heard())
    commands = ("/create a fox", "/create", "/help", "/history")

    await ann.control.fault("getUpdates", "delay", delay_s=1.0)
    await ann.within(ann.id).say("/start")
    for words in commands:
        await ann.say(words, thread_id=7)
    simulated_stage.sandbox.state.chats[ann.chat_id].threads.discard(7)
    shown = await ann.heard()

    assert len(shown) == before + len(commands)
    assert all("message_thread_id" not in m.raw for m in shown)


async def test_a_topic_deleted_during_the_work_costs_no_picture(simulated_stage: Stage) -> None:
    ann, _ = await open_group(simulated_stage, is_forum=True)
    status = await ann.ask("/create a fox [[sim:slow=2]]", thread_id=7)

    await ann.control.delete(status)
    simulated_stage.sandbox.state.chats[ann.chat_id].threads.discard(7)
    [result] = await ann.heard()

    assert result.photo_id


MUTED = {"error_code": 400, "description": "Bad Request: TOPIC_CLOSED"}


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("not enough rights to send text messages to the chat", "/create"),
        ("TOPIC_CLOSED", "/create a fox"),
        ("CHAT_WRITE_FORBIDDEN", "/create a fox"),
    ],
)
async def test_where_the_bot_may_not_write_it_gives_up_quietly(
    ann: User, reason: str, words: str
) -> None:
    fault = {"error_code": 400, "description": f"Bad Request: {reason}"}
    await ann.control.fault("sendMessage", "error", times=50, chat_id=ann.chat_id, **fault)

    before = await ann.stage.charges()

    await ann.say(words)
    shown = await ann.heard()
    await ann.control.clear_faults()

    assert shown == []
    assert await ann.stage.charges() == before


async def test_a_chat_that_took_no_message_is_asked_again_a_minute_later(ann: User) -> None:
    await ann.control.fault("sendMessage", "error", times=50, chat_id=ann.chat_id, **MUTED)
    await ann.say("/create a fox")
    await ann.heard()
    await ann.control.clear_faults()

    refused = await ann.ask("/create an owl")
    in_private = await ann.within(ann.id).order("a hare")
    async with ann.stage.bot.redis() as redis:
        [closed] = await redis.keys(f"{keys.FORBIDDEN}{ann.chat_id}.closed.*")
        is_bounded = 0 < await redis.ttl(closed) <= 60
        await redis.delete(closed)
    drawn = await ann.order("/create a crow")

    assert refused.text == t("en", "chat_closed")
    assert is_bounded
    assert (in_private.text, drawn.text) == ("a hare", "a crow")


@pytest.mark.parametrize("reason", ["kicked", "deleted"])
async def test_a_group_without_the_bot_ends_its_job_quietly(ann: User, reason: str) -> None:
    await ann.ask("/create a fox [[sim:slow=1]]")
    before = len(ann.stage.bot.log)

    await ann.control.close_chat(ann.chat_id, reason)

    assert not [m for m in await ann.heard() if is_picture(m)]
    assert "Traceback" not in ann.stage.bot.log[before:]


async def test_a_command_read_after_the_bot_was_kicked_is_let_go(ann: User) -> None:
    await ann.control.fault("getUpdates", "delay", delay_s=1.0)
    await ann.within(ann.id).say("/start")

    for words in ("/create", "/help", "/create a fox"):
        await ann.say(words)
    await ann.photos(picture(), picture(), caption=f"{BOT_NAME} collage")
    await ann.control.close_chat(ann.chat_id, "kicked")

    assert await ann.heard() == []


async def test_a_job_follows_its_group_into_the_supergroup(simulated_stage: Stage) -> None:
    ann, _ = await open_group(simulated_stage, is_basic=True)
    await ann.ask("/create a fox [[sim:slow=1]]")

    there = ann.within(await ann.control.migrate(ann.chat_id))
    followed = await there.wait(is_picture)
    await there.order("/create a hare")

    assert followed.text.startswith("a fox")
    assert len(await there.results()) == 2


async def test_requests_read_after_their_group_became_a_supergroup_are_answered_there(
    simulated_stage: Stage,
) -> None:
    ann, _ = await open_group(simulated_stage, is_basic=True)
    await ann.control.fault("getUpdates", "delay", delay_s=1.0)
    await ann.within(ann.id).say("/start")
    commands = ("/create", "/create a fox", "/help")

    for words in commands:
        await ann.say(words)
    there = ann.within(await ann.control.migrate(ann.chat_id))
    await ann.heard()

    assert len(await there.heard()) == len(commands)


async def test_a_reply_with_a_command_for_another_bot_is_not_answered(ann: User) -> None:
    await ann.say("/create")
    [question] = await ann.heard()

    await ann.say("/create@another_bot a fox", reply_to=question.id)
    await ann.photos(jpeg("cat"), caption="/edit@another_bot a hat", reply_to=question.id)

    assert await ann.heard() == [question]


async def test_two_users_are_asked_independently(simulated_stage: Stage) -> None:
    ann, bob = await open_group(simulated_stage)
    await ann.say("/create")
    await bob.say("/upscale")
    [create, upscale] = await ann.heard()

    await bob.photos(jpeg("cat"), reply_to=upscale.id)
    await ann.say("a fox", reply_to=create.id)
    shown = await ann.heard()

    assert [m.text for m in shown[2:]] == ["How many times larger?", "a fox"]


async def test_an_ephemeral_command_is_answered_to_its_sender_alone(ann: User) -> None:
    """The bot is no administrator."""
    commands = ("/limits", "/settings", "/queue", "/privacy", "/cancel")
    answers = [await ann.ask(command) for command in commands]

    assert [(each.id, each.seen_by) for each in answers] == [(-n, ann.id) for n in (2, 4, 6, 8, 10)]
    assert await ann.heard() == []


async def test_a_refusal_is_told_to_its_user_alone_where_the_bot_is_administrator(
    simulated_stage: Stage,
) -> None:
    (ann, _), (eve, _) = [await open_group(simulated_stage, is_admin=on) for on in (True, False)]
    gone = {"error_code": 400, "description": "Bad Request: message to be replied not found"}

    # The first was deleted meanwhile, which tells nothing about the group.
    await ann.control.fault("sendMessage", "error", chat_id=ann.chat_id, **gone)
    answers = [await user.ask("/last") for user in (ann, ann, eve, eve)]
    calls = (await ann.control.calls())["calls"]

    assert {answer.text for answer in answers} == {t("en", "history_empty")}
    assert [answer.seen_by for answer in answers] == [0, ann.id, 0, 0]
    # Where it is none, that is found out once in an hour.
    refused = [
        call["description"]
        for call in calls
        if call.get("chat_id") == eve.chat_id and not call["ok"]
    ]
    assert refused == ["Bad Request: BOT_NOT_ADMIN"]


async def test_a_question_that_only_its_user_sees_orders_what_is_pressed(
    simulated_stage: Stage,
) -> None:
    ann, _ = await open_group(simulated_stage, is_admin=True)
    words = await ann.say(f"{BOT_NAME} make it brighter")
    question = await ann.wait()
    created = await ann.click(question, "New picture", is_picture)
    shown = []
    for name in ("cat", "astronaut"):
        [photo] = await ann.photos(jpeg(name), caption=BOT_NAME)
        shown.append((photo, await ann.wait(lambda m, photo=photo: m.reply_to == photo.id)))

    [(_, stale), (photo, asked)] = shown
    cut_out = await ann.click(asked, "Cut out", is_picture)

    assert await ann.toast(stale, "Cut out") == t("en", "stale_photo_button")
    assert [each.seen_by for each in (question, stale, asked)] == [ann.id] * 3
    assert (created.seen_by, cut_out.seen_by) == (0, 0)
    assert (created.reply_to, cut_out.reply_to) == (words.id, photo.id)
    assert await ann.heard() == [created, cut_out]
    [gone] = [m for m in await ann.control.messages(ann.chat_id, after=-9) if m.id == question.id]
    assert gone.is_deleted


async def test_settings_that_only_their_user_sees_are_changed_in_place(
    simulated_stage: Stage,
) -> None:
    ann, bob = await open_group(simulated_stage)
    panels = [await user.ask("/settings") for user in (ann, ann, bob)]

    changed = [await ann.click(panel, "Send as: photo", lambda m: m.edits) for panel in panels[:2]]
    await ann.control.delete(panels[0])
    anew = await ann.click(changed[0], "Send as: file")
    no_admin = {"error_code": 400, "description": "Bad Request: BOT_NOT_ADMIN"}
    await ann.control.fault("sendMessage", "error", chat_id=ann.chat_id, **no_admin)
    late = await bob.ask("/settings")

    assert [(each.id, each.seen_by) for each in changed] == [
        (each.id, ann.id) for each in panels[:2]
    ]
    assert anew.id < panels[2].id < 0
    assert anew.button("Send as: photo")
    assert anew.seen_by == ann.id
    assert [m.id for m in await ann.heard()] == [late.id]


async def test_a_request_that_only_the_bot_sees_is_drawn_for_all(simulated_stage: Stage) -> None:
    ann, bob = await open_group(simulated_stage)
    anns, bobs = [await user.ask("/settings") for user in (ann, bob)]

    unsure = await ann.ask("make it brighter", reply_to=anns.id)
    await ann.photos(jpeg("cat"), caption=BOT_NAME)
    other = await ann.wait(lambda m: m.text == t("en", "ask_photo_action"))
    await ann.ask("/cancel")
    await ann.photos(jpeg("astronaut"), reply_to=anns.id)
    asked = await ann.wait(lambda m: m.text == other.text and m.seen_by)
    stale = await ann.toast(other, "Cut out")
    await ann.click(asked, "Cut out", is_picture)
    # In one go, as none has an id to be told by.
    await ann.say("a red fox", reply_to=anns.id)
    await bob.say("an owl", reply_to=bobs.id)
    await ann.say("a hare", reply_to=anns.id)
    question = await bob.ask("/create", reply_to=bobs.id, fits=lambda m: m.force_reply)
    await bob.say("a wolf", reply_to=question.id)
    drawn = await ann.heard()

    assert (other.seen_by, stale) == (0, t("en", "stale_photo_button"))
    assert (unsure.text, unsure.seen_by) == (t("en", "say_openly"), ann.id)
    assert (question.text, question.seen_by) == (t("en", "ask_create"), bob.id)
    assert drawn[0].id == other.id
    texts = sorted(title(m) for m in drawn[1:])
    assert texts == ["a hare", "a red fox", "a wolf", "an owl", "✂️ Background removed"]
    assert all(is_picture(m) and m.reply_to is None for m in drawn[1:])
