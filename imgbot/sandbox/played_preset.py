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
    duplicate_webhook    the webhook comes twice
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
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from imgbot.domain.errors import ProviderErrorKind
from imgbot.providers.declarative.player import Call, Listed, PresetPlayer, Reply
from imgbot.providers.declarative.spec import DeclaredModel, Spec, Stage, addresses, read_spec
from imgbot.providers.spec_file import PRESETS, read_file, read_preset
from imgbot.sandbox import provider_webhooks
from imgbot.sandbox.provider_answers import PAGE, cut, render, trickle, truncated
from imgbot.sandbox.provider_tasks import (
    Refusal,
    SubmittedTask,
    Task,
    TaskLedger,
    enlarged,
    make_order,
    operation_of,
)
from imgbot.sandbox.provider_webhooks import WebhookSender

SIMULATED = Path(__file__).with_name("simulated.toml")
"""Spec file of the sandbox's own provider."""

_KIND = ProviderErrorKind
_THREADS = 2
_MAX_REQUESTS = 500
_MAX_UPLOADS = 500
_REQUEST_CHARACTERS = 2048
_ENCODED = re.compile(r"[A-Za-z0-9+/=_-]{400,}")
_DATA_URI = re.compile(r"data:[^,]{0,100};base64,")
_REFUSALS = {402: _KIND.NO_CREDIT, 429: _KIND.RATE_LIMITED}

Handler = Callable[[web.Request, Call], Awaitable[web.StreamResponse]]


