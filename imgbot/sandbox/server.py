"""The sandbox as one HTTP server: Bot API, control interface, chat page, simulated provider."""

import secrets
import socket
import string
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from email.utils import formatdate
from ipaddress import ip_address
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from imgbot.aio import draining_task_group
from imgbot.sandbox.botapi import BotApi
from imgbot.sandbox.control import Control
from imgbot.sandbox.simulated_provider import NAME, SimulatedProvider
from imgbot.sandbox.state import SandboxState

SPEECH = "/sim/speech"
"""Path of a speech server, as `IMGBOT_SPEECH` takes it behind the sandbox's own address."""

_PAGE = Path(__file__).parent / "page"
_TOKEN_CHARACTERS = string.ascii_letters + string.digits + "_-"
_GRACE_S = 0.5
_BODY_BYTES = 64 << 20


def new_token() -> str:
    """A token of Telegram's form, good for this sandbox only."""
    tail = "".join(secrets.choice(_TOKEN_CHARACTERS) for _ in range(33))
    return f"{7_000_000_000 + secrets.randbelow(10**9)}:AA{tail}"


class Sandbox:
    """Opens on entering, and leaves nothing behind."""

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        token: str = "",
        *,
        page: bool = True,
        flood: bool = True,
        now: Callable[[], float] = time.time,
        providers: Sequence[str] = (NAME,),
    ) -> None:
        self._host = host
        self._port = port
        self._has_page = page
        self._flood = flood
        self._now = now
        self._provider_names = providers
        self.token = token or new_token()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            # Before the task group, which would wrap an error in an exception group.
            family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
            listener = socket.create_server((self._host, self._port), family=family)
            stack.callback(listener.close)
            self.state = SandboxState(self.token, flood=self._flood, now=self._now)
            stack.callback(self.state.close)
            start = await stack.enter_async_context(draining_task_group(0))
            self.providers = {name: SimulatedProvider(name, start) for name in self._provider_names}
            runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=_GRACE_S)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            # Before the server: readers of events must let go of their connections first.
            stack.callback(self.state.events.close)
            stack.callback(self.state.updates.close)
            await web.SockSite(runner, listener).start()
            self._port = runner.addresses[0][1]
            for provider in self.providers.values():
                provider.listen_at(self.url)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    @property
    def url(self) -> str:
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    async def _date(self, _request: web.Request, response: web.StreamResponse) -> None:
        # By this clock the bot may see that its own is wrong.
        response.headers["Date"] = formatdate(self._now(), usegmt=True)

    def _application(self) -> web.Application:
        application = web.Application(middlewares=[_only_loopback], client_max_size=_BODY_BYTES)
        application.on_response_prepare.append(self._date)
        application.add_routes(BotApi(self.state).routes())
        application.add_routes(Control(self.state, self.providers).routes())
        for provider in self.providers.values():
            application.add_routes(provider.routes())
        application.add_routes([web.post(f"{SPEECH}/audio/transcriptions", _hear)])
        if self._has_page:
            application.add_routes([web.get("/", _page), web.get("/{name:.+}", _page)])
        return application


async def _hear(request: web.Request) -> web.Response:
    """Hear a recording that is a text as that text, and a fox in the snow in all others."""
    file = (await request.post()).get("file")
    content = file.file.read() if isinstance(file, web.FileField) else b""
    is_recording = content.startswith(b"OggS")
    return web.json_response({"text": "a fox in the snow" if is_recording else content.decode()})


@web.middleware
async def _only_loopback(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse pages of other sites that reach for the sandbox, by DNS rebinding or directly."""
    origin = request.headers.get("Origin", "")
    is_foreign = request.headers.get("Sec-Fetch-Site", "") == "cross-site"
    if not _is_loopback(f"http://{request.host}") or is_foreign:
        raise web.HTTPForbidden(text="the sandbox answers on loopback addresses only")
    if origin and not (_is_loopback(origin) and urlsplit(origin).netloc == request.host):
        raise web.HTTPForbidden(text="the sandbox answers its own page only")
    return await handler(request)


def _is_loopback(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


async def _page(request: web.Request) -> web.StreamResponse:
    """The chat page, never cached: it is changed while it is looked at."""
    path = (_PAGE / request.match_info.get("name", "index.html")).resolve()
    if not path.is_relative_to(_PAGE) or not path.is_file():
        raise web.HTTPNotFound
    return web.FileResponse(path, headers={"Cache-Control": "no-store"})
