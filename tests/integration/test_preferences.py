"""Settings that stay, what is left, what is on its way, and how long waits end."""

import pytest
import pytest_asyncio

from imgbot.domain.texts import t
from imgbot.storage import keys
from tests.fixtures.sandbox import Message, Person
from tests.fixtures.waiting import eventually
from tests.integration.stage import Stage, open_stage, picture_in, result_for, say_and_wait

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def slow_stage(tmp_path_factory: pytest.TempPathFactory):
    """A provider that takes its time, one job of a person after the other."""
    settings = {
        "IMGBOT_RUNNING_PER_USER": "1",
        "IMGBOT_RATE_LIMIT_MAX_REQUESTS": "50",
        "IMGBOT_RATE_LIMIT_WINDOW": "3600",
    }
    async for stage in open_stage(tmp_path_factory.mktemp("slow"), is_simulated=True, **settings):
        yield stage


async def pressed(stage: Stage, person: Person, message: Message, label: str) -> Message:
    after = await stage.control.last_seq()
    await stage.control.click(person, message, label)
    return await stage.control.wait_message(person.id, lambda m: m.id == message.id, after=after)


async def test_settings_stay_and_words_win(builtin_stage: Stage) -> None:
    control = builtin_stage.control
    person = await control.make_user("Bob")
    panel = await say_and_wait(builtin_stage, person, "/settings")
    shapes = await pressed(builtin_stage, person, panel, "Shape: any")
    panel = await pressed(builtin_stage, person, shapes, "16:9")
    panel = await pressed(builtin_stage, person, panel, "Send as: photos")
    shown = [button["text"] for button in panel.buttons]
    assert {"🖼 Shape: 16:9 ▸", "📎 Send as: files"} <= set(shown)
    shapes = await pressed(builtin_stage, person, panel, "Shape")
    assert shapes.button("16:9")["text"] == "✓ 16:9"
    assert (await pressed(builtin_stage, person, shapes, "Back")).buttons == panel.buttons

    await control.say(person, "a blue lake")
    wide = await result_for(control, person)
    after = await control.last_seq()
    await control.say(person, "a blue lake, 9:16")
    tall = await result_for(control, person, after)

    assert wide.document_id
    width, height = (await picture_in(control, wide)).size
    assert width / height == pytest.approx(16 / 9, abs=0.02)
    width, height = (await picture_in(control, tall)).size
    assert width / height == pytest.approx(9 / 16, abs=0.02)


async def test_the_language_is_changed_at_once(builtin_stage: Stage) -> None:
    control = builtin_stage.control
    person = await control.make_user("Bob", language_code="en")
    panel = await say_and_wait(builtin_stage, person, "/settings")

    panel = await pressed(builtin_stage, person, panel, "Language: English")
    answer = await say_and_wait(builtin_stage, person, "/history")

    assert panel.text.startswith("Ваши настройки")
    assert answer.text == "У вас ещё нет картинок. Напишите, что нарисовать!"


async def test_the_bot_answers_in_the_language_of_the_chat(builtin_stage: Stage) -> None:
    bob = await builtin_stage.user(language="en")
    picture = await bob.order("синее озеро")
    assert "📄 Файлом" in [button["text"] for button in picture.buttons]

    limits = await bob.ask("/limits")
    assert limits.text.startswith("Осталось запросов")

    await bob.order("a blue lake")
    assert (await bob.ask("/undo")).text == t("ru", "undo_nothing")
    await bob.order("a green hill")
    assert (await bob.ask("/undo")).text == t("en", "undo_nothing")

    await bob.order("красное озеро")
    panel = await bob.ask("/settings")
    assert panel.text.startswith("Ваши настройки")
    await pressed(builtin_stage, bob.person, panel, "Язык")
    await bob.order("жёлтый дом")
    assert (await bob.ask("/undo")).text == t("en", "undo_nothing")


async def test_variants_are_as_many_different_pictures(builtin_stage: Stage) -> None:
    control = builtin_stage.control
    person = await control.make_user("Bob")

    await control.say(person, "abstract waves, 3 variants")
    seen: dict[int, Message] = {}
    after = 0
    while len(seen) < 3:
        result = await control.wait_message(
            person.id, lambda m: bool(m.photo_id) and m.id not in seen, 60, after=after
        )
        seen[result.id] = result

    assert len({message.photo_unique_id for message in seen.values()}) == 3
    assert {message.text.splitlines()[0] for message in seen.values()} == {"abstract waves"}


