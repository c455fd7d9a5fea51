"""What administrators are told unasked: in words, once per incident, over restarts and outages."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest
from redis.asyncio import Redis

from imgbot.errors import ProviderErrorKind, StorageAwayError, StorageFullError
from imgbot.job import Job, Operation
from imgbot.levels import BOUNDS, Vital
from imgbot.queue import keys
from imgbot.queue.incidents import Incidents
from imgbot.queue.mending import Stuck
from imgbot.queue.people import People
from imgbot.runner.alarms import Alarms
from imgbot.runner.matters import Facts, Money
from imgbot.tasks import end
from imgbot.telegram.client import open_bot
from imgbot.telegram.contact import Rival
from imgbot.telegram.delivery import Delivery
from tests.integration.conftest import open_stage
from tests.support.sandbox import Control, Person, open_sandbox
from tests.support.waiting import eventually

NOW = 1_800_000_000_000
CALM = Facts(
    now_ms=NOW,
    levels={},
    workers=5,
    providers={},
    provider_names=("painter", "builtin"),
    money=Money(0, None, 0, 3600),
    dead=None,
    dead_count=0,
    silence_s=1.0,
    has_answered=True,
    rival=None,
)
OVER = "🟢 Redis has room again: "
SETTING = re.compile(r"IMGBOT_[A-Z_]+|MemoryMax")


@dataclass
class Watchtower:
    """Alarms on a real Redis and a real Telegram, with facts and clocks of the test's own."""

    redis: Redis
    delivery: Delivery
    control: Control
    owner: Person
    ivan: Person
    facts: Facts = CALM
    now_s: float = 0.0
    is_away: bool = False
    alarms: Alarms = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        async def gather() -> Facts:
            if self.is_away:
                raise StorageAwayError("Redis: away")
            return self.facts

        self.alarms = Alarms(
            [self.owner.id, self.ivan.id],
            Incidents(self.redis),
            People(self.redis),
            self.delivery,
            gather,
            asyncio.Event(),
            now_s=lambda: self.now_s,
        )

    async def look(self, after_s: float = 0, *, is_patient: bool = False, **changes: Any) -> None:
        """Let time pass, change the facts, and look; `is_patient` tries nobody once more."""
        self.now_s += 0 if is_patient else after_s
        later_ms = self.facts.now_ms + round(after_s * 1000)
        self.facts = replace(self.facts, now_ms=later_ms, **changes)
        await self.alarms.look()

    async def told(self, person: Person | None = None) -> list[str]:
        chat_id = (person or self.owner).id
        return [m.text for m in await self.control.messages(chat_id) if m.is_outgoing]


@pytest.fixture
async def tower(real_redis: Redis) -> AsyncIterator[Watchtower]:
    async with open_sandbox(flood=False) as (sandbox, control):
        owner, ivan = await control.make_user("Owner"), await control.make_user("Иван")
        for person in (owner, ivan):
            await control.say(person, "/start")
        await People(real_redis).meet(ivan.id, "ru", NOW)
        bot = open_bot(sandbox.token, sandbox.url)
        yield Watchtower(real_redis, Delivery(bot), control, owner, ivan)
        await bot.session.close()


def reading(vital: Vital, value: float) -> dict[Vital, Any]:
    return {vital: (value, BOUNDS[vital].level(value))}


BAD = {
    Vital.QUEUE_JOBS: (140, 3, "140", "3"),
    Vital.JOB_TIME_S: (95.4, 12, "95 s", "12 s"),
    Vital.CPU_RATIO: (0.93, 0.2, "93%", "20%"),
    Vital.MEMORY_RATIO: (0.88, 0.4, "88%", "40%"),
    Vital.ERROR_RATIO: (0.05, 0.0, "5%", "0%"),
}


