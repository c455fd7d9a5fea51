"""Health of the service, judged once: measured facts → problems.

Pure. Each surface only words a problem: the status page and `imgbot status` by `problems.toml`,
the alerts on Telegram by the texts of users.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from imgbot.domain.errors import ProviderErrorKind
from imgbot.domain.operations import Operation
from imgbot.domain.texts.buttons import Remedy
from imgbot.telemetry.thresholds import Level


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that needs the operator."""

    kind: str
    """Cause, and key of its texts."""
    level: Level
    facts: Mapping[str, str] = field(default_factory=dict[str, str])
    remedies: tuple[Remedy, ...] = ()
    """Remedies that an administrator can order from the chat, where they are possible now."""


@dataclass(frozen=True, slots=True)
class BudgetState:
    """Daily budget in micro-dollars; without a ceiling for None."""

    spent_micro: int = 0
    ceiling_micro: int | None = None
    least_price_micro: int = 0
    """Price of the cheapest picture that is not free; 0 if all are."""
    resumes_in_s: int = 0
    day: str = ""


def budget_problem(budget: BudgetState) -> Problem | None:
    """Judge the budget: it is spent once it pays for no further picture."""
    if budget.ceiling_micro is None or not budget.least_price_micro:
        return None
    left_micro = budget.ceiling_micro - budget.spent_micro
    if left_micro >= budget.least_price_micro:
        return None
    return Problem("budget", Level.ATTENTION, remedies=(Remedy.BUDGET,))


@dataclass(frozen=True, slots=True)
class ProviderState:
    """State of a provider, as far as this process has seen it."""

    refusal: ProviderErrorKind | None = None
    """Kind of error with which it is out of service; None while it serves."""
    is_proven: bool = True
    """Seen to serve, or to refuse service."""
    unserved: tuple[Operation, ...] = ()
    """Operations that nobody serves, as all their providers are out, this one among them."""
    has_spare: bool = False
    """The built-in engine could serve those, and is not asked to."""
    held_per_s: float | None = None
    """Orders per second that it accepts, if that holds orders back; 0 while it wants none."""


_KINDS = {
    ProviderErrorKind.AUTH: "provider_key",
    ProviderErrorKind.NO_CREDIT: "provider_credit",
}


def provider_problem(name: str, state: ProviderState) -> Problem | None:
    """Judge a provider: critical where nothing can be made without it."""
    if state.refusal is None:
        return None
    # With a wrong key a restart is due, and no trial helps.
    trial = () if state.refusal is ProviderErrorKind.AUTH else (Remedy.TRY,)
    kind = _KINDS.get(state.refusal, "provider_out")
    facts = {"name": name, "unserved": ", ".join(state.unserved)}
    if not state.unserved:
        return Problem(kind, Level.ATTENTION, facts, trial)
    return Problem(kind, Level.CRITICAL, facts, (Remedy.PAUSE, Remedy.FALLBACK, *trial))
