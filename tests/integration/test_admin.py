"""What administrators say in the chat: how it goes, who may come in, a pause; nobody else."""

import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from imgbot.conversation import admin
from imgbot.conversation.introduction import COMMANDS
from imgbot.queue import keys
from imgbot.texts import say
from tests.integration.conftest import Stage, open_stage
from tests.integration.test_actions import result_for
from tests.support.bot import Bot, with_simulated_provider
from tests.support.bot_api import BotApi
from tests.support.hostile import answers_to, said_by_bot
from tests.support.sandbox import Message, Person, open_sandbox
from tests.support.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

# The sandbox counts its people from this.
OWNER_ID, SECOND_ID, GUEST_ID = 5_000_000_001, 5_000_000_002, 5_000_000_003
UNKNOWN = say("en", "unknown_command")
BANNED = say("en", "banned")
PAUSED = say("en", "paused")


@dataclass(frozen=True, slots=True)
class Office:
    """A bot for invited people, with two administrators, who are not on the list themselves."""

    stage: Stage
    owner: Person
    second: Person
    guest: Person


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def office(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Office]:
    settings = {
        "IMGBOT_ADMINS": f"{OWNER_ID},{SECOND_ID}",
        "IMGBOT_ALLOWED_USERS": str(GUEST_ID),
        "IMGBOT_PRICES": "create=0.04",
        "IMGBOT_DAILY_BUDGET": "100",
    }
    folder: Path = tmp_path_factory.mktemp("office")
    async for stage in open_stage(folder, is_simulated=True, **settings):
        make_user = stage.control.make_user
        owner, second = await make_user("Owner"), await make_user("Вторая", language_code="ru")
        guest = await make_user("Guest")
        assert (owner.id, second.id, guest.id) == (OWNER_ID, SECOND_ID, GUEST_ID)
        yield Office(stage, owner, second, guest)


async def asked(office: Office, person: Person, text: str, **fields: Any) -> Message:
    """The first answer to what somebody says in private."""
    after = await office.stage.control.last_seq()
    await office.stage.control.say(person, text, **fields)
    return await office.stage.control.wait_message(person.id, after=after)


async def said(office: Office, person: Person, chat_id: int | None = None) -> list[str]:
    stage = office.stage
    messages = await said_by_bot(stage.bot, stage.control, person, chat_id or person.id)
    return [message.text for message in messages]


async def settle(office: Office, person: Person) -> None:
    """Wait until all that somebody has sent is handled for good: a kill would repeat the rest."""
    await said_by_bot(office.stage.bot, office.stage.control, person, person.id, rests=False)


async def toast(office: Office, person: Person, message: Message, label: str) -> str:
    data = message.button(label)["callback_data"]
    return (await answers_to(office.stage.control, person, message, data))[0]


@pytest.mark.parametrize("name", sorted(admin.COMMANDS))
async def test_for_everybody_else_the_command_does_not_exist(office: Office, name: str) -> None:
    answer = await asked(office, office.guest, f"/{name} {OWNER_ID}")

    assert answer.text == UNKNOWN


@pytest.mark.parametrize("data", ["stuck:list", "ban:undo.5", "allow:undo.5", "cast:go.1"])
async def test_for_everybody_else_the_buttons_do_not_exist(office: Office, data: str) -> None:
    [answer] = await answers_to(office.stage.control, office.guest, 1, data)

    assert answer == say("en", "unknown_button")


async def test_administrators_alone_have_the_commands_in_their_menu(office: Office) -> None:
    await asked(office, office.owner, "/start")
    everybody = list(COMMANDS)
    async with BotApi(office.stage.sandbox.url, office.stage.sandbox.token) as api:

        async def menu(**place: Any) -> dict[str, str]:
            answer = await api.call("getMyCommands", **place)
            return {each["command"]: each["description"] for each in answer}

        chat = {"type": "chat", "chat_id": OWNER_ID}
        english = await eventually(lambda: menu(scope=chat))
        russian = await eventually(lambda: menu(scope=chat, language_code="ru"))
        general = await eventually(menu)

    assert list(english) == list(russian) == [*everybody, *admin.COMMANDS]
    assert list(general) == everybody
    assert english["ban"] == "Close the bot for somebody"
    assert russian["ban"] == "Закрыть бота для человека"


