"""Alert rules: pure functions from a service snapshot to alert conditions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from imgbot.config.settings import MAX_WORKERS
from imgbot.domain.texts import dollars
from imgbot.domain.texts.buttons import Remedy
from imgbot.storage.alerts import Notice
from imgbot.storage.server.durability import Memory
from imgbot.storage.spend import MICRO_PER_CENT, raised
from imgbot.storage.stats import DeadJob
from imgbot.telegram.polling_health import UpdateConflict
from imgbot.telemetry.health import (
    BudgetState,
    ProviderState,
    budget_problem,
    provider_problem,
)
from imgbot.telemetry.thresholds import (
    THRESHOLDS,
    Bound,
    HoldTime,
    Indicator,
    Level,
    Reading,
    reading_of,
)

_REMEDIES: Mapping[str, Sequence[Remedy]] = {
    Indicator.QUEUE_JOBS: (Remedy.PAUSE,),
    Indicator.JOB_TIME_S: (Remedy.RETRY,),
    Indicator.CPU_RATIO: (Remedy.WORKERS,),
    Indicator.MEMORY_RATIO: (Remedy.WORKERS,),
    "dead": (Remedy.RETRY,),
}
"""Remedies that the sentence of an alert advises."""
_REMEDIES_OF_BOUND: Mapping[Bound, Sequence[Remedy]] = {
    Bound.WORKERS: (Remedy.WORKERS,),
    Bound.BUDGET: (Remedy.BUDGET,),
}
"""Remedies that the sentence about what holds the jobs back advises."""
_REMEDIES_AFTERWARDS: Mapping[str, Sequence[Remedy]] = {
    Indicator.QUEUE_JOBS: (Remedy.RESUME,),
    "provider": (Remedy.RESUME,),
    "dead": (Remedy.RETRY,),
}
_NAMES_BOUND = frozenset({Indicator.QUEUE_JOBS, Indicator.JOB_TIME_S})
_TOO_MANY_WORKERS = frozenset({Indicator.CPU_RATIO, Indicator.MEMORY_RATIO})

_PROVIDER_KEYS = {
    "provider_key": "alarm_key_refused",
    "provider_credit": "alarm_no_credit",
    "provider_out": "alarm_provider_out",
}
_PROVIDER = "provider."
_SILENT_S = 120.0
_DEATH_IS_NEWS_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class ServiceSnapshot:
    """State of the service at one moment."""

    now_ms: int
    levels: Mapping[Indicator, tuple[float | None, Level]]
    bound: Bound
    workers: int
    providers: Mapping[str, ProviderState]
    money: BudgetState
    memory: Memory
    """Of Redis."""
    dead: DeadJob | None
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
    remedies: Sequence[Remedy] = ()


def evaluate(facts: ServiceSnapshot) -> Iterator[AlertCondition]:
    """Yield the condition of every rule that can be evaluated."""
    for condition in _conditions(facts):
        name = condition.name
        remedies = condition.remedies or _REMEDIES.get(name, ())
        if name in _NAMES_BOUND:
            remedies = (*_REMEDIES_OF_BOUND.get(facts.bound, ()), *remedies)
        over = _REMEDIES_AFTERWARDS.get(name.partition(".")[0], ())
        yield replace(
            condition,
            begun=_advising(condition.begun, remedies, name, facts, incident=name),
            over=_advising(condition.over, over, name, facts),
        )


def _advising(
    notice: Notice,
    remedies: Sequence[Remedy],
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
    is_possible = {
        Remedy.PAUSE: not facts.is_paused,
        Remedy.RESUME: facts.is_paused,
        Remedy.FALLBACK: name.startswith(_PROVIDER)
        and facts.providers[name.removeprefix(_PROVIDER)].has_spare,
    }
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
    yield from (_indicator(indicator, facts) for indicator in facts.levels)
    yield from (_provider(name, state) for name, state in facts.providers.items())
    if facts.money.ceiling_micro is not None:
        yield _budget(facts.money, facts.money.ceiling_micro)
    yield _redis_memory(facts.memory)
    yield _death(facts)
    yield _polling(facts)
    yield AlertCondition(
        "rival",
        Reading.BAD if facts.rival else _quiet(facts),
        HoldTime(0, 120),
        Notice(f"incident_rival_{facts.rival or UpdateConflict.POLLER}"),
        Notice("incident_rival_over"),
    )


def _indicator(indicator: Indicator, facts: ServiceSnapshot) -> AlertCondition:
    value, level = facts.levels[indicator]
    thresholds = THRESHOLDS[indicator]
    bound = thresholds.attention if thresholds.critical is None else thresholds.critical
    scale = 100 if indicator.endswith("_ratio") else 1
    told = {"value": round((value or 0) * scale), "bound": round(bound * scale)}
    begun = {**told, "workers": facts.workers, "held_by": facts.bound.value}
    return AlertCondition(
        indicator,
        reading_of(indicator, value, level),
        thresholds.hold,
        Notice(f"incident_{indicator}", begun),
        Notice(f"incident_{indicator}_over", told),
    )


def _provider(name: str, state: ProviderState) -> AlertCondition:
    problem = provider_problem(name, state)
    is_unserved = problem is not None and problem.level is Level.CRITICAL
    told = {"provider": name, "effect": "unserved" if is_unserved else "served"}
    return AlertCondition(
        f"{_PROVIDER}{name}",
        Reading.BAD if problem else Reading.GOOD if state.is_proven else Reading.OPEN,
        # A provider that comes and goes is one alert.
        HoldTime(0, 300),
        Notice(_PROVIDER_KEYS[problem.kind if problem else "provider_out"], told),
        Notice("alarm_provider_back", {"provider": name}),
        problem.remedies if problem else (),
    )


def _budget(money: BudgetState, ceiling_micro: int) -> AlertCondition:
    problem = budget_problem(money)
    told: dict[str, str | int | float] = {
        "spent": dollars(money.spent_micro),
        "ceiling": dollars(ceiling_micro),
        "wait_s": money.resumes_in_s,
    }
    return AlertCondition(
        "budget",
        Reading.BAD if problem else Reading.GOOD,
        # A reservation may be released in a moment, and each finished picture releases a bit.
        HoldTime(60, 300),
        Notice("incident_budget", told),
        Notice("incident_budget_over", told),
        problem.remedies if problem else (),
    )


def _redis_memory(memory: Memory) -> AlertCondition:
    is_full, is_roomy = memory.is_full, memory.is_roomy
    told = {"used": memory.used_mb, "limit": memory.limit_mb}
    return AlertCondition(
        "redis_full",
        Reading.BAD if is_full else Reading.GOOD if is_roomy else Reading.OPEN,
        HoldTime(0, 60),
        Notice("incident_redis_full", told),
        Notice("incident_redis_full_over", told),
    )


def _death(facts: ServiceSnapshot) -> AlertCondition:
    """Fires for the first dead letter in a quiet hour; its notice names the list of all."""
    dead = facts.dead
    is_news = dead is not None and facts.now_ms - dead.died_ms < _DEATH_IS_NEWS_MS
    provider, job_id = (dead.provider, dead.id) if dead else ("", "")
    return AlertCondition(
        "dead",
        Reading.BAD if is_news else Reading.GOOD,
        HoldTime(),
        Notice("alarm_job_dead", {"provider": provider or "?", "job": job_id}),
        Notice("alarm_job_dead_over", {"count": facts.dead_count}),
    )


def _polling(facts: ServiceSnapshot) -> AlertCondition:
    # Whose cause is known and told needs no second sentence.
    is_unexplained = facts.silence_s >= _SILENT_S and facts.rival is None
    return AlertCondition(
        "polling",
        Reading.BAD if is_unexplained else _quiet(facts),
        HoldTime(0, 30),
        Notice("incident_polling", {"minutes": max(1, round(facts.silence_s / 60))}),
        Notice("incident_polling_over"),
    )


def _quiet(facts: ServiceSnapshot) -> Reading:
    # A start is no answer, and silence is none: what was wrong before it may be so still.
    is_answered = facts.has_answered and facts.silence_s < _SILENT_S
    return Reading.GOOD if is_answered else Reading.OPEN