@pytest.mark.parametrize("vital", list(Vital))
async def test_a_figure_that_stays_bad_is_told_with_the_setting_to_turn_and_its_end_too(
    tower: Watchtower, vital: Vital
) -> None:
    bad, good, shown, shown_later = BAD[vital]
    await tower.look(levels=reading(vital, bad))
    at_first = await tower.told()
    for _ in range(20):
        await tower.look(30)
    begun = await tower.told()
    for _ in range(20):
        await tower.look(30, levels=reading(vital, good))
    over = await tower.told()
    russian = await tower.told(tower.ivan)

    assert at_first == []
    assert len(begun) == 1
    assert shown in begun[0]
    assert SETTING.search(begun[0])
    assert len(over) == 2
    assert over[1].startswith("🟢")
    assert shown_later in over[1]
    assert len(russian) == 2
    assert SETTING.findall(russian[0]) == SETTING.findall(begun[0])
    assert re.search("[а-я]", russian[1])


async def test_a_moment_is_no_incident(tower: Watchtower) -> None:
    for _ in range(10):
        await tower.look(30, levels=reading(Vital.QUEUE_JOBS, 300))
        await tower.look(30, levels=reading(Vital.QUEUE_JOBS, 80))

    assert await tower.told() == []


async def test_a_restart_neither_repeats_nor_forgets(tower: Watchtower) -> None:
    out = {"painter": ProviderErrorKind.NO_CREDIT}
    await tower.look(providers=out)
    tower.restart()
    # Whether it serves by now nobody has seen yet.
    for _ in range(20):
        await tower.look(60, providers={})
    in_between = await tower.told()
    tower.restart()
    for _ in range(10):
        await tower.look(60, providers={"painter": None})

    assert len(in_between) == 1
    assert in_between[0].startswith("🔴 painter says that its credit is used up.")
    assert (await tower.told())[1:] == ["🟢 painter takes orders again."]
    assert await tower.redis.hgetall(keys.INCIDENTS) == {}


async def test_a_provider_that_comes_and_goes_is_one_incident(tower: Watchtower) -> None:
    for _ in range(30):
        await tower.look(60, providers={"painter": ProviderErrorKind.UNAVAILABLE})
        await tower.look(60, providers={"painter": None})

    [told] = await tower.told()
    assert "IMGBOT_PROVIDER_FALLBACK" in told


async def test_a_provider_that_is_not_set_up_any_longer_is_forgotten(tower: Watchtower) -> None:
    await tower.look(providers={"painter": ProviderErrorKind.AUTH})
    tower.restart()
    await tower.look(60, providers={}, provider_names=("builtin",))

    assert len(await tower.told()) == 1
    assert await tower.redis.hgetall(keys.INCIDENTS) == {}


async def test_the_days_money_is_told_once_and_the_new_day_too(tower: Watchtower) -> None:
    money = Money(970_000, 1_000_000, 40_000, 7200)
    await tower.look(money=replace(money, spent_micro=960_000))
    # Reserved for a moment, and free again.
    await tower.look(30, money=money)
    await tower.look(30, money=replace(money, spent_micro=930_000))
    before = await tower.told()
    for _ in range(5):
        # A picture that is called off frees a bit of it, and the next one takes it.
        await tower.look(60, money=money)
        await tower.look(60, money=money)
        await tower.look(60, money=replace(money, spent_micro=930_000))
    used_up = await tower.told()
    for _ in range(10):
        await tower.look(60, money=replace(money, spent_micro=0))

    assert before == []
    assert len(used_up) == 1
    assert used_up[0].startswith(
        "🔴 Today's money is used up: $0.97 of $1.00 is spent or reserved."
    )
    assert "begins in 2 hours. IMGBOT_DAILY_BUDGET" in used_up[0]
    assert (await tower.told())[1:] == ["🟢 Paid pictures are made again: $0.00 of $1.00 is taken."]


