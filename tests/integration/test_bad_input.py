"""Odd words and odd kinds of messages: a plain sentence each, and nobody is disturbed."""

from typing import Any

import pytest

from tests.fixtures.sandbox import KINDS, picture
from tests.integration.conftest import Stage, said
from tests.integration.test_actions import result_for

pytestmark = [
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.usefixtures("undisturbed"),
]

EMPTY = "Tell me in words what to draw"
LOADS = {"message_id": 9000, "date": 1_800_000_000}


DRAWN = {
    "only-emoji": ("🦊🌲", "🦊🌲"),
    "joined-emoji": ("👩‍👩‍👧‍👦 👍🏽 ❤️", "👩‍👩‍👧‍👦 👍🏽 ❤️"),
    "html": ("<b>fox</b> &amp; <a href='x'>", "<b>fox</b> &amp; <a href='x'>"),
    "markdown": ("*fox* _in_ [a](b) `wood` ~||~", "*fox* _in_ [a](b) `wood` ~||~"),
    "markdown-unclosed": ("_ * [ ` fox", "_ * [ ` fox"),
    "format-fields": ("{words} {0} %s %(x)d \\n fox", "{words} {0} %s %(x)d \\n fox"),
    "right-to-left": ("ثعلب في الغابة", "ثعلب في الغابة"),
    "direction-turned": ("a \u202exof\u202c \u2067fox", "a xof fox"),
    "zero-width-inside": ("a\ufeff f\u200bo\u2060x", "a fox"),
    "null-inside": ("a fo\x00x \x1b[31m", "a fox [31m"),
    "white-space": (" a\n\n\tfox\u00a0in \u2003 snow\r", "a fox in snow"),
    "combining": ("f\u0336o\u0336x\u0336", "f\u0336o\u0336x\u0336"),
    "braces-of-the-bot": ("<code>{user_id}</code>", "<code>{user_id}</code>"),
}  # fmt: skip


@pytest.mark.parametrize(("words", "caption"), DRAWN.values(), ids=DRAWN)
async def test_odd_words_are_drawn_and_shown_as_they_are(
    simulated_stage: Stage, words: str, caption: str
) -> None:
    control = simulated_stage.control
    person = await control.make_user("Bob")

    await control.say(person, words)
    result = await result_for(control, person)

    assert result.text == caption


NOT_WORDS = {
    "zero-width": ("\u200b\u2060\ufeff", EMPTY),
    "null": ("\x00", EMPTY),
    "direction-marks": ("\u202e\u2066\u200f", EMPTY),
    "joiners-alone": ("\u200d\ufe0f", EMPTY),
    "blank-that-is-a-letter": ("\u3164\u115f\uffa0", EMPTY),
    "blank-that-is-a-symbol": ("\u2800\u2800", EMPTY),
    "only-the-bots-name": ("@imgbot_sandbox_bot", EMPTY),
    "command-and-nothing": ("/create \u200b", "What shall I draw?"),
    "too-long-by-one": ("x" * 2001, "That is too long: 2001 characters. Please shorten it to 2000"),
    "one-long-message": ("😀 я" * 1024, "That is too long: 3072 characters"),
    "unknown-command": ("/nosuchcommand", "I don't know this command."),
    "slash": ("/", "I don't know this command."),
    "command-of-another-bot": ("/create@another_bot fox", "I don't know this command."),
    "nothing-to-cancel": ("/cancel", "There is nothing to cancel"),
}


@pytest.mark.parametrize(("words", "sentence"), NOT_WORDS.values(), ids=NOT_WORDS)
async def test_words_that_are_no_request_get_one_sentence(
    simulated_stage: Stage, words: str, sentence: str
) -> None:
    control = simulated_stage.control
    person = await control.make_user("Bob")

    await control.say(person, words)
    [answer] = await said(simulated_stage, person)

    assert answer.startswith(sentence)


@pytest.mark.parametrize("words", ["ж" * 2000, "🦊" * 2000], ids=["letters", "emoji"])
async def test_as_many_characters_as_allowed_are_drawn(simulated_stage: Stage, words: str) -> None:
    control = simulated_stage.control
    person = await control.make_user("Bob")

    await control.say(person, words)
    [title] = await said(simulated_stage, person)

    assert title.startswith(words[:200])
    assert title.endswith("…")


