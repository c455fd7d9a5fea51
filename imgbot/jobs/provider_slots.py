"""Per-provider limit of concurrent tasks."""

import asyncio
from collections import Counter

from imgbot.providers.protocol import Provider


class ProviderSlots:
    """Slots in use; a job holds one from its submit until its task is over."""

    def __init__(self) -> None:
        self._held: dict[str, str] = {}
        self._counts: Counter[str] = Counter()
        self.freed = asyncio.Event()
        """Set when a slot becomes free."""

    def acquire(self, job_id: str, provider: Provider) -> bool:
        """Take a slot; False if there is none: wait for `freed` then."""
        self.release(job_id)
        if self.is_full(provider):
            self.freed.clear()
            return False
        self.adopt(job_id, provider.name)
        return True

    def adopt(self, job_id: str, name: str) -> None:
        """Count a task that exists already, even beyond the limit."""
        if job_id not in self._held:
            self._held[job_id] = name
            self._counts[name] += 1

    def is_full(self, provider: Provider) -> bool:
        """True while the provider accepts no more tasks."""
        return 0 < provider.max_concurrent <= self._counts[provider.name]

    def release(self, job_id: str) -> None:
        """Free a job's slot, if it holds one."""
        name = self._held.pop(job_id, "")
        if name:
            self._counts[name] -= 1
            self.freed.set()
