"""Thanks, comments and ways out in plain words: answered in words, never painted."""

import pytest

from imgbot.domain.texts import t
from tests.fixtures.sandbox import picture
from tests.integration.stage import BOT_NAME, Stage, User, jpeg, open_group

pytestmark = [
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.usefixtures("undisturbed"),
]

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

    for words in ("thanks!", "🦊🌲", "help"):
        await anna.say(words, reply_to=hat.id)
    await anna.say("верни как было", reply_to=hat.id)
    back = await anna.wait(lambda m: m.photo_unique_id == fox.photo_unique_id, after=after)
    shown = await anna.heard()

    assert back.id not in {fox.id, hat.id}
    assert [m.text for m in shown[2:4]] == [PLEASED, PLEASED]
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