async def test_a_text_that_a_client_cuts_in_two_is_refused_once(simulated_stage: Stage) -> None:
    control = simulated_stage.control
    person = await control.make_user("Bob")

    await control.say(person, "y" * 4097)
    answers = await said(simulated_stage, person)

    assert answers == ["That is too long: 4096 characters. Please shorten it to 2000.", "y"]


async def test_ten_thousand_characters_in_one_update(simulated_stage: Stage) -> None:
    control = simulated_stage.control
    person = await control.make_user("Bob")
    chat = {"id": person.id, "type": "private", "first_name": "Bob"}
    message = LOADS | {"chat": chat, "from": person.raw, "text": "y" * 10_000}

    await control.say(person, "/start")
    await control.push_update({"message": message})
    answers = await said(simulated_stage, person)

    assert answers[1:] == ["That is too long: 10000 characters. Please shorten it to 2000."]


_FILE = {"file_id": "none", "file_unique_id": "none"}
UNREADABLE: dict[str, dict[str, Any]] = KINDS | {
    # Telegram names a GIF twice, for programs that know no animations.
    "gif": KINDS["animation"] | {"document": _FILE | {"mime_type": "video/mp4"}},
    "venue": KINDS["location"]
    | {"venue": KINDS["location"] | {"title": "Café", "address": "Street 1"}},
    "story": {"story": {"id": 1, "chat": {"id": 777_000, "type": "private"}}},
    "checklist": {"checklist": {"title": "To do", "tasks": [{"id": 1, "text": "a fox"}]}},
    "game": {"game": {"title": "Fox", "description": "run", "photo": []}},
    "video-with-caption": KINDS["video"] | {"caption": "make it brighter"},
}


@pytest.mark.parametrize("kind", UNREADABLE)
async def test_what_cannot_be_read_gets_a_sentence(simulated_stage: Stage, kind: str) -> None:
    control = simulated_stage.control
    anna = await control.make_user("Анна", language_code="ru")
    bob = await control.make_user("Bob")

    for person in (anna, bob):
        await control.send(person, extra=UNREADABLE[kind])

    assert [text[:20] for text in await said(simulated_stage, anna)] == ["Такое я читать не ум"]
    assert [text[:20] for text in await said(simulated_stage, bob)] == ["I can't read that. S"]


async def test_an_album_of_videos_gets_one_sentence(simulated_stage: Stage) -> None:
    control = simulated_stage.control
    person = await control.make_user("Bob")

    for _ in range(4):
        await control.send(person, extra=KINDS["video"] | {"media_group_id": "77"})

    assert [text[:18] for text in await said(simulated_stage, person)] == ["I can't read that."]


async def test_a_live_photo_is_a_photo(simulated_stage: Stage) -> None:
    control = simulated_stage.control
    person = await control.make_user("Bob")

    live = {"live_photo": _FILE | {"width": 640, "height": 480, "duration": 2}}
    await control.send_photos(person, [picture()], caption="a hat", extra=live)
    result = await result_for(control, person)

    assert result.text.startswith("✏️ a hat")


SERVICE: dict[str, dict[str, Any]] = {
    "joined": {"new_chat_members": [{"id": 5, "is_bot": False, "first_name": "X"}]},
    "left": {"left_chat_member": {"id": 5, "is_bot": False, "first_name": "X"}},
    "title": {"new_chat_title": "/create a fox"},
    "photo": {"new_chat_photo": [_FILE | {"width": 90, "height": 90}]},
    "pinned": {"pinned_message": {"message_id": 1, "date": 0, "chat": {"id": 5, "type": "group"}}},
    "timer": {"message_auto_delete_timer_changed": {"message_auto_delete_time": 9}},
    "topic": {"forum_topic_created": {"name": "Foxes", "icon_color": 1}},
    "video-chat": {"video_chat_started": {}},
    "write-access": {"write_access_allowed": {}},
    "background": {"chat_background_set": {"type": {"type": "chat_theme", "theme_name": "🦊"}}},
    "not-known-yet": {"hologram": {"depth": 3}},
}  # fmt: skip


async def test_service_messages_are_met_with_silence(simulated_stage: Stage) -> None:
    control = simulated_stage.control
    person = await control.make_user("Bob")
    group = await control.make_group("Friends", [person])
    await control.set_privacy(group, on=False)

    for chat_id in (person.id, group):
        for content in SERVICE.values():
            await control.send(person, chat_id=chat_id, extra=content)

    assert await said(simulated_stage, person) == []
    assert await said(simulated_stage, person, group) == []


