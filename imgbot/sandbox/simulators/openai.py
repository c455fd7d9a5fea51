"""OpenAI's Images API: answers only when the picture is ready, charges whoever hangs up.

    POST /v1/images/generations (JSON) · POST /v1/images/edits (multipart) · GET /v1/models

Streaming is not played. Of the marks, those about polls mean nothing here; these are added:

    empty       answered with 200 and no picture, and charged
    localai     a LocalAI server instead: no edits, no key, any model, unknown fields are
                ignored, the pictures are files on the server, for which the marks about files count
"""

import asyncio
import base64
import hmac
import json
import secrets
import time
from dataclasses import replace
from typing import Any, ClassVar

from aiohttp import web

from imgbot.sandbox.provider_orders import Refusal, operation_of
from imgbot.sandbox.provider_tasks import Task
from imgbot.sandbox.simulators import serving
from imgbot.sandbox.simulators.multipart import read_form
from imgbot.sandbox.simulators.openai_forms import checked_form
from imgbot.sandbox.simulators.openai_local import local_answer, local_order, local_refusal
from imgbot.sandbox.simulators.openai_models import EDIT, GENERATION, MODELS, Wish, Wrong, checked
from imgbot.sandbox.simulators.painting import FORMATS, Picture
from imgbot.sandbox.simulators.shared import Handler, Simulator

_IMAGE_BYTES = 50 << 20
_FORM_BYTES = 128 << 20
_RETRY_AFTER_S = 1
_CREATED = 1_763_000_000
_NOT_JSON = (
    "We could not parse the JSON body of your request. (HINT: This likely means you aren't using "
    "your HTTP library correctly. The API expects a JSON payload, but what was sent was not "
    "valid JSON.)"
)
_WORDS = {
    402: ("insufficient_quota", "insufficient_quota", (
        "You exceeded your current quota, please check your plan and billing details."
    )),
    413: ("invalid_request_error", None, "Request body is too large."),
    422: ("invalid_request_error", "invalid_image_file", (
        "Invalid image file or mode for image 0, please check your image file."
    )),
    429: ("input-images", "rate_limit_exceeded", (
        "Rate limit reached for images per min (IPM): Limit 5, Used 5, Requested 1. "
        "Please try again in 1s."
    )),
    503: ("server_error", None, "The server is currently overloaded. Please try again later."),
}  # fmt: skip
_MODERATED = (
    "Your request was rejected by the safety system. safety_violations=[violence].",
    "image_generation_user_error",
    "moderation_blocked",
)
_FAILED = "The server had an error processing your request. Sorry about that!"


