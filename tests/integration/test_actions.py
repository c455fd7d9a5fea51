"""The six actions through the front door, from the first message to the picture."""

import io

import pytest
from PIL import Image

from tests.fixtures.photos import load_photo, photo_path, underexpose
from tests.fixtures.sandbox import Control, Message, Person
from tests.integration.conftest import Stage

pytestmark = pytest.mark.asyncio(loop_scope="module")


def jpeg(name: str, size: tuple[int, int] | None = None) -> bytes:
    image = load_photo(name)
    return encoded(image.resize(size) if size else image)


def encoded(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


async def picture_in(control: Control, message: Message) -> Image.Image:
    content = await control.file(message.photo_id or message.document_id or "")
    return Image.open(io.BytesIO(content))


async def result_for(control: Control, person: Person, after: int = 0) -> Message:
    return await control.wait_message(
        person.id, lambda m: bool(m.photo_id or m.document_id), after=after
    )


def title(message: Message) -> str:
    """The first line of a caption; below it stands what was done."""
    return message.text.splitlines()[0]


async def say_and_wait(stage: Stage, person: Person, text: str) -> Message:
    after = await stage.control.last_seq()
    await stage.control.say(person, text)
    return await stage.control.wait_message(person.id, after=after)


@pytest.mark.parametrize(("language", "greeting"), [("ru", "Привет"), ("en", "Hi!")])
async def test_the_greeting_offers_six_actions(
    builtin_stage: Stage, language: str, greeting: str
) -> None:
    person = await builtin_stage.control.make_user("Anna", language_code=language)

    reply = await say_and_wait(builtin_stage, person, "/start")

    assert reply.text.startswith(greeting)
    assert len(reply.buttons) == 6


async def test_create_by_command_and_words(builtin_stage: Stage) -> None:
    control = builtin_stage.control
    person = await control.make_user("Anna", language_code="ru")

    question = await say_and_wait(builtin_stage, person, "/create")
    await control.say(person, "осенний лес на закате")
    result = await result_for(control, person)

    assert question.text == "Что нарисовать? Напишите словами."
    assert title(result) == "осенний лес на закате"
    image = await picture_in(control, result)
    assert min(image.size) >= 512
    assert len(image.convert("L").getcolors(256 * 256) or []) > 20


async def test_plain_words_are_enough(builtin_stage: Stage) -> None:
    control = builtin_stage.control
    person = await control.make_user("Bob")

    await control.say(person, "a winter night with stars")
    result = await result_for(control, person)

    messages = [m for m in await control.messages(person.id) if m.is_outgoing]
    assert [m.id for m in messages] == [result.id]


async def test_edit_by_a_photo_with_a_caption(builtin_stage: Stage) -> None:
    control = builtin_stage.control
    person = await control.make_user("Bob")

    await control.send_photos(person, [jpeg("astronaut")], caption="black and white")
    result = await result_for(control, person)

    red, green, blue = (await picture_in(control, result)).convert("RGB").split()
    assert red.histogram() == pytest.approx(green.histogram(), abs=red.width * 4)
    assert green.tobytes() == pytest.approx(blue.tobytes(), abs=6)


async def test_edit_step_by_step(builtin_stage: Stage) -> None:
    control = builtin_stage.control
    person = await control.make_user("Анна", language_code="ru")

    first = await say_and_wait(builtin_stage, person, "/edit")
    after = await control.last_seq()
    await control.send_photos(person, [jpeg("cat")])
    second = await control.wait_message(person.id, after=after)
    await control.say(person, "поверни вправо")
    result = await result_for(control, person)

    assert first.text == "Пришлите фото, которое нужно изменить."
    assert second.text.startswith("Что сделать с фото?")
    width, height = (await picture_in(control, result)).size
    assert width < height


async def test_merge_photos_one_by_one(builtin_stage: Stage) -> None:
    control = builtin_stage.control
    person = await control.make_user("Bob")
    await say_and_wait(builtin_stage, person, "/merge")

    await control.send_photos(person, [jpeg("cat")])
    await control.send_photos(person, [jpeg("astronaut")])
    panel = await control.wait_message(person.id, lambda m: "2 photos" in m.text)
    await control.click(person, panel, "Merge")
    result = await result_for(control, person)

    assert title(result) == "🧩 Photos merged: 2"
    assert min((await picture_in(control, result)).size) > 200


async def test_the_merge_button_comes_in_spite_of_a_flood(builtin_stage: Stage) -> None:
    control = builtin_stage.control
    person = await control.make_user("Bob")
    await say_and_wait(builtin_stage, person, "/merge")
    await control.send_photos(person, [jpeg("cat")])
    await control.wait_message(person.id, lambda m: "first photo" in m.text)

    await control.fault("editMessageText", "flood", chat_id=person.id, retry_after_s=2)
    await control.send_photos(person, [jpeg("astronaut")])
    panel = await control.wait_message(person.id, lambda m: "2 photos" in m.text)

    assert [button["text"] for button in panel.buttons] == ["🧩 Merge"]


async def test_a_wait_that_telegram_asks_for_is_in_the_log_once(builtin_stage: Stage) -> None:
    control, log = builtin_stage.control, builtin_stage.bot.log
    person = await control.make_user("Bob")
    await control.fault("editMessageMedia", "flood", chat_id=person.id, retry_after_s=1)

    await control.say(person, "/create a fox")
    await result_for(control, person)

    told = builtin_stage.bot.log.removeprefix(log).splitlines()
    assert len([line for line in told if "rate-limited" in line or " wait" in line]) == 1, told


async def test_a_good_photo_is_left_as_it_is_and_told_so(builtin_stage: Stage) -> None:
    control = builtin_stage.control
    person = await control.make_user("Bob")

    await control.send_photos(person, [jpeg("cat")], caption="/retouch")
    result = await result_for(control, person)

    assert title(result) == "✨ This photo is good as it is: nothing needed fixing"


async def test_retouch_a_photo_by_its_button(builtin_stage: Stage) -> None:
    control = builtin_stage.control
    person = await control.make_user("Анна", language_code="ru")

    await control.send_photos(person, [encoded(underexpose(load_photo("cat"), 2.0))])
    question = await control.wait_message(person.id, lambda m: bool(m.buttons))
    await control.click(person, question, "Улучшить")
    result = await result_for(control, person)

    assert title(result) == "✨ Улучшено"
    assert "Сделано: " in result.text
    assert (await picture_in(control, result)).size == (451, 300)


@pytest.mark.parametrize("scale", [2, 4])
async def test_upscale_a_file_in_its_full_quality(builtin_stage: Stage, scale: int) -> None:
    control = builtin_stage.control
    person = await control.make_user("Bob")

    await control.send_documents(
        person, [("cat.png", photo_path("cat").read_bytes())], caption=f"/upscale x{scale}"
    )
    result = await result_for(control, person)

    assert title(result) == f"🔍 Enlarged ×{scale}"
    assert (await picture_in(control, result)).size[0] in {451 * scale, 1280}


async def test_a_command_in_reply_to_a_picture_is_about_that_picture(builtin_stage: Stage) -> None:
    control = builtin_stage.control
    person = await control.make_user("Bob")
    await control.say(person, "a calm sea")
    first = await result_for(control, person)

    after = await control.last_seq()
    await control.say(person, "much warmer", reply_to=first.id)
    second = await result_for(control, person, after)

    assert second.id != first.id
    assert second.text.startswith("✏️ much warmer")


@pytest.mark.parametrize("way", ["/removebg", "Remove the background, please", "button"])
async def test_a_background_is_removed_into_a_png_with_transparency(
    builtin_stage: Stage, way: str
) -> None:
    control = builtin_stage.control
    person = await control.make_user("Bob")

    if way == "button":
        await control.send_photos(person, [jpeg("astronaut")])
        question = await control.wait_message(person.id, lambda m: bool(m.buttons))
        await control.click(person, question, "Cut out")
    else:
        await control.send_photos(person, [jpeg("astronaut")], caption=way)
    result = await result_for(control, person)

    assert title(result) == "✂️ Background removed"
    assert result.document_id
    cut = await picture_in(control, result)
    assert (cut.format, cut.mode) == ("PNG", "RGBA")
    assert cut.getchannel("A").getextrema() == (0, 255)


async def test_a_result_is_cut_out_by_its_button(builtin_stage: Stage) -> None:
    control = builtin_stage.control
    person = await control.make_user("Bob")
    await control.send_photos(person, [jpeg("astronaut")], caption="warmer")
    warmer = await result_for(control, person)

    after = await control.last_seq()
    await control.click(person, warmer, "Cut out")
    result = await result_for(control, person, after)

    assert title(result).startswith("✂️")
    assert (await picture_in(control, result)).mode == "RGBA"


async def test_a_cut_out_without_a_clear_subject_says_so(builtin_stage: Stage) -> None:
    control = builtin_stage.control
    person = await control.make_user("Bob")

    sky = encoded(Image.linear_gradient("L").resize((400, 300)).convert("RGB"))
    await control.send_photos(person, [sky], caption="/removebg")
    result = await result_for(control, person)

    assert title(result).startswith("✂️ Nothing stands out clearly from the background here")


async def test_the_buttons_under_a_result(builtin_stage: Stage) -> None:
    control = builtin_stage.control
    person = await control.make_user("Bob")
    await control.say(person, "a green valley")
    first = await result_for(control, person)

    after = await control.last_seq()
    await control.click(person, first, "Again")
    again = await result_for(control, person, after)
    after = await control.last_seq()
    await control.click(person, again, "×2")
    larger = await result_for(control, person, after)
    after = await control.last_seq()
    await control.click(person, first, "Edit")
    await control.wait_message(
        person.id, lambda m: m.text.startswith("What shall I do with it?"), after=after
    )

    assert title(again) == "a green valley"
    assert title(larger) == "🔍 Enlarged ×2"
    assert len({first.id, again.id, larger.id}) == 3


async def test_two_taps_at_once_are_one(builtin_stage: Stage) -> None:
    control = builtin_stage.control
    person = await control.make_user("Bob")
    await control.say(person, "two taps")
    first = await result_for(control, person)

    after = await control.last_seq()
    await control.click(person, first, "Again")
    await control.click(person, first, "Again")
    answer = await control.wait_for(
        lambda e: e.type == "callback_answer" and e.raw.get("text") == "On it already.",
        after=after,
    )
    await result_for(control, person, after)

    assert answer.raw["user_id"] == person.id
    results = [m for m in await control.messages(person.id) if m.photo_id]
    assert len(results) == 2


async def test_help_names_what_can_be_done(builtin_stage: Stage) -> None:
    person = await builtin_stage.control.make_user("Anna", language_code="ru")

    control = builtin_stage.control

    await control.say(person, "/help")
    reply = await control.wait_message(person.id, lambda m: bool(m.buttons))
    examples = [m for m in await control.messages(person.id) if m.photo_id]

    assert examples[0].text.startswith("1 — слова «лиса в осеннем лесу, акварель»")
    assert len({m.media_group_id for m in examples}) == 1
    assert len(examples) == 3
    assert all(word in reply.text for word in ("/undo", "/retouch", "/upscale", "/cancel"))


async def test_all_actions_with_a_provider_over_http(simulated_stage: Stage) -> None:
    control = simulated_stage.control
    person = await control.make_user("Bob")
    requests = [
        lambda: control.say(person, "a fox"),
        lambda: control.send_photos(person, [jpeg("cat")], caption="a hat"),
        lambda: control.send_photos(person, [jpeg("cat")], caption="/retouch"),
        lambda: control.send_photos(person, [jpeg("cat")], caption="Retouch it, please"),
        lambda: control.send_photos(person, [jpeg("cat")], caption="/upscale x2"),
        lambda: control.send_photos(person, [jpeg("cat")], caption="/removebg"),
    ]

    for request in requests:
        after = await control.last_seq()
        await request()
        await result_for(control, person, after)

    ledger = (await control.provider())["ledger"]
    made = [entry["operation"] for entry in ledger]
    assert made == ["create", "edit", "retouch", "retouch", "upscale", "removebg"]


@pytest.mark.parametrize("words", ["give her sunglasses", "убери лишних людей"])
async def test_what_the_engine_cannot_do_is_said_at_once(builtin_stage: Stage, words: str) -> None:
    control = builtin_stage.control
    person = await control.make_user("Bob")

    await control.send_photos(person, [jpeg("astronaut")], caption=words)
    answer = await control.wait_message(
        person.id, lambda m: m.text.startswith("I don't know how to do that"), 10
    )

    assert "Try, for example: " in answer.text


async def test_thanks_are_not_painted(builtin_stage: Stage) -> None:
    person = await builtin_stage.control.make_user("Анна", language_code="ru")

    answer = await say_and_wait(builtin_stage, person, "Спасибо!!")

    assert answer.text.startswith("Всегда рад!")


async def test_an_unknown_command_is_named_as_such(builtin_stage: Stage) -> None:
    person = await builtin_stage.control.make_user("Bob")

    answer = await say_and_wait(builtin_stage, person, "/fly")

    assert answer.text == "I don't know this command. Everything I can do is in /help."
