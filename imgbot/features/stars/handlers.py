"""Telegram Stars in the chat: /balance, /buy, /paysupport, payments."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from aiogram.types import CallbackQuery, Message, PreCheckoutQuery, SuccessfulPayment, Update

from imgbot.bot.context import NowMs, RequestContext
from imgbot.bot.dialogue import Audience, Dialogue, OpenDialogue
from imgbot.bot.handlers.account import AccountHandlers
from imgbot.bot.messages import command_of, text_after
from imgbot.bot.policy import AccessPolicy
from imgbot.domain.buttons import Button, ButtonAction, Keyboard, one_of
from imgbot.domain.errors import (
    ChatGoneError,
    StorageUnavailableError,
    TelegramRefusedError,
    UserError,
)
from imgbot.domain.holds import amount_spent
from imgbot.domain.job import Job
from imgbot.domain.texts import language_of, t
from imgbot.features.stars.ledger import StarLedger, StarPayment
from imgbot.features.stars.payments import StarPayments
from imgbot.features.stars.prices import (
    credit_for,
    goods_of,
    is_monthly,
    offer_of,
    pack_of,
    payload_of,
)
from imgbot.features.stars.settings import StarPack, StarPrices
from imgbot.features.stars.support import Support
from imgbot.storage.spend import Spend
from imgbot.storage.users import UserStore
from imgbot.telegram.messenger import ChatTarget, Messenger

KINDS = ("pre_checkout_query", "successful_payment", "refunded_payment")
"""Kinds of updates about payments."""

_CHECK_S = 5.0
"""Telegram waits ten seconds for the answer before a payment."""

_TOLD_S = 172_800
"""Longer than Telegram repeats an update."""

BUY = ButtonAction("buy")
PAYBACK = ButtonAction("payback", (one_of("no", "ask", "yes"), str), is_open=True)


def buy_row(language: str) -> Keyboard:
    """Button that shows the packs."""
    return [[BUY.button(language, "list")]]


def _pack_rows(language: str, prices: StarPrices) -> Keyboard:
    """Buttons of the packs, one in a row."""
    packs = prices.packs
    return [
        [Button(offer_of(language, prices, each), BUY.pack(payload_of(each)))] for each in packs
    ]


@dataclass(frozen=True, slots=True)
class StarHandlers:
    """Handlers of commands, buttons and payments."""

    messenger: Messenger
    policy: AccessPolicy
    users: UserStore
    account: AccountHandlers
    spend: Spend
    now_ms: NowMs
    ledger: StarLedger
    payments: StarPayments
    prices: StarPrices | None
    """Price list; None if nothing is sold."""
    refund_due: asyncio.Event
    """Set when a refund is to be made now."""
    support: Support
    terms: Callable[[Dialogue, str], str]
    """Returns the terms of sale, by the line of the price."""

    def _sold(self) -> StarPrices:
        if self.prices is None:
            raise UserError("stars_not_sold")
        return self.prices

    def _price_line(self, dialogue: Dialogue) -> str:
        prices = self._sold()
        key = "stars_price_from" if prices.per_usd else "stars_price"
        return dialogue.t(key, price=prices.picture)

    async def show_balance(self, _: Message, dialogue: Dialogue) -> None:
        """/balance: Stars and free pictures left, and a payment that can be returned."""
        text, rows = await self._balance(dialogue)
        if dialogue.context.is_private:
            await dialogue.say(text, rows)
        else:
            await dialogue.answer_privately(text)

    async def _balance(self, dialogue: Dialogue) -> tuple[str, Keyboard]:
        """Text and buttons; what is left of the time when something was sold can be returned."""
        prices, today = self.prices, self.spend.today(self.now_ms())
        account = await self.ledger.account(dialogue.user_id, today)
        if not (prices or account.payments):
            raise UserError("unknown_command")
        lines = [dialogue.t("stars_balance", balance=account.balance)]
        if account.held:
            lines.append(dialogue.t("stars_held", held=account.held))
        if prices:
            lines.append(self._price_line(dialogue))
        if prices and prices.free_daily:
            left = max(prices.free_daily - account.free_used, 0)
            lines.append(dialogue.t("stars_free", left=left, limit=prices.free_daily))
        key, price = (account.unused.key, account.unused.price) if account.unused else ("", 0)
        back = PAYBACK.button(dialogue.language, "ask", key, price=price)
        rows = [*(buy_row(dialogue.language) if prices else []), *([[back]] if key else [])]
        return "\n".join(lines), rows

    async def offer_packs(self, _: Message, dialogue: Dialogue) -> None:
        """/buy: the packs, each as a button that sends its invoice."""
        if not dialogue.context.is_private:
            text = dialogue.t("stars_in_private", name=dialogue.identity.name)
            await dialogue.say(text, to=Audience.ASKER)
            return
        rows, text = _pack_rows(dialogue.language, self._sold()), dialogue.t("stars_buy")
        if not (await self.ledger.account(dialogue.user_id)).payments:
            text = f"{self._terms(dialogue)}\n\n{text}"
        await dialogue.say(f"{text}\n{self._price_line(dialogue)}", rows)

    def _terms(self, dialogue: Dialogue) -> str:
        return self.terms(dialogue, self._price_line(dialogue))

    async def show_terms(self, _: Message, dialogue: Dialogue) -> None:
        """/terms: what users agree to who buy something; shown before the first purchase, too."""
        await dialogue.say(self._terms(dialogue), to=Audience.ASKER)

    async def on_buy(self, callback: CallbackQuery, payload: str, dialogue: Dialogue) -> str:
        if payload == "list":
            if isinstance(callback.message, Message):
                await self.offer_packs(callback.message, dialogue)
            return ""
        pack, prices = pack_of(payload), self._sold()
        if pack is None or pack not in prices.packs:
            return "pack_gone"
        goods = goods_of(dialogue.language, prices, pack)
        title = dialogue.t("invoice_month", goods=goods) if pack.is_monthly else goods
        credit = dialogue.t("invoice_about", credit=pack.credit)
        about = f"{credit} {self._price_line(dialogue)}"
        try:
            await self._offer(pack, title, about, dialogue)
        except ChatGoneError:
            raise UserError("stars_in_private", name=dialogue.identity.name) from None
        return ""

    async def _offer(self, pack: StarPack, title: str, about: str, dialogue: Dialogue) -> None:
        """Send the invoice of a pack to the user alone; a subscription has a link."""
        user_id = dialogue.user_id
        if not pack.is_monthly:
            await self.payments.send_invoice(user_id, pack, title, about)
            return
        link = await self.payments.subscription_link(pack, title, about)
        text = dialogue.t("stars_month", price=pack.price, credit=pack.credit)
        rows = [[Button(dialogue.t("button_subscribe", price=pack.price), "", link)]]
        await self.messenger.send_text(ChatTarget(user_id), text, rows)

    async def on_payback(self, _: CallbackQuery, step: str, key: str, dialogue: Dialogue) -> str:
        """Return an unused payment, after a question."""
        if step == "no":
            await dialogue.edit(*await self._balance(dialogue))
            return ""
        account = await self.ledger.account(dialogue.user_id)
        payment = next((each for each in account.payments if each.key == key), None)
        if payment is None or payment.is_back:
            return "payback_done_already"
        facts = {"price": payment.price, "credit": payment.credit}
        if step == "ask":
            yes = PAYBACK.button(dialogue.language, "yes", key, key="payback_yes")
            back = PAYBACK.button(dialogue.language, "no", key="back")
            await dialogue.edit(dialogue.t("payback_ask", **facts), [[yes], [back]])
            return ""
        verdict = await self.ledger.take_back(
            dialogue.user_id, payment.charge_id, self.now_ms(), is_unused=True
        )
        if verdict == "used":
            return "payback_used"
        self.refund_due.set()
        text = dialogue.t("payback_done", **facts)
        if payment.is_monthly:
            text += f"\n{dialogue.t('payback_month')}"
        await dialogue.edit(text, [])
        return ""

    async def handle(self, update: Update, _refusal: str, _open: OpenDialogue) -> None:
        """Handle an update about a payment.

        Access, limits and what else concerns requests do not concern money that was paid.
        """
        message = update.message
        if update.pre_checkout_query:
            await self._check_out(update.pre_checkout_query, update.update_id)
        elif message and message.successful_payment:
            await self._receive(message.successful_payment, message, update.update_id)
        elif message and (refunded := message.refunded_payment):
            user_id, charge_id = _payer(message), refunded.telegram_payment_charge_id
            now_ms = self.now_ms()
            await self.ledger.take_back(user_id, charge_id, now_ms, is_refunded=True)

    async def _check_out(self, query: PreCheckoutQuery, update_id: int) -> None:
        """Answer in time, even if Redis does not."""
        user = query.from_user
        context = RequestContext(update_id, user.id, user.id, language_of(user.language_code))
        refusal = UserError("pay_later")
        with suppress(StorageUnavailableError, TimeoutError):
            async with asyncio.timeout(_CHECK_S):
                profile = await self.users.profile(user.id, user.id)
                context = context.with_profile(profile)
                refusal = self._refusal(query, context)
        text = t(context.language, refusal.reason, **refusal.facts) if refusal else ""
        await self.payments.answer_checkout(query.id, text)

    def _refusal(self, query: PreCheckoutQuery, context: RequestContext) -> UserError | None:
        prices, pack = self.prices, pack_of(query.invoice_payload)
        is_offered = prices is not None and pack in prices.packs
        # The payload is the bot's own, but the price must be that of the invoice, too.
        is_exact = credit_for(query.currency, query.total_amount, query.invoice_payload)
        if not is_offered or not is_exact:
            return UserError("pack_gone")
        try:
            self.policy.check(context)
        except UserError as error:
            return error
        return None

    async def _receive(self, paid: SuccessfulPayment, message: Message, update_id: int) -> None:
        """Credit a payment, as far as it is for something, and tell its user.

        The reconciliation may have been first.
        """
        amount, payload = paid.total_amount, paid.invoice_payload
        user_id = _payer(message)
        credit = credit_for(paid.currency, amount, payload) if self.prices else 0
        at_ms = int(message.date.timestamp() * 1000)
        is_month, charge_id = is_monthly(payload), paid.telegram_payment_charge_id
        payment = StarPayment(charge_id, amount, credit, at_ms, is_monthly=is_month)
        if await self.ledger.credit(user_id, payment) == "refused":
            self.refund_due.set()
        notice = f"said.{user_id}.paid.{payment.key}"
        if not await self.users.is_first(notice, str(update_id), _TOLD_S):
            return
        profile = await self.users.profile(user_id, user_id)
        account = await self.ledger.account(user_id)
        is_back = any(each.key == payment.key and each.is_back for each in account.payments)
        key = "stars_paid_back" if is_back else "stars_paid"
        text = t(profile.language, key, price=amount, credit=credit, balance=account.balance)
        if is_back and is_month:
            text += f"\n{t(profile.language, 'payback_month')}"
        with suppress(ChatGoneError, TelegramRefusedError):
            await self.messenger.send_text(ChatTarget(user_id), text, [])

    async def answer_price(self, message: Message, dialogue: Dialogue) -> None:
        """Say what a picture costs, to whom it costs something."""
        answer = self.account.answer_price if dialogue.is_by_admin else self.show_balance
        await answer(message, dialogue)

    async def ask_support(self, message: Message, dialogue: Dialogue) -> None:
        """/paysupport: words behind it, or a picture with it, reach a human."""
        if not self.prices or (message.text and not text_after(message)):
            await self.answer_money_back(message, dialogue)
            return
        account = await self.ledger.account(dialogue.user_id)
        try:
            self.policy.check(dialogue.context)
        except UserError as error:
            if error.reason != "not_allowed" or not account.payments:
                raise
        await self.support.pass_on(message, dialogue)

    async def answer_money_back(self, message: Message, dialogue: Dialogue) -> None:
        """Money back in words, and /paysupport alone: what can be returned; the owner is told."""
        account = await self.ledger.account(dialogue.user_id)
        if not (self.prices or account.payments):
            raise UserError("unknown_command" if command_of(message) else "stars_not_sold")
        lines = ["stars_nothing_paid"]
        if account.payments:
            lines = ["stars_money_back"] * bool(account.unused) + ["stars_money_back_told"]
            await self._tell_owners(dialogue)
        lines += ["support_how"] * bool(self.prices and self.policy.admins)
        text, rows = await self._balance(dialogue)
        text = "\n".join([*map(dialogue.t, lines), "", text])
        if dialogue.context.is_private:
            await dialogue.say(text, rows)
        else:
            await dialogue.answer_privately(text)

    async def _tell_owners(self, dialogue: Dialogue) -> None:
        """Tell the administrators of a user who wants money back, once a day."""
        notice = f"said.{dialogue.user_id}.money_back"
        if await self.users.is_first(notice, dialogue.context.request, _TOLD_S // 2):
            await self.support.tell("refund_wanted", dialogue)

    async def announce_first_paid(self, job: Job, dialogue: Dialogue) -> None:
        """Say that a picture is paid for, the first one after the free ones of a day."""
        price = amount_spent(job.charge.holds)
        is_over = self.prices and self.prices.free_daily and price
        if not is_over or dialogue.context.is_shown_to_others:
            return
        notice = f"said.{job.user_id}.first_paid.{job.charge.spend_day}"
        if await self.users.is_first(notice, job.id, _TOLD_S):
            account = await self.ledger.account(job.user_id)
            facts = {"price": price, "balance": account.balance}
            await dialogue.say(dialogue.t("stars_first_paid", **facts), to=Audience.ASKER)

    async def about_user(self, user_id: int, language: str) -> list[str]:
        """Return a line about a user's Stars."""
        account = await self.ledger.account(user_id)
        return [t(language, "user_stars", balance=account.balance, spent=account.spent)]


def _payer(message: Message) -> int:
    # In a private chat, the message about a refund may be the bot's own.
    is_private = message.chat.type == "private"
    return message.from_user.id if message.from_user and not is_private else message.chat.id
