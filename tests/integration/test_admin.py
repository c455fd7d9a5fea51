"""What administrators say in the chat: how it goes, a pause; for nobody else is there a command."""

import re
from typing import Any

import pytest

from imgbot.bot.handlers import admin
from imgbot.bot.handlers.start import COMMANDS
from imgbot.domain.texts import t
from imgbot.storage import keys
from tests.fixtures.bot_api import BotApi
from tests.fixtures.hostile import answers_to
from tests.fixtures.waiting import eventually
from tests.integration.conftest import OWNER_ID, SECOND_ID, Office, said
from tests.integration.test_actions import result_for

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

UNKNOWN = t("en", "unknown_command")


@pytest.mark.parametrize("name", sorted(admin.COMMANDS))
async def test_for_everybody_else_the_command_does_not_exist(office: Office, name: str) -> None:
    answer = await office.asked(office.guest, f"/{name} {OWNER_ID}")

    assert answer.text == UNKNOWN


@pytest.mark.parametrize("data", ["stuck:list", "ban:undo.5", "allow:undo.5", "cast:go.1"])
async def test_for_everybody_else_the_buttons_do_not_exist(office: Office, data: str) -> None:
    [answer] = await answers_to(office.stage.control, office.guest, 1, data)

    assert answer == t("en", "unknown_button")


async def test_administrators_alone_have_the_commands_in_their_menu(office: Office) -> None:
    await office.asked(office.owner, "/start")
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
    assert english["ban"] == "Ban somebody"
    assert russian["ban"] == "Закрыть бота для человека"


async def test_stats_say_how_it_goes(office: Office) -> None:
    guest, control = office.guest, office.stage.control
    async with office.stage.bot.redis() as redis:
        # What other tests have ordered today.
        for prefix in (keys.ENDED, keys.SPEND):
            await redis.delete(*(await redis.keys(f"{prefix}*") or ["none"]))
    for words in ("a fox", "a hare [[sim:fail]]", "a wolf [[sim:moderated]]"):
        await control.say(guest, words)
        await said(office.stage, guest)
    after = await control.last_seq()
    await control.say(guest, "a bear [[sim:slow=60]]")
    status = await control.wait_message(guest.id, lambda m: "Working" in m.text, after=after)

    english = (await office.asked(office.owner, "/stats")).text
    russian = (await office.asked(office.second, "/stats")).text
    await control.click(guest, status, "Cancel")
    await said(office.stage, guest)
    later = (await office.asked(office.owner, "/stats")).text

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
    assert (await office.asked(office.owner, command)).text.startswith(t("en", answer))


async def test_a_pause_holds_over_a_restart_for_all_but_administrators(office: Office) -> None:
    control, owner, guest = office.stage.control, office.owner, office.guest
    after = await control.last_seq()
    await control.say(guest, "a slow fox [[sim:slow=2]]")
    await control.wait_message(guest.id, lambda m: "Working" in m.text, after=after)

    paused = await office.asked(owner, "/pause new disks, back at six")
    await office.settle(owner)
    await office.stage.bot.kill()
    await office.stage.bot.start()
    await control.say(guest, "a hare")
    told = await said(office.stage, guest)
    after = await control.last_seq()
    await control.say(owner, "an owl")
    owners = await result_for(control, owner, after)
    stats = await office.asked(owner, "/stats")
    bare = await office.asked(office.second, "/pause")
    resumed = await office.asked(owner, "/resume")
    await control.say(guest, "a hare")
    served = await said(office.stage, guest)

    words = "I'm down for maintenance and can't take orders right now: new disks, back at six"
    assert paused.text.endswith(f"\n\nPeople are told:\n{words}")
    assert {words, "a slow fox [[sim:slow=2]]"} <= set(told)
    assert "a hare" not in told
    assert owners.text == "an owl"
    assert "\n⏸ No new orders are taken: /resume\n" in stats.text
    assert bare.text.endswith(t("ru", "paused"))
    assert resumed.text == "▶️ Orders are taken again."
    assert served[-1] == "a hare"
