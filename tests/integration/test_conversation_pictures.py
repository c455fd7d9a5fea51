"""Pictures that a message is about, and words about none: thanks, comments, ways out."""

from typing import Any

import pytest

from imgbot.domain.texts import t
from tests.fixtures.sandbox import KINDS, picture
from tests.integration.stage import BOT_NAME, UNDISTURBED, Stage, User, jpeg, open_group

pytestmark = UNDISTURBED


@pytest.mark.parametrize(
    ("words", "caption"),
    [
        ("увеличь", "🔍 Увеличил ×2"),
        ("увеличь в четыре раза!", "🔍 Увеличил ×4"),
        ("увеличь глаза", "✏️ увеличь глаза"),
    ],
)
async def test_a_larger_picture_may_be_asked_for_in_words(
    simulated_stage: Stage, words: str, caption: str
) -> None:
    anna = await simulated_stage.user(language="ru")

    [photo] = await anna.photos(jpeg("cat"))
    await anna.say(words)
    await anna.photos(jpeg("cat"), caption=words)
    await anna.say(words, reply_to=photo.id)
    _, *results = await anna.said()

    assert results == [caption] * 3


async def test_a_larger_picture_of_none_is_asked_for_it(anna: User) -> None:
    await anna.say("upscale x4")
    await anna.photos(jpeg("cat"), caption="4x.")

    assert await anna.said() == [t("en", "ask_upscale_photo"), "🔍 Enlarged ×4"]


async def test_a_photo_instead_of_words_is_taken_as_a_photo(anna: User) -> None:
    menu = await anna.ask("/start")

    await anna.click(menu, "🎨", lambda m: m.text == t("en", "ask_create"))
    await anna.order("a hat", jpeg("cat"))
    await anna.say("/create")
    await anna.photos(jpeg("cat"))
    _, _, hat, _, question = await anna.said()

    assert hat == "✏️ a hat"
    assert question == t("en", "ask_photo_action")


async def test_a_reply_to_a_picture_of_another_chat_is_about_it(ann: User) -> None:
    [photo] = await ann.photos(jpeg("cat"))
    origin = {"type": "user", "date": 0, "sender_user": ann.person.raw}
    elsewhere = {"origin": origin, "photo": photo.raw["photo"]}
    alone = ann.within(ann.id)

    await alone.say("a hat", extra={"external_reply": elsewhere})

    assert await alone.said() == ["✏️ a hat"]


_FILE = {"file_id": "none", "file_unique_id": "none"}
UNUSABLE: dict[str, tuple[dict[str, Any], str]] = {
    "too-large": (
        {"document": _FILE | {"mime_type": "image/png", "file_size": 25 << 20}},
        t("en", "picture_too_large", limit_mb=20),
    ),
    "pdf": (
        {"document": _FILE | {"file_name": "a.pdf", "mime_type": "application/pdf"}},
        t("en", "file_not_picture"),
    ),
    "gif": (
        KINDS["animation"] | {"document": _FILE | {"mime_type": "video/mp4"}},
        t("en", "cannot_read_animation"),
    ),
    **{
        kind: (KINDS[kind], t("en", f"cannot_read_{kind}"))
        for kind in ("video", "sticker", "voice")
    },
}


async def test_a_reply_to_an_unusable_picture_is_told_so(simulated_stage: Stage) -> None:
    users = {case: await simulated_stage.user() for case in UNUSABLE}

    for case, user in users.items():
        sent = await user.send(extra=UNUSABLE[case][0])
        await user.say("make it warmer", reply_to=sent.id)
    told = {case: (await user.said())[-1] for case, user in users.items()}

    assert told == {case: sentence for case, (_, sentence) in UNUSABLE.items()}


async def test_in_a_group_a_sticker_is_nothing_to_speak_of(simulated_stage: Stage) -> None:
    ann, bob = await open_group(simulated_stage)
    sticker = await ann.send(extra=KINDS["sticker"])

    await bob.say(f"{BOT_NAME} a fox", reply_to=sticker.id)

    assert await ann.said() == ["a fox"]


async def test_a_result_that_is_forwarded_back_is_asked_about(anna: User) -> None:
    fox = await anna.order("a fox")

    for hidden in (False, True):
        await anna.control.forward(anna.person, [fox], hidden=hidden)

    assert (await anna.said())[1:] == [t("en", "ask_photo_action")] * 2


