"""Status of a cluster, from each of its bots: for /metrics, /healthz and the status document."""

import math
from collections.abc import Callable
from dataclasses import asdict

from prometheus_client import Gauge

from imgbot.ops.status import Document
from imgbot.storage.lease import Lease
from imgbot.storage.server.guard import ClusterFacts, Guard
from imgbot.telemetry import metrics


class ClusterStatus:
    """A cluster as its guard and the lease of this bot have it."""

    def __init__(self, guard: Guard, lease: Lease) -> None:
        """Have the gauges show it from now on."""
        self._guard = guard
        self._lease = lease
        up = metrics.cluster.labels
        figures: dict[Gauge, Callable[[ClusterFacts], float | None]] = {
            up("leader"): lambda _: lease.is_leading,
            up("replica"): lambda facts: facts.has_replica,
            up("quorum"): lambda facts: facts.has_quorum,
            up("record"): lambda facts: len(facts.in_sync) > 1,
            metrics.cluster_lag_bytes: lambda facts: facts.lag_bytes,
            metrics.cluster_lag_s: lambda facts: facts.lag_s,
            metrics.cluster_leader_since: lambda facts: (
                facts.lead.since_s if facts.lead.host else 0
            ),
            metrics.cluster_takeover_s: lambda facts: facts.lead.takeover_s,
        }
        for gauge, read in figures.items():
            gauge.set_function(lambda read=read: _figure(read(guard.facts)))

    def document(self) -> Document:
        return asdict(self._guard.facts) | {"state": self._lease.state}

    def trouble(self) -> str:
        """Return what is wrong, without addresses: /healthz is for all."""
        return "nothing is accepted; imgbot cluster status says why" if self._lease.trouble else ""


def _figure(value: float | None) -> float:
    return math.nan if value is None else value
