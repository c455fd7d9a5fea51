"""Health of the service, judged once: measured facts → the condition of every alert rule.

Pure. Page, terminal and `imgbot doctor` show the problems among the conditions, the chat gets
their alerts, all in the words of `[problems]` in `domain/texts`. A new problem is a row of
`THRESHOLDS`, its figure among the facts, and its texts.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from imgbot.domain.errors import ProviderErrorKind
from imgbot.domain.operations import Operation
from imgbot.domain.texts import dollars
from imgbot.telemetry.thresholds import (
    THRESHOLDS,
    Bound,
    ConditionStatus,
    Indicator,
    Level,
    Remedy,
)


@dataclass(frozen=True, slots=True)
class BudgetState:
    """Daily budget in micro-dollars; without a ceiling for None."""

    spent_micro: int = 0
    ceiling_micro: int | None = None
    least_price_micro: int = 0
    """Price of the cheapest picture that is not free; 0 if all are."""
    resumes_in_s: int = 0
    day: str = ""

    @property
    def spent_usd(self) -> float:
        return self.spent_micro / 1_000_000

    @property
    def ceiling_usd(self) -> float | None:
        return None if self.ceiling_micro is None else self.ceiling_micro / 1_000_000

    @property
    def is_spent(self) -> bool:
        """True once it pays for no further picture."""
        if self.ceiling_micro is None or not self.least_price_micro:
            return False
        return self.ceiling_micro - self.spent_micro < self.least_price_micro


@dataclass(frozen=True, slots=True)
class ProviderState:
    """State of a provider, as far as this process has seen it."""

    refusal: ProviderErrorKind | None = None
    """Kind of error with which it is out of service, or one of its models; None if it serves."""
    is_proven: bool = True
    """True once it was seen to serve, or to refuse service."""
    unserved: tuple[Operation, ...] = ()
    """Operations that nobody serves, as all their providers are out, this one among them."""
    has_spare: bool = False
    """True if the built-in engine could serve those, and does not."""
    held_per_s: float | None = None
    """Orders per second that it accepts, if that holds orders back; 0 while it wants none."""


Levels = Mapping[Indicator, tuple[float | None, Level]]
"""Value of each indicator, in the unit of its bounds, and its level."""


@dataclass(frozen=True, slots=True)
class HealthFacts:
    """Measurements of the service at one moment; times in ms since 1970, 0 where there is none."""

    now_ms: int = 0
    levels: Levels = field(default_factory=dict[Indicator, "tuple[float | None, Level]"])
    bound: Bound = Bound.NONE
    slowest_stage: str = ""
    """Stage that takes most of the time of the jobs."""
    jobs: Mapping[str, Mapping[str, int]] = field(default_factory=dict[str, Mapping[str, int]])
    """Operation → state → number of jobs."""
    waiting: int | None = None
    """None while Redis is away."""
    capped: int = 0
    """Waiting jobs of users who have as many under way as one user may."""
    running: int = 0
    delivering: int = 0
    capacity: int = 0
    """Maximum number of running jobs."""
    oldest_waiting_ms: int = 0
    oldest_running_ms: int = 0
    update_age_s: float = 0.0
    """Of the oldest update that is not handled yet; 0 without one."""
    workers: int = 0
    started: int = 0
    busy: int = 0
    steps_waiting: int = 0
    """Steps that wait for a worker."""
    is_provider_full: bool = False
    """True if a provider is at its concurrency limit or has recently rate-limited us."""
    checks: Mapping[str, str] = field(default_factory=dict[str, str])
    """Health checks: what is wrong by name, empty when well."""
    figures: Mapping[str, float] = field(default_factory=dict[str, float])
    """Figures by rule, of those that follow from one figure and its bounds alone."""
    redis: Mapping[str, str | int] = field(default_factory=dict[str, "str | int"])
    """Words about the memory of Redis: MB that are used, their limit, how to get more."""
    providers: Mapping[str, ProviderState] = field(default_factory=dict[str, ProviderState])
    budget: BudgetState = BudgetState()
    dead: int = 0
    """Jobs with an unknown outcome, and of the latest one its id, provider, and time."""
    dead_job: str = ""
    dead_provider: str = ""
    dead_ms: int = 0
    silence_s: float = 0.0
    """Seconds since Telegram last answered getUpdates, or since the start."""
    has_answered: bool = False
    """True once Telegram has answered since the start."""
    rival: str = ""
    """Another consumer of this bot's updates: poller, webhook, or none."""
    is_paused: bool = False

    def age_s(self, at_ms: int) -> float | None:
        """Seconds since a time; None where there is none."""
        return max(0, self.now_ms - at_ms) / 1000 if at_ms else None

    @property
    def held_per_s(self) -> Mapping[str, float]:
        """Orders per second that providers accept which hold some back."""
        limits = {name: state.held_per_s for name, state in self.providers.items()}
        return {name: per_s for name, per_s in limits.items() if per_s is not None}


