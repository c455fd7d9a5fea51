"""Black Forest Labs: a submit answers with the address of a region, where it is polled.

    POST /v1/{model} · GET /eu/v1/get_result?id= (the region) · GET /v1/get_result?id= (the
    global host, which does not know the tasks of its regions) · GET /v1/credits

Pictures come as base64 or data URLs: an address of the internet is refused, for nothing here
fetches anything. These marks are added:

    content_moderated   as `moderated`, but of what came out, not of what went in
    not_found=2         the first two polls do not find the task yet
"""

import hmac
import json
import time
from dataclasses import replace
from typing import Any, ClassVar

from aiohttp import web

from imgbot.sandbox.provider_orders import Refusal, operation_of
from imgbot.sandbox.provider_tasks import Task
from imgbot.sandbox.simulators import signing
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
from imgbot.sandbox.simulators.painting import FORMATS, Picture
from imgbot.sandbox.simulators.shared import Simulator

_SAMPLE_TTL_S = 600.0
_RETRY_AFTER_S = 1
_START_CREDITS = 1000.0
_USD_OF_A_CREDIT = 0.01
_GONE = (
    '<?xml version="1.0" encoding="utf-8"?><Error><Code>AuthenticationFailed</Code>'
    "<Message>Signature not valid in the specified time frame</Message></Error>"
)


class Invalid(Refusal):
    """FastAPI's 422."""

    def __init__(self, details: list[Detail]) -> None:
        super().__init__(422, "invalid", "the input is invalid")
        self.details = details


class Bfl(Simulator):
    """One account at the global host and its European region."""

    name: ClassVar[str] = "bfl"
    key_name: ClassVar[str] = "BFL_API_KEY"

    def __init__(self, hooks: HookSender) -> None:
        super().__init__(hooks)
        self.sample_ttl_s = _SAMPLE_TTL_S

    def routes(self) -> list[web.RouteDef]:
        handlers = {
            ("GET", "/v1/credits"): self.credits,
            ("GET", "/v1/get_result"): self.poll_elsewhere,
            ("GET", "/eu/v1/get_result"): self.poll,
            ("POST", "/v1/{model}"): self.submit,
        }
        return [self.file_route(), *self.mounted(self.keyed(handlers))]

    def refused(self, refusal: Refusal) -> web.Response:
        return _refused(refusal)

    def check_key(self, request: web.Request) -> None:
        given = request.headers.get("x-key")
        if given is None:
            raise Refusal(403, "", "Not authenticated")
        if not hmac.compare_digest(given.encode(), self.key.encode()):
            raise Refusal(403, "", "Not authenticated - Invalid Authentication")

    async def credits(self, _request: web.Request) -> web.StreamResponse:
        spent_usd = sum(entry["charged_usd"] for entry in self.book.ledger)
        left = _START_CREDITS - spent_usd / _USD_OF_A_CREDIT
        return web.json_response({"credits": round(left, 4)})

    async def submit(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["model"]
        model = MODELS.get(name)
        if model is None:
            raise Refusal(404, "", "Not Found")
        given = await self._body(request)
        if found := problems(model, given):
            raise Invalid(found)
        pictures = await self._pictures(model, given)
        order = await self.order_of(
            operation_of(len(pictures)), given["prompt"], list(pictures.values()),
            seed=given.get("seed") or 0,
        )  # fmt: skip
        if "content_moderated" in order.marks:
            order.marks["moderated"] = 1
        self._check_active(name, model)
        width, height = size_of(model, given, list(pictures.values()))
        output_mp = megapixels(width, height)
        input_mp = sum(megapixels(each.width, each.height) for each in pictures.values())
        price_usd = model.price_usd(output_mp, input_mp)
        order = replace(
            order,
            model=name,
            received=given | {field: each.note() for field, each in pictures.items()},
            size=(width, height),
            format=FORMATS[given.get("output_format") or "jpeg"],
            price_usd=price_usd,
        )
        task = self.accept(order)
        self._plan_end(task, given)
        answer = {
            "id": task.id,
            "polling_url": f"{self.base_url}/eu/v1/get_result?id={task.id}",
            "cost": round(price_usd / _USD_OF_A_CREDIT, 4),
            "input_mp": round(input_mp, 2),
            "output_mp": output_mp,
        }
        return self.submitted(request, task, answer)

    async def poll(self, request: web.Request) -> web.StreamResponse:
        task_id = _id_of(request)
        try:
            task = self.book.task(task_id)
        except Refusal:
            return web.json_response(_bare(task_id, "Task not found"))
        self.check_poll(task)
        if task.takes("not_found"):
            return web.json_response(_bare(task_id, "Task not found"))
        answer = self._state(task, task.asked(self.now()))
        if task.takes("unknown_state"):
            answer |= {"status": "Preparing", "result": None}
        return await self.spoiled(request, task, answer) or web.json_response(answer)

    async def poll_elsewhere(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(_bare(_id_of(request), "Task not found"))

    def _state(self, task: Task, status: str) -> dict[str, Any]:
        now = self.now()
        if status == "failed":
            return _failed(task)
        if status != "succeeded":
            progress = round(min(task.progress(now), 0.99), 2)
            return _bare(task.id, "Pending") | {"progress": progress}
        ended_at = self.wall_time(task.ends_at)
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

    def _plan_end(self, task: Task, given: dict[str, Any]) -> None:
        """Tell the task's end by webhook, if that was asked for."""
        secret = given.get("webhook_secret") or ""
        if url := given.get("webhook_url"):
            self.plan_hook(task, url, task.ends_at, lambda: self._call(task, secret))

    def _call(self, task: Task, secret: str) -> HookCall:
        return _call(self._state(task, task.status(max(self.now(), task.ends_at))), secret)

    def forged(self, call: HookCall) -> HookCall:
        is_signed = "X-BFL-Signature" in call.headers
        return _call(_bare(json.loads(call.body)["id"], "Error"), "forged" if is_signed else "")

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
            task for task in self.book.tasks if task.progress(now) < 1 and task.order.model == name
        ]
        if len(active) >= model.most_active:
            raise Refusal(429, "", "")

    async def file(self, request: web.Request) -> web.StreamResponse:
        try:
            is_fresh = float(request.query.get("se", "")) > time.time()
        except ValueError:
            is_fresh = False
        if not is_fresh:
            return web.Response(status=403, text=_GONE, content_type="application/xml")
        return await super().file(request)


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


def _call(state: dict[str, Any], secret: str) -> HookCall:
    """The state as a webhook, signed where there is a secret."""
    sent_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    body = json.dumps(state | {"timestamp": sent_at}).encode()
    signature = signing.bfl_headers(secret, body) if secret else {}
    return HookCall({"Content-Type": "application/json"} | signature, body)


def _refused(refusal: Refusal) -> web.Response:
    if isinstance(refusal, Invalid):
        return web.json_response({"detail": refusal.details}, status=422)
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
