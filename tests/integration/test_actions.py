"""Requests for pictures by the built-in engine, from the first message to the picture."""

import pytest
from PIL import Image

from imgbot.domain.texts import t
from imgbot.storage.provider_records import Durations
from tests.fixtures.photos import load_photo, photo_path, underexpose
from tests.integration.stage import Stage, User, as_jpeg, has_buttons, is_picture, jpeg, title

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


async def test_create_by_command_and_words(builtin_stage: Stage) -> None:
    anna = await builtin_stage.user(language="ru")

    question = await anna.ask("/create")
    result = await anna.order("осенний лес на закате")

    assert question.text == "Что нарисовать? Напишите словами."
    assert title(result) == "осенний лес на закате"
    image = await anna.image(result)
    assert min(image.size) >= 512
    assert len(image.convert("L").getcolors(256 * 256) or []) > 20


async def test_edit_by_a_photo_with_a_caption(bob: User) -> None:
    result = await bob.order("black and white", jpeg("astronaut"))

    red, green, blue = (await bob.image(result)).convert("RGB").split()
    assert red.histogram() == pytest.approx(green.histogram(), abs=red.width * 4)
    assert green.tobytes() == pytest.approx(blue.tobytes(), abs=6)


async def test_edit_step_by_step(builtin_stage: Stage) -> None:
    anna = await builtin_stage.user(language="ru")

    first = await anna.ask("/edit")
    second = await anna.ask("", jpeg("cat"))
    result = await anna.order("поверни вправо")

    assert first.text == "Пришлите фото, которое нужно изменить."
    assert second.text.startswith("Что сделать с фото?")
    width, height = (await anna.image(result)).size
    assert width < height


async def test_merge_photos_one_by_one(bob: User) -> None:
    await bob.ask("/merge")

    await bob.photos(jpeg("cat"))
    panel = await bob.ask("", jpeg("astronaut"), fits=lambda m: "2 photos" in m.text)
    result = await bob.click(panel, "Merge", is_picture)

    assert title(result) == "🧩 Photos merged: 2"
    assert min((await bob.image(result)).size) > 200


async def test_the_merge_button_comes_in_spite_of_a_flood(bob: User) -> None:
    await bob.ask("/merge")
    await bob.ask("", jpeg("cat"), fits=lambda m: "first photo" in m.text)

    await bob.control.fault("editMessageText", "flood", chat_id=bob.id, retry_after_s=2)
    panel = await bob.ask("", jpeg("astronaut"), fits=lambda m: "2 photos" in m.text)

    assert [button["text"] for button in panel.buttons] == ["🧩 Merge"]


async def test_a_wait_that_telegram_asks_for_is_in_the_log_once(bob: User) -> None:
    bot = bob.stage.bot
    earlier = bot.log
    await bob.control.fault("editMessageMedia", "flood", chat_id=bob.id, retry_after_s=1)

    await bob.order("/create a fox")

    told = bot.log.removeprefix(earlier).splitlines()
    assert len([line for line in told if "rate-limited" in line or " wait" in line]) == 1, told


async def test_a_good_photo_is_left_as_it_is_and_told_so(bob: User) -> None:
    result = await bob.order("/retouch", jpeg("cat"))

    assert title(result) == "✨ This photo is fine as it is: nothing needed fixing"


async def test_retouch_a_photo_by_its_button(builtin_stage: Stage) -> None:
    anna = await builtin_stage.user(language="ru")

    question = await anna.ask("", as_jpeg(underexpose(load_photo("cat"), 2.0)), fits=has_buttons)
    result = await anna.click(question, "Улучшить", is_picture)

    assert title(result) == "✨ Улучшено"
    assert "Сделано: " in result.text
    assert (await anna.image(result)).size == (451, 300)


@pytest.mark.parametrize("scale", [2, 4])
async def test_upscale_a_file_in_its_full_quality(bob: User, scale: int) -> None:
    result = await bob.convert("cat.png", photo_path("cat").read_bytes(), f"/upscale x{scale}")

    assert title(result) == f"🔍 Enlarged ×{scale}"
    assert (await bob.image(result)).size[0] in {451 * scale, 1280}


