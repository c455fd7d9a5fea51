"""Thanks, comments and ways out in plain words: answered in words, never painted."""

import pytest

from imgbot.domain.texts import t
from tests.fixtures.sandbox import picture
from tests.integration.conftest import BOT_NAME, Stage, heard, open_group, said
from tests.integration.test_actions import jpeg, result_for

pytestmark = [
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.usefixtures("undisturbed"),
]

GLAD, PLEASED = t("ru", "pleasantry"), t("en", "pleasantry")
SAID = {
    "thanks": ("спасибо 🙏", GLAD),
    "thumb": ("👍", GLAD),
    "heart": ("❤️", GLAD),
    "praise": ("красиво", GLAD),
    "smalltalk": ("как дела?", GLAD),
    "greeting-by-name": ("Привет, бот", GLAD),
    "greeting-in-english": ("hi there", GLAD),
    "cancel": ("Отмена", t("ru", "cancel_nothing")),
    "stop": ("stop", t("ru", "cancel_nothing")),
    "undo": ("верни как было", t("ru", "undo_nothing")),
}


@pytest.mark.parametrize(("words", "answer"), SAID.values(), ids=SAID)
async def test_what_is_no_request_is_answered(
    simulated_stage: Stage, words: str, answer: str
) -> None:
    anna = await simulated_stage.control.make_user("Анна", language_code="ru")

    await simulated_stage.control.say(anna, words)
    [only] = await said(simulated_stage, anna)

    assert only == answer


@pytest.mark.parametrize("words", ["помощь", "What can you do?"])
async def test_a_call_for_help_is_heard(simulated_stage: Stage, words: str) -> None:
    anna = await simulated_stage.control.make_user("Анна", language_code="ru")

    await simulated_stage.control.say(anna, words)
    *examples, last = await heard(simulated_stage, anna)

    assert len(examples) == 3
    assert last.text.startswith(t("ru", "help", operations="…", limit_mb=20).partition("…")[0])


@pytest.mark.parametrize("asked", ["/create", "/edit", "/merge", "/retouch", "/upscale"])
async def test_any_question_can_be_left_in_words(simulated_stage: Stage, asked: str) -> None:
    control = simulated_stage.control
    anna = await control.make_user("Анна", language_code="ru")

    await control.say(anna, asked)
    await control.say(anna, "отмена")
    await control.say(anna, "лиса")
    answers = await said(simulated_stage, anna)

    assert answers[1:] == [t("ru", "cancel_dialogue"), "лиса"]


async def test_a_comment_about_a_waiting_photo_is_no_order(simulated_stage: Stage) -> None:
    control = simulated_stage.control
    bob = await control.make_user("Bob")

    await control.send_photos(bob, [jpeg("cat")], caption="спасибо!")
    await control.say(bob, "nice")
    await control.say(bob, "a hat")
    question, glad, result = await heard(simulated_stage, bob)

    assert question.text == t("en", "ask_photo_action")
    assert glad.text == PLEASED
    assert result.text == "✏️ a hat"


async def test_a_reply_to_a_picture_is_read_the_same_way(simulated_stage: Stage) -> None:
    control = simulated_stage.control
    bob = await control.make_user("Bob")
    await control.say(bob, "a fox")
    fox = await result_for(control, bob)
    await control.say(bob, "a hat", reply_to=fox.id)
    after = await control.last_seq()
    hat = await control.wait_message(bob.id, lambda m: m.text == "✏️ a hat")

    for words in ("thanks!", "🦊🌲", "help"):
        await control.say(bob, words, reply_to=hat.id)
    await control.say(bob, "верни как было", reply_to=hat.id)
    back = await control.wait_message(
        bob.id, lambda m: m.photo_unique_id == fox.photo_unique_id, after=after
    )
    shown = await heard(simulated_stage, bob)

    assert back.id not in {fox.id, hat.id}
    assert [m.text for m in shown[2:4]] == [PLEASED, PLEASED]
    assert len([m for m in shown if m.text.startswith("✏️")]) == 1


async def test_a_group_may_talk_about_a_picture(simulated_stage: Stage) -> None:
    control, ann, bob, group = await open_group(simulated_stage)
    await control.say(ann, "/create a fox", chat_id=group)
    [fox] = await heard(simulated_stage, ann, group)

    for words in ("класс", "😂😂", "🎉", "thanks, bot!", f"{BOT_NAME} wow"):
        await control.say(bob, words, chat_id=group, reply_to=fox.id)
    silent = await heard(simulated_stage, ann, group)
    await control.say(bob, f"{BOT_NAME} thanks", chat_id=group)
    shown = await heard(simulated_stage, ann, group)

    assert [m.id for m in silent] == [fox.id]
    assert [m.text for m in shown[1:]] == [PLEASED]


async def test_an_album_with_thanks_is_asked_about(simulated_stage: Stage) -> None:
    control = simulated_stage.control
    bob = await control.make_user("Bob")

    await control.send_photos(bob, [picture(), picture(color="red")], caption="спасибо")
    [panel] = await heard(simulated_stage, bob)

    assert panel.buttons[0]["text"] == "🧩 Merge"
