"""Black Forest Labs: a submit answers with the address of a region, where it is polled.

    POST /v1/{model} · GET /eu/v1/get_result?id= (the region) · GET /v1/get_result?id= (the
    global host, which does not know the tasks of its regions) · GET /v1/credits

Pictures come as base64 or data URLs: an address of the internet is refused, for nothing here
fetches anything. These marks are added:

    content_moderated   as `moderated`, but of what came out, not of what went in
    not_found=2         the first two polls do not find the task yet
    forged_webhook      a webhook with a bad signature comes first
    duplicate_webhook   the webhook comes twice
"""

import hashlib
import hmac
import json
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, ClassVar

from aiohttp import web

from imgbot.sandbox.provider_tasks import Refusal, Task
from imgbot.sandbox.simulators.bfl_models import (
    MODELS,
    Detail,
    Model,
    decoded,
    megapixels,
    problems,
    size_of,
    value_error,
)
from imgbot.sandbox.simulators.hooks import HookCall, HookSender
from imgbot.sandbox.simulators.painting import FORMATS, Picture, Result
from imgbot.sandbox.simulators.recording import Record, RecordingSimulator, operation_of

_SAMPLE_TTL_S = 600.0
_RETRY_AFTER_S = 1
_START_CREDITS = 1000.0
_USD_OF_A_CREDIT = 0.01
_GONE = (
    '<?xml version="1.0" encoding="utf-8"?><Error><Code>AuthenticationFailed</Code>'
    "<Message>Signature not valid in the specified time frame</Message></Error>"
)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Invalid(Exception):  # noqa: N818 it is an answer
    """FastAPI's 422."""

    def __init__(self, details: list[Detail]) -> None:
        super().__init__()
        self.details = details


