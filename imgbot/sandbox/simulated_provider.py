"""The simulated provider over HTTP (README.md): delays, charges, faults, webhooks."""

import asyncio
import base64
import hashlib
import hmac
import json
import re
import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import BaseModel

from imgbot.aio import Start
from imgbot.domain.errors import ProviderErrorKind
from imgbot.sandbox.provider_tasks import (
    Refusal,
    Task,
    TaskLedger,
    check_mask,
    draw_picture,
    enlarged,
    make_task,
)

NAME = "simulated"
SPEC_FILE = Path(__file__).with_name("simulated.toml")
DEMO_FILE = Path(__file__).with_name("demo.toml")
"""The same, with all of its models to be chosen."""
PAGE = b"<!doctype html><title>Sign in</title><p>Please sign in to see this picture."

_KIND = ProviderErrorKind
_STATUSES: Mapping[ProviderErrorKind, int] = {
    _KIND.AUTH: 401,
    _KIND.NO_CREDIT: 402,
    _KIND.LOST: 404,
    _KIND.RATE_LIMITED: 429,
    _KIND.UNAVAILABLE: 503,
}
_OTHER_STATUS = 422
_THREADS = 2
_MAX_REQUESTS = 500
_MAX_UPLOADS = 500
_REQUEST_CHARACTERS = 2048
_TRICKLE_S = 1.0
_TRICKLE_BYTES = 600
_ENCODED = re.compile(r"[A-Za-z0-9+/=_-]{400,}")
_DATA_URI = re.compile(r"data:[^,]{0,100};base64,")
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_TIMEOUT = aiohttp.ClientTimeout(total=15.0)
_PAUSES_S = (0.0, 0.5, 0.5)
"""Before each attempt to post a webhook."""
_SECRET = base64.b64encode(b"sandbox-webhook-key").decode()


class _OrderBody(BaseModel, extra="forbid"):
    operation: Literal[
        "create", "edit", "inpaint", "merge", "retouch", "upscale", "removebg", "animate"
    ]
    words: str = ""
    model: str = ""
    images: list[str] = []
    mask: str = ""
    ratio: str = ""
    scale: int = 1
    seed: int = 0
    client_id: str = ""
    hook: str = ""


