"""Tickets that do not come with the response to a submit: from the task list, and by webhook.

A task is recognised by the fields it was submitted with. Fields added by the provider do not
matter; a field that it rewrites (such as a picture's URL) prevents a match, so finding nothing
proves nothing.
"""

import asyncio
import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from imgbot.clock import WRONG_S
from imgbot.domain.errors import ProviderError, ProviderErrorKind
from imgbot.providers import signatures
from imgbot.providers.declarative.responses import rejection
from imgbot.providers.declarative.spec import Hook, Search, Spec
from imgbot.providers.declarative.templates import fill, first, first_text, pick
from imgbot.providers.http import ProviderHttpClient
from imgbot.providers.picture_body import as_json
from imgbot.telemetry import events

_CLOCKS_APART_S = 2 * WRONG_S
"""Tolerated lag of the provider's clock behind ours: neither need be known to be wrong."""
_KEY_KEPT_S, _ASK_AGAIN_S = 24 * 3600.0, 60.0
_MAX_PAGES = 5


def fields_of(
    search: Search, body: Mapping[str, Any], pictures: Sequence[Path] = ()
) -> dict[str, str]:
    """Return a digest of each field of a request body, by which its task is recognised."""
    sent = first(body, (search.order,)) if search.order else body
    return {name: _digest(value, pictures) for name, value in sent.items()} if sent else {}


async def found_in(
    spec: Spec,
    client: ProviderHttpClient,
    values: Mapping[str, Any],
    fields: Mapping[str, str],
    since_ms: int,
) -> list[Any]:
    """Return the listed tasks with these fields made since then, the earliest first.

    Raises ProviderError.
    """
    search, found = spec.search, list[tuple[float, Any]]()
    if search is None or not fields:
        return []
    since_s = since_ms / 1000 - _CLOCKS_APART_S
    since = datetime.fromtimestamp(since_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    values = {**values, "since": since}
    url, params = fill(search.url, values, {}), fill(search.query, values, {})
    for _ in range(_MAX_PAGES):
        answer = await client.ask("GET", url, params=params)
        if (error := rejection(spec, "poll", answer)) is not None:
            raise error
        recent = _made_since(search, answer.content, since_s)
        found += [entry for entry in recent if _is_same(search, entry[1], fields)]
        url, params = first_text(answer.content, search.next), None
        if not recent or not url:
            break
    return [item for _, item in sorted(found, key=lambda entry: entry[0])]


def _made_since(search: Search, content: Any, since_s: float) -> list[tuple[float, Any]]:
    timed = ((_created_s(search, item), item) for item in pick(content, search.items))
    return [(created_s, item) for created_s, item in timed if created_s >= since_s]


def _is_same(search: Search, item: Any, fields: Mapping[str, str]) -> bool:
    received = first(item, (search.input,))
    return isinstance(received, dict) and all(
        name in received and _digest(received[name]) == digest for name, digest in fields.items()
    )


def _created_s(search: Search, item: Any) -> float:
    try:
        moment = datetime.fromisoformat(first_text(item, search.created))
    except ValueError:
        return 0.0
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _digest(value: Any, pictures: Sequence[Path] = ()) -> str:
    # An integer may come back as a float.
    plain = int(value) if isinstance(value, float) and value.is_integer() else value
    digest = hashlib.sha256()
    for piece in as_json(plain, pictures).pieces():
        digest.update(piece)
    return digest.hexdigest()[:16]


class HookReader:
    """Verifies webhooks; a published signing key is fetched once a day."""

    def __init__(self, hook: Hook, key: str, client: ProviderHttpClient, key_url: str) -> None:
        """`key` is the operator's own; it stands before the one published at `key_url`."""
        self._hook = hook
        self._own_key = key
        self._client = client
        self._key_url = key_url
        self._key: Any = None
        self._asked_s = -_KEY_KEPT_S
        self._asking = asyncio.Lock()

    async def task_of(self, headers: Mapping[str, str], body: bytes, now_s: float) -> str:
        """Return the task id, empty for a webhook that is forged, stale or malformed.

        Raises ProviderError while the key that signs it cannot be fetched.
        """
        try:
            task_id = first_text(json.loads(body), self._hook.task)
        except (ValueError, RecursionError):
            return ""
        is_signed = task_id and await self._is_signed(headers, body, task_id, now_s)
        return task_id if is_signed else ""

    async def _is_signed(
        self, headers: Mapping[str, str], body: bytes, task_id: str, now_s: float
    ) -> bool:
        scheme = self._hook.scheme
        if scheme == "none" or (scheme == "kie" and not self._own_key):
            # Unsigned: the secret in our webhook address is the only proof.
            return True
        key = self._own_key or await self._published_key()
        match scheme:
            case "kie":
                return signatures.verify_kie(str(key), headers, task_id, now_s)
            case "fal":
                return signatures.verify_fal(key, headers, body, now_s)
            case _:
                is_raw = scheme == "standard_raw"
                return signatures.verify_standard(str(key), headers, body, now_s, is_raw=is_raw)

    async def _published_key(self) -> Any:
        """Return the provider's published key; webhooks that come together share one fetch."""
        async with self._asking:
            age_s = time.monotonic() - self._asked_s
            if age_s >= (_ASK_AGAIN_S if self._key is None else _KEY_KEPT_S):
                self._key = await self._fetched_key() or self._key
                self._asked_s = time.monotonic()
        if self._key is None:
            raise ProviderError(ProviderErrorKind.UNAVAILABLE, "no signing key of webhooks")
        return self._key

    async def _fetched_key(self) -> Any:
        try:
            answer = await self._client.ask("GET", self._key_url)
        except ProviderError as error:
            events.warning("the signing key of webhooks cannot be fetched: %s", error)
            return None
        return first(answer.content, self._hook.key_path) if answer.is_success else None
