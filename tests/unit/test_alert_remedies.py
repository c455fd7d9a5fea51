"""Remedies of alerts: for each alert the buttons that its sentence advises, where possible."""

from dataclasses import replace
from typing import Any

import pytest

from imgbot.domain.errors import ProviderErrorKind as Kind
from imgbot.domain.operations import Operation
from imgbot.domain.texts.buttons import parse, parse_remedy
from imgbot.jobs.alert_notifier import remedy_rows
from imgbot.jobs.alert_rules import advised_workers, evaluate
from imgbot.storage.spend import raised
from imgbot.telemetry.health import BudgetState, ProviderState
from imgbot.telemetry.thresholds import THRESHOLDS, Bound, Indicator
from tests.fixtures.alerts import CALM

BUDGET = BudgetState(100_000_000, 100_000_000, 40_000, 3600, "2026-11-26")
ALL = {each: (1.0, THRESHOLDS[each].level(1.0)) for each in Indicator}
UNSERVED = (Operation.CREATE,)
LONGEST = "a" * 31
WORKERS, RAISED = "fix:ask.workers.15.", "fix:ask.budget.12500-20261126."

BEGUN: list[tuple[str, dict[str, Any], list[str]]] = [
    ("queue_jobs", {"bound": Bound.WORKERS}, [f"{WORKERS}queue_jobs", "fix:ask.pause..queue_jobs"]),
    ("queue_jobs", {"bound": Bound.BUDGET, "is_paused": True}, [f"{RAISED}queue_jobs"]),
    ("queue_jobs", {"bound": Bound.CPU}, ["fix:ask.pause..queue_jobs"]),
    ("queue_jobs", {"bound": Bound.WORKERS, "workers": 200}, ["fix:ask.pause..queue_jobs"]),
    ("job_time_s", {"bound": Bound.WORKERS}, [f"{WORKERS}job_time_s", "fix:ask.retry..job_time_s"]),
    ("cpu_ratio", {"bound": Bound.WORKERS}, ["fix:ask.workers.7.cpu_ratio"]),
    ("memory_ratio", {}, ["fix:ask.workers.7.memory_ratio"]),
    ("memory_ratio", {"workers": 1}, []),
    ("error_ratio", {"bound": Bound.WORKERS}, []),
    ("update_age_s", {"bound": Bound.WORKERS}, []),
    ("budget", {}, [f"{RAISED}budget"]),
    ("dead", {}, ["fix:ask.retry..dead"]),
    ("polling", {}, []),
    ("rival", {}, []),
    ("provider.painter", {}, []),
    (
        "provider.painter",
        {"providers": {"painter": ProviderState(Kind.NO_CREDIT, True, UNSERVED, True)}},
        [f"fix:ask.{each}..provider.painter" for each in ("pause", "fallback", "try")],
    ),
    # The built-in engine stands in already, and is out as well.
    (
        f"provider.{LONGEST}",
        {"providers": {LONGEST: ProviderState(Kind.UNAVAILABLE, True, UNSERVED)}},
        [f"fix:ask.{each}..provider.{LONGEST}" for each in ("pause", "try")],
    ),
    # Another key needs a restart.
    ("provider.painter", {"providers": {"painter": ProviderState(Kind.AUTH)}}, []),
    (
        "provider.painter",
        {"providers": {"painter": ProviderState(Kind.NO_CREDIT)}},
        ["fix:ask.try..provider.painter"],
    ),
]
OVER: list[tuple[str, dict[str, Any], list[str]]] = [
    ("queue_jobs", {"is_paused": True}, ["fix:ask.resume.."]),
    ("queue_jobs", {}, []),
    ("dead", {}, ["fix:ask.retry.."]),
    ("budget", {}, []),
    ("cpu_ratio", {}, []),
    ("provider.painter", {"is_paused": True}, ["fix:ask.resume.."]),
]


@pytest.mark.parametrize(
    ("moment", "rows"), [("begun", BEGUN), ("over", OVER)], ids=["begun", "over"]
)
def test_an_alert_has_the_buttons_that_it_advises(
    moment: str, rows: list[tuple[str, dict[str, Any], list[str]]]
) -> None:
    for name, changes, wanted in rows:
        overrides: dict[str, Any] = {"workers": 10} | changes
        facts = replace(CALM, levels=ALL, money=BUDGET, **overrides)
        [notice] = [getattr(each, moment) for each in evaluate(facts) if each.name == name]
        for language in ("ru", "en"):
            data = [button.data for [button] in remedy_rows(language, [notice, notice])]
            assert data == wanted, name
        assert all(
            len(each) <= 64
            and (press := parse(each))
            and press.action == "fix"
            and parse_remedy(press.argument)
            for each in wanted
        )


def test_steps_are_bounded() -> None:
    assert [advised_workers(n, is_too_many=False) for n in (1, 5, 150, 200)] == [2, 7, 200, 200]
    assert [advised_workers(n, is_too_many=True) for n in (1, 2, 5, 10)] == [1, 1, 4, 7]
    assert [raised(micro) for micro in (10_000, 1_000_000, 330_000)] == [20_000, 1_250_000, 420_000]
