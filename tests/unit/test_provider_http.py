"""What a call that breaks in an odd place means: not the provider's word, and not the end."""

import errno
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from imgbot.domain.errors import ProviderError, ProviderErrorKind
from imgbot.providers import http
from imgbot.providers.http import ProviderHttpClient
from imgbot.providers.url_policy import Hosts

HOME = "https://api.example"


def raising(error: Exception) -> Callable[..., Awaitable[None]]:
    async def fail(*_: object) -> None:
        raise error

    return fail


@pytest.fixture
def client() -> ProviderHttpClient:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=b"a picture"))
    return ProviderHttpClient(Hosts([HOME], ()), {}, transport=transport)


async def test_a_name_that_is_not_found_for_a_moment_is_silence(
    client: ProviderHttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "public_address", raising(socket.gaierror(-3, "try again")))

    with pytest.raises(ProviderError) as silence:
        await client.ask("PUT", "https://upload.example/1", is_public=True, content=b"")

    assert silence.value.kind is ProviderErrorKind.UNAVAILABLE


async def test_a_full_disk_is_no_fault_of_the_providers(
    client: ProviderHttpClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(http, "_write", raising(OSError(errno.ENOSPC, "no space left")))

    with pytest.raises(OSError, match="no space left"):
        await client.fetch(f"{HOME}/1.png", tmp_path / "result")
