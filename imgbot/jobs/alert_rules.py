"""Alert rules: pure functions from a service snapshot to alert conditions."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from imgbot.config.settings import MAX_WORKERS
from imgbot.domain.errors import ProviderErrorKind
from imgbot.domain.texts import dollars
from imgbot.domain.texts.buttons import Remedy
from imgbot.storage.alerts import Notice
from imgbot.storage.dead_letters import ProblemJob
from imgbot.storage.spend import MICRO_PER_CENT, raised
from imgbot.telegram.polling_health import UpdateConflict
from imgbot.telemetry.thresholds import (
    THRESHOLDS,
    VITAL_HOLDS,
    Bound,
    HoldTime,
    Indicator,
    Level,
    Reading,
    reading_of,
)

BUDGET, DEAD = "budget", "dead"
_ADVISED: Mapping[str, tuple[Remedy, ...]] = {
    Indicator.QUEUE_JOBS: (Remedy.PAUSE,),
    Indicator.JOB_TIME_S: (Remedy.RETRY,),
    Indicator.CPU_RATIO: (Remedy.WORKERS,),
    Indicator.MEMORY_RATIO: (Remedy.WORKERS,),
    BUDGET: (Remedy.BUDGET,),
    DEAD: (Remedy.RETRY,),
}
"""Remedies that the sentence of an alert advises."""
_ADVISED_BY_BOUND: Mapping[Bound, tuple[Remedy, ...]] = {
    Bound.WORKERS: (Remedy.WORKERS,),
    Bound.BUDGET: (Remedy.BUDGET,),
}
"""Remedies that the sentence about what holds the jobs back advises."""
_ADVISED_AFTERWARDS: Mapping[str, tuple[Remedy, ...]] = {
    Indicator.QUEUE_JOBS: (Remedy.RESUME,),
    DEAD: (Remedy.RETRY,),
}
_NAMES_BOUND = frozenset({Indicator.QUEUE_JOBS, Indicator.JOB_TIME_S})
_TOO_MANY_WORKERS = frozenset({Indicator.CPU_RATIO, Indicator.MEMORY_RATIO})

Levels = Mapping[Indicator, tuple[float | None, Level]]

_PROVIDER_KEYS = {
    ProviderErrorKind.AUTH: "alarm_key_refused",
    ProviderErrorKind.NO_CREDIT: "alarm_no_credit",
}
# A provider that comes and goes is one alert, and so is a budget of which each finished picture
# releases a bit. A reservation may be released in a moment.
_PROVIDER_HOLD = HoldTime(0, 300)
_BUDGET_HOLD = HoldTime(60, 300)
_POLLING_HOLD = HoldTime(0, 30)
_RIVAL_HOLD = HoldTime(0, 120)
_SILENT_S = 120.0
_DEATH_IS_NEWS_MS = 3_600_000
_RATIOS = frozenset({Indicator.CPU_RATIO, Indicator.MEMORY_RATIO, Indicator.ERROR_RATIO})


@dataclass(frozen=True, slots=True)
class BudgetState:
    """Daily budget in micro-dollars; without a ceiling for None."""

    spent_micro: int
    ceiling_micro: int | None
    least_price_micro: int
    """Price of the cheapest picture that is not free; 0 if all are."""
    resumes_in_s: int
    day: str = ""


@dataclass(frozen=True, slots=True)
class ServiceSnapshot:
    """State of the service at one moment."""

    now_ms: int
    levels: Levels
    bound: Bound
    workers: int
    providers: Mapping[str, ProviderErrorKind | None]
    """Providers seen to serve (None) or to refuse service."""
    provider_names: tuple[str, ...]
    money: BudgetState
    dead: ProblemJob | None
    """The latest dead letter."""
    dead_count: int
    silence_s: float
    """Seconds since Telegram last answered getUpdates, or since the start."""
    has_answered: bool
    """Telegram has answered since the start."""
    rival: UpdateConflict | None
    """Another consumer of this bot's updates."""
    is_paused: bool = False


@dataclass(frozen=True, slots=True)
class AlertCondition:
    """Reading of one alert rule, and the notices of its transitions."""

    name: str
    reading: Reading
    hold: HoldTime
    begun: Notice
    over: Notice


def evaluate(facts: ServiceSnapshot) -> Iterator[AlertCondition]:
    """Yield the condition of every rule that can be evaluated."""
    for condition in _conditions(facts):
        name = condition.name
        advised = _ADVISED.get(name, ())
        if name in _NAMES_BOUND:
            advised = (*_ADVISED_BY_BOUND.get(facts.bound, ()), *advised)
        yield replace(
            condition,
            begun=_with_remedies(condition.begun, advised, name, facts, incident=name),
            over=_with_remedies(condition.over, _ADVISED_AFTERWARDS.get(name, ()), name, facts),
        )


def _with_remedies(
    notice: Notice,
    remedies: Iterable[Remedy],
    name: str,
    facts: ServiceSnapshot,
    *,
    incident: str = "",
) -> Notice:
    """Add the remedies that are possible now, as facts: `fix_<remedy>` and its amount."""
    amounts = {f"fix_{each}": _amount(each, name, facts) for each in remedies}
    added = {key: amount for key, amount in amounts.items() if amount is not None}
    if not added:
        return notice
    return Notice(notice.key, {**notice.facts, **added, "incident": incident})


