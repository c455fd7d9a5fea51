"""Telegram Stars in the sandbox: invoices, payments before and after the bot's answer, refunds."""

import asyncio
import secrets
from dataclasses import dataclass
from typing import Any

from imgbot.sandbox.api_errors import bad_request

CHECKOUT_S = 10
"""Time in which a bot must answer; after it the payment fails."""


class PaymentError(ValueError):
    """Payment that does not happen; the text gives the reason, as the user reads it."""


@dataclass(frozen=True, slots=True)
class StarInvoice:
    """Offer of a bot; with a period, of a subscription."""

    title: str
    description: str
    payload: str
    amount: int
    period_s: int = 0

    def message_part(self) -> dict[str, Any]:
        offer = {"title": self.title, "description": self.description, "start_parameter": ""}
        return {"invoice": offer | {"currency": "XTR", "total_amount": self.amount}}


class StarBank:
    """The bot's Stars; users have as many as they need."""

    def __init__(self) -> None:
        self.checkout_s: float = CHECKOUT_S
        self.messages: dict[tuple[int, int], StarInvoice] = {}
        self.links: dict[str, StarInvoice] = {}
        self.checkouts: dict[str, asyncio.Future[str]] = {}
        """Refusals by the bot, empty if it agrees, of payments that wait for its answer."""
        self.transactions: list[dict[str, Any]] = []
        """In chronological order."""
        self.cancelled = set[str]()
        """Charges of subscriptions that the bot has cancelled."""

    def link(self, invoice: StarInvoice) -> str:
        link = f"https://t.me/${secrets.token_urlsafe(12)}"
        self.links[link] = invoice
        return link

    def invoice(self, chat_id: int, message_id: int, link: str) -> StarInvoice:
        """Return the invoice of a message, or of a link. Raises PaymentError."""
        found = self.links.get(link) or self.messages.get((chat_id, message_id))
        if found is None:
            raise PaymentError("there is no such invoice")
        return found

    async def check_out(self, query_id: str) -> None:
        """Wait for the bot's answer. Raises PaymentError without one, or with its refusal."""
        checkout = self.checkouts[query_id] = asyncio.Future()
        try:
            async with asyncio.timeout(self.checkout_s):
                refusal = await checkout
        except TimeoutError:
            raise PaymentError("BOT_PRECHECKOUT_TIMEOUT") from None
        finally:
            del self.checkouts[query_id]
        if refusal:
            raise PaymentError(refusal)

    def charge(self, user: dict[str, Any], invoice: StarInvoice, at_s: int) -> dict[str, Any]:
        """Record a payment; return it as the bot's message has it."""
        charge_id = f"stx{secrets.token_urlsafe(60)}"
        partner: dict[str, Any] = {"type": "user", "transaction_type": "invoice_payment"}
        partner |= {"user": user, "invoice_payload": invoice.payload}
        paid: dict[str, Any] = {
            "currency": "XTR",
            "total_amount": invoice.amount,
            "invoice_payload": invoice.payload,
            "telegram_payment_charge_id": charge_id,
            "provider_payment_charge_id": "",
        }
        if invoice.period_s:
            partner["subscription_period"] = invoice.period_s
            paid |= {"subscription_expiration_date": at_s + invoice.period_s}
            paid |= {"is_recurring": True, "is_first_recurring": True}
        transfer = {"id": charge_id, "amount": invoice.amount, "date": at_s}
        self.transactions.append(transfer | {"source": partner})
        return paid

    def _of_charge(self, user_id: int, charge_id: str) -> list[dict[str, Any]]:
        """Return a user's payment, and its refund if there is one. Raises ApiError."""
        of_charge = [each for each in self.transactions if each["id"] == charge_id]
        if not of_charge or of_charge[0]["source"]["user"]["id"] != user_id:
            raise bad_request("CHARGE_ID_INVALID")
        return of_charge

    def edit_subscription(
        self, user_id: int, charge_id: str, at_s: int, *, is_cancelled: bool
    ) -> None:
        """Cancel a subscription, or allow it again. Raises ApiError unless it is active."""
        paid = self._of_charge(user_id, charge_id)[0]
        if paid["date"] + paid["source"].get("subscription_period", 0) <= at_s:
            raise bad_request("SUBSCRIPTION_NOT_ACTIVE")
        (self.cancelled.add if is_cancelled else self.cancelled.discard)(charge_id)

    def refund(self, user_id: int, charge_id: str, at_s: int) -> dict[str, Any]:
        """Record a refund; return it as the bot's message has it. Raises ApiError."""
        of_charge = self._of_charge(user_id, charge_id)
        if len(of_charge) > 1:
            raise bad_request("CHARGE_ALREADY_REFUNDED")
        [paid] = of_charge
        transfer = {"id": charge_id, "amount": paid["amount"], "date": at_s}
        self.transactions.append(transfer | {"receiver": paid["source"]})
        return {
            "currency": "XTR",
            "total_amount": paid["amount"],
            "invoice_payload": paid["source"]["invoice_payload"],
            "telegram_payment_charge_id": charge_id,
        }
