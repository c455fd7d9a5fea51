"""WaveSpeed: every answer is an envelope with a code, pictures go in and come out as addresses.

    POST /api/v3/{model}?webhook= · GET /api/v3/predictions/{id}/result · POST /api/v3/media/uploads
    PUT /upload/{id} · GET /media/{id}/{name} · GET /api/v3/balance · GET /api/v3/webhook/secret

Inputs are the addresses of uploads: nothing here fetches from elsewhere. Unknown fields are
not looked at, but the view lists them as `ignored`. This mark is added:

    nsfw_flag           it succeeds, flagged in `has_nsfw_contents`
"""

import base64
import json
import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, cast

from aiohttp import web

from imgbot.sandbox.provider_orders import Refusal, SubmittedTask, bounded, operation_of
from imgbot.sandbox.provider_tasks import Task
from imgbot.sandbox.simulators import signing
from imgbot.sandbox.simulators.hooks import HookCall, HookSender
from imgbot.sandbox.simulators.painting import FORMATS, Picture
from imgbot.sandbox.simulators.shared import Simulator
from imgbot.sandbox.simulators.wavespeed_models import MODELS, Model, ignored, problem
from imgbot.sandbox.simulators.wavespeed_uploads import Uploads

_START_USD = 100.0
_SYNC_S = 60.0
_STATES = {"queued": "created", "running": "processing", "succeeded": "completed"}
_FAILURES = {
    "moderated": "Content flagged as potentially sensitive. Please try another prompt or image.",
    "failed": "The model failed to generate an image. Please try again.",
}
_WORDS = {
    402: "Insufficient credits. Please top up.",
    422: "Failed to read the input image.",
    429: "Too many requests. Please try again later.",
    503: "Service temporarily unavailable.",
}


