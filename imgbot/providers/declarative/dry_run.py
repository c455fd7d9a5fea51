"""Dry run of a spec file against a server simulated from the file itself; nothing is sent.

Every operation is submitted, polled and fetched. Then the server refuses, fails and sends broken
responses, to show how the bot would handle them.
"""

import base64
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from imgbot.domain.errors import ProviderError, ProviderErrorKind
from imgbot.domain.operations import OPERATIONS, Operation
from imgbot.providers.declarative.player import Call, PresetPlayer, Reply
from imgbot.providers.declarative.provider import DeclaredProvider, open_client
from imgbot.providers.declarative.spec import Spec, addresses
from imgbot.providers.protocol import Accepted, Done, GenerationRequest, Pending, ProviderConfig

_TASK = "dry-run"
_MAX_POLLS = 5
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
"""Responses to a submit whose handling is shown."""


@dataclass(slots=True)
class Sent:
    """One request as it would go out, without its key and the bytes of pictures."""

    method: str
    url: str
    body: str


@dataclass(slots=True)
class _EchoTransport:
    """Server that responds as the file describes; every task takes two polls."""

    player: PresetPlayer
    trouble: tuple[int, bytes] | None = None
    is_failing: bool = False
    sent: list[Sent] = field(default_factory=list[Sent])
    polls: int = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        url = str(request.url)
        self.sent.append(Sent(request.method, url, _shown(request.content)))
        call = self.player.call_of(request.method, url)
        if call is not None and call.endpoint == "picture":
            return httpx.Response(200, content=_ONE_PIXEL)
        if call is not None and call.endpoint == "submit" and self.trouble is not None:
            status, content = self.trouble
            return httpx.Response(status, content=content)
        status, content = self._answer(call) if call is not None else (404, {})
        return httpx.Response(status, json=content)

    def _answer(self, call: Call) -> Reply:
        match call.endpoint:
            case "submit":
                return 200, self.player.accepted(_TASK, call.models[0])
            case "upload" | "put":
                return 200, self.player.uploaded(_TASK)
            case "poll":
                return self._poll()
            case "result" if self.is_failing:
                return self.player.failed(ProviderErrorKind.FAILED)
            case "result":
                return 200, self.player.result(self._picture)
            case _:
                return 404, {}

    def _poll(self) -> Reply:
        self.polls += 1
        if self.polls == 1:
            return 200, self.player.pending()
        if self.is_failing and self.player.fails_by_poll:
            return self.player.failed(ProviderErrorKind.FAILED)
        return 200, self.player.done(self._picture)

    @property
    def _picture(self) -> str:
        if self.player.is_base64:
            return base64.b64encode(_ONE_PIXEL).decode()
        return self.player.picture_url(_TASK)


async def dry_run(spec: Spec) -> list[str]:
    """Return, as lines, the requests and the result of each operation."""
    lines: list[str] = []
    player = PresetPlayer(spec, addresses(spec, ""))
    operations = list(DeclaredProvider(spec, ProviderConfig()).offers.items())
    for operation, offer in operations:
        prices = {offer.price_at(scale) for scale in offer.scales} or {offer.price_micro}
        shown = " or ".join(f"${price / 1_000_000:g}" for price in sorted(prices))
        lines.append(f"{operation}: {offer.model}, {shown} a picture")
        server = _EchoTransport(player)
        lines.append(f"  ends in {await _run_scenario(spec, operation, server)}")
        lines += [f"  {line}" for sent in server.sent for line in _request_lines(sent)]
    operation = operations[0][0]
    for name, trouble in TROUBLES.items():
        server = _EchoTransport(player, trouble=trouble)
        lines.append(f"an order answered by {name}: {await _run_scenario(spec, operation, server)}")
    server = _EchoTransport(player, is_failing=True)
    lines.append(f"a failed task: {await _run_scenario(spec, operation, server)}")
    return lines


async def _run_scenario(spec: Spec, operation: Operation, server: _EchoTransport) -> str:
    config = ProviderConfig(key="key")
    client = open_client(spec, config, server.player.urls, httpx.MockTransport(server))
    provider = DeclaredProvider(spec, config, client)
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
    for _ in range(_MAX_POLLS):
        if done is not None:
            await provider.fetch(done.outputs[0], order.target)
            return "a picture"
        assert isinstance(answer, Accepted)  # noqa: S101 -- for the type checker
        said = await provider.poll({**answer.ticket, "target": str(order.target)})
        done = None if isinstance(said, Pending) else said
    return "no end: none of the states that the file lists is 'done'"


def _order(folder: Path, operation: Operation) -> GenerationRequest:
    count = OPERATIONS[operation].photos
    pictures = tuple(folder / f"source-{index}.jpg" for index in range(count))
    for path in pictures:
        path.write_bytes(_ONE_PIXEL)
    return GenerationRequest(
        "1", operation, "a calm lake", pictures, 2, "16:9", 7, folder / "made.jpg"
    )


def _request_lines(sent: Sent) -> Iterator[str]:
    yield f"{sent.method} {sent.url}"
    if sent.body:
        yield f"    {sent.body}"


def _shown(content: bytes) -> str:
    text = content.decode("utf-8", "replace")
    if not text.isprintable() and not text.startswith("{"):
        return f"({len(content)} bytes)"
    return _LONG.sub("…", text)[:_SHOWN_CHARACTERS]
