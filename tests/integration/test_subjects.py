"""What a message is about: the picture that it brings, answers or was asked for."""

from typing import Any

import pytest

from imgbot.domain.texts import t
from imgbot.storage import keys
from tests.fixtures.sandbox import KINDS, Control, Message, Person
from tests.integration.conftest import BOT_NAME, Office, Stage, heard, open_group, said
from tests.integration.test_actions import jpeg, result_for

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


async def fox_for(control: Control, person: Person) -> Message:
    await control.say(person, "a fox")
    return await result_for(control, person)


@pytest.mark.parametrize(
    ("words", "caption"),
    [
        ("увеличь", "🔍 Увеличено ×2"),
        ("увеличь в четыре раза!", "🔍 Увеличено ×4"),
        ("make it bigger", "🔍 Увеличено ×2"),
        ("увеличь глаза", "✏️ увеличь глаза"),
    ],
)
async def test_a_larger_picture_may_be_asked_for_in_words(
    simulated_stage: Stage, words: str, caption: str
) -> None:
    control = simulated_stage.control
    anna = await control.make_user("Анна", language_code="ru")

    [photo] = await control.send_photos(anna, [jpeg("cat")])
    await control.say(anna, words)
    await control.send_photos(anna, [jpeg("cat")], caption=words)
    await control.say(anna, words, reply_to=photo.id)
    _, *results = await said(simulated_stage, anna)

    assert results == [caption] * 3


async def test_a_larger_picture_of_none_is_asked_for_it(simulated_stage: Stage) -> None:
    control = simulated_stage.control
    bob = await control.make_user("Bob")

    await control.say(bob, "upscale x4")
    await control.send_photos(bob, [jpeg("cat")], caption="4x.")

    assert await said(simulated_stage, bob) == [t("en", "ask_upscale_photo"), "🔍 Enlarged ×4"]


async def test_a_photo_instead_of_words_is_taken_as_a_photo(simulated_stage: Stage) -> None:
    control = simulated_stage.control
    bob = await control.make_user("Bob")
    await control.say(bob, "/start")
    menu = await control.wait_message(bob.id)

    await control.click(bob, menu, "🎨")
    await control.wait_message(bob.id, lambda m: m.text == t("en", "ask_create"))
    await control.send_photos(bob, [jpeg("cat")], caption="a hat")
    await result_for(control, bob)
    await control.say(bob, "/create")
    await control.send_photos(bob, [jpeg("cat")])
    _, _, hat, _, question = await said(simulated_stage, bob)

    assert hat == "✏️ a hat"
    assert question == t("en", "ask_photo_action")


async def test_a_reply_to_a_picture_of_another_chat_is_about_it(simulated_stage: Stage) -> None:
    control, ann, _, group = await open_group(simulated_stage)
    [photo] = await control.send_photos(ann, [jpeg("cat")], chat_id=group)
    origin = {"type": "user", "date": 0, "sender_user": ann.raw}
    elsewhere = {"origin": origin, "photo": photo.raw["photo"]}

    await control.say(ann, "a hat", extra={"external_reply": elsewhere})

    assert await said(simulated_stage, ann) == ["✏️ a hat"]


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
        t("en", "cannot_read_kind"),
    ),
    **{kind: (KINDS[kind], t("en", "cannot_read_kind")) for kind in ("video", "sticker", "voice")},
}


@pytest.mark.parametrize("case", UNUSABLE)
async def test_a_reply_to_what_is_no_usable_picture_is_told_so(
    simulated_stage: Stage, case: str
) -> None:
    control = simulated_stage.control
    bob = await control.make_user("Bob")
    content, sentence = UNUSABLE[case]
    [sent] = await control.send(bob, extra=content)
    await heard(simulated_stage, bob)

    await control.say(bob, "make it warmer", reply_to=sent.id)

    assert (await said(simulated_stage, bob))[-1] == sentence


