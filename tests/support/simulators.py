"""What tests of the simulated providers share."""

import base64
import hashlib
import io
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from PIL import Image

from imgbot.sandbox.server import Sandbox
from tests.support.waiting import PATIENCE_S


@dataclass(frozen=True, slots=True)
class SimulatorDesk:
    """A simulator over HTTP with its key, without one, and what it knows inside."""

    name: str
    sandbox: Sandbox
    http: httpx.AsyncClient
    anyone: httpx.AsyncClient

    @property
    def base_url(self) -> str:
        return self.sandbox.simulators[self.name].base_url

    @property
    def key(self) -> str:
        return self.sandbox.simulators[self.name].key

    async def view(self) -> dict[str, Any]:
        answer = await self.anyone.get(f"{self.sandbox.url}/control/provider/{self.name}")
        return answer.json()

    async def charged_usd(self) -> list[float]:
        return [entry["charged_usd"] for entry in (await self.view())["ledger"]]

    async def task(self) -> dict[str, Any]:
        """The latest task as the control interface shows it."""
        return (await self.view())["tasks"][-1]

    async def set(self, **settings: Any) -> None:
        url = f"{self.sandbox.url}/control/provider/{self.name}"
        (await self.anyone.post(url, json=settings)).raise_for_status()


def _client(**options: Any) -> httpx.AsyncClient:
    # Certificates take longest to load, and are of no use here.
    return httpx.AsyncClient(timeout=PATIENCE_S, verify=False, **options)


@asynccontextmanager
async def open_desk(name: str, scheme: str) -> AsyncGenerator[SimulatorDesk]:
    """A desk at which every task takes no time unless it is asked to."""
    async with Sandbox(page=False) as sandbox:
        simulator = sandbox.simulators[name]
        headers = {"Authorization": f"{scheme} {simulator.key}"}
        async with (
            _client(base_url=simulator.base_url, headers=headers) as http,
            _client() as anyone,
        ):
            desk = SimulatorDesk(name, sandbox, http, anyone)
            await desk.set(duration_s=[0, 0])
            yield desk


def data_uri(content: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(content).decode()}"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def looks(content: bytes) -> tuple[str, tuple[int, int]]:
    """Format and size of a picture."""
    with Image.open(io.BytesIO(content)) as picture:
        picture.load()
        return str(picture.format), picture.size
