"""Stars in the chat: bought, paid for pictures, given back, refunded; and nothing is paid twice."""

from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest
import pytest_asyncio

from imgbot.domain.texts import t
from imgbot.features.stars.ledger import REFUNDS, STARS, StarAccount, StarLedger
from imgbot.sandbox.star_bank import StarInvoice
from imgbot.sandbox.users import SandboxUsers
from imgbot.storage import keys
from tests.fixtures.bot import SOON, Constants, with_terms
from tests.fixtures.hostile import assert_undisturbed
from tests.fixtures.waiting import PATIENCE_S, eventually
from tests.integration.stage import (
    BOT_NAME,
    OWNER_ID,
    Stage,
    User,
    has_buttons,
    is_picture,
    jpeg,
    open_group,
    open_stage,
)

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

CONSTANTS: Constants = {
    **SOON,
    "imgbot.features.stars.reconciler._LOOK_EVERY_S": 0.2,
    # A busy bot gathers updates for up to a second.
    "imgbot.telegram.update_poller._BUSY_PER_S": 1000.0,
    "imgbot.features.stars.handlers._CHECK_S": PATIENCE_S,
}
SETTINGS = {
    "IMGBOT_STARS": "picture=5, usd=100, free=1, pack=50, pack=20:25, month=300:400",
    "IMGBOT_ADMINS": str(OWNER_ID),
}


PRICE = "A picture costs 5 🪙 or more, depending on what it takes to make it."


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    folder = tmp_path_factory.mktemp("shop")
    own = with_terms(folder, 'offered = ["simulated/best"]')
    async for stage in open_stage(folder, CONSTANTS, IMGBOT_PROVIDER=own, **SETTINGS):
        stage.sandbox.state.stars.checkout_s = PATIENCE_S
        await stage.control.set_provider(duration_s=[0, 0])
        await stage.user("Owner")
        await stage.owner.ask("/start")
        yield stage
        await assert_undisturbed(stage.bot, stage.control)


async def account(user: User) -> StarAccount:
    async with user.stage.bot.redis() as redis:
        found = await StarLedger(redis).account(user.id)
    assert found.difference == 0
    return found


async def balance(user: User) -> int:
    return (await account(user)).balance


async def bought(user: User, label: str) -> str:
    """Buy a pack, by its button; return the id of the charge."""
    offer = await user.ask("/buy")
    invoice = await user.click(offer, label)
    after = await user.control.last_seq()
    charge = await user.control.pay(user.person, invoice)
    await user.wait(lambda message: message.text.startswith("✅"), after=after)
    return charge


def charged(user: User, payload: str, amount: int) -> dict[str, Any]:
    """Have Telegram take a payment without the bot's consent; return it as a message's part."""
    state = user.stage.sandbox.state
    invoice = StarInvoice("Stars", "Stars", payload, amount)
    return state.stars.charge(state.users[user.id], invoice, int(state.now()))


def told(user: User, part: dict[str, Any], kind: str = "successful_payment") -> None:
    state = user.stage.sandbox.state
    SandboxUsers(state)._post(state.chat(user.id), state.users[user.id], {kind: part})


async def refunds(user: User) -> list[str]:
    """Charges of the user that were refunded."""
    transactions = user.stage.sandbox.state.stars.transactions
    return [
        each["id"]
        for each in transactions
        if (each.get("receiver") or {}).get("user", {}).get("id") == user.id
    ]


