"""The operator's door: /healthz for a watcher, /metrics for Prometheus, the status and its page.

`/hook/…` is for image providers, and the only path that the internet may be let in to.
It knows nothing of the pipeline: checks, metrics, the watch and whoever takes webhooks are
handed in.
"""

import asyncio
import errno
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from types import TracebackType
from typing import Self

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from imgbot.config.setting_types import Address
from imgbot.domain.errors import ConfigError, TransientError
from imgbot.ops.client_access import is_known_host
from imgbot.ops.health import Check, ask_all
from imgbot.ops.status.http_pages import HEADERS, StatusPages
from imgbot.ops.status.sampler import StatusSampler

_log = logging.getLogger(__name__)

SETTING = "IMGBOT_HTTP"
# A webhook may carry the whole answer of its model.
_MAX_BODY_BYTES = 1 << 20
BODY_DEADLINE_S = 20.0
IDLE_S = 60.0
"""Seconds that a connection may take to send a whole request."""
MOST_CONNECTIONS = 256

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
TakeHook = Callable[[str, str, Mapping[str, str], bytes], Awaitable[bool]]
"""Takes a job's id, its secret, headers (names in lower case) and a body; False: forged."""


class OpsServer:
    """Serves on one address from `start` to `stop`; `async with` does both."""

    def __init__(
        self,
        address: Address,
        registry: CollectorRegistry,
        checks: Mapping[str, Check],
        take_hook: TakeHook | None = None,
        watch: StatusSampler | None = None,
        spare_ports: Iterable[int] = (),
    ) -> None:
        self._spare_ports = spare_ports
        self._take_hook = take_hook
        self._address = address
        self._registry = registry
        self._checks = dict(checks)
        self._pages = StatusPages(watch, self.health)
        self._runner: web.AppRunner | None = None
        self._listener: asyncio.Server | None = None
        self.port = address.port

    @property
    def url(self) -> str:
        return f"http://{Address(self._address.host, self.port)}"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        app = web.Application(client_max_size=_MAX_BODY_BYTES, middlewares=[self._check_host])
        app.add_routes(self._pages.routes())
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/metrics", self._metrics)
        app.router.add_post("/hook/{job}/{secret}", self._hook)
        self._runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=2.0, keepalive_timeout=IDLE_S
        )
        await self._runner.setup()
        try:
            self._listener = await self._listen()
        except OSError as error:
            await self.stop()
            raise ConfigError(SETTING, _why(self._address, error)) from error
        self.port = self._listener.sockets[0].getsockname()[1]
        _log.info("status, health and metrics at %s", self.url)
        if self._address.port not in {0, self.port}:
            _log.warning("%s is taken by another program; %s names a port", self._address, SETTING)

    async def _listen(self) -> asyncio.Server:
        """Listen where it was said, else on the first spare port that is free."""
        loop, refusals = asyncio.get_running_loop(), list[OSError]()
        for port in (self._address.port, *self._spare_ports):
            try:
                return await loop.create_server(self._connection, self._address.host, port)
            except OSError as error:
                refusals.append(error)
                if error.errno != errno.EADDRINUSE:
                    break
        raise refusals[0]

    async def stop(self) -> None:
        # First the streams, which would hold the server up for as long as somebody looks.
        self._pages.close()
        if self._listener is not None:
            self._listener.close()
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def health(self) -> dict[str, str]:
        """Ask all checks side by side; name → what is wrong, empty when well."""
        return await ask_all(self._checks)

    def _connection(self) -> asyncio.Protocol:
        """Serve a new connection; the oldest make room, for each is a descriptor of the program's.

        Whoever holds many open, saying nothing, must not keep a watcher of /healthz out.
        """
        server = self._runner.server if self._runner else None
        if server is None:
            return asyncio.Protocol()
        for oldest in server.connections[: 1 - MOST_CONNECTIONS]:
            oldest.force_close()
        return server()

    @web.middleware
    async def _check_host(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse what a page of a foreign site asks by its own name (DNS rebinding)."""
        is_hook = "secret" in request.match_info
        if not is_hook and not is_known_host(request.headers.get("Host", ""), self._address.host):
            raise web.HTTPForbidden(
                text="this is answered by the address in IMGBOT_HTTP", headers=HEADERS
            )
        return await handler(request)

    async def _healthz(self, _: web.Request) -> web.Response:
        found = await self.health()
        is_well = not any(found.values())
        body = {
            "status": "ok" if is_well else "failing",
            "checks": {
                name: {"ok": not wrong} | ({"detail": wrong} if wrong else {})
                for name, wrong in found.items()
            },
        }
        return web.json_response(body, status=200 if is_well else 503, headers=HEADERS)

    async def _metrics(self, request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        # Some figures are read from /proc, process by process.
        body = await asyncio.to_thread(encode, self._registry)
        return web.Response(body=body, headers={**HEADERS, "Content-Type": content_type})

    async def _hook(self, request: web.Request) -> web.Response:
        if self._take_hook is None:
            raise web.HTTPNotFound
        headers = {name.lower(): value for name, value in request.headers.items()}
        job, secret = request.match_info["job"][:100], request.match_info["secret"][:100]
        try:
            async with asyncio.timeout(BODY_DEADLINE_S):
                body = await request.read()
            is_taken = await self._take_hook(job, secret, headers, body)
        except TimeoutError:
            raise web.HTTPRequestTimeout(headers=HEADERS) from None
        except TransientError:
            # Whoever posts it will post it again.
            return web.Response(status=503, headers=HEADERS)
        return web.Response(status=200 if is_taken else 403, headers=HEADERS)


def _why(address: Address, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"{address} is taken by another program; write another port"
    return f"cannot listen on {address} ({error.strerror}); write a host and port of this machine"
