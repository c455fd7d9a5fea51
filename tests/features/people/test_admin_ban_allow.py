"""/ban, /unban and /allow at the front door: who may come in, at once and over a restart."""

import time
from pathlib import Path

import pytest

from imgbot.domain.texts import t
from imgbot.storage import keys
from tests.fixtures.bot import Bot, with_simulated_provider
from tests.fixtures.sandbox import Message, open_sandbox, picture
from tests.fixtures.waiting import eventually
from tests.integration.conftest import AdminStage
from tests.integration.stage import GUEST_ID, SECOND_ID

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

BANNED = t("en", "banned")


async def test_a_banned_user_is_told_once_and_served_after_the_unban(admins: AdminStage) -> None:
    control, owner = admins.stage.control, admins.owner
    anna = await admins.stage.user("Anna")
    async with admins.stage.bot.redis() as redis:
        await redis.sadd(keys.ALLOWED, str(anna.id))
    fox = await anna.order("a fox")

    done = await owner.ask(f"/ban {anna.id} paints nothing but foxes")
    for number in range(10):
        await anna.say(f"a cat {number}")
    await anna.photos(picture(), picture(), caption="collage")
    refused = await anna.said()
    toast = await anna.toast(fox, "Again")
    offers = await control.ask_inline(anna.person, "")
    await admins.stage.bot.kill()
    await admins.stage.bot.start()
    listed = await owner.ask("/ban")
    answer = await owner.toast(listed, str(anna.id))
    empty = await control.message(owner.id, listed.id)
    await anna.order("a hare")

    assert done.text == f"🚫 {anna.label} is blocked. To unblock: /unban {anna.id}"
    assert refused == ["a fox", BANNED]
    assert toast == BANNED
    assert offers.results == []
    day = time.strftime("%Y-")
    assert listed.text.startswith("Blocked: 1. Press an ID to unblock")
    assert f"\n{anna.label} · {day}" in listed.text
    assert listed.text.endswith(" · paints nothing but foxes")
    assert answer == "Done."
    assert empty.text.startswith("Nobody is blocked.")
    assert await anna.said() == ["a fox", BANNED, "a hare"]


async def test_a_ban_calls_off_what_waits_and_unban_takes_it_back(admins: AdminStage) -> None:
    control, owner = admins.stage.control, admins.owner
    anna = await admins.stage.user("Anna")
    async with admins.stage.bot.redis() as redis:
        await redis.sadd(keys.ALLOWED, str(anna.id))
    for name in ("a fox", "an owl", "a hare", "a crab"):
        # Three at once; the fourth waits.
        await anna.say(f"{name} [[sim:slow=10]]")

    async def in_line() -> list[Message]:
        told = [message for message in await control.messages(anna.id) if message.is_outgoing]
        # Whoever was told a place a moment ago may be taken up already.
        return [m for m in told if "place in line" in m.text] if len(told) == 4 else []

    [waiting] = await eventually(in_line, lambda found: len(found) == 1)

    await owner.ask(f"/ban {anna.id}")
    await anna.wait(lambda m: m.id == waiting.id and m.text == "Cancelled.")
    undone = await owner.ask(f"/unban {anna.id}")
    again = await owner.ask(f"/unban {anna.id}")

    assert sum("[[sim:slow" in text for text in await anna.said()) == 3
    assert undone.text == f"{anna.label} is unblocked."
    assert again.text == f"{anna.label} wasn't blocked."


async def test_a_ban_calls_off_more_than_a_person_is_shown(state_dir: Path) -> None:
    async with open_sandbox() as (sandbox, control):
        owner, anna = await control.make_user("Owner"), await control.make_user("Anna")
        settings = {"IMGBOT_ADMINS": str(owner.id), "IMGBOT_PER_USER": "waiting=100"}
        settings |= with_simulated_provider(sandbox)
        async with Bot(sandbox, state_dir, **settings) as bot, bot.redis() as redis:
            for number in range(10):
                await control.say(anna, f"fox {number}, 4 variants [[sim:slow=3600]]")
            # Three at once; the others wait.
            await eventually(lambda: redis.llen(keys.QUEUE), lambda n: n == 37)

            await control.say(owner, f"/ban {anna.id}")
            await control.wait_message(owner.id)
            left = await redis.llen(keys.QUEUE)
            running = await redis.hgetall(keys.ACTIVE)
            # Telegram takes a message a second: it would be a minute until all are told.
            await bot.kill()

    assert left == 0
    assert int(running[str(anna.id)]) >= 3