class Bfl(RecordingSimulator):
    """One account at the global host and its European region."""

    name: ClassVar[str] = "bfl"
    key_name: ClassVar[str] = "BFL_API_KEY"

    def __init__(self, hooks: HookSender) -> None:
        super().__init__(hooks)
        self.sample_ttl_s = _SAMPLE_TTL_S

    def routes(self) -> list[web.RouteDef]:
        root = f"/sim/{self.name}"
        return [
            web.get(f"{root}/v1/credits", _answering(self.credits)),
            web.get(f"{root}/v1/get_result", _answering(self.poll_elsewhere)),
            web.get(f"{root}/eu/v1/get_result", _answering(self.poll)),
            web.post(f"{root}/v1/{{model}}", _answering(self.submit)),
            self.file_route(),
        ]

    async def credits(self, request: web.Request) -> web.StreamResponse:
        self._check_key(request)
        spent_usd = sum(entry["charged_usd"] for entry in self.book.ledger)
        left = _START_CREDITS - spent_usd / _USD_OF_A_CREDIT
        return web.json_response({"credits": round(left, 4)})

    async def submit(self, request: web.Request) -> web.StreamResponse:
        self._check_key(request)
        name = request.match_info["model"]
        model = MODELS.get(name)
        if model is None:
            raise Refusal(404, "", "Not Found")
        given = await self._body(request)
        if found := problems(model, given):
            raise Invalid(found)
        pictures = await self._pictures(model, given)
        order = await self.order(
            operation_of(len(pictures)), given["prompt"], list(pictures.values()),
            seed=given.get("seed") or 0,
        )  # fmt: skip
        if "content_moderated" in order.marks:
            order.marks["moderated"] = 1
        self._check_active(name, model)
        width, height = size_of(model, given, list(pictures.values()))
        output_mp = megapixels(width, height)
        input_mp = sum(megapixels(each.width, each.height) for each in pictures.values())
        shown = given | {field: each.note() for field, each in pictures.items()}
        result = Result(width, height, FORMATS[given.get("output_format") or "jpeg"])
        price_usd = model.price_usd(output_mp, input_mp)
        task = self.accept(order, Record(name, shown, result), price_usd)
        if given.get("webhook_url"):
            secret = given.get("webhook_secret") or ""
            hook = partial(self._hook, task, secret)
            self.plan_hook(task, given["webhook_url"], hook, partial(hook, is_forged=True))
        answer = {
            "id": task.id,
            "polling_url": f"{self.base_url}/eu/v1/get_result?id={task.id}",
            "cost": round(price_usd / _USD_OF_A_CREDIT, 4),
            "input_mp": round(input_mp, 2),
            "output_mp": output_mp,
        }
        return self.submitted(request, task, answer)

    async def poll(self, request: web.Request) -> web.StreamResponse:
        self._check_key(request)
        task_id = _id_of(request)
        try:
            task = self.book.task(task_id)
        except Refusal:
            return web.json_response(_bare(task_id, "Task not found"))
        if task.takes("5xx_on_poll"):
            raise Refusal(503, "", "Service Unavailable")
        if task.takes("429_on_poll"):
            raise Refusal(429, "", "")
        if task.takes("not_found"):
            return web.json_response(_bare(task_id, "Task not found"))
        answer = self._state(task, task.asked(self.now()))
        if task.takes("unknown_state"):
            answer |= {"status": "Preparing", "result": None}
        return await self.spoiled(request, task, answer) or web.json_response(answer)

    async def poll_elsewhere(self, request: web.Request) -> web.StreamResponse:
        self._check_key(request)
        return web.json_response(_bare(_id_of(request), "Task not found"))

    def _state(self, task: Task, status: str) -> dict[str, Any]:
        now = self.now()
        if status == "failed":
            return _failed(task)
        if status != "succeeded":
            progress = round(min(task.progress(now), 0.99), 2)
            return _bare(task.id, "Pending") | {"progress": progress}
        ended_at = time.time() - (now - task.started_at) + task.duration_s
        expires_at = time.time() + self.sample_ttl_s
        result = {
            "sample": self.file_url(task, f"?se={expires_at:.3f}&sig={task.order.digest[:16]}"),
            "prompt": task.order.words,
            "seed": task.order.seed,
            "start_time": ended_at - task.duration_s,
            "end_time": ended_at,
            "duration": task.duration_s,
        }
        return _bare(task.id, "Ready") | {"result": result, "progress": 1.0}

    def _hook(self, task: Task, secret: str, *, is_forged: bool = False) -> HookCall:
        state = self._state(task, task.status(self.now()))
        if is_forged:
            state = _bare(task.id, "Error")
        body = json.dumps(state | {"timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())})
        headers = {"Content-Type": "application/json"}
        if secret:
            key = "forged" if is_forged else secret
            digest = hmac.new(key.encode(), body.encode(), hashlib.sha256).hexdigest()
            headers["X-BFL-Signature"] = f"sha256={digest}"
        return HookCall(headers, body.encode())

    async def _body(self, request: web.Request) -> dict[str, Any]:
        given = await self.read_json(request)
        if request.content_type != "application/json":
            message = "Input should be a valid dictionary or object to extract fields from"
            raise Invalid([{"type": "model_attributes_type", "loc": ["body"], "msg": message}])
        if given is None:
            message = "JSON decode error"
            raise Invalid([{"type": "json_invalid", "loc": ["body", 0], "msg": message}])
        return given

    async def _pictures(self, model: Model, given: dict[str, Any]) -> dict[str, Picture]:
        """The pictures by field, in the fields' order."""
        pictures: dict[str, Picture] = {}
        for name, field in model.fields.items():
            value = given.get(name)
            if field.role == "pictures" and value:
                try:
                    pictures[name] = await self.opened(decoded(value))
                except ValueError as error:
                    raise Invalid([value_error(name, str(error), value)]) from None
        return pictures

    def _check_active(self, name: str, model: Model) -> None:
        now = self.now()
        active = [
            task
            for task in self.book.tasks
            if task.progress(now) < 1 and self.model_of(task) == name
        ]
        if len(active) >= model.most_active:
            raise Refusal(429, "", "")

    def _check_key(self, request: web.Request) -> None:
        given = request.headers.get("x-key")
        if given is None:
            raise Refusal(403, "", "Not authenticated")
        if not hmac.compare_digest(given.encode(), self.key.encode()):
            raise Refusal(403, "", "Not authenticated - Invalid Authentication")

    async def _file(self, request: web.Request) -> web.StreamResponse:
        try:
            is_fresh = float(request.query.get("se", "")) > time.time()
        except ValueError:
            is_fresh = "hop" in request.query
        if not is_fresh:
            return web.Response(status=403, text=_GONE, content_type="application/xml")
        return await super()._file(request)


def _id_of(request: web.Request) -> str:
    task_id = request.query.get("id")
    if task_id is None:
        detail = {"type": "missing", "loc": ["query", "id"], "msg": "Field required", "input": None}
        raise Invalid([detail])
    return task_id


def _bare(task_id: str, status: str) -> dict[str, Any]:
    return {"id": task_id, "status": status, "result": None, "progress": None, "details": None}


def _failed(task: Task) -> dict[str, Any]:
    if task.failure != "moderated":
        return _bare(task.id, "Error")
    is_output = "content_moderated" in task.order.marks
    answer = _bare(task.id, "Content Moderated" if is_output else "Request Moderated")
    return answer | {"details": {"Moderation Reasons": ["Derivative Works Filter"]}}


def _answering(handler: Handler) -> Handler:
    """Turn a refusal into BFL's answer."""

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except Invalid as invalid:
            return web.json_response({"detail": invalid.details}, status=422)
        except Refusal as refusal:
            return _refused(refusal)

    return answer


def _refused(refusal: Refusal) -> web.Response:
    if refusal.status == 429:
        body = {"error": "rate_limit_exceeded", "retry_after": _RETRY_AFTER_S}
        headers = {"X-RateLimit-Limit": "24", "X-RateLimit-Remaining": "0"}
        return web.json_response(body, status=429, headers=headers)
    if refusal.status == 402:
        message = "Insufficient credits. Please add credits to your account to continue."
        return web.json_response({"detail": message}, status=402)
    if refusal.code == "invalid":
        details = [value_error("input_image", "Invalid image", None)]
        return web.json_response({"detail": details}, status=422)
    return web.json_response({"detail": refusal.message}, status=refusal.status)
