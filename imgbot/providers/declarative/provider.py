"""Declarative provider: fills the templates of its spec file, sends them, reads the responses."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
from aiolimiter import AsyncLimiter

from imgbot.domain.errors import ProviderError, ProviderErrorKind
from imgbot.domain.operations import Operation
from imgbot.providers.declarative import responses as reading, task_lookup
from imgbot.providers.declarative.spec import (
    DeclaredModel,
    Spec,
    Stage,
    TicketPaths,
    addresses,
    app_of,
    model_for,
    nearest_scale,
    offer_of,
)
from imgbot.providers.declarative.task_lookup import HookReader
from imgbot.providers.declarative.templates import fill, first, first_text, slots_in
from imgbot.providers.declarative.uploads import InputUploader
from imgbot.providers.fields import nearest, prompt_for
from imgbot.providers.http import (
    ANSWER_LIMIT_BYTES,
    PICTURES_LIMIT_BYTES,
    ProviderHttpClient,
    ProviderResponse,
    copy_result,
    write_base64,
)
from imgbot.providers.protocol import (
    Accepted,
    Cancelled,
    Capability,
    Done,
    GenerationRequest,
    Output,
    Pending,
    Provider,
    ProviderConfig,
    Recovery,
    Ticket,
)
from imgbot.providers.url_policy import Hosts

_KIND = ProviderErrorKind
_SEEDS = 1 << 31


class DeclaredProvider(Provider):
    """Provider defined by its spec file alone, with one model chosen per operation."""

    def __init__(
        self, spec: Spec, config: ProviderConfig, client: ProviderHttpClient | None = None
    ) -> None:
        """Raise ConfigError for a model that is not in the file."""
        self.name = spec.name
        if not config.url:
            self.vendor, self.country = spec.vendor, spec.country
        self.max_concurrent = spec.limits.jobs
        self.is_hooked = spec.hook is not None
        self.is_searchable = spec.search is not None
        self.has_account = spec.balance is not None
        if spec.submit.idempotency_header:
            self.recovery = Recovery.REPEAT
        elif spec.look_up is not None:
            self.recovery = Recovery.LOOK_UP
        self._spec = spec
        self._models = {
            operation: model
            for operation in Operation
            if (model := model_for(spec, operation, config.models.get(operation, "")))
        }
        self.offers: Mapping[Operation, Capability] = {
            operation: offer_of(spec, model, config.prices_micro.get(operation))
            for operation, model in self._models.items()
        }
        self._urls = addresses(spec, config.url)
        self._client = client or open_client(spec, config, self._urls)
        self._handing = InputUploader(spec, self._client, self._urls)
        self._hooks = HookReader(spec, config, self._client, self._urls)
        limits = spec.limits
        self._pace = AsyncLimiter(limits.orders, limits.window_s) if limits.orders else None

    async def throttle(self) -> None:
        if self._pace is not None:
            await self._pace.acquire()

    async def upload(self, order: GenerationRequest) -> GenerationRequest:
        return replace(order, uploads=await self._handing.upload_all(order))

    async def submit(self, order: GenerationRequest) -> Accepted | Done:
        model = self._model_for(order)
        values = self._values(model, order)
        submit, maps = self._spec.submit, self._spec.maps
        answer = await self._client.submit(
            submit.method,
            fill(model.url or submit.url, values, maps),
            params=fill(submit.query, values, maps),
            headers=fill(submit.headers, values, maps) | self._idempotency(order),
            json=fill(model.body, values, maps),
        )
        if (error := reading.refusal(self._spec, "submit", answer)) is not None:
            raise error
        ticket = _ticket(model.id, submit, answer.content)
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

    def fields_of(self, order: GenerationRequest) -> Mapping[str, str]:
        if self._spec.search is None:
            return {}
        model = self._model_for(order)
        body = fill(model.body, self._values(model, order), self._spec.maps)
        return task_lookup.fields_of(self._spec.search, body)

    async def search(
        self, operation: Operation, fields: Mapping[str, str], since_ms: int
    ) -> Sequence[Ticket]:
        spec, model = self._spec, self._models.get(operation)
        if spec.search is None or model is None:
            return []
        values = {**self._urls, "model": model.id, "app": app_of(model.id)}
        items = await task_lookup.found_in(spec, self._client, values, fields, since_ms)
        tickets = [_ticket(model.id, spec.search, item) for item in items]
        return [ticket for ticket in tickets if ticket["id"]]

    async def poll(self, ticket: Ticket) -> Pending | Done:
        spec = self._spec.poll
        answer = await self._ask("poll", self._url(spec.url, ticket), spec.method)
        state = first_text(answer.content, spec.state)
        if not state:
            raise ProviderError(_KIND.UNAVAILABLE, "the response has no state")
        match spec.states.get(state, "pending"):
            case "failed":
                raise reading.failure(self._spec, answer)
            case "done":
                return await self._done(ticket, answer)
            case _:
                return Pending(
                    _share(first(answer.content, spec.progress)),
                    _position(first(answer.content, spec.position)),
                )

    async def fetch(self, output: Output, target: Path) -> None:
        if output.path:
            await copy_result(output.path, target)
        else:
            await self._client.fetch(output.url, target)

    async def cancel(self, ticket: Ticket) -> Cancelled:
        spec = self._spec.cancel
        if spec is None:
            return Cancelled.UNSUPPORTED
        answer = await self._client.ask(spec.method, self._url(spec.url, ticket))
        state = first_text(answer.content, spec.state)
        is_late = answer.status not in spec.accepted or state in spec.too_late
        return Cancelled.TOO_LATE if is_late else Cancelled.ACCEPTED

    async def ticket_of_hook(
        self, operation: Operation, headers: Mapping[str, str], body: bytes, now_s: float
    ) -> Ticket | None:
        model = self._models.get(operation)
        task_id = await self._hooks.task_of(headers, body, now_s)
        return {"id": task_id, "model": model.id} if task_id and model else None

    async def balance(self) -> float | None:
        spec = self._spec.balance
        if spec is None:
            return None
        answer = await self._ask("poll", fill(spec.url, self._urls, {}))
        found = first(answer.content, (spec.path,)) if spec.path else None
        return float(found) if isinstance(found, int | float) else None

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _ask(self, stage: Stage, url: str, method: str = "GET") -> ProviderResponse:
        """Send a free request. Raises ProviderError for a refusal."""
        answer = await self._client.ask(method, url)
        if (error := reading.refusal(self._spec, stage, answer)) is not None:
            raise error
        return answer

    async def _done(self, ticket: Ticket, answer: ProviderResponse) -> Done:
        if self._spec.result is not None:
            answer = await self._ask("result", self._url(self._spec.result.url, ticket))
        if (error := reading.flagged(self._spec, answer.content)) is not None:
            raise error
        kind, found = reading.outputs(self._spec, answer.content)
        if not found:
            raise reading.missing(self._spec, answer)
        if kind == "base64":
            target = Path(str(ticket["target"]))
            await asyncio.to_thread(write_base64, found[0], target)
            return Done((Output(path=str(target)),))
        return Done(tuple(Output(url=url) for url in found))

    def _url(self, templates: tuple[str, ...], ticket: Ticket) -> str:
        """Return the first URL for which the ticket has every value."""
        model = str(ticket.get("model", ""))
        values = {**self._urls, **ticket, "app": app_of(model)}
        for template in templates:
            if all(values.get(slot.name) for _, slot in slots_in(template)):
                return str(fill(template, values, {}))
        raise ProviderError(_KIND.LOST, "the ticket has no usable URL")

    def _idempotency(self, order: GenerationRequest) -> dict[str, str]:
        name = self._spec.submit.idempotency_header
        return {name: order.job_id} if name else {}

    def _model_for(self, order: GenerationRequest) -> DeclaredModel:
        if (model := self._models.get(order.operation)) is None:
            raise ProviderError(_KIND.INVALID, f"{self.name} has no model for {order.operation}")
        return model

    def _values(self, model: DeclaredModel, order: GenerationRequest) -> dict[str, Any]:
        has_negative = any(slot.name == "negative" for _, slot in slots_in(model.body))
        prompt = order.prompt if has_negative else order.full_prompt
        return {
            **self._urls,
            "prompt": prompt_for(self._spec.prompts, order.operation, prompt),
            "negative": order.negative,
            "images": list(order.uploads),
            "image": order.uploads[0] if order.uploads else None,
            "ratio": nearest(order.ratio, model.ratios),
            "scale": nearest_scale(order.scale, model.scales),
            "seed": order.seed % _SEEDS,
            "hook": order.hook_url,
            "model": model.id,
            "app": app_of(model.id),
            "job": order.job_id,
        }


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


def open_client(
    spec: Spec,
    config: ProviderConfig,
    urls: Mapping[str, str],
    transport: httpx.AsyncBaseTransport | None = None,
) -> ProviderHttpClient:
    auth = spec.auth
    headers = {auth.header: auth.value.replace("{key}", config.key)} if auth and config.key else {}
    hosts = Hosts(urls.values(), auth.hosts if auth else ())
    is_packed = any(each.kind == "base64" for each in spec.outputs)
    limit_bytes = PICTURES_LIMIT_BYTES if is_packed else ANSWER_LIMIT_BYTES
    return ProviderHttpClient(
        hosts,
        headers,
        deadlines=config.deadlines,
        answer_limit_bytes=limit_bytes,
        transport=transport,
    )


def _share(value: Any) -> float | None:
    """Return progress as a fraction; accepts fractions, percentages, and either as text."""
    try:
        share = float(value)
    except (TypeError, ValueError):
        return None
    if share > 1:
        share /= 100
    return share if 0 <= share <= 1 else None


def _position(value: Any) -> int | None:
    is_count = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return value + 1 if is_count else None