async def test_a_ban_by_a_reply_in_a_group_and_by_a_forwarded_message(admins: AdminStage) -> None:
    control, owner = admins.stage.control, admins.owner
    anna, boris = await admins.stage.user("Anna"), await admins.stage.user("Boris")
    group = await control.make_group("Invited", [owner.person, anna.person, boris.person])
    rude = await anna.within(group).say("something rude")
    private = await boris.within(group).say("rude, too")

    await boris.within(group).say("/ban", reply_to=rude.id)
    await owner.within(group).say("/ban", reply_to=rude.id)
    told = await control.wait_message(group)
    [forwarded] = await control.forward(owner.person, [private], chat_id=owner.id)
    # To the bot, forwarded words are words; whose they were is for the reply to them.
    await owner.said()
    second = await owner.ask("/ban", reply_to=forwarded.id)
    async with admins.stage.bot.redis() as redis:
        banned = await redis.smembers(keys.BANNED)

    assert told.text.startswith(f"🚫 {anna.id} is blocked.")
    assert second.text.startswith(f"🚫 {boris.id} is blocked.")
    assert banned == {str(anna.id), str(boris.id)}


async def test_a_name_stands_for_who_had_it_last(admins: AdminStage) -> None:
    """A number is not known to the admin, nor is it said by Telegram; the bot has seen it."""
    control, owner = admins.stage.control, admins.owner
    before = await control.make_user("Anna", username="Anna_F")
    await control.say(before, "/start")
    await control.wait_message(before.id)
    # Nobody else can have had the name meanwhile: who had it before gave it up.
    anna = await control.make_user("Anna", username="anna_f")
    start = await control.say(anna, "/start")
    await control.wait_message(anna.id)

    allowed = await owner.ask("/allow @ANNA_F")
    done = await owner.ask("/ban @anna_f paints nothing but foxes")
    listed = await owner.ask("/ban")
    undone = await owner.ask("/unban @Anna_F")
    forgotten = await owner.ask("/forget @anna_f")
    unknown = await owner.ask("/ban @nobody_here")
    renamed = start.raw["from"] | {"username": "anna_g"}
    await control.push_update({"message": start.raw | {"from": renamed}})
    async with admins.stage.bot.redis() as redis:
        await eventually(lambda: redis.hget(keys.USERNAMES, "anna_g"))
        await redis.srem(keys.ALLOWED, str(anna.id))
    given_up = await owner.ask("/ban @anna_f")

    label = f"Anna @anna_f ({anna.id})"
    assert allowed.text == t("en", "allow_done", user=label)
    assert done.text == t("en", "ban_done", user=label, id=anna.id)
    assert listed.text.endswith(" · paints nothing but foxes")
    assert undone.text == t("en", "ban_undone", user=label)
    assert forgotten.text == t("en", "forget_ask_other", user=label)
    assert unknown.text == t("en", "name_unknown", name="nobody_here")
    assert given_up.text == t("en", "name_unknown", name="anna_f")


async def test_a_forwarded_message_without_an_account_names_nobody(admins: AdminStage) -> None:
    control, owner = admins.stage.control, admins.owner
    anna = await admins.stage.user("Anna")
    group = await control.make_group("Quiet", [owner.person, anna.person])
    rude = await anna.within(group).say("rude")
    [forwarded] = await control.forward(owner.person, [rude], chat_id=owner.id, hidden=True)
    await owner.said()

    answer = await owner.ask("/ban", reply_to=forwarded.id)

    assert answer.text == t("en", "author_hidden")


async def test_a_message_of_the_bot_stands_for_the_user_it_is_about(admins: AdminStage) -> None:
    control, owner, guest = admins.stage.control, admins.owner, admins.guest
    anna = await admins.stage.user("Anna")
    group = await control.make_group("Painters", [owner.person, guest.person])
    async with admins.stage.bot.redis() as redis:
        await redis.sadd(keys.ALLOWED, str(group))
    picture = await guest.within(group).order("/create a fox")
    there = owner.within(group)

    by_picture = await there.ask("/ban", reply_to=picture.id)
    undone = await there.ask("/unban", reply_to=by_picture.id)
    both = await owner.ask(f"/ban {anna.id}")
    await owner.ask(f"/ban {guest.id}")
    listed = await owner.ask("/ban")
    unclear = await owner.ask("/unban", reply_to=listed.id)
    by_answer = await owner.ask("/unban", reply_to=both.id)
    async with admins.stage.bot.redis() as redis:
        banned = await redis.smembers(keys.BANNED)

    assert by_picture.text == t("en", "ban_done", user=guest.label, id=guest.id)
    assert undone.text == t("en", "ban_undone", user=guest.label)
    assert unclear.text == t("en", "several_named")
    assert by_answer.text == t("en", "ban_undone", user=anna.id)
    assert banned == {str(guest.id)}


