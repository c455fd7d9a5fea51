"""How the service stands: the level, what is wrong in words, and what the document tells."""

import json
import re
from dataclasses import replace

from imgbot.ops.status.document import without_people
from imgbot.ops.status.screen import screen_of
from imgbot.storage.stats import DeadJob
from tests.fixtures.status_facts import (
    CLUSTER,
    NOW_S,
    QUIET,
    document_with,
    queue_of,
    took,
    with_dead,
    with_facts,
    worker,
)

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


def test_a_provider_that_limited_us_of_late_is_what_holds_jobs_back() -> None:
    limited = replace(QUIET, provider_errors={"rate_limited": 1.0})

    assert [document_with(each)["bound"] for each in (QUIET, limited)] == ["none", "provider_limit"]


def test_an_unknown_job_of_last_week_is_listed_and_alarms_nobody() -> None:
    old = replace(LOST, died_ms=LOST.died_ms - 7 * 86_400_000)

    document = document_with(with_dead(QUIET, old), queue=queue_of(old))

    assert document["level"] == "normal"
    assert [job["id"] for job in document["unknown_jobs"]] == ["77"]


def test_a_failing_check_is_critical_and_comes_first() -> None:
    document = document_with(
        with_facts(update_age_s=60.0, waiting=None),
        checks={"redis": "no answer in 3 s", "telegram": ""},
        queue=None,
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
        with_facts(now, jobs={"create": {"queued": 2, "polling": 1}}),
        workers=[worker(1, 4321, "create", 2.5, 70_000_000)],
    )

    assert document["jobs"] == {"create": {"queued": 2, "polling": 1}}
    assert document["ended"] == {"create": {"ok": 7}, "edit": {"rejected": 1}}
    assert document["workers"][0]["about"] == "create"
    assert document["providers"]["took"]["mean_s"] == 5
    assert document["providers"]["spend_usd"] == {"replicate": 0.12}


def test_user_ids_are_for_the_operator_alone() -> None:
    queue = queue_of(LOST, refused=((424242, 9),))
    document = document_with(with_dead(QUIET, LOST), queue=queue)
    assert "424242" in json.dumps(document)
    assert "Job 77 at replicate" in json.dumps(document["problems"])

    less = without_people(document)

    assert "424242" not in json.dumps(less)
    assert "77" not in json.dumps(less["problems"])
    assert less["rate_limit"]["users"] == [{"refusals": 9}]
    assert less["unknown_jobs"][0]["operation"] == "create"


def test_the_machines_of_a_cluster_are_for_the_operator_alone() -> None:
    less = without_people(document_with(cluster=CLUSTER))

    assert not re.search(r"10\.0\.0|debian", json.dumps(less))
    assert screen_of(less)[-2:] == [
        "Cluster       a server leads for 5 min (took over in 9.4 s); 2 servers in the",
        "              record; lag 84 B, 1.0 s",
    ]


def test_the_status_document_is_json_whatever_is_unknown() -> None:
    document = document_with(with_facts(waiting=None, has_answered=False), queue=None)

    found = json.loads(json.dumps(document, allow_nan=False))

    assert found["queue"]["waiting"] is found["queue"]["unknown"] is None
    assert found["telegram"]["answered_s_ago"] is None
    assert found["providers"]["spend_today_usd"] is found["resources"]["redis_bytes"] is None
