"""Refunds by administrators: /refund, and the payments of a user who has written to them."""

import asyncio
import time
from dataclasses import dataclass

from aiogram.types import CallbackQuery, Message

from imgbot.bot.context import NowMs
from imgbot.bot.dialogue import Dialogue
from imgbot.bot.people import UserFinder
from imgbot.domain.buttons import Button, ButtonAction, Keyboard, in_rows, one_of
from imgbot.domain.errors import UserError
from imgbot.features.stars.ledger import StarLedger

REFUND = ButtonAction("refund", (one_of("list", "ask", "yes"), int, str), is_for_admins=True)

_PAYMENTS_SHOWN = 10


@dataclass(frozen=True, slots=True)
class RefundHandlers:
    """Handlers of the command and of the buttons."""

    finder: UserFinder
    ledger: StarLedger
    now_ms: NowMs
    refund_due: asyncio.Event
    """Set when a refund is to be made now."""

    async def list_payments(self, message: Message, dialogue: Dialogue) -> None:
        """/refund id or @name, or as a reply: their latest payments, each with a button."""
        user_id, _ = await self.finder.target_of(message)
        if user_id is None:
            raise UserError("refund_usage")
        await dialogue.say(*await self._paid_by(user_id, dialogue))

    async def _paid_by(self, user_id: int, dialogue: Dialogue) -> tuple[str, Keyboard]:
        account = await self.ledger.account(user_id)
        refused = await self.ledger.refunds_refused(self.now_ms())
        label = await self.finder.label_of(user_id)
        facts = {"user": label, "balance": account.balance, "spent": account.spent}
        lines, rest = [dialogue.t("refund_title", **facts)], list[tuple[int, str]]()
        for number, payment in enumerate(account.payments[:_PAYMENTS_SHOWN], 1):
            day = time.strftime("%Y-%m-%d", time.gmtime(payment.at_ms / 1000))
            key = f"refund_line_{payment.end or 'back'}" if payment.is_back else "refund_line"
            if (user_id, payment.charge_id) in refused:
                key = "refund_line_refused"
            facts = {"number": number, "day": day, "price": payment.price}
            lines.append(dialogue.t(key, credit=payment.credit, **facts))
            rest += [] if payment.is_back else [(number, payment.key)]
        asks = [Button(f"↩️ {n}", REFUND.pack("ask", user_id, key)) for n, key in rest]
        return "\n".join(lines), in_rows(asks, 5)

    async def on_refund(
        self, _: CallbackQuery, step: str, user_id: int, key: str, dialogue: Dialogue
    ) -> str:
        account = await self.ledger.account(user_id)
        payment = next((each for each in account.payments if each.key == key), None)
        if payment is not None and step == "ask":
            left, label = account.balance - payment.credit, await self.finder.label_of(user_id)
            text = dialogue.t("refund_ask", user=label, price=payment.price, left=left)
            yes = REFUND.button(dialogue.language, "yes", user_id, key, key="payback_yes")
            back = REFUND.button(dialogue.language, "list", user_id, "", key="back")
            await dialogue.edit(text, [[yes], [back]])
            return ""
        if payment is not None and step == "yes":
            await self.ledger.take_back(user_id, payment.charge_id, self.now_ms())
            self.refund_due.set()
        await dialogue.edit(*await self._paid_by(user_id, dialogue))
        is_monthly = payment is not None and payment.is_monthly
        return f"refund_made{'_month' * is_monthly}" if step == "yes" else ""

    async def on_support(self, _: CallbackQuery, user_id: int, dialogue: Dialogue) -> str:
        """Show the payments of a user who has written."""
        await dialogue.say(*await self._paid_by(user_id, dialogue))
        return ""
