"""Replicate's HTTP API, played under `/sim/replicate/v1`.

Official models are ordered at `/models/{owner}/{name}/predictions`, those of the community by
their version at `/predictions`. A prediction that is cancelled while it is `starting` becomes
`aborted` and costs nothing; later it becomes `canceled` and stays charged.

Marks of its own: `interrupted` (the retryable failure with code PA), `e003` (high demand).
`unlisted` (the list of predictions does not show it), `stalled_submit` (it is made and charged, and
the submit is answered a byte a second, once). `expired` shows as `data_removed`.
"""

import base64
import json
import secrets
from collections.abc import Mapping
from typing import Any, ClassVar

from aiohttp import web

from imgbot.sandbox.provider_orders import Refusal
from imgbot.sandbox.provider_tasks import Status, Task
from imgbot.sandbox.simulators import replicate_bodies, replicate_refusals, serving, signing
from imgbot.sandbox.simulators.fields import Model, Problem
from imgbot.sandbox.simulators.hooks import HookCall, HookSender
from imgbot.sandbox.simulators.hosted import HostedSimulator, Invalid
from imgbot.sandbox.simulators.replicate_files import Files
from imgbot.sandbox.simulators.replicate_models import MODELS, describe, describe_version

_STATES: Mapping[Status, str] = {
    "queued": "starting",
    "running": "processing",
    "succeeded": "succeeded",
    "failed": "failed",
}
_ERRORS = {
    "failed": "An unexpected error occurred while running the model. (E1000)",
    "interrupted": "Prediction interrupted; please retry (code: PA)",
    "e003": "Service is currently unavailable due to high demand. Please try again later. (E003)",
    "missing_input": "Failed to download the input: the URL cannot be reached",
    "unreadable_input": "cannot identify image file",
}
_FLAGGED = (
    "The input or output was flagged as sensitive. Please try again with different inputs. "
    "(E005) (sIMu1at3d0)"
)
_NSFW = "NSFW content detected. Try running it again, or try a different prompt."


