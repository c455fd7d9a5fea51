"""What can be done with a finished picture: back, compare, the file, the latest, the strip."""

import io

import pytest
from PIL import Image

from tests.fixtures.sandbox import Control, Message, Person
from tests.integration.conftest import Stage
from tests.integration.test_actions import jpeg, picture_in, result_for, say_and_wait

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


async def edited_twice(control: Control, person: Person) -> tuple[Message, Message, Message]:
    """A created picture, then two edits, each a reply to the one before."""
    await control.say(person, "a green valley")
    first = await result_for(control, person)
    after = await control.last_seq()
    await control.say(person, "black and white", reply_to=first.id)
    second = await result_for(control, person, after)
    after = await control.last_seq()
    await control.say(person, "rotate right", reply_to=second.id)
    return first, second, await result_for(control, person, after)


async def test_undo_goes_back_step_by_step_to_the_beginning(builtin_stage: Stage) -> None:
    control = builtin_stage.control
    person = await control.make_user("Bob")
    first, second, _ = await edited_twice(control, person)

    shown = [await say_and_wait(builtin_stage, person, "/undo") for _ in range(3)]

    assert shown[0].photo_unique_id == second.photo_unique_id
    assert shown[1].photo_unique_id == first.photo_unique_id
    assert shown[2].text.startswith("There is nothing to go back to")


async def test_undo_ends_at_ones_own_photo(builtin_stage: Stage) -> None:
    control = builtin_stage.control
    person = await control.make_user("Анна", language_code="ru")
    [sent] = await control.send_photos(person, [jpeg("cat")], caption="чб")
    result = await result_for(control, person)

    after = await control.last_seq()
    await control.click(person, result, "Назад")
    shown = await control.wait_message(person.id, after=after)

    assert shown.photo_unique_id == sent.photo_unique_id
    assert shown.text.startswith("С этого всё началось")


