"""Buttons about Telegram Stars."""

from collections.abc import Sequence

from imgbot.domain.buttons import Button, Keyboard, button, in_rows
from imgbot.domain.texts import t
from imgbot.features.stars.prices import payload_of
from imgbot.features.stars.settings import StarPack


def buy(language: str, packs: Sequence[StarPack] = ()) -> Keyboard:
    """Buttons of the packs, one in a row; without any, the one that shows them."""
    rows = []
    for pack in packs:
        key = f"button_stars{'_month' * pack.is_monthly}{'_more' * (pack.credit > pack.price)}"
        label = t(language, key, price=pack.price, credit=pack.credit)
        rows.append([Button(label, f"buy:{payload_of(pack)}")])
    return rows or [[button(language, "buy", "buy:list")]]


def account(language: str, payment: str, price: int, *, is_sold: bool) -> Keyboard:
    """Buttons under the balance: buy, and return the payment of this key, if there is one."""
    label = t(language, "button_payback", price=price)
    back = [[Button(label, f"payback:ask.{payment}")]] if payment else []
    return [*(buy(language) if is_sold else []), *back]


def payback(language: str, payment: str) -> Keyboard:
    """Buttons under the question whether a payment is returned."""
    yes = button(language, "payback_yes", f"payback:yes.{payment}")
    return [[yes], [button(language, "back", "payback:no")]]


def refunds(user_id: int, payments: Sequence[tuple[int, str]]) -> Keyboard:
    """Buttons under the payments of a user: each asks whether one is refunded, by its number."""
    asks = [Button(f"↩️ {n}", f"refund:ask.{user_id}.{key}") for n, key in payments]
    return in_rows(asks, 5)


def refund(language: str, user_id: int, payment: str) -> Keyboard:
    """Buttons under the question whether a user's payment is refunded."""
    yes = button(language, "payback_yes", f"refund:yes.{user_id}.{payment}")
    return [[yes], [button(language, "back", f"refund:list.{user_id}.")]]
