"""Health problems and where they show: page, exit status, doctor, chat, Prometheus."""

import re
import time
from dataclasses import dataclass, replace
from typing import Any

import pytest

from imgbot.config.setting_types import Address
from imgbot.domain.buttons import action_in
from imgbot.domain.errors import ProviderErrorKind as Refusal
from imgbot.domain.operations import Operation
from imgbot.features.alerts.buttons import FIX
from imgbot.features.alerts.notices import advised_workers, notice_of, notice_text, remedy_rows
from imgbot.features.alerts.store import Notice
from imgbot.ops.doctor import bot_state
from imgbot.ops.doctor.bot_state import BotState
from imgbot.ops.status.command import exit_status
from imgbot.ops.status.indicators import FEWEST_FAILURES
from imgbot.storage.spend import raised
from imgbot.telegram.polling_health import CONFLICTS_IN_A_ROW, NoPolling, PollingHealth
from imgbot.telemetry.health import (
    BudgetState,
    Condition,
    HealthFacts,
    ProviderState,
    conditions_of,
)
from imgbot.telemetry.thresholds import (
    THRESHOLDS,
    Bound,
    ConditionStatus,
    Indicator,
    Level,
)
from tests.features.alerts.stage import CALM, NOW, SETTING, level_of
from tests.fixtures.prometheus import alert_blocks
from tests.fixtures.status_facts import document_with

MADE = (Operation.CREATE, Operation.EDIT)
SPENT = BudgetState(97_000_000, 100_000_000, 4_000_000, 7200, "2026-11-26")
BUSY = replace(
    CALM,
    workers=10,
    providers=dict.fromkeys(("painter", "builtin"), ProviderState()),
    budget=replace(SPENT, spent_micro=0),
)
NO_ALERT = None


def provider(refusal: Refusal, *unserved: Operation, has_spare: bool = False) -> dict[str, Any]:
    states = {"painter": ProviderState(refusal, True, unserved, has_spare)}
    return {"providers": {**states, "builtin": ProviderState()}}


def redis(used_mb: int) -> dict[str, Any]:
    words = {"used": used_mb, "limit": 1000, "more": "do it"}
    return {"figures": {"redis_full": used_mb / 1000}, "redis": words}


def dead(age_ms: int) -> dict[str, Any]:
    return {"dead": 2, "dead_job": "77", "dead_provider": "painter", "dead_ms": NOW - age_ms}


@dataclass(frozen=True)
class Row:
    """Facts, the problem that follows, and what shows it."""

    changes: dict[str, Any]
    name: str
    level: str
    words: str
    advice: str
    buttons: list[str] | None
    """Of the alert; there is none for None."""
    prometheus: str = ""

    def condition(self) -> tuple[Condition, HealthFacts]:
        facts = replace(BUSY, **self.changes)
        [found] = [each for each in conditions_of(facts) if each.level in {"attention", "critical"}]
        return found, facts