async def test_stats_say_how_it_goes(office: Office) -> None:
    guest, control = office.guest, office.stage.control
    async with office.stage.bot.redis() as redis:
        # What other tests have ordered today.
        for prefix in (keys.ENDED, keys.SPEND):
            await redis.delete(*(await redis.keys(f"{prefix}*") or ["none"]))
    for words in ("a fox", "a hare [[sim:fail]]", "a wolf [[sim:moderated]]"):
        await control.say(guest, words)
        await said(office, guest)
    after = await control.last_seq()
    await control.say(guest, "a bear [[sim:slow=60]]")
    status = await control.wait_message(guest.id, lambda m: "Working" in m.text, after=after)

    english = (await asked(office, office.owner, "/stats")).text
    russian = (await asked(office, office.second, "/stats")).text
    await control.click(guest, status, "Cancel")
    await said(office, guest)
    later = (await asked(office, office.owner, "/stats")).text

    assert re.fullmatch(
        r"📊 Waiting: 0\n"
        r"In progress: 1; workers: \d of \d busy\n"
        r"Talking with the bot: \d+ people\n\n"
        r"Today, \d{4}-\d\d-\d\d\n"
        r"create: 1 ready, 1 failed, 1 rejected\n"
        r"Spent: \$0\.08 of \$100\.00\. In detail: /spend"
        # Known once a few were made.
        r"(\n\nUsually takes: create \d s)?",
        english,
    )
    assert re.search(r"\nВ работе: 1; работники: занято \d из \d\nПишут боту: \d+ чело", russian)
    assert "\nсоздание: готово 1, не вышло 1, отклонено 1\n" in russian
    assert "\ncreate: 1 ready, 1 failed, 1 rejected, 1 cancelled\n" in later


async def test_who_is_banned_is_told_so_at_once_and_served_again_later(office: Office) -> None:
    control, owner = office.stage.control, office.owner
    anna = await control.make_user("Anna")
    async with office.stage.bot.redis() as redis:
        await redis.sadd(keys.ALLOWED, str(anna.id))

    done = await asked(office, owner, f"/ban {anna.id} paints nothing but foxes")
    refused = await asked(office, anna, "a fox")
    await settle(office, anna)
    await office.stage.bot.kill()
    await office.stage.bot.start()
    listed = await asked(office, owner, "/ban")
    answer = await toast(office, owner, listed, str(anna.id))
    empty = await control.message(owner.id, listed.id)
    await control.say(anna, "a fox")
    served = await said(office, anna)

    assert done.text == f"🚫 The bot is closed for {anna.id}. Open it again: /unban {anna.id}"
    assert refused.text == BANNED
    day = time.strftime("%Y-")
    assert listed.text.startswith("Closed for: 1. The button with the number opens it")
    assert f"\n{anna.id} · {day}" in listed.text
    assert listed.text.endswith(" · paints nothing but foxes")
    assert answer == "Done."
    assert empty.text.startswith("The bot is closed for nobody.")
    assert served == [BANNED, "a fox"]


async def test_a_ban_calls_off_what_waits_and_unban_takes_it_back(office: Office) -> None:
    control, owner = office.stage.control, office.owner
    anna = await control.make_user("Anna")
    async with office.stage.bot.redis() as redis:
        await redis.sadd(keys.ALLOWED, str(anna.id))
    for number in range(4):
        # Three at once; the fourth waits.
        await control.say(anna, f"fox {number} [[sim:slow=10]]")
    waiting = await control.wait_message(anna.id, lambda m: "place in line" in m.text)

    await asked(office, owner, f"/ban {anna.id}")
    await control.wait_for(
        lambda e: e.type == "edit" and e.chat_id == anna.id and e.message.id == waiting.id
        and e.message.text == "Cancelled."
    )  # fmt: skip
    undone = await asked(office, owner, f"/unban {anna.id}")
    again = await asked(office, owner, f"/unban {anna.id}")

    assert sum(text.startswith("fox") for text in await said(office, anna)) == 3
    assert undone.text == f"The bot is open for {anna.id} again."
    assert again.text == f"The bot was not closed for {anna.id}."


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
    await said(office, owner)
    second = await asked(office, owner, "/ban", reply_to=forwarded.id)
    async with office.stage.bot.redis() as redis:
        banned = await redis.smembers(keys.BANNED)
        await redis.delete(keys.BANNED, keys.BAN)

    assert told.text.startswith(f"🚫 The bot is closed for {anna.id}.")
    assert second.text.startswith(f"🚫 The bot is closed for {boris.id}.")
    assert banned == {str(anna.id), str(boris.id)}


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (f"/ban {SECOND_ID}", "ban_admin"),
        (f"/ban {OWNER_ID} myself", "ban_admin"),
        ("/ban -1001000000001", "ban_person_only"),
        ("/ban", "ban_empty"),
        ("/unban", "unban_usage"),
        ("/resume", "resume_nothing"),
        ("/stuck", "stuck_none"),
        ("/broadcast", "cast_usage"),
    ],
)
async def test_what_makes_no_sense_is_answered_with_a_sentence(
    office: Office, command: str, answer: str
) -> None:
    assert (await asked(office, office.owner, command)).text.startswith(say("en", answer))


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
    answer = await asked(office, office.owner, f"/ban {words}")

    assert answer.text == say("en", "id_unreadable", words=named)


