"""Store of prompt help: versions of prompts, and the number of questions to the chat model."""

from imgbot.storage.client import Store
from imgbot.storage.keys import Owner, Owners

# STRING per user id and digest of a prompt, a day: its written-out versions, as JSON.
_VERSIONS = "img:versions:"
# STRING per local day, two days: number of questions to the chat model.
_CALLS = "img:chat-calls:"

KEYS: Owners = {_VERSIONS: (r"(\d+)\..*",), _CALLS: (Owner.NOBODY,)}

_DAY_S = 86_400


class PromptHelpStore(Store):
    """Versions of prompts, and the count of calls."""

    async def keep_versions(self, user_id: int, prompt: str, versions: str) -> None:
        """Keep the written-out versions of a prompt, named by its digest, for a day."""
        await self._redis.set(f"{_VERSIONS}{user_id}.{prompt}", versions, ex=_DAY_S)

    async def versions(self, user_id: int, prompt: str) -> str:
        """Return them as they were kept; an empty JSON list without any."""
        return await self._redis.get(f"{_VERSIONS}{user_id}.{prompt}") or "[]"

    async def count_call(self, today: str) -> int:
        """Count a question to the chat model; return the number of today's."""
        key = f"{_CALLS}{today}"
        count, _ = await self._all(self._redis.incr(key), self._redis.expire(key, 2 * _DAY_S))
        return int(count)
