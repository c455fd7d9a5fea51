"""`imgbot status` as it is read in a terminal."""

import re
from dataclasses import asdict, replace
from typing import Any

import pytest

from imgbot.ops.formatting import count, duration, money, orders, share, size
from imgbot.ops.resource_usage import ResourceUsage
from imgbot.ops.status.document import without_people
from imgbot.ops.status.screen import screen_of
from imgbot.storage.server.cluster import Lead
from imgbot.storage.stats import DeadJob
from imgbot.telemetry.health import BudgetState, ProviderState
from tests.fixtures.status_facts import (
    CLUSTER,
    NOW_S,
    QUIET,
    document_with,
    queue_of,
    took,
    with_facts,
    worker,
)


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        (duration(None), "unknown"),
        (duration(0.42), "0.4 s"),
        (duration(9.96), "10 s"),
        (duration(59.6), "1 min"),
        (duration(200), "3 min 20 s"),
        (duration(3600), "1 h"),
        (duration(18_120), "5 h 2 min"),
        (duration(86_400 * 3 + 4 * 3600), "3 d 4 h"),
        (size(None), "unknown"),
        (size(512), "512 B"),
        (size(15_400_000), "15 MB"),
        (size(25_300_000_000), "25.3 GB"),
        (share(0), "0 %"),
        (share(0.004), "0.4 %"),
        (share(0.42), "42 %"),
        (share(1), "100 %"),
        (count(1, "job"), "1 job"),
        (count(0, "job"), "0 jobs"),
        (count(None, "job"), "unknown"),
        (money(0.012), "$0.012"),
        (money(1.5), "$1.50"),
        (orders(9.999), "10 orders/s"),
        (orders(0.1), "6 orders/min"),
        (orders(0), "no orders for now"),
    ],
)
def test_figures(shown: str, words: str) -> None:
    assert shown == words


def _text(**changes: Any) -> str:
    return "\n".join(screen_of(document_with(**changes)))


def test_a_bot_that_stands_by_says_so() -> None:
    document = document_with() | {"is_standby": True}

    assert screen_of(document)[0].endswith("● STANDING BY")
    silent = document_with(with_facts(has_answered=False, providers={}), is_standby=True)
    assert "Telegram      0 flood waits; asked by the leader" in screen_of(silent)
    assert "Provider      not asked yet; no errors" in screen_of(silent)
    assert screen_of(document | {"level": "critical"})[0].endswith("● CRITICAL")


def test_advice_is_told_to_its_end() -> None:
    problem = {"name": "x", "level": "critical", "what": "why", "advice": "do this, " * 60 + "end."}

    assert "end." in "\n".join(screen_of(document_with() | {"problems": [problem]}))


def test_a_cluster_is_told_in_a_line_or_two() -> None:
    away = {"lead": asdict(Lead()), "in_sync": ()}
    away |= {"has_replica": False, "has_quorum": False, "state": "standing by"}

    assert screen_of(document_with(cluster=CLUSTER | {"state": "in sync"}))[-2:] == [
        "Cluster       in sync; debian leads for 5 min (took over in 9.4 s);",
        "              10.0.0.1:6379, 10.0.0.2:6379 in the record; lag 84 B, 1.0 s",
    ]
    assert screen_of(document_with(cluster=CLUSTER | away))[-1] == (
        "Cluster       standing by; NOBODY LEADS; NO RECORD; REPLICA AWAY; NO QUORUM"
    )


def test_a_quiet_service_on_one_screen() -> None:
    lines = screen_of(document_with())

    assert lines[0] == (
        "imgbot 1.2.3  replicate  up 1 h 2 min                                   ● NORMAL"
    )
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    text = "\n".join(lines)
    assert "● Queue       0 waiting" in text
    assert "268 MB, 25 % of the limit (1.1 GB); Redis 15 MB" in text
    assert "none running, none recent" in text
    assert "0 of 2 busy, 1 idle, 1 not started yet" in text
    assert "\x1b" not in text


def test_what_is_hidden_is_not_said_to_be_unknown() -> None:
    hidden = "\n".join(screen_of(without_people(document_with())))

    assert "Redis         where: sudo imgbot status" in hidden


