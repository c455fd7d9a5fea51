"""What was made in one chat is never shown, changed or repeated in another."""

import functools
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from itertools import chain
from typing import Any

import pytest
import pytest_asyncio

from imgbot.domain.texts import t
from tests.fixtures.bot import Constants
from tests.fixtures.features import TABLE
from tests.fixtures.sandbox import Message
from tests.fixtures.utterances import KNOWN, utterances_in
from tests.integration.stage import (
    BOT_NAME,
    OUT_OF_REACH,
    Stage,
    User,
    has_buttons,
    jpeg,
    open_group,
    open_stage,
)

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

_LIMITER = "imgbot.telegram.rate_limiter"
UNLIMITED: Constants = {
    f"{_LIMITER}._{name}": 100_000
    for name in ("PRIVATE_BURST", "GROUP_PER_MINUTE", "OVERALL_PER_S")
}
LIMITS = {"IMGBOT_PER_USER": "waiting=400, running=50"}
AS_CHANNEL = {"id": 136_817_688, "is_bot": True, "first_name": "Channel", "username": "Channel_Bot"}
NEW = ("create", "change")
AT_ONCE = 20
"""Messages that the bot takes from one chat at once."""


@dataclass(frozen=True, slots=True)
class Place:
    """A chat with a picture and a job of Ann's, each named by a word."""

    ann: User
    bob: User
    words: tuple[str, str]
    picture: Message
    fields: dict[str, Any]

    async def say_all(self, texts: Iterable[str], **fields: Any) -> None:
        for number, text in enumerate(texts, 1):
            await self.ann.say(text, **self.fields, **fields)
            if number % AT_ONCE == 0:
                # Answered once all of them are read.
                await self.ann.toasts(OUT_OF_REACH, "nothing")

    async def walk(self, jobs: Iterable[str]) -> None:
        """Each command, phrase and button: alone, in reply to Ann's picture, and to Bob's."""
        is_private = self.ann.chat_id == self.ann.id
        texts = [phrase if is_private else f"{BOT_NAME} {phrase}" for phrase in phrases()]
        await self.say_all({f"/{each.name}" for each in TABLE.commands} - {"/cancel"})
        await self.say_all(texts)
        if not is_private:
            bison = await self.bob.order("/create a bison", **self.fields)
            for replied in (self.picture, bison):
                await self.say_all(texts, reply_to=replied.id)
                await self.say_all(("/last", "/undo", "/compare"), reply_to=replied.id)
        for action in {each.name for each, _ in TABLE.actions} - {"cancel"}:
            forged = [f"{action}:{part}{job}" for job in jobs for part in ("", "2.", "change.")]
            await self.ann.toasts(self.picture, *forged)
            await self.ann.toasts(OUT_OF_REACH, *forged[::3])


def job_of(picture: Message) -> str:
    return picture.button("Again")["callback_data"].partition(":")[2]


@functools.cache
def phrases() -> list[str]:
    """Two texts for each command, and one for each other intent; but none that cancels."""
    counted = Counter[str]()
    found: list[str] = []
    for each in chain.from_iterable(map(utterances_in, KNOWN)):
        intent, _, topic = each.label.partition(":")
        counted[each.label] += 1
        if intent not in {"cancel", "unsure", *NEW} and counted[each.label] <= (2 if topic else 1):
            found.append(each.text)
    return found


async def open_place(ann: User, bob: User, words: tuple[str, str], **fields: Any) -> Place:
    picture = await ann.order(f"/create a {words[0]}", **fields)
    slow = f"/create a {words[1]} [[sim:slow=600]]"
    await ann.ask(slow, fits=has_buttons, **fields)
    return Place(ann, bob, words, picture, fields)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async for stage in open_stage(tmp_path_factory.mktemp("apart"), UNLIMITED, **LIMITS):
        await stage.control.set_provider(duration_s=[0.0, 0.1])
        yield stage


