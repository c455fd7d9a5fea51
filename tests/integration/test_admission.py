"""Who may come in and how often: each refusal in words, and none of them a flood."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from imgbot.domain.texts import t
from imgbot.storage import keys
from tests.fixtures.hostile import assert_undisturbed
from tests.fixtures.sandbox import KINDS, picture
from tests.fixtures.waiting import eventually
from tests.integration.stage import (
    OUT_OF_REACH,
    OWNER_ID as FIRST_ID,
    Stage,
    User,
    jpeg,
    open_stage,
)

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

GUESTS = 6
# The sandbox counts its groups from this.
FIRST_GROUP = -1_001_000_000_001
NOT_ALLOWED = "This bot is by invitation only. Your ID: {}"
PAUSED = "The bot is down for maintenance. Try again in a few minutes."


@dataclass(frozen=True, slots=True)
class Invited:
    """A bot for invited people and one group."""

    stage: Stage
    guests: list[User]
    strangers: list[User]
    group: int
    """The invited group: the first stranger and the first guest are in it."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def invited(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Invited]:
    invited = [*range(FIRST_ID, FIRST_ID + GUESTS), FIRST_GROUP]
    settings = {
        "IMGBOT_ALLOWED_USERS": ",".join(map(str, invited)),
        "IMGBOT_RATE_LIMIT_MAX_REQUESTS": "5",
    }
    async for stage in open_stage(tmp_path_factory.mktemp("invited"), **settings):
        users = [await stage.user(f"P{number}") for number in range(GUESTS + 3)]
        guests, strangers = users[:GUESTS], users[GUESTS:]
        group = await stage.control.make_group("Invited", [strangers[0].person, guests[0].person])
        assert (guests[0].id, group) == (FIRST_ID, FIRST_GROUP)
        yield Invited(stage, guests, strangers, group)
        await assert_undisturbed(stage.bot, stage.control)


async def test_an_uninvited_user_is_told_once_with_their_number_in_their_language(
    invited: Invited,
) -> None:
    stranger, anna = invited.strangers[1], await invited.stage.user("Анна", language="ru")

    for number in range(9):
        await stranger.say(f"a fox {number}")
    await stranger.photos(picture(), caption="a hat")
    await stranger.photos(*[picture()] * 3)
    await stranger.send(extra=KINDS["voice"])
    for command in ("/start", "/help", "/cancel", "/settings"):
        await stranger.say(command)
    first = await stranger.said()
    [toast] = await stranger.toasts(OUT_OF_REACH, "start:create")
    await anna.say("лиса")

    assert first == [NOT_ALLOWED.format(stranger.id)]
    assert toast == NOT_ALLOWED.format(stranger.id)
    assert await stranger.said() == first
    assert await anna.said() == [f"Этот бот только для приглашённых. Ваш ID: {anna.id}"]


async def test_an_invited_group_lets_its_members_and_their_buttons_in_there_and_only_there(
    invited: Invited,
) -> None:
    alone, there = invited.strangers[0], invited.strangers[0].within(invited.group)

    fox = await there.order("/create a fox")
    toast = await there.toast(fox, "Again")
    await alone.say("/create a fox")

    assert toast == "Got it."
    assert await there.said() == ["a fox", "a fox"]
    assert await alone.said() == [NOT_ALLOWED.format(alone.id)]


async def test_an_allowed_group_stays_so_as_a_supergroup(invited: Invited) -> None:
    control, stranger = invited.stage.control, invited.strangers[2]
    group = await control.make_group("Growing", [stranger.person], is_basic=True)
    async with invited.stage.bot.redis() as redis:
        await redis.sadd(keys.ALLOWED, str(group))

        there = stranger.within(await control.migrate(group))
        # Updates of different chats, as the old group and the new one are, have no order.
        await eventually(lambda: redis.sismember(keys.ALLOWED, str(there.chat_id)))
    await there.order("/create a fox")


