"""A server on loopback that keeps what webhooks bring."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tests.support.waiting import eventually


@dataclass(frozen=True, slots=True)
class Caught:
    """One delivery."""

    headers: dict[str, str]
    body: bytes


class HookCatcher:
    """Answers as told, 200 at first."""

    def __init__(self, url: str = "") -> None:
        self.url = url
        self.caught: list[Caught] = []
        self.status = 200

    async def receive(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.caught.append(Caught(headers, await request.read()))
        return web.Response(status=self.status)

    async def wait(self, count: int) -> list[Caught]:
        """The deliveries, as soon as there are so many."""

        async def look() -> list[Caught]:
            return list(self.caught)

        def is_enough(caught: Any) -> bool:
            return len(caught) >= count

        return await eventually(look, is_enough, what=f"{count} webhooks")


@asynccontextmanager
async def catch_hooks() -> AsyncGenerator[HookCatcher]:
    catcher = HookCatcher()
    application = web.Application()
    application.add_routes([web.post("/hook", catcher.receive)])
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        catcher.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
        yield catcher
    finally:
        await runner.cleanup()
