"""/broadcast: shown first, sent to everybody once, stopped, resumed; who wants none gets none."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from imgbot.domain.texts import t
from imgbot.storage import keys
from tests.fixtures.sandbox import Message, picture
from tests.fixtures.waiting import PATIENCE_S, eventually
from tests.integration.stage import Stage, User, open_owned

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

START = t("en", "start")


@dataclass(frozen=True, slots=True)
class Town:
    """The owner, and people who have talked with the bot."""

    stage: Stage
    owner: User
    people: list[User]

    async def draft(self, text: str, **fields: Any) -> Message:
        """Begin a broadcast; return the question that stands below what would be sent."""
        return await self.owner.ask(text, fits=lambda m: m.text.startswith("☝️"), **fields)

    async def send(self, question: Message) -> str:
        return await self.owner.toast(question, "📣 Send")

    async def drop(self, question: Message) -> None:
        await self.owner.toast(question, "Don't send")

    async def stop(self, question: Message) -> str:
        return (await self.owner.toasts(question, f"cast:stop.{id_of(question)}"))[0]

    async def end(self, question: Message) -> str:
        """What the question says when all is over."""

        async def now() -> str:
            return (await self.owner.control.message(self.owner.id, question.id)).text

        return await eventually(now, lambda text: "Delivered: " in text)

    async def news(self) -> list[list[str]]:
        """What each of the people got beside the greeting."""
        return [[text for text in await each.said() if text != START] for each in self.people]


def id_of(question: Message) -> str:
    return question.button("📣 Send")["callback_data"].partition(".")[2]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async for stage in open_owned(tmp_path_factory.mktemp("town")):
        yield stage


@pytest_asyncio.fixture(loop_scope="module")
async def town(stage: Stage) -> Town:
    """Four people of this test alone."""
    async with stage.bot.redis() as redis:
        await redis.delete(keys.PEOPLE)
    people = [await stage.user(f"P{number}") for number in range(4)]
    for person in people:
        await person.ask("/start")
    return Town(stage, stage.owner, people)


async def test_words_are_shown_first_and_sent_to_everybody_once(town: Town) -> None:
    words = "Two lines:\n\nnew styles!"
    after = await town.owner.control.last_seq()
    question = await town.draft(f"/broadcast {words}")
    shown = await town.owner.wait(lambda m: "styles" in m.text, after=after)
    nobody = await town.news()
    answer = await town.send(question)
    summary = await town.end(question)

    assert question.text == "☝️ This is how it will look. Send it to 4 users?"
    assert shown.text == words
    assert nobody == [[]] * 4
    assert answer == "Sending."
    assert summary == "📣 Broadcast finished. Delivered: 4 of 4"
    assert (await town.owner.control.message(town.owner.id, question.id)).buttons == []
    assert await town.news() == [[words]] * 4
    async with town.stage.bot.redis() as redis:
        # For three seconds it would count as the same tap.
        for guard in await redis.keys(f"{keys.TAP_GUARD}*"):
            await redis.delete(guard)
    assert await town.send(question) == t("en", "cast_stale")


async def test_a_message_with_a_picture_goes_out_as_it_is(town: Town) -> None:
    [poster] = await town.owner.photos(picture(), caption="A poster")
    question = await town.draft("/broadcast", reply_to=poster.id)
    await town.send(question)
    await town.end(question)

    for person in town.people:
        [message] = await person.results()
        assert (message.text, message.photo_unique_id) == ("A poster", poster.photo_unique_id)


async def test_a_message_that_telegram_does_not_copy_is_refused_in_words(town: Town) -> None:
    for refusal in ("message can't be copied", "message to copy not found", "MESSAGE_ID_INVALID"):
        receipt = await town.owner.say("a receipt")
        await town.owner.said()
        fault = {"error_code": 400, "description": f"Bad Request: {refusal}"}
        await town.owner.control.fault("copyMessage", "error", **fault)

        answer = await town.owner.ask("/broadcast", reply_to=receipt.id)

        assert answer.text == t("en", "cast_uncopied"), refusal
    assert await town.news() == [[]] * 4


async def test_an_unsubscribed_user_gets_no_broadcast_until_they_subscribe_again(
    town: Town,
) -> None:
    anna = town.people[0]
    first = await town.draft("/broadcast one")
    await town.send(first)
    one = await anna.wait(lambda m: m.text == "one")

    answer = await anna.toast(one, "Unsubscribe")
    await town.end(first)
    second = await town.draft("/broadcast two")
    await town.send(second)
    summary = await town.end(second)
    panel = await anna.ask("/settings")
    await anna.toast(panel, "📣 News")
    third = await town.draft("/broadcast three")
    await town.drop(third)

    assert answer == t("en", "news_off")
    assert second.text.endswith("to 3 users?")
    assert summary.endswith("Delivered: 3 of 3")
    assert "two" not in await anna.said()
    assert panel.button("News")["text"] == "📣 News: off"
    assert third.text.endswith("to 4 users?")


async def test_the_banned_get_none_and_who_blocked_the_bot_is_counted_and_forgotten(
    town: Town,
) -> None:
    control, (anna, boris, *_) = town.stage.control, town.people
    await control.block(anna.person)
    async with town.stage.bot.redis() as redis:
        await redis.sadd(keys.BANNED, str(boris.id))
        question = await town.draft("/broadcast hello")
        await town.send(question)
        summary = await town.end(question)
        again = await town.draft("/broadcast hello again")
        await redis.delete(keys.BANNED)
    await town.drop(again)
    dropped = await control.message(town.owner.id, again.id)
    await control.block(anna.person, blocked=False)
    await anna.ask("/start")
    back = await town.draft("/broadcast hello again")
    await town.drop(back)

    assert question.text.endswith("to 3 users?")
    assert summary == "📣 Broadcast finished. Delivered: 2 of 3\nblocked the bot: 1"
    assert again.text.endswith("to 2 users?")
    assert dropped.text == "Not sent."
    assert back.text.endswith("to 4 users?")
    assert (await town.news())[1] == []


async def test_one_at_a_time_with_progress_and_a_stop(town: Town) -> None:
    control, chat_id = town.stage.control, town.people[0].id
    # The first send hangs until all was looked at.
    await control.fault("sendMessage", "delay", times=1, delay_s=PATIENCE_S, chat_id=chat_id)
    first = await town.draft("/broadcast one")
    second = await town.draft("/broadcast two")
    begun = await town.send(first)
    async with town.stage.bot.redis() as redis:
        await eventually(lambda: redis.hget(keys.BROADCAST_OF + id_of(first), "in_hand"))
    busy = await town.send(second)

    stopping = await town.stop(first)
    await control.clear_faults()
    summary = await town.end(first)
    await town.drop(second)

    assert begun == "Sending."
    assert busy == t("en", "cast_busy")
    assert stopping == "Stopping."
    assert summary == "📣 Broadcast stopped. Delivered: 1 of 4"
    assert sum(len(each) for each in await town.news()) == 1


async def test_troubles_of_telegram_keep_nobody_from_the_news_nor_repeat_it(town: Town) -> None:
    control, (anna, boris, carl, _) = town.stage.control, town.people
    for person in (anna, boris):
        await control.fault("sendMessage", "flood", times=2, retry_after_s=1, chat_id=person.id)
    await control.fault("sendMessage", "drop_after", times=1, chat_id=carl.id)
    question = await town.draft("/broadcast all the same")
    refusal = {"error_code": 400, "description": "Bad Request: not this one"}
    await control.fault("editMessageText", "error", times=500, chat_id=town.owner.id, **refusal)
    after = await control.last_seq()
    await town.send(question)
    told = await town.owner.wait(lambda m: "Delivered: " in m.text, after=after)
    await control.clear_faults()

    assert told.text == (
        "📣 Broadcast finished. Delivered: 3 of 4\n"
        "may or may not have been delivered, as the connection broke: 1. "
        "I won't send it to them again"
    )
    assert await town.news() == [["all the same"]] * 4


async def begin_to_wait(town: Town) -> Message:
    """Begin a broadcast that Telegram lets wait for longer than any test; return its question."""
    anna = town.people[0]
    fault = {"retry_after_s": 3000, "chat_id": anna.id}
    await town.stage.control.fault("sendMessage", "flood", times=1, **fault)
    question = await town.draft("/broadcast patience")
    await town.send(question)
    left = keys.BROADCAST_LEFT + id_of(question)
    async with town.stage.bot.redis() as redis:
        # She was put back, before all the others.
        await eventually(lambda: redis.zscore(left, str(anna.id)), lambda score: score == 0)
    return question


async def test_a_kill_while_telegram_asks_to_wait_leaves_no_doubt(town: Town) -> None:
    question = await begin_to_wait(town)
    await town.stage.bot.kill()
    await town.stage.bot.start()

    assert await town.end(question) == "📣 Broadcast finished. Delivered: 4 of 4"
    assert await town.news() == [["patience"]] * 4


async def test_a_stop_is_heard_while_telegram_asks_to_wait(town: Town) -> None:
    question = await begin_to_wait(town)

    assert await town.stop(question) == "Stopping."
    assert await town.end(question) == "📣 Broadcast stopped. Delivered: 0 of 4"


async def test_a_broadcast_without_recipients_says_so(stage: Stage) -> None:
    async with stage.bot.redis() as redis:
        await redis.delete(keys.PEOPLE)

    assert (await stage.owner.ask("/broadcast hello")).text == t("en", "cast_nobody")