def test_the_limit_of_a_provider_is_shown_while_it_holds_orders_back() -> None:
    states = {"replicate": ProviderState(held_per_s=10.0), "builtin": ProviderState()}

    assert "replicate up, held back by the provider: 10 orders/s, builtin up" in " ".join(
        _text(now=with_facts(providers=states)).split()
    )


BUSY = replace(
    with_facts(
        jobs={"create": {"queued": 118, "polling": 3}, "upscale": {"queued": 2}},
        waiting=120,
        running=3,
        oldest_waiting_ms=int(NOW_S - 75) * 1000,
        oldest_running_ms=int(NOW_S - 12) * 1000,
        busy=3,
        steps_waiting=100,
        budget=BudgetState(1_250_000, 5_000_000),
    ),
    job_time=took(*[8.0] * 20),
    ended={("create", "ok"): 40.0, ("edit", "failed"): 4.0},
    stages={"provider": took(4.0, 6.0)},
    refusals=12.0,
    flood_waits=2.0,
    provider_errors={"timeout": 3.0},
)
LOST = DeadJob("991", 5, "create", "replicate", "submit_unknown", int(NOW_S - 300) * 1000)
NAMES = {5_000_000_001: "Anna @anna (5000000001)", 77: "77"}
QUEUE = replace(queue_of(LOST, refused=((5_000_000_001, 9), (77, 3))), names=NAMES)


def test_a_busy_service_tells_everything_at_eighty_columns() -> None:
    workers = [worker(i, 100 + i, "create", 2.5, 70_000_000) for i in range(1, 4)]

    text = _text(now=BUSY, queue=QUEUE, workers=workers)

    for words in (
        "● CRITICAL",
        "● Queue       120 waiting, oldest for 1 min 15 s critical",
        "< 30 s, critical > 60 s",
        "95 % in 9.8 s, longest running for 12 s",
        "9.1 %, 4 of 44 jobs in 15 min attention",
        "▲ 120 pictures are waiting; normal is below 50.",
        "→ All workers are busy. What helps: more of them, IMGBOT_WORKERS (now 3).",
        "create      118 queued, 3 polling  40 ok",
        "edit        -                      4 failed",
        "upscale     2 queued               -",
        "3 of 3 busy",
        "replicate up, builtin up, 5.0 s on average",
        "3 timeout",
        "$1.25 spent or reserved today of $5.00",
        "12 refusals in 15 min; most in 2 h: Anna @anna (5000000001): 9,",
        "2 flood waits in 15 min; answered 2.0 s ago",
        "1 job; the latest: create 991 (submit_unknown) 5 min ago",
    ):
        assert words in text
    assert max(map(len, text.splitlines())) <= 80
    assert "`" not in text
    # Of several providers each has its times.
    times = {"replicate": took(4.0, 6.0), "builtin": took()}
    text = " ".join(_text(now=replace(BUSY, provider_time=times)).split())
    assert "replicate up (5.0 s on average, 95 % in 9.5 s), builtin up;" in text


def test_a_single_failure_is_shown_for_what_it_is() -> None:
    text = _text(now=replace(QUIET, ended={("create", "ok"): 3.0, ("create", "failed"): 1.0}))

    assert "● Errors      25 %, 1 of 4 jobs in 15 min, too few to judge" in text
    assert "NORMAL" in text


def test_what_is_not_known_is_said_to_be_unknown() -> None:
    text = _text(now=replace(QUIET, usage=ResourceUsage()))

    assert re.search(r"● CPU +unknown", text)
    assert re.search(r"● Job time +no recent jobs +<", text)
    assert re.search(r"● Memory +unknown", text)
    assert "unknown: Redis does not answer" in _text(now=with_facts(waiting=None), queue=None)


def test_colours_change_nothing_but_the_colours() -> None:
    document = document_with(BUSY, queue=QUEUE)

    painted = screen_of(document, is_coloured=True)

    assert "\x1b[1;31m" in painted[0]
    assert [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in painted] == screen_of(document)


def test_words_from_outside_cannot_steer_the_terminal() -> None:
    lost = replace(LOST, operation="\x1b]0;owned\x07", reason="\x1b[2J\r\n")

    text = _text(queue=queue_of(lost))

    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text)