def bound_of(facts: HealthFacts) -> Bound:
    """Return what really holds the jobs back; what stands later in their way comes first."""
    needs_worker = facts.steps_waiting > 0 and facts.busy >= facts.workers
    hosted = [state.refusal for name, state in facts.providers.items() if name != "builtin"]
    is_flooded = facts.figures.get("flood", 0) > 0
    holds = {
        Bound.DISK: bool(facts.checks.get("disk")),
        Bound.CPU: needs_worker and _is_short(Indicator.CPU_RATIO, facts),
        Bound.MEMORY: needs_worker and _is_short(Indicator.MEMORY_RATIO, facts),
        Bound.WORKERS: needs_worker,
        Bound.PROVIDER_OUT: bool(hosted) and all(hosted),
        Bound.TELEGRAM: is_flooded and 2 * facts.delivering >= facts.running > 0,
        Bound.PROVIDER_LIMIT: facts.is_provider_full or bool(facts.held_per_s),
        Bound.JOBS_PER_WORKER: facts.running >= facts.capacity > 0,
        Bound.RUNNING_PER_USER: 0 < (facts.waiting or 0) <= facts.capped,
        Bound.BUDGET: facts.budget.is_spent,
    }
    return next((bound for bound, does_hold in holds.items() if does_hold), Bound.NONE)


def _is_short(indicator: Indicator, facts: HealthFacts) -> bool:
    _, level = facts.levels.get(indicator, (None, Level.UNKNOWN))
    return level is Level.ATTENTION


@dataclass(frozen=True, slots=True)
class Condition:
    """Condition of an alert rule now; at attention or worse it is a problem."""

    name: str
    """Name of the alert: that of its rule, and after a dot the provider or check it is of."""
    kind: str
    """Cause, and key of its texts."""
    level: Level
    status: ConditionStatus
    facts: Mapping[str, str | int] = field(default_factory=dict[str, "str | int"])
    """Of its texts."""
    remedies: tuple[Remedy, ...] = ()

    @property
    def rule(self) -> str:
        return self.name.partition(".")[0]


def conditions_of(facts: HealthFacts) -> list[Condition]:
    """Judge the service."""
    found = [
        *_figures(facts),
        *(_provider(name, state) for name, state in facts.providers.items()),
        *([] if facts.budget.ceiling_micro is None else [_budget(facts.budget)]),
        _dead(facts),
    ]
    critical = {each.rule for each in found if each.level is Level.CRITICAL}
    return [*_checks(facts.checks, critical), *found]


def _condition(
    rule: str,
    value: float | None,
    kind: str = "",
    /,
    **facts: str | int,
) -> Condition:
    bounds = THRESHOLDS[rule]
    level = bounds.level(value)
    status = bounds.status(value, level)
    return Condition(rule, kind or rule, level, status, facts, bounds.remedies)


def _figures(facts: HealthFacts) -> Iterator[Condition]:
    """Yield the conditions that follow from figures and their bounds."""
    yield from (_indicator(indicator, facts) for indicator in facts.levels)
    for rule, value in facts.figures.items():
        words = facts.redis if rule == "redis_full" else {}
        yield _condition(rule, value, count=round(value), wait_s=round(value), **words)
    is_silent = facts.silence_s >= THRESHOLDS["polling"].attention
    # A start is no answer, and silence is none: what was wrong before it may be so still.
    rivals = 1 if facts.rival else None if is_silent or not facts.has_answered else 0
    # Silence whose cause is reported needs no second sentence.
    is_known = not facts.rival if is_silent else facts.has_answered
    silence_s = facts.silence_s if is_known else None
    yield _condition("polling", silence_s, minutes=max(1, round(facts.silence_s / 60)))
    yield _condition("rival", rivals, f"rival_{facts.rival or 'poller'}")
    yield _condition("paused", int(facts.is_paused))