@pytest_asyncio.fixture(loop_scope="module")
async def places(stage: Stage) -> AsyncIterator[list[Place]]:
    """A private chat, a group, and a topic of another group."""
    ann, bob = await stage.user("Ann"), await stage.user("Bob")
    places = [await open_place(ann, bob, ("walrus", "narwhal"))]
    for words, fields in ((("badger", "ferret"), {}), (("otter", "beaver"), {"thread_id": 7})):
        members = [ann.person, bob.person]
        group = await stage.control.make_group(words[0], members, is_forum=bool(fields))
        await stage.control.set_privacy(group, on=False)
        places.append(await open_place(ann.within(group), bob.within(group), words, **fields))
    yield places
    stage.finish_tasks()


async def test_no_word_and_no_picture_of_another_chat_appears(places: list[Place]) -> None:
    made = {each.picture.photo_unique_id: each for each in places}

    for place in places:
        await place.walk([job_of(each.picture) for each in places if each is not place])
        foreign = {word for each in places if each is not place for word in each.words}
        # What only one user sees has a negative id.
        for message in await place.ann.control.messages(place.ann.chat_id, after=-9_999):
            shown = f"{message.text} {[button['text'] for button in message.buttons]}"
            assert not [word for word in foreign if word in shown], message.raw
            assert made.get(message.photo_unique_id, place) is place, message.raw


async def test_nothing_is_said_to_a_channel_nor_offered_to_others(
    stage: Stage, places: list[Place]
) -> None:
    [private, group, _] = places
    control = private.ann.control
    channel = stage.sandbox.state.add_group("channel", "News", [])
    heard = await group.ann.heard(rests=False)
    post = {"message_id": 1, "date": 1, "chat": channel.info, "sender_chat": channel.info}
    head = {"from": AS_CHANNEL, "sender_chat": channel.info}

    for text in (*(f"/{each.name}" for each in TABLE.commands), "save it"):
        await control.post("updates", {"channel_post": post | {"text": text}})
        await group.ann.send(text=text, extra=head, reply_to_message_id=group.picture.id)
    asked = [(each.bob.person, each.bob.chat_id) for each in places]
    offers = [await control.ask_inline(bob, "", chat_id=chat_id) for bob, chat_id in asked]
    answers = (await group.ann.heard(rests=False))[len(heard) :]

    assert {offer["title"] for each in offers for offer in each.results} <= {"a bison"}
    assert {answer.text for answer in answers} == {t("en", "anonymous")}
    assert channel.posts == {}


async def test_undo_in_a_group_ends_at_what_was_sent_there(stage: Stage) -> None:
    ann, _ = await open_group(stage)
    private = ann.within(ann.id)
    drawn = await private.order("make it secret", jpeg("cat"))
    [sent] = await ann.control.forward(ann.person, [drawn], chat_id=ann.chat_id)

    await ann.order(f"{BOT_NAME} sepia", reply_to=sent.id)
    first, second = await ann.ask("/undo"), await ann.ask("/undo")

    assert first.photo_unique_id == drawn.photo_unique_id
    assert (first.text, second.text) == (t("en", "undo_original"), t("en", "undo_nothing"))


async def test_buttons_of_another_chat_that_an_earlier_release_showed(stage: Stage) -> None:
    ann, _ = await open_group(stage)
    fox = await ann.within(ann.id).order("a fox")
    badger = await ann.order("/create a badger")
    pressed = [f"{name}:{job_of(fox)}" for name in ("view", "again")]

    assert await ann.press_again(badger, *pressed) == [t("en", "stale_button")] * 2
    assert await ann.heard() == [await ann.control.message(ann.chat_id, badger.id)]


async def test_a_job_of_another_chat_is_not_cancelled(stage: Stage) -> None:
    ann, _ = await open_group(stage)
    private = ann.within(ann.id)
    status = await private.ask("a fox [[sim:slow=600]]", fits=has_buttons)

    answer = await ann.ask("/cancel")
    await private.click(status, "Cancel", lambda message: message.text == t("en", "cancelled"))

    assert answer.text == t("en", "cancel_nothing")
