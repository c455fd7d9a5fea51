"""/broadcast: shown first, sent to everybody once, stopped, resumed; who wants none gets none."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from imgbot.domain.texts import t
from imgbot.storage import keys
from tests.fixtures.hostile import answers_to, said_by_bot
from tests.fixtures.sandbox import Message, Person, picture
from tests.fixtures.waiting import PATIENCE_S, eventually
from tests.integration.stage import Stage, open_stage

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

# The sandbox counts its people from this.
OWNER_ID = 5_000_000_001
START = t("en", "start")


@dataclass(frozen=True, slots=True)
class Town:
    """The owner, and people who have talked with the bot."""

    stage: Stage
    owner: Person
    people: list[Person]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    folder = tmp_path_factory.mktemp("town")
    async for stage in open_stage(folder, is_simulated=True, IMGBOT_ADMINS=str(OWNER_ID)):
        owner = await stage.control.make_user("Owner")
        assert owner.id == OWNER_ID
        yield stage


@pytest_asyncio.fixture(loop_scope="module")
async def town(stage: Stage) -> Town:
    """Four people of this test alone."""
    async with stage.bot.redis() as redis:
        await redis.delete(keys.PEOPLE)
    people = [await stage.control.make_user(f"P{number}") for number in range(4)]
    for person in people:
        await stage.control.say(person, "/start")
        await stage.control.wait_message(person.id)
    return Town(stage, Person(OWNER_ID, "Owner", {}), people)


async def asked(town: Town, text: str, **fields: Any) -> Message:
    """The question that stands below what would be sent."""
    control = town.stage.control
    after = await control.last_seq()
    await control.say(town.owner, text, **fields)
    return await control.wait_message(OWNER_ID, lambda m: m.text.startswith("☝️"), after=after)


async def pressed(town: Town, message: Message, label: str) -> str:
    data = message.button(label)["callback_data"]
    return (await answers_to(town.stage.control, town.owner, message, data))[0]


async def ended(town: Town, message: Message) -> str:
    """What the question says when all is over."""
    control = town.stage.control

    async def now() -> str:
        return (await control.message(OWNER_ID, message.id)).text

    return await eventually(now, lambda text: "Delivered: " in text)


async def news(town: Town, person: Person) -> list[Message]:
    """What somebody got beside the greeting."""
    found = await said_by_bot(town.stage.bot, town.stage.control, person, person.id)
    return [message for message in found if message.text != START]


async def test_words_are_shown_first_and_sent_to_everybody_once(town: Town) -> None:
    control = town.stage.control
    after = await control.last_seq()
    question = await asked(town, "/broadcast Two lines:\n\nnew styles!")
    shown = await control.wait_message(OWNER_ID, lambda m: "styles" in m.text, after=after)
    nobody = [await news(town, person) for person in town.people]
    answer = await pressed(town, question, "📣 Send")
    summary = await ended(town, question)

    assert question.text == "☝️ This is how it will look. Send it to 4 users?"
    assert shown.text == "Two lines:\n\nnew styles!"
    assert nobody == [[], [], [], []]
    assert answer == "Sending."
    assert summary == "📣 Broadcast finished. Delivered: 4 of 4"
    assert (await control.message(OWNER_ID, question.id)).buttons == []
    for person in town.people:
        assert [message.text for message in await news(town, person)] == [shown.text]
    async with town.stage.bot.redis() as redis:
        # For three seconds it would count as the same tap.
        for key in await redis.keys(f"{keys.TAP_GUARD}*"):
            await redis.delete(key)
    assert await pressed(town, question, "📣 Send") == t("en", "cast_stale")


async def test_a_message_with_a_picture_goes_out_as_it_is(town: Town) -> None:
    control = town.stage.control
    [poster] = await control.send_photos(town.owner, [picture()], caption="A poster")
    question = await asked(town, "/broadcast", reply_to=poster.id)
    await pressed(town, question, "📣 Send")
    await ended(town, question)

    for person in town.people:
        [message] = await news(town, person)
        assert (message.text, message.photo_unique_id) == ("A poster", poster.photo_unique_id)


@pytest.mark.parametrize(
    "refusal", ["message can't be copied", "message to copy not found", "MESSAGE_ID_INVALID"]
)
async def test_a_message_that_telegram_does_not_copy_is_refused_in_words(
    town: Town, refusal: str
) -> None:
    control = town.stage.control
    poster = await control.say(town.owner, "a receipt")
    await said_by_bot(town.stage.bot, control, town.owner, OWNER_ID)
    fault = {"error_code": 400, "description": f"Bad Request: {refusal}"}
    await control.fault("copyMessage", "error", **fault)
    after = await control.last_seq()
    await control.say(town.owner, "/broadcast", reply_to=poster.id)
    answer = await control.wait_message(OWNER_ID, after=after)

    assert answer.text == t("en", "cast_uncopied")
    assert [await news(town, person) for person in town.people] == [[], [], [], []]


async def test_an_unsubscribed_user_gets_no_broadcast_until_they_subscribe_again(
    town: Town,
) -> None:
    control, anna = town.stage.control, town.people[0]
    first = await asked(town, "/broadcast one")
    await pressed(town, first, "📣 Send")
    await ended(town, first)
    [one] = await news(town, anna)

    [answer] = await answers_to(control, anna, one, one.button("Unsubscribe")["callback_data"])
    second = await asked(town, "/broadcast two")
    await pressed(town, second, "📣 Send")
    summary = await ended(town, second)
    after = await control.last_seq()
    await control.say(anna, "/settings")
    panel = await control.wait_message(anna.id, after=after)
    back = panel.button("📣 News")["callback_data"]
    await answers_to(control, anna, panel, back)
    third = await asked(town, "/broadcast three")
    await pressed(town, third, "Don't send")

    assert answer == t("en", "news_off")
    assert second.text.endswith("to 3 users?")
    assert summary.endswith("Delivered: 3 of 3")
    assert "two" not in [message.text for message in await news(town, anna)]
    assert panel.button("News")["text"] == "📣 News: off"
    assert third.text.endswith("to 4 users?")


async def test_the_banned_get_none_and_who_blocked_the_bot_is_counted_and_forgotten(
    town: Town,
) -> None:
    control, (anna, boris, *_) = town.stage.control, town.people
    await control.block(anna)
    async with town.stage.bot.redis() as redis:
        await redis.sadd(keys.BANNED, str(boris.id))
        question = await asked(town, "/broadcast hello")
        await pressed(town, question, "📣 Send")
        summary = await ended(town, question)
        again = await asked(town, "/broadcast hello again")
        await redis.delete(keys.BANNED)
    await pressed(town, again, "Don't send")
    dropped = await control.message(OWNER_ID, again.id)
    await control.block(anna, blocked=False)
    await control.say(anna, "/start")
    await said_by_bot(town.stage.bot, control, anna, anna.id)
    back = await asked(town, "/broadcast hello again")
    await pressed(town, back, "Don't send")

    assert question.text.endswith("to 3 users?")
    assert summary == "📣 Broadcast finished. Delivered: 2 of 3\nblocked the bot: 1"
    assert again.text.endswith("to 2 users?")
    assert dropped.text == "Not sent."
    assert back.text.endswith("to 4 users?")
    assert await news(town, boris) == []


async def test_one_at_a_time_with_progress_and_a_stop(town: Town) -> None:
    control = town.stage.control
    # The first send hangs until all was looked at.
    first_person = town.people[0].id
    await control.fault("sendMessage", "delay", times=1, delay_s=PATIENCE_S, chat_id=first_person)
    first = await asked(town, "/broadcast one")
    second = await asked(town, "/broadcast two")
    begun = await pressed(town, first, "📣 Send")
    [_, broadcast_id] = first.button("📣 Send")["callback_data"].split(".")
    async with town.stage.bot.redis() as redis:
        await eventually(lambda: redis.hget(keys.BROADCAST_OF + broadcast_id, "in_hand"))
    busy = await pressed(town, second, "📣 Send")

    [stopping] = await answers_to(control, town.owner, first, f"cast:stop.{broadcast_id}")
    await control.clear_faults()
    summary = await ended(town, first)
    await pressed(town, second, "Don't send")

    assert begun == "Sending."
    assert busy == t("en", "cast_busy")
    assert stopping == "Stopping."
    assert summary == "📣 Broadcast stopped. Delivered: 1 of 4"
    assert sum([len(await news(town, person)) for person in town.people]) == 1


async def test_while_telegram_asks_to_wait_nobody_is_lost(town: Town) -> None:
    control = town.stage.control
    for person in town.people[:2]:
        await control.fault("sendMessage", "flood", times=2, retry_after_s=1, chat_id=person.id)
    question = await asked(town, "/broadcast patience")
    await pressed(town, question, "📣 Send")

    assert await ended(town, question) == "📣 Broadcast finished. Delivered: 4 of 4"
    assert [len(await news(town, person)) for person in town.people] == [1, 1, 1, 1]


async def waits(town: Town, words: str) -> tuple[Message, str]:
    """Begin a broadcast that Telegram lets wait for longer than any test; its question and id."""
    anna = town.people[0]
    fault = {"retry_after_s": 3000, "chat_id": anna.id}
    await town.stage.control.fault("sendMessage", "flood", times=1, **fault)
    question = await asked(town, f"/broadcast {words}")
    [_, broadcast_id] = question.button("📣 Send")["callback_data"].split(".")
    await pressed(town, question, "📣 Send")
    left = keys.BROADCAST_LEFT + broadcast_id
    async with town.stage.bot.redis() as redis:
        # She was put back, before all the others.
        await eventually(lambda: redis.zscore(left, str(anna.id)), lambda score: score == 0)
    return question, broadcast_id


async def test_a_kill_while_telegram_asks_to_wait_leaves_no_doubt(town: Town) -> None:
    question, _ = await waits(town, "patience")
    await town.stage.bot.kill()
    await town.stage.bot.start()

    assert await ended(town, question) == "📣 Broadcast finished. Delivered: 4 of 4"
    assert [len(await news(town, person)) for person in town.people] == [1, 1, 1, 1]


async def test_a_stop_is_heard_while_telegram_asks_to_wait(town: Town) -> None:
    question, broadcast_id = await waits(town, "patience")
    data = f"cast:stop.{broadcast_id}"
    answer = await answers_to(town.stage.control, town.owner, question, data)

    assert answer == ["Stopping."]
    assert await ended(town, question) == "📣 Broadcast stopped. Delivered: 0 of 4"


async def test_a_progress_that_telegram_refuses_keeps_nobody_from_the_news(town: Town) -> None:
    control = town.stage.control
    refusal = {"error_code": 400, "description": "Bad Request: not this one"}
    question = await asked(town, "/broadcast all the same")
    after = await control.last_seq()
    await control.fault("editMessageText", "error", times=500, chat_id=OWNER_ID, **refusal)
    await pressed(town, question, "📣 Send")
    told = await control.wait_message(OWNER_ID, lambda m: "Delivered: " in m.text, after=after)
    await control.clear_faults()

    assert told.text == "📣 Broadcast finished. Delivered: 4 of 4"
    assert [len(await news(town, person)) for person in town.people] == [1, 1, 1, 1]


async def test_a_lost_answer_is_counted_and_not_sent_again(town: Town) -> None:
    control, anna = town.stage.control, town.people[0]
    await control.fault("sendMessage", "drop_after", times=1, chat_id=anna.id)
    question = await asked(town, "/broadcast once")
    await pressed(town, question, "📣 Send")

    assert await ended(town, question) == (
        "📣 Broadcast finished. Delivered: 3 of 4\n"
        "may or may not have been delivered, as the connection broke: 1. "
        "I won't send it to them again"
    )
    assert [len(await news(town, person)) for person in town.people] == [1, 1, 1, 1]


async def test_a_broadcast_without_recipients_says_so(stage: Stage) -> None:
    async with stage.bot.redis() as redis:
        await redis.delete(keys.PEOPLE)
    after = await stage.control.last_seq()
    await stage.control.say(Person(OWNER_ID, "Owner", {}), "/broadcast hello")
    answer = await stage.control.wait_message(OWNER_ID, after=after)

    assert answer.text == t("en", "cast_nobody")