_WIDENED_BY = {Bound.WORKERS: (Remedy.WORKERS,), Bound.BUDGET: (Remedy.BUDGET,)}


def _indicator(indicator: Indicator, facts: HealthFacts) -> Condition:
    value, level = facts.levels[indicator]
    bounds = THRESHOLDS[indicator]
    scale = 100 if indicator.endswith("_ratio") else 1
    found = _condition(
        indicator,
        value,
        value=_figure((value or 0.0) * scale),
        bound=_figure(bounds.attention * scale),
        workers=facts.workers,
        held_by=facts.bound.value,
        **({"stage": facts.slowest_stage} if indicator is Indicator.JOB_TIME_S else {}),
    )
    names_bound = indicator in {Indicator.QUEUE_JOBS, Indicator.JOB_TIME_S}
    widening = _WIDENED_BY.get(facts.bound, ()) if names_bound else ()
    remedies = (*widening, *found.remedies)
    return replace(found, level=level, status=bounds.status(value, level), remedies=remedies)


def _figure(value: float) -> str:
    return f"{value:.2g}" if value < 9.95 else f"{value:.0f}"


_REFUSALS: Mapping[ProviderErrorKind | None, tuple[str, tuple[Remedy, ...]]] = {
    ProviderErrorKind.AUTH: ("provider_key", ()),
    ProviderErrorKind.NO_CREDIT: ("provider_credit", (Remedy.TRY,)),
    ProviderErrorKind.NOT_FOUND: ("provider_address", ()),
}
"""Texts, and whether a trial may help: with a wrong key or address, none does."""


def _provider(name: str, state: ProviderState) -> Condition:
    """Judge a provider: critical where nothing can be made without it."""
    is_out = state.refusal is not None
    kind, trial = _REFUSALS.get(state.refusal, ("provider_out", (Remedy.TRY,)))
    found = _condition(
        "provider",
        int(is_out) if is_out or state.is_proven else None,
        kind,
        provider=name,
        effect="unserved" if state.unserved else "served",
        operations=",".join(state.unserved),
    )
    found = replace(found, name=f"provider.{name}", remedies=trial)
    if not is_out or not state.unserved:
        return found
    stand_in = (Remedy.FALLBACK,) if state.has_spare else ()
    return replace(found, level=Level.CRITICAL, remedies=(Remedy.PAUSE, *stand_in, *trial))


def _budget(budget: BudgetState) -> Condition:
    return _condition(
        "budget",
        int(budget.is_spent),
        spent=dollars(budget.spent_micro),
        ceiling=dollars(budget.ceiling_micro or 0),
        wait_s=budget.resumes_in_s,
    )


def _dead(facts: HealthFacts) -> Condition:
    """Judge jobs with an unknown outcome: of a day; the first one in a quiet hour is an alert."""
    age_ms = facts.now_ms - facts.dead_ms
    is_recent = facts.dead_ms > 0 and age_ms < THRESHOLDS["dead"].window_s * 1000
    is_news = is_recent and age_ms < 3_600_000
    found = _condition(
        "dead",
        int(is_recent),
        provider=facts.dead_provider or "?",
        job=facts.dead_job,
        count=facts.dead,
    )
    return replace(found, status=ConditionStatus.MET if is_news else ConditionStatus.CLEAR)


_JUDGED_AS = {
    "redis": {"redis_full"},
    "telegram": {"polling", "rival"},
    "updates": {Indicator.UPDATE_AGE_S.value},
}
"""Rules that say more than a check that fails for the same reason."""


def _checks(checks: Mapping[str, str], critical: Collection[str]) -> Iterator[Condition]:
    for name, wrong in checks.items():
        is_known = not _JUDGED_AS.get(name, set()).isdisjoint(critical)
        found = _condition("check", None if is_known else int(bool(wrong)), check=name, wrong=wrong)
        yield replace(found, name=f"check.{name}")