async def test_compare_shows_before_and_after(builtin_stage: Stage) -> None:
    control = builtin_stage.control
    person = await control.make_user("Bob")
    await control.send_photos(person, [jpeg("astronaut")], caption="black and white")
    result = await result_for(control, person)

    after = await control.last_seq()
    await control.click(person, result, "Compare")
    pair = await result_for(control, person, after)

    assert pair.text == "Before and after"
    image = (await picture_in(control, pair)).convert("HSV")
    left = image.crop((0, 0, image.width // 2 - 8, image.height)).getchannel("S")
    right = image.crop((image.width // 2 + 8, 0, image.width, image.height)).getchannel("S")
    assert mean(left) > 4 * mean(right)


def mean(channel: Image.Image) -> float:
    histogram = channel.histogram()
    return sum(value * count for value, count in enumerate(histogram)) / sum(histogram)


async def test_the_original_file_comes_whole_and_then_for_nothing(builtin_stage: Stage) -> None:
    control = builtin_stage.control
    person = await control.make_user("Bob")
    await control.say(person, "a calm sea, 16:9")
    result = await result_for(control, person)

    after = await control.last_seq()
    await control.click(person, result, "As a file")
    document = await control.wait_message(person.id, after=after)
    content = await control.file(document.document_id or "")

    width, height = Image.open(io.BytesIO(content)).size
    assert width / height == pytest.approx(16 / 9, abs=0.02)
    assert document.text == "The picture as a file, uncompressed"
    taps = f"img:tap:{person.id}.{person.id}.{result.id}."
    async with builtin_stage.bot.redis() as redis:
        for key in await redis.keys(f"{taps}*"):
            await redis.delete(key)
    after = await control.last_seq()
    await control.click(person, result, "As a file")
    again = await control.wait_message(person.id, after=after)
    assert again.document_id == document.document_id


async def test_the_original_file_after_a_restart(builtin_stage: Stage) -> None:
    control = builtin_stage.control
    person = await control.make_user("Bob")
    await control.say(person, "a red forest")
    result = await result_for(control, person)
    await builtin_stage.bot.stop()
    await builtin_stage.bot.start()

    after = await control.last_seq()
    await control.click(person, result, "As a file")
    document = await control.wait_message(person.id, after=after)

    assert document.document_id


async def test_last_and_history_show_pictures_again_for_nothing(builtin_stage: Stage) -> None:
    control = builtin_stage.control
    person = await control.make_user("Bob")
    first, second, third = await edited_twice(control, person)
    begun = await control.last_seq()

    last = await say_and_wait(builtin_stage, person, "/last")
    strip = await say_and_wait(builtin_stage, person, "/history")
    after = await control.last_seq()
    await control.click(person, strip, "▶")
    turned = await control.wait_message(person.id, lambda m: m.edits == 1, after=after)
    await control.click(person, turned, "▶")
    end = await control.wait_message(person.id, lambda m: m.edits == 2, after=after)

    assert last.photo_unique_id == strip.photo_unique_id == third.photo_unique_id
    assert turned.photo_unique_id == second.photo_unique_id
    assert end.photo_unique_id == first.photo_unique_id
    assert [button["text"] for button in end.buttons][:2] == ["◀", "3 / 3"]
    downloads = [
        call
        for call in (await control.calls())["calls"]
        if call["seq"] > begun and call["method"] in {"getFile", "sendDocument"}
    ]
    assert downloads == []


async def test_a_reply_to_any_picture_keeps_its_lineage(builtin_stage: Stage) -> None:
    control = builtin_stage.control
    person = await control.make_user("Bob")
    first, _, _ = await edited_twice(control, person)
    shown = await say_and_wait(builtin_stage, person, "/last")

    after = await control.last_seq()
    await control.say(person, "sepia", reply_to=shown.id)
    await result_for(control, person, after)
    back = [await say_and_wait(builtin_stage, person, "/undo") for _ in range(3)]

    assert back[0].photo_unique_id == shown.photo_unique_id
    assert back[2].photo_unique_id == first.photo_unique_id


async def test_anothers_tap_is_refused_politely(builtin_stage: Stage) -> None:
    control = builtin_stage.control
    anna, bob = await control.make_user("Anna"), await control.make_user("Bob")
    group = await control.make_group("Friends", [anna, bob])
    after = await control.last_seq()
    await control.say(anna, "/create a castle", chat_id=group)
    result = await control.wait_message(group, lambda m: bool(m.photo_id), 40, after=after)

    for label in ("Again", "Edit", "×2", "As a file"):
        after = await control.last_seq()
        await control.click(bob, result, label)
        answer = await control.wait_for(lambda e: e.type == "callback_answer", after=after)
        assert answer.raw["text"] == "This button is for the person who ordered the picture."


async def test_inline_offers_ones_own_pictures(builtin_stage: Stage) -> None:
    control = builtin_stage.control
    anna, bob = await control.make_user("Anna"), await control.make_user("Bob")
    await control.say(anna, "a lighthouse")
    result = await result_for(control, anna)

    mine = await control.ask_inline(anna, "light")
    none = await control.ask_inline(anna, "no such words")
    others = await control.ask_inline(bob, "")

    assert [offer["type"] for offer in mine.results] == ["photo"]
    sent = await control.choose_inline(mine, mine.results[0]["id"], anna.id)
    assert sent.photo_unique_id == result.photo_unique_id
    assert none.results == others.results == []


async def test_a_change_of_ones_result_works_on_the_original(builtin_stage: Stage) -> None:
    control = builtin_stage.control
    person = await control.make_user("Bob")
    await control.say(person, "a misty mountain, 16:9")
    first = await result_for(control, person)

    begun = await control.last_seq()
    await control.click(person, first, "×2")
    larger = await result_for(control, person, begun)
    after = await control.last_seq()
    await control.click(person, larger, "As a file")
    document = await control.wait_message(person.id, lambda m: bool(m.document_id), after=after)
    methods = [c["method"] for c in (await control.calls())["calls"] if c["seq"] > begun]

    small, large = await picture_in(control, first), await picture_in(control, document)
    assert large.width >= 2 * small.width
    assert "getFile" not in methods