QUEUE, TIME, CPU, MEMORY, ERRORS, AGE = Indicator
ROWS = [
    Row(level_of(QUEUE, 57), QUEUE, "attention", "57 pictures are waiting; normal is below 50.",
        "`usual`", NO_ALERT, "ImgbotQueueLong"),
    Row({**level_of(QUEUE, 140), "bound": Bound.WORKERS}, QUEUE, "critical", "140 pictures",
        "IMGBOT_WORKERS (now 10)", ["workers.15", "pause."], "ImgbotQueueVeryLong"),
    Row({**level_of(QUEUE, 140), "bound": Bound.BUDGET}, QUEUE, "critical", "140 pictures",
        "IMGBOT_DAILY_BUDGET", ["pause.", "budget.12500-20261126"]),
    *(
        Row({**level_of(QUEUE, 140), "bound": bound}, QUEUE, "critical", "140 pictures", "/pause",
            ["pause."])
        for bound in Bound if bound not in {Bound.WORKERS, Bound.BUDGET}
    ),
    Row(level_of(TIME, 40), TIME, "attention", "Pictures take up to 40 s; normal is below 30 s.",
        "`usual`", NO_ALERT, "ImgbotJobsSlow"),
    Row({**level_of(TIME, 95.4), "slowest_stage": "provider"}, TIME, "critical",
        "Pictures take up to 95 s; normal is below 30 s; most of it is the stage “provider”.",
        "The image service is slow.", ["retry."], "ImgbotJobsVerySlow"),
    Row(level_of(CPU, 0.93), CPU, "attention", "The processor is 93% busy", "fewer workers",
        ["workers.7"], "ImgbotCpuHigh"),
    Row(level_of(MEMORY, 0.88), MEMORY, "attention", "88% of the memory", "MemoryMax=",
        ["workers.7"], "ImgbotMemoryHigh"),
    Row(level_of(ERRORS, 0.05), ERRORS, "attention", "5% of the pictures fail", "journalctl", [],
        "ImgbotErrorRatio"),
    Row(level_of(AGE, 61), AGE, "attention", "A message has been waiting for 61 s", "journalctl",
        NO_ALERT, "ImgbotUpdateWaits"),
    Row(level_of(AGE, 700.2), AGE, "critical", "A message has been waiting for 700 s", "journalctl",
        [], "ImgbotUpdateWaitsLong"),
    Row({"figures": {"stuck": 400.0}}, "stuck", "critical", "in progress for 7 minutes", "/stuck",
        ["retry."], "ImgbotJobStuck"),
    Row({"figures": {"unattended": 2}}, "unattended", "critical", "nothing is working on: 2.",
        "journalctl", []),
    Row({"figures": {"replica": 1}}, "replica", "critical", "The second server is unavailable",
        "sudo imgbot cluster status", []),
    Row({"figures": {"flood": 3.0}}, "flood", "attention", "wait 3 times", "IMGBOT_JOBS_PER_WORKER",
        NO_ALERT, "ImgbotTelegramRateLimited"),
    Row({"figures": {"flood": 21.0}}, "flood", "critical", "wait 21 times",
        "IMGBOT_JOBS_PER_WORKER", [], "ImgbotTelegramRateLimitedHard"),
    Row(redis(800), "redis_full", "attention", "800 of 1000 MB", "`do it`", NO_ALERT,
        "ImgbotRedisMemoryHigh"),
    # Its check says the same, and is no second problem.
    Row({**redis(1000), "checks": {"redis": "Redis is short of memory"}}, "redis_full", "critical",
        "1000 of 1000 MB", "IMGBOT_QUEUE_LIMIT", []),
    Row({"figures": {"backup": 130_000.0}}, "backup", "attention", "No good backup has left",
        "systemctl start imgbot-backup", []),
    Row({"figures": {"rehearsal": 1.7e9}}, "rehearsal", "attention", "can't be read back",
        "journalctl -u imgbot-backup", []),
    Row({"silence_s": 130.0, "checks": {"telegram": "no answer for 130 s"}}, "polling", "critical",
        "Telegram hasn't delivered any messages for 2 min.", "IMGBOT_TELEGRAM_API", [],
        "ImgbotPollingStalled"),
    Row({"rival": "poller", "silence_s": 300.0}, "rival", "critical", "Another program", "/revoke",
        [], "ImgbotSecondPoller"),
    Row({"rival": "webhook"}, "rival", "critical", "A webhook is set", "doctor --fix", []),
    Row({"checks": {"disk": "10 MB left in /x", "clock": ""}}, "check.disk", "critical",
        "The health check disk fails: 10 MB left in /x.", "imgbot doctor", []),
    Row(provider(Refusal.NO_CREDIT, *MADE, has_spare=True), "provider.painter", "critical",
        "painter says that its credit is used up. Requests that need it fail: create, edit.",
        "After a top-up", ["pause.", "fallback.", "try."], "ImgbotProviderOut"),
    Row(provider(Refusal.NO_CREDIT), "provider.painter", "attention",
        "painter says that its credit is used up. A backup service makes its pictures",
        "After a top-up", ["try."]),
    # With another key a restart is due.
    Row(provider(Refusal.AUTH, *MADE), "provider.painter", "critical", "painter rejects its key.",
        "the right key", ["pause."]),
    Row(provider(Refusal.NOT_FOUND, Operation.EDIT), "provider.painter", "critical",
        "painter doesn't know the address or the model of an order. Requests that need it fail: ",
        "IMGBOT_PROVIDER_URL", ["pause."]),
    # The built-in engine stands in already, and is out as well.
    Row(provider(Refusal.UNAVAILABLE, *MADE), "provider.painter", "critical",
        "painter is not responding", "IMGBOT_PROVIDER_FALLBACK", ["pause.", "try."]),
    # It pays for no further picture, whatever is left of it.
    Row({"budget": SPENT}, "budget", "attention",
        "Today's budget is used up: $97.00 of $100.00 is spent or reserved. "
        "No paid pictures until it renews in 2 hours.",
        "IMGBOT_DAILY_BUDGET", ["budget.12500-20261126"], "ImgbotBudgetSpent"),
    Row(dead(60_000), "dead", "attention", "Job 77 at painter ended without a picture", "/stuck",
        ["retry."], "ImgbotDeadJobs"),
    Row(dead(5 * 3_600_000), "dead", "attention", "Job 77 at painter", "/stuck", NO_ALERT),
    Row({"is_paused": True}, "paused", "attention", "The bot is paused", "/resume", NO_ALERT),
]  # fmt: skip


