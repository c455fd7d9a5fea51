"""Notices of alerts: what administrators read when one fires or resolves, and its buttons."""

from collections.abc import Iterable, Mapping

from imgbot.config.settings import MAX_WORKERS
from imgbot.domain.texts import in_time, t
from imgbot.domain.texts.buttons import Button, Keyboard, Remedy, RemedyData, remedy
from imgbot.domain.texts.problems import has_problem, kind_of, problem_text, stored_key
from imgbot.storage.alerts import Notice
from imgbot.storage.spend import MICRO_PER_CENT, raised
from imgbot.telemetry.health import BudgetState, Condition, HealthFacts
from imgbot.telemetry.thresholds import Indicator, Level

_REMEDIES_AFTERWARDS: Mapping[str, tuple[Remedy, ...]] = {
    Indicator.QUEUE_JOBS: (Remedy.RESUME,),
    "provider": (Remedy.RESUME,),
    "dead": (Remedy.RETRY,),
}
_TOO_MANY_WORKERS = frozenset({Indicator.CPU_RATIO, Indicator.MEMORY_RATIO})
_MARKS = {Level.ATTENTION: "🟡", Level.CRITICAL: "🔴"}


def fired(condition: Condition, facts: HealthFacts) -> Notice:
    """Notice of an alert that fires."""
    told = {**condition.facts, "level": condition.level.value}
    notice = Notice(stored_key(condition.kind), told)
    return _with_remedies(notice, condition.remedies, condition.name, facts, condition.name)


def resolved(condition: Condition, facts: HealthFacts) -> Notice:
    """Notice of an alert that is over."""
    notice = Notice(stored_key(f"{condition.rule}_over"), condition.facts)
    remedies = _REMEDIES_AFTERWARDS.get(condition.rule, ())
    return _with_remedies(notice, remedies, condition.name, facts)


def _with_remedies(
    notice: Notice,
    remedies: Iterable[Remedy],
    alert: str,
    facts: HealthFacts,
    incident: str = "",
) -> Notice:
    """Add the remedies that are possible now, as facts: `fix_<remedy>` and its amount."""
    amounts = {f"fix_{each}": _amount(each, alert, facts) for each in remedies}
    added = {key: amount for key, amount in amounts.items() if amount is not None}
    if not added:
        return notice
    return Notice(notice.key, {**notice.facts, **added, "incident": incident})


def _amount(remedy: Remedy, alert: str, facts: HealthFacts) -> str | None:
    """Return the amount of a remedy, empty if it has none; None if it is not possible."""
    if remedy is Remedy.WORKERS:
        advised = advised_workers(facts.workers, is_too_many=alert in _TOO_MANY_WORKERS)
        return None if advised == facts.workers else str(advised)
    if remedy is Remedy.BUDGET:
        return _raised_budget(facts.budget)
    is_possible = {Remedy.PAUSE: not facts.is_paused, Remedy.RESUME: facts.is_paused}
    return "" if is_possible.get(remedy, True) else None


def advised_workers(workers: int, *, is_too_many: bool) -> int:
    """Return half as many workers again, or a third fewer, within the limits."""
    if is_too_many:
        return max(workers - max(workers // 3, 1), 1)
    return min(workers + max(workers // 2, 1), MAX_WORKERS)


def _raised_budget(budget: BudgetState) -> str | None:
    """Return today's budget raised by one step, in cents, and the day for which it holds."""
    if budget.ceiling_micro is None:
        return None
    cents = raised(budget.ceiling_micro) // MICRO_PER_CENT
    return f"{cents}-{budget.day.replace('-', '')}"


def remedy_rows(language: str, notices: Iterable[Notice]) -> Keyboard:
    """Return a button for each remedy that the notices advise, once each."""
    rows: dict[tuple[Remedy, str], list[Button]] = {}
    for notice in notices:
        for each in Remedy:
            if (amount := notice.facts.get(f"fix_{each}")) is not None:
                incident = str(notice.facts.get("incident", ""))
                press = RemedyData(each, str(amount), incident)
                rows.setdefault((each, str(amount)), [remedy(language, press)])
    return list(rows.values())


def render(language: str, notice: Notice) -> str:
    """Text of a notice; empty for one of another version that is unknown here."""
    kind = kind_of(notice.key)
    try:
        if not has_problem(kind):
            wait = in_time(language, int(notice.facts.get("wait_s", 0)))
            return t(language, notice.key, **{**notice.facts, "wait": wait})
        # Stored by a release that did not know it: as bad as it may be.
        mark = _MARKS[Level(notice.facts.get("level", Level.CRITICAL))]
        what, advice = problem_text(language, kind, notice.facts)
    except (KeyError, ValueError):
        return ""
    return f"{mark} {what}\n{advice}"
