"""Any TOML preset, played over HTTP under `/sim/<name>`: delays, charges, faults, webhooks.

The preset itself says what is asked and answered (imgbot/providers/declarative/player.py); the
tasks, the ledger of charges and the pictures are those of the simulated provider.

Scenarios are marks: `[[sim:NAME=NUMBER]]` in the prompt, or `marks` in the settings for orders
that carry none.

    slow=8               the task takes 8 seconds
    polls=2              the first two polls find it unfinished, whatever the clock says
    moderated, fail      it ends so, uncharged
    402, 429=2           the submit is refused: no credit; twice too many requests
    5xx_on_submit=1      the first submit is refused for now, and made no task
    drop_after_accept    the task is made and charged, then the connection is cut, once
    500_after_accept     the task is made and charged, then answered 500, once
    garbled_submit       the task is made and charged, then answered with broken JSON, once
    stalled_submit       the task is made and charged, then answered a byte a second, once
    stalled_upload       uploads are kept and answered a byte a second (in the settings)
    5xx_on_poll=2, 429_on_poll=1, malformed=1
                         that many polls are refused, or answered with broken JSON
    unlisted             the provider's list does not show it
    forged_webhook       a webhook with a bad signature comes first
    expired              the picture is gone
    not_a_picture        a page stands in the picture's place
"""

import asyncio
import base64
import hmac
import json
import re
import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from imgbot.domain.errors import ProviderErrorKind
from imgbot.providers.declarative.player import PlayedCall, PresetPlayer, Reply
from imgbot.providers.declarative.spec import DeclaredModel, Spec, Stage, read_spec
from imgbot.providers.spec_file import PRESETS, read_file, read_preset
from imgbot.sandbox import provider_webhooks
from imgbot.sandbox.provider_tasks import (
    Refusal,
    Task,
    TaskLedger,
    enlarged,
    make_task,
    render,
)
from imgbot.sandbox.provider_webhooks import Webhook, WebhookSender

SIMULATED = Path(__file__).with_name("simulated.toml")
"""Spec file of the sandbox's own provider."""
PAGE = b"<!doctype html><title>Sign in</title><p>Please sign in to see this picture."

_KIND = ProviderErrorKind
_THREADS = 2
_MAX_REQUESTS = 500
_MAX_UPLOADS = 500
_REQUEST_CHARACTERS = 2048
_TRICKLE_S = 1.0
_TRICKLE_BYTES = 600
_ENCODED = re.compile(r"[A-Za-z0-9+/=_-]{400,}")
_DATA_URI = re.compile(r"data:[^,]{0,100};base64,")
_PUBLIC = frozenset({"put", "source", "picture"})
"""Endpoints that must not see a key."""


