"""Prices in Telegram Stars, and the payloads of invoices. Pure."""

import re

from imgbot.domain.texts import counted, t
from imgbot.features.stars.settings import StarPack, StarPrices

CURRENCY = "XTR"

COIN = "🪙"
"""Unit of the balance: a pack may credit more of them than it costs in Telegram's Stars."""

_MICRO = 1_000_000
_PAYLOAD = re.compile(r"(pack|month)\.([1-9]\d{0,4})\.([1-9]\d{0,5})", re.ASCII)


def payload_of(pack: StarPack) -> str:
    """Return the payload of a pack's invoice.

    It has the price and the credit, as a subscription outlives a change of the prices.
    """
    return f"{'month' if pack.is_monthly else 'pack'}.{pack.price}.{pack.credit}"


def pack_of(payload: str) -> StarPack | None:
    """Return the pack of an invoice; None for another payload."""
    found = _PAYLOAD.fullmatch(payload)
    return StarPack(int(found[2]), int(found[3]), found[1] == "month") if found else None


def credit_for(currency: str, amount: int, payload: str) -> int:
    """Return the Stars that a payment buys; 0 if it is for no pack, or not its price."""
    pack = pack_of(payload)
    return pack.credit if pack and (currency, amount) == (CURRENCY, pack.price) else 0


def is_monthly(payload: str) -> bool:
    """Return true if an invoice is that of a subscription."""
    pack = pack_of(payload)
    return pack is not None and pack.is_monthly


def price_in_stars(prices: StarPrices, price_micro: int) -> int:
    """Return the price of a picture that costs the operator `price_micro`."""
    return max(prices.picture, -(-price_micro * prices.per_usd // _MICRO))


def goods_of(language: str, prices: StarPrices, pack: StarPack) -> str:
    """Return what a pack buys: pictures at their least price; of less than one, its credit."""
    if not (count := pack.credit // prices.picture):
        return f"{pack.credit} {COIN}"
    if not prices.per_usd:
        return counted(language, "pictures", count)
    return t(language, "pack_from", pictures=counted(language, "to_pictures", count))


def offer_of(language: str, prices: StarPrices, pack: StarPack) -> str:
    """Return what a pack buys, and for how much."""
    key = f"pack_offer{'_month' * pack.is_monthly}"
    return t(language, key, goods=goods_of(language, prices, pack), price=pack.price)