async def test_a_reply_may_name_the_picture_that_was_asked_for(anna: User) -> None:
    fox = await anna.order("a fox")

    for command, caption in (("/retouch", "✨ Retouched"), ("/upscale x4", "🔍 Enlarged ×4")):
        await anna.say(command)
        await anna.say("this one", reply_to=fox.id)

        assert (await anna.said())[-1] == caption


async def test_commands_may_begin_with_a_capital(anna: User) -> None:
    for command in ("/Start", "/START", "/Create"):
        await anna.say(command)

    assert await anna.said() == [t("en", key) for key in ("start", "start", "ask_create")]


async def test_in_a_topic_of_the_bots_own_people_talk_with_each_other(
    simulated_stage: Stage,
) -> None:
    ann, bob = await open_group(simulated_stage, is_forum=True)
    await ann.say("/create a fox", thread_id=7)
    [fox] = await ann.heard()
    beginning = {"message_id": 7, "date": 0, "chat": fox.raw["chat"], "from": fox.raw["from"]}
    service = {"forum_topic_created": {"name": "Foxes", "icon_color": 1}}

    # Telegram leaves the service out of what it repeats of a topic that is old.
    for extra in (beginning, beginning | service):
        await bob.say("a cat", thread_id=7, extra={"reply_to_message": extra})
    silent = await ann.heard()
    await bob.say("a hat", thread_id=7, reply_to=fox.id)
    shown = await ann.heard()

    assert [m.id for m in silent] == [fox.id]
    assert [m.text for m in shown[1:]] == ["✏️ a hat"]


GLAD, PLEASED = t("ru", "pleasantry"), t("en", "pleasantry")


async def test_any_question_can_be_left_in_words(simulated_stage: Stage) -> None:
    commands = ("/create", "/edit", "/merge", "/retouch", "/upscale")
    users = [await simulated_stage.user(language="ru") for _ in commands]

    for user, command in zip(users, commands, strict=True):
        for words in (command, "отмена", "лиса"):
            await user.say(words)

    for user in users:
        assert (await user.said())[1:] == [t("ru", "cancel_dialogue"), "лиса"]


async def test_a_comment_about_a_waiting_photo_is_no_order(anna: User) -> None:
    await anna.photos(jpeg("cat"), caption="спасибо!")
    await anna.say("nice")
    await anna.say("a hat")
    question, glad, result = await anna.heard()

    assert question.text == t("ru", "ask_photo_action")
    assert glad.text == GLAD
    assert result.text == "✏️ a hat"


async def test_a_reply_to_a_picture_is_read_the_same_way(anna: User) -> None:
    fox = await anna.order("a fox")
    after = await anna.control.last_seq()
    hat = await anna.ask("a hat", fits=lambda m: m.text == "✏️ a hat", reply_to=fox.id)

    for words in ("thanks!", "😂😂", "help"):
        await anna.say(words, reply_to=hat.id)
    await anna.say("верни как было", reply_to=hat.id)
    back = await anna.wait(lambda m: m.photo_unique_id == fox.photo_unique_id, after=after)
    shown = await anna.heard()

    assert back.id not in {fox.id, hat.id}
    assert [m.text for m in shown[2:4]] == [PLEASED, t("en", "tell_me")]
    assert len([m for m in shown if m.text.startswith("✏️")]) == 1


async def test_a_group_may_talk_about_a_picture(simulated_stage: Stage) -> None:
    ann, bob = await open_group(simulated_stage)
    await ann.say("/create a fox")
    [fox] = await ann.heard()

    for words in ("класс", "😂😂", "🎉", "thanks, bot!", f"{BOT_NAME} wow"):
        await bob.say(words, reply_to=fox.id)
    silent = await ann.heard()
    await bob.say(f"{BOT_NAME} thanks")
    shown = await ann.heard()

    assert [m.id for m in silent] == [fox.id]
    assert [m.text for m in shown[1:]] == [GLAD]


async def test_an_album_with_thanks_is_asked_about(anna: User) -> None:
    await anna.photos(picture(), picture(color="red"), caption="спасибо")
    [panel] = await anna.heard()

    assert panel.buttons[0]["text"] == "🧩 Объединить"