def test_each_rule_has_a_row() -> None:
    assert {row.name.partition(".")[0] for row in ROWS} == THRESHOLDS.keys()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.name}-{row.level}")
def test_a_problem_is_the_same_on_every_surface(row: Row) -> None:
    condition, facts = row.condition()
    document = document_with(facts=facts)

    [problem] = document["problems"]
    [finding] = [
        found
        for found in bot_state.evaluate(BotState(Address("127.0.0.1", 8080), 7, document))
        if found.level != "ok"
    ]
    assert (condition.name, problem["name"], problem["level"]) == (row.name, row.name, row.level)
    assert document["level"] == row.level
    assert exit_status(document) == (2 if row.level == "critical" else 0)
    assert finding.level == ("wrong" if row.level == "critical" else "warning")
    assert finding.text == problem["what"]
    assert row.words in problem["what"]
    assert row.advice in problem["advice"]
    assert not re.search(r"[^.] Settings are in", problem["advice"])
    is_alert = condition.status is ConditionStatus.MET and THRESHOLDS[condition.rule].hold
    assert bool(is_alert) == (row.buttons is not NO_ALERT)


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row.buttons is not None], ids=lambda row: f"{row.name}"
)
def test_an_alert_says_what_the_page_says_and_has_the_buttons_that_it_advises(row: Row) -> None:
    condition, facts = row.condition()
    [problem] = document_with(facts=facts)["problems"]
    notice, over = (notice_of(condition, facts, is_firing=each) for each in (True, False))

    english, russian = (notice_text(language, notice) for language in ("en", "ru"))
    mark, _, text = english.partition(" ")
    data = [button.data for [button] in remedy_rows("ru", [notice, notice])]
    assert mark == {"attention": "🟡", "critical": "🔴"}[row.level]
    assert f"{problem['what']} {problem['advice']}".startswith(text.replace("\n", " "))
    assert SETTING.findall(russian) == SETTING.findall(english)
    assert re.search("[а-я]", russian)
    assert all(notice_text(language, over).startswith("🟢 ") for language in ("ru", "en"))
    assert data == [f"fix:ask.{each}.{row.name}" for each in row.buttons or ()]
    for each in data:
        assert FIX.pack(*FIX.parse(action_in(each)[1], 1)) == each


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ""),
        # Nobody has seen yet whether it serves, or whether Telegram answers.
        ({"providers": {"painter": ProviderState(is_proven=False)}}, "provider.painter"),
        ({"has_answered": False}, "polling rival"),
        # What was wrong before a start, or before the silence, may be so still.
        ({"silence_s": 300.0}, "rival"),
        ({"rival": "poller", "silence_s": 300.0}, "polling"),
        (redis(970), "redis_full"),
        # The alert of the check does not resolve, as another one takes its place.
        ({"checks": {"telegram": "409"}, "rival": "poller"}, "check.telegram"),
        (level_of(TIME, None), "job_time_s"),
        (level_of(CPU, 0.65), "cpu_ratio"),
        # One failure in a quiet night is a high share, and no reason to wake anybody.
        ({"levels": {ERRORS: (0.5, Level.NORMAL)}}, "error_ratio"),
    ],
)
def test_what_is_not_known_or_nearly_bad_ends_no_alert(changes: dict[str, Any], words: str) -> None:
    found = conditions_of(replace(BUSY, **changes))

    unclear = [each.name for each in found if each.status is ConditionStatus.UNCLEAR]
    assert unclear == words.split()


