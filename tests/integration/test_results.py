"""Requests about finished pictures: back, compare, the file, the latest, the strip."""

import io
import re
from unittest.mock import Mock

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from imgbot.domain.texts import t
from tests.fixtures.sandbox import Message
from tests.integration.stage import (
    BOT_NAME,
    OUT_OF_REACH,
    Stage,
    User,
    is_picture,
    jpeg,
    open_group,
)

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


async def edited_twice(bob: User) -> tuple[Message, Message, Message]:
    """A created picture, then two edits, each a reply to the one before."""
    first = await bob.order("a green valley")
    second = await bob.order("black and white", reply_to=first.id)
    return first, second, await bob.order("rotate right", reply_to=second.id)


def labels(message: Message) -> list[str]:
    return [button["text"] for button in message.buttons]


async def calls_since(bob: User, seq: int) -> set[str]:
    """Methods of Telegram that the bot has called."""
    calls = (await bob.control.calls())["calls"]
    return {call["method"] for call in calls if call["seq"] > seq}


async def test_undo_goes_back_step_by_step_from_any_picture_to_the_beginning(bob: User) -> None:
    first, second, third = await edited_twice(bob)
    shown = await bob.ask("/last")
    await bob.order("sepia", reply_to=shown.id)

    back = [await bob.ask("/undo") for _ in range(4)]

    pictures = [message.photo_unique_id for message in (third, second, first)]
    assert shown.photo_unique_id == third.photo_unique_id
    assert [message.photo_unique_id for message in back[:3]] == pictures
    assert back[3].text.startswith("Nothing to undo")


async def test_undo_ends_at_the_users_own_photo(builtin_stage: Stage) -> None:
    anna = await builtin_stage.user(language="ru")
    [sent] = await anna.photos(jpeg("cat"), caption="чб")
    result = await anna.wait(is_picture)

    shown = await anna.click(result, "Шаг назад")

    assert shown.photo_unique_id == sent.photo_unique_id
    assert shown.text.startswith("Это ваша исходная картинка")


async def test_all_other_buttons_open_in_place_and_close(builtin_stage: Stage, bob: User) -> None:
    eve = await builtin_stage.user("Eve")
    await bob.order("a fox")
    page = await bob.ask("/history")
    told = len(await bob.heard())

    opened = await bob.unfold(page)
    data = opened.button("Cut out")["callback_data"]
    closed = await bob.press(opened, "‹ Back")
    cut_out = await bob.after(bob.press_again(closed, data), is_picture)

    first = ["🔁 Again", "✏️ Edit", "×2", "📄 As a file", "🏷 Sticker", "⋯"]
    assert labels(page) == labels(closed) == ["1 / 1", *first]
    assert labels(opened) == ["1 / 1", "✂️ Cut out", "📝 Prompt", "ℹ️ About it", "×4", "‹ Back"]
    assert labels(cut_out) == ["✏️ Edit", "×2", "📄 As a file", "🏷 Sticker", "↩️ Undo", "⋯"]
    assert len(await bob.heard()) == told + 1
    forged = f"panel:open.{data.partition(':')[2]}"
    assert await eve.toasts(OUT_OF_REACH, forged) == [t("en", "not_your_button")]


async def test_what_is_made_of_a_hidden_photo_is_hidden(bob: User) -> None:
    [photo] = await bob.photos(jpeg("cat"), spoiler=True)
    await bob.heard()
    made = await bob.order("black and white", reply_to=photo.id)
    again = await bob.order("rotate right", reply_to=made.id)
    pair = await bob.click(made, "Compare", is_picture)
    back = await bob.click(made, "Undo", is_picture)

    shown = [message.raw.get("has_media_spoiler") for message in (made, again, pair, back)]
    assert shown == [True] * 4


