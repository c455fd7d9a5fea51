"""Telegram Stars: the balance, packs and the subscription, payments: /balance, /buy."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress

from aiogram.types import CallbackQuery, Message, PreCheckoutQuery, SuccessfulPayment, Update

from imgbot.bot.app import App
from imgbot.bot.context import RequestContext
from imgbot.bot.dialogue import CallbackHandler, Dialogue, MessageHandler
from imgbot.domain.errors import (
    ChatGoneError,
    StorageFullError,
    StorageUnavailableError,
    TelegramRefusedError,
    UserError,
)
from imgbot.domain.stars import StarPack, StarPrices, credit_for, is_monthly, pack_of
from imgbot.domain.texts import buttons, language_of, t
from imgbot.domain.texts.buttons import Button, Keyboard
from imgbot.storage.stars import StarPayment
from imgbot.telegram.messenger import ChatTarget

_CHECK_S = 5.0
"""Telegram waits ten seconds for the answer before a payment."""

_TOLD_S = 172_800
"""Longer than Telegram repeats an update."""

NAMES = frozenset({"balance", "buy", "paysupport", "refund"})
"""Commands that are listed only where something is sold."""


def _prices(dialogue: Dialogue) -> StarPrices:
    prices = dialogue.app.policy.star_prices
    if prices is None:
        raise UserError("stars_not_sold")
    return prices


def _price_line(dialogue: Dialogue) -> str:
    prices = _prices(dialogue)
    key = "stars_price_from" if prices.per_usd else "stars_price"
    return dialogue.t(key, price=prices.picture)


async def handle_balance(_: Message, dialogue: Dialogue) -> None:
    """/balance: Stars and free pictures left, and a payment that can be returned."""
    text, rows = await _balance(dialogue)
    if dialogue.context.is_private:
        await dialogue.reply_text(text, rows)
    else:
        await dialogue.tell_alone(text)


async def _balance(dialogue: Dialogue) -> tuple[str, Keyboard]:
    """Text and buttons; what is left of the time when something was sold can be returned."""
    app, prices = dialogue.app, dialogue.app.policy.star_prices
    account = await app.star_ledger.account(dialogue.user_id, app.spend.today(app.now_ms()))
    if not (prices or account.balance > 0 or account.held):
        raise UserError("unknown_command")
    lines = [dialogue.t("stars_balance", balance=account.balance)]
    if account.held:
        lines.append(dialogue.t("stars_held", held=account.held))
    if prices:
        lines.append(_price_line(dialogue))
    if prices and prices.free_daily:
        left = max(prices.free_daily - account.free_used, 0)
        lines.append(dialogue.t("stars_free", left=left, limit=prices.free_daily))
    key, price = (account.unused.key, account.unused.price) if account.unused else ("", 0)
    rows = buttons.account(dialogue.language, key, price, is_sold=prices is not None)
    return "\n".join(lines), rows


async def handle_buy(_: Message, dialogue: Dialogue) -> None:
    """/buy: the packs, each as a button that sends its invoice."""
    if not dialogue.context.is_private:
        await dialogue.reply_alone("stars_in_private", name=dialogue.app.identity.name)
        return
    text = f"{dialogue.t('stars_buy')}\n{_price_line(dialogue)}"
    await dialogue.reply_text(text, buttons.buy(dialogue.language, _prices(dialogue).packs))


async def on_buy_callback(callback: CallbackQuery, argument: str, dialogue: Dialogue) -> str:
    if argument == "list":
        if isinstance(callback.message, Message):
            await handle_buy(callback.message, dialogue)
        return ""
    pack, prices = pack_of(argument), _prices(dialogue)
    if pack is None or pack not in prices.packs:
        return "pack_gone"
    kind = "month" if pack.is_monthly else "pack"
    title = dialogue.t(f"invoice_{kind}", credit=pack.credit)
    about = f"{dialogue.t('invoice_about')} {_price_line(dialogue)}"
    try:
        await _offer(pack, title, about, dialogue)
    except ChatGoneError:
        raise UserError("stars_in_private", name=dialogue.app.identity.name) from None
    return ""


async def _offer(pack: StarPack, title: str, about: str, dialogue: Dialogue) -> None:
    """Send the invoice of a pack to the user alone; a subscription has a link."""
    app, user_id = dialogue.app, dialogue.user_id
    if not pack.is_monthly:
        await app.star_payments.send_invoice(user_id, pack, title, about)
        return
    link = await app.star_payments.subscription_link(pack, title, about)
    text = dialogue.t("stars_month", price=pack.price, credit=pack.credit)
    rows = [[Button(dialogue.t("button_subscribe", price=pack.price), "", link)]]
    await app.messenger.send_text(ChatTarget(user_id), text, rows)


async def on_payback_callback(_: CallbackQuery, argument: str, dialogue: Dialogue) -> str:
    """Return an unused payment, after a question."""
    app, (step, _sep, key) = dialogue.app, argument.partition(".")
    if step == "no":
        await dialogue.update_panel(*await _balance(dialogue))
        return ""
    account = await app.star_ledger.account(dialogue.user_id)
    payment = next((each for each in account.payments if each.key == key), None)
    if payment is None or payment.is_back:
        return "payback_done_already"
    facts = {"price": payment.price, "credit": payment.credit}
    if step == "ask":
        rows = buttons.payback(dialogue.language, key)
        await dialogue.update_panel(dialogue.t("payback_ask", **facts), rows)
        return ""
    verdict = await app.star_ledger.take_back(
        dialogue.user_id, payment.charge_id, app.now_ms(), is_unused=True
    )
    if verdict == "used":
        return "payback_used"
    app.refund_due.set()
    text = dialogue.t("payback_done", **facts)
    if payment.is_monthly:
        text += f"\n{dialogue.t('payback_month')}"
    await dialogue.update_panel(text, [])
    return ""


async def handle_update(update: Update, app: App) -> bool:
    """Handle an update about a payment; False for any other.

    Access, limits and what else concerns requests do not concern money that was paid.
    """
    message = update.message
    if update.pre_checkout_query:
        await _check_out(update.pre_checkout_query, update.update_id, app)
    elif message and message.successful_payment:
        await _receive(message.successful_payment, message, update.update_id, app)
    elif message and (refunded := message.refunded_payment):
        user_id, charge_id = _payer(message), refunded.telegram_payment_charge_id
        await app.star_ledger.take_back(user_id, charge_id, app.now_ms(), is_refunded=True)
    else:
        return False
    return True


def _payer(message: Message) -> int:
    # In a private chat, the message about a refund may be the bot's own.
    is_private = message.chat.type == "private"
    return message.from_user.id if message.from_user and not is_private else message.chat.id


async def _check_out(query: PreCheckoutQuery, update_id: int, app: App) -> None:
    """Answer in time, even if Redis does not."""
    user = query.from_user
    context = RequestContext(update_id, user.id, user.id, language_of(user.language_code))
    refusal = UserError("pay_later")
    with suppress(StorageUnavailableError, TimeoutError):
        async with asyncio.timeout(_CHECK_S):
            profile = await app.users.profile(user.id, user.id)
            context = context.with_profile(profile)
            refusal = _refusal(query, context, app)
    text = t(context.language, refusal.reason, **refusal.facts) if refusal else ""
    await app.star_payments.answer_checkout(query.id, text)


def _refusal(query: PreCheckoutQuery, context: RequestContext, app: App) -> UserError | None:
    prices, pack = app.policy.star_prices, pack_of(query.invoice_payload)
    is_offered = prices is not None and pack in prices.packs
    # The payload is the bot's own, but the price must be that of the invoice, too.
    if not is_offered or not credit_for(query.currency, query.total_amount, query.invoice_payload):
        return UserError("pack_gone")
    try:
        app.policy.check(context)
    except UserError as error:
        return error
    return None


async def _receive(paid: SuccessfulPayment, message: Message, update_id: int, app: App) -> None:
    """Credit a payment, as far as it is for something, and tell its user.

    The reconciliation may have been first.
    """
    amount, payload = paid.total_amount, paid.invoice_payload
    user_id = _payer(message)
    credit = credit_for(paid.currency, amount, payload) if app.policy.star_prices else 0
    at_ms = int(message.date.timestamp() * 1000)
    is_month, charge_id = is_monthly(payload), paid.telegram_payment_charge_id
    payment = StarPayment(charge_id, amount, credit, at_ms, is_monthly=is_month)
    if await app.star_ledger.credit(user_id, payment) == "refused":
        app.refund_due.set()
    notice = f"paid.{payment.key}"
    with suppress(StorageFullError):
        if not await app.users.claim_notice(user_id, notice, str(update_id), _TOLD_S):
            return
    profile = await app.users.profile(user_id, user_id)
    account = await app.star_ledger.account(user_id)
    is_back = any(each.key == payment.key and each.is_back for each in account.payments)
    key = "stars_paid_back" if is_back else "stars_paid"
    text = t(profile.language, key, price=amount, credit=credit, balance=account.balance)
    if is_back and is_month:
        text += f"\n{t(profile.language, 'payback_month')}"
    with suppress(ChatGoneError, TelegramRefusedError):
        await app.messenger.send_text(ChatTarget(user_id), text, [])


COMMANDS: Mapping[str, MessageHandler] = {
    "balance": handle_balance,
    "buy": handle_buy,
    "paysupport": handle_balance,
}
CALLBACKS: Mapping[str, CallbackHandler] = {
    "buy": on_buy_callback,
    "payback": on_payback_callback,
}
