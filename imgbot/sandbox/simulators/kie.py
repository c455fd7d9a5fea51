"""kie.ai's jobs API, played under `/sim/kie`, its upload host under `/upload`.

Every answer has HTTP status 200; the `code` in its body is what counts. Fields that a model
does not know are ignored, and shown to the control interface under `ignored`. Inputs must lie
on the upload host. Nothing can be cancelled.

Marks of its own: `433`, `451`, `455` refuse the submit with that code; `501` fails the task
with it.
"""

import base64
import json
import secrets
from collections import deque
from collections.abc import Mapping
from typing import Any, ClassVar, cast

from aiohttp import web

from imgbot.sandbox.provider_orders import Refusal
from imgbot.sandbox.provider_tasks import Status, Task
from imgbot.sandbox.simulators import kie_refusals, signing
from imgbot.sandbox.simulators.fields import Model, problems
from imgbot.sandbox.simulators.hooks import HookCall, HookSender
from imgbot.sandbox.simulators.hosted import HostedSimulator
from imgbot.sandbox.simulators.inputs import scale_of
from imgbot.sandbox.simulators.kie_models import CREDIT_USD, MODELS
from imgbot.sandbox.simulators.kie_uploads import Uploads
from imgbot.sandbox.simulators.shared import Handler

_CREDITS = 10_000.0
_KEPT_IGNORED = 500
_STATES: Mapping[Status, str] = {
    "queued": "queuing",
    "running": "generating",
    "succeeded": "success",
    "failed": "fail",
}


