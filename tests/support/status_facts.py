"""Facts to make a status document of: a service that is well, and changes to it."""

from dataclasses import replace
from typing import Any

from imgbot.ops.status.document import Document, StatusFacts, document_of
from imgbot.ops.status.indicators import Indicators
from imgbot.ops.status.metrics_reader import Histogram, ResourceUsage, Sample
from imgbot.ops.status.sources import QueueGlance, Worker

GIB = 1 << 30
NOW_S = 1_700_000_000.0

QUIET = Sample(
    at_s=NOW_S,
    clock_s=600,
    jobs={"waiting": 0, "running": 0, "dead": 0},
    poll_answered_at_s=NOW_S - 2,
    provider_up={"replicate": 1.0, "builtin": 1.0},
    budget_usd=float("inf"),
    usage=ResourceUsage(
        *("unit", 100, 2, GIB / 4, GIB),
        is_limited=True,
        redis_bytes=15_000_000,
        redis_limit_bytes=256_000_000,
    ),
)
"""Nothing to do, and nothing wrong."""


def quarter_of_an_hour_ago() -> Sample:
    return replace(QUIET, at_s=NOW_S - 900, clock_s=QUIET.clock_s - 900)


def vitals_of(now: Sample) -> Indicators:
    """Vitals that have seen a quiet quarter of an hour, and then `now`."""
    vitals = Indicators()
    vitals.take(quarter_of_an_hour_ago())
    vitals.take(now)
    return vitals


def facts_of(now: Sample = QUIET, **changes: Any) -> StatusFacts:
    facts = StatusFacts(
        vitals=vitals_of(now),
        checks={"redis": "", "telegram": ""},
        glance=QueueGlance(),
        workers=[Worker(1, 4321, "", 0.0, 31_000_000), Worker(2)],
        provider="replicate",
        redis="/var/lib/imgbot/redis/redis.sock",
        version="1.2.3",
        up_s=3725,
    )
    return replace(facts, **changes)


def document_with(now: Sample = QUIET, **changes: Any) -> Document:
    return document_of(facts_of(now, **changes))


def took(*seconds: float) -> Histogram:
    """Times that things took, as the histograms of jobs and stages count them."""
    bounds = (1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, float("inf"))
    counts = tuple((bound, float(sum(each <= bound for each in seconds))) for bound in bounds)
    return Histogram(counts, sum(seconds))