class SimulatedProvider:
    """One provider: its address, tasks, uploads and ledger of charges."""

    def __init__(self, name: str, start: Start) -> None:
        self.name = name
        self.key = f"sim-{name}-key"
        self.ledger = TaskLedger()
        self.base_url = ""
        self.render: Callable[[Task], bytes] = draw_picture
        """Draws a result; blocks."""
        self._start = start
        self._uploads: OrderedDict[str, bytes] = OrderedDict()
        self._requests: deque[str] = deque(maxlen=_MAX_REQUESTS)
        self._threads = asyncio.Semaphore(_THREADS)

    @property
    def settings(self) -> dict[str, str]:
        """The bot's settings that make it the provider of every operation."""
        return {
            "IMGBOT_PROVIDER": str(DEMO_FILE),
            "IMGBOT_PROVIDER_URL": self.base_url,
            "SIMULATED_API_KEY": self.key,
        }

    def listen_at(self, origin: str) -> None:
        """Note the scheme and host of the sandbox, as soon as it listens."""
        self.base_url = f"{origin}/sim/{self.name}"

    def routes(self) -> list[web.RouteDef]:
        keyed: Mapping[tuple[str, str], Handler] = {
            ("POST", "/tasks"): self._submit,
            ("GET", "/tasks"): self._list,
            ("GET", "/tasks/{id}"): self._poll,
            ("POST", "/tasks/{id}/cancel"): self._cancel,
            ("POST", "/files"): self._upload,
            ("GET", "/webhook-key"): self._webhook_key,
        }
        public: Mapping[tuple[str, str], Handler] = {
            ("GET", "/files/{id}"): self._source,
            ("GET", "/tasks/{id}/picture.jpg"): self._picture,
        }
        return [
            web.route(
                method, f"/sim/{self.name}{path}", self._guarded(act, is_public=table is public)
            )
            for table in (keyed, public)
            for (method, path), act in table.items()
        ]

    def view(self) -> dict[str, Any]:
        """Everything that was ordered and paid, for a check."""
        return {
            "tasks": [task.view(_now()) for task in self.ledger.tasks],
            "ledger": self.ledger.charges,
            "settings": self.ledger.settings.model_dump(),
            "requests": list(self._requests),
            "uploads": list(self._uploads),
        }

    def _guarded(self, act: Handler, *, is_public: bool) -> Handler:
        async def answer(request: web.Request) -> web.StreamResponse:
            key = request.headers.get("Authorization")
            if is_public and key is not None:
                return web.Response(status=400, text="a public address: do not send your key here")
            if not is_public and key != f"Bearer {self.key}":
                return _refused(_KIND.AUTH)
            try:
                return await act(request)
            except Refusal as refusal:
                return _refused(refusal.kind, refusal.retry_after_s)

        return answer

    # Tasks

    async def _submit(self, request: web.Request) -> web.StreamResponse:
        body = await self._json(request)
        try:
            order = _OrderBody.model_validate(body)
        except ValueError:
            raise Refusal(_KIND.INVALID) from None
        task = await self._task(order)
        task.input = _without_data(body)
        task.idempotency_key = request.headers.get("Idempotency-Key", "")
        task = self.ledger.submit(task, _now())
        if urlsplit(order.hook).hostname in _LOOPBACK:
            self._start(self._post_webhook(task, order.hook))
        answer = {"id": task.id}
        for mark, spoil in _SPOILED.items():
            if task.takes(mark):
                return await spoil(request, answer)
        return web.json_response(answer)

    async def _task(self, order: _OrderBody) -> Task:
        contents = [self._content(text) for text in order.images]
        if (order.operation == "inpaint") != bool(order.mask):
            raise Refusal(_KIND.INVALID)
        area = check_mask(self._content(order.mask), contents) if order.mask else 0
        async with self._threads:
            task = await asyncio.to_thread(
                make_task,
                *(order.operation, order.words, contents, self.ledger.settings.marks),
                ratio=order.ratio,
                seed=order.seed,
                client_id=order.client_id,
                area=area,
            )
        if order.operation in {"upscale", "retouch"} and contents:
            task.size = enlarged(contents[0], order.scale)
        return task

    async def _poll(self, request: web.Request) -> web.StreamResponse:
        task = self.ledger.task(request.match_info["id"])
        for mark, kind in (("5xx_on_poll", _KIND.UNAVAILABLE), ("429_on_poll", _KIND.RATE_LIMITED)):
            if task.takes(mark):
                raise Refusal(kind)
        status = task.polled(_now())
        answer: dict[str, Any] = {"status": status, "progress": task.progress(_now())}
        if status == "succeeded":
            answer["output"] = [f"{self.base_url}/tasks/{task.id}/picture.jpg"]
        elif status == "failed":
            answer["error"] = {"code": task.failure}
        if task.takes("malformed"):
            return await _truncated(request, answer)
        return web.json_response(answer)

    async def _cancel(self, request: web.Request) -> web.Response:
        is_accepted = self.ledger.task(request.match_info["id"]).cancel(_now())
        return web.json_response({"status": "cancelled" if is_accepted else "too_late"})

    async def _list(self, request: web.Request) -> web.Response:
        tasks = [task for task in reversed(self.ledger.tasks) if "unlisted" not in task.marks]
        if "client_id" in request.query:
            tasks = self.ledger.look_up(request.query["client_id"])
        return web.json_response({"tasks": [_listed(task) for task in tasks]})

    # Webhooks

    async def _webhook_key(self, _request: web.Request) -> web.Response:
        return web.json_response({"key": f"whsec_{_SECRET}"})

    async def _post_webhook(self, task: Task, url: str) -> None:
        """Post that a task has ended, when it has."""
        await asyncio.sleep(task.ends_at - _now())
        if task.cancelled_at is not None:
            return
        body = json.dumps({"id": task.id}).encode()
        headers = webhook_headers(body, round(time.time()))
        fake = headers | {"webhook-signature": "v1,AAAA"}
        async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
            for each in (fake, headers) if "forged_webhook" in task.marks else (headers,):
                await _post(session, url, each, body)

    # Pictures

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        upload_id = secrets.token_hex(12)
        self._uploads[upload_id] = await _file_in(request)
        if len(self._uploads) > _MAX_UPLOADS:
            self._uploads.popitem(last=False)
        if "[[sim:stalled_upload" in self.ledger.settings.marks:
            return await _trickle(request)
        return web.json_response({"url": f"{self.base_url}/files/{upload_id}"})

    async def _source(self, request: web.Request) -> web.Response:
        content = self._uploads.get(request.match_info["id"])
        if content is None:
            raise Refusal(_KIND.LOST)
        return web.Response(body=content, content_type="image/jpeg")

    async def _picture(self, request: web.Request) -> web.Response:
        task = self.ledger.task(request.match_info["id"])
        if task.status(_now()) != "succeeded" or "expired" in task.marks:
            raise Refusal(_KIND.LOST)
        content = PAGE if task.takes("not_a_picture") else await self._render(task)
        return web.Response(body=content, content_type="image/jpeg")

    async def _render(self, task: Task) -> bytes:
        async with self._threads:
            return await asyncio.to_thread(self.render, task)

    def _content(self, text: str) -> bytes:
        """Return a picture of an order. Raises Refusal for one that leads nowhere."""
        uploaded = self._uploads.get(text.removeprefix(f"{self.base_url}/files/"))
        if uploaded is not None:
            return uploaded
        try:
            return base64.b64decode(_DATA_URI.sub("", text, count=1), validate=True)
        except ValueError:
            raise Refusal(_KIND.UNSUITABLE) from None

    async def _json(self, request: web.Request) -> Any:
        text = (await request.read()).decode("utf-8", "replace")
        shown = _ENCODED.sub(lambda run: f"<{len(run[0])} characters>", text)
        self._requests.append(f"{request.method} {request.rel_url}\n{shown}"[:_REQUEST_CHARACTERS])
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            raise Refusal(_KIND.UNSUITABLE) from None


