"""What the simulators of hosted model catalogues share, from a submit to a poll."""

import asyncio
import hmac
import json
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, ClassVar, cast

from aiohttp import web

from imgbot.sandbox.bodies import read_bounded
from imgbot.sandbox.provider_orders import Order, Refusal
from imgbot.sandbox.provider_tasks import Task
from imgbot.sandbox.simulators import serving
from imgbot.sandbox.simulators.fields import Model, Problem
from imgbot.sandbox.simulators.hooks import HookCall, HookSender
from imgbot.sandbox.simulators.inputs import (
    Pictures,
    Shelf,
    decode_data_uri,
    gather_pictures,
    look_at,
    shape_order,
)
from imgbot.sandbox.simulators.multipart import Part, read_form
from imgbot.sandbox.simulators.shared import Simulator

_BODY_BYTES = 40 << 20
_KEPT_REQUESTS = 500
_KEPT_CHARACTERS = 2000

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Invalid(Refusal):
    """An input with these problems."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(422, "invalid", "the input is invalid")
        self.problems = problems


class HostedSimulator(Simulator):
    """A provider of many models; it polls by id and keeps uploads."""

    models: ClassVar[Mapping[str, Model]]
    failing_marks: ClassVar[frozenset[str]] = frozenset()
    """Marks of its own that make a task fail, uncharged."""

    def __init__(self, hooks: HookSender) -> None:
        super().__init__(hooks)
        self.uploads = Shelf()
        self._requests: deque[str] = deque(maxlen=_KEPT_REQUESTS)

    def view(self) -> dict[str, Any]:
        return super().view() | {
            "requests": list(self._requests),
            "uploads": [
                {"name": upload.name, "bytes": len(upload.content), "sha256": upload.sha256}
                for upload in self.uploads.uploads
            ],
        }

    def refused(self, refusal: Refusal) -> web.Response:
        """The provider's way to say no."""
        raise NotImplementedError

    def answering(self, handler: Handler) -> Handler:
        """Turn a refusal into the provider's answer."""

        async def answer(request: web.Request) -> web.StreamResponse:
            try:
                return await handler(request)
            except Refusal as refusal:
                return self.refused(refusal)

        return answer

    def check_key(self, request: web.Request, scheme: str, message: str) -> None:
        given = request.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(), f"{scheme} {self.key}".encode()):
            raise Refusal(401, "unauthorized", message)

    async def read_body(self, request: web.Request) -> bytes:
        """The body of a submit; its beginning is kept for whoever looks for secrets in it."""
        body = await read_bounded(request.content, _BODY_BYTES)
        if body is None:
            raise Refusal(413, "too_large", "Request Entity Too Large")
        self._requests.append(body[:_KEPT_CHARACTERS].decode("utf-8", "replace"))
        return body

    async def read_object(self, request: web.Request) -> dict[str, Any]:
        """The JSON object of a submit."""
        self._check_type(request, "application/json")
        try:
            given: Any = json.loads(await self.read_body(request))
        except ValueError:
            raise Refusal(400, "json", "JSON parse error - the body is not JSON") from None
        if not isinstance(given, dict):
            raise Refusal(400, "json", "JSON parse error - the body is not an object")
        return cast("dict[str, Any]", given)

    async def read_form(self, request: web.Request, limit_bytes: int) -> dict[str, Part]:
        """The parts of an upload by name."""
        self._check_type(request, "multipart/form-data")
        parts = await read_form(request, limit_bytes)
        if parts is None:
            raise Refusal(400, "form", "Multipart form parse error")
        return {part.name: part for part in parts}

    @staticmethod
    def _check_type(request: web.Request, wanted: str) -> None:
        if request.content_type != wanted:
            kind = request.content_type
            raise Refusal(415, "media_type", f'Unsupported media type "{kind}" in request.')

    async def own_content(self, address: str) -> bytes | None:
        """What an address of this provider leads to; there is no other network."""
        raise NotImplementedError

    async def fetch(self, address: str) -> bytes | None:
        """A picture that an input points at."""
        if address.startswith("data:"):
            return decode_data_uri(address)
        return await self.result_content(address) or await self.own_content(address)

    async def result_content(self, address: str) -> bytes | None:
        """A result of this provider, which may be an input again."""
        task_id = address.removeprefix(f"{self.base_url}/files/").partition(".")[0]
        try:
            task = self.book.task(task_id)
        except Refusal:
            return None
        return await self.picture(task) if task.status(self.now()) == "succeeded" else None

    async def take_pictures(self, model: Model, given: Mapping[str, Any]) -> Pictures:
        return await gather_pictures(model, given, self.fetch, self._look)

    async def _look(self, content: bytes) -> tuple[int, int] | None:
        async with self._threads:
            return await asyncio.to_thread(look_at, content)

    def order(self, model: Model, given: Mapping[str, Any], pictures: Pictures) -> Order:
        """The order of a checked input, with the failure that awaits it."""
        order = shape_order(model, given, pictures, self.book.settings.marks)
        own = next((mark for mark in order.marks if mark in self.failing_marks), "")
        if pictures.missing or pictures.unreadable:
            own = "missing_input" if pictures.missing else "unreadable_input"
        return replace(order, failure=own)

    def accept(self, order: Order) -> Task:
        """Make a task of it, and charge it. Raises Refusal as the marks say."""
        if self.book.strikes("5xx_on_submit", order):
            raise Refusal(503, "unavailable", "Service Unavailable")
        task, _ = self.book.submit(order, "", self.now())
        return task

    def submitted(
        self, request: web.Request, task: Task, answer: Mapping[str, Any], status: int
    ) -> web.Response:
        """The answer to a submit, unless it is lost or garbled on its way."""
        if task.takes("drop_after_accept"):
            return serving.cut(request)
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

    def plan_hook(self, task: Task, url: str, due_s: float, make: Callable[[], HookCall]) -> None:
        """Post what `make` returns when it is due, unless a cancellation comes first."""
        was_cancelled = task.is_cancelled

        def calls() -> list[HookCall]:
            if task.is_cancelled and not was_cancelled and task.cancelled_at < due_s:
                return []
            call = make()
            return [self.forged(call), call] if "forged_webhook" in task.order.marks else [call]

        times = 2 if "duplicate_webhook" in task.order.marks else 1
        self.hooks.plan(url, due_s, calls, times=times)

    def forged(self, call: HookCall) -> HookCall:
        """The same call as somebody would send it who does not have the key."""
        raise NotImplementedError

    def wall_time(self, at_s: float) -> float:
        """Seconds since the epoch at that time of the loop's clock."""
        return time.time() - self.now() + at_s

    def timestamp(self, at_s: float) -> str:
        moment = datetime.fromtimestamp(self.wall_time(at_s), UTC)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