def _amount(remedy: Remedy, name: str, facts: ServiceSnapshot) -> str | None:
    """Return the amount of a remedy, empty if it has none; None if it is not possible."""
    if remedy is Remedy.WORKERS:
        advised = advised_workers(facts.workers, is_too_many=name in _TOO_MANY_WORKERS)
        return None if advised == facts.workers else str(advised)
    if remedy is Remedy.BUDGET:
        return _raised_budget(facts.money)
    is_possible = {Remedy.PAUSE: not facts.is_paused, Remedy.RESUME: facts.is_paused}
    return "" if is_possible.get(remedy, True) else None


def advised_workers(workers: int, *, is_too_many: bool) -> int:
    """Return half as many workers again, or a third fewer, within the limits."""
    if is_too_many:
        return max(workers - max(workers // 3, 1), 1)
    return min(workers + max(workers // 2, 1), MAX_WORKERS)


def _raised_budget(money: BudgetState) -> str | None:
    """Return today's budget raised by one step, in cents, and the day for which it holds."""
    if money.ceiling_micro is None:
        return None
    cents = raised(money.ceiling_micro) // MICRO_PER_CENT
    return f"{cents}-{money.day.replace('-', '')}"


def _conditions(facts: ServiceSnapshot) -> Iterator[AlertCondition]:
    for vital, (value, level) in facts.levels.items():
        yield _vital(vital, value, level, facts)
    for name in facts.provider_names:
        yield _provider(name, facts)
    if facts.money.ceiling_micro is not None:
        yield _budget(facts.money, facts.money.ceiling_micro)
    yield _death(facts)
    yield _polling(facts)
    yield _rival(facts)


def _vital(
    vital: Indicator, value: float | None, level: Level, facts: ServiceSnapshot
) -> AlertCondition:
    bounds = THRESHOLDS[vital]
    bound = bounds.attention if bounds.critical is None else bounds.critical
    scale = 100 if vital in _RATIOS else 1
    told = {"value": round((value or 0) * scale), "bound": round(bound * scale)}
    return AlertCondition(
        vital,
        reading_of(vital, value, level),
        VITAL_HOLDS[vital],
        Notice(
            f"incident_{vital}", {**told, "workers": facts.workers, "held_by": facts.bound.value}
        ),
        Notice(f"incident_{vital}_over", told),
    )


def _provider(name: str, facts: ServiceSnapshot) -> AlertCondition:
    kind = facts.providers.get(name)
    is_known = name in facts.providers
    sign = Reading.OPEN if not is_known else Reading.GOOD if kind is None else Reading.BAD
    key = _PROVIDER_KEYS.get(kind, "alarm_provider_out") if kind else "alarm_provider_out"
    return AlertCondition(
        f"provider.{name}",
        sign,
        _PROVIDER_HOLD,
        Notice(key, {"provider": name}),
        Notice("alarm_provider_back", {"provider": name}),
    )


def _budget(money: BudgetState, ceiling_micro: int) -> AlertCondition:
    is_used_up = (
        money.least_price_micro > 0
        and money.spent_micro + money.least_price_micro > ceiling_micro
    )  # fmt: skip
    told: dict[str, str | int | float] = {
        "spent": dollars(money.spent_micro),
        "ceiling": dollars(ceiling_micro),
        "wait_s": money.resumes_in_s,
    }
    return AlertCondition(
        BUDGET,
        Reading.BAD if is_used_up else Reading.GOOD,
        _BUDGET_HOLD,
        Notice("incident_budget", told),
        Notice("incident_budget_over", told),
    )


def _death(facts: ServiceSnapshot) -> AlertCondition:
    """Fires for the first dead letter in a quiet hour; its notice names the list of all."""
    dead = facts.dead
    is_news = dead is not None and facts.now_ms - dead.at_ms < _DEATH_IS_NEWS_MS
    provider = dead.job.progress.provider if dead else ""
    return AlertCondition(
        DEAD,
        Reading.BAD if is_news else Reading.GOOD,
        HoldTime(),
        Notice("alarm_job_dead", {"provider": provider or "?", "job": dead.job.id if dead else ""}),
        Notice("alarm_job_dead_over", {"count": facts.dead_count}),
    )


def _polling(facts: ServiceSnapshot) -> AlertCondition:
    told = {"minutes": max(1, round(facts.silence_s / 60))}
    # Whose cause is known and told needs no second sentence.
    is_unexplained = facts.silence_s >= _SILENT_S and facts.rival is None
    return AlertCondition(
        "polling",
        Reading.BAD if is_unexplained else _quiet(facts),
        _POLLING_HOLD,
        Notice("incident_polling", told),
        Notice("incident_polling_over"),
    )


def _rival(facts: ServiceSnapshot) -> AlertCondition:
    return AlertCondition(
        "rival",
        Reading.BAD if facts.rival else _quiet(facts),
        _RIVAL_HOLD,
        Notice(f"incident_rival_{facts.rival or UpdateConflict.POLLER}"),
        Notice("incident_rival_over"),
    )


def _quiet(facts: ServiceSnapshot) -> Reading:
    # A start is no answer, and silence is none: what was wrong before it may be so still.
    is_answered = facts.has_answered and facts.silence_s < _SILENT_S
    return Reading.GOOD if is_answered else Reading.OPEN
