"""Users and their jobs as administrators see them, and invitations: /user, /jobs, /invite."""

import re

import pytest

from imgbot.domain.texts import t
from imgbot.features.people.invitations import INVITED
from tests.fixtures.commands import run
from tests.fixtures.waiting import eventually
from tests.integration.conftest import AdminStage

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


async def test_an_invitation_lets_in_as_many_users_as_it_is_for(admins: AdminStage) -> None:
    anna, boris = await admins.stage.user("Anna"), await admins.stage.user("Boris")
    refused = await anna.ask("a fox")
    useless = [(await admins.owner.ask(f"/invite {count}")).text for count in ("0", "101", "many")]

    words = await invited(admins, 1)
    let_in = [await anna.ask(words), await anna.ask(words)]
    late = await boris.ask(words)
    forged = await boris.ask("/start i-../../etc/pw")

    assert refused.text == t("en", "not_allowed", user_id=anna.id)
    assert set(useless) == {t("en", "invite_usage", limit=100)}
    assert [answer.text for answer in let_in] == [t("en", "start")] * 2
    assert late.text == forged.text == t("en", "invitation_gone")
    await anna.order("a fox")
    stats = await admins.owner.ask("/stats")
    assert "new: " in stats.text
    assert "refused messages: 0" not in stats.text.partition("Users by week")[2].split("\n")[1]


async def test_no_invitation_lets_in_whose_own_was_withdrawn(admins: AdminStage) -> None:
    owner, anna = admins.owner, await admins.stage.user("Anna")
    words = await invited(admins, 3)
    welcome = await anna.ask(words)
    await owner.toast(await owner.ask(f"/user {anna.id}"), t("en", "button_user_disallow"))
    back = [await anna.ask(each) for each in (words, await invited(admins, 1))]
    await anna.toast(await anna.ask("/forget_me"), t("en", "button_forget"))
    back.append(await anna.ask(words))
    await owner.ask(f"/allow {anna.id}")
    allowed = await anna.ask(words)

    assert [each.text for each in back] == [t("en", "invitation_gone")] * 3
    assert welcome.text == allowed.text == t("en", "start")


async def test_no_name_of_a_key_tells_the_code_of_an_invitation(admins: AdminStage) -> None:
    words = await invited(admins, 1)

    async with admins.stage.bot.redis() as redis:
        assert not await redis.keys(f"*{words.removeprefix(f'/start {INVITED}')}*")


async def invited(admins: AdminStage, count: int) -> str:
    """What those say who press the link of a new invitation."""
    invitation = await admins.owner.ask(f"/invite {count}")
    return f"/start {invitation.text.partition('?start=')[2]}"


async def test_a_user_is_shown_with_their_jobs_and_banned_by_a_button(admins: AdminStage) -> None:
    control, owner, guest = admins.stage.control, admins.owner, admins.guest
    await guest.order("a lighthouse at dusk")
    await guest.say("a wolf [[sim:moderated]]")

    def has_both(text: str) -> bool:
        return "a lighthouse at dusk" in text and "a wolf" in text

    async def card() -> str:
        return (await owner.ask(f"/user {guest.id}")).text

    shown = await eventually(card, has_both)
    jobs = await owner.ask("/jobs")
    printed = await run(admins.stage.bot, "jobs")
    panel = await owner.ask(f"/user {guest.id}")
    await owner.toast(panel, "🚫 Block")
    banned = await control.message(owner.id, panel.id)
    await owner.toast(banned, "Unblock")
    question = await owner.ask(f"/user {guest.id}")
    await owner.toast(question, "🗑 Delete data")
    asked = await control.message(owner.id, question.id)
    await owner.toast(asked, "Back")
    back = await control.message(owner.id, question.id)
    stranger = await owner.ask("/user 123456789012")

    assert "Spent today: $0." in shown
    # Side by side, phones would cut them off.
    assert {len(row) for row in panel.raw["reply_markup"]["inline_keyboard"]} == {1}
    assert "rejected: " in shown
    assert f"🚫 create · {guest.label} · a wolf" in jobs.text
    assert re.search(r" · a wolf.* · The image service refused · \d+ s", jobs.text)
    assert printed.status == 0
    assert f"{guest.label} · a lighthouse at dusk" in printed.said
    assert " · blocked" in banned.text
    assert asked.text == t("en", "forget_ask_other", user=guest.label)
    assert "a lighthouse at dusk" in back.text
    assert stranger.text == t("en", "user_unknown", user=123456789012)