async def test_a_user_buys_pays_for_pictures_and_gets_back_what_brought_none(shop: Stage) -> None:
    anna = await shop.user("Anna")
    await anna.order("a fox")
    short = await anna.ask("a hare")
    offer = await anna.click(short, "Buy")
    invoice = await anna.click(offer, "up to 5 pictures for 20 ⭐")
    for method in ("answerPreCheckoutQuery", "sendMessage"):
        await shop.control.fault(method, "error")
    await shop.control.pay(anna.person, invoice)
    paid = await anna.wait(lambda message: message.text.startswith("✅"))
    hare = await anna.click(short, "Try again", is_picture)
    receipt = await anna.click(await anna.unfold(hare), "ℹ️")

    assert short.text.startswith("This costs 5 🪙, and your balance is 0 🪙.")
    assert offer.text.endswith(PRICE)
    assert invoice.raw["invoice"]["title"] == "up to 5 pictures"
    assert paid.text == "✅ 25 🪙 added. Your balance: 25 🪙"
    assert {"Model: Sketch", "Price: 5 🪙"} <= set(receipt.text.splitlines())
    assert await balance(anna) == 20

    for mark in ("fail", "moderated"):
        await anna.say(f"a fox [[sim:{mark}]]")
        assert (await anna.said())[-1].endswith("Your 5 🪙 are back on your balance.")
    status = await anna.ask("a wolf [[sim:slow=60]]", fits=has_buttons)
    held = await anna.ask("/balance", fits=lambda message: message.text.startswith("Your balance"))
    cancelled = await anna.click(status, "Cancel")
    await anna.say("3 variants of an owl")
    await anna.heard()
    after = await anna.ask("/balance")
    price = await anna.ask("how much is it?")

    lines = [PRICE, "Free pictures left today: 0 of 1"]
    assert held.text.splitlines() == [
        *("Your balance: 15 🪙", "Held for pictures in progress: 5 🪙", *lines),
    ]
    assert after.text.splitlines() == price.text.splitlines() == ["Your balance: 0 🪙", *lines]
    # The provider had it under way.
    assert ((await account(anna)).spent, cancelled.text[-16:]) == (25, "It cost you 5 🪙.")
    # Some are spent.
    assert [button["text"] for button in after.buttons] == ["⭐ Buy pictures"]


async def test_words_lead_to_the_shop_and_to_money_back(shop: Stage) -> None:
    anna, owner = await shop.user("Anna"), shop.owner
    terms = "Free: 1 picture a day. Then up to 5 pictures for 20 ⭐, /buy"
    told = [(await anna.ask(command)).text for command in ("/start", "/help")]
    offer = await anna.ask("I want to buy pictures")
    nothing = await anna.ask("give me my money back")
    assert all(text.endswith(terms) for text in told)
    assert terms not in (await owner.ask("/start")).text
    assert offer.buttons[0]["text"] == "up to 10 pictures for 50 ⭐"
    assert nothing.text.startswith("You haven't paid for anything here.")

    await bought(anna, "20 ⭐")
    await anna.order("a fox")
    after = await owner.control.last_seq()
    asked = await anna.ask("I want a refund", fits=lambda each: "owner" in each.text)
    wanted = await owner.wait(lambda message: "asks for money back" in message.text, after=after)
    assert asked.button("Return 20 ⭐")
    assert f"/refund {anna.id}" in wanted.text


async def test_the_first_paid_picture_after_the_free_ones_is_announced_once(shop: Stage) -> None:
    anna = await shop.user("Anna")
    await bought(anna, "20 ⭐")
    for words in ("a fox", "a hare", "a wolf"):
        await anna.order(words)

    line = "Your free pictures for today are used up. This one costs 5 🪙, which leaves 20 🪙."
    assert [text for text in await anna.said() if text.startswith("Your free")] == [line]


async def test_variants_that_the_balance_does_not_cover_are_told_apart(shop: Stage) -> None:
    anna = await shop.user("Anna")

    told = await anna.ask("a wolf --n 4", fits=lambda m: "/buy" in m.text)

    assert told.text == t("en", "stars_fewer", taken=1, count=4)


async def test_a_balance_is_told_to_nobody_else(shop: Stage) -> None:
    ann, _ = await open_group(shop)
    await ann.within(ann.id).order("a fox")
    elsewhere = await shop.control.make_group("Elsewhere", [ann.person], is_foreign=True)

    told = [await ann.ask("/create a hare")]
    mention = ann.within(elsewhere).say(f"{BOT_NAME} a hare")
    told.append(
        await ann.within(elsewhere).after(mention, lambda m: m.is_outgoing and "🪙" in m.text)
    )

    assert {each.text for each in told} == {t("en", "stars_used_up_openly", amount=5)}


