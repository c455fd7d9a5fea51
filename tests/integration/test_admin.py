"""What administrators say in the chat: how it goes, a pause; for nobody else is there a command."""

import re
from typing import Any

import pytest

from imgbot.domain.texts import t
from imgbot.storage import keys
from tests.fixtures.bot_api import BotApi
from tests.fixtures.features import TABLE
from tests.fixtures.waiting import eventually
from tests.integration.conftest import AdminStage
from tests.integration.stage import OUT_OF_REACH, OWNER_ID, SECOND_ID, jpeg

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

ADMIN = [each for each in TABLE.commands if each.is_for_admins and each.menu_place]


async def test_for_other_users_neither_commands_nor_buttons_exist(admins: AdminStage) -> None:
    answers = [await admins.guest.ask(f"/{each.name} {OWNER_ID}") for each in ADMIN]
    toasts = await admins.guest.toasts(
        OUT_OF_REACH, "stuck:list", "ban:undo.5", "allow:undo.5", "cast:go.1"
    )

    assert {answer.text for answer in answers} == {t("en", "unknown_command")}
    assert set(toasts) == {t("en", "unknown_button")}


async def test_administrators_alone_have_the_commands_in_their_menu(admins: AdminStage) -> None:
    await admins.owner.ask("/start")
    everybody, all_of_it = [[each.name for each in TABLE.menu(is_admin=b)] for b in (False, True)]
    async with BotApi(admins.stage.sandbox.url, admins.stage.sandbox.token) as api:

        async def menu(**place: Any) -> dict[str, str]:
            answer = await api.call("getMyCommands", **place)
            return {each["command"]: each["description"] for each in answer}

        chat = {"type": "chat", "chat_id": OWNER_ID}
        english = await eventually(lambda: menu(scope=chat))
        russian = await eventually(lambda: menu(scope=chat, language_code="ru"))
        general = await eventually(menu)

    assert list(english) == list(russian) == all_of_it
    assert list(general) == everybody
    assert english["ban"] == "Block a user"
    assert russian["ban"] == "Заблокировать пользователя"


async def test_the_help_has_a_topic_for_administrators_alone(admins: AdminStage) -> None:
    users = admins.owner, admins.guest
    helps = [await user.ask("/help") for user in users]
    pressed = zip(users, helps, strict=True)
    topics, others = [await user.click(each, "All I can do") for user, each in pressed]
    await admins.owner.toast(topics, "For administrators")
    shown = (await admins.stage.control.message(OWNER_ID, topics.id)).text
    forged = await admins.guest.toasts(OUT_OF_REACH, "help:admin")

    assert [each.name for each in ADMIN if f"/{each.name}:" not in shown] == []
    # Nothing is sold here.
    assert "/refund:" not in shown
    assert "For administrators" not in str(others.buttons)
    assert forged == [t("en", "unknown_button")]


async def test_stats_say_how_it_goes(admins: AdminStage) -> None:
    guest = admins.guest
    for words in ("a fox", "a hare [[sim:fail]]", "a wolf [[sim:moderated]]"):
        await guest.say(words)
        await guest.said()
    status = await guest.ask("a bear [[sim:slow=60]]", fits=lambda m: "Working" in m.text)

    english = (await admins.owner.ask("/stats")).text
    russian = (await admins.second.ask("/stats")).text
    await guest.toast(status, "Cancel")
    await guest.said()
    later = (await admins.owner.ask("/stats")).text

    assert re.fullmatch(
        r"📊 Waiting: 0\n"
        r"In progress: 1; workers: \d of \d busy\n"
        r"The bot has \d+ users\n\n"
        r"Today, \d{4}-\d\d-\d\d\n"
        r"create: 1 ready, 1 failed, 1 rejected\n"
        r"Spent: \$0\.08 of \$100\.00\. Details: /spend\n\n"
        r"Users by week, this one first:\n"
        r"from \d{4}-\d\d-\d\d · new: \d+, returning: \d+; refused messages: \d+",
        english,
    )
    assert re.search(
        r"\nВ работе: 1; рабочих процессов занято: \d из \d\nУ бота \d+ пользо", russian
    )
    assert "\nсоздание: готово 1, не вышло 1, отклонено 1\n" in russian
    assert "\ncreate: 1 ready, 1 failed, 1 rejected, 1 cancelled\n" in later


SENTENCES = {
    f"/ban {SECOND_ID}": "ban_admin",
    f"/ban {OWNER_ID} myself": "ban_admin",
    "/ban -1001000000001": "ban_person_only",
    "/ban": "ban_empty",
    "/unban": "unban_usage",
    "/resume": "resume_nothing",
    "/stuck": "stuck_none",
    "/broadcast": "cast_usage",
}


async def test_a_command_without_effect_is_answered_with_a_sentence(admins: AdminStage) -> None:
    for command, key in SENTENCES.items():
        answer = await admins.owner.ask(command)

        assert answer.text.startswith(t("en", key)), command


async def test_a_pause_is_told_before_anything_is_asked(admins: AdminStage) -> None:
    guest = admins.guest
    await guest.order("a fox")
    before = await guest.said()
    await admins.owner.ask("/pause")

    asking = [guest.say(words) for words in ("/create", "/merge", "/upscale", "on the beach")]
    for act in (*asking, guest.photos(jpeg("cat", (64, 64)))):
        await act
    told = (await guest.said())[len(before) :]
    async with admins.stage.bot.redis() as redis:
        questions = await redis.keys(f"{keys.DIALOGUE}:*:{guest.id}:state")
    await admins.owner.ask("/resume")

    # Not once for each: it is throttled.
    assert set(told) == {t("en", "paused")}
    assert questions == []


async def test_a_pause_holds_over_a_restart_for_all_but_administrators(admins: AdminStage) -> None:
    owner, guest = admins.owner, admins.guest
    await guest.ask("a slow fox [[sim:slow=2]]", fits=lambda m: "Working" in m.text)

    paused = await owner.ask("/pause new disks, back at six")
    await owner.said(rests=False)
    await admins.stage.bot.kill()
    await admins.stage.bot.start()
    await guest.say("a hare")
    told = await guest.said()
    owners = await owner.order("an owl")
    stats = await owner.ask("/stats")
    bare = await admins.second.ask("/pause")
    resumed = await owner.ask("/resume")
    await guest.say("a hare")
    served = await guest.said()

    words = "The bot is down for maintenance: new disks, back at six"
    assert paused.text.endswith(f"\n\nUsers see this:\n{words}")
    assert {words, "a slow fox [[sim:slow=2]]"} <= set(told)
    assert "a hare" not in told
    assert owners.text == "an owl"
    assert "\n⏸ New requests are not accepted: /resume\n" in stats.text
    assert bare.text.endswith(t("ru", "paused"))
    assert resumed.text == "▶️ Requests are accepted again."
    assert served[-1] == "a hare"
