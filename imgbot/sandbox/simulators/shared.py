"""What all simulated providers share: the book, result files, and the faults of any HTTP server.

Scenarios are marks: `[[sim:NAME=NUMBER]]` in the words, or `marks` in the settings for orders
that carry no words. Which marks a provider knows beside the common ones, it says itself.

    slow=8               the task takes 8 seconds
    polls=2              the first two polls find it unfinished, whatever the clock says
    moderated, fail      it ends so, in the provider's own words, uncharged
    402, 429=2           the submit is refused: no credit; twice too many requests
    5xx_on_submit=1      the first submit is answered 503, and made no task
    drop_after_accept    the task is made and charged, then the connection is cut, once
    garbled_submit       the task is made and charged, then answered with broken JSON, once
    5xx_on_poll=2, 429_on_poll=1
    malformed, html, null
                         that many polls answer broken JSON, a page with 200, nulls for all values
    unknown_state=2      that many polls name a state that nobody has heard of
    stalled              polls send a byte a second and never end
    expired, not_a_picture, svg, huge, redirects, trickle
                         the file is gone, a page, an SVG, endless, behind endless redirects, a
                         byte a second
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from aiohttp import web

from imgbot.sandbox import provider_pictures
from imgbot.sandbox.provider_tasks import ProviderBook, Refusal, Task
from imgbot.sandbox.simulators import serving
from imgbot.sandbox.simulators.hooks import HookSender

_THREADS = 2
_EXTENSIONS = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp"}
_INDEXES = frozenset("0123456789")
_STALL_BYTES = 600


class Simulator:
    """One provider: its routes are mounted below `/sim/<name>`."""

    name: ClassVar[str]
    key_name: ClassVar[str] = ""
    """The variable that the provider's key is usually kept in; empty where it needs none."""
    api_path: ClassVar[str] = ""
    """What stands behind the host in the provider's base address."""

    def __init__(self, hooks: HookSender) -> None:
        self.hooks = hooks
        self.book = ProviderBook()
        self.key = f"sim-{self.name}-key"
        self.origin = ""
        """Scheme and host of the sandbox, set when it listens."""
        self._threads = asyncio.Semaphore(_THREADS)

    @property
    def base_url(self) -> str:
        return f"{self.origin}/sim/{self.name}"

    def routes(self) -> list[web.RouteDef]:
        """The provider's own routes and `file_route`."""
        raise NotImplementedError

    def view(self) -> dict[str, Any]:
        """Everything, for whoever checks what was asked and paid."""
        now = self.now()
        return {
            "tasks": [task.view(now) | task.inside() for task in self.book.tasks],
            "ledger": self.book.ledger,
            "settings": self.book.settings.view(),
        }

    @staticmethod
    def now() -> float:
        return asyncio.get_running_loop().time()

    def file_route(self) -> web.RouteDef:
        return web.get(f"/sim/{self.name}/files/{{id}}.{{kind:jpg|png|webp}}", self._file)

    def file_url(self, task: Task, query: str = "") -> str:
        return f"{self.base_url}/files/{task.id}.{_EXTENSIONS[task.order.format]}{query}"

    async def picture(self, task: Task, index: int = 0) -> bytes:
        """The finished picture, one of several where several were ordered."""
        order = replace(task.order, seed=task.order.seed + index)
        async with self._threads:
            return await asyncio.to_thread(provider_pictures.render, order)

    async def spoiled(
        self, request: web.Request, task: Task, answer: Mapping[str, Any]
    ) -> web.StreamResponse | None:
        """Spoil a poll's answer as the marks say; None where it is to be sent as it is."""
        if "stalled" in task.order.marks:
            return await serving.drip(request, b" " * _STALL_BYTES, "application/json")
        if task.takes("malformed"):
            return serving.truncated(answer)
        if task.takes("html"):
            return web.Response(body=serving.PAGE, content_type="text/html")
        if task.takes("null"):
            return web.json_response(dict.fromkeys(answer))
        return None

    async def _file(self, request: web.Request) -> web.StreamResponse:
        if request.headers.keys() & {"Authorization", "X-Key", "X-Api-Key"}:
            raise web.HTTPBadRequest(text="files are public: do not send your key here")
        try:
            task = self.book.task(request.match_info["id"])
        except Refusal:
            raise web.HTTPNotFound from None
        if task.status(self.now()) != "succeeded":
            raise web.HTTPNotFound
        order, content = task.order, await self.picture(task, _index(request))
        kind = f"image/{order.format.lower()}"
        spoiled = await serving.serve_spoiled(request, order.marks, content, kind)
        return spoiled or web.Response(body=content, content_type=kind)


def _index(request: web.Request) -> int:
    """Which of several pictures is asked for."""
    text = request.query.get("n", "0")
    return int(text) if text in _INDEXES else 0
