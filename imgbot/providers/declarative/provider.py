"""Declarative provider: fills the templates of its spec file, sends them, reads the responses."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote

from imgbot.domain.errors import ProviderError, ProviderErrorKind
from imgbot.domain.operations import Operation
from imgbot.domain.ratios import nearest
from imgbot.providers.declarative import responses, task_lookup
from imgbot.providers.declarative.spec import DeclaredModel, Spec, Stage, TicketPaths, app_of
from imgbot.providers.declarative.templates import fill, first, first_text, names_in
from imgbot.providers.http import ProviderHttpClient, ProviderResponse
from imgbot.providers.picture_body import PictureBody, as_json, picture_mark
from imgbot.providers.protocol import (
    Accepted,
    Cancelled,
    Done,
    GenerationRequest,
    Output,
    Pending,
    Provider,
    ProviderConfig,
    Recovery,
    Ticket,
)
from imgbot.providers.spec_file import with_key
from imgbot.providers.url_policy import Hosts

_KIND = ProviderErrorKind
_MIMES = {".jpg": "image/jpeg", ".png": "image/png"}


class DeclaredProvider(Provider):
    """Provider defined by its spec file alone, with one model chosen per operation."""

    def __init__(self, spec: Spec, config: ProviderConfig) -> None:
        spec.introduce(self, config)
        self.is_hooked = spec.hook is not None
        self.is_searchable = spec.search is not None
        self.has_account = spec.balance is not None
        if spec.submit.idempotency_header:
            self.recovery = Recovery.REPEAT
        elif spec.look_up is not None:
            self.recovery = Recovery.LOOK_UP
        self._file = self._spec = spec
        self._urls = spec.addresses(config.url)
        self.urls = tuple(self._urls.values())
        auth = spec.auth
        self._client = ProviderHttpClient(
            Hosts(self._urls.values(), auth.hosts if auth else ()),
            with_key({auth.header: auth.value}, config.key) if auth and config.key else {},
            deadlines=config.deadlines,
        )
        self._hooks: task_lookup.HookReader | None = None
        if spec.hook is not None:
            key_url = fill(spec.hook.key_url, self._urls, {})
            self._hooks = task_lookup.HookReader(spec.hook, config.hook_key, self._client, key_url)

    async def upload(self, order: GenerationRequest) -> GenerationRequest:
        uploads = [
            await self._hand_over(path, order.job_id, index)
            for index, path in enumerate(order.files)
        ]
        return replace(order, uploads=tuple(uploads))

    async def submit(self, order: GenerationRequest) -> Accepted | Done:
        submit, (url, query, body) = self._spec.submit, self.submit_parts(order)
        headers = {submit.idempotency_header: order.job_id} if submit.idempotency_header else {}
        content: dict[str, Any] = {"json": body}
        if order.files:
            streamed = as_json(body, order.files)
            headers |= _headers(streamed, "application/json")
            content = {"content": streamed}
        answer = await self._client.submit("POST", url, params=query, headers=headers, **content)
        self._check("submit", answer)
        ticket = _ticket(self._spec.model_for(order).id, submit, answer.content)
        if not ticket["id"]:
            raise ProviderError(_KIND.SUBMIT_UNKNOWN, "accepted, but the response has no id")
        return Accepted(ticket)

    async def look_up(self, job_id: str) -> Ticket | None:
        spec = self._spec.look_up
        if spec is None:
            return await super().look_up(job_id)
        url = fill(spec.url, {**self._urls, "job": quote(job_id, safe="")}, {})
        found = first((await self._ask("poll", url)).content, (spec.items,))
        if not isinstance(found, list):
            # Only an empty list proves that there is no task.
            raise ProviderError(_KIND.UNAVAILABLE, "the response has no list of tasks")
        ticket = _ticket("", spec, found[0]) if found else None
        if ticket is not None and not ticket["id"]:
            raise ProviderError(_KIND.UNAVAILABLE, "the task in the response has no id")
        return ticket

    async def fields_of(self, order: GenerationRequest) -> Mapping[str, str]:
        if (search := self._spec.search) is None:
            return {}
        body, pictures = self.submit_parts(order)[2], order.files
        if not pictures:
            return task_lookup.fields_of(search, body)
        return await asyncio.to_thread(task_lookup.fields_of, search, body, pictures)

    async def search(
        self, operation: Operation, fields: Mapping[str, str], since_ms: int, model: str = ""
    ) -> Sequence[Ticket]:
        spec, model = self._spec, model or self._usual(operation)
        if spec.search is None or not model:
            return []
        values = {**self._urls, "model": model, "app": app_of(model)}
        items = await task_lookup.found_in(spec, self._client, values, fields, since_ms)
        tickets = [_ticket(model, spec.search, item) for item in items]
        return [ticket for ticket in tickets if ticket["id"]]

    async def poll(self, ticket: Ticket) -> Pending | Done:
        spec = self._spec.poll
        answer = await self._ask("poll", self.ticket_url(spec.url, ticket))
        state = first_text(answer.content, spec.state)
        if not state:
            raise ProviderError(_KIND.UNAVAILABLE, "the response has no state")
        match spec.states.get(state, "pending"):
            case "failed":
                raise responses.failure(self._spec, answer)
            case "pending":
                progress = _share(first(answer.content, spec.progress))
                return Pending(progress, _position(first(answer.content, spec.position)))
        if self._spec.result is not None:
            answer = await self._ask("result", self.ticket_url(self._spec.result.url, ticket))
        return Done(tuple(Output(url=url) for url in responses.pictures(self._spec, answer)))

    async def fetch(self, output: Output, target: Path) -> None:
        await self._client.fetch(output.url, target)

    async def cancel(self, ticket: Ticket) -> Cancelled:
        spec = self._spec.cancel
        if spec is None:
            return Cancelled.UNSUPPORTED
        answer = await self._client.ask(spec.method, self.ticket_url(spec.url, ticket))
        state = first_text(answer.content, spec.state)
        is_late = answer.status not in spec.accepted or state in spec.too_late
        return Cancelled.TOO_LATE if is_late else Cancelled.ACCEPTED

    async def ticket_of_hook(
        self,
        operation: Operation,
        headers: Mapping[str, str],
        body: bytes,
        now_s: float,
        model: str = "",
    ) -> Ticket | None:
        model = model or self._usual(operation)
        task_id = await self._hooks.task_of(headers, body, now_s) if self._hooks else ""
        return {"id": task_id, "model": model} if task_id and model else None

    async def balance(self) -> float | None:
        spec = self._spec.balance
        if spec is None:
            return None
        answer = await self._ask("poll", fill(spec.url, self._urls, {}))
        return _number(first(answer.content, (spec.path,))) if spec.path else None

    def renew(self, today: date, agreed: Collection[str] = ()) -> None:
        self._spec, self.retirements = self._file.renewed(today, {}, agreed)
        self._spec.offer_to(self)

    async def aclose(self) -> None:
        await self._client.aclose()

    def submit_parts(self, order: GenerationRequest) -> tuple[str, dict[str, str], dict[str, Any]]:
        """Return URL, query and body of a submit."""
        spec, model = self._spec, self._spec.model_for(order)
        values = self._values(model, order)
        content = {**spec.submit.body, **model.body}
        templates = (model.url or spec.submit.url, spec.submit.query, content)
        url, query, body = (fill(template, values, spec.maps) for template in templates)
        return url, query, body

    def ticket_url(self, templates: tuple[str, ...], ticket: Ticket) -> str:
        """Return the first URL for which the ticket has every value."""
        values = {**self._urls, **ticket, "app": app_of(str(ticket.get("model", "")))}
        for template in templates:
            if all(values.get(name) for name in names_in(template)):
                return str(fill(template, values, {}))
        raise ProviderError(_KIND.LOST, "the ticket has no usable URL")

    async def _ask(self, stage: Stage, url: str) -> ProviderResponse:
        """Send a free request. Raises ProviderError for a refusal."""
        answer = await self._client.ask("GET", url)
        self._check(stage, answer)
        return answer

    def _check(self, stage: Stage, answer: ProviderResponse) -> None:
        if (error := responses.rejection(self._spec, stage, answer)) is not None:
            raise error

    def _usual(self, operation: Operation) -> str:
        return self.offers[operation].model if operation in self.offers else ""

    def _values(self, model: DeclaredModel, order: GenerationRequest) -> dict[str, Any]:
        has_negative = "negative" in names_in(model.body)
        return {
            **self._urls,
            "prompt": order.prompt_by(self._spec.prompts, has_negative=has_negative),
            "negative": order.negative,
            "images": list(order.uploads[: len(order.uploads) - bool(order.mask)]),
            "mask": order.uploads[-1] if order.mask else None,
            "image": order.uploads[0] if order.uploads else None,
            "ratio": nearest(order.ratio, model.ratios),
            "scale": model.nearest_scale(order.scale),
            "seed": order.seed % (1 << 31),
            "hook": order.hook_url,
            "model": model.id,
            "app": app_of(model.id),
            "job": order.job_id,
        }

    # Pictures in a request: inline, or uploaded first; never as a Telegram URL. An upload costs
    # nothing and creates no task, so a failed one may always be repeated.

    async def _hand_over(self, path: Path, job_id: str, index: int) -> str:
        """Return the string by which a request's body carries a picture."""
        rules, mime = self._spec.inputs, _MIMES.get(path.suffix, "image/jpeg")
        limit, encoded = rules.data_uri_max_bytes, PictureBody([path], is_base64=True)
        is_long = 0 < limit < encoded.length_bytes
        if rules.hand_over == "upload" or (rules.hand_over == "data_uri" and is_long):
            # Unique names: some providers overwrite by name and serve the old file from a cache.
            suffix = path.suffix if path.suffix in _MIMES else ".jpg"
            return await self._upload(f"{job_id}-{index}{suffix}", mime, path)
        mark = picture_mark(index)
        return mark if rules.hand_over == "base64" else f"data:{mime};base64,{mark}"

    async def _upload(self, name: str, mime: str, path: Path) -> str:
        upload = self._spec.upload
        if upload is None:
            raise ProviderError(_KIND.UNSUITABLE, "the picture is too large to send inline")
        picture = PictureBody([path])
        size_bytes = picture.length_bytes
        values = {**self._urls, "file_name": name, "mime": mime, "size_bytes": size_bytes}
        url = fill(upload.url, values, {})
        if upload.kind == "multipart":
            fields = fill(upload.fields, values, {})
            with await asyncio.to_thread(path.open, "rb") as file:
                files = {upload.file: (name, file, mime)}
                answer = await self._client.ask("POST", url, data=fields, files=files)
            return self._uploaded(answer, upload.result)
        answer = await self._client.ask("POST", url, json=fill(upload.body, values, {}))
        headers = _headers(picture, mime)
        if upload.kind == "presigned":
            there = self._uploaded(answer, upload.put)
            method = "PUT"
        else:
            kind = first_text(answer.content, upload.token_type) or "Bearer"
            headers["Authorization"] = f"{kind} {self._uploaded(answer, upload.token)}"
            headers["X-Fal-File-Name"] = name
            there = self._uploaded(answer, upload.base).rstrip("/") + upload.path
            method = "POST"
        sent = await self._client.ask(
            method, there, is_public=True, content=picture, headers=headers
        )
        if upload.kind == "token":
            return self._uploaded(sent, upload.result)
        if not sent.is_success:
            raise ProviderError(_KIND.UNAVAILABLE, f"upload: HTTP {sent.status}")
        return self._uploaded(answer, upload.result)

    def _uploaded(self, answer: ProviderResponse, paths: tuple[str, ...]) -> str:
        self._check("upload", answer)
        found = first_text(answer.content, paths)
        if not found:
            raise ProviderError(_KIND.UNAVAILABLE, "the upload response has no URL")
        return found


def _headers(body: PictureBody, mime: str) -> dict[str, str]:
    return {"Content-Type": mime, "Content-Length": str(body.length_bytes)}


def _ticket(model: str, where: TicketPaths, content: Any) -> dict[str, str]:
    """Return the ticket found in a response, or in an item of a list."""
    named = {
        "model": model,
        "poll": first_text(content, where.poll),
        "result": first_text(content, where.result),
        "cancel": first_text(content, where.cancel),
    }
    found = {name: text for name, text in named.items() if text}
    return {"id": first_text(content, where.id), **found}


def _share(value: Any) -> float | None:
    """Return progress as a fraction; accepts fractions, percentages, and either as text."""
    share = _number(value)
    if share is not None and share > 1:
        share /= 100
    return share if share is not None and 0 <= share <= 1 else None


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _position(value: Any) -> int | None:
    is_count = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return value + 1 if is_count else None