async def test_a_model_is_offered_at_its_price_in_stars_and_holds_that(shop: Stage) -> None:
    anna = await shop.user("Anna")
    await anna.order("a fox")
    await bought(anna, "20 ⭐")
    panel = await anna.press(await anna.ask("/settings"), "Models")
    offered = await anna.press(panel, "Create a picture")
    await anna.press(offered, "Fine Brush")
    await anna.order("a hare")
    await anna.heard()

    question = await anna.ask("/forget_me")
    await anna.toasts(question, f"forget:{anna.id}")
    told = await anna.wait(lambda message: message.text.startswith("✅ Deleted."))

    # The payments are the operator's accounts, and the balance is the user's money.
    assert "the payments and your balance are kept" in told.text
    assert "• Sketch · 5 🪙 — quick drafts\n• Fine Brush · 7 🪙 — the best" in offered.text
    assert await balance(anna) == 18


async def test_words_alone_on_a_photo_cost_nothing(shop: Stage) -> None:
    ann = await shop.user("Ann")
    made = await shop.charges()
    fox = await ann.order("a fox")
    await ann.order("caption the photo: “Summer 2024”", jpeg("cat"))
    short = await ann.ask("an owl")

    assert short.text.startswith("This costs 5 🪙")
    await bought(ann, "50 ⭐")
    await ann.order("add the text “Hello”", reply_to=fox.id)

    await eventually(lambda: balance(ann), (50).__eq__)
    assert await shop.charges() == made + 1


async def test_a_subscription_is_credited_for_each_month_once(shop: Stage) -> None:
    anna = await shop.user("Анна", language="ru")
    charge = await bought(anna, "300 ⭐ в месяц")
    part = charged(anna, "month.300.400", 300) | {"is_recurring": True}
    for _ in range(2):
        told(anna, part)
    said = await anna.said()

    found = await account(anna)
    assert found.balance == 800
    assert said[-1] == "✅ Зачислено 400 🪙. Ваш баланс: 800 🪙"
    assert [text[0] for text in said].count("✅") == 2
    assert {each.charge_id for each in found.payments} == {
        *(charge, part["telegram_payment_charge_id"]),
    }
    asked = await anna.press(await anna.ask("/balance"), "Вернуть 300 ⭐")
    returned = await anna.press(asked, "Да")
    assert "Подписку я тоже отменяю" in returned.text

    async def listed() -> str:
        return (await shop.owner.ask(f"/refund {anna.id}")).text

    rest = await shop.owner.ask(f"/refund {anna.id}")
    asked = await shop.owner.press(rest, rest.buttons[0]["text"])
    toast = await shop.owner.toast(asked, "Yes")
    # What Telegram does not know as a subscription, it does not cancel.
    ends = (
        "returned; the subscription is cancelled",
        "Telegram refused to cancel the subscription",
    )
    await eventually(listed, lambda text: all(end in text for end in ends))
    assert toast.endswith("The subscription is being cancelled, too.")
    assert shop.sandbox.state.stars.cancelled == {charge}


async def test_before_a_payment_what_is_not_on_offer_is_refused(shop: Stage) -> None:
    anna, state = await shop.user("Anna"), shop.sandbox.state
    invoice = await anna.click(await anna.ask("/buy"), "50 ⭐")

    async def refused(payload: str, amount: int) -> str:
        link = state.stars.link(StarInvoice("Stars", "Stars", payload, amount))
        with pytest.raises(AssertionError) as refusal:
            await anna.control.post(f"chats/{anna.id}/pay", {"user_id": anna.id, "link": link})
        return str(refusal.value)

    for payload, amount in (("pack.40.40", 40), ("pack.50.50", 1), ("nonsense", 50)):
        assert "no longer on offer" in await refused(payload, amount)
    async with shop.bot.redis() as redis:
        await redis.sadd(keys.BANNED, str(anna.id))
        with pytest.raises(AssertionError, match="blocked"):
            await anna.control.pay(anna.person, invoice)
        await redis.srem(keys.BANNED, str(anna.id))
    assert (await account(anna)).payments == ()
    await anna.control.pay(anna.person, invoice)
    await eventually(partial(balance, anna), lambda found: found == 50)


