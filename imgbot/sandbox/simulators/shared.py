"""What all simulated providers share: the door, the book, webhooks, files, and their faults.

The view shows of each task its `model` and its `input`, with digests in the place of pictures,
and `requests`: the last submits, accepted or not.

Scenarios are marks: `[[sim:NAME=NUMBER]]` in the words, or `marks` in the settings for orders
that carry no words. Which marks a provider knows beside the common ones, it says itself.

    slow=8               the task takes 8 seconds
    polls=2              the first two polls find it unfinished, whatever the clock says
    moderated, fail      it ends so, in the provider's own words, uncharged
    402, 429=2           the submit is refused: no credit; twice too many requests
    5xx_on_submit=1      the first submit is answered 503, and made no task
    drop_after_accept    the task is made and charged, then the connection is cut, once
    500_after_accept     the task is made and charged, then answered 500, once
    garbled_submit       the task is made and charged, then answered with broken JSON, once
    5xx_on_poll=2, 429_on_poll=1
    malformed, html, null
                         that many polls answer broken JSON, a page with 200, nulls for all values
    unknown_state=2      that many polls name a state that nobody has heard of
    stalled              polls send a byte a second and never end
    forged_webhook       a webhook with a bad signature comes first
    duplicate_webhook    the webhook comes twice
    expired, not_a_picture, svg, huge, redirects, trickle
                         the file is gone, a page, an SVG, endless, behind endless redirects, a
                         byte a second
"""

import asyncio
import hmac
import json
import re
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, ClassVar, cast

from aiohttp import web

from imgbot.sandbox import provider_pictures
from imgbot.sandbox.provider_orders import Refusal, SubmittedTask, make_order
from imgbot.sandbox.provider_tasks import Task, TaskLedger
from imgbot.sandbox.request_parsing import read_bounded
from imgbot.sandbox.simulators import serving
from imgbot.sandbox.simulators.hooks import HookCall, HookSender
from imgbot.sandbox.simulators.painting import MIME_TYPES, Picture, opened

_THREADS = 2
_EXTENSIONS = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp"}
_INDEXES = frozenset("0123456789")
_STALL_BYTES = 600
_MOST_REQUESTS = 500
_REQUEST_CHARACTERS = 2048
_ENCODED = re.compile(r"[A-Za-z0-9+/=_-]{400,}")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Handlers = Mapping[tuple[str, str], Handler]
"""By method and path."""