class OpenAi(Simulator):
    """The synchronous one."""

    name: ClassVar[str] = "openai"
    key_name: ClassVar[str] = "OPENAI_API_KEY"
    api_path: ClassVar[str] = "/v1"

    def routes(self) -> list[web.RouteDef]:
        handlers = {
            ("POST", "/images/generations"): self.generate,
            ("POST", "/images/edits"): self.edit,
            ("GET", "/models"): self.models,
        }
        return [
            web.get(f"/sim/{self.name}/generated-images/{{id}}.png", self.file),
            self.file_route(),
            *self.mounted(self.keyed(handlers), "/v1"),
        ]

    def answering(self, handler: Handler) -> Handler:
        """Sign every answer with a request id."""
        answered = super().answering(handler)

        async def answer(request: web.Request) -> web.StreamResponse:
            made = await answered(request)
            if not made.prepared:
                made.headers["x-request-id"] = f"req_{secrets.token_hex(16)}"
            return made

        return answer

    def refused(self, refusal: Refusal) -> web.Response:
        return _refused(refusal)

    @property
    def is_local(self) -> bool:
        return "[[sim:localai" in self.book.settings.marks

    async def models(self, _request: web.Request) -> web.StreamResponse:
        listed = [
            {"id": name, "object": "model", "created": _CREATED, "owned_by": "system"}
            for name in MODELS
        ]
        return web.json_response({"object": "list", "data": listed})

    async def generate(self, request: web.Request) -> web.StreamResponse:
        if request.content_type != "application/json":
            raise Wrong(
                "unsupported_content_type",
                f"Unsupported content type: '{request.content_type[:100]}'. "
                "This API method only accepts 'application/json' requests.",
            )
        given = await self.read_json(request)
        if given is None:
            raise Wrong("", _NOT_JSON)
        if self.is_local or "[[sim:localai" in str(given.get("prompt")):
            try:
                return await self._generate_locally(request, given)
            except Refusal as refusal:
                return local_refusal(refusal.status, refusal.message)
        return await self._make(request, checked(GENERATION, given), given, [])

    async def edit(self, request: web.Request) -> web.StreamResponse:
        if self.is_local:
            return local_refusal(404, "Not Found")
        parts = await read_form(request, _IMAGE_BYTES, _FORM_BYTES)
        if parts is None:
            raise Wrong(
                "unsupported_content_type",
                f"Unsupported content type: '{request.content_type[:100]}'. "
                "This API method only accepts 'multipart/form-data' requests.",
            )
        texts = [f"{part.name}={part.text}" for part in parts if part.filename is None]
        files = [f"{part.name}: {part.filename}" for part in parts if part.filename is not None]
        self.note(request, "\n".join([*texts, *files]))
        form = await checked_form(parts, self.opened)
        wish = checked(EDIT, form.fields)
        notes: dict[str, Any] = {"images": [image.note() for image in form.images]}
        if form.mask:
            notes["mask"] = form.mask.note()
        return await self._make(request, wish, form.fields | notes, form.images, form.mask)

    async def _make(
        self,
        request: web.Request,
        wish: Wish,
        shown: dict[str, Any],
        images: list[Picture],
        mask: Picture | None = None,
    ) -> web.StreamResponse:
        pictures = [*images, *([mask] if mask else [])]
        order = await self.order_of(operation_of(len(images)), wish.prompt, pictures)
        order = replace(
            order,
            images=len(images),
            model=wish.model,
            received=shown,
            size=(wish.width, wish.height),
            format=FORMATS[wish.output_format],
            price_usd=wish.price_usd,
        )
        task = self.accept(order)
        if task.takes("drop_after_accept"):
            return serving.cut(request)
        await asyncio.sleep(task.duration_s)
        _fail_as_marked(task)
        answer = {
            "created": int(time.time()),
            "background": wish.background,
            "data": await self._data(task, wish.count),
            "output_format": wish.output_format,
            "quality": wish.quality,
            "size": f"{wish.width}x{wish.height}",
            "usage": wish.usage(len(pictures)),
        }
        return await self._answer(request, task, answer)

    async def _data(self, task: Task, count: int) -> list[dict[str, Any]]:
        marks = task.order.marks
        if "empty" in marks:
            return []
        if "not_a_picture" in marks:
            contents = [serving.PAGE] * count
        elif "svg" in marks:
            contents = [serving.SVG] * count
        else:
            contents = [await self.picture(task, index) for index in range(count)]
        return [{"b64_json": base64.b64encode(content).decode()} for content in contents]

    async def _answer(
        self, request: web.Request, task: Task, answer: dict[str, Any]
    ) -> web.StreamResponse:
        kind = "application/json"
        if "huge" in task.order.marks:
            head = b'{"created":1,"data":[{"b64_json":"'
            return await serving.flood(request, kind, head=head, fill=b"A")
        if "trickle" in task.order.marks:
            return await serving.drip(request, json.dumps(answer).encode(), kind)
        if task.takes("500_after_accept"):
            raise Refusal(500, "", _FAILED)
        if task.takes("garbled_submit"):
            return serving.truncated(answer)
        return await self.spoiled(request, task, answer) or web.json_response(answer)

    async def _generate_locally(
        self, request: web.Request, given: dict[str, Any]
    ) -> web.StreamResponse:
        wish = local_order(given)
        try:
            pictures = [await self.opened(content) for content in wish.contents]
        except ValueError:
            raise Refusal(500, "", "image: unknown format") from None
        order = await self.order_of(operation_of(len(pictures)), wish.words, pictures)
        order = replace(
            order,
            model=wish.model,
            received=wish.shown | {"images": [picture.note() for picture in pictures]},
            size=(wish.width, wish.height),
            format="PNG",
            price_usd=0.0,
        )
        task = self.accept(order)
        if task.takes("drop_after_accept"):
            return serving.cut(request)
        await asyncio.sleep(task.duration_s)
        _fail_as_marked(task)
        if wish.is_encoded:
            data = await self._data(task, wish.count)
        else:
            url = f"{self.base_url}/generated-images/{task.id}.png"
            data = [] if "empty" in order.marks else [{"url": url}] * wish.count
        answer = local_answer(task.id, data)
        return await self.spoiled(request, task, answer) or self.submitted(request, task, answer)

    def check_key(self, request: web.Request) -> None:
        if self.is_local:
            return
        given = request.headers.get("Authorization", "")
        if hmac.compare_digest(given.encode(), f"Bearer {self.key}".encode()):
            return
        if not given.startswith("Bearer "):
            message = (
                "You didn't provide an API key. You need to provide your API key in an "
                "Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY)."
            )
            raise Wrong("", message, status=401)
        message = (
            f"Incorrect API key provided: {given[7:11]}****. You can find your API key at "
            "https://platform.openai.com/account/api-keys."
        )
        raise Wrong("invalid_api_key", message, status=401)


def _fail_as_marked(task: Task) -> None:
    if task.failure == "moderated":
        message, kind, code = _MODERATED
        raise _OtherKindOfError(kind, code, message)
    if task.failure:
        raise Refusal(500, "", _FAILED)


class _OtherKindOfError(Wrong):
    """A refusal that is not an `invalid_request_error`."""

    def __init__(self, kind: str, code: str, message: str) -> None:
        super().__init__(code, message)
        self.kind = kind


def _refused(refusal: Refusal) -> web.Response:
    status, kind, param = refusal.status, "invalid_request_error", None
    code: str | None = refusal.code or None
    message = refusal.message
    if isinstance(refusal, _OtherKindOfError):
        kind = refusal.kind
    elif isinstance(refusal, Wrong):
        param = refusal.param
    elif status in _WORDS:
        kind, code, message = _WORDS[status]
    else:
        kind = "server_error"
    headers: dict[str, str] = {}
    if code == "rate_limit_exceeded":
        headers = {"retry-after": str(_RETRY_AFTER_S), "x-ratelimit-remaining-requests": "0"}
    # Both of these are in the real server's language.
    status = {402: 429, 422: 400}.get(status, status)
    body = {"message": message, "type": kind, "param": param, "code": code}
    return web.json_response({"error": body}, status=status, headers=headers)
