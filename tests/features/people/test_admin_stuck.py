"""/stuck at the front door: dead jobs delivered by their receipt or ended, never ordered again."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from imgbot.domain.texts import t
from imgbot.sandbox.simulated_provider import PAGE
from imgbot.storage import keys
from imgbot.storage.dead_letters import LONGEST_MS
from tests.fixtures.bot import PAID
from tests.fixtures.sandbox import Message
from tests.fixtures.waiting import eventually
from tests.integration.stage import OUT_OF_REACH, Stage, User, is_picture, open_owned

pytestmark = pytest.mark.slow

PRICE = 40_000


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async for stage in open_owned(tmp_path, **PAID, IMGBOT_IMAGE_POLL_MAX_ATTEMPTS="2"):
        yield stage


def is_list(message: Message) -> bool:
    return message.text.startswith(("Stuck", "Nothing is stuck"))


async def listed(stage: Stage) -> Message:
    return await stage.owner.ask("/stuck", fits=is_list)


async def until_none_is_listed(stage: Stage) -> None:
    await eventually(lambda: listed(stage), lambda message: message.text == t("en", "stuck_none"))


async def until_it_has(stage: Stage, field: str) -> str:
    """Wait until the one job has a value in this field; return the job's key."""
    async with stage.bot.redis() as redis:
        [key] = await eventually(lambda: redis.keys(f"{keys.JOB}*"))
        await eventually(lambda: redis.hget(key, field))
    return str(key)


async def dead_job(stage: Stage) -> str:
    async with stage.bot.redis() as redis:
        return str((await eventually(lambda: redis.zrange(keys.DEAD, 0, -1)))[0])


async def die_of_age(user: User, mark: str) -> str:
    """Order what the provider has taken, and let it be older than any schedule; return its id."""
    stage = user.stage
    await user.say(f"a fox [[sim:{mark}]]")
    key = await until_it_has(stage, "ticket")
    async with stage.bot.redis() as redis:
        stage.bot.signal(signal.SIGSTOP)
        await redis.hset(key, mapping={"intent_ms": 1, "accepted_ms": 1})
        await stage.bot.kill()
    await stage.bot.start()
    return await dead_job(stage)


async def charged(stage: Stage) -> dict[str, int]:
    async with stage.bot.redis() as redis:
        [day] = await redis.keys(f"{keys.SPEND}*")
        record = await redis.hgetall(day)
    return {str(name): int(micro) for name, micro in record.items() if int(micro)}


async def test_a_dead_job_is_delivered_by_its_receipt_and_charged_once(stage: Stage) -> None:
    anna = await stage.user("Anna")
    job_id = await die_of_age(anna, "slow=3600")
    [sentence] = await anna.heard(rests=False)
    told = await stage.owner.wait(lambda m: m.text.startswith("🟡"))
    before = await charged(stage)

    stuck = await listed(stage)
    stage.finish_tasks()
    answer = await stage.owner.toast(stuck, "🔁 1")
    shown = await anna.wait(is_picture)
    await until_none_is_listed(stage)

    assert sentence.text == t("en", "exhausted")
    assert told.text.startswith(f"🟡 Job {job_id} at simulated ended without a picture")
    assert stuck.text.startswith("Stuck: 1\n\n1. create, ")
    assert "ago: the service never finished" in stuck.text
    assert f"job {job_id}, user {anna.label}, service simulated" in stuck.text
    assert answer == t("en", "stuck_asked") == "Asking the service again."
    # The very message that said it had failed became the picture.
    assert shown.id == sentence.id
    assert await stage.charges() == 1
    assert await charged(stage) == before
    assert before["charged"] == PRICE
    async with stage.bot.redis() as redis:
        assert await redis.hgetall(keys.ACTIVE) == {}
        assert await redis.exists(f"{keys.RESULT}{job_id}")


async def test_a_dead_job_is_asked_for_at_the_provider_that_is_no_longer_chosen(
    stage: Stage,
) -> None:
    anna, owner = await stage.user("Anna"), stage.owner
    await die_of_age(anna, "slow=3600")
    stage.finish_tasks()
    for name in ("IMGBOT_PROVIDER", "IMGBOT_PROVIDER_URL"):
        stage.bot.settings.pop(name, None)
    async with stage.bot.redis() as redis:
        known = await redis.hget(keys.PROVIDERS, "simulated")
        await redis.hset(keys.PROVIDERS, "simulated", json.dumps(["/gone.toml", [""]]))
    await stage.bot.stop()
    await stage.bot.start()

    refused = await owner.toast(await listed(stage), "🔁 1")
    async with stage.bot.redis() as redis:
        await redis.hset(keys.PROVIDERS, "simulated", known)
    await stage.bot.stop()
    await stage.bot.start()
    answer = await owner.toast(await listed(stage), "🔁 1")
    await anna.wait(is_picture)
    await until_none_is_listed(stage)

    assert (refused, answer) == (t("en", "stuck_disconnected"), t("en", "stuck_asked"))
    assert await stage.charges() == 1