async def test_payments_that_buy_nothing_are_refunded_and_forged_ones_are_none(
    shop: Stage,
) -> None:
    anna = await shop.user("Anna")
    await anna.ask("/start")
    parts = [charged(anna, payload, 20) for payload in ("pack.50.50", "nonsense", "pack.20.99")]
    for part in parts[:2]:
        told(anna, part)
    async with shop.bot.redis() as redis:
        await redis.sadd(keys.BANNED, str(anna.id))
        told(anna, parts[2])
        wanted = [part["telegram_payment_charge_id"] for part in parts]
        await eventually(partial(refunds, anna), lambda found: sorted(found) == sorted(wanted))
        await redis.srem(keys.BANNED, str(anna.id))
    forged = {"telegram_payment_charge_id": "forged", "invoice_payload": "pack.50.50"}
    forged |= {"currency": "XTR", "total_amount": 50, "provider_payment_charge_id": ""}
    said = (await anna.say("hello")).raw
    fields = {name: said[name] for name in ("message_id", "from", "chat", "date", "text")}
    await shop.control.push_update({"edited_message": fields | {"successful_payment": forged}})
    quoted = {**fields, "successful_payment": forged}
    await shop.control.push_update({"message": fields | {"reply_to_message": quoted}})

    texts = await anna.said()
    assert sum("your 20 ⭐ are on their way back to you" in text for text in texts) == 3
    found = await account(anna)
    assert (found.balance, len(found.payments)) == (0, 3)


async def test_an_unused_pack_is_returned_once_though_answers_are_lost(shop: Stage) -> None:
    anna = await shop.user("Anna")
    charge = await bought(anna, "50 ⭐")
    async with shop.bot.redis() as redis:
        await redis.sadd(keys.BANNED, str(anna.id))
    shown = await anna.ask("/paysupport")
    asked = await anna.press(shown, "Return 50 ⭐")
    await shop.control.fault("refundStarPayment", "drop_after")
    done = await anna.press(asked, "Yes")
    await eventually(partial(refunds, anna), lambda found: found == [charge])
    async with shop.bot.redis() as redis:
        # For three seconds it would count as the same tap.
        await redis.delete("", *await redis.keys(f"{keys.ONCE}tap.*"))
    again = await anna.press_again(done, asked.buttons[0]["callback_data"])

    assert asked.text.startswith("Return 50 ⭐ to your Telegram account? 50 🪙 will be taken")
    assert again == ["They have been returned already."]
    assert await balance(anna) == 0


async def test_an_administrator_refunds_and_a_spent_pack_is_a_debt(shop: Stage) -> None:
    anna, owner = await shop.user("Anna", username="anna_k"), shop.owner
    await anna.order("a fox")
    charge = await bought(anna, "20 ⭐")
    second = await bought(anna, "50 ⭐")
    await anna.order("a hare")
    listed = await owner.ask(f"/refund {anna.id}")
    number = next(line[0] for line in listed.text.splitlines() if "20 ⭐" in line)
    asked = await owner.press(listed, f"↩️ {number}")
    after = await owner.press(asked, "Yes")
    # Telegram's message about it is not to be taken for an answer.
    await eventually(partial(refunds, anna), lambda found: found == [charge])
    # And one that the operator makes elsewhere.
    state = shop.sandbox.state
    part = state.stars.refund(anna.id, second, int(state.now()))
    for _ in range(2):
        told(anna, part, "refunded_payment")

    await eventually(partial(balance, anna), lambda found: found == -5)
    refusal = await anna.ask("a wolf")
    async with shop.bot.redis() as redis:
        await redis.zadd(REFUNDS, {f"{anna.id} {second}": 2**52})
        refused = await owner.ask(f"/refund {anna.id}")
        await redis.delete(REFUNDS)
    assert ": 50 ⭐, still owed: Telegram refused" in refused.text
    assert listed.text.splitlines()[0] == f"⭐ Anna @anna_k ({anna.id}): balance 70 🪙, spent 5 🪙"
    assert ": 20 ⭐ → 25 🪙" in listed.text
    assert asked.text.startswith(f"Return 20 ⭐ to Anna @anna_k ({anna.id})?")
    assert asked.text.endswith("Their balance will then be 45 🪙.")
    assert ": 20 ⭐, returned" in after.text
    assert len(after.buttons) == 1
    assert "your balance is -5 🪙" in refusal.text
    assert sorted(await refunds(anna)) == sorted([charge, second])
    assert (await anna.ask("/refund")).text.startswith("I don't know this command.")


