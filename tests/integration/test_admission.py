"""Who may come in and how often: each refusal in words, and none of them a flood."""

import re
from dataclasses import dataclass

import pytest
import pytest_asyncio

from imgbot.domain.texts import t
from tests.fixtures.hostile import answers_to, assert_undisturbed, said_by_bot
from tests.fixtures.sandbox import Person, picture
from tests.integration.stage import Stage, jpeg, open_stage, result_for, said

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

GUESTS = 12
# The sandbox counts its people and groups from these.
FIRST_USER, FIRST_GROUP = 5_000_000_001, -1_001_000_000_001
GUEST_IDS = range(FIRST_USER, FIRST_USER + GUESTS)
NOT_ALLOWED = "This bot is by invitation only. Your ID: {}"
BANNED = "The bot's owner has blocked you."
PAUSED = "The bot is down for maintenance. Try again in a few minutes."


@dataclass(frozen=True, slots=True)
class Club:
    """A bot for invited people and one group."""

    stage: Stage
    guests: list[Person]
    strangers: list[Person]
    group: int
    """The invited group: the first stranger and the first guest are in it."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def club(tmp_path_factory: pytest.TempPathFactory):
    settings = {
        "IMGBOT_ALLOWED_USERS": ",".join(map(str, [*GUEST_IDS, FIRST_GROUP])),
        "IMGBOT_RATE_LIMIT_MAX_REQUESTS": "5",
    }
    folder = tmp_path_factory.mktemp("club")
    async for stage in open_stage(folder, is_simulated=True, **settings):
        control = stage.control
        people = [await control.make_user(f"P{number}") for number in range(GUESTS + 4)]
        guests, strangers = people[:GUESTS], people[GUESTS:]
        group = await control.make_group("Club", [strangers[0], guests[0]])
        assert (guests[0].id, group) == (FIRST_USER, FIRST_GROUP)
        yield Club(stage, guests, strangers, group)
        await assert_undisturbed(stage.bot, control)


async def test_an_uninvited_user_is_told_once_with_their_number(club: Club) -> None:
    control, stranger = club.stage.control, club.strangers[1]

    for number in range(9):
        await control.say(stranger, f"a fox {number}")
    await control.send_photos(stranger, [picture()], caption="a hat")
    await control.send_photos(stranger, [picture()] * 3)
    await control.send_kind(stranger, "voice")
    for command in ("/start", "/help", "/cancel", "/settings"):
        await control.say(stranger, command)
    first = await said(club.stage, stranger)
    [toast] = await answers_to(control, stranger, 1, "start:create")

    assert first == [NOT_ALLOWED.format(stranger.id)]
    assert toast == NOT_ALLOWED.format(stranger.id)
    assert await said(club.stage, stranger) == first


async def test_an_invited_group_lets_its_members_in_there_and_only_there(club: Club) -> None:
    stage, stranger = club.stage, club.strangers[0]

    await stage.control.say(stranger, "/create a fox", chat_id=club.group)
    await stage.control.say(stranger, "/create a fox")

    assert (await said(stage, stranger, club.group))[-1] == "a fox"
    assert await said(stage, stranger) == [NOT_ALLOWED.format(stranger.id)]


async def test_a_guest_may_use_the_bot_in_any_group_and_a_stranger_not(club: Club) -> None:
    stage, guest, stranger = club.stage, club.guests[1], club.strangers[2]
    group = await stage.control.make_group("Elsewhere", [guest, stranger])
    await stage.control.set_privacy(group, on=False)

    for number in range(10):
        await stage.control.say(stranger, f"chatter {number}", chat_id=group)
    silent = await said(stage, stranger, group)
    await stage.control.say(guest, "/create a fox", chat_id=group)
    for _ in range(3):
        await stage.control.say(stranger, "/create a cat", chat_id=group)
    shown = await said(stage, stranger, group)

    assert silent == []
    assert sorted(shown) == sorted(["a fox", NOT_ALLOWED.format(stranger.id)])


async def test_a_banned_user_is_told_once_and_served_after_the_unban(club: Club) -> None:
    stage, guest = club.stage, club.guests[2]
    await stage.control.say(guest, "a fox")
    result = await result_for(stage.control, guest)
    async with stage.bot.redis() as redis:
        await redis.sadd("img:banned", str(guest.id))
        for number in range(10):
            await stage.control.say(guest, f"a cat {number}")
        await stage.control.send_photos(guest, [picture()] * 2, caption="collage")
        told = await said(stage, guest)
        again = result.button("Again")["callback_data"]
        [toast] = await answers_to(stage.control, guest, result, again)
        offers = await stage.control.ask_inline(guest, "")
        await redis.srem("img:banned", str(guest.id))
    await stage.control.say(guest, "a dog")

    assert told == ["a fox", BANNED]
    assert toast == BANNED
    assert offers.results == []
    assert await said(stage, guest) == ["a fox", BANNED, "a dog"]


@pytest.mark.parametrize("kind", ["words", "photo", "command", "album"])
async def test_while_paused_nothing_is_ordered_and_the_rest_works(club: Club, kind: str) -> None:
    stage = club.stage
    guest = club.guests[3 + ["words", "photo", "command", "album"].index(kind)]
    control = stage.control

    async def order() -> None:
        match kind:
            case "words":
                await control.say(guest, "a fox")
            case "photo":
                await control.send_photos(guest, [jpeg("cat")], caption="a hat")
            case "command":
                await control.send_photos(guest, [jpeg("cat")], caption="/upscale x2")
            case _:
                pair = [jpeg("cat"), jpeg("astronaut")]
                await control.send_photos(guest, pair, caption="collage")

    async with stage.bot.redis() as redis:
        await redis.set("img:paused", "1")
        await order()
        refused = await said(stage, guest)
        await order()
        still = await said(stage, guest)
        await control.say(guest, "/help")
        helped = await said(stage, guest)
        await redis.delete("img:paused")
        await redis.delete(f"rate_limit:{guest.id}")
    await order()
    shown = await said_by_bot(stage.bot, control, guest, guest.id)

    assert refused == still == [PAUSED]
    assert helped[-1] == t("en", "help")
    assert shown[-1].photo_id


async def test_a_button_pressed_while_paused_is_answered_as_a_toast(club: Club) -> None:
    stage, guest = club.stage, club.guests[7]
    await stage.control.say(guest, "a fox")
    result = await result_for(stage.control, guest)
    again, larger = (result.button(label)["callback_data"] for label in ("Again", "×2"))

    async with stage.bot.redis() as redis:
        await redis.set("img:paused", "1")
        toasts = await answers_to(stage.control, guest, result, again, larger)
        last = await said(stage, guest)
        await redis.delete("img:paused")
        # For three seconds it would count as the same tap.
        await redis.delete(*await redis.keys("img:tap:*"))
    resumed = await answers_to(stage.control, guest, result, again)

    assert toasts == [PAUSED, PAUSED]
    assert last == ["a fox"]
    assert resumed == ["Got it."]


async def test_a_question_answered_while_paused_can_be_answered_again(club: Club) -> None:
    stage, guest = club.stage, club.guests[8]
    await stage.control.say(guest, "/retouch")
    await stage.control.wait_message(guest.id)

    async with stage.bot.redis() as redis:
        await redis.set("img:paused", "1")
        await stage.control.send_photos(guest, [jpeg("cat")])
        refused = await said(stage, guest)
        await redis.delete("img:paused")
    await stage.control.send_photos(guest, [jpeg("cat")])

    assert refused[1:] == [PAUSED]
    assert (await said(stage, guest))[-1].startswith("✨")


async def test_thirty_messages_in_a_row_get_one_refusal_with_its_seconds(club: Club) -> None:
    stage, guest = club.stage, club.guests[9]

    for number in range(30):
        await stage.control.say(guest, f"/create fox {number}")
    answers = await said(stage, guest)
    refusals = [text for text in answers if not text.startswith("fox")]

    assert sorted(set(answers) - set(refusals)) == [f"fox {number}" for number in range(5)]
    assert len(refusals) == 1
    found = re.fullmatch(
        r"⏳ Too many requests. Wait (\d+) seconds? and try again.\nAttempts left: 0", refusals[0]
    )
    assert found
    assert 0 < int(found[1]) <= 60


async def test_a_press_over_the_limit_is_answered_as_a_toast_each_time(club: Club) -> None:
    stage, guest = club.stage, club.guests[10]
    await stage.control.say(guest, "a fox")
    result = await result_for(stage.control, guest)
    async with stage.bot.redis() as redis:
        await redis.set(f"rate_limit:{guest.id}", 5, ex=42)

    labels = ("Again", "Edit", "×2", "×4", "As a file")
    buttons = [result.button(label)["callback_data"] for label in labels]
    toasts = await answers_to(stage.control, guest, result, *buttons)

    assert all(re.match(r"⏳ Too many requests\. Wait 4[012] seconds", text) for text in toasts)
    assert await said(stage, guest) == ["a fox"]


async def test_the_way_out_is_open_over_the_limit(club: Club) -> None:
    stage, guest = club.stage, club.guests[11]
    await stage.control.say(guest, "/create")
    await stage.control.wait_message(guest.id)
    async with stage.bot.redis() as redis:
        await redis.set(f"rate_limit:{guest.id}", 5, ex=42)

    for command in ("/cancel", "/limits", "/queue", "/start"):
        await stage.control.say(guest, command)
    answers = await said(stage, guest)

    assert [text[:16] for text in answers[1:]] == [
        "OK, cancelled. W",
        "Requests left: 0",
        "You have no pict",
        "Hi! I make pictu",
    ]


async def test_a_guest_of_the_group_gets_buttons_that_work_there(club: Club) -> None:
    stage, stranger = club.stage, club.strangers[0]
    after = await stage.control.last_seq()
    await stage.control.say(stranger, "/create a cat", chat_id=club.group)
    result = await stage.control.wait_message(club.group, lambda m: bool(m.photo_id), after=after)

    query = await stage.control.click(stranger, result, "Again")
    answer = await stage.control.wait_for(
        lambda e: e.type == "callback_answer" and e.raw["callback_query_id"] == query
    )

    assert answer.raw["text"] == "Got it."
    assert (await said(stage, stranger, club.group))[-1] == "a cat"


async def test_an_uninvited_user_is_told_in_their_own_language(club: Club) -> None:
    stage = club.stage
    anna = await stage.control.make_user("Анна", language_code="ru")

    await stage.control.say(anna, "лиса")

    assert await said(stage, anna) == [f"Этот бот только для приглашённых. Ваш ID: {anna.id}"]
