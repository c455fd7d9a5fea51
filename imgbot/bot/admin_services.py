"""Services used only by the admin handlers."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from imgbot.domain.operations import Operation
from imgbot.storage.access import Access
from imgbot.storage.broadcasts import Broadcasts
from imgbot.storage.dead_letters import DeadLetters
from imgbot.storage.stats import QueueStats


@dataclass(frozen=True, slots=True)
class AdminServices:
    """Access to the service for admin commands."""

    access: Access
    broadcasts: Broadcasts
    dead_letters: DeadLetters
    queue_stats: QueueStats
    workers: Callable[[], tuple[int, int, int]]
    """Wanted, started and busy workers."""
    providers_out: Callable[[], Mapping[str, bool]]
    """Provider → true if it is out of service."""
    typical_s: Callable[[Operation], Awaitable[float]]
    """Usual duration of a job in seconds, 0 if unknown."""
