"""Buttons under alerts: what the sentence advises, after a second press, for admins alone."""

import json
import time
from typing import Any

import pytest

from imgbot.domain.texts import t
from imgbot.features.alerts.store import ALARM, INCIDENTS
from imgbot.storage import keys
from tests.fixtures.sandbox import Message
from tests.fixtures.waiting import eventually
from tests.integration.conftest import AdminStage
from tests.integration.stage import OUT_OF_REACH, has_buttons

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

TODAY = time.strftime("%Y%m%d")


async def alert(admins: AdminStage, key: str, **facts: Any) -> Message:
    """An incident that has begun, as the owner is told of it."""
    await admins.owner.ask("/start")
    after = await admins.stage.control.last_seq()
    async with admins.stage.bot.redis() as redis:
        await redis.hset(INCIDENTS, facts["incident"], "1")
        notice = json.dumps([key, facts])
        await redis.rpush(f"{ALARM}{admins.owner.id}", notice)
    return await admins.owner.wait(
        lambda m: m.text.startswith("🔴") and has_buttons(m), after=after
    )


async def pressed(admins: AdminStage, message: Message, label: str) -> tuple[str, Message]:
    """Press a button; return the answer, and the message as it is then."""
    toast = await admins.owner.toast(message, label)
    return toast, await admins.stage.control.message(admins.owner.id, message.id)


def labels(message: Message) -> list[str]:
    return [button["text"] for button in message.buttons]


async def test_more_workers_start_after_the_second_press_until_it_is_over(
    admins: AdminStage,
) -> None:
    facts = {"value": 140, "bound": 100, "workers": 5, "held_by": "workers"}
    fixes = {"fix_workers": "7", "fix_pause": "", "incident": "queue_jobs"}
    message = await alert(admins, "incident_queue_jobs", **facts, **fixes)

    asked, asking = await pressed(admins, message, "Set workers to 7")
    before = await admins.owner.ask("/stats")
    done, after = await pressed(admins, asking, "Yes, 7")
    now = await admins.owner.ask("/stats")
    # The other admin presses the same button of their own copy.
    copy = await admins.second.ask("/start")
    repeated = await admins.second.press_again(copy, "fix:yes.workers.7.queue_jobs")
    _, asking_pause = await pressed(admins, after, "Pause new requests")
    _, as_before = await pressed(admins, asking_pause, "No")
    async with admins.stage.bot.redis() as redis:
        await redis.hdel(INCIDENTS, "queue_jobs")
        is_paused = await redis.exists(keys.PAUSED)
    yes = asking_pause.button("Yes, pause")["callback_data"]
    [over] = await admins.owner.press_again(as_before, yes)
    cleared = await admins.stage.control.message(admins.owner.id, message.id)
    async with admins.stage.bot.redis() as redis:
        assert not await redis.exists(keys.PAUSED)

    assert labels(message) == ["⚙️ Set workers to 7", "⏸ Pause new requests"]
    assert (asked, done) == ("", t("en", "undone"))
    assert labels(asking) == ["Yes, 7", "No", "⏸ Pause new requests"]
    assert " of 5 busy" in before.text
    assert after.text == f"{message.text}\n\n{t('en', 'fix_workers_done', workers=7, before=5)}"
    assert " of 7 busy" in now.text
    assert repeated == [t("ru", "fix_already")]
    assert labels(as_before) == labels(after) == ["⏸ Pause new requests"]
    assert not is_paused
    assert over == t("en", "fix_over")
    assert cleared.text == after.text


async def test_the_budget_is_raised_once_and_for_today_alone(admins: AdminStage) -> None:
    async with admins.stage.bot.redis() as redis:
        day = f"{keys.SPEND}{time.strftime('%Y-%m-%d')}"
        await redis.hset(day, "charged", 100_000_000)
    refused = await admins.guest.ask("a fox")
    facts = {"spent": "$100.00", "ceiling": "$100.00", "wait_s": 3600}
    message = await alert(
        admins, "incident_budget", **facts, fix_budget=f"12500-{TODAY}", incident="budget"
    )

    _, asking = await pressed(admins, message, "$125.00")
    done, after = await pressed(admins, asking, "Yes, $125.00 today")
    served = await admins.guest.order("a fox")
    spend = await admins.owner.ask("/spend")
    stats = await admins.owner.ask("/stats")
    repeated = await admins.second.press_again(
        await admins.second.ask("/start"),
        f"fix:yes.budget.12500-{TODAY}.budget",
        "fix:yes.budget.12500-20200101.budget",
        f"fix:yes.budget.9900000-{TODAY}.budget",
    )
    async with admins.stage.bot.redis() as redis:
        ceiling = await redis.hget(day, "ceiling")
        is_kept_s = await redis.ttl(day)
        await redis.hdel(INCIDENTS, "budget")

    assert refused.text.startswith("The bot's budget for today is used up")
    assert labels(message) == ["💵 Raise today's budget to $125.00"]
    assert [*labels(asking), done] == ["Yes, $125.00 today", "No", t("en", "undone")]
    assert after.text.endswith(t("en", "fix_budget_done", ceiling="$125.00", usual="$100.00"))
    assert labels(after) == []
    assert served.text == "a fox"
    assert "\nDaily budget: $125.00 (raised for today, otherwise $100.00) in total" in spend.text
    assert "Spent: $100.04 of $125.00." in stats.text
    assert repeated == [t("ru", key) for key in ("fix_already", "fix_over", "undone")]
    # One step more, whatever a forged button says.
    assert ceiling == "156250000"
    assert is_kept_s > 86_400


async def test_a_pause_brings_the_button_that_ends_it(admins: AdminStage) -> None:
    facts = {"value": 140, "bound": 100, "workers": 5, "held_by": "none", "fix_pause": ""}
    message = await alert(admins, "incident_queue_jobs", **facts, incident="queue_jobs")

    _, asking = await pressed(admins, message, "Pause new requests")
    _, paused = await pressed(admins, asking, "Yes, pause")
    refused = await admins.guest.ask("a hare in the snow")
    _, resuming = await pressed(admins, paused, "Accept requests again")
    done, resumed = await pressed(admins, resuming, "Yes, accept")
    served = await admins.guest.order("an owl in a tree")
    by_words = await admins.owner.ask("/pause")
    await admins.owner.ask("/resume")
    async with admins.stage.bot.redis() as redis:
        await redis.hdel(INCIDENTS, "queue_jobs")

    assert refused.text == t("en", "paused")
    assert done == t("en", "undone")
    assert resumed.text.endswith(t("en", "fix_resume_done"))
    assert served.text == "an owl in a tree"
    assert labels(by_words) == ["▶️ Accept requests again"]


FORGED = ("fix:", "fix:yes.workers.7", "fix:yes.rob.7.", "fix:now.workers.7.", "fix:yes.workers.x.")


async def test_a_forged_or_a_strangers_button_changes_nothing(admins: AdminStage) -> None:
    toasts = await admins.owner.toasts(OUT_OF_REACH, *FORGED)
    toasts += await admins.guest.toasts(OUT_OF_REACH, "fix:yes.pause..", "fix:ask.workers.1.")
    async with admins.stage.bot.redis() as redis:
        is_paused = await eventually(lambda: redis.exists(keys.PAUSED), lambda _: True)

    assert set(toasts) == {t("en", "unknown_button")}
    assert not is_paused
