"""Buttons of remedies, under alerts and a pause."""

from typing import NamedTuple

from imgbot.domain.buttons import Button, ButtonAction, one_of
from imgbot.domain.texts import dollars, t
from imgbot.telemetry.thresholds import Remedy

_STEPS = {"ask": "fix_{}", "yes": "fix_{}_yes", "no": "fix_no"}
"""Presses of a remedy, with the keys of their labels: the first one asks, the second answers."""


FIX = ButtonAction("fix", (one_of(*_STEPS), Remedy, str, str), is_for_admins=True)


class RemedyData(NamedTuple):
    """Parts of the callback data of a remedy."""

    step: str
    remedy: Remedy
    amount: str = ""
    """Wanted number of workers; wanted budget of a day in cents, as <cents>-<YYYYMMDD>."""
    incident: str = ""
    """Incident that must be open; empty if none needs to be. It may have a dot in its name."""


def remedy(language: str, press: RemedyData, step: str = "ask") -> Button:
    """Button of a remedy; the first press asks for confirmation."""
    amount, _, day = press.amount.partition("-")
    shown = dollars(int(amount) * 10_000) if day and amount.isdecimal() else amount
    label = t(language, _STEPS[step].format(press.remedy), amount=shown)
    return Button(label, FIX.pack(*press._replace(step=step)))


def resume(language: str) -> Button:
    return remedy(language, RemedyData("ask", Remedy.RESUME))
