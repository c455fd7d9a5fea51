"""/stuck at the front door: dead jobs delivered by their receipt or ended, never ordered again."""

import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from imgbot.bot.handlers.admin.reports import LONGEST_MS
from imgbot.domain.texts import t
from imgbot.sandbox.played_preset import PAGE
from imgbot.storage import keys
from tests.fixtures.hostile import answers_to, said_by_bot
from tests.fixtures.sandbox import Message, Person
from tests.fixtures.waiting import eventually
from tests.integration.stage import Stage, open_stage

pytestmark = pytest.mark.slow

# The sandbox counts its people from this.
OWNER_ID = 5_000_000_001
OWNER = Person(OWNER_ID, "Owner", {})
PRICE = 40_000


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    settings = {
        "IMGBOT_ADMINS": str(OWNER_ID),
        "IMGBOT_PRICES": "create=0.04",
        "IMGBOT_IMAGE_POLL_MAX_ATTEMPTS": "2",
        "IMGBOT_POLLING": "fixed",
    }
    async for stage in open_stage(tmp_path, is_simulated=True, **settings):
        assert (await stage.control.make_user("Owner")).id == OWNER_ID
        # Nobody can be told anything before they have spoken with the bot.
        await stage.control.say(OWNER, "/start")
        await stage.control.wait_message(OWNER_ID)
        yield stage


async def listed(stage: Stage) -> Message:
    after = await stage.control.last_seq()
    await stage.control.say(OWNER, "/stuck")
    return await stage.control.wait_message(
        OWNER_ID, lambda m: m.text.startswith(("Stuck", "Nothing is stuck")), after=after
    )


async def press(stage: Stage, message: Message, label: str) -> str:
    data = message.button(label)["callback_data"]
    return (await answers_to(stage.control, OWNER, message, data))[0]


async def die(stage: Stage, person: Person, mark: str, moment: str) -> str:
    """Order what will die, and return its id once it is dead."""
    await stage.control.say(person, f"a fox [[sim:{mark}]]")
    async with stage.bot.redis() as redis:
        if moment:
            [key] = await eventually(lambda: redis.keys(f"{keys.JOB}*"))
            await eventually(lambda: redis.hget(key, moment))
            stage.bot.signal(signal.SIGSTOP)
            # Older than any schedule.
            await redis.hset(key, mapping={"intent_ms": 1, "accepted_ms": 1})
            await stage.bot.kill()
            await stage.bot.start()
        [job_id] = await eventually(lambda: redis.zrange(keys.DEAD, 0, -1))
    return str(job_id)


async def ledger(stage: Stage) -> int:
    return len((await stage.control.provider())["ledger"])


async def charged(stage: Stage) -> dict[str, int]:
    async with stage.bot.redis() as redis:
        [day] = await redis.keys(f"{keys.SPEND}*")
        record = await redis.hgetall(day)
    return {str(name): int(micro) for name, micro in record.items() if int(micro)}


async def test_a_dead_job_is_delivered_by_its_receipt_and_charged_once(stage: Stage) -> None:
    control = stage.control
    anna = await control.make_user("Anna")
    job_id = await die(stage, anna, "slow=4", "ticket")
    sentence = (await said_by_bot(stage.bot, control, anna, anna.id, rests=False))[0]
    told = await control.wait_message(OWNER_ID, lambda m: m.text.startswith("🔴"))
    before = await charged(stage)

    stuck = await listed(stage)
    answer = await press(stage, stuck, "🔁 1")
    shown = await control.wait_message(anna.id, lambda m: bool(m.photo_id))
    refreshed = await eventually(lambda: listed(stage), lambda m: m.text == t("en", "stuck_none"))

    assert sentence.text == t("en", "exhausted")
    assert told.text.startswith(f"🔴 Job {job_id} at simulated ended without a picture")
    assert stuck.text.startswith("Stuck: 1\n\n1. create, ")
    assert "ago: the service never finished" in stuck.text
    assert f"job {job_id}, user {anna.id}, service simulated" in stuck.text
    assert answer == "Asking the service again."
    # The very message that said it had failed became the picture.
    assert shown.id == sentence.id
    assert refreshed.buttons == []
    assert await ledger(stage) == 1
    assert await charged(stage) == before
    assert before["charged"] == PRICE
    async with stage.bot.redis() as redis:
        assert await redis.hgetall(keys.ACTIVE) == {}
        assert await redis.exists(f"{keys.RESULT}{job_id}")


