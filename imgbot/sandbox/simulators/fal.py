"""fal's queue, played under `/sim/fal`, its REST host under `/rest` and its CDN under `/cdn`.

A submit is accepted without a look at its input: what is wrong with it stands, as every other
failure, where the result would have been. Requests are found under owner and alias alone; a
path below them is another endpoint, which has no GET, hence 405.

Marks of its own: `locked` (the same as `402`: 403), `5xx_on_result=1` (the first question for the
result is answered 500 by the gateway, in its own words). In the settings, `stalled_upload`: uploads
are kept and answered a byte a second.
"""

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from aiohttp import web

from imgbot.sandbox import provider_pictures
from imgbot.sandbox.provider_orders import Refusal, SubmittedTask, make_order
from imgbot.sandbox.provider_tasks import Task
from imgbot.sandbox.simulators import fal_refusals, signing
from imgbot.sandbox.simulators.fal_models import APPS, MODELS, app_of
from imgbot.sandbox.simulators.fal_storage import Storage
from imgbot.sandbox.simulators.fields import Model, problems
from imgbot.sandbox.simulators.hooks import HookCall, HookSender
from imgbot.sandbox.simulators.hosted import HostedSimulator
from imgbot.sandbox.simulators.shared import Handler

_USER = "sim-user"
_BALANCE_USD = 42.5
_NOT_JSON = (
    "Response payload is not JSON serializable. Either return a JSON serializable object or use "
    "the queue endpoint to retrieve the response."
)