@pytest.mark.parametrize("hidden", [False, True], ids=["named", "hidden"])
async def test_forwarded_words_and_photos_work_like_own(
    simulated_stage: Stage, *, hidden: bool
) -> None:
    control = simulated_stage.control
    anna, bob = await control.make_user("Anna"), await control.make_user("Bob")
    group = await control.make_group("Friends", [anna, bob])
    words = await control.say(anna, "a fox", chat_id=group)
    [photo] = await control.send_photos(anna, [picture()], caption="a hat", chat_id=group)

    await control.forward(bob, [words, photo], chat_id=bob.id, hidden=hidden)

    assert sorted(await said(simulated_stage, bob)) == ["a fox", "✏️ a hat"]


async def test_a_picture_chosen_inline_is_no_request_in_its_own_words(
    simulated_stage: Stage,
) -> None:
    control = simulated_stage.control
    person = await control.make_user("Bob")
    await control.say(person, "a lighthouse")
    await result_for(control, person)
    offers = await control.ask_inline(person, "light")

    await control.choose_inline(offers, offers.results[0]["id"], person.id)

    assert "✏️ a lighthouse" not in await said(simulated_stage, person)


async def test_an_edited_message_gets_one_sentence_and_then_silence(
    simulated_stage: Stage,
) -> None:
    control = simulated_stage.control
    person = await control.make_user("Bob")
    words = await control.say(person, "a fox")
    await result_for(control, person)
    [photo] = await control.send_photos(person, [picture()], caption="a hat")

    for text in ("a red fox", "a blue fox", "a green fox"):
        await control.edit(person, words, text)
    await control.edit(person, photo, "a cap")
    answers = await said(simulated_stage, person)

    assert sum(text.startswith("I work from the first version") for text in answers) == 1
    assert sorted(text for text in answers if "first version" not in text) == ["a fox", "✏️ a hat"]


async def test_a_message_edited_days_later_is_met_with_silence(simulated_stage: Stage) -> None:
    control = simulated_stage.control
    person = await control.make_user("Bob")
    chat = {"id": person.id, "type": "private", "first_name": "Bob"}
    edited = LOADS | {"edit_date": LOADS["date"] + 172_000, "chat": chat, "from": person.raw}

    await control.push_update({"edited_message": edited | {"text": "a red fox"}})

    assert await said(simulated_stage, person) == []


async def test_channel_posts_are_met_with_silence(simulated_stage: Stage) -> None:
    control = simulated_stage.control
    person = await control.make_user("Bob")
    channel = await control.make_channel("News", [person])

    post = await control.say(person, "/create a fox", chat_id=channel)
    await control.send_photos(person, [picture()], caption="@imgbot_sandbox_bot", chat_id=channel)
    await control.edit(person, post, "/create a red fox")

    assert await said(simulated_stage, person, channel) == []


AS_CHANNEL = {
    "from": {"id": 136_817_688, "is_bot": True, "first_name": "Channel"},
    "sender_chat": {"id": -1_009_999, "type": "channel", "title": "News"},
}


@pytest.mark.parametrize(
    "who", [{"anonymous": True}, {"extra": AS_CHANNEL}], ids=["as-group", "as-channel"]
)
async def test_the_anonymous_are_told_so_in_each_of_their_groups(
    simulated_stage: Stage, who: dict[str, Any]
) -> None:
    """They all have one account at Telegram: what one was told, the others have not heard."""
    control = simulated_stage.control
    person = await control.make_user("Bob")
    groups = [await control.make_group(title, [person]) for title in ("One", "Two")]

    for group in groups:
        for _ in range(3):
            await control.say(person, "/create a fox", chat_id=group, **who)

    for group in groups:
        answers = await said(simulated_stage, person, group)
        assert [text[:28] for text in answers] == ["I can't tell who is writing:"]


async def test_updates_that_make_no_sense_are_set_aside(simulated_stage: Stage) -> None:
    control = simulated_stage.control
    person = await control.make_user("Ann")

    await control.push_update({"message": {"chat": "no chat"}})
    await control.say(person, "a quiet lake")
    result = await result_for(control, person)

    async with simulated_stage.bot.redis() as redis:
        assert await redis.llen("img:updates:dead") == 1
        await redis.delete("img:updates:dead")
    assert result.text == "a quiet lake"