class PlayedPreset:
    """One provider, played by its preset; each endpoint is answered by the method of its name."""

    def __init__(self, spec: Spec, webhooks: WebhookSender, file: Path | None = None) -> None:
        self.name = spec.name
        self.key = f"sim-{spec.name}-key"
        self.ledger = TaskLedger()
        self.base_url = ""
        self.render: Callable[[Task], bytes] = render
        """Draws a result; blocks."""
        self._spec = spec
        self._choice = str(file or spec.name)
        self._webhooks = webhooks
        self._player = PresetPlayer(spec, spec.addresses(""))
        self._uploads: OrderedDict[str, bytes] = OrderedDict()
        self._bodies: dict[str, Any] = {}
        self._requests: deque[str] = deque(maxlen=_MAX_REQUESTS)
        self._threads = asyncio.Semaphore(_THREADS)

    @property
    def settings(self) -> dict[str, str]:
        """The bot's settings that make it the provider of every operation."""
        chosen = {"IMGBOT_PROVIDER": self._choice, "IMGBOT_PROVIDER_URL": self.base_url}
        return chosen | ({self._spec.key: self.key} if self._spec.key else {})

    def listen_at(self, origin: str) -> None:
        """Tell the scheme and host of the sandbox, as soon as it listens."""
        self.base_url = f"{origin}/sim/{self.name}"
        self._player = PresetPlayer(self._spec, self._spec.addresses(self.base_url))

    def routes(self) -> list[web.RouteDef]:
        return [web.route("*", f"/sim/{self.name}/{{path:.*}}", self.answer)]

    def view(self) -> dict[str, Any]:
        """Everything, for whoever checks what was asked and paid."""
        return {
            "tasks": [task.view(_now()) for task in self.ledger.tasks],
            "ledger": self.ledger.charges,
            "settings": self.ledger.settings.model_dump(),
            "requests": list(self._requests),
            "uploads": list(self._uploads),
        }

    async def answer(self, request: web.Request) -> web.StreamResponse:
        url = f"{self.base_url.removesuffix(f'/sim/{self.name}')}{request.path_qs}"
        call = self._player.call_of(request.method, url)
        if call is None:
            return _reply((404, {"detail": "there is no such address"}))
        stage: Stage = "submit" if call.endpoint == "submit" else "poll"
        has_key = self._has_key(request)
        if call.endpoint in _PUBLIC and has_key:
            return _reply((400, {"detail": "a public address: do not send your key here"}))
        if call.endpoint not in _PUBLIC and self._spec.auth and not has_key:
            return _reply(self._player.refusal(stage, _KIND.AUTH))
        try:
            found = await getattr(self, f"_{call.endpoint}")(request, call)
        except Refusal as refusal:
            return _reply(self._player.refusal(stage, refusal.kind))
        return found if isinstance(found, web.StreamResponse) else _reply(found)

    # Tasks

    async def _submit(self, request: web.Request, call: PlayedCall) -> web.StreamResponse:
        body = await self._json(request)
        model = self._player.model_of(call, body)
        if model is None:
            raise Refusal(_KIND.INVALID)
        asked = self._player.asked_of(model, body, request.query)
        task = await self._task(model, asked)
        task.idempotency_key = request.headers.get(self._spec.submit.idempotency_header, "")
        task = self.ledger.submit(task, _now())
        self._bodies[task.id] = (model, body)
        self._plan_webhook(task, str(asked.get("hook") or ""))
        answer = self._player.accepted(task.id, model)
        for mark, spoil in _SPOILED.items():
            if task.takes(mark):
                return await spoil(request, answer)
        return web.json_response(answer)

    async def _task(self, model: DeclaredModel, asked: Mapping[str, Any]) -> Task:
        contents = [self._content(text) for text in asked["images"]]
        usual = ("create", "edit", "merge")[min(len(contents), 2)]
        operation = usual if usual in model.operations else model.operations[0]
        scale = int(asked.get("scale") or 1)
        async with self._threads:
            task = await asyncio.to_thread(
                make_task,
                operation,
                str(asked.get("prompt") or ""),
                contents,
                self.ledger.settings.marks,
                ratio=str(asked.get("ratio") or ""),
                seed=int(asked.get("seed") or 0),
                client_id=str(asked.get("job") or ""),
                model=model.id,
                # A file without prices leaves them to the settings.
                price_usd=model.scale_prices_usd.get(str(scale), model.price_usd) or None,
            )
        if operation in {"upscale", "retouch"}:
            task.size = enlarged(contents[0], scale)
        return task

    async def _poll(self, request: web.Request, call: PlayedCall) -> web.StreamResponse | Reply:
        task = self.ledger.task(call.id)
        for mark, kind in (("5xx_on_poll", _KIND.UNAVAILABLE), ("429_on_poll", _KIND.RATE_LIMITED)):
            if task.takes(mark):
                raise Refusal(kind)
        status, reply = task.asked(_now()), (200, self._player.done(task.id))
        if status in {"queued", "running"}:
            reply = 200, self._player.pending(task.progress(_now()))
        elif status == "failed" and self._player.fails_by_poll:
            reply = self._player.failed(_kind_of(task))
        return await _truncated(request, reply[1]) if task.takes("malformed") else reply

    async def _result(self, _request: web.Request, call: PlayedCall) -> Reply:
        task = self.ledger.task(call.id)
        if task.status(_now()) == "failed":
            return self._player.failed(_kind_of(task))
        return 200, self._player.result(task.id)

    async def _cancel(self, _request: web.Request, call: PlayedCall) -> Reply:
        return self._player.cancelled(is_accepted=self.ledger.task(call.id).cancel(_now()))

    async def _look_up(self, _request: web.Request, call: PlayedCall) -> Reply:
        tasks = self.ledger.look_up(unquote(call.id))
        return 200, self._player.looked_up([(t.id, self._bodies[t.id][0]) for t in tasks])

    async def _search(self, request: web.Request, _call: PlayedCall) -> Reply:
        named = {model.id for model in self._spec.models} & {*request.query.values()}
        found: list[tuple[str, DeclaredModel, str, Any]] = []
        for task in reversed(self.ledger.tasks):
            model, body = self._bodies[task.id]
            if "unlisted" not in task.marks and (not named or model.id in named):
                at_s = time.time() - _now() + task.started_at
                created = datetime.fromtimestamp(at_s, UTC).isoformat()
                found.append((task.id, model, created, _without_data(body)))
        return 200, self._player.listed(found)

    async def _balance(self, _request: web.Request, _call: PlayedCall) -> Reply:
        return 200, self._player.balance()

    # Webhooks

    async def _hook_key(self, _request: web.Request, _call: PlayedCall) -> Reply:
        scheme = self._spec.hook.scheme if self._spec.hook else "none"
        return 200, self._player.hook_key(provider_webhooks.published_key(scheme))

    def _plan_webhook(self, task: Task, url: str) -> None:
        hook = self._spec.hook
        if hook is None or not url:
            return

        def make() -> list[Webhook]:
            if task.cancelled_at is not None:
                return []
            body = json.dumps(self._player.hook(task.id)).encode()
            told = provider_webhooks.signed(hook.scheme, task.id, round(time.time()), body)
            is_forged = "forged_webhook" in task.marks
            return [provider_webhooks.forged(told), told] if is_forged else [told]

        self._webhooks.plan(url, task.ends_at, make)

    # Pictures

    async def _upload(self, request: web.Request, _call: PlayedCall) -> web.StreamResponse:
        upload_id = secrets.token_hex(12)
        if request.content_type == "multipart/form-data":
            self._keep(upload_id, await _file_in(request))
        else:
            await self._json(request)
        return await self._uploaded(request, upload_id)

    async def _put(self, request: web.Request, call: PlayedCall) -> web.StreamResponse:
        self._keep(call.id, await request.read())
        return await self._uploaded(request, call.id)

    async def _uploaded(self, request: web.Request, upload_id: str) -> web.StreamResponse:
        is_kept = upload_id in self._uploads
        if is_kept and "[[sim:stalled_upload" in self.ledger.settings.marks:
            return await _trickle(request)
        return web.json_response(self._player.uploaded(upload_id))

    def _keep(self, upload_id: str, content: bytes) -> None:
        self._uploads[upload_id] = content
        if len(self._uploads) > _MAX_UPLOADS:
            self._uploads.popitem(last=False)

    async def _source(self, _request: web.Request, call: PlayedCall) -> web.Response:
        content = self._uploads.get(call.id)
        return web.Response(body=content, content_type="image/jpeg") if content else _gone()

    async def _picture(self, _request: web.Request, call: PlayedCall) -> web.Response:
        task = self.ledger.task(call.id)
        if task.status(_now()) != "succeeded" or "expired" in task.marks:
            return _gone()
        content = PAGE if task.takes("not_a_picture") else await self._render(task)
        return web.Response(body=content, content_type="image/jpeg")

    async def _render(self, task: Task) -> bytes:
        async with self._threads:
            return await asyncio.to_thread(self.render, task)

    def _content(self, text: Any) -> bytes:
        """Return a picture of an order. Raises Refusal for one that leads nowhere."""
        call = self._player.call_of("GET", str(text))
        if call is not None and call.endpoint == "source" and call.id in self._uploads:
            return self._uploads[call.id]
        try:
            return base64.b64decode(_DATA_URI.sub("", str(text), count=1), validate=True)
        except ValueError:
            raise Refusal(_KIND.UNSUITABLE) from None

    # HTTP

    def _has_key(self, request: web.Request) -> bool:
        if (auth := self._spec.auth) is None:
            return False
        wanted = auth.value.replace("{key}", self.key)
        return hmac.compare_digest(request.headers.get(auth.header, "").encode(), wanted.encode())

    async def _json(self, request: web.Request) -> Any:
        text = (await request.read()).decode("utf-8", "replace")
        shown = _ENCODED.sub(lambda run: f"<{len(run[0])} characters>", text)
        self._requests.append(f"{request.method} {request.rel_url}\n{shown}"[:_REQUEST_CHARACTERS])
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            raise Refusal(_KIND.UNSUITABLE) from None


def open_presets(webhooks: WebhookSender) -> dict[str, PlayedPreset]:
    """Return a player of each provider that a TOML file describes whole, by name."""
    names = sorted(file.name for file in PRESETS.iterdir() if file.name.endswith(".toml"))
    found = (read_preset(name.removesuffix(".toml")) for name in names)
    specs = [read_spec(document) for document in found if not document.adapter]
    own = PlayedPreset(read_spec(read_file(SIMULATED)), webhooks, SIMULATED)
    return {own.name: own} | {spec.name: PlayedPreset(spec, webhooks) for spec in specs}


def _now() -> float:
    return asyncio.get_running_loop().time()


def _reply(reply: Reply) -> web.Response:
    status, content = reply
    headers = {"Retry-After": "1"} if status in {429, 503} else {}
    return web.json_response(content, status=status, headers=headers)


def _gone() -> web.Response:
    return web.json_response({"detail": "no such file"}, status=404)


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


def _kind_of(task: Task) -> ProviderErrorKind:
    return _KIND.MODERATED if task.failure == "moderated" else _KIND.FAILED


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