def webhook_headers(body: bytes, stamp_s: int) -> dict[str, str]:
    """Standard Webhooks, https://github.com/standard-webhooks/standard-webhooks."""
    name = f"msg_{secrets.token_hex(12)}"
    signed = f"{name}.{stamp_s}.".encode() + body
    digest = hmac.digest(base64.b64decode(_SECRET), signed, hashlib.sha256)
    return {
        "Content-Type": "application/json",
        "webhook-id": name,
        "webhook-timestamp": str(stamp_s),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


async def _post(
    session: aiohttp.ClientSession, url: str, headers: Mapping[str, str], body: bytes
) -> None:
    for pause_s in _PAUSES_S:
        await asyncio.sleep(pause_s)
        with suppress(aiohttp.ClientError, TimeoutError):
            async with session.post(
                url, data=body, headers=headers, allow_redirects=False
            ) as answer:
                if answer.status < 500:
                    return


def _now() -> float:
    return asyncio.get_running_loop().time()


def _refused(kind: ProviderErrorKind, retry_after_s: int = 1) -> web.Response:
    status = _STATUSES.get(kind, _OTHER_STATUS)
    headers = {"Retry-After": str(retry_after_s)} if status in {429, 503} else {}
    return web.json_response({"error": {"code": kind}}, status=status, headers=headers)


def _listed(task: Task) -> dict[str, Any]:
    created_s = time.time() - _now() + task.started_at
    created = datetime.fromtimestamp(created_s, UTC).isoformat()
    return {"id": task.id, "created": created, "input": task.input}


async def _truncated(_request: web.Request, answer: Any) -> web.StreamResponse:
    """Return the first half of the JSON."""
    text = json.dumps(answer)
    return web.Response(text=text[: len(text) // 2], content_type="application/json")


async def _cut(request: web.Request, _answer: Any) -> web.StreamResponse:
    """Close the connection under the client, without an answer."""
    if request.transport:
        request.transport.abort()
    return web.Response()


async def _error(_request: web.Request, _answer: Any) -> web.StreamResponse:
    return web.Response(status=500, text="Internal Server Error")


async def _trickle(request: web.Request, _answer: Any = None) -> web.StreamResponse:
    """Send a space a second, and no JSON."""
    answer = web.StreamResponse(headers={"Content-Type": "application/json"})
    await answer.prepare(request)
    for _ in range(_TRICKLE_BYTES):
        await answer.write(b" ")
        await asyncio.sleep(_TRICKLE_S)
    return answer


_SPOILED = {
    "drop_after_accept": _cut,
    "500_after_accept": _error,
    "garbled_submit": _truncated,
    "stalled_submit": _trickle,
}
"""Answers to a submit that made a task, by mark."""


def _without_data(value: Any) -> Any:
    """Return a body as a list shows it: pictures inside of it come back otherwise."""
    if isinstance(value, Mapping):
        return {name: _without_data(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_without_data(each) for each in value]
    is_picture = isinstance(value, str) and value.startswith("data:")
    return "https://files.example/picture" if is_picture else value


async def _file_in(request: web.Request) -> bytes:
    """Return the file of a form. Raises Refusal."""
    for part in (await request.post()).values():
        if isinstance(part, web.FileField):
            return await asyncio.to_thread(part.file.read)
    raise Refusal(_KIND.UNSUITABLE)