@pytest.mark.parametrize(
    ("is_firing", "name", "changes", "buttons"),
    [
        (
            True,
            QUEUE,
            {"workers": 200, "bound": Bound.WORKERS},
            ["ask.pause..queue_jobs"],
        ),
        (True, QUEUE, {"is_paused": True}, []),
        (True, MEMORY, {"workers": 1}, []),
        (False, QUEUE, {"is_paused": True}, ["ask.resume.."]),
        (False, QUEUE, {}, []),
        (False, "provider.painter", {"is_paused": True}, ["ask.resume.."]),
        (False, "dead", {}, ["ask.retry.."]),
    ],
)
def test_only_what_is_possible_has_a_button(
    is_firing: bool, name: str, changes: dict[str, Any], buttons: list[str]
) -> None:
    levels = {each: (1.0, THRESHOLDS[each].level(1.0)) for each in Indicator}
    facts = replace(BUSY, levels=levels, **changes)
    [condition] = [each for each in conditions_of(facts) if each.name == name]

    rows = remedy_rows("en", [notice_of(condition, facts, is_firing=is_firing)])

    assert [button.data for [button] in rows] == [f"fix:{each}" for each in buttons]


def test_steps_are_bounded() -> None:
    assert [advised_workers(n, is_too_many=False) for n in (1, 5, 150, 200)] == [2, 7, 200, 200]
    assert [advised_workers(n, is_too_many=True) for n in (1, 2, 5, 10)] == [1, 1, 4, 7]
    assert [raised(micro) for micro in (10_000, 1_000_000, 330_000)] == [20_000, 1_250_000, 420_000]


@pytest.mark.parametrize(
    ("key", "facts", "text"),
    [
        ("alarm_no_credit", {"provider": "x", "effect": "served"}, "🔴 x says that its credit"),
        ("alarm_job_dead", {"provider": "x", "job": "7"}, "🔴 Job 7 at x ended"),
        ("incident_redis_full", {"used": 9, "limit": 9}, "🔴 Redis is short of memory: 9 of 9"),
        (
            "incident_job_time_s",
            {"value": 95, "bound": 60, "workers": 5, "held_by": "cpu"},
            "🔴 Pictures take up to 95 s; normal is below 60 s.\nAll workers and the processor",
        ),
        ("incident_redis_was_away", {"wait_s": 60}, "🟢 Redis was not responding for 60 seconds"),
        ("incident_of_the_future", {}, ""),
    ],
)
def test_a_notice_stored_by_another_release_is_readable(
    key: str, facts: dict[str, Any], text: str
) -> None:
    assert notice_text("en", Notice(key, facts)).startswith(text)


