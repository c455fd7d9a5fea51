"""Places at a provider that takes so many tasks at once and no more."""

import asyncio
from collections import Counter

from imgbot.providers.protocol import Provider


class ProviderSlots:
    """Who holds a place where; a job holds one from its order until its task is over."""

    def __init__(self) -> None:
        self._held: dict[str, str] = {}
        self._counts: Counter[str] = Counter()
        self.freed = asyncio.Event()

    def acquire(self, job_id: str, provider: Provider) -> bool:
        """Take a slot; False where there is none, and `freed` is set when one may be."""
        self.release(job_id)
        if self.is_full(provider):
            self.freed.clear()
            return False
        self.adopt(job_id, provider.name)
        return True

    def adopt(self, job_id: str, name: str) -> None:
        """Count a task that exists already, whether there is a place or not."""
        if job_id not in self._held:
            self._held[job_id] = name
            self._counts[name] += 1

    def is_full(self, provider: Provider) -> bool:
        """Whether the provider takes no more at the moment."""
        return 0 < provider.max_concurrent <= self._counts[provider.name]

    def release(self, job_id: str) -> None:
        """Give a place back; harmless for whoever holds none."""
        name = self._held.pop(job_id, "")
        if name:
            self._counts[name] -= 1
            self.freed.set()
