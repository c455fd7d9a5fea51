"""What pictures cost, at the bot's front door: refused in words, told, counted exactly once."""

import functools
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from imgbot.domain.texts import t
from imgbot.storage import keys
from tests.fixtures.hostile import said_by_bot
from tests.fixtures.sandbox import Person, picture
from tests.fixtures.waiting import eventually
from tests.integration.stage import Stage, open_stage

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

# The sandbox counts its people from this.
OWNER_ID = 5_000_000_001
PRICE = 40_000
LIMITS = {
    "IMGBOT_PRICES": "create=0.04, edit=0.05",
    "IMGBOT_USER_DAILY_LIMIT": "0.10",
    "IMGBOT_DAILY_BUDGET": "100",
}
USED_UP = re.compile(r"The bot's budget for today is used up.* in \d+ (second|minute|hour)s?, .*")
OWN_USED_UP = re.compile(r"Your budget for today isn't enough .* renews in \d+ \w+\. See /limits")
UNKNOWN = "I don't know this command. See /help for everything I can do."


async def _stage(folder: Path, **settings: str) -> AsyncIterator[Stage]:
    async for stage in open_stage(
        folder, is_simulated=True, IMGBOT_ADMINS=str(OWNER_ID), **settings
    ):
        owner = await stage.control.make_user("Owner")
        assert owner.id == OWNER_ID
        yield stage