class WaveSpeed(Simulator):
    """One account."""

    name: ClassVar[str] = "wavespeed"
    key_name: ClassVar[str] = "WAVESPEED_API_KEY"
    no_key: ClassVar[str] = "Unauthorized: invalid API key"

    def __init__(self, hooks: HookSender) -> None:
        super().__init__(hooks)
        self.webhook_secret = f"whsec_{secrets.token_hex(16)}"
        self._uploads = Uploads()

    def routes(self) -> list[web.RouteDef]:
        root = f"/sim/{self.name}"
        handlers = {
            ("GET", "/balance"): self.balance,
            ("GET", "/webhook/secret"): self.secret,
            ("POST", "/media/uploads"): self.upload,
            ("GET", "/predictions/{id}/result"): self.poll,
            ("POST", "/{model:.+}"): self.submit,
        }
        return [
            web.put(f"{root}/upload/{{id}}", self._uploads.put),
            web.get(f"{root}/media/{{id}}/{{name}}", self._uploads.get_file),
            self.file_route(),
            *self.mounted(self.keyed(handlers), "/api/v3"),
        ]

    def refused(self, refusal: Refusal) -> web.Response:
        message = _WORDS.get(refusal.status, refusal.message)
        # A damaged picture is a bad request to the real server.
        status = 400 if refusal.status == 422 else refusal.status
        headers = {"Retry-After": "1"} if status in {429, 503} else {}
        body = {"code": status, "message": message, "data": None}
        return web.json_response(body, status=status, headers=headers)

    async def balance(self, _request: web.Request) -> web.StreamResponse:
        spent_usd = sum(entry["charged_usd"] for entry in self.book.ledger)
        return _envelope({"balance": round(_START_USD - spent_usd, 6)})

    async def secret(self, _request: web.Request) -> web.StreamResponse:
        return _envelope({"secret_key": self.webhook_secret})

    async def upload(self, request: web.Request) -> web.StreamResponse:
        ticket = self._uploads.issue(await self._body(request))
        query = f"X-Amz-Expires=900&X-Amz-Signature={ticket.signature}"
        instruction = {
            "method": "PUT",
            "url": f"{self.base_url}/upload/{ticket.id}?{query}",
            "headers": {"Content-Type": ticket.content_type},
        }
        url = f"{self.base_url}/media/{ticket.id}/{ticket.name}"
        return _envelope({"id": ticket.id, "upload": instruction, "download_url": url})

    async def submit(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["model"]
        model = MODELS.get(name)
        if model is None:
            raise Refusal(404, "", f"model not found: {name[:100]}")
        given = await self._body(request)
        if what := problem(model, given):
            raise Refusal(400, "", what)
        pictures = await self._pictures(model, given)
        task = self.accept(await self._order(name, given, pictures))
        if url := request.query.get("webhook"):
            self.plan_hook(task, url, task.ends_at, lambda: self._call(task))
        status, code, message = "queued", 200, "success"
        if given.get("enable_sync_mode"):
            if not await self.ends_within(task, _SYNC_S):
                code, message = 5004, "sync mode timed out, poll the result"
            status = task.status(self.now())
        view = await self._prediction(task, given, status)
        answer = {"code": code, "message": message, "data": view}
        return self.submitted(request, task, answer)

    async def poll(self, request: web.Request) -> web.StreamResponse:
        task = self.book.task(request.match_info["id"])
        self.check_poll(task)
        view = await self._prediction(task, task.order.received, task.asked(self.now()))
        if task.takes("unknown_state"):
            view |= {"status": "warming", "outputs": []}
        answer = {"code": 200, "message": "success", "data": view}
        return await self.spoiled(request, task, answer) or web.json_response(answer)

    async def _prediction(
        self, task: Task, given: Mapping[str, Any], status: str
    ) -> dict[str, Any]:
        view = self._view_of(task, status)
        if view["status"] == "completed" and given.get("enable_base64_output"):
            view["outputs"] = [base64.b64encode(await self.picture(task)).decode()]
        return view

    def _view_of(self, task: Task, status: str) -> dict[str, Any]:
        is_done = status == "succeeded"
        is_flagged = task.failure == "moderated" or "nsfw_flag" in task.order.marks
        return {
            "id": task.id,
            "model": task.order.model,
            "status": _STATES.get(status, "failed"),
            "outputs": [self.file_url(task)] if is_done else [],
            "urls": {"get": f"{self.base_url}/api/v3/predictions/{task.id}/result"},
            "has_nsfw_contents": [is_flagged] if status in {"succeeded", "failed"} else [],
            "created_at": self.timestamp(task.started_at),
            "error": _FAILURES[task.failure or "failed"] if status == "failed" else "",
            "timings": {"inference": round(task.duration_s * 1000) if is_done else 0},
        }

    def _call(self, task: Task) -> HookCall:
        view = self._view_of(task, task.status(max(self.now(), task.ends_at)))
        return self._signed(view, self.webhook_secret)

    def forged(self, call: HookCall) -> HookCall:
        view = json.loads(call.body) | {"status": "failed", "outputs": [], "error": "forged"}
        return self._signed(view, "forged")

    def _signed(self, view: Mapping[str, Any], secret: str) -> HookCall:
        body = json.dumps(view).encode()
        hook_id, sent_at = secrets.token_hex(16), int(self.wall_time(self.now()))
        headers = signing.wavespeed_headers(secret, hook_id, sent_at, body)
        return HookCall({"Content-Type": "application/json"} | headers, body)

    async def _body(self, request: web.Request) -> dict[str, Any]:
        if request.content_type != "application/json":
            raise Refusal(400, "", "the content type must be application/json")
        given = await self.read_json(request)
        if given is None:
            raise Refusal(400, "", "invalid request body")
        return given

    async def _pictures(self, model: Model, given: Mapping[str, Any]) -> list[Picture]:
        urls: list[str] = []
        for name, field in model.fields.items():
            if field.role == "pictures":
                value = given[name]
                urls += [value] if isinstance(value, str) else cast("list[str]", value)
        return [await self._picture(url) for url in urls]

    async def _picture(self, url: str) -> Picture:
        path = url.removeprefix(f"{self.base_url}/media/")
        ticket = self._uploads.get(path.partition("/")[0]) if path != url else None
        if ticket is None or ticket.content is None:
            raise Refusal(400, "", "failed to download the image from its URL")
        try:
            return await self.opened(ticket.content)
        except ValueError:
            raise Refusal(400, "", _WORDS[422]) from None

    async def _order(
        self, name: str, given: Mapping[str, Any], pictures: list[Picture]
    ) -> SubmittedTask:
        model = MODELS[name]
        try:
            size = bounded(*model.size(given, pictures))
        except ValueError as error:
            raise Refusal(400, "", str(error)) from None
        operation = model.operation or operation_of(len(pictures))
        return replace(
            await self.order_of(operation, given.get("prompt") or "", pictures),
            model=name,
            received=_received(model, given, pictures),
            size=size,
            format=FORMATS[given.get("output_format") or model.default_format],
            price_usd=model.price_usd,
        )


def _received(model: Model, given: Mapping[str, Any], pictures: list[Picture]) -> dict[str, Any]:
    """The input, with notes in the place of its pictures."""
    notes = iter([picture.note() for picture in pictures])
    shown: dict[str, Any] = {**given, "ignored": ignored(model, given)}
    for each, field in model.fields.items():
        if field.role == "pictures":
            is_list = field.kind == "pictures"
            shown[each] = [next(notes) for _ in given[each]] if is_list else next(notes)
    return shown


def _envelope(data: Mapping[str, Any]) -> web.Response:
    return web.json_response({"code": 200, "message": "success", "data": data})
