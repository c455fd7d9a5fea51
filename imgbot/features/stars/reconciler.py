"""Reconciliation of Telegram Stars: refunds, and the ledger compared with Telegram's list."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from imgbot.aio import sleep_or_event
from imgbot.domain.errors import (
    ChatGoneError,
    StorageFullError,
    TelegramRefusedError,
    TransientError,
    UserError,
)
from imgbot.features.stars.ledger import StarLedger, StarPayment
from imgbot.features.stars.payments import StarPayments, StarTransfer
from imgbot.features.stars.prices import CURRENCY, credit_for, is_monthly, pack_of
from imgbot.storage.persistence import Persistence
from imgbot.telemetry import events

_REFUSALS = (UserError, TelegramRefusedError, ChatGoneError)
_LOOK_EVERY_S = 60.0
_REFUND_AGAIN_MS = 3_600_000
_READ_AGAIN = 100
"""Transactions that are compared once more, the next night."""


@dataclass(slots=True)
class StarReconciler:
    """Makes refunds as they fall due, and compares the ledger at the start and each day."""

    ledger: StarLedger
    payments: StarPayments
    persistence: Persistence
    now_ms: Callable[[], int]
    today: Callable[[int], str]
    is_on: bool
    """True if Stars are sold; else payments that arrive are refunded, and no list is read."""
    refund_due: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a refund is to be made now."""
    _compared: str = field(default="", init=False)

    async def run(self) -> None:
        while True:
            self.refund_due.clear()
            try:
                await self._refund()
                day = self.today(self.now_ms())
                if self._compared != day:
                    await self.compare()
                    self._compared = day
            except (TransientError, *_REFUSALS) as error:
                text = "refunds and reconciliation of Telegram Stars are postponed: %s"
                events.warning(text, error)
            await sleep_or_event(_LOOK_EVERY_S, self.refund_due)

    async def _refund(self) -> None:
        """Make the refunds that are due; each may be repeated."""
        due = await self.ledger.refunds_due(self.now_ms())
        if due:
            # What was taken off a balance must not come back after Telegram has paid.
            await self.persistence.persist()
        for user_id, charge_id in due:
            try:
                # First: Telegram's message about the refund may end it at any moment.
                await self._end_subscription(user_id, charge_id)
                await self.payments.refund(user_id, charge_id)
            except _REFUSALS as error:
                later_ms = self.now_ms() + _REFUND_AGAIN_MS
                with suppress(StorageFullError):  # else it would delay the others
                    await self.ledger.postpone_refund(user_id, charge_id, later_ms)
                text = "refund of charge %s to user %d was refused by Telegram: %s; retrying in 1 h"
                events.error(text, charge_id, user_id, error)
                continue
            except TransientError as error:
                # It stays due, and delays no other.
                events.warning("refund of charge %s is postponed: %s", charge_id, error)
                continue
            await self.ledger.take_back(user_id, charge_id, self.now_ms(), is_refunded=True)
            events.info("charge %s was refunded to user %d", charge_id, user_id)

    async def _end_subscription(self, user_id: int, charge_id: str) -> None:
        """Cancel, once, the subscription of a payment for a month of one."""
        payments = (await self.ledger.account(user_id)).payments
        payment = next((each for each in payments if each.charge_id == charge_id), None)
        if payment and payment.is_monthly and not payment.end:
            is_cancelled = await self.payments.cancel_subscription(user_id, charge_id)
            end = "cancelled" if is_cancelled else "kept"
            with suppress(StorageFullError):  # else the refund would not be recorded as made
                await self.ledger.set_end(user_id, charge_id, end)

    async def compare(self) -> None:
        """Enter what is missing, settle what is left over, and report what does not add up."""
        if self.is_on:
            await self._enter_missing()
        async for user_id, account in self.ledger.settle(self.today(self.now_ms())):
            if account.difference:
                amount = account.difference
                events.error("the Stars of user %d do not add up: %d missing", user_id, amount)

    async def _enter_missing(self) -> None:
        known = await self.ledger.transfers_read()
        read = max(known - _READ_AGAIN, 0)
        while True:
            count, transfers = await self.payments.transfers(read)
            if not count and read and read < known:
                # A list of another bot.
                read = known = 0
                continue
            for each in transfers:
                await self._enter(each)
            read += count
            if not count:
                break
        await self.ledger.set_transfers_read(read)

    async def _enter(self, each: StarTransfer) -> None:
        user_id, charge_id = each.user_id, each.charge_id
        if each.is_refund:
            verdict = await self.ledger.take_back(
                user_id, charge_id, self.now_ms(), is_refunded=True
            )
        elif pack_of(each.payload) is None:
            # The list goes back to before the bot sold anything, and is no place to refund from.
            events.warning("payment %s of user %d is for no pack of imgbot", charge_id, user_id)
            return
        else:
            credit = credit_for(CURRENCY, each.amount, each.payload)
            is_month = is_monthly(each.payload)
            payment = StarPayment(charge_id, each.amount, credit, each.at_ms, is_monthly=is_month)
            verdict = await self.ledger.credit(user_id, payment)
        if verdict != "known":
            what = "refund" if each.is_refund else "payment"
            events.warning("the %s %s of user %d was missing", what, charge_id, user_id)
