"""Bot API calls about Telegram Stars: invoices, the answer before a payment, refunds, transfers."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from aiogram import Bot
from aiogram.methods import TelegramMethod
from aiogram.types import LabeledPrice

from imgbot.domain.errors import (
    ChatGoneError,
    ImgbotError,
    TelegramRefusedError,
    TransientError,
)
from imgbot.features.stars.prices import CURRENCY, payload_of
from imgbot.features.stars.settings import StarPack
from imgbot.telegram.client import telegram_errors

_PERIOD_S = 2_592_000
"""The only one that Telegram takes."""

_ANSWER_TIMEOUT_S, _ANSWER_AGAIN_S = 8, 0.5
_AT_ONCE = 100
_MADE_ALREADY = "CHARGE_ALREADY_REFUNDED"
"""Answer also to the first refund of a subscription's payment (tdlib/td#3209)."""


class GetRawStarTransactions(TelegramMethod[dict[str, Any]]):
    """getStarTransactions with a raw result: a new kind of partner must not spoil the page."""

    __returning__ = dict[str, Any]
    __api_method__ = "getStarTransactions"

    offset: int
    limit: int


@dataclass(frozen=True, slots=True)
class StarTransfer:
    """Payment of a user for an invoice, or its refund."""

    user_id: int
    charge_id: str
    amount: int
    at_ms: int
    payload: str
    is_refund: bool


class StarPayments:
    """Calls about payments. Raise what `telegram_errors` translates to."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot

    async def send_invoice(self, chat_id: int, pack: StarPack, title: str, about: str) -> None:
        async with telegram_errors():
            await self._bot.send_invoice(chat_id, **_invoice(pack, title, about))

    async def subscription_link(self, pack: StarPack, title: str, about: str) -> str:
        async with telegram_errors():
            return await self._bot.create_invoice_link(
                **_invoice(pack, title, about), subscription_period=_PERIOD_S
            )

    async def answer_checkout(self, query_id: str, refusal: str) -> None:
        """Let a payment happen, or refuse it: until Telegram has the answer, or it is too late."""
        with suppress(ImgbotError, TimeoutError):
            async with asyncio.timeout(_ANSWER_TIMEOUT_S):
                while True:
                    with suppress(TransientError):
                        async with telegram_errors():
                            answer = self._bot.answer_pre_checkout_query
                            await answer(query_id, not refusal, refusal or None)
                        return
                    await asyncio.sleep(_ANSWER_AGAIN_S)

    async def refund(self, user_id: int, charge_id: str) -> None:
        """Refund a payment; one that is refunded already counts as done."""
        try:
            async with telegram_errors():
                await self._bot.refund_star_payment(user_id, charge_id)
        except TelegramRefusedError as error:
            if _MADE_ALREADY not in str(error):
                raise

    async def cancel_subscription(self, user_id: int, charge_id: str) -> bool:
        """End the extension of a subscription; False if Telegram refuses it. May be repeated."""
        with suppress(TelegramRefusedError, ChatGoneError):
            async with telegram_errors():
                edit = self._bot.edit_user_star_subscription
                return await edit(user_id, charge_id, is_canceled=True)
        return False

    async def transfers(self, offset: int) -> tuple[int, list[StarTransfer]]:
        """Return the number of transactions from `offset` on, a page at most, oldest first.

        And those of them that are users' payments for invoices, and refunds of these.
        """
        async with telegram_errors():
            page = await self._bot(GetRawStarTransactions(offset=offset, limit=_AT_ONCE))
        read = [_transfer(each) for each in page.get("transactions", [])]
        return len(read), [each for each in read if each is not None]


def _invoice(pack: StarPack, title: str, about: str) -> dict[str, Any]:
    return {
        "title": title,
        "description": about,
        "payload": payload_of(pack),
        "provider_token": "",
        "currency": CURRENCY,
        "prices": [LabeledPrice(label=title, amount=pack.price)],
    }


def _transfer(entry: Mapping[str, Any]) -> StarTransfer | None:
    """Return a transfer; None for one of another kind, or of another shape."""
    try:
        partner = entry.get("receiver") or entry["source"]
        if partner.get("transaction_type") != "invoice_payment":
            return None
        return StarTransfer(
            int(partner["user"]["id"]),
            entry["id"],
            int(entry["amount"]),
            int(entry["date"]) * 1000,
            partner.get("invoice_payload", ""),
            is_refund="receiver" in entry,
        )
    except (LookupError, TypeError, ValueError, AttributeError):
        return None
