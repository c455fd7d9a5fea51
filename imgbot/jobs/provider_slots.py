"""Slots of providers: how many of their tasks are under way, and submits that await an answer."""

import asyncio
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager, suppress

from imgbot.providers.protocol import Provider


class ProviderSlots:
    """Slots in use; a job holds one from its submit until its task is over."""

    def __init__(self) -> None:
        self._held: dict[str, str] = {}
        self._counts: Counter[str] = Counter()
        self.freed = asyncio.Event()
        """Set when a slot becomes free."""
        self.unanswered: set[str] = set()
        """Ids of jobs with a submit in flight that could not be recovered without its answer."""
        self.is_closed = False
        """No such submit may begin."""
        self._answered = asyncio.Event()

    def acquire(self, job_id: str, provider: Provider) -> bool:
        """Take a slot; False if there is none: wait for `freed` then."""
        self.release(job_id)
        if self.is_full(provider):
            self.freed.clear()
            return False
        self.adopt(job_id, provider.name)
        return True

    @contextmanager
    def awaiting(self, job_id: str) -> Generator[None]:
        """Mark a submit that could not be recovered without its answer."""
        self.unanswered.add(job_id)
        try:
            yield
        finally:
            self.unanswered.discard(job_id)
            self._answered.set()

    async def close(self, wait_s: float) -> None:
        """Wait for the answers to submits that could not be recovered, and let none begin."""
        self.is_closed = True
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                while self.unanswered:
                    self._answered.clear()
                    await self._answered.wait()

    def adopt(self, job_id: str, name: str) -> None:
        """Count a task that exists already, even beyond the limit."""
        if job_id not in self._held:
            self._held[job_id] = name
            self._counts[name] += 1

    def count(self, name: str) -> int:
        """Return the number of tasks of a provider."""
        return self._counts[name]

    def is_full(self, provider: Provider) -> bool:
        """True while the provider accepts no more tasks."""
        return 0 < provider.max_concurrent <= self._counts[provider.name]

    def release(self, job_id: str) -> None:
        """Free a job's slot, if it holds one."""
        name = self._held.pop(job_id, "")
        if name:
            self._counts[name] -= 1
            self.freed.set()