def full_report(anna: Person, boris: Person) -> str:
    """What `/spend` tells, as a pattern: one picture of each of them, and no money left."""
    return (
        rf"💵 Today, \d{{4}}-\d\d-\d\d: \$0\.08\n"
        rf"Of that, reserved for pictures in progress: \$0\.00\n"
        rf"Daily budget: \$0\.08 in total, none per user. It renews in \d+ \w+\n"
        rf"simulated\.create: \$0\.08 \(2\)\n\n"
        rf"Top users today, by ID:\n{anna.id}: \$0\.04\n{boris.id}: \$0\.04\n\n"
        rf"The last 7 days: \$0\.08\n\d{{4}}-\d\d-\d\d: \$0\.08\n"
        rf"simulated\.create: \$0\.08 \(2\)"
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def limited(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """Two pictures a day for everybody; retouching is free."""
    async for stage in _stage(tmp_path_factory.mktemp("limited"), **LIMITS):
        yield stage


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """Two pictures a day for all together, in a place where the day has long begun."""
    settings = {"IMGBOT_PRICES": "create=0.04", "IMGBOT_DAILY_BUDGET": "0.08", "TZ": "UTC+11"}
    async for stage in _stage(tmp_path_factory.mktemp("shared"), **settings):
        yield stage


async def said(stage: Stage, person: Person) -> list[str]:
    """All but the bell that a slow machine rings after a long wait."""
    messages = await said_by_bot(stage.bot, stage.control, person, person.id)
    bells = {t("en", "ready"), t("en", "ready_without")}
    return [message.text for message in messages if message.text not in bells]


async def asked(stage: Stage, person: Person, text: str) -> str:
    after = await stage.control.last_seq()
    await stage.control.say(person, text)
    return (await stage.control.wait_message(person.id, after=after)).text


async def books(stage: Stage) -> dict[str, int]:
    """All days together."""
    sums: dict[str, int] = {}
    async with stage.bot.redis() as redis:
        for key in await redis.keys(f"{keys.SPEND}*"):
            for name, value in (await redis.hgetall(key)).items():
                sums[str(name)] = sums.get(str(name), 0) + int(value)
    return sums


async def spent_by(stage: Stage, person: Person) -> int:
    return (await books(stage)).get(f"user:{person.id}", 0)


async def test_a_users_own_limit_is_explained_and_free_operations_go_on(limited: Stage) -> None:
    anna = await limited.control.make_user("Anna")
    for words in ("a fox", "a hare"):
        await limited.control.say(anna, words)
        await limited.control.wait_message(anna.id, lambda m, w=words: m.text == w)

    refusal = await asked(limited, anna, "a wolf")
    await limited.control.send_photos(anna, [picture()], caption="/retouch")
    shown = await said(limited, anna)

    assert OWN_USED_UP.fullmatch(refusal)
    assert shown[-1].startswith("✨ Retouched")
    assert await spent_by(limited, anna) == 2 * PRICE


async def test_limits_tells_what_is_left_of_the_day(limited: Stage) -> None:
    anna = await limited.control.make_user("Anna")
    ivan = await limited.control.make_user("Иван", language_code="ru")

    before = await asked(limited, anna, "/limits")
    await limited.control.say(anna, "a fox")
    await said(limited, anna)
    after = await asked(limited, anna, "/limits")
    russian = await asked(limited, ivan, "/limits")

    assert "\nBudget left for today: $0.10 of $0.10. It renews in " in before
    assert "\nBudget left for today: $0.06 of $0.10. It renews in " in after
    assert re.search(
        r"\nОсталось денег на сегодня: \$0\.10 из \$0\.10\. Обновится через \d+ ", russian
    )
    assert "used up" not in before + after


@pytest.mark.parametrize("mark", ["fail", "moderated"])
async def test_a_failure_that_the_provider_does_not_bill_is_not_counted(
    limited: Stage, mark: str
) -> None:
    await expect_nothing_counted(limited, f"a fox [[sim:{mark}]]")


@pytest_asyncio.fixture(loop_scope="module")
async def lone(tmp_path: Path) -> AsyncIterator[Stage]:
    """The same, for a test that puts the provider out of service: that lasts."""
    async for stage in _stage(tmp_path, **LIMITS):
        yield stage


async def test_a_refusal_at_the_submit_is_not_counted(lone: Stage) -> None:
    await expect_nothing_counted(lone, "a fox [[sim:402]]")


async def expect_nothing_counted(stage: Stage, words: str) -> None:
    anna = await stage.control.make_user("Anna")

    await stage.control.say(anna, words)
    shown = await said(stage, anna)

    assert len(shown) == 1
    assert await spent_by(stage, anna) == 0
    assert "Budget left for today: $0.10 of $0.10." in await asked(stage, anna, "/limits")


async def test_a_picture_that_was_paid_for_and_is_no_picture_is_counted(limited: Stage) -> None:
    anna = await limited.control.make_user("Anna")

    await limited.control.say(anna, "a fox [[sim:not_a_picture]]")
    await said(limited, anna)

    assert await spent_by(limited, anna) == PRICE


async def test_what_was_ordered_is_reserved_and_counted_though_it_is_called_off(
    limited: Stage,
) -> None:
    anna = await limited.control.make_user("Anna")
    await limited.control.say(anna, "a fox [[sim:slow=20]]")
    status = await limited.control.wait_message(anna.id, lambda m: bool(m.buttons))
    reserved = await spent_by(limited, anna)
    async with limited.bot.redis() as redis:
        [key] = await redis.keys(f"{keys.JOB}*")
        await eventually(lambda: redis.hget(key, "ticket"))

    await limited.control.click(anna, status, "Cancel")
    await said(limited, anna)

    # The provider had taken the order: nobody promises that it costs nothing.
    assert reserved == PRICE
    assert await spent_by(limited, anna) == PRICE
    assert (await books(limited)).get("reserved", 0) == 0


async def test_spend_is_no_command_for_anybody_else_nor_in_a_group(limited: Stage) -> None:
    control, owner = limited.control, Person(OWNER_ID, "Owner", {})
    anna = await control.make_user("Anna")
    group = await control.make_group("Club", [owner, anna])

    assert await asked(limited, anna, "/spend") == UNKNOWN
    for person in (owner, anna):
        await control.say(person, "/spend", chat_id=group)
    await control.say(owner, "/help", chat_id=group)
    await control.wait_message(group, lambda m: m.is_outgoing)
    spoken = [m.text for m in await control.messages(group) if m.is_outgoing]

    assert not [text for text in spoken if "$" in text or text == UNKNOWN]


async def test_the_days_money_is_used_up_told_and_there_again_at_midnight(shared: Stage) -> None:
    control, owner = shared.control, Person(OWNER_ID, "Owner", {})
    anna, boris = await control.make_user("Anna"), await control.make_user("Boris")
    ivan = await control.make_user("Иван", language_code="ru")
    for person in (anna, boris):
        await control.say(person, "a fox")
        await said(shared, person)

    for number in range(6):
        await control.say(anna, f"an owl {number}")
    flooded = await said(shared, anna)
    russian = await asked(shared, ivan, "лиса")
    limits = await asked(shared, anna, "/limits")
    told = await asked(shared, owner, "/spend")
    metrics = await eventually(
        lambda: shared.bot.get("/metrics"), lambda text: "imgbot_spend_today_usd 0.08" in text
    )

    refusals = flooded[1:]
    assert flooded[0] == "a fox"
    assert {bool(USED_UP.fullmatch(text)) for text in refusals} == {True}
    assert len(refusals) < 6
    assert re.match(r"Бюджет бота на сегодня исчерпан\. .* через \d+ \w+, когда бюджет", russian)
    assert "\nThe bot's budget for today is used up. It renews in " in limits
    assert re.fullmatch(full_report(anna, boris), told)
    assert 'imgbot_spend_usd_total{operation="create",provider="simulated"} 0.08' in metrics
    assert 'imgbot_spend_usd_total{operation="edit",provider="simulated"} 0.0' in metrics
    assert 'imgbot_admission_refusals_total{reason="budget"} 7.0' in metrics
    assert "imgbot_spend_budget_usd 0.08" in metrics

    # Where the clock is 25 hours ahead, it is another day, whatever the hour.
    await shared.bot.stop()
    shared.bot.settings["TZ"] = "UTC-14"
    await shared.bot.start()
    await control.say(anna, "a hare")
    assert (await said(shared, anna))[-1] == "a hare"
    [today, *_] = (await asked(shared, owner, "/spend")).splitlines()
    assert today.endswith(": $0.04")


async def test_a_kill_in_the_middle_charges_once_and_leaves_nothing_reserved(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    settings = {"IMGBOT_PRICES": "create=0.04"}
    async for stage in _stage(tmp_path_factory.mktemp("killed"), **settings):
        anna = await stage.control.make_user("Anna")
        await stage.control.say(anna, "a fox [[sim:slow=2]]")
        async with stage.bot.redis() as redis:
            [key] = await eventually(lambda: redis.keys(f"{keys.JOB}*"))
            await eventually(functools.partial(redis.hget, key, "ticket"))
            # A reservation whose job was lost in some other way.
            for day in await redis.keys(f"{keys.SPEND}*"):
                for entry in ("reserved", "reserved:7", "user:7"):
                    await redis.hincrby(day, entry, 5_000_000)

        await stage.bot.kill()
        await stage.bot.start()
        assert (await said(stage, anna))[-1].startswith("a fox")

        async def is_settled(stage: Stage = stage) -> dict[str, int]:
            return {name: micro for name, micro in (await books(stage)).items() if micro}

        assert await eventually(is_settled, lambda found: "reserved" not in found) == {
            "charged": PRICE,
            f"user:{anna.id}": PRICE,
            "of:simulated.create": PRICE,
            "n:simulated.create": 1,
        }
        assert len((await stage.control.provider())["ledger"]) == 1
