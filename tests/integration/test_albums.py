"""Albums: gathered without sleeping, in order, late items included, numbered back."""

import pytest

from tests.integration.conftest import Stage
from tests.integration.test_actions import jpeg, result_for
from tests.support.sandbox import Control, Message

pytestmark = pytest.mark.asyncio(loop_scope="module")

PHOTOS = [
    jpeg("cat"),
    jpeg("astronaut"),
    jpeg("cat", (300, 500)),
    jpeg("astronaut", (400, 300)),
]


async def pictures_of(control: Control, chat_id: int) -> list[Message]:
    found = await control.messages(chat_id)
    return [m for m in found if m.is_outgoing and (m.photo_id or m.document_id)]


async def test_an_album_with_a_caption_is_merged(builtin_stage: Stage) -> None:
    control = builtin_stage.control
    person = await control.make_user("Анна", language_code="ru")

    await control.send_photos(person, PHOTOS[:3], caption="рядом")
    result = await result_for(control, person)

    assert result.text.startswith("🧩 Объединено фото: 3")
    assert len(await pictures_of(control, person.id)) == 1


async def test_an_album_without_words_is_asked_about_once_and_numbered(
    builtin_stage: Stage,
) -> None:
    control = builtin_stage.control
    person = await control.make_user("Bob")

    await control.send_photos(person, PHOTOS[:4])
    panel = await control.wait_message(person.id, lambda m: bool(m.buttons))
    await control.say(person, "put 1 into 2")
    result = await result_for(control, person)

    assert panel.text.startswith("4 photos, numbered in the order")
    assert result.text.startswith("🧩 Photos merged: 4")
    outgoing = [m for m in await control.messages(person.id) if m.is_outgoing]
    assert [m.id for m in outgoing] == [panel.id, result.id]


async def test_words_right_after_an_album_are_about_the_album(builtin_stage: Stage) -> None:
    control = builtin_stage.control
    person = await control.make_user("Bob")

    await control.send_photos(person, PHOTOS[:2])
    await control.say(person, "side by side")
    result = await result_for(control, person)

    assert result.text.startswith("🧩 Photos merged: 2")
    assert len(await pictures_of(control, person.id)) == 1


async def test_the_command_over_an_album_merges_it_at_once(builtin_stage: Stage) -> None:
    control = builtin_stage.control
    person = await control.make_user("Bob")

    await control.send_photos(person, PHOTOS[:2], caption="/merge")
    result = await result_for(control, person)

    assert result.text.startswith("🧩 Photos merged: 2")


async def test_another_command_over_an_album_says_what_to_do(builtin_stage: Stage) -> None:
    control = builtin_stage.control
    person = await control.make_user("Bob")

    await control.send_photos(person, PHOTOS[:1] * 2, caption="/retouch")
    answer = await control.wait_message(person.id)

    assert answer.text.startswith("That works with one photo at a time.")


async def test_ten_photos_wait_for_no_timer_and_keep_their_order(builtin_stage: Stage) -> None:
    control = builtin_stage.control
    person = await control.make_user("Bob")
    many = [jpeg("cat", (100 + n, 100)) for n in range(10)]

    await control.send_photos(person, many, caption="contact sheet")
    result = await result_for(control, person)

    assert result.text.startswith("🧩 Photos merged: 10")


async def test_an_album_of_files_keeps_them_as_they_are(builtin_stage: Stage) -> None:
    control = builtin_stage.control
    person = await control.make_user("Bob")
    files = [("a.jpg", PHOTOS[0]), ("b.jpg", PHOTOS[1])]

    await control.send_documents(person, files, caption="below each other")
    result = await result_for(control, person)

    assert result.text.startswith("🧩 Photos merged: 2")


async def test_a_slow_album_is_gathered_whole(builtin_stage: Stage) -> None:
    control = builtin_stage.control
    person = await control.make_user("Bob")

    await control.send_photos(person, PHOTOS[:4], caption="collage", gap_ms=400)
    result = await result_for(control, person)

    assert result.text.startswith("🧩 Photos merged: 4")


async def test_an_album_survives_a_restart(builtin_stage: Stage) -> None:
    control = builtin_stage.control
    person = await control.make_user("Bob")

    await control.send_photos(person, PHOTOS[:3], caption="collage")
    async with builtin_stage.bot.redis() as redis:
        while not await redis.exists("img:albums"):
            pass
    await builtin_stage.bot.kill()
    await builtin_stage.bot.start()
    result = await result_for(control, person)

    assert result.text.startswith("🧩 Photos merged: 3")
    assert len(await pictures_of(control, person.id)) == 1