@pytest.mark.parametrize("command", ["ban", "unban", "allow"])
@pytest.mark.parametrize("number", ["0", "-0", "000", str(2**52), str(-(2**52)), "9" * 60])
async def test_a_number_that_telegram_gives_to_nobody_is_refused(
    office: Office, command: str, number: str
) -> None:
    answer = await asked(office, office.owner, f"/{command} {number}")
    async with office.stage.bot.redis() as redis:
        stored = await redis.sunion([keys.BANNED, keys.ALLOWED])

    assert answer.text == say("en", "id_nobodys", number=number[:40])
    assert number not in stored


async def test_who_was_banned_before_becoming_an_administrator_is_served(office: Office) -> None:
    async with office.stage.bot.redis() as redis:
        await redis.sadd(keys.BANNED, str(SECOND_ID))
        answer = await asked(office, office.second, "/start")
        await redis.srem(keys.BANNED, str(SECOND_ID))

    assert answer.text == say("ru", "start")


async def test_allow_lets_in_a_person_or_a_group_at_once(office: Office) -> None:
    control, owner = office.stage.control, office.owner
    anna, boris = await control.make_user("Anna"), await control.make_user("Boris")
    group = await control.make_group("Guests", [owner, boris])
    refused = await asked(office, anna, "a fox")

    done = await asked(office, owner, f"/allow {anna.id}")
    again = await asked(office, owner, f"/allow {anna.id}")
    known = await asked(office, owner, f"/allow {GUEST_ID}")
    after = await control.last_seq()
    await control.say(owner, "/allow", chat_id=group)
    in_group = await control.wait_message(group, after=after)
    await control.say(anna, "a fox")
    await control.say(boris, "/create a hare", chat_id=group)
    shown = [await said(office, anna), await said(office, boris, group)]
    elsewhere = await asked(office, boris, "a fox")
    listed = await asked(office, owner, "/allow")
    answer = await toast(office, owner, listed, str(anna.id))
    async with office.stage.bot.redis() as redis:
        left = await redis.smembers(keys.ALLOWED)
        # What is refused is said once an hour.
        for key in await redis.keys(f"{keys.SAID}*"):
            await redis.delete(key)
    outside = await asked(office, anna, "a wolf")

    assert refused.text == outside.text == say("en", "not_allowed", user_id=anna.id)
    assert done.text == f"✅ {anna.id} may use the bot now."
    assert again.text == f"{anna.id} is invited already."
    assert known.text == f"{GUEST_ID} is invited already."
    assert in_group.text == f"✅ Everybody in the group {group} may use the bot there now."
    assert [texts[-1] for texts in shown] == ["a fox", "a hare"]
    assert elsewhere.text == say("en", "not_allowed", user_id=boris.id)
    assert answer == "Done."
    assert str(group) in left
    assert str(anna.id) not in left


async def test_a_pause_holds_over_a_restart_for_all_but_administrators(office: Office) -> None:
    control, owner, guest = office.stage.control, office.owner, office.guest
    after = await control.last_seq()
    await control.say(guest, "a slow fox [[sim:slow=2]]")
    await control.wait_message(guest.id, lambda m: "Working" in m.text, after=after)

    paused = await asked(office, owner, "/pause new disks, back at six")
    await settle(office, owner)
    await office.stage.bot.kill()
    await office.stage.bot.start()
    refused = await asked(office, guest, "a hare")
    finished = await said(office, guest)
    after = await control.last_seq()
    await control.say(owner, "an owl")
    owners = await result_for(control, owner, after)
    stats = await asked(office, owner, "/stats")
    bare = await asked(office, office.second, "/pause")
    resumed = await asked(office, owner, "/resume")
    await control.say(guest, "a hare")
    served = await said(office, guest)

    words = "There is maintenance just now, so I take no orders: new disks, back at six"
    assert paused.text.endswith(f"\n\nPeople are told:\n{words}")
    assert refused.text == words
    assert "a slow fox [[sim:slow=2]]" in finished
    assert owners.text == "an owl"
    assert "\n⏸ No new orders are taken: /resume\n" in stats.text
    assert bare.text.endswith(say("ru", "paused"))
    assert resumed.text == "▶️ Orders are taken again."
    assert served[-1] == "a hare"