class Replicate(HostedSimulator):
    """The API below `/v1`, its files among it."""

    name: ClassVar[str] = "replicate"
    key_name: ClassVar[str] = "REPLICATE_API_TOKEN"
    no_key: ClassVar[str] = "You did not pass a valid authentication token"
    models: ClassVar[Mapping[str, Model]] = MODELS
    failing_marks: ClassVar[frozenset[str]] = frozenset({"interrupted", "e003"})

    def __init__(self, hooks: HookSender) -> None:
        super().__init__(hooks)
        self.hook_secret = "whsec_c2ltLXJlcGxpY2F0ZS13ZWJob29rLWtleQ=="  # noqa: S105 simulated
        self._by_version = {model.version: model for model in MODELS.values() if model.version}

    def routes(self) -> list[web.RouteDef]:
        handlers = {
            ("POST", "/models/{owner}/{name}/predictions"): self.submit_official,
            ("POST", "/predictions"): self.submit_version,
            ("GET", "/predictions"): self.listed,
            ("GET", "/predictions/{id}"): self.poll,
            ("POST", "/predictions/{id}/cancel"): self.cancel,
            ("GET", "/models/{owner}/{name}"): self.model,
            ("GET", "/models/{owner}/{name}/versions/{version}"): self.version,
            ("GET", "/account"): self.account,
            ("GET", "/webhooks/default/secret"): self.secret,
            **Files(self).handlers(),
            ("*", "/{tail:.*}"): self.nothing,
        }
        return [
            self.file_route(),
            *self.mounted(self.keyed(handlers), "/v1"),
        ]

    def refused(self, refusal: Refusal) -> web.Response:
        return replicate_refusals.answer(refusal)

    async def nothing(self, _request: web.Request) -> web.StreamResponse:
        raise replicate_refusals.no_such_thing()

    async def submit_official(self, request: web.Request) -> web.StreamResponse:
        body = await self.read_object(request)
        model = self._model(request)
        # A community model has no such endpoint: it is ordered by its version.
        if model.version:
            raise replicate_refusals.no_such_thing()
        return await self._submit(request, model, body, is_by_version=False)

    async def submit_version(self, request: web.Request) -> web.StreamResponse:
        body = await self.read_object(request)
        wanted = body.get("version")
        if not isinstance(wanted, str):
            raise Invalid([Problem("version", "missing")])
        name, _, version = wanted.rpartition(":")
        model = self._by_version.get(version) or self.models.get(wanted)
        if model is None or (name and name != model.name):
            raise replicate_refusals.no_such_version()
        return await self._submit(request, model, body, is_by_version=True)

    async def _submit(
        self, request: web.Request, model: Model, body: Mapping[str, Any], *, is_by_version: bool
    ) -> web.StreamResponse:
        given = replicate_bodies.check_input(model, body, is_by_version=is_by_version)
        wait_s = replicate_bodies.wait_s(request)
        order = self.order(model, given, await self.take_pictures(model, given))
        task = self.accept(order)
        task.given = self.listed_input(given)
        self._plan_hooks(task, body)
        status = "starting"
        if wait_s and await self.ends_within(task, wait_s):
            status = _STATES[task.asked(self.now())]
        answer = self._view(task, "starting" if status == "processing" else status)
        if task.takes("stalled_submit"):
            return await serving.drip(request, json.dumps(answer).encode(), "application/json")
        return self.submitted(request, task, answer, 201)

    async def poll(self, request: web.Request) -> web.StreamResponse:
        task = self._task(request)
        self.check_poll(task)
        answer = self._view(task, _STATES[task.asked(self.now())])
        if spoiled := await self.spoiled(request, task, answer):
            return spoiled
        if task.takes("unknown_state"):
            answer["status"] = "hibernating"
        return web.json_response(answer)

    async def listed(self, _request: web.Request) -> web.StreamResponse:
        now = self.now()
        latest = [
            self._view(task, _STATES[task.status(now)]) | {"input": task.given}
            for task in self.book.tasks[:-101:-1]
            if "unlisted" not in task.order.marks
        ]
        return web.json_response({"previous": None, "next": None, "results": latest})

    async def cancel(self, request: web.Request) -> web.StreamResponse:
        task = self._task(request)
        if task.cancel(self.now()):
            if task.ends_at < task.begins_at:
                self.book.refund(task)
            if task.hook_url:
                self.plan_hook(task, task.hook_url, self.now(), lambda: self._call(task, ""))
        return web.json_response(self._view(task, _STATES[task.status(self.now())]))

    async def model(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(describe(self._model(request)))

    async def version(self, request: web.Request) -> web.StreamResponse:
        model = self._model(request)
        if request.match_info["version"] != model.version:
            raise replicate_refusals.no_such_thing()
        return web.json_response(describe_version(model))

    async def account(self, _request: web.Request) -> web.StreamResponse:
        whose = {"type": "organization", "username": "sim", "name": "Simulated", "github_url": None}
        return web.json_response(whose)

    async def secret(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response({"key": self.hook_secret})

    async def own_content(self, address: str) -> bytes | None:
        upload = self.uploads.find(address.removeprefix(f"{self.base_url}/v1/files/"))
        return upload.content if upload else None

    def forged(self, call: HookCall) -> HookCall:
        signature = f"v1,{base64.b64encode(secrets.token_bytes(32)).decode()}"
        return HookCall(call.headers | {"webhook-signature": signature}, call.body, attempts=1)

    def _model(self, request: web.Request) -> Model:
        path = request.match_info
        model = self.models.get(f"{path['owner']}/{path['name']}")
        if model is None:
            raise replicate_refusals.no_such_thing()
        return model

    def _task(self, request: web.Request) -> Task:
        try:
            return self.book.task(request.match_info["id"])
        except Refusal:
            raise replicate_refusals.no_such_thing() from None

    def _plan_hooks(self, task: Task, body: Mapping[str, Any]) -> None:
        """Plan the events that were subscribed to; there are no logs to tell of."""
        url = body.get("webhook")
        if not url:
            return
        wanted = body.get("webhook_events_filter") or replicate_bodies.EVENTS
        ends = task.started_at + task.duration_s
        if "start" in wanted:
            self.plan_hook(task, url, task.begins_at, lambda: self._call(task, "processing"))
        if "output" in wanted and task.failure is None:
            self.plan_hook(task, url, ends, lambda: self._call(task, "processing"))
        if "completed" in wanted:
            task.hook_url = url
            self.plan_hook(task, url, ends, lambda: self._call(task, ""))

    def _call(self, task: Task, state: str) -> HookCall:
        now = max(self.now(), task.started_at + task.duration_s) if not state else self.now()
        view = self._view(task, state or _STATES[task.status(now)])
        body = json.dumps(view).encode()
        hook_id = f"msg_{secrets.token_hex(12)}"
        stamp = int(self.wall_time(self.now()))
        headers = signing.replicate_headers(self.hook_secret, hook_id, stamp, body)
        return HookCall({"Content-Type": "application/json"} | headers, body)

    def _view(self, task: Task, state: str) -> dict[str, Any]:
        """The prediction in that state."""
        order = task.order
        if task.is_cancelled:
            state = "aborted" if task.ends_at < task.begins_at else "canceled"
        is_over = state not in {"starting", "processing"}
        is_removed = state == "succeeded" and "expired" in order.marks
        get = f"{self.base_url}/v1/predictions/{task.id}"
        return {
            "id": task.id,
            "model": order.model,
            "version": self.models[order.model].version or "hidden",
            "input": {} if is_removed else order.received,
            "output": self._output(task) if state == "succeeded" and not is_removed else None,
            "logs": "",
            "error": self._error(task) if state == "failed" else None,
            "status": state,
            "data_removed": is_removed,
            "created_at": self.timestamp(task.started_at),
            "started_at": None if state == "starting" else self.timestamp(task.begins_at),
            "completed_at": self.timestamp(task.ends_at) if is_over else None,
            "source": "api",
            "deployment": None,
            "metrics": {"predict_time": round(task.duration_s, 3)} if is_over else {},
            "urls": {
                "get": get,
                "cancel": f"{get}/cancel",
                "web": f"https://replicate.com/p/{task.id}",
            },
        }

    def _output(self, task: Task) -> Any:
        model = self.models[task.order.model]
        count = model.value(task.order.received, "count") or 1
        addresses = [self.file_url(task, f"?n={index}" if index else "") for index in range(count)]
        return addresses if model.is_list else addresses[0]

    @staticmethod
    def _error(task: Task) -> str:
        if task.failure == "moderated":
            return _NSFW if task.order.model.endswith("/flux-schnell") else _FLAGGED
        return _ERRORS.get(task.failure or "", _ERRORS["failed"])
