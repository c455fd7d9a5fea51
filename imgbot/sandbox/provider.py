"""The simulated image provider: tasks over HTTP that cost money, with faults on demand.

Every call but the one for files carries `Authorization: Bearer sim-key`. A task runs by the
loop's clock for a random time within `duration_s`, and is charged once, when it is accepted;
a cancelled one stays charged.

    POST /provider/tasks {operation, words, images?, scale?, ratio?, seed?, client_id?}
         Idempotency-Key: a repeat of the same submit makes no second task
    GET  /provider/tasks/{id} · GET /provider/tasks?client_id=… · POST /provider/tasks/{id}/cancel
    GET  /provider/files/{id}.jpg, which refuses an Authorization header

Markers in the words choose a scenario:
    [[sim:slow=8]]            the task takes 8 seconds
    [[sim:moderated]]         it fails as moderated, uncharged
    [[sim:fail]]              it fails, uncharged
    [[sim:402]]               the submit is refused: no credit
    [[sim:429=2]]             the first two submits are refused with Retry-After: 1
    [[sim:5xx_on_poll=2]]     the first two polls answer 503
    [[sim:drop_after_accept]] the task is made and charged, then the connection is cut, once
    [[sim:malformed]]         the first poll answers broken JSON
    [[sim:not_a_picture]]     the file is a page, not a picture, when it is fetched first
    [[sim:expired]]           the file is gone
"""

import asyncio
import hmac
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from imgbot.sandbox import provider_pictures, serving
from imgbot.sandbox.provider_tasks import Refusal, SubmittedTask, Task, TaskLedger, order_from
from imgbot.sandbox.request_parsing import read_bounded

KEY = "sim-key"
_BODY_BYTES = 40 << 20
_THREADS = 2

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def _answering(handler: Handler) -> Handler:
    """Convert a refusal into a response."""

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except Refusal as refusal:
            headers = {"Retry-After": "1"} if refusal.status in {429, 503} else {}
            body = {"error": {"code": refusal.code, "message": refusal.message}}
            return web.json_response(body, status=refusal.status, headers=headers)

    return answer


class SimulatedProviderServer:
    """HTTP server of the simulated provider; its state is the task ledger."""

    def __init__(self) -> None:
        self.base_url = ""
        self.book = TaskLedger()
        self._threads = asyncio.Semaphore(_THREADS)

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/provider/tasks", _answering(self.submit)),
            web.get("/provider/tasks", _answering(self.look_up)),
            web.get("/provider/tasks/{id}", _answering(self.poll)),
            web.post("/provider/tasks/{id}/cancel", _answering(self.cancel)),
            web.get("/provider/files/{id}.jpg", _answering(self.file)),
        ]

    def view(self) -> dict[str, Any]:
        """Return all tasks and charges, for tests."""
        now = self._now()
        return {
            "tasks": [self._task_view(task, now) | task.inside() for task in self.book.tasks],
            "ledger": self.book.ledger,
            "settings": self.book.settings.view(),
        }

    def change_settings(self, changes: dict[str, Any]) -> dict[str, Any]:
        self.book.settings.change(changes)
        return self.book.settings.view()

    async def submit(self, request: web.Request) -> web.StreamResponse:
        self._check_key(request)
        order = await self._order(request)
        key = request.headers.get("Idempotency-Key", "")
        task, is_new = self.book.submit(order, key, self._now())
        if task.takes("drop_after_accept"):
            return serving.cut(request)
        answer = {"id": task.id, "status": task.status(self._now())}
        return web.json_response(answer, status=201 if is_new else 200)

    async def poll(self, request: web.Request) -> web.StreamResponse:
        self._check_key(request)
        task = self._task(request)
        if task.takes("5xx_on_poll"):
            raise Refusal(503, "unavailable", "try again")
        view = self._task_view(task, self._now())
        if task.takes("malformed"):
            return serving.truncated(view)
        return web.json_response(view)

    async def look_up(self, request: web.Request) -> web.StreamResponse:
        self._check_key(request)
        now = self._now()
        tasks = self.book.look_up(request.query.get("client_id", ""))
        return web.json_response({"tasks": [self._task_view(task, now) for task in tasks]})

    async def cancel(self, request: web.Request) -> web.StreamResponse:
        self._check_key(request)
        is_cancelled = self._task(request).cancel(self._now())
        return web.json_response({"status": "cancelled" if is_cancelled else "too_late"})

    async def file(self, request: web.Request) -> web.StreamResponse:
        if "Authorization" in request.headers:
            raise Refusal(400, "bad_request", "files are public: do not send your key here")
        task = self._task(request)
        if task.status(self._now()) != "succeeded" or "expired" in task.order.marks:
            raise Refusal(404, "not_found", "no such file")
        if task.takes("not_a_picture"):
            return web.Response(body=serving.PAGE, content_type="image/jpeg")
        async with self._threads:
            picture = await asyncio.to_thread(provider_pictures.render, task.order)
        return web.Response(body=picture, content_type="image/jpeg")

    async def _order(self, request: web.Request) -> SubmittedTask:
        body = await read_bounded(request.content, _BODY_BYTES)
        if body is None:
            raise Refusal(413, "too_large", "the body is over 40 MB")
        async with self._threads:
            return await asyncio.to_thread(order_from, body)

    def _task(self, request: web.Request) -> Task:
        return self.book.task(request.match_info["id"])

    def _task_view(self, task: Task, now: float) -> dict[str, Any]:
        view = task.view(now)
        if view["status"] == "succeeded":
            view["output"] = [f"{self.base_url}/provider/files/{task.id}.jpg"]
        return view

    @staticmethod
    def _check_key(request: web.Request) -> None:
        given = request.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {KEY}".encode()):
            raise Refusal(401, "unauthorized", "wrong or missing key")

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
