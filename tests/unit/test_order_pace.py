"""Pace of the orders at a provider: never above its limit, lower after a refusal, then raised."""

from dataclasses import dataclass
from typing import Any

import pytest

from imgbot.domain.order_pace import OrderLimit, OrderPace, Turn

REPLICATE, KIE = OrderLimit(600, 60.0), OrderLimit(20, 10.0)
NONE = OrderLimit()


@pytest.mark.parametrize(
    ("limit", "at_once"), [(REPLICATE, 30), (KIE, 1), (OrderLimit(6, 60.0), 1), (NONE, 100)]
)
def test_no_window_has_more_orders_than_the_limit(limit: OrderLimit, at_once: int) -> None:
    pace, turns = OrderPace(limit), list[float]()
    for _ in range(2000):
        pace, turn = pace.with_turn(0.0)
        turns.append(turn.at_s)

    assert turns == sorted(turns)
    assert turns[at_once - 1] == 0.0
    assert limit is NONE or turns[at_once] > 0.0
    if limit.orders:
        counts = [sum(t <= each < t + limit.window_s for each in turns) for t in turns[:700]]
        assert limit.orders - 1 <= max(counts) <= limit.orders
        # It is used nearly in full.
        assert turns[-1] < 2000 / (0.94 * limit.per_s)


@dataclass(frozen=True)
class Refusal:
    """An order refused for now; what is known of it, and the limit right after it."""

    now_s: float
    limit: float
    sent_s: float = 0.0
    recent_per_s: float = 100.0
    retry_after_s: float | None = None


@pytest.mark.parametrize(
    ("limit", "refusals", "limits"),
    [
        # Halved, doubled in five minutes, and never above the documented one.
        (REPLICATE, [Refusal(10, 5.0)], {160: 7.07, 310: 10.0, 9999: 10.0}),
        # Once for all orders that were under way.
        (REPLICATE, [Refusal(10, 5.0, 9), Refusal(11, 5.0, 9.9)], {}),
        (REPLICATE, [Refusal(10, 5.0, 9), Refusal(12, 2.51, 10.1)], {}),
        # An account of another kind is met at the rate at which it refused.
        (REPLICATE, [Refusal(10, 1.5, recent_per_s=3.0)], {310: 3.0}),
        (REPLICATE, [Refusal(10, 0.5, recent_per_s=0.1)], {310: 1.0}),
        (NONE, [Refusal(s, 0.5**s, s, 0.1) for s in range(1, 5)] + [Refusal(5, 0.05, 5, 0.1)], {}),
        (NONE, [Refusal(10, 2.0, recent_per_s=4.0)], {310: 4.0, 1510: 64.0}),
        # It does not grow while the provider wants no orders at all.
        (REPLICATE, [Refusal(10, 5.0, retry_after_s=300)], {309: 5.0, 610: 10.0}),
    ],
)
def test_a_refusal_halves_the_limit_which_grows_slowly(
    limit: OrderLimit, refusals: list[Refusal], limits: dict[float, float]
) -> None:
    pace = OrderPace(limit)
    for each in refusals:
        facts: dict[str, Any] = {name: getattr(each, name) for name in _FACTS}
        pace = pace.after_refusal(each.now_s, **facts)
        assert pace.per_s(each.now_s) == pytest.approx(each.limit, 0.01)

    assert {at_s: pace.per_s(at_s) for at_s in limits} == pytest.approx(limits, 0.01)


_FACTS = ("sent_s", "recent_per_s", "retry_after_s")


def test_an_order_that_waits_takes_another_turn_after_a_refusal() -> None:
    pace, first = OrderPace(KIE).with_turn(0.0)
    pace, second = pace.with_turn(0.0)
    assert (first.at_s, round(second.at_s, 3)) == (0.0, 0.526)
    assert pace.with_turn(0.6, second) == (pace, second)

    refused = pace.after_refusal(0.1, sent_s=0.0, recent_per_s=9.0, retry_after_s=30.0)

    # Nobody takes a turn before the provider wants orders again.
    blocked, told = refused.with_turn(0.6, second)
    assert (told, blocked.held_per_s(0.6)) == (Turn(30.1), 0.0)
    later, third = blocked.with_turn(30.1, told)
    later, fourth = later.with_turn(30.1, second)
    assert (third.at_s, round(fourth.at_s - third.at_s, 2)) == (30.1, 1.05)
    assert round(later.held_per_s(30.2) or 0.0, 2) == 1.0
    assert later.held_per_s(60.0) is None
    assert OrderPace(KIE).held_per_s(0.0) is None
