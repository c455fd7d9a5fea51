"""Buttons of remedies, under alerts and a pause."""

from typing import NamedTuple

from imgbot.domain.buttons import Button
from imgbot.domain.texts import dollars, t
from imgbot.telemetry.thresholds import Remedy

_STEPS = {"ask": "fix_{}", "yes": "fix_{}_yes", "no": "fix_no"}
"""Presses of a remedy, with the keys of their labels: the first one asks, the second answers."""


class RemedyData(NamedTuple):
    """Parsed callback data of a remedy."""

    remedy: Remedy
    amount: str = ""
    """Wanted number of workers; wanted budget of a day in cents, as <cents>-<YYYYMMDD>."""
    incident: str = ""
    """Incident that must be open; empty if none needs to be."""
    step: str = "ask"


def parse_remedy(argument: str) -> RemedyData | None:
    """Parse the argument of a remedy's callback data; None for another form."""
    # The incident of a provider has a dot in its name.
    parts = argument.split(".", 3)
    if len(parts) != 4 or parts[0] not in _STEPS or parts[1] not in set(Remedy):
        return None
    return RemedyData(Remedy(parts[1]), parts[2], parts[3], parts[0])


def remedy(language: str, press: RemedyData, step: str = "ask") -> Button:
    """Button of a remedy; the first press asks for confirmation."""
    amount, _, day = press.amount.partition("-")
    shown = dollars(int(amount) * 10_000) if day and amount.isdecimal() else amount
    data = f"fix:{step}.{press.remedy}.{press.amount}.{press.incident}"
    return Button(t(language, _STEPS[step].format(press.remedy), amount=shown), data)


def resume(language: str) -> Button:
    return remedy(language, RemedyData(Remedy.RESUME))