async def test_deaths_are_told_once_and_again_after_a_quiet_hour(tower: Watchtower) -> None:
    def death(number: int) -> Stuck:
        job = Job(str(number), 7, 7, Operation.CREATE, "en", provider="painter")
        return Stuck(job, tower.facts.now_ms, is_dead=True)

    for number in range(5):
        await tower.look(600, dead=death(number), dead_count=number + 1)
    first = await tower.told()
    await tower.look(3600)
    quiet = await tower.told()
    await tower.look(60, dead=death(9), dead_count=6)

    assert len(first) == 1
    assert first[0].startswith("🔴 Job 0 at painter ended without a picture")
    assert quiet[1:] == [
        "🟢 No more jobs end without anybody knowing how. Still in the list of /stuck: 5"
    ]
    assert (await tower.told())[2].startswith("🔴 Job 9 at painter")


async def test_while_telegram_is_away_what_is_to_be_told_waits(tower: Watchtower) -> None:
    await tower.control.fault("sendMessage", "error", times=4, error_code=502)
    await tower.look(silence_s=130.0)
    nothing = await tower.told()
    await tower.look(31, silence_s=1.0)
    await tower.look(31)
    told = await tower.told()
    tower.restart()
    await tower.look(31)

    assert nothing == []
    # Both in one: it began, and it is over.
    [both] = told
    assert both.startswith("🔴 Telegram has handed over no messages for 2 min.")
    assert "\n\n🟢 Messages come in from Telegram again." in both
    assert await tower.told() == told


async def test_a_restart_alone_does_not_end_telegrams_silence(tower: Watchtower) -> None:
    await tower.look(silence_s=130.0)
    tower.restart()
    await tower.look(5, silence_s=1.0, has_answered=False)
    await tower.look(60, silence_s=61.0)
    await tower.look(60, silence_s=121.0)
    silent = await tower.told()
    await tower.look(5, silence_s=1.0, has_answered=True)
    await tower.look(31)

    [told] = silent
    assert told.startswith("🔴 Telegram has handed over no messages")
    assert [text[:1] for text in await tower.told()] == ["🔴", "🟢"]


@pytest.mark.parametrize(("rival", "words"), [
    (Rival.POLLER, "A second program polls with this bot's token"),
    (Rival.WEBHOOK, "doctor --fix"),
])  # fmt: skip
async def test_who_takes_the_messages_away_is_named_and_is_the_whole_reason(
    tower: Watchtower, rival: Rival, words: str
) -> None:
    for _ in range(5):
        await tower.look(60, rival=rival, silence_s=300.0)
    begun = await tower.told()
    await tower.look(60, rival=None, silence_s=1.0)
    await tower.look(120)

    [told] = begun
    assert told.startswith("🔴")
    assert words in told
    assert (await tower.told())[1:] == ["🟢 Nobody takes messages away from this bot any longer."]


async def test_an_administrator_who_has_no_chat_keeps_nothing_from_the_others(
    tower: Watchtower,
) -> None:
    await tower.control.block(tower.owner)
    await tower.look(providers={"painter": ProviderErrorKind.AUTH})
    await tower.look(31)

    assert await tower.told() == []
    assert len(await tower.told(tower.ivan)) == 1
    assert await tower.redis.keys(f"{keys.ALARM}*") == []


async def test_what_cannot_be_told_for_long_stays_small(tower: Watchtower) -> None:
    await tower.control.fault("sendMessage", "error", times=10, error_code=502)
    for _ in range(60):
        await tower.look(60, silence_s=130.0, is_patient=True)
        await tower.look(60, silence_s=1.0, is_patient=True)
        await tower.look(60, silence_s=1.0, is_patient=True)

    assert await tower.redis.llen(f"{keys.ALARM}{tower.owner.id}") == 20


async def test_redis_that_was_away_is_told_when_it_is_back(tower: Watchtower) -> None:
    async with asyncio.TaskGroup() as group:
        tower.is_away = True
        with pytest.raises(StorageAwayError):
            await tower.alarms.look()
        running = group.create_task(tower.alarms.run())
        while tower.alarms._away_since_s is None:  # noqa: ASYNC110 -- nothing else tells
            await asyncio.sleep(0)
        tower.now_s += 300
        tower.is_away = False
        tower.alarms._alarm.set()
        told = await tower.control.wait_message(tower.owner.id)
        await end(running)

    assert told.text.startswith("🟢 Redis did not answer for 5 minutes and is back.")