UNREADABLE = {
    "everybody": "everybody",
    "12,13": "12,13",
    "5; DROP": "5;",
    "5" + "x" * 60: "5" + "x" * 39,
}
NOBODYS = ("0", "-0", "000", str(2**52), str(-(2**52)), "9" * 60)


async def test_an_id_that_is_no_number_or_nobodys_is_refused(admins: AdminStage) -> None:
    for words, named in UNREADABLE.items():
        answer = await admins.owner.ask(f"/ban {words}")
        assert answer.text == t("en", "id_unreadable", words=named)
    for command, number in zip(("ban", "unban", "allow") * 2, NOBODYS, strict=True):
        answer = await admins.owner.ask(f"/{command} {number}")
        assert answer.text == t("en", "id_nobodys", number=number[:40])
    async with admins.stage.bot.redis() as redis:
        assert not {*NOBODYS} & await redis.sunion([keys.BANNED, keys.ALLOWED])


async def test_an_administrator_who_was_banned_before_is_served(admins: AdminStage) -> None:
    async with admins.stage.bot.redis() as redis:
        await redis.sadd(keys.BANNED, str(SECOND_ID))
        answer = await admins.second.ask("/start")
        await redis.srem(keys.BANNED, str(SECOND_ID))

    assert answer.text == t("ru", "start")


async def test_allow_lets_in_a_person_or_a_group_at_once(admins: AdminStage) -> None:
    control, owner = admins.stage.control, admins.owner
    anna, boris = await admins.stage.user("Anna"), await admins.stage.user("Boris")
    group = await control.make_group("Guests", [owner.person, boris.person])
    refused = await anna.ask("a fox")

    done = await owner.ask(f"/allow {anna.id}")
    again = await owner.ask(f"/allow {anna.id}")
    known = await owner.ask(f"/allow {GUEST_ID}")
    after = await control.last_seq()
    await owner.within(group).say("/allow")
    in_group = await control.wait_message(group, after=after)
    await anna.say("a fox")
    await boris.within(group).say("/create a hare")
    shown = [await anna.said(), await boris.within(group).said()]
    elsewhere = await boris.ask("a fox")
    listed = await owner.ask("/allow")
    answer = await owner.toast(listed, str(anna.id))
    async with admins.stage.bot.redis() as redis:
        left = await redis.smembers(keys.ALLOWED)
        # What is refused is said once an hour.
        for key in await redis.keys(f"{keys.ONCE}said.*"):
            await redis.delete(key)
    outside = await anna.ask("a wolf")

    assert refused.text == outside.text == t("en", "not_allowed", user_id=anna.id)
    assert done.text == f"✅ {anna.label} can now use the bot."
    assert again.text == f"{anna.label} is already invited."
    # Their name is known if they have written in another test.
    assert known.text in {f"{who} is already invited." for who in (GUEST_ID, f"Guest ({GUEST_ID})")}
    assert in_group.text == f"✅ Everyone in the group {group} can now use the bot there."
    assert [texts[-1] for texts in shown] == ["a fox", "a hare"]
    assert elsewhere.text == t("en", "not_allowed", user_id=boris.id)
    assert answer == "Done."
    assert str(group) in left
    assert str(anna.id) not in left


async def test_a_ban_in_a_topic_names_nobody_by_itself(admins: AdminStage) -> None:
    """Its first message is as if answered by all that follow: its author said nothing."""
    anna = await admins.stage.user("Anna")
    group = await anna.control.make_group(
        "Foxes", [anna.person, admins.owner.person], is_forum=True
    )
    owner = admins.owner.within(group)

    await owner.say("/ban", thread_id=7)
    await owner.say("/allow", thread_id=7)
    answers = await owner.said()
    async with admins.stage.bot.redis() as redis:
        allowed = await redis.smembers(keys.ALLOWED)

    assert answers == [t("en", "ban_usage"), t("en", "allow_group_done", user=group)]
    assert str(anna.id) not in allowed


async def test_an_anonymous_administrator_is_told_that_and_no_number(admins: AdminStage) -> None:
    guest = admins.guest
    there = guest.within(await guest.control.make_group("Uninvited", [guest.person]))

    await there.say("/create a fox", anonymous=True)

    assert await there.said() == [t("en", "anonymous")]