class Kie(HostedSimulator):
    """The jobs API; `hook_key` is the webhookHmacKey of its dashboard."""

    name: ClassVar[str] = "kie"
    key_name: ClassVar[str] = "KIE_API_KEY"
    no_key: ClassVar[str] = "You do not have access permissions"
    models: ClassVar[Mapping[str, Model]] = MODELS
    failing_marks: ClassVar[frozenset[str]] = frozenset({"501"})

    def __init__(self, hooks: HookSender) -> None:
        super().__init__(hooks)
        self.hook_key = "sim-kie-webhook-key"
        self._uploads = Uploads(self)
        self._ignored: deque[dict[str, Any]] = deque(maxlen=_KEPT_IGNORED)

    def view(self) -> dict[str, Any]:
        return super().view() | {"ignored": list(self._ignored)}

    def routes(self) -> list[web.RouteDef]:
        keyed: dict[tuple[str, str], Handler] = {
            ("POST", "/api/v1/jobs/createTask"): self.submit,
            ("GET", "/api/v1/jobs/recordInfo"): self.poll,
            ("GET", "/api/v1/chat/credit"): self.credit,
            **self._uploads.keyed_handlers(),
            ("*", "/{tail:.*}"): self.nothing,
        }
        handlers = self._uploads.open_handlers() | self.keyed(keyed)
        return [self.file_route(), *self.mounted(handlers)]

    def refused(self, refusal: Refusal) -> web.Response:
        return kie_refusals.answer(refusal)

    async def nothing(self, _request: web.Request) -> web.StreamResponse:
        raise Refusal(404, "not_found", "The requested resource or endpoint does not exist")

    async def submit(self, request: web.Request) -> web.StreamResponse:
        body = await self.read_object(request)
        model, given = self._checked(body)
        pictures = await self.take_pictures(model, given)
        kie_refusals.check_pictures(pictures, scale_of(model, given))
        order = self.order(model, given, pictures)
        for mark in order.marks:
            if mark in kie_refusals.AT_SUBMIT:
                raise kie_refusals.by_mark(mark)
        task = self.accept(order)
        task.details = body.get("callBackUrl")
        if ignored := [name for name in given if name not in model.fields]:
            self._ignored.append({"task_id": task.id, "model": model.name, "fields": ignored})
        if isinstance(task.details, str):
            ends = task.started_at + task.duration_s
            self.plan_hook(task, task.details, ends, lambda: self._call(task))
        data = {"taskId": task.id, "recordId": task.id}
        return self.submitted(request, task, {"code": 200, "msg": "success", "data": data})

    def _checked(self, body: Mapping[str, Any]) -> tuple[Model, dict[str, Any]]:
        model = self.models.get(str(body.get("model")))
        if model is None:
            raise kie_refusals.no_such_model()
        if not isinstance(body.get("callBackUrl", ""), str):
            raise Refusal(422, "invalid", "The format of callBackUrl is incorrect")
        given: Any = body.get("input")
        if not isinstance(given, dict):
            raise Refusal(422, "invalid", "input is required")
        fields = cast("dict[str, Any]", given)
        for problem in problems(model.fields, fields, lenient=True):
            raise kie_refusals.about_field(problem)
        return model, fields

    async def fetch(self, address: str) -> bytes | None:
        """Addresses alone are inputs, no data URIs."""
        return await self.own_content(address)

    async def own_content(self, address: str) -> bytes | None:
        return self._uploads.content(address)

    async def poll(self, request: web.Request) -> web.StreamResponse:
        try:
            task = self.book.task(request.query.get("taskId", ""))
        except Refusal:
            raise Refusal(422, "not_found", "recordInfo is null") from None
        self.check_poll(task)
        data = self._record(task, task.asked(self.now()))
        answer = {"code": 200, "msg": "success", "data": data}
        if spoiled := await self.spoiled(request, task, answer):
            return spoiled
        if task.takes("unknown_state"):
            data["state"] = "hibernating"
        return web.json_response(answer)

    async def credit(self, _request: web.Request) -> web.StreamResponse:
        spent = sum(entry["charged_usd"] for entry in self.book.ledger) / CREDIT_USD
        left = round(_CREDITS - spent, 2)
        return web.json_response({"code": 200, "msg": "success", "data": left})

    def forged(self, call: HookCall) -> HookCall:
        signature = base64.b64encode(secrets.token_bytes(32)).decode()
        return HookCall(call.headers | {"X-Webhook-Signature": signature}, call.body, attempts=1)

    def _record(self, task: Task, status: Status) -> dict[str, Any]:
        order = task.order
        is_over = status in {"succeeded", "failed"}
        created_ms = round(self.wall_time(task.started_at) * 1000)
        ended_ms = round(self.wall_time(task.ends_at) * 1000)
        code, message = kie_refusals.FAILURES.get(task.failure or "", (0, ""))
        is_failed, is_done = status == "failed", status == "succeeded"
        asked = {"model": order.model, "callBackUrl": task.details, "input": order.received}
        is_waiting = status == "queued" and task.progress(self.now()) == 0
        return {
            "taskId": task.id,
            "model": order.model,
            "state": "waiting" if is_waiting else _STATES[status],
            "param": json.dumps(asked),
            "resultJson": json.dumps({"resultUrls": [self.file_url(task)]}) if is_done else "",
            "failCode": str(code) if is_failed else None,
            "failMsg": message if is_failed else None,
            "costTime": round(task.duration_s * 1000) if is_over else None,
            "completeTime": ended_ms if is_over else None,
            "createTime": created_ms,
            "updateTime": ended_ms if is_over else created_ms,
            "creditsConsumed": round((order.price_usd or 0) / CREDIT_USD, 2) if is_done else 0,
            "progress": 100 if is_done else 0,
        }

    def _call(self, task: Task) -> HookCall:
        data = self._record(task, task.status(max(self.now(), task.ends_at)))
        code = int(data["failCode"] or 200)
        told = {"code": code, "msg": data["failMsg"] or "success", "data": data}
        stamp = int(self.wall_time(self.now()))
        headers = signing.kie_headers(self.hook_key, task.id, stamp)
        return HookCall({"Content-Type": "application/json"} | headers, json.dumps(told).encode())
