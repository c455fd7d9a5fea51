"""/broadcast: shown first, sent to everybody once, stopped, resumed; who wants none gets none."""

from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from imgbot.domain.texts import t
from imgbot.features.broadcast.broadcasts import BROADCAST_LEFT, BROADCAST_OF
from imgbot.storage import keys
from tests.fixtures.sandbox import Message, picture
from tests.fixtures.waiting import PATIENCE_S, eventually
from tests.integration.stage import OUT_OF_REACH, Stage, User, is_picture

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

START = t("en", "start")


@dataclass(frozen=True, slots=True)
class Audience:
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
        return (await self.owner.toasts(OUT_OF_REACH, f"cast:stop.{id_of(question)}"))[0]

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


@pytest_asyncio.fixture(loop_scope="module")
async def audience(stage: Stage) -> Audience:
    """Four people of this test alone."""
    async with stage.bot.redis() as redis:
        await redis.delete(keys.PEOPLE)
    people = [await stage.user(f"P{number}") for number in range(4)]
    for person in people:
        await person.ask("/start")
    return Audience(stage, stage.owner, people)


async def test_words_are_shown_first_and_sent_to_everybody_once(audience: Audience) -> None:
    words = "Two lines:\n\nnew styles!"
    after = await audience.owner.control.last_seq()
    question = await audience.draft(f"/broadcast {words}")
    shown = await audience.owner.wait(lambda m: "styles" in m.text, after=after)
    nobody = await audience.news()
    answer = await audience.send(question)
    summary = await audience.end(question)

    assert question.text == "☝️ This is how it will look. Send it to 4 users?"
    assert shown.text == words
    assert nobody == [[]] * 4
    assert answer == "Sending."
    assert summary == "📣 Broadcast finished. Delivered: 4 of 4"
    assert (await audience.owner.control.message(audience.owner.id, question.id)).buttons == []
    assert await audience.news() == [[words]] * 4
    repeated = await audience.owner.toasts(OUT_OF_REACH, f"cast:go.{id_of(question)}")
    assert repeated == [t("en", "cast_stale")]


async def test_a_message_with_a_picture_goes_out_as_it_is(audience: Audience) -> None:
    after = await audience.owner.control.last_seq()
    [poster] = await audience.owner.photos(picture(), caption="A poster")
    # The photo with its words is an order as well, whose picture would be another test's.
    await audience.owner.wait(is_picture, after=after)
    question = await audience.draft("/broadcast", reply_to=poster.id)
    await audience.send(question)
    await audience.end(question)

    for person in audience.people:
        [message] = await person.results()
        assert (message.text, message.photo_unique_id) == ("A poster", poster.photo_unique_id)


async def test_a_message_that_telegram_does_not_copy_is_refused(audience: Audience) -> None:
    for refusal in ("message can't be copied", "message to copy not found", "MESSAGE_ID_INVALID"):
        receipt = await audience.owner.ask("/limits")
        fault = {"error_code": 400, "description": f"Bad Request: {refusal}"}
        await audience.owner.control.fault("copyMessage", "error", **fault)

        answer = await audience.owner.ask("/broadcast", reply_to=receipt.id)

        assert answer.text == t("en", "cast_uncopied"), refusal
    assert await audience.news() == [[]] * 4


async def test_an_unsubscribed_user_gets_no_broadcast_until_they_subscribe_again(
    audience: Audience,
) -> None:
    anna = audience.people[0]
    first = await audience.draft("/broadcast one")
    await audience.send(first)
    one = await anna.wait(lambda m: m.text == "one")

    answer = await anna.toast(one, "Unsubscribe")
    await audience.end(first)
    second = await audience.draft("/broadcast two")
    await audience.send(second)
    summary = await audience.end(second)
    panel = await anna.ask("/settings")
    await anna.toast(panel, "📣 News")
    third = await audience.draft("/broadcast three")
    await audience.drop(third)

    assert answer == t("en", "news_off")
    assert second.text.endswith("to 3 users?")
    assert summary.endswith("Delivered: 3 of 3")
    assert "two" not in await anna.said()
    assert panel.button("News")["text"] == "📣 News: off"
    assert third.text.endswith("to 4 users?")