async def test_a_kill_loses_no_payment_and_credits_none_twice(shop: Stage) -> None:
    anna, bot = await shop.user("Anna"), shop.bot
    invoice = await anna.click(await anna.ask("/buy"), "50 ⭐")
    await shop.control.pay(anna.person, invoice)
    await eventually(partial(balance, anna))
    await bot.kill()
    # Telegram keeps what is paid meanwhile, but for one update, which is lost.
    told(anna, charged(anna, "pack.50.50", 50))
    charged(anna, "pack.50.50", 50)
    await bot.start()
    await eventually(partial(balance, anna), lambda found: found == 150)
    # Also of what the reconciliation was first to enter.
    assert sum(text.startswith("✅") for text in await anna.said()) >= 2


async def test_a_kill_settles_once_and_refunds_once(shop: Stage) -> None:
    anna, bot = await shop.user("Anna"), shop.bot
    await anna.order("a fox")
    charge = await bought(anna, "50 ⭐")
    await bought(anna, "20 ⭐")
    await anna.say("a hare [[sim:slow=1]]")
    async with bot.redis() as redis:
        [key] = await eventually(lambda: redis.keys(f"{keys.JOB}*"))
        await eventually(lambda: redis.hget(key, "ticket"))
        await bot.kill()
    await bot.start()
    await anna.heard()
    found = await account(anna)
    assert (found.balance, found.held, found.spent) == (70, 0, 5)

    await shop.control.fault("refundStarPayment", "drop_before", times=50)
    asked = await anna.press(await anna.ask("/balance"), "Return 50 ⭐")
    after = await shop.control.last_seq()
    await anna.press(asked, "Yes")
    async with bot.redis() as redis:
        assert await redis.zcard(REFUNDS) == 1
    await bot.kill()
    await shop.control.clear_faults()
    await bot.start()
    await shop.control.wait_call("refundStarPayment", after=after)
    assert await refunds(anna) == [charge]
    assert await balance(anna) == 20


async def test_where_nothing_is_sold_no_command_is_shown_and_a_payment_returns(
    anna: User,
) -> None:
    """On a stage with the default settings."""
    stage = anna.stage
    for command in ("/balance", "/buy", "/paysupport"):
        assert (await anna.ask(command)).text.startswith("I don't know this command.")
    listed = {each["command"] for each in (await stage.control.state())["bot"]["commands"][""]}
    stage.sandbox.state.stars.checkout_s = PATIENCE_S
    link = stage.sandbox.state.stars.link(StarInvoice("Stars", "Stars", "pack.50.50", 50))
    with pytest.raises(AssertionError, match="no longer on offer"):
        await anna.control.post(f"chats/{anna.id}/pay", {"user_id": anna.id, "link": link})
    told(anna, charged(anna, "month.300.400", 300))
    await eventually(partial(refunds, anna))

    assert not {"balance", "buy"} & listed
    assert {"limits", "help"} <= listed
    assert await balance(anna) == 0

    # What was paid before it was switched off is the user's.
    kept = charged(anna, "pack.50.50", 50)["telegram_payment_charge_id"]
    async with stage.bot.redis() as redis:
        for name, value in (("balance", "50"), (f"paid:{kept}", "50 50 1800000000000")):
            await redis.hset(f"{STARS}{anna.id}", name, value)
    shown = await anna.ask("/balance")
    asked = await anna.press(shown, "Return 50 ⭐")
    await anna.press(asked, "Yes")
    await eventually(partial(refunds, anna), lambda found: kept in found)
    assert shown.text == "Your balance: 50 🪙"
    assert len(shown.buttons) == 1


