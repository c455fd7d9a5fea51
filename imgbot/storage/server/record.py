"""Record of the Redis servers of a cluster that have everything; the witness keeps it.

It is asked and changed while one of the two servers is away: each majority has the witness then.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from imgbot.config.setting_types import Address, ClusterUrl
from imgbot.domain.errors import StorageUnavailableError
from imgbot.storage import keys
from imgbot.storage.server.cluster import SILENCE
from imgbot.telemetry import events

_ANSWER_S = 1.0
_CHANGE = """
local found = redis.call('GET', KEYS[1]) or ''
if found == ARGV[1] then redis.call('SET', KEYS[1], ARGV[2]) return ARGV[2] end
return found
"""


@dataclass(frozen=True, slots=True)
class InSyncRecord:
    """Servers that have everything, each as host:port, since a time (Unix, s)."""

    since_s: float
    members: frozenset[str]

    @classmethod
    def parse(cls, text: str) -> "InSyncRecord | None":
        """Return the record that is stored as `text`; None if there is none."""
        if not text:
            return None
        since, *members = text.split()
        return cls(float(since), frozenset(members))

    @property
    def named(self) -> str:
        """The members, in a sentence."""
        return ", ".join(sorted(self.members))

    def __str__(self) -> str:
        return " ".join((f"{self.since_s:.3f}", *sorted(self.members)))


def open_client(address: Address, url: ClusterUrl) -> Any:
    """Return a client; of no type, for redis-py's own allow for answers in bytes."""
    return Redis(
        host=address.host, port=address.port, username=url.user, password=url.password,
        decode_responses=True, socket_timeout=_ANSWER_S, socket_connect_timeout=_ANSWER_S,
        retry=Retry(NoBackoff(), 0), max_connections=4,
    )  # fmt: skip


class Register:
    """Place of the record. Both methods raise StorageUnavailableError if it does not answer."""

    def __init__(self, url: ClusterUrl) -> None:
        self.url = url
        self._redis = open_client(url.witness, url)
        self.known: InSyncRecord | None = None
        """Record as it was last read."""

    async def read(self) -> InSyncRecord | None:
        """Return the record; None if there is none yet."""
        self.known = InSyncRecord.parse(await self._ask("GET", keys.RECORD) or "")
        return self.known

    async def change(self, before: InSyncRecord | None, members: Iterable[str]) -> InSyncRecord:
        """Replace the record `before`; also raises if another bot has changed it meanwhile."""
        wanted = InSyncRecord(round(time.time(), 3), frozenset(members))
        old, new = str(before or ""), str(wanted)
        if await self._ask("EVAL", _CHANGE, 1, keys.RECORD, old, new) != new:
            raise StorageUnavailableError("the record at the witness has changed meanwhile")
        self.known = wanted
        events.info("the witness has recorded who has everything: %s", wanted.named)
        return wanted

    async def aclose(self) -> None:
        await self._redis.aclose()

    async def _ask(self, *words: str | int) -> str:
        try:
            return await self._redis.execute_command(*words)
        except SILENCE as error:
            problem = f"the witness does not answer at {self.url.witness} ({error})"
            raise StorageUnavailableError(problem) from error
