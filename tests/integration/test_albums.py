"""Albums: gathered without sleeping, in order, late items included, numbered back."""

import io
import json
import signal

import pytest
import pytest_asyncio
from PIL import Image
from redis.asyncio import Redis

from imgbot.domain.texts import t
from tests.fixtures.hostile import PDF
from tests.fixtures.sandbox import Control, Message
from tests.fixtures.waiting import eventually
from tests.integration.stage import Stage, heard, jpeg, open_stage, picture_in, result_for

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

PHOTOS = [
    jpeg("cat"),
    jpeg("astronaut"),
    jpeg("cat", (300, 500)),
    jpeg("astronaut", (400, 300)),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def slow_stage(tmp_path_factory: pytest.TempPathFactory):
    """A provider that never ends, one job of a person after the other."""
    settings = {"IMGBOT_RUNNING_PER_USER": "1"}
    folder = tmp_path_factory.mktemp("slow")
    async for stage in open_stage(folder, is_simulated=True, **settings):
        await stage.control.set_provider(duration_s=[600, 600])
        yield stage


def grey(level: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (120, 120), (level,) * 3).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


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
    [answer] = await heard(builtin_stage, person)

    assert answer.text.startswith("That works with one photo at a time.")


async def test_an_album_of_documents_gets_one_sentence(builtin_stage: Stage) -> None:
    control = builtin_stage.control
    person = await control.make_user("Bob")

    files = [(f"{number}.pdf", PDF) for number in range(4)]
    await control.send_documents(person, files, caption="collage")
    answers = await heard(builtin_stage, person)

    assert [answer.text[:27] for answer in answers] == ["This file is not a picture."]


async def test_photos_keep_their_order(builtin_stage: Stage) -> None:
    control = builtin_stage.control
    person = await control.make_user("Bob")
    greys = [grey(level) for level in range(20, 220, 20)]

    await control.send_photos(person, greys, caption="side by side")
    result = await result_for(control, person)

    image = (await picture_in(control, result)).convert("L")
    assert result.text.startswith("🧩 Photos merged: 10")
    row = image.resize((image.width, 1)).tobytes()
    middles = [row[round((n + 0.5) / 10 * image.width)] for n in range(10)]
    assert middles == sorted(middles)
    assert middles[-1] - middles[0] > 100


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


async def test_a_photo_that_comes_late_joins_the_merge_that_waits(slow_stage: Stage) -> None:
    control = slow_stage.control
    person = await control.make_user("Bob")
    await control.say(person, "something else first")
    await control.wait_message(person.id, lambda m: m.is_outgoing)

    sent = await control.send_photos(person, PHOTOS[:2], caption="collage")
    await control.wait_message(person.id, lambda m: m.text == "⏳ Accepted. Your place in line: 1.")
    await control.send_late(person, sent[0], PHOTOS[2])
    async with slow_stage.bot.redis() as redis:
        await eventually(lambda: waiting_photos(redis, 3))

    asked = [m for m in await control.messages(person.id) if "numbered" in m.text]
    assert asked == []
    for _ in range(2):
        await control.say(person, "/cancel")


async def waiting_photos(redis: Redis, count: int) -> bool:
    [job_id] = await redis.lrange("rq:queue:img_queue", 0, -1)
    return len(json.loads(await redis.hget(f"rq:job:{job_id}", "sources") or "[]")) == count


async def test_two_albums_at_once_lose_no_photo(builtin_stage: Stage) -> None:
    control = builtin_stage.control
    person = await control.make_user("Bob")

    await control.send_photos(person, PHOTOS[:2])
    await control.send_photos(person, PHOTOS[2:])
    await control.wait_message(person.id, lambda m: m.text.startswith("4 photos"))
    await control.say(person, "collage")
    result = await result_for(control, person)

    assert result.text.startswith("🧩 Photos merged: 4")


async def test_a_refused_album_in_a_chat_that_is_gone_disturbs_nobody(
    builtin_stage: Stage,
) -> None:
    control = builtin_stage.control
    gone, there = await control.make_user("Bob"), await control.make_user("Anna")
    async with builtin_stage.bot.redis() as redis:
        await redis.set("img:paused", "1")
        await control.send_photos(gone, PHOTOS[:2], caption="collage")
        await control.block(gone)
        await eventually(lambda: no_album_waits(redis))
        await redis.delete("img:paused")

    await control.say(there, "a calm lake")

    assert (await result_for(control, there)).photo_id


async def no_album_waits(redis: Redis) -> bool:
    return not await redis.exists("img:albums")


async def test_an_album_survives_a_restart(builtin_stage: Stage) -> None:
    control = builtin_stage.control
    person = await control.make_user("Bob")

    await control.send_photos(person, PHOTOS[:3], caption="collage")
    async with builtin_stage.bot.redis() as redis:
        await eventually(lambda: redis.exists("img:albums"))
        assert await redis.llen("rq:queue:img_queue") == 0
    await builtin_stage.bot.kill()
    await builtin_stage.bot.start()
    result = await result_for(control, person)

    assert result.text.startswith("🧩 Photos merged: 3")
    assert len(await pictures_of(control, person.id)) == 1


async def test_an_album_of_somebody_banned_meanwhile_is_not_made(builtin_stage: Stage) -> None:
    control, bot = builtin_stage.control, builtin_stage.bot
    person = await control.make_user("Bob")

    await control.send_photos(person, PHOTOS[:3], caption="collage")
    async with bot.redis() as redis:
        await eventually(lambda: redis.exists("img:albums"))
        # Before it is whole.
        bot.signal(signal.SIGSTOP)
        await redis.sadd("img:banned", str(person.id))
        bot.signal(signal.SIGCONT)
        told = await control.wait_message(person.id)
        await eventually(lambda: no_album_waits(redis))
        jobs = await redis.exists(f"img:mine:{person.id}")
        await redis.delete("img:banned")

    assert told.text == t("en", "banned")
    assert jobs == 0
    assert await pictures_of(control, person.id) == []


async def test_a_restart_waits_for_the_rest_of_an_album(builtin_stage: Stage) -> None:
    control = builtin_stage.control
    person = await control.make_user("Bob")

    first, _ = await control.send_photos(person, PHOTOS[:2], caption="collage")
    async with builtin_stage.bot.redis() as redis:
        await eventually(lambda: redis.exists("img:albums"))
    await builtin_stage.bot.kill()
    await control.send_late(person, first, PHOTOS[2])
    # Longer than an album's items are waited for while the bot runs.
    await control.fault("getUpdates", "delay", delay_s=3.0)
    await builtin_stage.bot.start()
    result = await result_for(control, person)

    assert result.text.startswith("🧩 Photos merged: 3")
    assert len(await pictures_of(control, person.id)) == 1
