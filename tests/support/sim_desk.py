"""A sandbox with one simulated provider at hand, and small things to ask it with."""

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
from imgbot.sandbox.simulators.shared import Simulator
from tests.support.sandbox import Control, open_sandbox
from tests.support.waiting import PATIENCE_S


@dataclass(frozen=True, slots=True)
class Desk:
    """One provider: `http` carries its key, `anyone` does not."""

    simulator: Simulator
    sandbox: Sandbox
    control: Control
    http: httpx.AsyncClient
    anyone: httpx.AsyncClient

    @property
    def base_url(self) -> str:
        return self.simulator.base_url

    @property
    def key(self) -> str:
        return self.simulator.key

    async def view(self) -> Any:
        """All that the control interface shows of the provider."""
        return await self.control.get(f"provider/{self.simulator.name}")

    async def task(self) -> Any:
        """The latest task in the view."""
        return (await self.view())["tasks"][-1]

    async def charged_usd(self) -> list[float]:
        return [entry["charged_usd"] for entry in (await self.view())["ledger"]]

    async def set(self, **settings: Any) -> None:
        await self.control.post(f"provider/{self.simulator.name}", settings)


@asynccontextmanager
async def open_desk(name: str) -> AsyncGenerator[Desk]:
    """Its tasks take no time unless a mark says so."""
    async with open_sandbox(page=False) as (sandbox, control):
        simulator = sandbox.simulators[name]
        # Certificates are slow to load, and nothing here is encrypted.
        plain: Any = {"base_url": simulator.base_url, "timeout": PATIENCE_S, "verify": False}
        async with (
            httpx.AsyncClient(headers=_key_header(simulator), **plain) as http,
            httpx.AsyncClient(**plain) as anyone,
        ):
            desk = Desk(simulator, sandbox, control, http, anyone)
            await desk.set(duration_s=[0, 0])
            yield desk


def _key_header(simulator: Simulator) -> dict[str, str]:
    """The key as the provider wants it; nothing where it needs none."""
    if not simulator.key_name:
        return {}
    if simulator.name == "bfl":
        return {"x-key": simulator.key}
    scheme = "Key" if simulator.name == "fal" else "Bearer"
    return {"Authorization": f"{scheme} {simulator.key}"}


async def fetch(desk: Desk, url: str) -> bytes:
    """A file that anyone may have."""
    answer = await desk.anyone.get(url)
    assert answer.status_code == 200
    return answer.content


def seen(content: bytes) -> tuple[str, tuple[int, int]]:
    """The format and the size of a picture."""
    with Image.open(io.BytesIO(content)) as made:
        made.load()
        return made.format or "", made.size


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def data_uri(content: bytes, kind: str = "jpeg") -> str:
    return f"data:image/{kind};base64,{encoded(content)}"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def alpha_mask(width: int, height: int) -> bytes:
    """A PNG whose upper left corner is transparent."""
    mask = Image.new("RGBA", (width, height), "white")
    mask.paste((0, 0, 0, 0), (0, 0, width // 2, height // 2))
    buffer = io.BytesIO()
    mask.save(buffer, "PNG")
    return buffer.getvalue()
