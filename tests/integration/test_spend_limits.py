"""Spend limits in the chat: refusals in words, and every picture counted exactly once."""

import functools
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from imgbot.storage import keys
from tests.fixtures.bot import PAID, with_terms
from tests.fixtures.waiting import eventually
from tests.integration.stage import Stage, User, has_buttons, jpeg, open_owned

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

PRICE = 40_000
USED_UP = re.compile(r"The bot's budget for today is used up.* in \d+ (second|minute|hour)s?, .*")
OWN_USED_UP = re.compile(r"Your budget for today isn't enough .* renews in \d+ \w+\. See /limits")
UNKNOWN = "I don't know this command. See /help for everything I can do."


def full_report(anna: User, boris: User) -> str:
    """What `/spend` tells, as a pattern: one picture of each of them, and no money left."""
    labels = re.escape(anna.label), re.escape(boris.label)
    return (
        rf"💵 Today, \d{{4}}-\d\d-\d\d: \$0\.08\n"
        rf"Of that, reserved for pictures in progress: \$0\.00\n"
        rf"Daily budget: \$0\.08 in total, none per user. It renews in \d+ \w+\n"
        rf"simulated\.create: \$0\.08 \(2\)\n\n"
        rf"Top users today:\n{labels[0]}: \$0\.04\n{labels[1]}: \$0\.04\n\n"
        rf"The last 7 days: \$0\.08\n\d{{4}}-\d\d-\d\d: \$0\.08\n"
        rf"simulated\.create: \$0\.08 \(2\)"
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def limited(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """Two pictures a day for everybody; retouching is free."""
    folder = tmp_path_factory.mktemp("limited")
    settings = {"IMGBOT_PER_USER": "usd=0.10", "IMGBOT_DAILY_BUDGET": "100"}
    settings["IMGBOT_PROVIDER"] = with_terms(folder, "prices_usd = { edit = 0.05, retouch = 0 }")
    async for stage in open_owned(folder, **settings):
        yield stage


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """Two pictures a day for all together, in a place where the day has long begun."""
    settings = {"IMGBOT_DAILY_BUDGET": "0.08", "TZ": "UTC+11"}
    folder = tmp_path_factory.mktemp("shared")
    settings["IMGBOT_PROVIDER"] = with_terms(folder, "prices_usd = { edit = 0 }")
    async for stage in open_owned(folder, **settings):
        yield stage


async def books(stage: Stage) -> dict[str, int]:
    """All days together, without what is nothing."""
    sums: dict[str, int] = {}
    async with stage.bot.redis() as redis:
        for key in await redis.keys(f"{keys.SPEND}*"):
            for name, value in (await redis.hgetall(key)).items():
                sums[str(name)] = sums.get(str(name), 0) + int(value)
    return {name: micro for name, micro in sums.items() if micro}


async def spent_by(user: User) -> int:
    return (await books(user.stage)).get(f"user:{user.id}", 0)


async def test_a_users_own_limit_is_told_and_explained_and_free_operations_go_on(
    limited: Stage,
) -> None:
    anna, ivan = await limited.user("Anna"), await limited.user("Иван", language="ru")

    before = await anna.ask("/limits")
    fox = await anna.order("a fox")
    after = await anna.ask("/limits")
    receipt = await anna.click(await anna.unfold(fox), "ℹ️")
    await anna.order("a hare")
    refusal = await anna.ask("a wolf")
    retouched = await anna.order("/retouch", jpeg("cat"))
    free = await anna.click(await anna.unfold(retouched), "ℹ️")
    russian = await ivan.ask("/limits")

    assert "\nBudget left for today: $0.10 of $0.10. It renews in " in before.text
    assert "\nBudget left for today: $0.06 of $0.10. It renews in " in after.text
    assert "\nModel: Sketch\n" in receipt.text
    assert receipt.text.endswith("\nPrice: $0.04 of your daily budget")
    assert free.text.endswith("\nPrice: free for you")
    assert "used up" not in before.text + after.text
    assert OWN_USED_UP.fullmatch(refusal.text)
    assert retouched.text.startswith("✨ Retouched")
    assert await spent_by(anna) == 2 * PRICE
    assert re.search(
        r"\nВаш бюджет на сегодня: осталось \$0\.10 из \$0\.10\. Обновится через \d+ ", russian.text
    )


async def expect_nothing_counted(user: User, mark: str) -> None:
    await user.say(f"a fox [[sim:{mark}]]")

    assert len(await user.said()) == 1
    assert await spent_by(user) == 0


async def test_a_failure_that_the_provider_does_not_bill_is_not_counted(limited: Stage) -> None:
    anna = await limited.user("Anna")
    for mark in ("fail", "moderated"):
        await expect_nothing_counted(await limited.user(), mark)

    await anna.say("a fox [[sim:fail]]")
    await anna.heard()
    assert "Budget left for today: $0.10 of $0.10." in (await anna.ask("/limits")).text


async def test_what_was_ordered_is_reserved_and_counted_though_it_is_called_off(
    limited: Stage,
) -> None:
    anna = await limited.user("Anna")
    status = await anna.ask("a fox [[sim:slow=20]]", fits=has_buttons)
    reserved = await spent_by(anna)
    async with limited.bot.redis() as redis:
        [key] = await redis.keys(f"{keys.JOB}*")
        await eventually(lambda: redis.hget(key, "ticket"))

    await anna.click(status, "Cancel")
    await anna.heard()

    # The provider had taken the order: nobody promises that it costs nothing.
    assert reserved == PRICE
    assert await spent_by(anna) == PRICE
    assert "reserved" not in await books(limited)


async def test_spend_is_no_command_for_anybody_else_nor_in_a_group(limited: Stage) -> None:
    anna = await limited.user("Anna")
    group = await limited.control.make_group("Invited", [limited.owner.person, anna.person])
    there = limited.owner.within(group)

    for user in (there, anna.within(group)):
        await user.say("/spend")
    await there.ask("/help")

    assert (await anna.ask("/spend")).text == UNKNOWN
    assert not [text for text in await there.said() if "$" in text or text == UNKNOWN]


async def test_the_days_money_is_used_up_told_and_there_again_at_midnight(shared: Stage) -> None:
    anna, boris = await shared.user("Anna"), await shared.user("Boris")
    ivan = await shared.user("Иван", language="ru")
    for user in (anna, boris):
        await user.order("a fox")

    for number in range(6):
        await anna.say(f"an owl {number}")
    first, *refusals = await anna.said()
    russian = await ivan.ask("лиса")
    limits = await anna.ask("/limits")
    told = await shared.owner.ask("/spend")
    metrics = await eventually(
        lambda: shared.bot.get("/metrics"), lambda text: "imgbot_spend_today_usd 0.08" in text
    )

    assert first == "a fox"
    assert {bool(USED_UP.fullmatch(text)) for text in refusals} == {True}
    assert len(refusals) < 6
    assert re.match(
        r"Бюджет бота на сегодня исчерпан\. .* через \d+ \w+, когда бюджет", russian.text
    )
    assert "\nThe bot's budget for today is used up. It renews in " in limits.text
    assert re.fullmatch(full_report(anna, boris), told.text)
    assert 'imgbot_spend_usd_total{operation="create",provider="simulated"} 0.08' in metrics
    assert 'imgbot_spend_usd_total{operation="edit",provider="simulated"} 0.0' in metrics
    assert 'imgbot_admission_refusals_total{reason="budget"} 7.0' in metrics
    assert "imgbot_spend_budget_usd 0.08" in metrics

    # Where the clock is 25 hours ahead, it is another day, whatever the hour.
    await shared.bot.stop()
    shared.bot.settings["TZ"] = "UTC-14"
    await shared.bot.start()
    await anna.order("a hare")
    assert (await shared.owner.ask("/spend")).text.splitlines()[0].endswith(": $0.04")


async def test_a_kill_in_the_middle_charges_once_and_a_refusal_at_the_submit_nothing(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    async for stage in open_owned(tmp_path_factory.mktemp("killed"), **PAID):
        anna = await stage.user("Anna")
        await anna.say("a fox [[sim:slow=2]]")
        async with stage.bot.redis() as redis:
            [key] = await eventually(lambda: redis.keys(f"{keys.JOB}*"))
            await eventually(functools.partial(redis.hget, key, "ticket"))
            # A reservation whose job was lost in some other way.
            for day in await redis.keys(f"{keys.SPEND}*"):
                for entry in ("reserved", "reserved:7", "user:7"):
                    await redis.hincrby(day, entry, 5_000_000)

        await stage.bot.kill()
        await stage.bot.start()
        assert (await anna.said())[-1].startswith("a fox")

        charged = {
            "charged": PRICE,
            f"user:{anna.id}": PRICE,
            "of:simulated.create": PRICE,
            "n:simulated.create": 1,
        }
        settled = functools.partial(books, stage)
        assert await eventually(settled, lambda found: "reserved" not in found) == charged
        assert await stage.charges() == 1

        # It puts the provider out of service.
        await expect_nothing_counted(await stage.user(), "402")
        assert await books(stage) == charged
