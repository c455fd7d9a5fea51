"""A sandbox with one simulated provider at hand, and small things to ask it with."""

import base64
import io
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from PIL import Image

from imgbot.sandbox.server import Sandbox
from tests.support.sandbox import Control, open_sandbox
from tests.support.waiting import PATIENCE_S


@dataclass(frozen=True)
class Desk:
    """One provider: `http` carries its key, `anyone` does not."""

    name: str
    sandbox: Sandbox
    control: Control
    http: httpx.AsyncClient
    anyone: httpx.AsyncClient

    async def view(self) -> Any:
        return await self.control.get(f"provider/{self.name}")

    async def ledger(self) -> Any:
        return (await self.view())["ledger"]

    async def set(self, **settings: Any) -> Any:
        return await self.control.post(f"provider/{self.name}", settings)


@asynccontextmanager
async def open_desk(name: str, headers: dict[str, str]) -> AsyncGenerator[Desk]:
    """Its tasks take no time unless a mark says so."""
    async with open_sandbox() as (sandbox, control):
        root = f"{sandbox.url}/sim/{name}"
        # Certificates are slow to load, and nothing here is encrypted.
        plain: Any = {"base_url": root, "timeout": PATIENCE_S, "verify": False}
        async with (
            httpx.AsyncClient(headers=headers, **plain) as http,
            httpx.AsyncClient(**plain) as anyone,
        ):
            desk = Desk(name, sandbox, control, http, anyone)
            await desk.set(duration_s=[0, 0])
            yield desk


def seen(content: bytes) -> tuple[str, tuple[int, int]]:
    """The format and the size of a picture."""
    with Image.open(io.BytesIO(content)) as made:
        made.load()
        return made.format or "", made.size


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def alpha_mask(width: int, height: int) -> bytes:
    """A PNG whose upper left corner is transparent."""
    mask = Image.new("RGBA", (width, height), "white")
    mask.paste((0, 0, 0, 0), (0, 0, width // 2, height // 2))
    buffer = io.BytesIO()
    mask.save(buffer, "PNG")
    return buffer.getvalue()
