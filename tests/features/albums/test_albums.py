"""Albums: gathered without sleeping, in order, late items included, numbered back."""

import io
import signal

import pytest
from PIL import Image

from imgbot.domain.texts import t
from imgbot.storage.client import Client
from tests.fixtures.waiting import eventually
from tests.integration.stage import (
    BOT_NAME,
    Stage,
    User,
    has_buttons,
    is_picture,
    jpeg,
    open_group,
    source_of,
)

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

PHOTOS = [jpeg("cat"), jpeg("astronaut"), jpeg("cat", (300, 500)), jpeg("astronaut", (400, 300))]


def grey(level: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (120, 120), (level,) * 3).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


@pytest.mark.parametrize(("caption", "count"), [("/merge", 2), ("collage", 4)])
async def test_an_album_with_a_caption_is_merged(bob: User, caption: str, count: int) -> None:
    result = await bob.order(caption, *PHOTOS[:count], gap_ms=400 if count == 4 else 0)

    assert result.text.startswith(f"🧩 Merged {count} photos")
    assert [m.id for m in await bob.results()] == [result.id]


@pytest.mark.parametrize(("caption", "sign"), [("белый фон", "✂️"), ("make them all warmer", "✏️")])
async def test_what_each_photo_shall_get_is_done_to_each(
    bob: User, caption: str, sign: str
) -> None:
    await bob.order(caption, *PHOTOS[:3])
    results = await eventually(bob.results, lambda found: len(found) == 3)

    assert [each.text.split(" · ")[1][: len(sign)] for each in results] == [sign] * 3


async def test_an_album_without_words_is_asked_about_once_and_numbered(bob: User) -> None:
    panel = await bob.ask("", *PHOTOS[:4], fits=has_buttons)
    result = await bob.order("put 1 into 2")

    assert panel.text.startswith("4 photos, numbered in the order")
    assert result.text.startswith("🧩 Merged 4 photos")
    outgoing = [m for m in await bob.control.messages(bob.id) if m.is_outgoing]
    assert [m.id for m in outgoing] == [panel.id, result.id]


async def test_photos_one_by_one_get_the_button_below_the_second(bob: User) -> None:
    await bob.ask("/merge")
    await bob.ask("", PHOTOS[0])
    [second] = await bob.photos(PHOTOS[1])
    panel = await bob.wait(has_buttons)
    await bob.photos(PHOTOS[2])
    counted = await bob.wait(lambda m: m.text.startswith("3 photos"))

    assert (panel.id > second.id, counted.id) == (True, panel.id)


async def test_words_right_after_an_album_are_about_the_album(bob: User) -> None:
    await bob.photos(*PHOTOS[:2])
    result = await bob.order("side by side")

    assert result.text.startswith("🧩 Merged 2 photos")
    assert len(await bob.results()) == 1


async def test_words_in_another_topic_are_not_about_the_album(simulated_stage: Stage) -> None:
    ann, _ = await open_group(simulated_stage, is_forum=True)
    owl = await ann.order("/create an owl", thread_id=8)

    await ann.photos(jpeg("cat"), jpeg("astronaut"), caption=BOT_NAME, thread_id=7)
    darker = await ann.order(f"{BOT_NAME} make it darker", thread_id=8)

    assert await source_of(simulated_stage, darker) == owl.photo_unique_id


async def test_another_command_over_an_album_says_what_to_do(bob: User) -> None:
    await bob.photos(PHOTOS[0], PHOTOS[0], caption="/retouch")
    [answer] = await bob.said()

    assert answer.startswith("This works with one photo at a time.")


@pytest.mark.parametrize("caption", ["side by side", "make it darker", "/merge"])
async def test_an_album_of_one_photo_twice_waits_for_another_photo(bob: User, caption: str) -> None:
    panel = await bob.ask(caption, PHOTOS[0], PHOTOS[0])
    both = await bob.ask("", PHOTOS[1], fits=has_buttons)
    result = await bob.click(both, "Merge", is_picture)

    assert panel.text == t("en", "merge_same_one")
    assert result.text.startswith("🧩 Merged 2 photos")


async def test_an_album_of_one_photo_twice_without_words_is_asked_about(bob: User) -> None:
    assert (await bob.ask("", PHOTOS[0], PHOTOS[0])).text == t("en", "ask_photo_action")


async def test_photos_keep_their_order(bob: User) -> None:
    result = await bob.order("side by side", *[grey(level) for level in range(20, 220, 20)])

    image = (await bob.image(result)).convert("L")
    assert result.text.startswith("🧩 Merged 10 photos")
    row = image.resize((image.width, 1)).tobytes()
    middles = [row[round((n + 0.5) / 10 * image.width)] for n in range(10)]
    assert middles == sorted(middles)
    assert middles[-1] - middles[0] > 100


async def test_two_albums_at_once_lose_no_photo(bob: User) -> None:
    await bob.photos(*PHOTOS[:2])
    await bob.ask("", *PHOTOS[2:], fits=lambda m: m.text.startswith("4 photos"))
    result = await bob.order("collage")

    assert result.text.startswith("🧩 Merged 4 photos")


async def test_a_refused_album_in_a_chat_that_is_gone_disturbs_no_other_user(
    builtin_stage: Stage, bob: User
) -> None:
    gone = await builtin_stage.user("Gone")
    async with builtin_stage.bot.redis() as redis:
        await redis.set("img:paused", "1")
        await gone.photos(*PHOTOS[:2], caption="collage")
        await gone.control.block(gone.person)
        await eventually(lambda: no_album_waits(redis))
        await redis.delete("img:paused")

    assert (await bob.order("a calm lake")).photo_id


async def no_album_waits(redis: Client) -> bool:
    return not await redis.exists("img:albums")


async def test_an_album_of_a_user_banned_meanwhile_is_not_made(bob: User) -> None:
    bot = bob.stage.bot
    await bob.photos(*PHOTOS[:3], caption="collage")
    async with bot.redis() as redis:
        await eventually(lambda: redis.exists("img:albums"))
        # Before it is whole.
        bot.signal(signal.SIGSTOP)
        await redis.sadd("img:banned", str(bob.id))
        bot.signal(signal.SIGCONT)
        told = await bob.wait()
        await eventually(lambda: no_album_waits(redis))
        jobs = await redis.exists(f"img:mine:{bob.id}")
        await redis.delete("img:banned")

    assert told.text == t("en", "banned")
    assert jobs == 0
    assert await bob.results() == []


@pytest.mark.parametrize("count", [2, 3], ids=["the rest comes late", "whole"])
async def test_an_album_survives_a_kill_and_waits_for_its_rest(bob: User, count: int) -> None:
    bot = bob.stage.bot
    sent = await bob.photos(*PHOTOS[:count], caption="collage")
    async with bot.redis() as redis:
        await eventually(lambda: redis.exists("img:albums"))
        assert await redis.llen("rq:queue:img_queue") == 0
    await bot.kill()
    if count == 2:
        await bob.control.send_late(bob.person, sent[0], PHOTOS[2])
        # Longer than an album's items are waited for while the bot runs.
        await bob.control.fault("getUpdates", "delay", delay_s=3.0)
    await bot.start()
    result = await bob.wait(is_picture)

    assert result.text.startswith("🧩 Merged 3 photos")
    assert len(await bob.results()) == 1


async def test_an_album_of_files_keeps_them_as_they_are(bob: User) -> None:
    await bob.files(("a.jpg", PHOTOS[0]), ("b.jpg", PHOTOS[1]), caption="below each other")
    result = await bob.wait(is_picture)

    assert result.text.startswith("🧩 Merged 2 photos")
