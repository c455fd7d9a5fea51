"""WaveSpeed: every answer is an envelope with a code, pictures go in and come out as addresses.

    POST /api/v3/{model}?webhook= · GET /api/v3/predictions/{id}/result · POST /api/v3/media/uploads
    PUT /upload/{id} · GET /media/{id}/{name} · GET /api/v3/balance · GET /api/v3/webhook/secret

Inputs are the addresses of uploads: nothing here fetches from elsewhere. Unknown fields are
not looked at, but the view lists them as `ignored`. These marks are added:

    nsfw_flag           it succeeds, flagged in `has_nsfw_contents`
    forged_webhook      a webhook with a bad signature comes first
    duplicate_webhook   the webhook comes twice
"""

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar, cast

from aiohttp import web

from imgbot.sandbox.provider_tasks import Refusal, Task
from imgbot.sandbox.simulators.hooks import HookCall, HookSender
from imgbot.sandbox.simulators.painting import FORMATS, Picture, Result
from imgbot.sandbox.simulators.recording import Record, RecordingSimulator, operation_of
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

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class WaveSpeed(RecordingSimulator):
    """One account."""

    name: ClassVar[str] = "wavespeed"
    key_name: ClassVar[str] = "WAVESPEED_API_KEY"

    def __init__(self, hooks: HookSender) -> None:
        super().__init__(hooks)
        self.webhook_secret = f"whsec_{secrets.token_hex(16)}"
        self._uploads = Uploads()

    def routes(self) -> list[web.RouteDef]:
        root = f"/sim/{self.name}"
        return [
            web.get(f"{root}/api/v3/balance", _answering(self.balance)),
            web.get(f"{root}/api/v3/webhook/secret", _answering(self.secret)),
            web.post(f"{root}/api/v3/media/uploads", _answering(self.upload)),
            web.put(f"{root}/upload/{{id}}", self._uploads.put),
            web.get(f"{root}/media/{{id}}/{{name}}", self._uploads.get_file),
            web.get(f"{root}/api/v3/predictions/{{id}}/result", _answering(self.poll)),
            web.post(f"{root}/api/v3/{{model:.+}}", _answering(self.submit)),
            self.file_route(),
        ]

    async def balance(self, request: web.Request) -> web.StreamResponse:
        self._check_key(request)
        spent_usd = sum(entry["charged_usd"] for entry in self.book.ledger)
        return _envelope({"balance": round(_START_USD - spent_usd, 6)})

    async def secret(self, request: web.Request) -> web.StreamResponse:
        self._check_key(request)
        return _envelope({"secret_key": self.webhook_secret})

    async def upload(self, request: web.Request) -> web.StreamResponse:
        self._check_key(request)
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
        self._check_key(request)
        name = request.match_info["model"]
        model = MODELS.get(name)
        if model is None:
            raise Refusal(404, "", f"model not found: {name[:100]}")
        given = await self._body(request)
        if what := problem(model, given):
            raise Refusal(400, "", what)
        pictures = await self._pictures(model, given)
        record = _record(name, model, given, pictures)
        operation = model.operation or operation_of(len(pictures))
        order = await self.order(operation, given.get("prompt") or "", pictures)
        task = self.accept(order, record, model.price_usd)
        if url := request.query.get("webhook"):
            hook = partial(self._hook, task)
            self.plan_hook(task, url, hook, partial(hook, is_forged=True))
        if given.get("enable_sync_mode"):
            await asyncio.sleep(min(_SYNC_S, task.duration_s))
        status, code, message = "queued", 200, "success"
        if given.get("enable_sync_mode"):
            status = task.status(self.now())
            if status not in {"succeeded", "failed"}:
                code, message = 5004, "sync mode timed out, poll the result"
        view = await self._prediction(task, given, status)
        answer = {"code": code, "message": message, "data": view}
        return self.submitted(request, task, answer)

    async def poll(self, request: web.Request) -> web.StreamResponse:
        self._check_key(request)
        task = self.book.task(request.match_info["id"])
        if task.takes("5xx_on_poll"):
            raise Refusal(503, "", "")
        if task.takes("429_on_poll"):
            raise Refusal(429, "", "")
        view = await self._prediction(task, self._input_of(task), task.asked(self.now()))
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
        made_at = time.gmtime(time.time() - (self.now() - task.started_at))
        return {
            "id": task.id,
            "model": self.model_of(task),
            "status": _STATES.get(status, "failed"),
            "outputs": [self.file_url(task)] if is_done else [],
            "urls": {"get": f"{self.base_url}/api/v3/predictions/{task.id}/result"},
            "has_nsfw_contents": [is_flagged] if status in {"succeeded", "failed"} else [],
            "created_at": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", made_at),
            "error": _FAILURES[task.failure or "failed"] if status == "failed" else "",
            "timings": {"inference": round(task.duration_s * 1000) if is_done else 0},
        }

    def _hook(self, task: Task, *, is_forged: bool = False) -> HookCall:
        view = self._view_of(task, task.status(self.now()))
        if is_forged:
            view |= {"status": "failed", "outputs": [], "error": "forged"}
        body = json.dumps(view)
        hook_id, sent_at = secrets.token_hex(16), str(int(time.time()))
        # The text after the prefix is the key itself: it is not decoded, unlike elsewhere.
        key = "forged" if is_forged else self.webhook_secret.removeprefix("whsec_")
        signed = f"{hook_id}.{sent_at}.{body}".encode()
        digest = hmac.new(key.encode(), signed, hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": "application/json",
            "webhook-id": hook_id,
            "webhook-timestamp": sent_at,
            "webhook-signature": f"v3,{digest}",
        }
        return HookCall(headers, body.encode())

    def _input_of(self, task: Task) -> Mapping[str, Any]:
        record = self.record_of(task)
        return record.input if record else {}

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

    def _check_key(self, request: web.Request) -> None:
        given = request.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {self.key}".encode()):
            raise Refusal(401, "", "Unauthorized: invalid API key")


def _record(name: str, model: Model, given: Mapping[str, Any], pictures: list[Picture]) -> Record:
    notes = iter([picture.note() for picture in pictures])
    shown: dict[str, Any] = {**given, "ignored": ignored(model, given)}
    for each, field in model.fields.items():
        if field.role == "pictures":
            is_list = field.kind == "pictures"
            shown[each] = [next(notes) for _ in given[each]] if is_list else next(notes)
    try:
        width, height = model.size(given, pictures)
    except ValueError as error:
        raise Refusal(400, "", str(error)) from None
    kind = FORMATS[given.get("output_format") or model.default_format]
    result = Result(width, height, kind)
    if model.operation:
        result = replace(result, source=pictures[0].content)
    return Record(name, shown, result)


def _envelope(data: Mapping[str, Any]) -> web.Response:
    return web.json_response({"code": 200, "message": "success", "data": data})


def _answering(handler: Handler) -> Handler:
    """Turn a refusal into WaveSpeed's answer."""

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except Refusal as refusal:
            message = _WORDS.get(refusal.status, refusal.message)
            # A damaged picture is a bad request to the real server.
            status = 400 if refusal.status == 422 else refusal.status
            headers = {"Retry-After": "1"} if status in {429, 503} else {}
            body = {"code": status, "message": message, "data": None}
            return web.json_response(body, status=status, headers=headers)

    return answer