async def test_the_alert_of_a_dead_job_asks_for_it_again(stage: Stage) -> None:
    control = stage.control
    anna = await control.make_user("Anna")
    await die(stage, anna, "not_a_picture", "")
    told = await control.wait_message(OWNER_ID, lambda m: m.text.startswith("🔴"))

    await press(stage, told, "Ask for stuck pictures again")
    asking = await control.message(OWNER_ID, told.id)
    answer = await press(stage, asking, "Yes, ask again")
    shown = await control.wait_message(anna.id, lambda m: bool(m.photo_id))
    after = await control.message(OWNER_ID, told.id)
    [repeated] = await answers_to(control, OWNER, told, "fix:yes.retry..")

    assert answer == t("en", "undone")
    assert shown.text.startswith("a fox")
    assert after.text.endswith(t("en", "fix_retry_done", count=1))
    assert after.buttons == []
    assert repeated == t("en", "fix_already")
    assert await ledger(stage) == 1


async def test_a_paid_file_that_is_no_picture_is_kept_and_delivered_by_the_admin(
    stage: Stage,
) -> None:
    control = stage.control
    anna = await control.make_user("Anna")
    job_id = await die(stage, anna, "not_a_picture", "")
    kept = stage.bot.state_dir / "jobs" / job_id / "result"
    content = kept.read_bytes()
    sentence = (await said_by_bot(stage.bot, control, anna, anna.id, rests=False))[0]
    before = await charged(stage)

    stuck = await listed(stage)
    answer = await press(stage, stuck, "🔁 1")
    shown = await control.wait_message(anna.id, lambda m: bool(m.photo_id))
    await eventually(lambda: listed(stage), lambda m: m.text == t("en", "stuck_none"))

    assert content == PAGE
    assert sentence.text == f"{t('en', 'result_unusable')} {t('en', 'charge_maybe')}"
    assert t("en", "stuck_result_unusable") in stuck.text
    assert answer == t("en", "stuck_asked")
    assert shown.id == sentence.id
    assert await ledger(stage) == 1
    assert await charged(stage) == before
    assert not kept.exists()


async def test_a_dead_job_without_a_receipt_can_only_be_ended(stage: Stage) -> None:
    control = stage.control
    anna = await control.make_user("Anna")
    job_id = await die(stage, anna, "slow=60", "ticket")
    async with stage.bot.redis() as redis:
        await redis.hset(f"{keys.DEAD_JOB}{job_id}", "ticket", "{}")
        await redis.hset(f"{keys.DEAD_JOB}{job_id}", "reason", "submit_unknown")
    stuck = await listed(stage)
    forged = stuck.button("✖️ 1")["callback_data"].replace("end", "again")
    [refused] = await answers_to(control, OWNER, stuck, forged)

    answer = await press(stage, stuck, "✖️ 1")
    ended = await control.wait_message(anna.id, lambda m: m.text == t("en", "given_up"))
    await eventually(lambda: listed(stage), lambda m: m.text == t("en", "stuck_none"))
    gone = await press(stage, stuck, "✖️ 1") if stuck.buttons else ""

    assert "unknown whether the service accepted the request" in stuck.text
    assert [button["text"] for button in stuck.buttons] == ["✖️ 1", "🔄 Refresh"]
    assert refused == t("en", "stuck_no_receipt")
    assert answer == t("en", "stuck_ended")
    assert gone in {t("en", "stuck_gone"), t("en", "tapped_already")}
    assert ended.chat_id == anna.id
    assert await ledger(stage) == 1
    assert (await charged(stage))["charged"] == PRICE


async def test_what_runs_too_long_is_ended_with_a_sentence(stage: Stage) -> None:
    control = stage.control
    anna = await control.make_user("Anna")
    await control.say(anna, "a fox [[sim:slow=600]]")
    async with stage.bot.redis() as redis:
        [key] = await eventually(lambda: redis.keys(f"{keys.JOB}*"))
        await eventually(lambda: redis.hget(key, "ticket"))
        nothing = await listed(stage)
        claimed_ms = int(await redis.hget(key, "claimed_ms") or 0)
        await redis.hset(key, "claimed_ms", claimed_ms - LONGEST_MS - 60_000)

    stuck = await listed(stage)
    asked = await press(stage, stuck, "🔁 1")
    answer = await press(stage, stuck, "✖️ 1")
    ended = await control.wait_message(anna.id, lambda m: "has stopped this request" in m.text)

    assert nothing.text == t("en", "stuck_none")
    assert "1. create, in progress for 6 minutes: the service is still working on it" in stuck.text
    assert asked == t("en", "stuck_asked")
    assert answer == t("en", "stuck_ended")
    assert ended.text == f"{t('en', 'given_up')} {t('en', 'charge_maybe')}"
    assert await ledger(stage) == 1
    assert (await charged(stage))["charged"] == PRICE
