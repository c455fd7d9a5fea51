"""Results from hosts that a provider's answer names: each host is checked, none may stall."""

import asyncio
import datetime as dt
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from unittest.mock import AsyncMock, Mock

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from imgbot.domain.errors import ProviderError, ProviderErrorKind as Kind
from imgbot.domain.job import State
from imgbot.domain.operations import Operation
from imgbot.jobs.provider_routing import ProviderRouter
from imgbot.jobs.runner import Runner
from imgbot.providers.http import ProviderHttpClient
from imgbot.providers.protocol import Timeouts
from imgbot.providers.url_policy import Hosts
from imgbot.storage.client import Client
from imgbot.storage.installation import bind_to_bot
from imgbot.storage.job_queue import JobQueue, QueueLimits
from tests.fixtures.jobs import job_of
from tests.fixtures.waiting import let_pass
from tests.integration.test_recovery import NOW, tools_of


@dataclass
class Edge:
    """A CDN's server on loopback, with the certificate of a.example alone."""

    port: int = 0
    asked: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """The host that each connection was opened for, and the one that was asked for on it."""
    body: AsyncIterator[bytes] | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened_for = writer.get_extra_info("ssl_object").server_name_asked
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                host = head.lower().partition("host: ")[2].partition(":")[0]
                self.asked.append((opened_for, host))
                writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                async for chunk in self.body or whole():
                    writer.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
                    await writer.drain()
                writer.write(b"0\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


async def whole() -> AsyncIterator[bytes]:
    yield b"a picture"


async def endless() -> AsyncIterator[bytes]:
    yield b"a"
    for _ in range(3):
        # Once the byte has arrived, from when on its silence counts.
        await asyncio.sleep(0.01)
        let_pass(Timeouts().stall_s)
    await asyncio.Event().wait()


def certificate(folder: Path, name: str) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{name}.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


class _Named(ssl.SSLObject):
    server_name_asked = ""


@pytest.fixture
async def edge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Edge]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(tmp_path, "a.example"))
    context.sslobject_class = _Named

    def note(each: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> None:
        cast("_Named", each).server_name_asked = name or ""

    context.sni_callback = note
    edge = Edge()
    trusts = ssl.create_default_context(cafile=str(tmp_path / "a.example.pem"))
    monkeypatch.setattr("httpx.create_ssl_context", Mock(return_value=trusts))
    monkeypatch.setattr("imgbot.providers.url_policy.is_public", Mock(return_value=True))
    async with await asyncio.start_server(edge.serve, "127.0.0.1", 0, ssl=context) as server:
        edge.port = server.sockets[0].getsockname()[1]
        yield edge


@pytest.fixture
async def door(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ProviderHttpClient]:
    here = {"hostname": "", "host": "127.0.0.1", "port": edge.port, "family": socket.AF_INET}
    found = AsyncMock(return_value=[{**here, "proto": 0, "flags": 0}])
    monkeypatch.setattr("aiohttp.resolver.ThreadedResolver.resolve", found)
    deadlines = Timeouts(fetch_s=3600)
    async with aclosing(ProviderHttpClient(Hosts((), ()), {}, deadlines=deadlines)) as door:
        yield door


async def test_hosts_at_one_address_share_no_connection(
    edge: Edge, door: ProviderHttpClient, tmp_path: Path
) -> None:
    await door.fetch(f"https://a.example:{edge.port}/1.jpg", tmp_path / "1")
    with pytest.raises(ProviderError) as refusal:
        await door.fetch(f"https://b.example:{edge.port}/2.jpg", tmp_path / "2")

    assert refusal.value.kind is Kind.UNAVAILABLE
    assert edge.asked == [("a.example", "a.example")]


async def test_a_picture_that_stalls_is_left(
    edge: Edge, door: ProviderHttpClient, tmp_path: Path
) -> None:
    edge.body = endless()

    with pytest.raises(ProviderError) as silence:
        await door.fetch(f"https://a.example:{edge.port}/1.jpg", tmp_path / "1")

    assert silence.value.kind is Kind.UNAVAILABLE


async def test_a_stop_leaves_what_cannot_be_fetched_to_the_next_start(
    redis: Client, tmp_path: Path
) -> None:
    queue = JobQueue(redis, QueueLimits())
    installation = await bind_to_bot(redis, 1)
    await queue.open_epoch()
    await queue.enqueue(job_of("7", 1, 1, Operation.CREATE, "en", prompt="a fox"), NOW)
    job = await queue.claim(NOW)
    assert job is not None
    job = await queue.move(job, State.SUBMITTING, submit_ms=NOW, provider="away")
    ticket = {"outputs": [{"url": "https://a.example/1.jpg"}]}
    await queue.move(job, State.RENDERING, ticket=ticket)
    provider = AsyncMock()
    routes = ProviderRouter({"away": cast("Any", provider)}, {Operation.CREATE: "away"})
    tools = tools_of(queue, redis, routes, tmp_path, installation)
    object.__setattr__(tools, "status_messages", AsyncMock(nudge=Mock(), discard=Mock()))

    def fail(*_: object) -> None:
        tools.draining.set()
        raise ProviderError(Kind.UNAVAILABLE)

    provider.fetch = AsyncMock(side_effect=fail)

    await Runner(tools, lambda: 10).run(tools.draining, drain_s=3600, order_s=0)

    stored = await tools.queue.job("7")
    assert stored is not None
    assert (stored.state, stored.progress.tries) == (State.RENDERING, 1)