async def test_compare_shows_before_and_after(bob: User) -> None:
    result = await bob.order("black and white", jpeg("astronaut"))

    pair = await bob.click(await bob.unfold(result), "Compare", is_picture)
    latest = await bob.ask("/last", fits=is_picture)

    assert pair.text == "Before and after"
    # Nothing is made of it, and it is no version of the picture.
    assert not pair.buttons
    assert latest.photo_unique_id == result.photo_unique_id
    image = (await bob.image(pair)).convert("HSV")
    left = image.crop((0, 0, image.width // 2 - 8, image.height)).getchannel("S")
    right = image.crop((image.width // 2 + 8, 0, image.width, image.height)).getchannel("S")
    assert mean(left) > 4 * mean(right)


def mean(channel: Image.Image) -> float:
    histogram = channel.histogram()
    return sum(value * count for value, count in enumerate(histogram)) / sum(histogram)


async def test_the_original_file_comes_whole_over_a_restart_and_then_again(bob: User) -> None:
    result = await bob.order("a calm sea, 16:9")
    await bob.stage.bot.stop()
    await bob.stage.bot.start()

    document = await bob.click(result, "As a file")
    width, height = (await bob.image(document)).size
    async with bob.stage.bot.redis() as redis:
        await redis.delete(*await redis.keys(f"img:choice:tap.{bob.id}.{bob.id}.{result.id}.*"))
    again = await bob.click(result, "As a file")

    assert width / height == pytest.approx(16 / 9, abs=0.02)
    assert document.text == "The picture as a file, in full quality"
    assert document.document_id
    assert again.document_id == document.document_id


async def test_the_file_does_not_tell_what_the_provider_wrote_into_it(
    simulated_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    [provider] = simulated_stage.sandbox.providers.values()
    content, about = io.BytesIO(), PngInfo()
    about.add_text("prompt", "SECRET")
    Image.new("RGB", (400, 300), "teal").save(content, "PNG", pnginfo=about)
    monkeypatch.setattr(provider, "render", Mock(return_value=content.getvalue()))
    user = await simulated_stage.user()

    document = await user.click(await user.order("a fox"), "As a file")

    file = await user.control.file(document.document_id or "")
    assert b"SECRET" in content.getvalue()
    assert b"SECRET" not in file
    assert file.startswith(b"\x89PNG")


async def test_the_file_in_words_is_the_one_of_the_button(bob: User) -> None:
    result = await bob.order("a calm sea")
    await bob.ask("", jpeg("cat"))

    said = [await bob.ask(text) for text in ("send as a file", "скинь файлом", "без сжатия")]
    of_older = await bob.ask("save it", reply_to=result.id)
    pressed = await bob.click(result, "As a file")

    assert {message.document_id for message in [*said, of_older]} == {pressed.document_id}
    assert pressed.document_id
    assert said[0].text == t("en", "original_caption")


async def test_last_and_history_show_pictures_again_without_moving_files(bob: User) -> None:
    first, second, third = await edited_twice(bob)
    begun = await bob.control.last_seq()

    last = await bob.ask("/last")
    strip = await bob.ask("/history")
    turned = await bob.click(strip, "▶", lambda m: m.edits == 1)
    end = await bob.click(turned, "▶", lambda m: m.edits == 2)

    assert last.photo_unique_id == strip.photo_unique_id == third.photo_unique_id
    assert turned.photo_unique_id == second.photo_unique_id
    assert end.photo_unique_id == first.photo_unique_id
    assert [button["text"] for button in end.buttons][:2] == ["◀", "3 / 3"]
    assert not await calls_since(bob, begun) & {"getFile", "sendDocument"}


async def test_inline_offers_the_users_own_pictures(builtin_stage: Stage, bob: User) -> None:
    anna = await builtin_stage.user("Anna")
    result = await anna.order("a lighthouse")

    mine = await anna.control.ask_inline(anna.person, "light")
    none = await anna.control.ask_inline(anna.person, "no such words")
    others = await anna.control.ask_inline(bob.person, "")

    assert [offer["type"] for offer in mine.results] == ["article", "photo"]
    sent = await anna.control.choose_inline(mine, mine.results[1]["id"], anna.id)
    assert sent.photo_unique_id == result.photo_unique_id
    assert [offer["type"] for offer in none.results] == ["article"]
    assert others.results == []


async def test_the_buttons_under_a_result_and_what_they_change_is_the_original(bob: User) -> None:
    first = await bob.order("a misty mountain, 16:9")

    again = await bob.click(first, "Again", is_picture)
    begun = await bob.control.last_seq()
    larger = await bob.click(first, "×2", is_picture)
    document = await bob.click(larger, "As a file", lambda m: bool(m.document_id))
    await bob.click(first, "Edit", lambda m: m.text.startswith("What should I do with it?"))

    assert again.text.splitlines()[0] == "a misty mountain"
    assert larger.text.splitlines()[0] == "🔍 Enlarged ×2"
    assert len({first.id, again.id, larger.id}) == 3
    small, large = await bob.image(first), await bob.image(document)
    assert large.width >= 2 * small.width
    assert "getFile" not in await calls_since(bob, begun)


SPAN = r"\d+ \w+"
RECEIPT = rf"""Prompt: a lighthouse and a qwertz
Without: birds
Left out of the prompt, as it has no effect here: --v 6
Not drawn: .*qwertz.*
Model: the built-in engine, no neural network
Seed: 7
Size: 1824×1024
Waited {SPAN}, made in {SPAN}
Price: free for you"""


async def test_the_receipt_tells_how_a_picture_was_made(bob: User) -> None:
    words = "a lighthouse and a qwertz, 16:9, 2 variants --no birds --seed 7 --v 6"
    await bob.say(words)
    pictures = [message for message in await bob.heard() if is_picture(message)]

    first, second = sorted(
        [await bob.click(await bob.unfold(picture), "ℹ️") for picture in pictures],
        key=lambda told: told.text[-3:],
    )

    assert re.fullmatch(RECEIPT + "\nVariant: 1/2", first.text)
    assert re.fullmatch(RECEIPT.replace("7", r"\d+") + "\nVariant: 2/2", second.text)
    assert {first.reply_to, second.reply_to} == {picture.id for picture in pictures}


async def test_in_a_group_only_the_asker_gets_the_receipt(builtin_stage: Stage) -> None:
    ann, mallory = await open_group(builtin_stage)
    control, long_prompt = ann.control, f"a fox, {'very ' * 40}red"
    prompts = ("a fox", long_prompt)
    short, long = [await ann.unfold(await ann.order(f"/create {each}")) for each in prompts]

    after = await control.last_seq()
    await control.click(ann.person, short, "ℹ️")
    alert = await control.wait_for(lambda event: event.raw.get("show_alert") is True, after=after)
    shown, closed = await ann.click(long, "ℹ️"), await ann.toast(long, "ℹ️")
    await control.fault("sendMessage", "error", error_code=400, description="Bad Request: no")
    nowhere = await ann.toast(long, "ℹ️")
    await ann.within(ann.id).ask("/start")
    await control.fault("sendMessage", "error", error_code=400, description="Bad Request: no")
    alone = await ann.within(ann.id).after(control.click(ann.person, long, "ℹ️"))

    assert alert.raw["show_alert"]
    assert alert.raw["text"].startswith("Prompt: a fox\n")
    assert (shown.seen_by, closed) == (ann.id, "")
    assert shown.text.startswith(f"Prompt: {long_prompt}\n")
    assert nowhere == t("en", "told_nowhere", name=BOT_NAME[1:])
    assert alone.text == shown.text
    assert await mallory.toast(long, "ℹ️") == t("en", "not_your_button")
    assert {message.id for message in await ann.heard()} == {short.id, long.id}
    by_words = await mallory.ask("what seed was that?", reply_to=short.id)
    assert by_words.text == t("en", "history_empty")