async def test_a_guest_may_use_the_bot_in_any_group_and_a_stranger_not(invited: Invited) -> None:
    control, guest, stranger = invited.stage.control, invited.guests[1], invited.strangers[2]
    group = await control.make_group("Elsewhere", [guest.person, stranger.person])
    await control.set_privacy(group, on=False)
    guest, stranger = guest.within(group), stranger.within(group)

    for number in range(10):
        await stranger.say(f"chatter {number}")
    silent = await stranger.said()
    await guest.say("/create a fox")
    for _ in range(3):
        await stranger.say("/create a cat")

    assert silent == []
    assert sorted(await stranger.said()) == sorted(["a fox", NOT_ALLOWED.format(stranger.id)])


async def order_everything(guest: User) -> None:
    await guest.say("a hare")
    await guest.photos(jpeg("cat"), caption="a hat")
    await guest.photos(jpeg("cat"), caption="/upscale x2")
    await guest.photos(jpeg("cat"), jpeg("astronaut"), caption="collage")


async def test_while_paused_nothing_is_ordered_and_the_rest_works(invited: Invited) -> None:
    guest = invited.guests[2]
    fox = await guest.order("a fox")
    again, larger = (fox.button(label)["callback_data"] for label in ("Again", "×2"))

    async with invited.stage.bot.redis() as redis:
        await redis.set(keys.PAUSED, "1")
        await order_everything(guest)
        refused = await guest.said()
        await redis.delete(f"{keys.RATE_LIMIT}{guest.id}")
        toasts = await guest.toasts(fox, again, larger)
        helped = await guest.ask("/help")
        await redis.delete(keys.PAUSED, f"{keys.RATE_LIMIT}{guest.id}")
        # For three seconds it would count as the same tap.
        await redis.delete(*await redis.keys(f"{keys.ONCE}tap.*"))
    resumed = await guest.toasts(fox, again)
    await order_everything(guest)
    shown = [each for each in await guest.heard() if each.photo_id and each.id != helped.id]

    assert refused == ["a fox", PAUSED]
    assert toasts == [PAUSED, PAUSED]
    assert helped.text == t("en", "help")
    assert resumed == ["Got it."]
    assert sorted(message.text.splitlines()[0] for message in shown) == [
        *("a fox", "a fox", "a hare", "✏️ a hat", "🔍 Enlarged ×2", "🧩 Merged 2 photos")
    ]


async def test_a_question_answered_while_paused_can_be_answered_again(invited: Invited) -> None:
    guest = invited.guests[3]
    await guest.ask("/retouch")

    async with invited.stage.bot.redis() as redis:
        await redis.set(keys.PAUSED, "1")
        await guest.photos(jpeg("cat"))
        refused = await guest.said()
        await redis.delete(keys.PAUSED)
    await guest.photos(jpeg("cat"))

    assert refused[1:] == [PAUSED]
    assert (await guest.said())[-1].startswith("✨")


async def test_over_the_limit_presses_are_answered_and_the_way_out_is_open(
    invited: Invited,
) -> None:
    guest = invited.guests[5]
    fox = await guest.order("a fox")
    await guest.ask("/create")
    async with invited.stage.bot.redis() as redis:
        await redis.set(f"{keys.RATE_LIMIT}{guest.id}", 5, ex=600)

    labels = ("Again", "Edit", "×2", "As a file", "Sticker")
    toasts = await guest.toasts(fox, *[fox.button(label)["callback_data"] for label in labels])
    for command in ("/cancel", "/limits", "/queue", "/start"):
        await guest.say(command)

    assert all(re.match(r"⏳ Too many requests\. Wait \d{2,3} seconds", text) for text in toasts)
    assert [text[:16] for text in (await guest.said())[2:]] == [
        "OK, cancelled. W",
        "Requests left: 0",
        "You have no pict",
        "Hi! I draw what ",
    ]