async def test_the_alert_of_a_paid_file_that_is_no_picture_delivers_what_was_kept(
    stage: Stage,
) -> None:
    anna, owner = await stage.user("Anna"), stage.owner
    await anna.say("a fox [[sim:not_a_picture=2]]")
    kept = stage.bot.state_dir / "jobs" / await dead_job(stage) / "result"
    content = kept.read_bytes()
    [sentence] = await anna.heard(rests=False)
    told = await owner.wait(lambda m: m.text.startswith("🟡"))
    stuck = await listed(stage)
    before = await charged(stage)

    await owner.toast(told, "Ask for stuck pictures again")
    asking = await owner.control.message(owner.id, told.id)
    answer = await owner.toast(asking, "Yes, ask again")
    shown = await anna.wait(is_picture)
    after = await owner.control.message(owner.id, told.id)
    repeated = await owner.press_again(told, "fix:yes.retry..")
    await until_none_is_listed(stage)

    assert content == PAGE
    assert sentence.text == f"{t('en', 'result_unusable')} {t('en', 'charge_maybe')}"
    assert t("en", "stuck_result_unusable") in stuck.text
    assert answer == t("en", "undone")
    assert (shown.id, shown.text) == (sentence.id, "a fox [[sim:not_a_picture=2]]")
    assert after.text.endswith(t("en", "fix_retry_done", count=1))
    assert after.buttons == []
    assert repeated == [t("en", "fix_already")]
    assert await stage.charges() == 1
    assert await charged(stage) == before
    assert before["charged"] == PRICE
    await eventually(lambda: asyncio.to_thread(kept.exists), lambda is_there: not is_there)


async def test_a_dead_job_without_a_receipt_can_only_be_ended(stage: Stage) -> None:
    anna, owner = await stage.user("Anna"), stage.owner
    job_id = await die_of_age(anna, "slow=60")
    async with stage.bot.redis() as redis:
        for field, value in (("ticket", "{}"), ("reason", "submit_unknown")):
            await redis.hset(f"{keys.DEAD_JOB}{job_id}", field, value)
    stuck = await listed(stage)
    end = stuck.button("✖️ 1")["callback_data"]

    [refused] = await owner.toasts(OUT_OF_REACH, end.replace("end", "again"))
    answer = await owner.toast(stuck, "✖️ 1")
    await anna.wait(lambda m: m.text == t("en", "given_up"))
    await until_none_is_listed(stage)
    [gone] = await owner.toasts(OUT_OF_REACH, end)

    assert "unknown whether the service accepted the request" in stuck.text
    assert [button["text"] for button in stuck.buttons] == ["✖️ 1", "🔄 Refresh"]
    assert refused == t("en", "stuck_no_receipt")
    assert answer == t("en", "stuck_ended")
    assert gone in {t("en", "stuck_gone"), t("en", "tapped_already")}
    assert await stage.charges() == 1
    # The sentence is shown before the job has ended.
    await eventually(lambda: charged(stage), lambda spent: spent.get("charged") == PRICE)


async def test_what_runs_too_long_is_ended_with_a_sentence(stage: Stage) -> None:
    anna, owner = await stage.user("Anna"), stage.owner
    await anna.say("a fox [[sim:slow=600]]")
    key = await until_it_has(stage, "ticket")
    nothing = await listed(stage)
    async with stage.bot.redis() as redis:
        await redis.hincrby(key, "claimed_ms", -LONGEST_MS - 60_000)

    stuck = await listed(stage)
    asked = await owner.toast(stuck, "🔁 1")
    answer = await owner.toast(stuck, "✖️ 1")
    ended = await anna.wait(lambda m: "has stopped this request" in m.text)

    assert nothing.text == t("en", "stuck_none")
    assert "1. create, in progress for 6 minutes: the service is still working on it" in stuck.text
    assert asked == t("en", "stuck_asked")
    assert answer == t("en", "stuck_ended")
    assert ended.text == f"{t('en', 'given_up')} {t('en', 'charge_maybe')}"
    assert await stage.charges() == 1
    # The sentence is shown before the job has ended.
    await eventually(lambda: charged(stage), lambda spent: spent.get("charged") == PRICE)
