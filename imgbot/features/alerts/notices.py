"""Notices of alerts: what administrators read when one fires or resolves, and its buttons."""

from collections.abc import Iterable, Mapping

from imgbot.config.place import service_place
from imgbot.config.settings import MAX_WORKERS
from imgbot.domain.buttons import Button, Keyboard
from imgbot.domain.texts import has_text, in_time, t
from imgbot.domain.texts.problems import problem_text, stored_key
from imgbot.features.alerts.buttons import RemedyData, remedy
from imgbot.features.alerts.store import Notice
from imgbot.storage.spend import MICRO_PER_CENT, raised
from imgbot.telemetry.health import Condition, HealthFacts
from imgbot.telemetry.thresholds import Indicator, Level, Remedy

_REMEDIES_AFTERWARDS: Mapping[str, tuple[Remedy, ...]] = {
    Indicator.QUEUE_JOBS: (Remedy.RESUME,),
    "provider": (Remedy.RESUME,),
    "dead": (Remedy.RETRY,),
}
_TOO_MANY_WORKERS = frozenset({Indicator.CPU_RATIO, Indicator.MEMORY_RATIO})
_MARKS: Mapping[object, str] = {Level.ATTENTION: "🟡", Level.CRITICAL: "🔴"}


def notice_of(condition: Condition, facts: HealthFacts, *, is_firing: bool) -> Notice:
    """Notice of an alert that fires or resolves, with the remedies that are possible now."""
    rule = condition.rule
    remedies = condition.remedies if is_firing else _REMEDIES_AFTERWARDS.get(rule, ())
    amounts = {f"fix_{each}": _amount(each, condition.name, facts) for each in remedies}
    shown = {**condition.facts, "level": condition.level.value}
    shown |= {name: amount for name, amount in amounts.items() if amount is not None}
    shown["incident"] = condition.name if is_firing else ""
    return Notice(stored_key(condition.kind if is_firing else f"{rule}_over"), shown)


def _amount(remedy: Remedy, alert: str, facts: HealthFacts) -> str | None:
    """Return the amount of a remedy, empty if it has none; None if it is not possible."""
    if remedy is Remedy.WORKERS:
        advised = advised_workers(facts.workers, is_too_many=alert in _TOO_MANY_WORKERS)
        return None if advised == facts.workers else str(advised)
    if remedy is Remedy.BUDGET:
        # Raised by one step, in cents, and the day for which it holds.
        ceiling, day = facts.budget.ceiling_micro, facts.budget.day.replace("-", "")
        return None if ceiling is None else f"{raised(ceiling) // MICRO_PER_CENT}-{day}"
    is_possible = {Remedy.PAUSE: not facts.is_paused, Remedy.RESUME: facts.is_paused}
    return "" if is_possible.get(remedy, True) else None


def advised_workers(workers: int, *, is_too_many: bool) -> int:
    """Return half as many workers again, or a third fewer, within the limits."""
    if is_too_many:
        return max(workers - max(workers // 3, 1), 1)
    return min(workers + max(workers // 2, 1), MAX_WORKERS)


def remedy_rows(language: str, notices: Iterable[Notice]) -> Keyboard:
    """Return a button for each remedy that the notices advise, once each."""
    rows: dict[tuple[Remedy, str], list[Button]] = {}
    for notice in notices:
        for each in Remedy:
            if (amount := notice.facts.get(f"fix_{each}")) is not None:
                incident = str(notice.facts.get("incident", ""))
                press = RemedyData("ask", each, str(amount), incident)
                rows.setdefault((each, str(amount)), [remedy(language, press)])
    return list(rows.values())


def notice_text(language: str, notice: Notice) -> str:
    """Text of a notice; empty for one of another version that is unknown here."""
    facts = {**service_place()._asdict(), **notice.facts}
    try:
        if has_text(notice.key):
            wait = in_time(language, int(facts.get("wait_s", 0)))
            return t(language, notice.key, **{**facts, "wait": wait})
        what, advice = problem_text(language, notice.key, facts)
    except KeyError:
        return ""
    # Stored by a release that did not know it: as bad as it may be.
    return f"{_MARKS[facts.get('level', Level.CRITICAL)]} {what}\n{advice}"
