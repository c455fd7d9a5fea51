"""A small HTTP server that keeps the webhooks it is sent."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from tests.support.waiting import eventually


@dataclass(frozen=True)
class Hook:
    """One webhook, byte for byte."""

    headers: dict[str, str]
    body: bytes


@dataclass
class HookCatcher:
    """`url` is where webhooks are to be sent."""

    url: str = ""
    hooks: list[Hook] = field(default_factory=list[Hook])

    async def take(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.hooks.append(Hook(headers, await request.read()))
        return web.Response()

    async def wait_for(self, count: int) -> list[Hook]:
        async def caught() -> list[Hook]:
            return self.hooks

        return await eventually(caught, lambda hooks: len(hooks) >= count, what="webhooks")


@asynccontextmanager
async def open_hook_catcher() -> AsyncGenerator[HookCatcher]:
    catcher = HookCatcher()
    application = web.Application()
    application.add_routes([web.post("/hook", catcher.take)])
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        catcher.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
        yield catcher
    finally:
        await runner.cleanup()
