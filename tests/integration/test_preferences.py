"""Settings that stay, what is left, what is on its way, and how long waits end."""

import json

import pytest

from imgbot.domain.texts import t
from imgbot.storage import keys
from imgbot.storage.client import Client
from tests.fixtures.sandbox import picture
from tests.fixtures.waiting import eventually
from tests.integration.stage import Stage, User, is_picture

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


SETTINGS = {
    "IMGBOT_PER_USER": "running=1",
    "IMGBOT_RATE_LIMIT_MAX_REQUESTS": "50",
    "IMGBOT_RATE_LIMIT_WINDOW": "3600",
}
"""One job of a person after the other."""


async def test_settings_stay_and_words_win(bob: User) -> None:
    implied = await bob.order("a panorama of a forest")
    panel = await bob.ask("/settings")
    shapes = await bob.press(panel, "Shape: any")
    panel = await bob.press(shapes, "16:9")
    panel = await bob.press(panel, "Send as: photos")
    wide = await bob.order("a blue lake")
    tall = await bob.order("a blue lake, 9:16")

    labels = [button["text"] for button in panel.buttons]
    assert {"🖼 Shape: 16:9 ▸", "📎 Send as: files", "🔔 “Ready” message: on"} <= set(labels)
    assert wide.document_id
    for result, ratio in ((implied, 2), (wide, 16 / 9), (tall, 9 / 16)):
        width, height = (await bob.image(result)).size
        assert width / height == pytest.approx(ratio, abs=0.02)


async def test_the_bot_answers_in_the_language_of_the_chat_or_of_the_settings(bob: User) -> None:
    lake = await bob.order("синее озеро")
    limits = await bob.ask("/limits")
    told = []
    for words in ("a blue lake", "a green hill by a river"):
        await bob.order(words)
        told.append((await bob.ask("/undo")).text)
    await bob.order("красное озеро")
    panel = await bob.ask("/settings")
    english = await bob.press(panel, "Язык")
    await bob.order("жёлтый дом")

    assert "📄 Файлом" in [button["text"] for button in lake.buttons]
    assert limits.text.startswith("Осталось запросов")
    # Few words may be a name, or a short prompt.
    assert told == [t("ru", "undo_nothing"), t("en", "undo_nothing")]
    assert panel.text.startswith("Ваши настройки")
    assert english.text.startswith("Your settings")
    assert (await bob.ask("/undo")).text == t("en", "undo_nothing")


async def test_variants_are_as_many_different_pictures(bob: User) -> None:
    await bob.say("abstract waves, 3 variants")
    await eventually(bob.results, lambda found: len(found) == 3)

    results = await bob.results()
    assert len({message.photo_unique_id for message in results}) == 3
    titles = sorted(message.text.splitlines()[0] for message in results)
    assert titles == [f"{number}/3 · abstract waves" for number in (1, 2, 3)]


async def test_the_queue_shows_places_and_calls_off(stage: Stage) -> None:
    bob = await stage.user()
    await bob.control.set_provider(duration_s=[600, 600])
    for words in ("a fox", "an owl", "a hedgehog"):
        await bob.say(words)
    waiting = await bob.wait(lambda m: "place in line: 2" in m.text)

    # A status message of another request may come first.
    listed = await bob.ask("/queue", fits=lambda m: "in progress: 3" in m.text)
    moved = await bob.click(listed, "✖️ 2", lambda m: m.id == waiting.id)
    await bob.click(listed, "✖️ 1", lambda m: m.text == "Cancelled.")
    refreshed = await bob.press(listed, "Refresh")

    assert listed.text.splitlines()[:2] == [
        "Your pictures in progress: 3",
        "1. a fox — in progress",
    ]
    assert "an owl — place in line: 1" in listed.text
    assert (moved.text, moved.edits) == ("⏳ Got it. Your place in line: 1.", 1)
    assert refreshed.text.splitlines()[0] == "Your pictures in progress: 1"
    await bob.ask("/cancel")


async def test_a_photo_that_comes_late_joins_the_merge_that_waits(stage: Stage) -> None:
    bob = await stage.user()
    await bob.control.set_provider(duration_s=[600, 600])
    await bob.ask("a fox")

    sent = await bob.photos(picture(), picture(color="red"), caption="collage")
    async with stage.bot.redis() as redis:
        await eventually(lambda: waiting_photos(redis), lambda count: count == 2)
        await bob.control.send_late(bob.person, sent[0], picture(color="navy"))
        await eventually(lambda: waiting_photos(redis), lambda count: count == 3)

    assert not [m for m in await bob.control.messages(bob.id) if "numbered" in m.text]
    for _ in range(2):
        await bob.say("/cancel")


async def waiting_photos(redis: Client) -> int:
    """The number of photos of the job that waits next; 0 if none waits."""
    job_id = await redis.lindex("rq:queue:img_queue", 0)
    return len(json.loads(await redis.hget(f"rq:job:{job_id}", "sources") or "[]"))


async def test_limits_say_what_is_left(stage: Stage) -> None:
    bob = await stage.user()

    fresh = await bob.ask("/limits")
    await bob.ask("/create")
    used = await bob.ask("/limits")

    assert fresh.text.splitlines()[0] == "Requests left: 50 of 50 (per 60 minutes)."
    assert used.text.splitlines()[0] == "Requests left: 49 of 50 (per 60 minutes)."
    assert used.text.splitlines()[-1].startswith("Your limit resets in ")


async def wait_long_for(user: User, words: str) -> None:
    """Order behind a picture that holds it up, and let it have waited for long by then."""
    owl = await user.ask("an owl [[sim:slow=3600]]", fits=lambda m: "Working" in m.text)
    await user.say(words)
    async with user.stage.bot.redis() as redis:
        await eventually(lambda: redis.llen(keys.QUEUE), lambda n: n == 1)
        [job_id] = await redis.zrevrange(f"{keys.USER_JOBS}{user.id}", 0, 0)
        await redis.hincrby(f"{keys.JOB}{job_id}", "created_ms", -31_000)
    await user.control.click(user.person, owl, "Cancel")


async def test_a_long_wait_ends_with_a_line_of_its_own(stage: Stage) -> None:
    await stage.control.set_provider(duration_s=[0.2, 0.4])
    loud, quiet = await stage.user(), await stage.user("Anna")
    said = await quiet.ask("/quiet")

    for user in (loud, quiet):
        await wait_long_for(user, "a fox")
    line = await loud.wait(lambda m: m.text == "✅ Ready!")
    shown = await loud.wait(is_picture)
    await quiet.wait(is_picture)
    hat = await loud.ask("a hat", fits=lambda m: m.text == "✏️ a hat", reply_to=line.id)

    assert said.text.startswith("OK, I won't send a separate message")
    assert line.reply_to == shown.id
    assert hat.photo_id
    assert "✅ Ready!" not in [m.text for m in await stage.control.messages(quiet.id)]
