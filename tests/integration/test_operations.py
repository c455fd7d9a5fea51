"""Requests for pictures by the built-in engine, from the first message to the picture."""

import functools
from pathlib import Path

import pytest
from PIL import Image

from imgbot.domain.texts import t
from imgbot.storage.provider_records import Durations
from tests.fixtures.degradations import wear
from tests.fixtures.photos import load_photo, photo_path, underexpose
from tests.integration.stage import (
    Stage,
    User,
    as_jpeg,
    has_buttons,
    is_picture,
    jpeg,
    open_stage,
    title,
)

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


async def test_merge_photos_one_by_one_in_spite_of_a_flood(bob: User) -> None:
    await bob.ask("/merge")

    await bob.ask("", jpeg("cat"), fits=lambda m: "first photo" in m.text)
    await bob.control.fault("editMessageText", "flood", chat_id=bob.id, retry_after_s=2)
    panel = await bob.ask("", jpeg("astronaut"), fits=lambda m: "2 photos" in m.text)
    result = await bob.click(panel, "Merge", is_picture)

    assert [button["text"] for button in panel.buttons] == ["🧩 Merge"]
    assert title(result) == "🧩 Merged 2 photos"
    assert min((await bob.image(result)).size) > 200


async def test_the_same_photo_twice_in_a_merge_is_said_to_count_once(bob: User) -> None:
    await bob.ask("/merge")

    _, same, _, again = [
        await bob.ask("", jpeg(name)) for name in ("cat", "cat", "astronaut", "astronaut")
    ]
    await bob.say("/cancel")

    assert same.text == t("en", "merge_same_one")
    assert again.text == t("en", "merge_same", count=2)


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

    assert title(result) == "✨ Улучшил"
    assert result.text.splitlines()[1][0].isupper()
    assert (await anna.image(result)).size == (451, 300)


async def test_a_caption_that_calls_a_photo_old_has_its_scratches_removed(bob: User) -> None:
    worn, _ = wear(load_photo("cat"), 1)

    result = await bob.order("restore this old photo of my grandfather", as_jpeg(worn))

    assert title(result) == "✨ Retouched"
    assert "Scratches, folds and dust removed" in result.text


async def test_upscale_a_file_in_its_full_quality(bob: User) -> None:
    result = await bob.convert("cat.png", photo_path("cat").read_bytes(), "/upscale x4")

    assert title(result) == "🔍 Enlarged ×4"
    assert (await bob.image(result)).size[0] in {451 * 4, 1280}


@pytest.mark.parametrize("way", ["Remove the background, please", "button"])
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

    assert title(result).startswith("✂️ The subject hardly stands out")


async def test_topics_of_the_help_are_one_message_that_turns_to_each_and_back(bob: User) -> None:
    examples = await bob.ask("/help")
    reply, pages = await bob.click(examples, "All I can do"), []
    topics = [button["callback_data"] for button in reply.buttons]
    topics.remove("help:circle")
    for topic in topics:
        await bob.toasts(reply, topic)
        _, page = await bob.heard()
        assert page.button("Back")
        pages.append(page.text)
        await bob.toast(page, "Back")
        _, back = await bob.heard()
        assert back.text == reply.text == t("en", "help_topics")
        assert back.buttons == reply.buttons
    shown = await bob.click(reply, "Circle it", is_picture)
    drawn = await bob.click(await bob.ask("/help"), "in the mountains", is_picture)
    assert shown.photo_id
    assert shown.text == t("en", "help_circle")
    # The link that groups get.
    assert (await bob.ask("/start help")).text == examples.text == t("en", "help")
    assert (drawn.text, len(examples.buttons)) == ("a cabin in the mountains", 7)
    assert len(set(pages)) == len(pages) == 10
    assert "autumn forest" in pages[0]
    assert not [page for page in pages if "{" in page]


async def test_pictures_of_the_help_are_uploaded_once_and_never_edited(bob: User) -> None:
    first, second = [await bob.ask("/help", fits=is_picture) for _ in range(2)]
    refusal = await bob.ask("make it warmer", reply_to=second.id)

    assert first.photo_unique_id == second.photo_unique_id
    assert refusal.text == t("en", "topics_no_photo")


