"""A server on loopback that answers what it was told to, and keeps what it was asked."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass(frozen=True)
class Asked:
    """One request, read whole."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    query: Mapping[str, str]


@dataclass
class Script:
    """Answers by `METHOD /path`, the last one for all further requests; anything else is a 404."""

    url: str = ""
    answers: dict[str, list[tuple[int, Any]]] = field(default_factory=dict[str, list[Any]])
    delay_s: float = 0.0
    headers: dict[str, str] = field(default_factory=dict[str, str])
    """Of each answer of bytes."""
    asked: list[Asked] = field(default_factory=list[Asked])
    held: asyncio.Event = field(default_factory=asyncio.Event)
    """No answer while it is clear."""

    def __post_init__(self) -> None:
        self.held.set()

    def on(self, request: str, *contents: Any, status: int = 200) -> None:
        """JSON, or bytes as they are."""
        self.answers[request] = [(status, content) for content in contents]

    async def answer(self, request: web.Request) -> web.Response:
        body = await request.read()
        headers, query = request.headers.copy(), dict(request.query)
        self.asked.append(Asked(request.method, request.path, headers, body, query))
        await self.held.wait()
        await asyncio.sleep(self.delay_s)
        waiting = self.answers.get(f"{request.method} {request.path}")
        if not waiting:
            raise web.HTTPNotFound
        status, content = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        if isinstance(content, bytes):
            return web.Response(body=content, status=status, headers=self.headers)
        return web.json_response(content, status=status)


@asynccontextmanager
async def open_script() -> AsyncGenerator[Script]:
    script = Script()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", script.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        script.url = f"http://{host}:{port}"
        yield script
    finally:
        await runner.cleanup()
