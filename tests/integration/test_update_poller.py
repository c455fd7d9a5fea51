"""Updates: confirmed only when handled, in order within a chat, the odd one set aside."""

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast
from unittest.mock import Mock

import pytest
from aiogram import Bot

from imgbot.domain.errors import StorageUnavailableError, TransientError
from imgbot.storage import keys
from imgbot.storage.client import Client
from imgbot.storage.update_ledger import UpdateLedger
from imgbot.supervisor import DRAIN_S
from imgbot.telegram import update_dispatcher
from imgbot.telegram.client import open_bot
from imgbot.telegram.session import BotSession
from imgbot.telegram.update_poller import GetRawUpdates, UpdatePoller
from imgbot.telemetry.metrics import REGISTRY
from tests.fixtures.redis_servers import filled
from tests.fixtures.sandbox import Control, Person, open_sandbox
from tests.fixtures.waiting import eventually

Update = Mapping[str, Any]


class Recorder:
    """A handler whose behaviour is scripted by the text of the message."""

    def __init__(self) -> None:
        self.handled: list[tuple[int, str]] = []
        self.refused: list[tuple[int, str]] = []
        self.gates: dict[str, asyncio.Event] = {}
        self.failures: dict[str, list[Exception]] = {}
        self.running = 0
        self.most_running = 0

    async def __call__(self, update: Update, refusal: str = "") -> None:
        if query := update.get("pre_checkout_query"):
            self.handled.append((query["from"]["id"], "checkout"))
            return
        message = (update.get("callback_query") or update)["message"]
        if refusal:
            if self.failures.get(refusal):
                raise self.failures[refusal].pop(0)
            self.refused.append((message["chat"]["id"], refusal))
            return
        text, chat_id = message["text"], message["chat"]["id"]
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            if self.failures.get(text):
                raise self.failures[text].pop(0)
            if text in self.gates:
                await self.gates[text].wait()
            self.handled.append((chat_id, text))
        finally:
            self.running -= 1

    def texts(self, chat_id: int) -> list[str]:
        return [text for each, text in self.handled if each == chat_id]

    async def until(self, user: Person, texts: list[str]) -> None:
        """Wait until these messages of a user, and no others, are handled."""
        await eventually(lambda: self.texts(user.id), lambda found: found == texts)

    async def until_running(self, count: int = 1) -> None:
        """Wait until so many handlers are at work."""
        await eventually(lambda: self.running, lambda found: found == count)

    async def until_count(self, count: int) -> None:
        """Wait until so many messages are handled."""
        await eventually(lambda: len(self.handled), lambda found: found == count)


@dataclass(frozen=True, slots=True)
class Place:
    """A bot on a sandbox, whose updates a recorder handles."""

    bot: Bot
    control: Control
    redis: Client
    ann: Person
    recorder: Recorder

    def poller(self) -> UpdatePoller:
        return UpdatePoller(self.bot, self.recorder, UpdateLedger(self.redis))

    @asynccontextmanager
    async def polling(self, drain_s: float = DRAIN_S) -> AsyncGenerator[asyncio.Event]:
        stopping = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(self.poller().run(stopping, drain_s))
            try:
                yield stopping
            finally:
                stopping.set()

    async def say(self, *texts: str) -> None:
        """Let Ann write these messages."""
        for text in texts:
            await self.control.say(self.ann, text)

    def hold(self, text: str) -> asyncio.Event:
        """Return the gate at which the handler of this text waits."""
        return self.recorder.gates.setdefault(text, asyncio.Event())

    async def left(self) -> list[str]:
        """Texts of what Telegram has not seen confirmed."""
        updates = await self.bot.get_updates(timeout=0)
        return [update.message.text or "" for update in updates if update.message]


@pytest.fixture
async def place(redis: Client) -> AsyncGenerator[Place]:
    async with open_sandbox(flood=False) as (sandbox, control):
        bot = open_bot(sandbox.token, sandbox.url)
        yield Place(bot, control, redis, await control.make_user("Ann"), Recorder())
        await bot.session.close()


