"""What administrators look at and turn, beside what everybody's conversation needs."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from imgbot.domain.operations import Operation
from imgbot.storage.access import Access
from imgbot.storage.broadcasts import Broadcasts
from imgbot.storage.dead_letters import DeadLetters
from imgbot.storage.job_outcomes import JobOutcomes
from imgbot.storage.stats import QueueStats


@dataclass(frozen=True, slots=True)
class AdminServices:
    """The service as its administrators see it."""

    access: Access
    broadcasts: Broadcasts
    dead_letters: DeadLetters
    job_outcomes: JobOutcomes
    queue_stats: QueueStats
    workers: Callable[[], tuple[int, int, int]]
    """Wanted, started, busy."""
    providers_out: Callable[[], Mapping[str, bool]]
    """Provider → whether it is out of service."""
    typical_s: Callable[[Operation], Awaitable[float]]
    """How long a picture usually takes, 0 while nobody knows."""
