"""Dry run of a spec file: every request as it would be sent, and what refusals would mean."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from imgbot.domain.operations import OPERATIONS, Operation
from imgbot.providers.declarative import responses
from imgbot.providers.declarative.provider import DeclaredProvider
from imgbot.providers.declarative.spec import Spec
from imgbot.providers.declarative.templates import fill
from imgbot.providers.http import ProviderResponse
from imgbot.providers.protocol import GenerationRequest, ProviderConfig

_TICKET = {"id": "TASK-ID"}
_TROUBLES: Mapping[str, tuple[int, object]] = {
    "401": (401, {"detail": "no such key"}),
    "402": (402, {"detail": "no credit"}),
    "422": (422, {"detail": "wrong field"}),
    "429": (429, {"detail": "slow down"}),
    "500": (500, None),
    "half a JSON": (200, None),
}
"""Responses to a submit whose handling is shown."""


def dry_run(spec: Spec) -> list[str]:
    """Return, as lines, the requests of each operation; nothing is sent."""
    provider = DeclaredProvider(spec, ProviderConfig(key="key"))
    lines: list[str] = []
    for operation, offer in provider.offers.items():
        prices = {offer.price_at(scale) for scale in offer.scales} or {offer.price_micro}
        shown = " or ".join(f"${price / 1_000_000:g}" for price in sorted(prices))
        lines.append(f"{operation}: {offer.model}, {shown} a picture")
        lines += [f"  {line}" for line in _requests(spec, provider, operation)]
    for name, (status, content) in _TROUBLES.items():
        answer = ProviderResponse(status, {}, content, json.dumps(content) if content else "")
        error = responses.rejection(spec, "submit", answer)
        lines.append(f"a submit answered by {name}: {error}")
    return lines


def _requests(spec: Spec, provider: DeclaredProvider, operation: Operation) -> Iterator[str]:
    photos = OPERATIONS[operation].photos
    if photos and spec.upload:
        values = {**spec.urls, "file_name": "photo.jpg", "mime": "image/jpeg", "size_bytes": 1000}
        yield f"POST {fill(spec.upload.url, values, {})}"
    uploads = tuple(f"(photo {number})" for number in range(1, photos + 1))
    mask = Path("mask.png") if operation is Operation.INPAINT else None
    order = GenerationRequest(
        *("1", operation, "a calm lake", (), 2, "16:9", 7, Path("made.jpg")),
        mask=mask,
        uploads=(*uploads, "(mask)") if mask else uploads,
    )
    url, query, body = provider.submit_parts(order)
    yield " ".join(["POST", url, *(f"{name}={text}" for name, text in query.items())])
    yield f"    {json.dumps(body, ensure_ascii=False)}"
    ticket = {**_TICKET, "model": provider.offers[operation].model}
    for method, each in (
        ("GET", spec.poll),
        ("GET", spec.result),
        (spec.cancel.method if spec.cancel else "", spec.cancel),
    ):
        if each:
            named = {name: f"({name} URL)" for name in ("poll", "result", "cancel")}
            yield f"{method} {provider.ticket_url(each.url[::-1], {**named, **ticket})}"
