"""What webhooks told: the ticket of an order whose answer was lost, and whom to wake."""

import json
from collections.abc import Mapping

from redis.asyncio import Redis

from imgbot.storage import keys
from imgbot.storage.scripts import storage_errors

_KEPT_S = 3600
_WOKEN_AT_ONCE = 1000


class WebhookTickets:
    """Plain reads and writes; each raises StorageUnavailableError while Redis is away."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def store_and_wake(self, job_id: str, ticket: Mapping[str, object]) -> None:
        """Wake the job; a ticket, if there is one, is kept for whoever asks for it."""
        pipe = self._redis.pipeline(transaction=True)
        if ticket:
            pipe.set(keys.WEBHOOK_TICKET + job_id, json.dumps(ticket), ex=_KEPT_S)
        pipe.lpush(keys.WAKE, job_id)
        pipe.ltrim(keys.WAKE, 0, _WOKEN_AT_ONCE - 1)
        with storage_errors():
            await pipe.execute()

    async def ticket(self, job_id: str) -> Mapping[str, object] | None:
        """Return the ticket that a webhook revealed, None without one."""
        with storage_errors():
            found = await self._redis.get(keys.WEBHOOK_TICKET + job_id)
        return json.loads(found) if found else None
