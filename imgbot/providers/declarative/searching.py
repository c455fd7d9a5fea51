"""Search for a submit with a lost response among the tasks that the provider lists.

A task is recognised by the fields it was submitted with. Fields added by the provider do not
matter; a field that it rewrites (such as a picture's URL) prevents a match, so finding nothing
proves nothing.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from imgbot.providers.declarative.paths import first, first_text, pick
from imgbot.providers.declarative.responses import refusal
from imgbot.providers.declarative.spec import Search, Spec
from imgbot.providers.declarative.templates import fill
from imgbot.providers.http import ProviderHttpClient

_MAX_PAGES = 5
_CLOCKS_APART_S = 60.0
"""Tolerated lag of the provider's clock behind ours."""
_DIGEST_CHARACTERS = 16


def fields_of(search: Search, body: Mapping[str, Any]) -> dict[str, str]:
    """Return a digest of each field of a request body, by which its task is recognised."""
    sent = first(body, (search.order,)) if search.order else body
    return {name: _digest(value) for name, value in sent.items()} if sent else {}


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
    search, found = spec.search, list[Any]()
    if search is None or not fields:
        return found
    since_s = since_ms / 1000 - _CLOCKS_APART_S
    since = datetime.fromtimestamp(since_s, UTC).isoformat(timespec="seconds")
    values = {**values, "since": since.replace("+00:00", "Z")}
    url, params = fill(search.url, values, {}), fill(search.query, values, {})
    for _ in range(_MAX_PAGES):
        answer = await client.ask("GET", url, params=params or None)
        if (error := refusal(spec, "poll", answer)) is not None:
            raise error
        items = [
            item for item in pick(answer.content, search.items) if _is_new(search, item, since_s)
        ]
        found += [item for item in items if _is_same(search, item, fields)]
        url, params = first_text(answer.content, search.next), None
        if not items or not url:
            break
    return sorted(found, key=lambda item: _created_s(search, item))


def _is_new(search: Search, item: Any, since_s: float) -> bool:
    return _created_s(search, item) >= since_s


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


def _digest(value: Any) -> str:
    # An integer may come back as a float.
    plain = int(value) if isinstance(value, float) and value.is_integer() else value
    text = json.dumps(plain, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_CHARACTERS]
