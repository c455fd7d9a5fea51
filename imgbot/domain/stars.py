"""Prices in Telegram Stars: of packs, a monthly subscription, pictures; payloads of invoices."""

import re
from dataclasses import dataclass

CURRENCY = "XTR"
STARS_MAX = 10_000
"""Telegram's limit for the price of a subscription."""

_MICRO = 1_000_000
_PAYLOAD = re.compile(r"(pack|month)\.([1-9]\d{0,4})\.([1-9]\d{0,5})", re.ASCII)


@dataclass(frozen=True, slots=True)
class StarPack:
    """Offer: so many Stars are paid, so many are credited; a monthly one is paid again by itself.

    The payload of its invoice carries both, as a subscription outlives a change of the prices.
    """

    price: int
    credit: int
    is_monthly: bool = False

    @property
    def payload(self) -> str:
        return f"{'month' if self.is_monthly else 'pack'}.{self.price}.{self.credit}"


def pack_of(payload: str) -> StarPack | None:
    """Return the pack of an invoice; None for another payload."""
    found = _PAYLOAD.fullmatch(payload)
    return StarPack(int(found[2]), int(found[3]), found[1] == "month") if found else None


def credit_for(currency: str, amount: int, payload: str) -> int:
    """Return the Stars that a payment buys; 0 if it is for no pack, or not its price."""
    pack = pack_of(payload)
    return pack.credit if pack and (currency, amount) == (CURRENCY, pack.price) else 0


def is_monthly(payload: str) -> bool:
    """Return whether an invoice is that of a subscription."""
    pack = pack_of(payload)
    return pack is not None and pack.is_monthly


@dataclass(frozen=True, slots=True)
class StarPrices:
    """Price list of the operator."""

    picture: int
    """Least price of a picture."""
    packs: tuple[StarPack, ...]
    free_daily: int = 0
    """Pictures of a user that cost nothing, per day."""
    per_usd: int = 0
    """Price of a picture that costs the operator a dollar; 0 if all cost the same."""

    def of_picture(self, price_micro: int) -> int:
        """Return the price of a picture that costs the operator `price_micro`."""
        return max(self.picture, -(-price_micro * self.per_usd // _MICRO))
