"""Rate limit of requests per user in a window, checked atomically (limits: the guide's)."""

from dataclasses import dataclass

from imgbot.storage import keys
from imgbot.storage.client import Client, Store

RATE_LIMIT_WINDOW = 60
"""Length of a window in seconds."""

RATE_LIMIT_MAX_REQUESTS = 10
"""Requests in a window (guide: 10 for 100 users, 8 to 10 for 200 to 300)."""

WAITED_OUT_S = 5
"""A request over the limit waits so long for the next window; with a longer wait it is refused."""

_REMEMBERED_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class RateLimitDecision:
    """Decision on a request; its truth value is whether the request is allowed."""

    is_allowed: bool
    remaining: int
    wait_s: int

    def __bool__(self) -> bool:
        return self.is_allowed


class RateLimit(Store):
    """Fixed window per user, so that `GET rate_limit:<id>` shows a count."""

    def __init__(
        self,
        redis: Client,
        *,
        window_s: int = RATE_LIMIT_WINDOW,
        max_requests: int = RATE_LIMIT_MAX_REQUESTS,
    ) -> None:
        super().__init__(redis)
        self.window_s = window_s
        self.max_requests = max_requests

    async def check_rate_limit(
        self, user_id: int, request: str, counter: str = keys.RATE_LIMIT, count: int = 1
    ) -> RateLimitDecision:
        """Count `request` (once, even if repeated), or so many, against the user's window.

        Raises StorageUnavailableError while Redis is unavailable: no request is admitted uncounted.
        """
        answer = await self._redis.call(
            "rate_limit",
            counter=f"{counter}{user_id}",
            request=request,
            count=count,
            max_requests=self.max_requests,
            window_ms=self.window_s * 1000,
            kept_ms=_REMEMBERED_MS,
            user_id=user_id,
            waited_out_ms=WAITED_OUT_S * 1000,
        )
        is_allowed, remaining, wait_ms = map(int, answer)
        return RateLimitDecision(bool(is_allowed), remaining, -(-wait_ms // 1000))

    async def peek(self, user_id: int) -> RateLimitDecision:
        """Return the requests left and the seconds until the window resets, without counting."""
        key = f"{keys.RATE_LIMIT}{user_id}"
        count, wait_ms = await self._all(self._redis.get(key), self._redis.pttl(key))
        remaining = max(self.max_requests - int(count or 0), 0)
        return RateLimitDecision(remaining > 0, remaining, -(-max(wait_ms, 0) // 1000))

    async def get_rate_limit_remaining(self, user_id: int) -> int:
        """Return the number of requests the user has left in this window."""
        return (await self.peek(user_id)).remaining