class PlayedPreset:
    """One provider, played by its preset."""

    def __init__(self, spec: Spec, webhooks: WebhookSender, file: Path | None = None) -> None:
        self.name = spec.name
        self.key = f"sim-{spec.name}-key"
        self.ledger = TaskLedger()
        self._spec = spec
        self._choice = str(file or spec.name)
        self._webhooks = webhooks
        self._player = PresetPlayer(spec, addresses(spec, ""))
        self._base_url = ""
        self._uploads: OrderedDict[str, bytes] = OrderedDict()
        self._bodies: dict[str, Any] = {}
        self._requests: deque[str] = deque(maxlen=_MAX_REQUESTS)
        self.render: Callable[[SubmittedTask], bytes] = render
        """Draws a result; blocks."""
        self._threads = asyncio.Semaphore(_THREADS)
        self._handlers: Mapping[str, Handler] = {
            "submit": self._submit,
            "look_up": self._look_up,
            "poll": self._poll,
            "result": self._result,
            "cancel": self._cancel,
            "search": self._search,
            "balance": self._balance,
            "hook_key": self._hook_key,
            "upload": self._upload,
            "put": self._put,
            "source": self._source,
            "picture": self._picture,
        }

    @property
    def base_url(self) -> str:
        return self._base_url

    @property
    def settings(self) -> dict[str, str]:
        """The bot's settings that make it the provider of every operation."""
        chosen = {"IMGBOT_PROVIDER": self._choice, "IMGBOT_PROVIDER_URL": self._base_url}
        return chosen | ({self._spec.key: self.key} if self._spec.key else {})

    def listen_at(self, origin: str) -> None:
        """Tell the scheme and host of the sandbox, as soon as it listens."""
        self._base_url = f"{origin}/sim/{self.name}"
        self._player = PresetPlayer(self._spec, addresses(self._spec, self._base_url))

    def routes(self) -> list[web.RouteDef]:
        return [web.route("*", f"/sim/{self.name}/{{path:.*}}", self.answer)]

    def view(self) -> dict[str, Any]:
        """Everything, for whoever checks what was asked and paid."""
        now = self._now()
        return {
            "tasks": [task.view(now) | task.inside() for task in self.ledger.tasks],
            "ledger": self.ledger.charges,
            "settings": self.ledger.settings.model_dump(),
            "requests": list(self._requests),
            "uploads": list(self._uploads),
        }

    async def answer(self, request: web.Request) -> web.StreamResponse:
        url = f"{self._base_url.removesuffix(f'/sim/{self.name}')}{request.path_qs}"
        call = self._player.call_of(request.method, url)
        if call is None:
            return _reply((404, {"detail": "there is no such address"}))
        stage: Stage = "submit" if call.endpoint == "submit" else "poll"
        has_key = self._has_key(request)
        if call.endpoint in {"put", "source", "picture"}:
            if has_key:
                return _reply((400, {"detail": "a public address: do not send your key here"}))
        elif self._spec.auth and not has_key:
            return _reply(self._player.refusal(stage, _KIND.AUTH))
        try:
            return await self._handlers[call.endpoint](request, call)
        except Refusal:
            kind = _KIND.UNSUITABLE if stage == "submit" else _KIND.LOST
            return _reply(self._player.refusal(stage, kind))

    # Tasks

    async def _submit(self, request: web.Request, call: Call) -> web.StreamResponse:
        body = await self._json(request)
        model = self._player.model_of(call, body)
        if model is None:
            return _reply(self._player.refusal("submit", _KIND.INVALID))
        asked = self._player.asked_of(model, body, request.query)
        order = await self._order(model, asked)
        if self.ledger.strikes("5xx_on_submit", order):
            return _reply(self._player.refusal("submit", _KIND.UNAVAILABLE))
        try:
            key = request.headers.get(self._spec.submit.idempotency_header, "")
            task, _ = self.ledger.submit(order, key, self._now())
        except Refusal as refusal:
            return _reply(self._player.refusal("submit", _REFUSALS[refusal.status]))
        self._bodies[task.id] = (model, body)
        self._plan_webhook(task, str(asked.get("hook") or ""))
        return await self._accepted(request, task, self._player.accepted(task.id, model))

    async def _accepted(self, request: web.Request, task: Task, answer: Any) -> web.StreamResponse:
        """The answer to a submit, unless it is lost or garbled on its way."""
        if task.takes("drop_after_accept"):
            return cut(request)
        if task.takes("500_after_accept"):
            return web.Response(status=500, text="Internal Server Error")
        if task.takes("garbled_submit"):
            return truncated(answer)
        if task.takes("stalled_submit"):
            return await trickle(request)
        return web.json_response(answer)

    async def _order(self, model: DeclaredModel, asked: Mapping[str, Any]) -> SubmittedTask:
        contents = [self._content(text) for text in asked["images"]]
        operations = model.operations
        usual = operation_of(len(contents))
        operation = usual if usual in operations else operations[0]
        scale = int(asked.get("scale") or 1)
        async with self._threads:
            order = await asyncio.to_thread(
                make_order,
                operation,
                str(asked.get("prompt") or ""),
                contents,
                scale=scale,
                ratio=str(asked.get("ratio") or ""),
                seed=int(asked.get("seed") or 0),
                client_id=str(asked.get("job") or ""),
                marks=self.ledger.settings.marks,
            )
        # A file without prices leaves them to the settings.
        price_usd = model.scale_prices_usd.get(str(scale), model.price_usd) or None
        size = enlarged(contents[0], scale) if operation in {"upscale", "retouch"} else None
        return replace(order, model=model.id, price_usd=price_usd, size=size)

    async def _poll(self, _request: web.Request, call: Call) -> web.StreamResponse:
        task = self.ledger.task(call.id)
        if task.takes("5xx_on_poll"):
            return _reply(self._player.refusal("poll", _KIND.UNAVAILABLE))
        if task.takes("429_on_poll"):
            return _reply(self._player.refusal("poll", _KIND.RATE_LIMITED))
        status, content = await self._state(task, task.asked(self._now()))
        if task.takes("malformed"):
            return truncated(content)
        return _reply((status, content))

    async def _state(self, task: Task, status: str) -> Reply:
        player = self._player
        if status in {"queued", "running"}:
            return 200, player.pending(task.progress(self._now()))
        if status == "failed" and player.fails_by_poll:
            return player.failed(_kind_of(task))
        return 200, player.done(await self._shown(task))

    async def _result(self, _request: web.Request, call: Call) -> web.StreamResponse:
        task = self.ledger.task(call.id)
        if task.status(self._now()) == "failed":
            return _reply(self._player.failed(_kind_of(task)))
        return _reply((200, self._player.result(await self._shown(task))))

    async def _shown(self, task: Task) -> str:
        """Return a finished picture as an answer carries it."""
        if not self._player.is_base64:
            return self._player.picture_url(task.id)
        return base64.b64encode(await self._render(task)).decode()

    async def _cancel(self, _request: web.Request, call: Call) -> web.StreamResponse:
        is_accepted = self.ledger.task(call.id).cancel(self._now())
        return _reply(self._player.cancelled(is_accepted=is_accepted))

    async def _look_up(self, _request: web.Request, call: Call) -> web.StreamResponse:
        tasks = self.ledger.look_up(unquote(call.id))
        known = [(task.id, self._bodies[task.id][0]) for task in tasks]
        return web.json_response(self._player.looked_up(known))

    async def _search(self, request: web.Request, _call: Call) -> web.StreamResponse:
        return web.json_response(self._player.listed(self._listed(request.query.values())))

    def _listed(self, query: Iterable[str]) -> list[Listed]:
        named = {model.id for model in self._spec.models} & set(query)
        found: list[Listed] = []
        for task in reversed(self.ledger.tasks):
            model, body = self._bodies[task.id]
            if "unlisted" not in task.order.marks and (not named or model.id in named):
                at_s = time.time() - self._now() + task.started_at
                created = datetime.fromtimestamp(at_s, UTC).isoformat()
                found.append(Listed(task.id, model, created, _without_data(body)))
        return found

    async def _balance(self, _request: web.Request, _call: Call) -> web.StreamResponse:
        return web.json_response(self._player.balance())

    # Webhooks

    async def _hook_key(self, _request: web.Request, _call: Call) -> web.StreamResponse:
        scheme = self._spec.hook.scheme if self._spec.hook else "none"
        key = provider_webhooks.published_key(scheme)
        return web.json_response(self._player.hook_key(key))

    def _plan_webhook(self, task: Task, url: str) -> None:
        hook, marks = self._spec.hook, task.order.marks
        if hook is None or not url:
            return

        def make() -> list[provider_webhooks.Delivery]:
            if task.is_cancelled:
                return []
            body = json.dumps(self._player.hook(task.id))
            stamp_s = round(time.time())
            told = provider_webhooks.signed(hook.scheme, task.id, stamp_s, body.encode())
            first = [provider_webhooks.forged(told)] if "forged_webhook" in marks else []
            return [*first, *[told] * (2 if "duplicate_webhook" in marks else 1)]

        self._webhooks.plan(url, task.ends_at, make)

    # Pictures

    async def _upload(self, request: web.Request, _call: Call) -> web.StreamResponse:
        upload_id = secrets.token_hex(12)
        if request.content_type == "multipart/form-data":
            self._keep(upload_id, await _file_in(request))
        else:
            await self._json(request)
        return await self._uploaded(request, upload_id)

    async def _put(self, request: web.Request, call: Call) -> web.StreamResponse:
        self._keep(call.id, await request.read())
        return await self._uploaded(request, call.id)

    async def _uploaded(self, request: web.Request, upload_id: str) -> web.StreamResponse:
        is_kept = upload_id in self._uploads
        if is_kept and "[[sim:stalled_upload" in self.ledger.settings.marks:
            return await trickle(request)
        return web.json_response(self._player.uploaded(upload_id))

    def _keep(self, upload_id: str, content: bytes) -> None:
        self._uploads[upload_id] = content
        if len(self._uploads) > _MAX_UPLOADS:
            self._uploads.popitem(last=False)

    async def _source(self, _request: web.Request, call: Call) -> web.StreamResponse:
        content = self._uploads.get(call.id)
        return web.Response(body=content, content_type="image/jpeg") if content else _gone()

    async def _picture(self, _request: web.Request, call: Call) -> web.StreamResponse:
        task = self.ledger.task(call.id)
        if task.status(self._now()) != "succeeded" or "expired" in task.order.marks:
            return _gone()
        if task.takes("not_a_picture"):
            return web.Response(body=PAGE, content_type="image/jpeg")
        return web.Response(body=await self._render(task), content_type="image/jpeg")

    async def _render(self, task: Task) -> bytes:
        async with self._threads:
            return await asyncio.to_thread(self.render, task.order)

    def _content(self, text: Any) -> bytes:
        """Return a picture of an order. Raises Refusal for one that leads nowhere."""
        call = self._player.call_of("GET", str(text))
        if call is not None and call.endpoint == "source" and call.id in self._uploads:
            return self._uploads[call.id]
        try:
            return base64.b64decode(_DATA_URI.sub("", str(text), count=1), validate=True)
        except ValueError:
            raise Refusal(422, "invalid", "a picture that leads nowhere") from None

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
            raise Refusal(400, "invalid", "the body is not JSON") from None

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


def open_presets(webhooks: WebhookSender) -> dict[str, PlayedPreset]:
    """Return a player of each provider that a TOML file describes whole, by name."""
    names = sorted(file.name for file in PRESETS.iterdir() if file.name.endswith(".toml"))
    found = (read_preset(name.removesuffix(".toml")) for name in names)
    specs = [read_spec(document) for document in found if not document.adapter]
    own = PlayedPreset(read_spec(read_file(SIMULATED)), webhooks, SIMULATED)
    return {own.name: own} | {spec.name: PlayedPreset(spec, webhooks) for spec in specs}


def _reply(reply: Reply) -> web.Response:
    status, content = reply
    headers = {"Retry-After": "1"} if status in {429, 503} else {}
    return web.json_response(content, status=status, headers=headers)


def _gone() -> web.Response:
    return web.json_response({"detail": "no such file"}, status=404)


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
    raise Refusal(400, "file", "a form without a file")