class Simulator:
    """One provider: its routes are mounted below `/sim/<name>`."""

    name: ClassVar[str]
    key_name: ClassVar[str] = ""
    """The variable that the provider's key is usually kept in; empty where it needs none."""
    key_scheme: ClassVar[str] = "Bearer"
    no_key: ClassVar[str] = ""
    """What is said to whoever brings no key, or a wrong one."""
    api_path: ClassVar[str] = ""
    """What stands behind the host in the provider's base address."""
    body_bytes: ClassVar[int] = 64 << 20

    def __init__(self, hooks: HookSender) -> None:
        self.hooks = hooks
        self.book = TaskLedger()
        self.key = f"sim-{self.name}-key"
        self.origin = ""
        """Scheme and host of the sandbox, set when it listens."""
        self._threads = asyncio.Semaphore(_THREADS)
        self._requests: deque[str] = deque(maxlen=_MOST_REQUESTS)

    @property
    def base_url(self) -> str:
        return f"{self.origin}/sim/{self.name}"

    def view(self) -> dict[str, Any]:
        """Everything, for whoever checks what was asked and paid."""
        now = self.now()
        return {
            "tasks": [task.view(now) | task.inside() for task in self.book.tasks],
            "ledger": self.book.ledger,
            "settings": self.book.settings.view(),
            "requests": list(self._requests),
        }

    @staticmethod
    def now() -> float:
        return asyncio.get_running_loop().time()

    def wall_time(self, at_s: float) -> float:
        """Seconds since the epoch at that time of the loop's clock."""
        return time.time() - self.now() + at_s

    def timestamp(self, at_s: float) -> str:
        moment = datetime.fromtimestamp(self.wall_time(at_s), UTC)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    # The door

    def routes(self) -> list[web.RouteDef]:
        """The provider's own routes and `file_route`."""
        raise NotImplementedError

    def mounted(self, handlers: Handlers, path: str = "") -> list[web.RouteDef]:
        """Routes below that path of the provider, whose refusals are answered in its words."""
        root = f"/sim/{self.name}{path}"
        return [
            web.route(method, root + place, self.answering(handler))
            for (method, place), handler in handlers.items()
        ]

    def keyed(self, handlers: Handlers) -> dict[tuple[str, str], Handler]:
        """The same handlers, for whoever has the key."""

        def checked(handler: Handler) -> Handler:
            async def answer(request: web.Request) -> web.StreamResponse:
                self.check_key(request)
                return await handler(request)

            return answer

        return {place: checked(handler) for place, handler in handlers.items()}

    def check_key(self, request: web.Request) -> None:
        """Raises Refusal."""
        given = request.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(), f"{self.key_scheme} {self.key}".encode()):
            raise Refusal(401, "unauthorized", self.no_key)

    def answering(self, handler: Handler) -> Handler:
        """Turn a refusal into the provider's answer."""

        async def answer(request: web.Request) -> web.StreamResponse:
            try:
                return await handler(request)
            except Refusal as refusal:
                return self.refused(refusal)

        return answer

    def refused(self, refusal: Refusal) -> web.Response:
        """The provider's way to say no."""
        raise NotImplementedError

    def note(self, request: web.Request, text: str) -> None:
        """Keep the submit's words; long runs of base64 would push them out."""
        shown = _ENCODED.sub(lambda run: f"<{len(run[0])} characters>", text)
        line = f"{request.method} {request.rel_url}\n{shown}"
        self._requests.append(line[:_REQUEST_CHARACTERS])

    async def read_json(self, request: web.Request) -> dict[str, Any] | None:
        """The body's object, noted; None where it is not one. Raises Refusal 413."""
        body = await read_bounded(request.content, self.body_bytes)
        if body is None:
            raise Refusal(413, "too_large", "Request Entity Too Large")
        self.note(request, body.decode("utf-8", "replace"))
        try:
            given: Any = json.loads(body)
        except (ValueError, RecursionError):
            return None
        return cast("dict[str, Any]", given) if isinstance(given, dict) else None

    # Tasks

    async def opened(self, content: bytes) -> Picture:
        """Raises ValueError for what is no picture."""
        return await asyncio.to_thread(opened, content)

    async def order_of(
        self, operation: str, words: str, pictures: Sequence[Picture], seed: int = 0
    ) -> SubmittedTask:
        """Raises Refusal for a picture that cannot be decoded."""
        contents = [picture.content for picture in pictures]
        made = partial(make_order, operation, words, contents, seed=seed)
        async with self._threads:
            return await asyncio.to_thread(made, marks=self.book.settings.marks)

    def accept(self, order: SubmittedTask) -> Task:
        """Make a task of it, and charge it. Raises Refusal 402, 429 or 503, as the marks say."""
        if self.book.strikes("5xx_on_submit", order):
            raise Refusal(503, "unavailable", "Service Unavailable")
        task, _ = self.book.submit(order, "", self.now())
        return task

    def submitted(
        self, request: web.Request, task: Task, answer: Mapping[str, Any], status: int = 200
    ) -> web.Response:
        """The answer to a submit, unless it is lost or garbled on its way."""
        if task.takes("drop_after_accept"):
            return serving.cut(request)
        if task.takes("500_after_accept"):
            raise Refusal(500, "internal", "Internal Server Error")
        if task.takes("garbled_submit"):
            return serving.truncated(answer)
        return web.json_response(answer, status=status)

    async def ends_within(self, task: Task, wait_s: float) -> bool:
        """Hold the answer back until the task is over, for so long at most."""
        await asyncio.sleep(max(0.0, min(wait_s, task.ends_at - self.now())))
        return task.status(self.now()) in {"succeeded", "failed"}

    @staticmethod
    def check_poll(task: Task) -> None:
        """Refuse a poll as the marks say."""
        if task.takes("5xx_on_poll"):
            raise Refusal(503, "unavailable", "Service Unavailable")
        if task.takes("429_on_poll"):
            raise Refusal(429, "rate_limited", "slow down")

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

    def plan_hook(self, task: Task, url: str, due_s: float, make: Callable[[], HookCall]) -> None:
        """Post what `make` returns when it is due, unless a cancellation comes first."""
        was_cancelled, marks = task.is_cancelled, task.order.marks

        def calls() -> list[HookCall]:
            if task.is_cancelled and not was_cancelled and task.cancelled_at < due_s:
                return []
            call = make()
            forged = [self.forged(call)] if "forged_webhook" in marks else []
            return [*forged, *[call] * (2 if "duplicate_webhook" in marks else 1)]

        self.hooks.plan(url, due_s, calls)

    def forged(self, call: HookCall) -> HookCall:
        """The same call as somebody would send it who does not have the key."""
        raise NotImplementedError

    # Files

    async def picture(self, task: Task, index: int = 0) -> bytes:
        """The finished picture, one of several where several were ordered."""
        order = replace(task.order, seed=task.order.seed + index)
        async with self._threads:
            return await asyncio.to_thread(provider_pictures.render, order)

    def file_route(self) -> web.RouteDef:
        return web.get(f"/sim/{self.name}/files/{{id}}.{{kind:jpg|png|webp}}", self.file)

    def file_url(self, task: Task, query: str = "") -> str:
        return f"{self.base_url}/files/{task.id}.{_EXTENSIONS[task.order.format]}{query}"

    async def file(self, request: web.Request) -> web.StreamResponse:
        if request.headers.keys() & {"Authorization", "X-Key", "X-Api-Key"}:
            raise web.HTTPBadRequest(text="files are public: do not send your key here")
        try:
            task = self.book.task(request.match_info["id"])
        except Refusal:
            raise web.HTTPNotFound from None
        if task.status(self.now()) != "succeeded":
            raise web.HTTPNotFound
        order, content = task.order, await self.picture(task, _index(request))
        kind = MIME_TYPES[order.format]
        spoiled = await serving.serve_spoiled(request, order.marks, content, kind)
        return spoiled or web.Response(body=content, content_type=kind)


def _index(request: web.Request) -> int:
    """Which of several pictures is asked for."""
    text = request.query.get("n", "0")
    return int(text) if text in _INDEXES else 0