async def test_a_user_is_found_by_a_part_of_their_name(admins: AdminStage) -> None:
    stage, owner = admins.stage, admins.owner
    olga, olya = await stage.user("Ольга Алёхина"), await stage.user("Оля", username="Olya_Paints")
    crowd = [await stage.user(f"Zed {number}") for number in range(11)]
    for each in (olga, olya, *crowd):
        await each.ask("/start")

    by_part, by_two = await owner.ask("/user алех"), await owner.ask("/user алёхина ОЛЬГА")
    by_username = [await owner.ask(f"/user {name}") for name in ("@olya_paints", "@olya", "paints")]
    both, many = await owner.ask("/user ол"), await owner.ask("/user zed")
    chosen = await owner.press(both, "👤 1")
    nobody = [await owner.ask(f"/user {name}") for name in ("Оля Алёхина", "@", "%")]
    await olya.toast(await olya.ask("/forget_me"), t("en", "button_forget"))
    forgotten = await owner.ask("/user paints")

    assert {each.text.splitlines()[0] for each in (by_part, by_two)} == {f"👤 {olga.label}"}
    label = f"Оля @olya_paints ({olya.id})"
    assert {each.text.splitlines()[0] for each in by_username} == {f"👤 {label}"}
    assert both.text.splitlines() == [
        t("en", "user_several", count=2),
        f"1. {label}",
        f"2. {olga.label}",
    ]
    assert chosen.text.startswith(f"👤 {label}\n")
    assert many.text.endswith(t("en", "queue_more", count=1))
    assert len(many.buttons) == 10
    names = ["Оля Алёхина", "@", "%"]
    assert [each.text for each in nobody] == [t("en", "user_not_found", name=n) for n in names]
    assert forgotten.text == t("en", "user_not_found", name="paints")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("\u202egnihtoN\u202c\x07 <b>Bob</b>", "gnihtoN <b>Bob<…b>"),
        ("دانا", "\u200e\u2068دانا\u2069"),
        ("/ban 5000000001 @Owner", "…ban … …Owner"),
        ("Z" * 200, "Z" * 40),
        ("👩\u200d🎨 Lo", "👩\u200d🎨 Lo"),
    ],
)
async def test_a_name_passes_for_nothing_else(admins: AdminStage, name: str, shown: str) -> None:
    mallory = await admins.stage.user(name)
    await mallory.ask("/start")

    card = await admins.owner.ask(f"/user {mallory.id}")

    assert card.text.splitlines()[0] == f"👤 {shown} ({mallory.id})"


async def test_words_from_right_to_left_leave_their_line_in_order(admins: AdminStage) -> None:
    await admins.guest.order("/create ثعلب")

    async def card() -> str:
        return (await admins.owner.ask(f"/user {admins.guest.id}")).text

    assert " · \u200e\u2068ثعلب\u2069 · " in await eventually(card, lambda text: "ثعلب" in text)


async def test_what_a_forgotten_user_asked_for_is_gone_from_the_reports(admins: AdminStage) -> None:
    guest = admins.guest
    await guest.order("a violet submarine")
    asked = await guest.ask("On  the beach")
    await guest.ask("/Violet of mine")
    await admins.owner.ask("/unheard of")
    before = (await admins.owner.ask("/stats")).text

    panel = await guest.ask("/forget_me")
    await guest.toast(panel, t("en", "button_forget"))

    async def told() -> str:
        return "".join([(await admins.owner.ask(report)).text for report in ("/jobs", "/stats")])

    after = await eventually(told, lambda text: "violet" not in text)
    assert asked.text == t("en", "ask_meaning")
    assert {"on the beach (1)", "/violet (1)", "/unheard (1)"} <= _not_understood(before)
    assert _not_understood(after) == {"/unheard (1)"}


def _not_understood(stats: str) -> set[str]:
    return set(stats.partition(f"{t('en', 'stats_not_understood', words='')}")[2].split(", "))