async def test_words_to_the_owner_and_back_arrive_once_though_the_bot_is_killed(
    shop: Stage,
) -> None:
    anna, owner, bot = await shop.user("Anna", username="anna_s"), shop.owner, shop.bot

    async def copies(user: User, words: str) -> list[str]:
        return [text for text in await user.said() if words in text]

    words = "I paid, where is my pack? 5000000001"
    # It is killed while the words are with the owner, and the user has not been told so.
    await shop.control.fault("sendMessage", "drop_before", times=50, chat_id=anna.id)
    after = await shop.control.last_seq()
    await anna.say(f"/paysupport {words}")
    copy = await owner.wait(lambda each: words in each.text, after=after)
    await eventually(partial(bot_noted, shop, f"said.{OWNER_ID}.support.*"))
    await bot.kill()
    await shop.control.clear_faults()
    await bot.start()
    await eventually(partial(copies, anna, t("en", "support_passed_on")))
    too_soon = await anna.ask("/paysupport and another thing")
    payments = await owner.click(copy, t("en", "button_support"))

    await shop.control.fault("sendMessage", "drop_before", times=50, chat_id=owner.id)
    await owner.say("It is on its way", reply_to=copy.id)
    await eventually(partial(bot_noted, shop, f"said.{anna.id}.support.*"))
    await bot.kill()
    await shop.control.clear_faults()
    await bot.start()
    await eventually(partial(copies, owner, t("en", "support_answered")))

    assert copy.text.startswith(f"✉️ Anna @anna_s ({anna.id}) wrote to you.")
    assert len(await copies(owner, words)) == 1
    answer = f"{t('en', 'support_answer')}\n\nIt is on its way"
    assert await copies(anna, "on its way") == [answer]
    assert too_soon.text == t("en", "support_too_soon")
    assert payments.text.startswith(f"⭐ Anna @anna_s ({anna.id}): balance 0")
    assert words not in bot.log


async def bot_noted(shop: Stage, pattern: str) -> int:
    async with shop.bot.redis() as redis:
        return len(await redis.keys(f"{keys.ONCE}{pattern}"))


async def test_support_takes_pictures_refuses_banned_users_and_answers_only_by_owners(
    shop: Stage,
) -> None:
    anna, bob, owner = await shop.user("Anna"), await shop.user("Bob"), shop.owner
    after = await shop.control.last_seq()
    await anna.photos(jpeg("cat", (64, 48)), caption="/paysupport this is wrong")
    title = await owner.wait(lambda each: f"{anna.id}" in each.text, after=after)
    copy = await owner.wait(is_picture, after=after)
    # A copy of the bot's button in the chat of a user who is no administrator.
    forged = await bob.ask("/paysupport")
    post = shop.sandbox.state.chats[bob.id].posts[forged.id]
    post.message["reply_markup"] = {"inline_keyboard": [copy.buttons]}
    asked = await bob.ask("a fox", reply_to=forged.id, fits=is_picture)
    async with shop.bot.redis() as redis:
        await redis.sadd(keys.BANNED, str(bob.id))
    refused = await bob.ask("/paysupport let me in")
    alone = await anna.ask("/paysupport")
    await shop.control.block(anna.person)
    unreachable = await owner.ask("sorry", reply_to=copy.id)

    assert copy.text == "/paysupport this is wrong"
    assert title.buttons == copy.buttons
    assert asked
    assert refused.text == t("en", "banned")
    assert t("en", "support_how") in alone.text
    assert unreachable.text == t("en", "support_unreachable")
    assert not [text for text in await owner.said() if "let me in" in text]


async def test_terms_are_shown_before_the_first_purchase_alone(shop: Stage) -> None:
    anna = await shop.user("Anna")
    terms = await anna.ask("/terms")
    first = await anna.ask("/buy")
    await bought(anna, "20 ⭐")
    second = await anna.ask("/buy")

    assert all(part in terms.text for part in (PRICE, "/paysupport", "/balance"))
    assert first.text.startswith(terms.text)
    assert first.text.endswith(second.text)
    assert not second.text.startswith("📄")
