"""A dry run of a provider's file against a server made from the file itself; nothing is sent.

Every operation is ordered, asked for and fetched; then the same server refuses, fails and
answers nonsense, to show what the bot would make of it.
"""

import base64
import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from imgbot.domain.errors import ProviderError
from imgbot.domain.operations import Operation
from imgbot.providers.config import ProviderConfig
from imgbot.providers.declarative.model_selection import addresses
from imgbot.providers.declarative.paths import parts_of
from imgbot.providers.declarative.provider import DeclaredProvider
from imgbot.providers.declarative.spec import Spec
from imgbot.providers.http import ProviderHttpClient
from imgbot.providers.protocol import Accepted, Done, GenerationRequest, Pending
from imgbot.providers.url_policy import Hosts

_KEY = "key"
_MOST_POLLS = 5
_SHOWN_CHARACTERS = 2000
_ONE_PIXEL = base64.b64decode(
    "/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAP//////////////////////////////////////////////////////"
    "////////////////////////////////wAALCAABAAEBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAAA//EABQQAQAA"
    "AAAAAAAAAAAAAAAAAAD/2gAIAQEAAD8AN//Z"
)
_LONG = re.compile(r"[A-Za-z0-9+/=]{120,}")

TROUBLES: Mapping[str, tuple[int, bytes]] = {
    "401": (401, b'{"detail": "no such key"}'),
    "402": (402, b'{"detail": "no credit"}'),
    "422": (422, b'{"detail": "wrong field"}'),
    "429": (429, b'{"detail": "slow down"}'),
    "500": (500, b"<html>Internal Server Error</html>"),
    "half a JSON": (200, b'{"id": "unfi'),
}
"""Answers to an order that every file should have an opinion on."""


@dataclass(slots=True)
class Sent:
    """One request as it would go out, without its key and the bytes of pictures."""

    method: str
    url: str
    body: str


@dataclass(slots=True)
class _EchoTransport:
    """Answers as the file says that the provider would."""

    spec: Spec
    urls: Mapping[str, str]
    trouble: tuple[int, bytes] | None = None
    is_failing: bool = False
    sent: list[Sent] = field(default_factory=list[Sent])
    polls: int = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(Sent(request.method, str(request.url), _shown(request.content)))
        path = request.url.path
        if path.endswith("/rehearsal.jpg"):
            return httpx.Response(200, content=_ONE_PIXEL)
        if path.endswith(("/rehearsal-poll", "/rehearsal-result")) or "rehearsal-1" in str(
            request.url
        ):
            return self._poll(is_result=path.endswith("/rehearsal-result"))
        upload = self.spec.upload
        if upload is not None and self._is_upload(request):
            return httpx.Response(200, json=self._uploaded())
        if self.trouble is not None:
            status, content = self.trouble
            return httpx.Response(status, content=content)
        return httpx.Response(200, json=self._accepted())

    def _is_upload(self, request: httpx.Request) -> bool:
        upload = self.spec.upload
        if upload is None:
            return False
        mark = re.sub(r"\{[^}]*\}", "", upload.url).split("?")[0]
        return mark.strip("/") in str(request.url) or "rehearsal-put" in str(request.url)

    def _uploaded(self) -> Any:
        upload, content = self.spec.upload, self._ok()
        if upload is not None:
            for paths, value in (
                (upload.result, f"{self.urls['api']}/rehearsal.jpg"),
                (upload.put, f"{self.urls['api']}/rehearsal-put"),
                (upload.base, f"{self.urls['api']}/rehearsal-put"),
                (upload.token, "rehearsal-token"),
            ):
                for path in paths[:1]:
                    put(content, path, value)
        return content

    def _accepted(self) -> Any:
        content, submit = self._ok(), self.spec.submit
        put(content, submit.id[0], "rehearsal-1")
        for paths, name in ((submit.poll, "poll"), (submit.result, "result")):
            for path in paths[:1]:
                put(content, path, f"{self.urls['api']}/rehearsal-{name}")
        return content

    def _poll(self, *, is_result: bool) -> httpx.Response:
        self.polls += 1
        content, states = self._ok(), self.spec.poll.states
        wanted = "pending" if self.polls == 1 else "failed" if self.is_failing else "done"
        state = next((name for name, kind in states.items() if kind == wanted), "rehearsing")
        put(content, self.spec.poll.state[0], state)
        if wanted == "done" and (is_result or self.spec.result is None):
            place = self.spec.outputs[0]
            value: Any = f"{self.urls['api']}/rehearsal.jpg"
            if place.kind == "base64":
                value = base64.b64encode(_ONE_PIXEL).decode()
            if place.json_path:
                inner: dict[str, Any] = {}
                put(inner, place.json_path, value)
                value = json.dumps(inner)
            put(content, place.path, value)
        return httpx.Response(200, json=content)

    def _ok(self) -> Any:
        content: dict[str, Any] = {}
        if self.spec.ok is not None:
            put(content, self.spec.ok.path, self.spec.ok.equals)
        return content


