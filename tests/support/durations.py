"""How long jobs take, drawn from five distributions, as polls see it."""

import math
import random
from collections.abc import Callable
from itertools import pairwise

from imgbot.domain.duration_model import CensoredDuration
from imgbot.domain.poll_schedule import PollingConfig

GUIDE = PollingConfig()

Draw = Callable[[random.Random], float]


def lognormal(median_s: float, width: float) -> Draw:
    return lambda dice: median_s * math.exp(width * dice.gauss(0, 1))


def either(dice: random.Random) -> float:
    return (8 if dice.random() < 0.7 else 45) * math.exp(0.25 * dice.gauss(0, 1))


FIVE = {
    "8": lognormal(8, 0.25),
    "20": lognormal(20, 0.25),
    "45": lognormal(45, 0.25),
    "wide": lognormal(20, 0.6),
    "either": either,
}


def seen(draw: Draw, count: int, *, seed: int = 1, off: float = 0.05) -> list[CensoredDuration]:
    """Jobs that polls have caught between a little before and a little after their end."""
    dice = random.Random(seed)
    ends = [draw(dice) for _ in range(count)]
    return [
        CensoredDuration(end * (1 - off * dice.random()), end * (1 + off * dice.random()))
        for end in ends
    ]


def by_schedule(draw: Draw, count: int, *, seed: int = 1) -> list[CensoredDuration]:
    """Jobs that only the guide's schedule has looked at."""
    dice = random.Random(seed)
    spans: list[CensoredDuration] = []
    for _ in range(count):
        end = draw(dice)
        times = [0.0, *GUIDE.times_s(end)]
        spans.append(next(CensoredDuration(a, b) for a, b in pairwise(times) if b >= end))
    return spans
