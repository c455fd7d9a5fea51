"""Webhooks of a declarative provider: signature check and task id."""

import json
import time
from collections.abc import Mapping
from typing import Any

from imgbot.domain.errors import ProviderError
from imgbot.providers import signatures
from imgbot.providers.declarative.paths import first, first_text
from imgbot.providers.declarative.spec import Hook, Spec
from imgbot.providers.declarative.templates import fill
from imgbot.providers.http import ProviderHttpClient
from imgbot.providers.protocol import ProviderConfig
from imgbot.telemetry import events as telemetry

_KEY_KEPT_S = 24 * 3600.0
_ASK_AGAIN_S = 60.0


class HookReader:
    """Verifies webhooks; a published signing key is fetched once a day."""

    def __init__(
        self,
        spec: Spec,
        config: ProviderConfig,
        client: ProviderHttpClient,
        urls: Mapping[str, str],
    ) -> None:
        self._hook = spec.hook
        self._given_key = config.hook_key
        self._client = client
        self._urls = urls
        self._key: Any = None
        self._asked_s = -_KEY_KEPT_S

    async def task_of(self, headers: Mapping[str, str], body: bytes, now_s: float) -> str:
        """Return the task id, empty for a webhook that is forged, stale or malformed."""
        hook = self._hook
        if hook is None:
            return ""
        try:
            content = json.loads(body)
        except (ValueError, RecursionError):
            return ""
        task_id = first_text(content, hook.task)[:200]
        if not task_id or not await self._is_signed(hook, headers, body, task_id, now_s):
            return ""
        return task_id

    async def _is_signed(
        self, hook: Hook, headers: Mapping[str, str], body: bytes, task_id: str, now_s: float
    ) -> bool:
        if hook.scheme == "none" or (hook.scheme == "kie" and not self._given_key):
            # Unsigned: the secret in our webhook address is the only proof.
            return True
        key = self._given_key or await self._fetched(hook)
        if key is None:
            return False
        match hook.scheme:
            case "standard":
                return signatures.verify_standard(str(key), headers, body, now_s)
            case "standard_raw":
                return signatures.verify_standard_raw(str(key), headers, body, now_s)
            case "kie":
                return signatures.verify_kie(str(key), headers, task_id, now_s)
            case "fal":
                keys = key if isinstance(key, list) else []
                return signatures.verify_fal(keys, headers, body, now_s)

    async def _fetched(self, hook: Hook) -> Any:
        """Return the provider's published key, None while it cannot be fetched."""
        age_s = time.monotonic() - self._asked_s
        if age_s < (_ASK_AGAIN_S if self._key is None else _KEY_KEPT_S):
            return self._key
        self._asked_s = time.monotonic()
        try:
            answer = await self._client.ask("GET", fill(hook.key_url, self._urls, {}))
        except ProviderError as error:
            telemetry.warning("the key of webhooks could not be had: %s", error)
            return self._key
        if answer.is_success:
            self._key = first(answer.content, hook.key_path) or self._key
        return self._key