async def test_the_banned_get_none_and_who_blocked_the_bot_is_counted_and_forgotten(
    audience: Audience,
) -> None:
    control, (anna, boris, *_) = audience.stage.control, audience.people
    await control.block(anna.person)
    async with audience.stage.bot.redis() as redis:
        await redis.sadd(keys.BANNED, str(boris.id))
        question = await audience.draft("/broadcast hello")
        await audience.send(question)
        summary = await audience.end(question)
        again = await audience.draft("/broadcast hello again")
        await redis.delete(keys.BANNED)
    await audience.drop(again)
    dropped = await control.message(audience.owner.id, again.id)
    await control.block(anna.person, blocked=False)
    await anna.ask("/start")
    back = await audience.draft("/broadcast hello again")
    await audience.drop(back)

    assert question.text.endswith("to 3 users?")
    assert summary == "📣 Broadcast finished. Delivered: 2 of 3\nblocked the bot: 1"
    assert again.text.endswith("to 2 users?")
    assert dropped.text == "Not sent."
    assert back.text.endswith("to 4 users?")
    assert (await audience.news())[1] == []


async def test_one_at_a_time_with_progress_and_a_stop(audience: Audience) -> None:
    control, chat_id = audience.stage.control, audience.people[0].id
    # The first send hangs until all was looked at.
    await control.fault("sendMessage", "delay", times=1, delay_s=PATIENCE_S, chat_id=chat_id)
    first = await audience.draft("/broadcast one")
    second = await audience.draft("/broadcast two")
    begun = await audience.send(first)
    async with audience.stage.bot.redis() as redis:
        await eventually(lambda: redis.hget(BROADCAST_OF + id_of(first), "in_hand"))
    busy = await audience.send(second)

    stopping = await audience.stop(first)
    await control.clear_faults()
    summary = await audience.end(first)
    await audience.drop(second)

    assert begun == "Sending."
    assert busy == t("en", "cast_busy")
    assert stopping == "Stopping."
    assert summary == "📣 Broadcast stopped. Delivered: 1 of 4"
    assert sum(len(each) for each in await audience.news()) == 1


async def test_troubles_of_telegram_lose_and_repeat_nothing(audience: Audience) -> None:
    control, (anna, boris, carl, _) = audience.stage.control, audience.people
    for person in (anna, boris):
        await control.fault("sendMessage", "flood", times=2, retry_after_s=1, chat_id=person.id)
    await control.fault("sendMessage", "drop_after", times=1, chat_id=carl.id)
    question = await audience.draft("/broadcast all the same")
    refusal = {"error_code": 400, "description": "Bad Request: not this one"}
    await control.fault("editMessageText", "error", times=500, chat_id=audience.owner.id, **refusal)
    after = await control.last_seq()
    await audience.send(question)
    told = await audience.owner.wait(lambda m: "Delivered: " in m.text, after=after)
    await control.clear_faults()

    assert told.text == (
        "📣 Broadcast finished. Delivered: 3 of 4\n"
        "may or may not have been delivered, as the connection broke: 1. "
        "I won't send it to them again"
    )
    assert await audience.news() == [["all the same"]] * 4


async def begin_to_wait(audience: Audience) -> Message:
    """Begin a broadcast that Telegram lets wait for longer than any test; return its question."""
    anna = audience.people[0]
    fault = {"retry_after_s": 3000, "chat_id": anna.id}
    await audience.stage.control.fault("sendMessage", "flood", times=1, **fault)
    question = await audience.draft("/broadcast patience")
    await audience.send(question)
    left = BROADCAST_LEFT + id_of(question)
    async with audience.stage.bot.redis() as redis:
        # She was put back, before all the others.
        await eventually(lambda: redis.zscore(left, str(anna.id)), lambda score: score == 0)
    return question


async def test_a_kill_while_telegram_asks_to_wait_leaves_no_doubt(audience: Audience) -> None:
    question = await begin_to_wait(audience)
    await audience.stage.bot.kill()
    await audience.stage.bot.start()

    assert await audience.end(question) == "📣 Broadcast finished. Delivered: 4 of 4"
    assert await audience.news() == [["patience"]] * 4


async def test_a_stop_is_heard_while_telegram_asks_to_wait(audience: Audience) -> None:
    question = await begin_to_wait(audience)

    assert await audience.stop(question) == "Stopping."
    assert await audience.end(question) == "📣 Broadcast stopped. Delivered: 0 of 4"


async def test_a_broadcast_without_recipients_says_so(stage: Stage) -> None:
    async with stage.bot.redis() as redis:
        await redis.delete(keys.PEOPLE)

    assert (await stage.owner.ask("/broadcast hello")).text == t("en", "cast_nobody")