async def test_the_queue_shows_places_and_calls_off(slow_stage: Stage) -> None:
    control = slow_stage.control
    await control.set_provider(duration_s=[600, 600])
    person = await control.make_user("Bob")
    for words in ("first", "second", "third"):
        await control.say(person, words)
    await control.wait_message(person.id, lambda m: "place in line: 2" in m.text)

    listed = await say_and_wait(slow_stage, person, "/queue")
    after = await control.last_seq()
    await control.click(person, listed, "✖️ 3")
    await control.wait_message(person.id, lambda m: m.text == "Cancelled.", after=after)
    after = await control.last_seq()
    await control.click(person, listed, "✖️ 1")
    await control.wait_message(person.id, lambda m: m.text == "Cancelled.", after=after)
    refreshed = await pressed(slow_stage, person, listed, "Refresh")

    assert listed.text.splitlines()[0] == "Your pictures in progress: 3"
    assert listed.text.splitlines()[1] == "1. first — in progress"
    assert "second — place in line: 1" in listed.text
    assert refreshed.text.splitlines()[0] == "Your pictures in progress: 1"
    await say_and_wait(slow_stage, person, "/cancel")


async def test_waiting_users_see_their_position_move(slow_stage: Stage) -> None:
    control = slow_stage.control
    await control.set_provider(duration_s=[600, 600])
    person = await control.make_user("Анна", language_code="ru")
    for words in ("раз", "два", "три"):
        await control.say(person, words)
    await control.wait_message(person.id, lambda m: "Место в очереди: 2" in m.text)
    listed = await say_and_wait(slow_stage, person, "/queue")

    after = await control.last_seq()
    await control.click(person, listed, "✖️ 2")
    moved = await control.wait_message(
        person.id, lambda m: m.text == "⏳ Принято. Место в очереди: 1.", 20, after=after
    )

    assert moved.edits == 1
    for _ in range(2):
        await control.say(person, "/cancel")


async def test_limits_say_what_is_left(slow_stage: Stage) -> None:
    control = slow_stage.control
    person = await control.make_user("Bob")

    fresh = await say_and_wait(slow_stage, person, "/limits")
    await say_and_wait(slow_stage, person, "/create")
    used = await say_and_wait(slow_stage, person, "/limits")

    assert fresh.text.splitlines()[0] == "Requests left: 50 of 50 (per 60 minutes)."
    assert used.text.splitlines()[0] == "Requests left: 49 of 50 (per 60 minutes)."
    assert used.text.splitlines()[-1].startswith("You'll have all 50 again in ")


async def wait_long_for(stage: Stage, person: Person, words: str) -> None:
    """Order behind a picture that holds it up, and let it have waited for long by then."""
    control = stage.control
    await control.say(person, "an owl [[sim:slow=3600]]")
    owl = await control.wait_message(person.id, lambda m: "Working" in m.text)
    await control.say(person, words)
    async with stage.bot.redis() as redis:
        await eventually(lambda: redis.hget(keys.WAITING, str(person.id)), lambda n: n == "1")
        [job_id] = await redis.zrevrange(f"{keys.USER_JOBS}{person.id}", 0, 0)
        await redis.hincrby(f"{keys.JOB}{job_id}", "created_ms", -16_000)
    await control.click(person, owl, "Cancel")


async def test_a_long_wait_ends_with_a_line_of_its_own(slow_stage: Stage) -> None:
    control = slow_stage.control
    await control.set_provider(duration_s=[0.2, 0.4])
    loud, quiet = await control.make_user("Bob"), await control.make_user("Anna")
    said = await say_and_wait(slow_stage, quiet, "/quiet")

    for person in (loud, quiet):
        await wait_long_for(slow_stage, person, "a fox")
    line = await control.wait_message(loud.id, lambda m: m.text == "✅ Ready!")
    await result_for(control, quiet)

    picture = await result_for(control, loud)
    assert said.text.startswith("OK, I won't send a separate message")
    assert line.reply_to == picture.id
    await control.say(loud, "a hat", reply_to=line.id)
    await control.wait_message(loud.id, lambda m: m.text == "✏️ a hat")
    assert [m.text for m in await control.messages(quiet.id) if m.text == "✅ Ready!"] == []
