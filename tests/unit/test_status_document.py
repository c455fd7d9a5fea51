"""How the service stands: the level, what is wrong in words, and what the document tells."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from imgbot.domain.errors import ProviderErrorKind as Kind
from imgbot.domain.operations import Operation
from imgbot.ops.status.document import QueueGlance, without_people
from imgbot.storage.server.durability import Memory
from imgbot.storage.stats import DeadJob
from imgbot.telemetry.health import BudgetState, ProviderState
from imgbot.telemetry.thresholds import Load
from tests.fixtures.status_facts import GIB, NOW_S, QUIET, document_with, took, worker

LOST = DeadJob("77", 424242, "create", "replicate", "submit_unknown", int(NOW_S - 60) * 1000)


def test_a_quiet_service_is_well() -> None:
    document = document_with()

    assert document["level"] == "normal"
    assert document["problems"] == []
    assert document["version"] == "1.2.3"
    assert document["vitals"]["queue_jobs"] == {
        "value": 0,
        "level": "normal",
        "attention": 50,
        "critical": 100,
        "window_s": 0,
    }
    assert document["vitals"]["memory_ratio"]["value"] == 0.25
    assert document["providers"]["budget_usd"] is None


SLOW = {"job_time": took(*[100.0] * 9), "stages": {"provider": took(*[95.0] * 9)}}
STUCK = {"oldest_running_at_s": NOW_S - 400, "job_time": took(*[5.0] * 9)}
FAILING = {("edit", "ok"): 95.0, ("edit", "failed"): 5.0}
MEMORY = replace(QUIET.usage, memory_bytes=0.9 * GIB)
CPU = replace(QUIET.usage, cpu_s=100 + 900 * 2 * 0.8)
FULL = {"redis_bytes": 90, "redis_limit_bytes": 100}


@pytest.mark.parametrize(
    ("changes", "level", "words", "advice"),
    [
        ({"jobs": {"waiting": 57}}, "attention", "57 jobs wait", "one after the other"),
        ({"job_time": took(*[40.0] * 9)}, "attention", "Jobs take", "one after the other"),
        (SLOW, "critical", "most of it is the stage “provider”", "IMGBOT_MODELS"),
        ({"usage": MEMORY}, "attention", "90 % of the memory", "MemoryMax="),
        ({"usage": CPU}, "attention", "The processor is 80 % busy", "A larger server"),
        ({"ended": FAILING}, "attention", "5.0 % of the jobs fail", "journalctl"),
        (STUCK, "critical", "running for 6 min 40 s", "journalctl"),
        ({"flood_waits": 3.0}, "attention", "wait 3 times", "IMGBOT_JOBS_PER_WORKER"),
        ({"flood_waits": 30.0}, "critical", "wait 30 times", "IMGBOT_JOBS_PER_WORKER"),
        (FULL, "attention", "Redis uses 90 %", "IMGBOT_QUEUE_LIMIT"),
    ],
)
def test_what_is_wrong_is_said_with_what_helps(
    changes: dict[str, Any], level: str, words: str, advice: str
) -> None:
    document = document_with(replace(QUIET, **changes))

    [problem] = document["problems"]
    assert (document["level"], problem["level"]) == (level, level)
    assert words in problem["what"]
    assert advice in problem["advice"]


@pytest.mark.parametrize(
    ("load", "advice"),
    [
        (Load(workers=5, busy=5, steps_waiting=30), "IMGBOT_WORKERS"),
        (Load(waiting=57, capped=57, workers=5), "IMGBOT_RUNNING_PER_USER"),
        (Load(running=250, capacity=250, workers=5), "IMGBOT_JOBS_PER_WORKER"),
        (Load(running=8, is_provider_full=True, workers=5), "IMGBOT_PROVIDER_LIMITS"),
    ],
)
def test_what_helps_a_long_queue_follows_from_what_bounds_it(load: Load, advice: str) -> None:
    document = document_with(replace(QUIET, jobs={"waiting": 57}), glance=QueueGlance(load=load))

    [problem] = document["problems"]
    assert re.findall("IMGBOT_[A-Z_]+", problem["advice"])[0] == advice


@pytest.mark.parametrize(
    ("used", "said"),
    [
        (790, []),
        (800, ["Redis uses 80 %"]),
        (985, ["Redis uses 98 %"]),
        (1000, ["The health chec"]),
    ],
)
def test_how_full_redis_is_is_said_once_by_the_check_or_by_the_page(
    used: int, said: list[str]
) -> None:
    now = replace(QUIET, redis_bytes=used, redis_limit_bytes=1000)

    problems = document_with(now, checks={"redis": Memory(used, 1000).trouble})["problems"]

    assert [problem["what"][:15] for problem in problems] == said


def out(kind: Kind, *unserved: Operation) -> QueueGlance:
    """One provider of two is out; what it does not serve, nobody does."""
    states = {"replicate": ProviderState(kind, unserved=unserved), "builtin": ProviderState()}
    return QueueGlance(providers=states)


ALONE = (Operation.CREATE, Operation.EDIT)
NEARLY_SPENT = BudgetState(970_000, 1_000_000, 40_000)


@pytest.mark.parametrize(
    ("glance", "level", "words", "advice"),
    [
        (QueueGlance(is_paused=True), "attention", "The bot is paused", "/resume"),
        (
            QueueGlance(unknown=[LOST]),
            "attention",
            "A job of the last day ended with an unknown outcome",
            "the provider",
        ),
        (
            QueueGlance(unattended=2),
            "critical",
            "Started jobs on which nothing is working: 2",
            "journalctl",
        ),
        # It pays for no further picture, whatever is left of it.
        (
            QueueGlance(budget=NEARLY_SPENT),
            "attention",
            "Today's budget is spent",
            "IMGBOT_DAILY_BUDGET",
        ),
        (
            out(Kind.NO_CREDIT, *ALONE),
            "critical",
            "The provider replicate has no credit left, and nothing else serves create, edit.",
            "Top it up",
        ),
        (
            out(Kind.NO_CREDIT),
            "attention",
            "The provider replicate has no credit left.",
            "Top it up",
        ),
        (out(Kind.AUTH, *ALONE), "critical", "The provider replicate rejects its key", "right key"),
        (
            out(Kind.UNAVAILABLE),
            "attention",
            "The provider replicate accepts no jobs, or does not answer.",
            "IMGBOT_PROVIDER_FALLBACK",
        ),
    ],
)
def test_what_is_wrong_in_the_queue_and_outside(
    glance: QueueGlance, level: str, words: str, advice: str
) -> None:
    document = document_with(glance=glance)

    [problem] = document["problems"]
    assert (document["level"], problem["level"]) == (level, level)
    assert problem["what"].startswith(words)
    assert advice in problem["advice"]


def test_an_unknown_job_of_last_week_is_listed_and_alarms_nobody() -> None:
    old = replace(LOST, died_ms=LOST.died_ms - 7 * 86_400_000)

    document = document_with(glance=QueueGlance(unknown=[old]))

    assert document["level"] == "normal"
    assert [job["id"] for job in document["unknown_jobs"]] == ["77"]


def test_a_failing_check_is_critical_and_comes_first() -> None:
    document = document_with(
        replace(QUIET, jobs={"waiting": 60}),
        checks={"redis": "no answer in 3 s", "telegram": ""},
        glance=None,
    )

    assert document["level"] == "critical"
    assert [problem["level"] for problem in document["problems"]] == ["critical", "attention"]
    assert "redis" in document["problems"][0]["what"]
    assert document["jobs"] is None


def test_the_status_document_has_jobs_workers_and_outcomes() -> None:
    now = replace(
        QUIET,
        ended={("create", "ok"): 7.0, ("edit", "rejected"): 1.0, ("merge", "ok"): 0.0},
        stages={"provider": took(4.0, 6.0), "render": took()},
        spend_usd={"replicate": 0.12, "builtin": 0.0},
    )

    document = document_with(
        now,
        glance=QueueGlance(jobs={"create": {"queued": 2, "polling": 1}}),
        workers=[worker(1, 4321, "create", 2.5, 70_000_000)],
    )

    assert document["jobs"] == {"create": {"queued": 2, "polling": 1}}
    assert document["ended"] == {"create": {"ok": 7}, "edit": {"rejected": 1}}
    assert document["workers"][0]["about"] == "create"
    assert document["providers"]["took"]["mean_s"] == 5
    assert document["providers"]["spend_usd"] == {"replicate": 0.12}


def test_user_ids_are_for_the_operator_alone() -> None:
    document = document_with(glance=QueueGlance(refused=[(424242, 9)], unknown=[LOST]))
    assert "424242" in json.dumps(document)

    less = without_people(document)

    assert "424242" not in json.dumps(less)
    assert less["rate_limit"]["users"] == [{"refusals": 9}]
    assert less["unknown_jobs"][0]["operation"] == "create"


def test_the_status_document_is_json_whatever_is_unknown() -> None:
    document = document_with(replace(QUIET, jobs={}, poll_answered_at_s=0.0), glance=None)

    text = json.dumps(document, allow_nan=False)

    assert json.loads(text)["queue"]["waiting"] is None
    assert json.loads(text)["telegram"]["answered_s_ago"] is None
