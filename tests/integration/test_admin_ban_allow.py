"""/ban, /unban and /allow at the front door: who may come in, at once and over a restart."""

import time
from pathlib import Path

import pytest

from imgbot.domain.texts import t
from imgbot.storage import keys
from tests.fixtures.bot import Bot, with_simulated_provider
from tests.fixtures.hostile import answers_to
from tests.fixtures.sandbox import Message, Person, open_sandbox
from tests.fixtures.waiting import eventually
from tests.integration.conftest import GUEST_ID, SECOND_ID, Office, said

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

BANNED = t("en", "banned")


async def toast(office: Office, person: Person, message: Message, label: str) -> str:
    data = message.button(label)["callback_data"]
    return (await answers_to(office.stage.control, person, message, data))[0]


async def test_a_banned_user_is_told_at_once_and_served_after_the_unban(office: Office) -> None:
    control, owner = office.stage.control, office.owner
    anna = await control.make_user("Anna")
    async with office.stage.bot.redis() as redis:
        await redis.sadd(keys.ALLOWED, str(anna.id))

    done = await office.asked(owner, f"/ban {anna.id} paints nothing but foxes")
    refused = await office.asked(anna, "a fox")
    await office.settle(anna)
    await office.stage.bot.kill()
    await office.stage.bot.start()
    listed = await office.asked(owner, "/ban")
    answer = await toast(office, owner, listed, str(anna.id))
    empty = await control.message(owner.id, listed.id)
    await control.say(anna, "a fox")
    served = await said(office.stage, anna)

    assert done.text == f"🚫 The bot is closed to {anna.id}. Open it again: /unban {anna.id}"
    assert refused.text == BANNED
    day = time.strftime("%Y-")
    assert listed.text.startswith("Banned: 1. The button with the number opens the bot")
    assert f"\n{anna.id} · {day}" in listed.text
    assert listed.text.endswith(" · paints nothing but foxes")
    assert answer == "Done."
    assert empty.text.startswith("Nobody is banned.")
    assert served == [BANNED, "a fox"]


async def test_a_ban_calls_off_what_waits_and_unban_takes_it_back(office: Office) -> None:
    control, owner = office.stage.control, office.owner
    anna = await control.make_user("Anna")
    async with office.stage.bot.redis() as redis:
        await redis.sadd(keys.ALLOWED, str(anna.id))
    for number in range(4):
        # Three at once; the fourth waits.
        await control.say(anna, f"fox {number} [[sim:slow=10]]")

    async def in_line() -> list[Message]:
        told = [message for message in await control.messages(anna.id) if message.is_outgoing]
        # Whoever was told a place a moment ago may be taken up already.
        return [m for m in told if "place in line" in m.text] if len(told) == 4 else []

    [waiting] = await eventually(in_line, lambda found: len(found) == 1)

    await office.asked(owner, f"/ban {anna.id}")
    await control.wait_for(
        lambda e: e.type == "edit" and e.chat_id == anna.id and e.message.id == waiting.id
        and e.message.text == "Cancelled."
    )  # fmt: skip
    undone = await office.asked(owner, f"/unban {anna.id}")
    again = await office.asked(owner, f"/unban {anna.id}")

    assert sum(text.startswith("fox") for text in await said(office.stage, anna)) == 3
    assert undone.text == f"The bot is open to {anna.id} again."
    assert again.text == f"The bot was not closed to {anna.id}."


async def test_a_ban_calls_off_more_than_a_person_is_shown(state_dir: Path) -> None:
    async with open_sandbox() as (sandbox, control):
        owner, anna = await control.make_user("Owner"), await control.make_user("Anna")
        settings = {"IMGBOT_ADMINS": str(owner.id), "IMGBOT_WAITING_PER_USER": "100"}
        settings |= with_simulated_provider(sandbox)
        async with Bot(sandbox, state_dir, **settings) as bot, bot.redis() as redis:
            for number in range(10):
                await control.say(anna, f"fox {number}, 4 variants [[sim:slow=3600]]")
            # Three at once; the others wait.
            await eventually(lambda: redis.hget(keys.WAITING, str(anna.id)), lambda n: n == "37")

            await control.say(owner, f"/ban {anna.id}")
            await control.wait_message(owner.id)
            left = await redis.hgetall(keys.WAITING)
            running = await redis.hgetall(keys.ACTIVE)
            # Telegram takes a message a second: it would be a minute until all are told.
            await bot.kill()

    assert left == {}
    assert int(running[str(anna.id)]) >= 3


