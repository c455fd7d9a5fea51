"""Store of prompt help: versions of prompts."""

from imgbot.storage.client import Store
from imgbot.storage.keys import Owners

# STRING per user id and digest of a prompt, a day: its written-out versions, as JSON.
_VERSIONS = "img:versions:"

KEYS: Owners = {_VERSIONS: (r"(\d+)\..*",)}

_DAY_S = 86_400


class PromptHelpStore(Store):
    """Versions of prompts."""

    async def keep_versions(self, user_id: int, prompt: str, versions: str) -> None:
        """Keep the written-out versions of a prompt, named by its digest, for a day."""
        await self._redis.set(f"{_VERSIONS}{user_id}.{prompt}", versions, ex=_DAY_S)

    async def versions(self, user_id: int, prompt: str) -> str:
        """Return them as they were kept; an empty JSON list without any."""
        return await self._redis.get(f"{_VERSIONS}{user_id}.{prompt}") or "[]"