@pytest.mark.parametrize("way", ["/removebg", "Remove the background, please", "button"])
async def test_a_background_is_removed_and_the_png_is_behind_a_button(bob: User, way: str) -> None:
    if way == "button":
        question = await bob.ask("", jpeg("astronaut"), fits=has_buttons)
        result = await bob.click(question, "Cut out", is_picture)
    else:
        result = await bob.order(way, jpeg("astronaut"))

    document = await bob.click(result, "As a file")

    assert title(result) == "✂️ Background removed"
    assert result.text.endswith(t("en", "removebg_note"))
    preview = await bob.image(result)
    assert (preview.format, preview.getpixel((2, 2))) == ("JPEG", (255, 255, 255))
    cut = await bob.image(document)
    assert (cut.format, cut.mode) == ("PNG", "RGBA")
    assert cut.getchannel("A").getextrema() == (0, 255)


async def test_a_cut_out_without_a_clear_subject_says_so(bob: User) -> None:
    sky = as_jpeg(Image.linear_gradient("L").resize((400, 300)).convert("RGB"))
    result = await bob.order("/removebg", sky)

    assert title(result).startswith("✂️ Nothing stands out clearly from the background")


async def test_the_buttons_under_a_result(bob: User) -> None:
    first = await bob.order("a green valley")

    again = await bob.click(first, "Again", is_picture)
    larger = await bob.click(again, "×2", is_picture)
    await bob.click(first, "Edit", lambda m: m.text.startswith("What should I do with it?"))

    assert title(again) == "a green valley"
    assert title(larger) == "🔍 Enlarged ×2"
    assert len({first.id, again.id, larger.id}) == 3


async def test_help_is_one_message_that_turns_to_each_topic_and_back(bob: User) -> None:
    reply = await bob.ask("/help")
    pages = []
    for button in reply.buttons:
        await bob.toasts(reply, button["callback_data"])
        [page] = await bob.heard()
        pages.append(page.text)
        await bob.toasts(page, page.button("Back")["callback_data"])

    [back] = await bob.heard()
    assert back.text == reply.text == t("en", "help")
    assert back.buttons == reply.buttons
    assert len(set(pages)) == len(pages) == 10
    assert "autumn forest" in pages[0]
    assert not [page for page in pages if "{" in page]


async def test_the_help_of_a_neural_provider_has_its_own_examples(anna: User) -> None:
    reply = await anna.ask("/help")
    await anna.toasts(reply, "help:create", "help:engine")
    [page] = await anna.heard()

    assert page.text == t("en", "help_create")
    assert "help:engine" not in [button["callback_data"] for button in reply.buttons]


async def test_the_link_of_a_group_leads_to_the_help(bob: User) -> None:
    reply = await bob.ask("/start help")

    assert reply.text == t("en", "help")


async def test_each_operation_is_ordered_from_a_provider_over_http(anna: User) -> None:
    requests = (
        ("a fox", "create"),
        ("a hat", "edit"),
        ("/retouch", "retouch"),
        ("Retouch it, please", "retouch"),
        ("/upscale x2", "upscale"),
        ("/removebg", "removebg"),
    )

    before = len((await anna.control.provider())["ledger"])

    for text, operation in requests:
        await anna.order(text, *[jpeg("cat")] * (operation != "create"))

    ledger = (await anna.control.provider())["ledger"][before:]
    assert [entry["operation"] for entry in ledger] == [operation for _, operation in requests]


@pytest.mark.parametrize(
    ("words", "refusal", "hint"),
    [
        ("give her sunglasses", "I don't know how to do this", "Try, for example: "),
        ("убери лишних людей", "Так я не умею", "Попробуйте, например: "),
    ],
)
async def test_an_edit_that_the_engine_cannot_do_is_refused_at_once(
    bob: User, words: str, refusal: str, hint: str
) -> None:
    answer = await bob.ask(words, jpeg("astronaut"), fits=lambda m: m.text.startswith(refusal))

    assert hint in answer.text


async def test_the_bot_learns_from_the_pictures_that_it_has_made(anna: User) -> None:
    async with anna.stage.bot.redis() as redis:
        durations = Durations(redis)
        before = await durations.latest("simulated.create.simulated")
        for words in ("a fox", "a lake", "a tree"):
            await anna.order(words)
        spans = (await durations.latest("simulated.create.simulated"))[len(before) :]

    assert len(spans) == 3
    assert all(0 <= span.after_s < span.by_s for span in spans)
    assert min(span.by_s for span in spans) >= 0.15