async def test_nothing_is_asked_for_while_another_bot_may_lead(place: Place) -> None:
    expired, stopping = asyncio.Event(), asyncio.Event()
    under_way = 0

    async def call(method: Any, **options: Any) -> Any:
        nonlocal under_way
        under_way += 1
        try:
            return await place.bot(method, **options)
        finally:
            under_way -= 1

    async with asyncio.TaskGroup() as group:
        ledger = UpdateLedger(place.redis)
        updates = UpdatePoller(cast("Bot", call), place.recorder, ledger, expired)
        group.create_task(updates.run(stopping, DRAIN_S))
        await place.say("before")
        await place.recorder.until(place.ann, ["before"])

        await eventually(lambda: under_way)
        # It ends the long poll that is under way, too.
        expired.set()
        await eventually(lambda: not under_way)
        await place.say("meanwhile")
        assert not under_way
        expired.clear()
        await place.recorder.until(place.ann, ["before", "meanwhile"])
        stopping.set()


async def test_order_within_a_chat_and_chats_side_by_side(place: Place) -> None:
    gate, bob = place.hold("slow"), await place.control.make_user("Bob")
    async with place.polling():
        await place.say("slow", "a1", "a2")
        for text in ("b1", "b2", "b3"):
            await place.control.say(bob, text)

        await place.recorder.until(bob, ["b1", "b2", "b3"])
        held_back = place.recorder.texts(place.ann.id)
        gate.set()

        await place.recorder.until(place.ann, ["slow", "a1", "a2"])

    assert held_back == []
    assert len(place.recorder.handled) == 6


def received() -> float:
    sample = {"type": "message"}
    return REGISTRY.get_sample_value("imgbot_updates_received_total", sample) or 0.0


async def test_a_chat_that_never_rests_keeps_all_its_messages(place: Place) -> None:
    """What counts is how many wait, not how many came since the chat was last quiet."""
    gates = [place.hold(f"gate {turn}") for turn in range(3)]
    async with place.polling():
        before = received()
        for turn in range(3):
            await place.say(f"gate {turn}")
            for number in range(20):
                # The line is full up to its gate before the gate ahead of it opens.
                await place.say(f"{turn}.{number}")
                if number == 5:
                    taken = before + turn * 21 + 7
                    await eventually(received, lambda n, taken=taken: n >= taken)
                    if turn:
                        gates[turn - 1].set()
            await place.recorder.until_count(turn * 21)
        gates[-1].set()
        await place.recorder.until_count(63)

    assert place.recorder.texts(place.ann.id)[-1] == "2.19"


async def test_one_member_of_a_group_crowds_nobody_out(place: Place) -> None:
    """What is too much is refused: a press at once, messages once in each chat, in their turn."""
    gate, control = place.hold("/first"), place.control
    place.recorder.failures["too_fast"] = [TransientError("Telegram", 0.01)]
    mallory, bob = await control.make_user("Mallory"), await control.make_user("Bob")
    groups = [await control.make_group(name, [mallory, bob]) for name in ("A", "B")]
    message = {"chat": {"id": groups[0]}}
    async with place.polling():
        await control.say(mallory, "/first", chat_id=groups[0])
        await place.recorder.until_running()
        for number in range(2, 61):
            await control.say(mallory, f"/{number}", chat_id=groups[0])
        # What is paid must not be refused.
        paid = message | {"from": {"id": mallory.id}, "text": "paid", "successful_payment": {}}
        await control.push_update({"message": paid})
        await control.say(mallory, "/elsewhere", chat_id=groups[1])
        press = {"from": {"id": mallory.id}, "message": message}
        await control.push_update({"callback_query": press})
        for text in ("/bob", "/bob again"):
            await control.say(bob, text, chat_id=groups[0])
        await control.say(bob, "/there", chat_id=groups[1])

        refused = [(groups[0], "slow_down"), (groups[1], "too_fast")]
        await eventually(lambda: sorted(place.recorder.refused) == sorted(refused))
        # "/there", which was sent last: all have been taken in.
        await place.recorder.until_count(1)
        gate.set()
        refused.append((groups[0], "too_fast"))
        await eventually(lambda: sorted(place.recorder.refused) == sorted(refused))
        await place.recorder.until_count(54)

    own = [f"/{number}" for number in range(2, 51)]
    assert place.recorder.texts(groups[0]) == [
        "/first",
        "/bob",
        own[0],
        "/bob again",
        *own[1:],
        "paid",
    ]
    assert place.recorder.texts(groups[1]) == ["/there"]