async def test_in_a_group_a_sticker_is_nothing_to_speak_of(simulated_stage: Stage) -> None:
    control, ann, bob, group = await open_group(simulated_stage)
    sticker = await control.send_kind(ann, "sticker", chat_id=group)

    await control.say(bob, f"{BOT_NAME} a fox", chat_id=group, reply_to=sticker.id)

    assert await said(simulated_stage, ann, group) == ["a fox"]


@pytest.mark.parametrize("hidden", [False, True], ids=["named", "hidden"])
async def test_a_result_that_is_forwarded_back_is_asked_about(
    simulated_stage: Stage, *, hidden: bool
) -> None:
    control = simulated_stage.control
    bob = await control.make_user("Bob")
    fox = await fox_for(control, bob)

    await control.forward(bob, [fox], hidden=hidden)
    [_, question] = await said(simulated_stage, bob)

    assert question == t("en", "ask_photo_action")


@pytest.mark.parametrize(
    ("asked", "caption"),
    [("/retouch", "✨ Retouched"), ("/upscale x4", "🔍 Enlarged ×4")],
    ids=["retouch", "upscale"],
)
async def test_a_picture_that_was_asked_for_may_be_pointed_at(
    simulated_stage: Stage, asked: str, caption: str
) -> None:
    control = simulated_stage.control
    bob = await control.make_user("Bob")
    fox = await fox_for(control, bob)

    await control.say(bob, asked)
    await control.say(bob, "this one", reply_to=fox.id)

    assert (await said(simulated_stage, bob))[-1] == caption


@pytest.mark.parametrize("command", ["/Start", "/START", "/Create"])
async def test_commands_may_begin_with_a_capital(simulated_stage: Stage, command: str) -> None:
    bob = await simulated_stage.control.make_user("Bob")

    await simulated_stage.control.say(bob, command)

    key = "ask_create" if command == "/Create" else "start"
    assert await said(simulated_stage, bob) == [t("en", key)]


async def test_in_a_topic_of_the_bots_own_people_talk_with_each_other(
    simulated_stage: Stage,
) -> None:
    control, ann, bob, group = await open_group(simulated_stage, is_forum=True)
    await control.say(ann, "/create a fox", chat_id=group, thread_id=7)
    [fox] = await heard(simulated_stage, ann, group)
    beginning = {"message_id": 7, "date": 0, "chat": fox.raw["chat"], "from": fox.raw["from"]}
    service = {"forum_topic_created": {"name": "Foxes", "icon_color": 1}}

    # Telegram leaves the service out of what it repeats of a topic that is old.
    for extra in (beginning, beginning | service):
        await control.say(
            bob, "a cat", chat_id=group, thread_id=7, extra={"reply_to_message": extra}
        )
    silent = await heard(simulated_stage, ann, group)
    await control.say(bob, "a hat", chat_id=group, thread_id=7, reply_to=fox.id)
    shown = await heard(simulated_stage, ann, group)

    assert [m.id for m in silent] == [fox.id]
    assert [m.text for m in shown[1:]] == ["✏️ a hat"]


async def test_a_ban_in_a_topic_names_nobody_by_itself(office: Office) -> None:
    """Its first message is as if answered by all that follow: its author said nothing."""
    control, owner = office.stage.control, office.owner
    anna = await control.make_user("Anna")
    group = await control.make_group("Foxes", [anna, owner], is_forum=True)

    await control.say(owner, "/ban", chat_id=group, thread_id=7)
    await control.say(owner, "/allow", chat_id=group, thread_id=7)
    answers = await said(office.stage, owner, group)
    async with office.stage.bot.redis() as redis:
        allowed = await redis.smembers(keys.ALLOWED)

    assert answers == [t("en", "ban_usage"), t("en", "allow_group_done", user=group)]
    assert str(anna.id) not in allowed


async def test_an_anonymous_administrator_is_told_that_and_no_number(office: Office) -> None:
    control, guest = office.stage.control, office.guest
    group = await control.make_group("Uninvited", [guest])

    await control.say(guest, "/create a fox", chat_id=group, anonymous=True)

    assert await said(office.stage, guest, group) == [t("en", "anonymous")]
