"""Updates: confirmed only when handled, in order within a chat, the odd one set aside."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
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

        async def handled() -> list[str]:
            return self.texts(user.id)

        await eventually(handled, lambda found: found == texts)

    async def until_running(self, count: int = 1) -> None:
        """Wait until so many handlers are at work."""

        async def running() -> int:
            return self.running

        await eventually(running, lambda found: found == count)

    async def until_count(self, count: int) -> None:
        """Wait until so many messages are handled."""

        async def handled() -> int:
            return len(self.handled)

        await eventually(handled, lambda found: found == count)


def poller(
    bot: Bot,
    recorder: Recorder,
    redis: Client,
    persist: Callable[[], Awaitable[None]] | None = None,
) -> UpdatePoller:
    return UpdatePoller(bot, recorder, UpdateLedger(redis, persist))


@asynccontextmanager
async def polling(
    bot: Bot, recorder: Recorder, redis: Client, drain_s: float = DRAIN_S
) -> AsyncGenerator[asyncio.Event]:
    stopping = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(poller(bot, recorder, redis).run(stopping, drain_s))
        try:
            yield stopping
        finally:
            stopping.set()


@asynccontextmanager
async def open_bot_on_sandbox() -> AsyncGenerator[tuple[Bot, Control]]:
    async with open_sandbox(flood=False) as (sandbox, control):
        bot = open_bot(sandbox.token, sandbox.url)
        try:
            yield bot, control
        finally:
            await bot.session.close()


async def test_nothing_is_asked_for_while_another_bot_may_lead(redis: Client) -> None:
    recorder, expired, stopping = Recorder(), asyncio.Event(), asyncio.Event()
    under_way = 0

    async def is_asking() -> bool:
        return under_way > 0

    async with open_bot_on_sandbox() as (bot, control), asyncio.TaskGroup() as group:

        async def call(method: Any, **options: Any) -> Any:
            nonlocal under_way
            under_way += 1
            try:
                return await bot(method, **options)
            finally:
                under_way -= 1

        anna = await control.make_user("Anna")
        updates = UpdatePoller(cast("Bot", call), recorder, UpdateLedger(redis), expired)
        group.create_task(updates.run(stopping, DRAIN_S))
        await control.say(anna, "before")
        await recorder.until(anna, ["before"])

        await eventually(is_asking)
        # It ends the long poll that is under way, too.
        expired.set()
        await eventually(is_asking, lambda found: not found)
        await control.say(anna, "meanwhile")
        assert not under_way
        expired.clear()
        await recorder.until(anna, ["before", "meanwhile"])
        stopping.set()


async def test_order_within_a_chat_and_chats_side_by_side(redis: Client) -> None:
    recorder = Recorder()
    recorder.gates["slow"] = asyncio.Event()
    async with open_bot_on_sandbox() as (bot, control):
        ann, bob = await control.make_user("Ann"), await control.make_user("Bob")
        async with polling(bot, recorder, redis):
            for text in ("slow", "a1", "a2"):
                await control.say(ann, text)
            for text in ("b1", "b2", "b3"):
                await control.say(bob, text)

            await recorder.until(bob, ["b1", "b2", "b3"])
            held_back = recorder.texts(ann.id)
            recorder.gates["slow"].set()

            await recorder.until(ann, ["slow", "a1", "a2"])

    assert held_back == []
    assert len(recorder.handled) == 6


async def received() -> float:
    sample = {"type": "message"}
    return REGISTRY.get_sample_value("imgbot_updates_received_total", sample) or 0.0


async def test_a_chat_that_never_rests_keeps_all_its_messages(redis: Client) -> None:
    """What counts is how many wait, not how many came since the chat was last quiet."""
    recorder = Recorder()
    gates = [asyncio.Event() for _ in range(3)]
    async with open_bot_on_sandbox() as (bot, control):
        ann = await control.make_user("Ann")
        async with polling(bot, recorder, redis):
            before = await received()
            for turn, gate in enumerate(gates):
                recorder.gates[f"gate {turn}"] = gate
                await control.say(ann, f"gate {turn}")
                for number in range(20):
                    # The line is full up to its gate before the gate ahead of it opens.
                    await control.say(ann, f"{turn}.{number}")
                    if number == 5:
                        taken = before + turn * 21 + 7
                        await eventually(received, lambda n, taken=taken: n >= taken)
                        if turn:
                            gates[turn - 1].set()
                await recorder.until_count(turn * 21)
            gates[-1].set()
            await recorder.until_count(63)

    assert recorder.texts(ann.id)[-1] == "2.19"


async def test_one_member_of_a_group_crowds_nobody_out(redis: Client) -> None:
    """What is too much is refused: a press at once, messages once in each chat, in their turn."""
    recorder = Recorder()
    recorder.gates["/first"] = asyncio.Event()
    recorder.failures["too_fast"] = [TransientError("Telegram", 0.01)]
    async with open_bot_on_sandbox() as (bot, control):
        mallory, bob = await control.make_user("Mallory"), await control.make_user("Bob")
        groups = [await control.make_group(name, [mallory, bob]) for name in ("A", "B")]
        message = {"chat": {"id": groups[0]}}
        async with polling(bot, recorder, redis):
            await control.say(mallory, "/first", chat_id=groups[0])
            await recorder.until_running()
            for number in range(2, 61):
                await control.say(mallory, f"/{number}", chat_id=groups[0])
            # What is paid must not be refused.
            paid = message | {"from": {"id": mallory.id}, "text": "paid", "successful_payment": {}}
            await control.push_update({"message": paid})
            await control.say(mallory, "/elsewhere", chat_id=groups[1])
            await control.push_update(
                {"callback_query": {"from": {"id": mallory.id}, "message": message}}
            )
            for text in ("/bob", "/bob again"):
                await control.say(bob, text, chat_id=groups[0])
            await control.say(bob, "/there", chat_id=groups[1])

            refused = [(groups[0], "slow_down"), (groups[1], "too_fast")]

            async def answers() -> list[tuple[int, str]]:
                return sorted(recorder.refused)

            await eventually(answers, lambda found: found == sorted(refused))
            # "/there", which was sent last: all have been taken in.
            await recorder.until_count(1)
            recorder.gates["/first"].set()
            refused.append((groups[0], "too_fast"))
            await eventually(answers, lambda found: found == sorted(refused))
            await recorder.until_count(54)

    own = [f"/{number}" for number in range(2, 51)]
    assert recorder.texts(groups[0]) == ["/first", "/bob", own[0], "/bob again", *own[1:], "paid"]
    assert recorder.texts(groups[1]) == ["/there"]


async def test_a_handler_that_takes_too_long_is_told_of(
    redis: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imgbot.telegram.update_dispatcher._HANDLER_DEADLINE_S", 0.1)
    recorder = Recorder()
    recorder.gates["slow"] = asyncio.Event()
    recorder.failures["went_wrong"] = [TransientError("Telegram", 0.01)]
    async with open_bot_on_sandbox() as (bot, control):
        ann = await control.make_user("Ann")
        async with polling(bot, recorder, redis):
            await control.say(ann, "slow")
            await control.say(ann, "after it")

            await recorder.until(ann, ["after it"])

    assert recorder.refused == [(ann.id, "went_wrong")]
    assert await redis.llen(keys.POISON) == 1


async def test_nothing_is_confirmed_before_it_is_handled(redis: Client) -> None:
    """Stopped hard in the middle, the next poller gets what was not handled, and only that."""
    recorder = Recorder()
    recorder.gates["stuck"] = asyncio.Event()
    async with open_bot_on_sandbox() as (bot, control):
        ann, bob = await control.make_user("Ann"), await control.make_user("Bob")
        async with asyncio.TaskGroup() as group:
            updates = poller(bot, recorder, redis)
            life = group.create_task(updates.run(asyncio.Event(), DRAIN_S))
            await control.say(ann, "stuck")
            await control.say(ann, "behind it")
            await control.say(bob, "free")

            await recorder.until(bob, ["free"])
            await eventually(lambda: redis.keys(f"{keys.HANDLED}*"), lambda k: len(k) == 1)
            life.cancel()
        recorder.gates.clear()
        async with polling(bot, recorder, redis):
            await recorder.until_count(3)

    assert sorted(recorder.texts(ann.id)) == ["behind it", "stuck"]
    assert recorder.texts(bob.id) == ["free"]


async def test_nothing_is_confirmed_before_it_is_on_the_disk(redis: Client) -> None:
    asked, is_on_disk = asyncio.Event(), asyncio.Event()
    offsets: list[int | None] = []
    recorder, troubles = Recorder(), [StorageUnavailableError("the disk is slow")]

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
        updates = poller(cast("Bot", telegram), recorder, redis, persist)
        life = group.create_task(updates.run(asyncio.Event(), DRAIN_S))
        await asked.wait()
        before = list(offsets)
        is_on_disk.set()

        async def told() -> list[int | None]:
            return offsets

        await eventually(told, lambda offsets: len(offsets) > 1)
        life.cancel()

    assert recorder.texts(1) == ["a fox"]
    assert (before, offsets) == ([None], [None, 8])
    assert troubles == []


async def test_a_poisoned_update_is_set_aside_and_blocks_nothing(redis: Client) -> None:
    recorder = Recorder()
    recorder.failures["bug"] = [ZeroDivisionError("a bug")]
    async with open_bot_on_sandbox() as (bot, control):
        ann = await control.make_user("Ann")
        async with polling(bot, recorder, redis):
            await control.push_update({"message": {"chat": {"id": ann.id}, "text": "bug"}})
            await control.push_update({"message": "not even an object"})
            await control.push_update({"from_the_future": [1, 2, 3]})
            await control.say(ann, "after all that")

            await recorder.until(ann, ["after all that"])
            aside = await eventually(
                lambda: redis.lrange(keys.POISON, 0, -1), lambda found: len(found) == 3
            )

    assert any("not even an object" in str(update) for update in aside)
    assert any("from_the_future" in str(update) for update in aside)


@pytest.mark.parametrize(
    "error", [StorageUnavailableError("Redis"), TransientError("Telegram", 0.01)]
)
async def test_what_can_wait_is_tried_again(redis: Client, error: Exception) -> None:
    recorder = Recorder()
    recorder.failures["later"] = [error, error]
    async with open_bot_on_sandbox() as (bot, control):
        ann = await control.make_user("Ann")
        async with polling(bot, recorder, redis):
            await control.say(ann, "later")

            await recorder.until(ann, ["later"])

    assert await redis.llen(keys.POISON) == 0


@pytest.mark.parametrize("cause", ["told to wait", "slow"])
async def test_a_chat_that_must_wait_holds_nobody_up(
    redis: Client, monkeypatch: pytest.MonkeyPatch, cause: str
) -> None:
    """Its updates are stored in their order, and the window goes on to everybody else."""
    recorder = Recorder()
    recorder.gates["slow"] = asyncio.Event()
    recorder.failures["told to wait"] = [TransientError("Telegram asks to wait", 3000.0)]
    behind = [f"behind {number}" for number in range(20)]
    async with open_bot_on_sandbox() as (bot, control):
        ann, *others = [await control.make_user(name) for name in ("Ann", "Bob", "Carl", "Dan")]
        async with asyncio.TaskGroup() as group:
            updates = poller(bot, recorder, redis)
            life = group.create_task(updates.run(asyncio.Event(), DRAIN_S))
            for text in (cause, *behind):
                await control.say(ann, text)
            for number in range(40):
                for other in others:
                    await control.say(other, f"{number}")

            async def of_others() -> list[list[str]]:
                return [recorder.texts(other.id) for other in others]

            in_order = [str(number) for number in range(40)]
            await eventually(of_others, lambda texts: texts == [in_order] * 3)
            stored = f"{keys.DEFERRED_OF}{ann.id}"
            await eventually(lambda: redis.zcard(stored), lambda count: count == 21)
            assert updates.is_busy_with(ann.id)
            life.cancel()
        recorder.gates.clear()
        # As a clock that is set back leaves it.
        await redis.zadd(keys.DEFERRED, {str(ann.id): 1 << 52}, xx=True)
        monkeypatch.setattr(update_dispatcher, "_RESTORED_S", 0.0, raising=False)
        async with polling(bot, recorder, redis):
            await control.say(ann, "after the restart")

            await recorder.until(ann, [cause, *behind, "after the restart"])
            await eventually(lambda: redis.keys(f"{keys.DEFERRED}*"), lambda left: not left)


async def test_an_update_that_has_waited_for_long_is_told_of(redis: Client) -> None:
    recorder = Recorder()
    ledger = UpdateLedger(redis)
    came_ms, due_ms = time.time_ns() // 1_000_000 - 700_000, 1 << 52
    update = {"update_id": 3, "message": {"text": "late", "chat": {"id": 7}}}
    await ledger.defer([("7", due_ms, [(came_ms, update)])])

    async def nothing(_: object, **__: object) -> list[Update]:
        return []

    async with asyncio.TaskGroup() as group:
        updates = poller(cast("Bot", nothing), recorder, redis)
        before = updates.trouble
        life = group.create_task(updates.run(asyncio.Event(), DRAIN_S))

        async def trouble() -> str:
            return updates.trouble

        after = await eventually(trouble)
        life.cancel()

    assert before == ""
    assert after.startswith("an update has waited for 70")
    assert REGISTRY.get_sample_value(
        "imgbot_update_oldest_unhandled_timestamp_seconds"
    ) == pytest.approx(came_ms / 1000)


async def test_what_cannot_be_stored_stays_at_telegram(redis: Client) -> None:
    recorder = Recorder()
    recorder.failures["later"] = [TransientError("Telegram asks to wait", 3000.0)]
    async with open_bot_on_sandbox() as (bot, control):
        ann = await control.make_user("Ann")
        async with filled(redis), polling(bot, recorder, redis):
            await control.say(ann, "later")

            async def is_refused() -> bool:
                return not recorder.failures["later"]

            await eventually(is_refused)
        left = await bot.get_updates(timeout=0)

    assert [update.message.text for update in left if update.message] == ["later"]


async def test_no_more_handlers_at_once_than_there_are_slots(redis: Client) -> None:
    recorder = Recorder()
    gate = asyncio.Event()
    async with open_bot_on_sandbox() as (bot, control):
        people = [await control.make_user(f"P{number}") for number in range(50)]
        for person in people:
            recorder.gates[str(person.id)] = gate
        async with polling(bot, recorder, redis):
            for person in people:
                await control.say(person, str(person.id))

            await recorder.until_running(32)
            # Telegram waits ten seconds for its answer.
            asked = {"id": "1", "from": {"id": people[0].id}}
            await control.push_update({"pre_checkout_query": asked})
            await recorder.until(people[0], ["checkout"])
            gate.set()

            await recorder.until_count(51)

    assert recorder.most_running == 32


async def test_telegrams_troubles_are_survived_and_a_stop_confirms_what_was_handled(
    redis: Client,
) -> None:
    recorder = Recorder()
    recorder.gates["last words"] = asyncio.Event()
    async with open_bot_on_sandbox() as (bot, control):
        ann = await control.make_user("Ann")
        await control.fault("getUpdates", "error", error_code=502, description="Bad Gateway")
        await control.fault("getUpdates", "drop_after", times=1)
        async with polling(bot, recorder, redis) as stopping:
            await control.say(ann, "last words")
            await recorder.until_running()
            # No poll comes after it but that of the stop.
            stopping.set()
            recorder.gates["last words"].set()
            await recorder.until(ann, ["last words"])
        left = await bot.get_updates(timeout=0)

    assert left == []


async def test_it_polls_again_once_another_call_has_ended_an_outage(
    redis: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def is_waiting() -> bool:
        return "getUpdates: TelegramServerError" in caplog.text

    monkeypatch.setattr("imgbot.telegram.session._OUTAGE_S", 0.0)
    monkeypatch.setattr("imgbot.telegram.update_poller.backoff_s", Mock(return_value=3600.0))
    recorder, stopping = Recorder(), asyncio.Event()
    async with open_bot_on_sandbox() as (bot, control), asyncio.TaskGroup() as group:
        ann = await control.make_user("Ann")
        updates = poller(bot, recorder, redis)
        cast("BotSession", bot.session).on_recovery.append(updates.recovered.set)
        await control.fault("getUpdates", "error", error_code=502, description="Bad Gateway")
        group.create_task(updates.run(stopping, DRAIN_S))
        await control.say(ann, "hello")
        await eventually(is_waiting)

        await bot.get_me()

        await recorder.until(ann, ["hello"])
        stopping.set()


async def test_a_stop_waits_no_longer_for_telegram_than_for_its_handlers(
    redis: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imgbot.telegram.update_poller._ANSWER_S", 3600)
    recorder = Recorder()
    recorder.gates["last words"] = asyncio.Event()
    async with open_bot_on_sandbox() as (bot, control):
        ann = await control.make_user("Ann")
        async with polling(bot, recorder, redis, drain_s=1.0) as stopping:
            await control.say(ann, "last words")
            await recorder.until_running()
            await control.fault("getUpdates", "delay", times=100, delay_s=3600)
            stopping.set()
            recorder.gates["last words"].set()

    assert recorder.texts(ann.id) == ["last words"]


@pytest.mark.parametrize("is_repeated", [False, True], ids=["unsorted", "again and again"])
async def test_a_server_that_orders_or_repeats_updates_as_it_likes_is_not_flooded(
    redis: Client,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    *,
    is_repeated: bool,
) -> None:
    monkeypatch.setattr("imgbot.telegram.update_poller._PACE_S", 0.3)
    recorder, offsets, sent = Recorder(), list[int | None](), list[Any]()

    async def answer(make_request: Any, bot: Bot, method: Any) -> Any:
        if not isinstance(method, GetRawUpdates):
            return await make_request(bot, method)
        offsets.append(method.offset)
        if not (is_repeated and sent):
            sent[:] = await make_request(bot, method) or sent
        return sent[::-1]

    async def is_done() -> object:
        if is_repeated:
            return "returns nothing new at once" in caplog.text
        return sent and offsets[-1] == sent[-1]["update_id"] + 1

    async with open_bot_on_sandbox() as (bot, control):
        bot.session.middleware(answer)
        ann = await control.make_user("Ann")
        for text in ("1", "2", "3"):
            await control.say(ann, text)
        async with polling(bot, recorder, redis):
            await eventually(is_done)

    assert recorder.texts(ann.id) == ["1", "2", "3"]


async def test_a_handler_that_does_not_end_is_left_to_the_next_start(redis: Client) -> None:
    recorder = Recorder()
    recorder.gates["slow"] = asyncio.Event()
    async with open_bot_on_sandbox() as (bot, control):
        ann = await control.make_user("Ann")
        async with polling(bot, recorder, redis, drain_s=0.01):
            await control.say(ann, "slow")

            await recorder.until_running()
        left = await bot.get_updates(timeout=0)

    assert [update.message.text for update in left if update.message] == ["slow"]
    assert recorder.handled == []