async def test_a_full_redis_is_told_once_though_nothing_can_be_stored_in_it(
    tower: Watchtower,
) -> None:
    limit = (await tower.redis.config_get("maxmemory"))["maxmemory"]
    await tower.redis.config_set("maxmemory", "100kb")
    await tower.control.fault("sendMessage", "error", times=1, error_code=502)
    try:
        for _ in range(3):
            await tower.look(31)
        begun = await tower.told()
        # Something else goes wrong, which can be told when it can be stored.
        with pytest.raises(StorageFullError):
            await tower.look(31, providers={"painter": ProviderErrorKind.AUTH})
        same = await tower.told()
    finally:
        await tower.redis.config_set("maxmemory", str(limit))
    for _ in range(4):
        await tower.look(31)
    over = await tower.told()

    assert len(begun) == 1
    assert begun[0].startswith("🔴 The memory of Redis is full: ")
    assert SETTING.search(begun[0])
    assert same == begun
    assert [text[:24] for text in over[1:]] == ["🔴 painter refuses its key. "[:24], OVER[:24]]
    assert len(await tower.told(tower.ivan)) == 3


async def test_what_nobody_foresaw_does_not_end_the_alarms(
    tower: Watchtower, caplog: pytest.LogCaptureFixture
) -> None:
    facts = replace(CALM, providers={"painter": ProviderErrorKind.AUTH})
    # Less than the alarms can read.
    tower.facts = replace(facts, provider_names=cast("Any", None))
    async with asyncio.TaskGroup() as group:
        running = group.create_task(tower.alarms.run())
        await eventually(
            tower.redis.time, lambda _: "administrators could not be told" in caplog.text
        )
        tower.facts = facts
        tower.alarms._alarm.set()
        told = await tower.control.wait_message(tower.owner.id, lambda m: "painter" in m.text)
        await end(running)

    assert told.text.startswith("🔴 painter refuses its key.")


async def heard(control: Control, person: Person, words: str) -> str:
    return (await control.wait_message(person.id, lambda m: words in m.text)).text


async def test_the_running_bot_tells_its_owner_once_over_a_kill(tmp_path: Path) -> None:
    owner = Person(5_000_000_001, "Owner", {})
    async for stage in open_stage(tmp_path, is_simulated=True, IMGBOT_ADMINS=str(owner.id)):
        control, bot = stage.control, stage.bot
        assert (await control.make_user("Owner")).id == owner.id
        await control.say(owner, "/start")
        await control.wait_message(owner.id)
        anna = await control.make_user("Anna")
        await control.say(anna, "a fox [[sim:402]]")
        credit = await heard(control, owner, "credit")
        # A kill between the saying and its note would say it twice: better than never.
        async with bot.redis() as redis:
            await eventually(
                lambda: redis.exists(f"{keys.ALARM}{owner.id}"), lambda found: not found
            )
        for _ in range(2):
            await bot.kill()
            await bot.start()
        # One more, so that it is known when the bot has looked at everything again.
        async with bot.redis() as redis:
            dead = {"id": "99", "user_id": "7", "chat_id": "7", "operation": "create"}
            record = dead | {"state": "delivering", "language": "en", "provider": "painter"}
            for name, value in record.items():
                await redis.hset(f"{keys.DEAD_JOB}99", name, value)
            await redis.zadd(keys.DEAD, {"99": round(time.time() * 1000)})
        await heard(control, owner, "Job 99")

        told = [m.text for m in await control.messages(owner.id) if m.text.startswith("🔴")]
        assert credit.startswith("🔴 simulated says that its credit is used up.")
        assert [text[:12] for text in told] == [credit[:12], "🔴 Job 99 at "[:12]]