BLOCKS = alert_blocks()
OF_PROMETHEUS_ALONE = {
    "ImgbotDown": ["== 0"], "ImgbotAbsent": [], "ImgbotRestarting": ["> 2"],
    "ImgbotRedisAway": ["== 0"], "ImgbotOldestJobWaits": ["> 120"],
    "ImgbotPeopleTurnedAway": ["> 0"], "ImgbotUpdatesSetAside": ["> 0"],
    "ImgbotBudgetNearlySpent": [">= 0.8"], "ImgbotOomKill": ["> 0"],
    "ImgbotWorkersReplaced": ["> 3"], "ImgbotLoopLags": ["> 3"], "ImgbotLoopBlocked": ["> 0"],
    "ImgbotNobodyLeads": ["== 0"], "ImgbotReplicaAway": ["== 0"], "ImgbotNoQuorum": ["== 0"],
    "ImgbotRecordIncomplete": ["== 0"],
}  # fmt: skip
"""What the bot itself cannot see, or does not call a problem."""
OF_EVENTS = {
    "ImgbotProviderOut": ["== 0"],
    "ImgbotBudgetSpent": ["> 0"],
    "ImgbotDeadJobs": ["> 0"],
    "ImgbotSecondPoller": [f">= {CONFLICTS_IN_A_ROW}"],
}
"""Bounds of what Prometheus sees in another form."""


def _bounds_of(row: Row) -> tuple[list[str], float]:
    """Comparisons of a Prometheus alert by the bounds of the bot, and the window in seconds."""
    if row.prometheus in OF_EVENTS:
        return OF_EVENTS[row.prometheus], 0
    bounds = THRESHOLDS[row.name]
    # A count of events, which increase() extrapolates.
    attention = "> 0" if bounds.attention == 1 else f">= {bounds.attention:g}"
    bound = attention if row.level == "attention" else f"> {bounds.critical:g}"
    fewest = [f">= {FEWEST_FAILURES}"] if row.name == ERRORS else []
    return [bound, *fewest], bounds.window_s


SHOWN = [row for row in ROWS if row.prometheus]


@pytest.mark.parametrize("row", SHOWN, ids=lambda row: row.prometheus)
def test_prometheus_has_the_same_bounds_and_severity(row: Row) -> None:
    bounds, window_s = _bounds_of(row)

    assert _compared(row.prometheus) == bounds
    assert f"{window_s / 60:.0f}m" in _expression(row.prometheus) or not window_s
    severity = {"attention": "warning", "critical": "critical"}[row.level]
    assert f"severity: {severity}" in BLOCKS[row.prometheus]


def test_every_alert_of_prometheus_is_a_problem_or_is_for_prometheus_alone() -> None:
    alone = {alert: _compared(alert) for alert in BLOCKS.keys() - {row.prometheus for row in SHOWN}}

    assert alone == OF_PROMETHEUS_ALONE


def _expression(alert: str) -> str:
    found = re.search(r"expr:(?: \|)?\s(.+?)\n {8}(?:for|labels):", BLOCKS[alert], re.DOTALL)
    assert found
    return found[1]


def _compared(alert: str) -> list[str]:
    """Comparisons with a bound; `(… > 0)` and `unless …` only say that there is such a thing."""
    expression = re.sub(r"\([^()]* > 0\b[^()]*\)|unless.*", "", _expression(alert))
    found = re.findall(r"(>=?|==) ([\d.]+)", expression)
    return [f"{sign} {float(bound):g}" for sign, bound in found]


def test_a_budget_that_is_no_longer_limited_ends_without_a_word() -> None:
    unlimited = replace(SPENT, ceiling_micro=None)

    assert "budget" not in {each.rule for each in conditions_of(replace(BUSY, budget=unlimited))}


def test_a_standby_is_not_silent_for_it_asks_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    asking, standing_by = PollingHealth(), NoPolling()
    later_s = time.monotonic() + 3600
    monkeypatch.setattr(time, "monotonic", lambda: later_s)

    assert asking.trouble.startswith("no answer for 36")
    assert standing_by.trouble == ""