async def test_the_help_of_a_neural_provider_has_its_own_examples(anna: User) -> None:
    reply = await anna.click(await anna.ask("/help"), "All I can do")
    await anna.toasts(reply, "help:create")
    _, page = await anna.heard()

    assert page.text == t("en", "help_create")
    assert "help:engine" not in [button["callback_data"] for button in reply.buttons]


async def test_each_operation_is_ordered_over_http_and_the_bot_learns_how_long_it_takes(
    anna: User,
) -> None:
    requests = (
        ("a fox", "create a fox"),
        ("a hat", "edit a hat"),
        ("/retouch", "retouch"),
        ("Retouch it, please", "retouch Retouch it, please"),
        ("/upscale x2", "upscale"),
        ("/removebg", "removebg"),
    )
    before = len(await anna.stage.orders())
    async with anna.stage.bot.redis() as redis:
        known = functools.partial(Durations(redis).latest, "simulated.create.simulated")
        earlier = len(await known())

        for text, ordered in requests:
            await anna.order(text, *[jpeg("cat")] * (not ordered.startswith("create")))
        [span] = (await known())[earlier:]

    assert (await anna.stage.orders())[before:] == [ordered for _, ordered in requests]
    assert 0 <= span.after_s < span.by_s
    assert span.by_s >= 0.15


async def test_an_edit_that_the_engine_cannot_do_is_refused_at_once(builtin_stage: Stage) -> None:
    for language, words, refusal, hint in (
        ("en", "give her sunglasses", "I can't do “give her sunglasses” yet", "Try, for example: "),
        ("ru", "убери лишних людей", "«убери лишних людей» я пока не умею", "Могу, например: "),
    ):
        user = await builtin_stage.user(language=language)
        photo = jpeg("astronaut")

        answer = await user.ask(words, photo, fits=lambda m, r=refusal: m.text.startswith(r))

        assert hint in answer.text

    done = await user.order("теплее, абракадабра", photo)
    assert "абракадабра" in done.text
    stats = (await builtin_stage.owner.ask("/stats")).text
    told = next(line for line in stats.splitlines() if line.startswith("Not understood lately: "))
    for words in ("give her sunglasses (1)", "убери лишних людей (1)", "абракадабра (1)"):
        assert words in told


async def test_an_administrator_alone_is_told_once_how_to_plug_in_a_provider(
    builtin_stage: Stage,
) -> None:
    guest, owner = await builtin_stage.user(), builtin_stage.owner

    captions = [(await each.order("a fox in a forest")).text for each in (guest, owner, owner)]

    hint = t("en", "engine_hint")
    assert captions == ["a fox in a forest", f"a fox in a forest\n\n{hint}", "a fox in a forest"]
    assert "sudo imgbot install --provider replicate" in hint
    assert "IMGBOT_" not in hint


async def test_the_caption_says_what_was_not_drawn_and_nothing_else_is_suggested(
    builtin_stage: Stage, bob: User
) -> None:
    anna = await builtin_stage.user(language="ru")

    english = await bob.order("a zorb in the city at night")
    russian = await anna.order("Ждун в ночном городе")

    assert english.text.splitlines()[1:] == ["Drawn: “in the city at night”", "Not drawn: “a zorb”"]
    assert russian.text.splitlines()[2] == "Не нарисовано: «Ждун»"
    assert len(russian.buttons) == 6


async def test_the_png_outlives_a_crash_and_comes_without_kept_pictures_at_once(
    tmp_path: Path,
) -> None:
    for folder, kept_mb in (("kept", "2000"), ("none", "0")):
        place = tmp_path / folder
        place.mkdir()
        async for stage in open_stage(place, is_simulated=False, IMGBOT_KEPT_PICTURES_MB=kept_mb):
            bob = await stage.user()
            shown = await bob.order("/removebg", jpeg("astronaut"))
            await stage.bot.kill()
            await stage.bot.start()
            # Killed before it was recorded, the job shows its end once more in the same message.
            await bob.heard()
            [again] = await bob.results()
            is_preview = bool(shown.photo_id)
            file = (
                await bob.click(again, "As a file", lambda m: bool(m.document_id))
                if is_preview
                else again
            )

            assert is_preview == (kept_mb != "0")
            assert (await bob.image(file)).mode == "RGBA"
            assert len(await bob.results()) == 1 + is_preview
