"""Odd words and odd kinds of messages: a plain sentence each, and nobody is disturbed."""

from typing import Any

import pytest

from imgbot.domain.texts import t
from tests.fixtures.sandbox import KINDS, picture
from tests.integration.stage import UNDISTURBED, Stage, User, is_picture

pytestmark = UNDISTURBED

EMPTY = "Tell me in words what to draw"
LOADS = {"message_id": 9000, "date": 1_800_000_000}


DRAWN = {
    "emoji": ("a 🦊 in the 🌲", "a 🦊 in the 🌲"),
    "joined-emoji": ("a house for 👩‍👩‍👧‍👦 👍🏽 ❤️", "a house for 👩‍👩‍👧‍👦 👍🏽 ❤️"),
    "html": ("<b>fox</b> &amp; <a href='x'>", "<b>fox</b> &amp; <a href='x'>"),
    "markdown": ("*fox* _in_ [a](b) `wood` ~||~", "*fox* _in_ [a](b) `wood` ~||~"),
    "markdown-unclosed": ("_ * [ ` fox", "_ * [ ` fox"),
    "format-fields": ("{words} {0} %s %(x)d \\n fox", "{words} {0} %s %(x)d \\n fox"),
    "right-to-left": ("/create ثعلب في الغابة", "ثعلب في الغابة"),
    "direction-turned": ("a \u202exof\u202c \u2067fox", "a xof fox"),
    "combining": ("f\u0336o\u0336x\u0336", "f\u0336o\u0336x\u0336"),
    "braces-of-the-bot": ("<code>{user_id}</code>", "<code>{user_id}</code>"),
}  # fmt: skip


async def test_odd_words_are_drawn_and_shown_as_they_are(simulated_stage: Stage) -> None:
    users = {case: await simulated_stage.user() for case in DRAWN}

    for case, user in users.items():
        await user.say(DRAWN[case][0])
    shown = {case: (await user.wait(is_picture)).text for case, user in users.items()}

    assert shown == {case: caption for case, (_, caption) in DRAWN.items()}


NOT_WORDS = {
    "zero-width": ("\u200b\u2060\ufeff", EMPTY),
    "blank-that-is-a-letter": ("\u3164\u115f\uffa0", EMPTY),
    "only-the-bots-name": ("@imgbot_sandbox_bot", EMPTY),
    "command-and-nothing": ("/create \u200b", "What should I draw?"),
    "too-long-by-one": (
        "x" * 2001,
        "This text is too long: 2001 characters, and the limit is 2000",
    ),
    "one-long-message": ("😀 z" * 1024, "This text is too long: 3072 characters"),
    "unknown-command": ("/nosuchcommand", "I don't know this command."),
    "slash": ("/", "I don't know this command."),
    "command-of-another-bot": ("/create@another_bot fox", "I don't know this command."),
    "nothing-to-cancel": ("/cancel", "There is nothing to cancel"),
}


async def test_words_that_are_no_request_get_one_sentence(simulated_stage: Stage) -> None:
    users = {case: await simulated_stage.user() for case in NOT_WORDS}

    for case, user in users.items():
        await user.say(NOT_WORDS[case][0])
    told = {case: await user.said() for case, user in users.items()}

    assert {
        case: [text[: len(NOT_WORDS[case][1])] for text in texts] for case, texts in told.items()
    } == {case: [sentence] for case, (_, sentence) in NOT_WORDS.items()}


async def test_as_many_characters_as_allowed_are_drawn(simulated_stage: Stage) -> None:
    for words in ("ж" * 2000, "a fox " + "🦊" * 1994):
        [title] = await ask_alone(simulated_stage, words)

        assert title.startswith(words[:200])
        assert title.endswith("…")


async def ask_alone(stage: Stage, words: str) -> list[str]:
    user = await stage.user()
    await user.say(words)
    return await user.said()


def update_of(user: User, **fields: Any) -> dict[str, Any]:
    """A private message as an update holds it."""
    chat = {"id": user.id, "type": "private", "first_name": "Anna"}
    return LOADS | {"chat": chat, "from": user.person.raw} | fields


async def test_a_text_that_is_too_long_is_refused_once(anna: User) -> None:
    # A client cuts it in two.
    await anna.say("y" * 4096 + "fox")
    cut = await anna.said()
    await anna.control.push_update({"message": update_of(anna, text="y" * 10_000)})

    assert cut == [t("en", "words_too_long", count=4096, limit=2000), "fox"]
    assert (await anna.said())[2:] == [t("en", "words_too_long", count=10_000, limit=2000)]


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


SHARED = {
    "gif": "animation", "venue": "place", "location": "place", "dice": "game",
    "checklist": "kind", "video-with-caption": "video",
}  # fmt: skip