async def dry_run(spec: Spec) -> list[str]:
    """Return, in lines, what each operation sends, and what becomes of it."""
    lines: list[str] = []
    operations = list(DeclaredProvider(spec, ProviderConfig()).offers.items())
    for operation, offer in operations:
        prices = {offer.price_at(scale) for scale in offer.scales} or {offer.price_micro}
        shown = " or ".join(f"${price / 1_000_000:g}" for price in sorted(prices))
        lines.append(f"{operation}: {offer.model}, {shown} a picture")
        mirror = _EchoTransport(spec, addresses(spec, ""))
        lines.append(f"  ends in {await _carry(spec, operation, mirror)}")
        lines += [f"  {line}" for sent in mirror.sent for line in _told(sent)]
    operation = operations[0][0]
    for name, trouble in TROUBLES.items():
        mirror = _EchoTransport(spec, addresses(spec, ""), trouble=trouble)
        lines.append(f"an order answered by {name}: {await _carry(spec, operation, mirror)}")
    mirror = _EchoTransport(spec, addresses(spec, ""), is_failing=True)
    lines.append(f"a failed task: {await _carry(spec, operation, mirror)}")
    return lines


async def _carry(spec: Spec, operation: Operation, mirror: _EchoTransport) -> str:
    auth = spec.auth
    door = ProviderHttpClient(
        Hosts(mirror.urls.values(), auth.hosts if auth else ()),
        {auth.header: auth.value.replace("{key}", _KEY)} if auth else {},
        transport=httpx.MockTransport(mirror),
    )
    provider = DeclaredProvider(spec, ProviderConfig(key=_KEY), door)
    with tempfile.TemporaryDirectory() as folder:
        try:
            return await _ordered(provider, _order(Path(folder), operation))
        except ProviderError as error:
            return str(error)
        finally:
            await provider.aclose()


async def _ordered(provider: DeclaredProvider, order: GenerationRequest) -> str:
    answer = await provider.submit(await provider.upload(order))
    done = answer if isinstance(answer, Done) else None
    for _ in range(_MOST_POLLS):
        if done is not None:
            await provider.fetch(done.outputs[0], order.target)
            return "a picture"
        assert isinstance(answer, Accepted)  # noqa: S101 -- for the type checker
        said = await provider.poll({**answer.ticket, "target": str(order.target)})
        done = None if isinstance(said, Pending) else said
    return "no end: none of the states that the file lists is 'done'"


def _order(folder: Path, operation: Operation) -> GenerationRequest:
    count = {Operation.CREATE: 0, Operation.MERGE: 2}.get(operation, 1)
    pictures = tuple(folder / f"source-{index}.jpg" for index in range(count))
    for path in pictures:
        path.write_bytes(_ONE_PIXEL)
    return GenerationRequest(
        "1", operation, "a calm lake", pictures, 2, "16:9", 7, folder / "made.jpg"
    )


def _told(sent: Sent) -> Iterator[str]:
    yield f"{sent.method} {sent.url}"
    if sent.body:
        yield f"    {sent.body}"


def _shown(content: bytes) -> str:
    text = content.decode("utf-8", "replace")
    if not text.isprintable() and not text.startswith("{"):
        return f"({len(content)} bytes)"
    return _LONG.sub("…", text)[:_SHOWN_CHARACTERS]


def put(content: Any, path: str, value: Any) -> None:
    """Put a value where a path leads, making what is not there."""
    parts = parts_of(path)
    for part, following in zip(parts, [*parts[1:], None], strict=True):
        inner: Any = value if following is None else [] if isinstance(following, int) else {}
        if isinstance(part, int):
            if len(content) <= part:
                content.append(inner)
        else:
            content.setdefault(part, inner)
        content = content[part]