async def test_a_handler_that_takes_too_long_is_told_of(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imgbot.telegram.update_dispatcher._HANDLER_DEADLINE_S", 0.1)
    place.hold("slow")
    place.recorder.failures["went_wrong"] = [TransientError("Telegram", 0.01)]
    async with place.polling():
        await place.say("slow", "after it")

        await place.recorder.until(place.ann, ["after it"])

    assert place.recorder.refused == [(place.ann.id, "went_wrong")]
    assert await place.redis.llen(keys.POISON) == 1


async def test_nothing_is_confirmed_before_it_is_handled(place: Place) -> None:
    """Stopped hard in the middle, the next poller gets what was not handled, and only that."""
    place.hold("stuck")
    bob = await place.control.make_user("Bob")
    async with asyncio.TaskGroup() as group:
        life = group.create_task(place.poller().run(asyncio.Event(), DRAIN_S))
        await place.say("stuck", "behind it")
        await place.control.say(bob, "free")

        await place.recorder.until(bob, ["free"])
        await eventually(lambda: place.redis.keys(f"{keys.HANDLED}*"), lambda k: len(k) == 1)
        life.cancel()
    place.recorder.gates.clear()
    async with place.polling():
        await place.recorder.until_count(3)

    assert sorted(place.recorder.texts(place.ann.id)) == ["behind it", "stuck"]
    assert place.recorder.texts(bob.id) == ["free"]


async def test_nothing_is_confirmed_before_it_is_on_the_disk(redis: Client) -> None:
    recorder, asked, is_on_disk = Recorder(), asyncio.Event(), asyncio.Event()
    offsets: list[int | None] = []
    troubles = [StorageUnavailableError("the disk is slow")]

    async def persist() -> None:
        asked.set()
        if troubles:
            raise troubles.pop()
        await is_on_disk.wait()

    async def telegram(method: GetRawUpdates, **_: object) -> list[Update]:
        offsets.append(method.offset)
        if method.offset is not None:
            await asyncio.Event().wait()
        return [{"update_id": 7, "message": {"text": "a fox", "chat": {"id": 1}}}]

    async with asyncio.TaskGroup() as group:
        updates = UpdatePoller(cast("Bot", telegram), recorder, UpdateLedger(redis, persist))
        life = group.create_task(updates.run(asyncio.Event(), DRAIN_S))
        await asked.wait()
        before = list(offsets)
        is_on_disk.set()
        await eventually(lambda: len(offsets) > 1)
        life.cancel()

    assert recorder.texts(1) == ["a fox"]
    assert (before, offsets) == ([None], [None, 8])
    assert troubles == []


async def test_a_poisoned_update_is_set_aside_and_blocks_nothing(place: Place) -> None:
    place.recorder.failures["bug"] = [ZeroDivisionError("a bug")]
    async with place.polling():
        for odd in (
            {"message": {"chat": {"id": place.ann.id}, "text": "bug"}},
            {"message": "not even an object"},
            {"from_the_future": [1, 2, 3]},
        ):
            await place.control.push_update(odd)
        await place.say("after all that")

        await place.recorder.until(place.ann, ["after all that"])
        aside = await eventually(
            lambda: place.redis.lrange(keys.POISON, 0, -1), lambda found: len(found) == 3
        )

    assert any("not even an object" in str(update) for update in aside)
    assert any("from_the_future" in str(update) for update in aside)


@pytest.mark.parametrize(
    "error", [StorageUnavailableError("Redis"), TransientError("Telegram", 0.01)]
)
async def test_what_can_wait_is_tried_again(place: Place, error: Exception) -> None:
    place.recorder.failures["later"] = [error, error]
    async with place.polling():
        await place.say("later")

        await place.recorder.until(place.ann, ["later"])

    assert await place.redis.llen(keys.POISON) == 0


@pytest.mark.parametrize("cause", ["told to wait", "slow"])
async def test_a_chat_that_must_wait_holds_nobody_up(
    place: Place, monkeypatch: pytest.MonkeyPatch, cause: str
) -> None:
    """Its updates are stored in their order, and the window goes on to everybody else."""
    place.hold("slow")
    place.recorder.failures["told to wait"] = [TransientError("Telegram asks to wait", 3000.0)]
    behind, in_order = [f"behind {n}" for n in range(20)], [f"{n}" for n in range(40)]
    ann, redis = place.ann, place.redis
    others = [await place.control.make_user(name) for name in ("Bob", "Carl", "Dan")]
    async with asyncio.TaskGroup() as group:
        updates = place.poller()
        life = group.create_task(updates.run(asyncio.Event(), DRAIN_S))
        await place.say(cause, *behind)
        for text in in_order:
            for other in others:
                await place.control.say(other, text)
        for other in others:
            await place.recorder.until(other, in_order)
        stored = f"{keys.DEFERRED_OF}{ann.id}"
        await eventually(lambda: redis.zcard(stored), lambda count: count == 21)
        assert updates.is_busy_with(ann.id)
        life.cancel()
    place.recorder.gates.clear()
    # As a clock that is set back leaves it.
    await redis.zadd(keys.DEFERRED, {str(ann.id): 1 << 52}, xx=True)
    monkeypatch.setattr(update_dispatcher, "_RESTORED_S", 0.0)
    async with place.polling():
        await place.say("after the restart")

        await place.recorder.until(ann, [cause, *behind, "after the restart"])
        await eventually(lambda: redis.keys(f"{keys.DEFERRED}*"), lambda left: not left)


async def test_an_update_that_has_waited_for_long_is_told_of(redis: Client) -> None:
    ledger = UpdateLedger(redis)
    came_ms, due_ms = time.time_ns() // 1_000_000 - 700_000, 1 << 52
    update = {"update_id": 3, "message": {"text": "late", "chat": {"id": 7}}}
    await ledger.defer([("7", due_ms, [(came_ms, update)])])

    async def nothing(_: object, **__: object) -> list[Update]:
        return []

    async with asyncio.TaskGroup() as group:
        updates = UpdatePoller(cast("Bot", nothing), Recorder(), ledger)
        before = updates.trouble
        life = group.create_task(updates.run(asyncio.Event(), DRAIN_S))
        after = await eventually(lambda: updates.trouble)
        life.cancel()

    assert before == ""
    assert after.startswith("an update has waited for 70")
    assert REGISTRY.get_sample_value(
        "imgbot_update_oldest_unhandled_timestamp_seconds"
    ) == pytest.approx(came_ms / 1000)


async def test_what_cannot_be_stored_stays_at_telegram(place: Place) -> None:
    place.recorder.failures["later"] = [TransientError("Telegram asks to wait", 3000.0)]
    async with filled(place.redis), place.polling():
        await place.say("later")
        await eventually(lambda: not place.recorder.failures["later"])

    assert await place.left() == ["later"]


async def test_no_more_handlers_at_once_than_there_are_slots(place: Place) -> None:
    gate, control = asyncio.Event(), place.control
    people = [await control.make_user(f"P{number}") for number in range(50)]
    place.recorder.gates.update(dict.fromkeys([str(person.id) for person in people], gate))
    async with place.polling():
        for person in people:
            await control.say(person, str(person.id))

        await place.recorder.until_running(32)
        # Telegram waits ten seconds for its answer.
        asked = {"id": "1", "from": {"id": people[0].id}}
        await control.push_update({"pre_checkout_query": asked})
        await place.recorder.until(people[0], ["checkout"])
        gate.set()

        await place.recorder.until_count(51)

    assert place.recorder.most_running == 32


async def test_telegrams_troubles_are_survived_and_a_stop_confirms_what_was_handled(
    place: Place,
) -> None:
    gate, control = place.hold("last words"), place.control
    await control.fault("getUpdates", "error", error_code=502, description="Bad Gateway")
    await control.fault("getUpdates", "drop_after", times=1)
    async with place.polling() as stopping:
        await place.say("last words")
        await place.recorder.until_running()
        # No poll comes after it but that of the stop.
        stopping.set()
        gate.set()
        await place.recorder.until(place.ann, ["last words"])

    assert await place.left() == []


async def test_it_polls_again_once_another_call_has_ended_an_outage(
    place: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("imgbot.telegram.session._OUTAGE_S", 0.0)
    monkeypatch.setattr("imgbot.telegram.update_poller.backoff_s", Mock(return_value=3600.0))
    stopping = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        updates = place.poller()
        cast("BotSession", place.bot.session).on_recovery.append(updates.recovered.set)
        fault = {"error_code": 502, "description": "Bad Gateway"}
        await place.control.fault("getUpdates", "error", **fault)
        group.create_task(updates.run(stopping, DRAIN_S))
        await place.say("hello")
        await eventually(lambda: "getUpdates: TelegramServerError" in caplog.text)

        await place.bot.get_me()

        await place.recorder.until(place.ann, ["hello"])
        stopping.set()


async def test_a_stop_waits_no_longer_for_telegram_than_for_its_handlers(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imgbot.telegram.update_poller._ANSWER_S", 3600)
    gate = place.hold("last words")
    async with place.polling(drain_s=1.0) as stopping:
        await place.say("last words")
        await place.recorder.until_running()
        await place.control.fault("getUpdates", "delay", times=100, delay_s=3600)
        stopping.set()
        gate.set()

    assert place.recorder.texts(place.ann.id) == ["last words"]


@pytest.mark.parametrize("is_repeated", [False, True], ids=["unsorted", "again and again"])
async def test_a_server_that_orders_or_repeats_updates_as_it_likes_is_not_flooded(
    place: Place,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    *,
    is_repeated: bool,
) -> None:
    monkeypatch.setattr("imgbot.telegram.update_poller._PACE_S", 0.3)
    offsets, sent = list[int | None](), list[Any]()

    async def answer(make_request: Any, bot: Bot, method: Any) -> Any:
        if not isinstance(method, GetRawUpdates):
            return await make_request(bot, method)
        offsets.append(method.offset)
        if not (is_repeated and sent):
            sent[:] = await make_request(bot, method) or sent
        return sent[::-1]

    def is_done() -> object:
        if is_repeated:
            return "returns nothing new at once" in caplog.text
        return sent and offsets[-1] == sent[-1]["update_id"] + 1

    place.bot.session.middleware(answer)
    await place.say("1", "2", "3")
    async with place.polling():
        await eventually(is_done)

    assert place.recorder.texts(place.ann.id) == ["1", "2", "3"]


async def test_a_handler_that_does_not_end_is_left_to_the_next_start(place: Place) -> None:
    place.hold("slow")
    async with place.polling(drain_s=0.01):
        await place.say("slow")

        await place.recorder.until_running()

    assert await place.left() == ["slow"]
    assert place.recorder.handled == []