async def test_a_ban_by_a_reply_in_a_group_and_by_a_forwarded_message(office: Office) -> None:
    control, owner = office.stage.control, office.owner
    anna, boris = await control.make_user("Anna"), await control.make_user("Boris")
    group = await control.make_group("Club", [owner, anna, boris])
    rude = await control.say(anna, "something rude", chat_id=group)
    private = await control.say(boris, "rude, too", chat_id=group)

    await control.say(boris, "/ban", chat_id=group, reply_to=rude.id)
    await control.say(owner, "/ban", chat_id=group, reply_to=rude.id)
    told = await control.wait_message(group)
    [forwarded] = await control.forward(owner, [private], chat_id=owner.id)
    # To the bot, forwarded words are words; whose they were is for the reply to them.
    await said(office.stage, owner)
    second = await office.asked(owner, "/ban", reply_to=forwarded.id)
    async with office.stage.bot.redis() as redis:
        banned = await redis.smembers(keys.BANNED)
        await redis.delete(keys.BANNED, keys.BAN)

    assert told.text.startswith(f"🚫 The bot is closed to {anna.id}.")
    assert second.text.startswith(f"🚫 The bot is closed to {boris.id}.")
    assert banned == {str(anna.id), str(boris.id)}


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ("everybody", "everybody"),
        ("12,13", "12,13"),
        ("5; DROP", "5;"),
        ("5" + "x" * 60, "5" + "x" * 39),
    ],
)
async def test_what_is_no_number_is_called_so(office: Office, words: str, named: str) -> None:
    answer = await office.asked(office.owner, f"/ban {words}")

    assert answer.text == t("en", "id_unreadable", words=named)


@pytest.mark.parametrize("command", ["ban", "unban", "allow"])
@pytest.mark.parametrize("number", ["0", "-0", "000", str(2**52), str(-(2**52)), "9" * 60])
async def test_a_number_that_telegram_gives_to_nobody_is_refused(
    office: Office, command: str, number: str
) -> None:
    answer = await office.asked(office.owner, f"/{command} {number}")
    async with office.stage.bot.redis() as redis:
        stored = await redis.sunion([keys.BANNED, keys.ALLOWED])

    assert answer.text == t("en", "id_nobodys", number=number[:40])
    assert number not in stored


async def test_an_administrator_who_was_banned_before_is_served(office: Office) -> None:
    async with office.stage.bot.redis() as redis:
        await redis.sadd(keys.BANNED, str(SECOND_ID))
        answer = await office.asked(office.second, "/start")
        await redis.srem(keys.BANNED, str(SECOND_ID))

    assert answer.text == t("ru", "start")


async def test_allow_lets_in_a_person_or_a_group_at_once(office: Office) -> None:
    control, owner = office.stage.control, office.owner
    anna, boris = await control.make_user("Anna"), await control.make_user("Boris")
    group = await control.make_group("Guests", [owner, boris])
    refused = await office.asked(anna, "a fox")

    done = await office.asked(owner, f"/allow {anna.id}")
    again = await office.asked(owner, f"/allow {anna.id}")
    known = await office.asked(owner, f"/allow {GUEST_ID}")
    after = await control.last_seq()
    await control.say(owner, "/allow", chat_id=group)
    in_group = await control.wait_message(group, after=after)
    await control.say(anna, "a fox")
    await control.say(boris, "/create a hare", chat_id=group)
    shown = [await said(office.stage, anna), await said(office.stage, boris, group)]
    elsewhere = await office.asked(boris, "a fox")
    listed = await office.asked(owner, "/allow")
    answer = await toast(office, owner, listed, str(anna.id))
    async with office.stage.bot.redis() as redis:
        left = await redis.smembers(keys.ALLOWED)
        # What is refused is said once an hour.
        for key in await redis.keys(f"{keys.NOTICE_SENT}*"):
            await redis.delete(key)
    outside = await office.asked(anna, "a wolf")

    assert refused.text == outside.text == t("en", "not_allowed", user_id=anna.id)
    assert done.text == f"✅ {anna.id} may use the bot now."
    assert again.text == f"{anna.id} is invited already."
    assert known.text == f"{GUEST_ID} is invited already."
    assert in_group.text == f"✅ Everybody in the group {group} may use the bot there now."
    assert [texts[-1] for texts in shown] == ["a fox", "a hare"]
    assert elsewhere.text == t("en", "not_allowed", user_id=boris.id)
    assert answer == "Done."
    assert str(group) in left
    assert str(anna.id) not in left
