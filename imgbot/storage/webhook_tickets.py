"""Tickets received by webhooks, for orders whose answer was lost, and wake-ups of their jobs."""

import json
from collections.abc import Mapping

from redis.asyncio import Redis

from imgbot.storage import keys
from imgbot.storage.scripts import storage_errors

_KEPT_S = 3600
_WOKEN_AT_ONCE = 1000


class WebhookTickets:
    """Store of tickets; each call raises StorageUnavailableError while Redis is unavailable."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def store_and_wake(self, job_id: str, ticket: Mapping[str, object]) -> None:
        """Wake the job, and store its ticket, if any, for `ticket`."""
        pipe = self._redis.pipeline(transaction=True)
        if ticket:
            pipe.set(keys.WEBHOOK_TICKET + job_id, json.dumps(ticket), ex=_KEPT_S)
        pipe.lpush(keys.WAKE, job_id)
        pipe.ltrim(keys.WAKE, 0, _WOKEN_AT_ONCE - 1)
        with storage_errors():
            await pipe.execute()

    async def ticket(self, job_id: str) -> Mapping[str, object] | None:
        """Return the ticket received by a webhook; None without one."""
        with storage_errors():
            found = await self._redis.get(keys.WEBHOOK_TICKET + job_id)
        return json.loads(found) if found else None