async def test_a_message_of_an_unreadable_kind_gets_a_sentence(simulated_stage: Stage) -> None:
    users = {kind: await simulated_stage.user(language="ru") for kind in UNREADABLE}

    for kind, user in users.items():
        await user.send(extra=UNREADABLE[kind])
    told = {kind: await user.said() for kind, user in users.items()}

    assert told == {kind: [t("ru", f"cannot_read_{SHARED.get(kind, kind)}")] for kind in UNREADABLE}


async def test_an_album_of_videos_gets_one_sentence(anna: User) -> None:
    for _ in range(4):
        await anna.send(extra=KINDS["video"] | {"media_group_id": "77"})

    assert await anna.said() == [t("en", "cannot_read_video")]


async def test_a_live_photo_is_a_photo(anna: User) -> None:
    live = {"live_photo": _FILE | {"width": 640, "height": 480, "duration": 2}}
    result = await anna.order("a hat", picture(), extra=live)

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


async def test_service_messages_are_met_with_silence(simulated_stage: Stage, anna: User) -> None:
    group = await simulated_stage.control.make_group("Friends", [anna.person])
    await simulated_stage.control.set_privacy(group, on=False)

    for user in (anna, anna.within(group)):
        for content in SERVICE.values():
            await user.send(extra=content)

        assert await user.said() == []


async def test_forwarded_words_and_photos_work_like_own(simulated_stage: Stage, anna: User) -> None:
    bob, carl = await simulated_stage.user(), await simulated_stage.user("Carl")
    control, people = simulated_stage.control, [anna.person, bob.person, carl.person]
    there = anna.within(await control.make_group("Friends", people))
    words = await there.say("a fox")
    [photo] = await there.photos(picture(), caption="a hat")

    for user, hidden in ((bob, False), (carl, True)):
        await control.forward(user.person, [words, photo], chat_id=user.id, hidden=hidden)

    for user in (bob, carl):
        assert sorted(await user.said()) == ["a fox", "✏️ a hat"]


async def test_an_edited_message_gets_one_sentence_and_then_silence(anna: User) -> None:
    words = await anna.say("a fox")
    await anna.wait(is_picture)
    [photo] = await anna.photos(picture(), caption="a hat")

    for text in ("a red fox", "a blue fox", "a green fox"):
        await anna.control.edit(anna.person, words, text)
    await anna.control.edit(anna.person, photo, "a cap")
    answers = await anna.said()

    assert sum(text.startswith("I can't see edits to messages") for text in answers) == 1
    assert sorted(text for text in answers if "edits to messages" not in text) == [
        "a fox",
        "✏️ a hat",
    ]


async def test_a_message_edited_days_later_is_met_with_silence(anna: User) -> None:
    late = update_of(anna, edit_date=LOADS["date"] + 172_000, text="a red fox")

    await anna.control.push_update({"edited_message": late})

    assert await anna.said() == []


async def test_channel_posts_are_met_with_silence(anna: User) -> None:
    post = update_of(anna, text="/create a fox", sender_chat=AS_CHANNEL["sender_chat"])
    for kind in ("channel_post", "edited_channel_post"):
        await anna.control.push_update({kind: post})

    assert await anna.said() == []


AS_CHANNEL = {
    "from": {"id": 136_817_688, "is_bot": True, "first_name": "Channel"},
    "sender_chat": {"id": -1_009_999, "type": "channel", "title": "News"},
}
LINKED_CHANNEL = {
    "from": {"id": 777_000, "is_bot": False, "first_name": "Telegram"},
    "sender_chat": AS_CHANNEL["sender_chat"],
    "is_automatic_forward": True,
}


@pytest.mark.parametrize(
    "who",
    [{"anonymous": True}, {"extra": AS_CHANNEL}, {"extra": LINKED_CHANNEL}],
    ids=["as-group", "as-channel", "linked-channel"],
)
async def test_anonymous_users_are_told_so_in_each_of_their_groups(
    anna: User, who: dict[str, Any]
) -> None:
    """They all have one account at Telegram: what one was told, the others have not heard."""
    groups = [
        anna.within(await anna.control.make_group(name, [anna.person])) for name in ("One", "Two")
    ]

    for there in groups:
        for _ in range(3):
            await there.say("/create a fox", **who)

    for there in groups:
        [told] = await there.said()
        assert told.startswith("You're writing as a group or a channel")


async def test_updates_that_make_no_sense_become_dead_letters(anna: User) -> None:
    for update in (
        {"message": {"chat": "no chat"}},
        {"message": {"chat": {"id": [1]}, "text": "x"}},
        {"callback_query": {"id": 5, "data": {}, "message": []}},
        {"message": None},
    ):
        await anna.control.push_update(update)
    result = await anna.order("a quiet lake")

    async with anna.stage.bot.redis() as redis:
        aside = await redis.llen("img:updates:dead")
        await redis.delete("img:updates:dead")
    assert aside == 3
    assert result.text == "a quiet lake"