class Fal(HostedSimulator):
    """The queue; `hook_seed` makes the key that webhooks are signed with."""

    name: ClassVar[str] = "fal"
    key_name: ClassVar[str] = "FAL_KEY"
    key_scheme: ClassVar[str] = "Key"
    no_key: ClassVar[str] = "Authentication is required to access this application."
    models: ClassVar[Mapping[str, Model]] = MODELS

    def __init__(self, hooks: HookSender) -> None:
        super().__init__(hooks)
        self.hook_seed = hashlib.sha256(b"sim-fal-webhook-key").digest()
        self._storage = Storage(self)

    def routes(self) -> list[web.RouteDef]:
        request = "/{owner}/{alias}/requests/{id}"
        public = {
            **self._storage.open_handlers(),
            ("GET", "/rest/.well-known/jwks.json"): self.key_set,
        }
        keyed: dict[tuple[str, str], Handler] = {
            **self._storage.keyed_handlers(),
            ("GET", "/rest/billing/user_balance"): self.balance,
            ("GET", "/platform/v1/models/requests/by-endpoint"): self.listed,
            ("GET", f"{request}/status"): self.poll,
            ("GET", request): self.result,
            ("PUT", f"{request}/cancel"): self.cancel,
            ("POST", "/{endpoint:.+}"): self.submit,
            ("*", "/{endpoint:.+}"): self.no_method,
        }
        return [self.file_route(), *self.mounted(public | self.keyed(keyed))]

    def refused(self, refusal: Refusal) -> web.Response:
        return fal_refusals.answer(refusal)

    async def no_method(self, _request: web.Request) -> web.StreamResponse:
        raise Refusal(405, "method", "Method Not Allowed")

    async def submit(self, request: web.Request) -> web.StreamResponse:
        endpoint = request.match_info["endpoint"]
        if app_of(endpoint) not in APPS:
            raise Refusal(404, "not_found", f"Application '{app_of(endpoint)}' not found")
        given = await self.read_object(request)
        order, details = await self._order(endpoint, given)
        if "locked" in order.marks:
            raise Refusal(402, "locked", "no credit")
        task = self.accept(order)
        task.given = self.listed_input(given)
        task.details = details
        self._plan_hook(task, request.query.get("fal_webhook", ""))
        answer = {"status": "IN_QUEUE", "queue_position": 0} | self._places(task)
        return self.submitted(request, task, answer)

    async def _order(self, endpoint: str, given: dict[str, Any]) -> tuple[SubmittedTask, Any]:
        """The order, with what is wrong with it."""
        model = self.models.get(endpoint)
        if model is None:
            path = endpoint.removeprefix(app_of(endpoint))
            return self._hopeless(endpoint, "create", given, "no_path"), f"Path {path} not found"
        if wrong := problems(model.fields, given):
            order = self._hopeless(endpoint, model.operation or "edit", given, "invalid")
            return order, fal_refusals.about_fields(wrong)
        pictures = await self.take_pictures(model, given)
        order = self.order(model, given, pictures)
        if model.has_black_pictures and "moderated" in order.marks:
            marks = {name: times for name, times in order.marks.items() if name != "moderated"}
            order = replace(order, marks=marks, is_black=True, price_usd=0.0)
        return order, fal_refusals.about_pictures(pictures)

    def _hopeless(
        self, endpoint: str, operation: str, given: Mapping[str, Any], failure: str
    ) -> SubmittedTask:
        """An order that fails when its time has come."""
        prompt = given.get("prompt")
        words = prompt[:20_000] if isinstance(prompt, str) else ""
        order = make_order(operation, words, [], marks=self.book.settings.marks)
        received = fal_refusals.shorten(dict(given))
        return replace(order, model=endpoint, failure=failure, received=received)

    async def poll(self, request: web.Request) -> web.StreamResponse:
        task = self._task(request)
        self.check_poll(task)
        status = task.asked(self.now())
        has_logs = request.query.get("logs", "").lower() in {"1", "true"}
        answer = self._status(task, status, logs=[] if has_logs else None)
        if spoiled := await self.spoiled(request, task, answer):
            return spoiled
        if task.takes("unknown_state"):
            answer["status"] = "HIBERNATING"
        is_over = answer["status"] == "COMPLETED"
        return web.json_response(answer, status=200 if is_over else 202, headers=_headers(task))

    def _status(self, task: Task, status: str, logs: list[Any] | None) -> dict[str, Any]:
        places = self._places(task)
        if status == "queued":
            return {"status": "IN_QUEUE", "queue_position": 0} | places
        if status == "running":
            return {"status": "IN_PROGRESS", "logs": logs} | places
        took = {"inference_time": round(task.duration_s, 3)}
        answer = {"status": "COMPLETED", "logs": logs, "metrics": took} | places
        if task.is_cancelled:
            answer |= {"error": "Request was cancelled", "error_type": "client_cancelled"}
        return answer

    async def result(self, request: web.Request) -> web.StreamResponse:
        task = self._task(request)
        status = task.status(self.now())
        if status in {"queued", "running"} or (task.is_held_back and not task.is_cancelled):
            raise Refusal(400, "early", "Request is still in progress")
        if task.takes("5xx_on_result"):
            raise Refusal(500, "internal", "Internal Server Error")
        code, body = self._outcome(task)
        if code == 200 and task.order.received.get("sync_mode"):
            body = await self._inlined(task, body)
        return web.json_response(body, status=code, headers=_headers(task) | _verdict(code, body))

    def _outcome(self, task: Task) -> tuple[int, dict[str, Any]]:
        if task.failure:
            return fal_refusals.failed(task.failure, task.details)
        return 200, self._output(task)

    async def _inlined(self, task: Task, output: dict[str, Any]) -> dict[str, Any]:
        """The same output with the pictures themselves in it."""
        head = f"data:image/{task.order.format.lower()};base64,"
        for index, file in enumerate(output.get("images") or [output["image"]]):
            content = await self.picture(task, index)
            file["url"] = head + base64.b64encode(content).decode()
        return output

    async def cancel(self, request: web.Request) -> web.StreamResponse:
        try:
            task = self._task(request)
        except Refusal:
            return web.json_response({"status": "NOT_FOUND"}, status=404)
        if not task.cancel(self.now()):
            return web.json_response({"status": "ALREADY_COMPLETED"}, status=400)
        if task.ends_at < task.begins_at:
            self.book.refund(task)
        return web.json_response({"status": "CANCELLATION_REQUESTED"}, status=202)

    async def balance(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response(_BALANCE_USD)

    async def listed(self, request: web.Request) -> web.StreamResponse:
        """One page of one endpoint's requests that are over, the latest first."""
        query, now = request.query, self.now()
        shows_payloads = query.get("expand") == "payloads"
        items = [
            {
                "request_id": task.id,
                "endpoint_id": task.order.model,
                "sent_at": self.timestamp(task.started_at),
                "started_at": self.timestamp(task.begins_at),
                "ended_at": self.timestamp(task.ends_at),
                "status_code": self._outcome(task)[0],
                "duration": task.duration_s,
            }
            | ({"json_input": task.given} if shows_payloads else {})
            for task in reversed(self.book.tasks)
            if task.order.model == query.get("endpoint_id")
            and task.status(now) in {"succeeded", "failed"}
            and self.timestamp(task.ends_at) >= query.get("start", "")
        ]
        page = items[: int(query.get("limit", "50"))]
        return web.json_response({"items": page, "next_cursor": None, "has_more": False})

    async def key_set(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response(signing.fal_key_set(self.hook_seed))

    async def own_content(self, address: str) -> bytes | None:
        return self._storage.content(address)

    def forged(self, call: HookCall) -> HookCall:
        signature = {"X-Fal-Webhook-Signature": secrets.token_hex(64)}
        return HookCall(call.headers | signature, call.body, attempts=1)

    def _task(self, request: web.Request) -> Task:
        path = request.match_info
        try:
            task = self.book.task(path["id"])
        except Refusal:
            raise Refusal(404, "not_found", "Request not found") from None
        if app_of(task.order.model) != f"{path['owner']}/{path['alias']}":
            raise Refusal(404, "not_found", "Request not found")
        return task

    def _places(self, task: Task) -> dict[str, str]:
        url = f"{self.base_url}/{app_of(task.order.model)}/requests/{task.id}"
        return {
            "request_id": task.id,
            "response_url": url,
            "status_url": f"{url}/status",
            "cancel_url": f"{url}/cancel",
        }

    def _output(self, task: Task) -> dict[str, Any]:
        order = task.order
        model, given = self.models[order.model], order.received
        count = model.value(given, "count") or 1
        files = [self._file_of(task, index) for index in range(count)]
        output: dict[str, Any] = {"images": files} if model.is_list else {"image": files[0]}
        if "seed" in model.fields:
            output["seed"] = order.seed
        if model.has_black_pictures:
            flags = [order.is_black] * count
            output |= {"has_nsfw_concepts": flags, "prompt": given["prompt"], "timings": {}}
        return output

    def _file_of(self, task: Task, index: int) -> dict[str, Any]:
        order = task.order
        width, height = provider_pictures.dimensions(order)
        kind = f"image/{order.format.lower()}"
        url = self.file_url(task, f"?n={index}" if index else "")
        named = {"content_type": kind, "file_name": f"{task.id}-{index}", "file_size": None}
        return {"url": url, "width": width, "height": height} | named

    def _plan_hook(self, task: Task, url: str) -> None:
        if url:
            ends = task.started_at + task.duration_s
            self.plan_hook(task, url, ends, lambda: self._call(task))

    def _call(self, task: Task) -> HookCall:
        code, payload = self._outcome(task)
        told: dict[str, Any] = {"request_id": task.id, "gateway_request_id": task.id}
        if code == 200:
            told |= {"status": "OK", "payload": payload}
        else:
            told |= {"status": "ERROR", "error": f"Invalid status code: {code}"}
            lost = {"payload": None, "payload_error": _NOT_JSON}
            told |= lost if code == 404 else {"payload": payload}
        body = json.dumps(told).encode()
        stamp = int(self.wall_time(self.now()))
        headers = signing.fal_headers(self.hook_seed, task.id, _USER, stamp, body)
        return HookCall({"Content-Type": "application/json"} | headers, body)


def _headers(task: Task) -> dict[str, str]:
    return {"X-Fal-Request-Id": task.id}


def _verdict(code: int, body: Mapping[str, Any]) -> dict[str, str]:
    """What the headers say about an error."""
    if code == 200:
        return {}
    kind = {"X-Fal-Error-Type": str(body["error_type"])} if "error_type" in body else {}
    return {"X-Fal-Retryable": "true" if code >= 500 else "false"} | kind
