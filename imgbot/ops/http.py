"""The operator's door: /healthz for a watcher, /metrics for Prometheus, a page that links both.

`/hook/…` is for image providers, and the only path that the internet may be let in to.
It knows nothing of the pipeline: checks, metrics and whoever takes webhooks are handed in.
"""

import asyncio
import errno
import html
import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Self

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from imgbot.errors import ConfigError, TransientError
from imgbot.ops.setting_types import Address

_log = logging.getLogger(__name__)

SETTING = "IMGBOT_HTTP"
_CHECK_TIMEOUT_S = 3.0
# A webhook may carry the whole answer of its model.
_MAX_BODY_BYTES = 1 << 20
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

Check = Callable[[], str | Awaitable[str]]
"""Returns what is wrong, empty when all is well; an exception or silence is wrong, too."""

TakeHook = Callable[[str, str, Mapping[str, str], bytes], Awaitable[bool]]
"""Takes a job's id, its secret, headers (names in lower case) and a body; False: forged."""

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>imgbot</title>
<style>body{{font:16px/1.6 system-ui,sans-serif;max-width:36rem;margin:3rem auto;padding:0 1rem;
color-scheme:light dark}}li{{margin:.3rem 0}}</style>
<h1>imgbot</h1><p>{status}</p>
<ul><li><a href="/healthz">Health</a>: each check by its name</li>
<li><a href="/metrics">Metrics</a>: for Prometheus</li></ul></html>
"""


class OpsServer:
    """Serves on one address from `start` to `stop`; `async with` does both."""

    def __init__(
        self,
        address: Address,
        registry: CollectorRegistry,
        checks: Mapping[str, Check],
        take_hook: TakeHook | None = None,
    ) -> None:
        self._take_hook = take_hook
        self._address = address
        self._registry = registry
        self._checks = dict(checks)
        self._runner: web.AppRunner | None = None
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
        app = web.Application(client_max_size=_MAX_BODY_BYTES)
        app.router.add_get("/", self._index)
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/metrics", self._metrics)
        app.router.add_post("/hook/{job}/{secret}", self._hook)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=2.0)
        await self._runner.setup()
        try:
            site = web.TCPSite(self._runner, self._address.host, self._address.port)
            await site.start()
        except OSError as error:
            await self.stop()
            raise ConfigError(SETTING, _why(self._address, error)) from error
        self.port = self._runner.addresses[0][1]
        _log.info("health and metrics at %s", self.url)

    async def stop(self) -> None:
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def health(self) -> dict[str, str]:
        """Ask all checks side by side; name → what is wrong, empty when well."""
        async with asyncio.TaskGroup() as group:
            asked = {
                name: group.create_task(_ask(name, check)) for name, check in self._checks.items()
            }
        return {name: task.result() for name, task in asked.items()}

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
        return web.json_response(body, status=200 if is_well else 503, headers=_HEADERS)

    async def _metrics(self, request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        # Some figures are read from /proc, process by process.
        body = await asyncio.to_thread(encode, self._registry)
        return web.Response(body=body, headers={**_HEADERS, "Content-Type": content_type})

    async def _hook(self, request: web.Request) -> web.Response:
        if self._take_hook is None:
            raise web.HTTPNotFound
        headers = {name.lower(): value for name, value in request.headers.items()}
        job, secret = request.match_info["job"][:100], request.match_info["secret"][:100]
        try:
            is_taken = await self._take_hook(job, secret, headers, await request.read())
        except TransientError:
            # Whoever posts it will post it again.
            return web.Response(status=503, headers=_HEADERS)
        return web.Response(status=200 if is_taken else 403, headers=_HEADERS)

    async def _index(self, _: web.Request) -> web.Response:
        wrong = [name for name, what in (await self.health()).items() if what]
        status = f"Not well: {', '.join(wrong)}." if wrong else "All is well."
        return web.Response(
            text=_PAGE.format(status=html.escape(status)),
            content_type="text/html",
            headers={
                **_HEADERS,
                "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
            },
        )


async def _ask(name: str, check: Check) -> str:
    try:
        async with asyncio.timeout(_CHECK_TIMEOUT_S):
            answer = check()
            return await answer if inspect.isawaitable(answer) else answer
    except TimeoutError:
        return f"no answer in {_CHECK_TIMEOUT_S:.0f} s"
    except Exception as error:  # noqa: BLE001 -- whatever it is, it is the answer
        # Shown by its type alone: the text may hold an address with a token in it.
        _log.warning("the check %s failed: %s", name, error)
        return f"the check failed ({type(error).__name__})"


def _why(address: Address, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"{address} is taken by another program; write another port"
    return f"cannot listen on {address} ({error.strerror}); write a host and port of this machine"
