"""ComfyUI provider: workflows on your own server, with queueing, look-up and cancellation.

Task ids are derived from job ids, so a submit whose response was lost can be resolved: the task is
in the server's queue or history, or was never accepted. Both are lost when the server restarts.
"""

import asyncio
import re
import uuid
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from imgbot.domain.errors import ProviderError, ProviderErrorKind
from imgbot.domain.operations import Operation
from imgbot.domain.ratios import fitted
from imgbot.domain.words import order_in
from imgbot.domain.words.chat import ABOUT_PHOTO
from imgbot.providers.comfyui_workflow import ComfyUiSpec, Graph, Workflow, filled, grown
from imgbot.providers.http import (
    ORDER_KINDS,
    STATUS_KINDS,
    ProviderHttpClient,
    ProviderResponse,
    proves_refusal,
    retry_after_s,
)
from imgbot.providers.protocol import (
    MAX_STORED_CHARACTERS,
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
from imgbot.providers.spec_file import micro, with_key
from imgbot.providers.url_policy import Hosts

EXTRA = "imgbot"
"""Key of our part of a task's `extra_data`, which the server stores with the task."""

_KIND = ProviderErrorKind
_MAX_PICTURES = 10
_DETAIL_CHARACTERS = 180
_IGNORED_CHARACTERS = 200
"""Length limit of a prompt that is reported as ignored because the workflow has no input for it."""
_NAMES = uuid.UUID("5f0a6a83-8d0a-4d8e-9a53-6c1c1d6d5b1e")
_VERSION = re.compile(r"v?(\d{1,6})\.(\d{1,6})\.(\d{1,6})")


class ComfyUiProvider(Provider):
    """One ComfyUI server; `spec` is its spec file, `graphs` are the workflows named there."""

    def __init__(
        self, spec: ComfyUiSpec, config: ProviderConfig, graphs: Mapping[Operation, Graph]
    ) -> None:
        self.name = spec.name
        self.recovery = Recovery(spec.recovery)
        self.max_concurrent = spec.limits.jobs
        self.order_limit = spec.limits.order_limit
        self._base_url = (config.url or spec.url).rstrip("/")
        self.urls = (self._base_url,)
        self._graphs = graphs
        self._flows: dict[str, Workflow] = {}
        self.offers: Mapping[Operation, Capability] = {}
        for operation, flow in spec.operations.items():
            model = spec.usual.get(operation, flow.model)
            if model or flow.inputs.model is None:
                self._flows[operation] = flow.model_copy(update={"model": model})
                self.offers[operation] = Capability(
                    model=model,
                    price_micro=micro(spec.prices_usd.get(operation, flow.price_usd)),
                    inputs=spec.inputs.limits(flow.max_pictures, flow.max_side_px),
                    scales=frozenset(flow.scales),
                    takes_seed=flow.inputs.seed is not None,
                )
        self._client_id = str(uuid.uuid4())
        self._client = ProviderHttpClient(
            Hosts((self._base_url,), ()),
            with_key(spec.headers, config.key),
            deadlines=config.deadlines,
        )

    async def upload(self, order: GenerationRequest) -> GenerationRequest:
        flow = self._flow_of(order)
        if not len(flow.inputs.images) <= len(order.pictures) <= flow.max_pictures:
            detail = f"{len(order.pictures)} pictures for a workflow of {flow.max_pictures}"
            raise ProviderError(_KIND.UNSUITABLE, detail, is_billed=False)
        task_id = task_id_of(order.job_id)
        names = [
            await self._upload(path, f"imgbot-{task_id}-{index}{path.suffix}")
            for index, path in enumerate(order.files)
        ]
        return replace(order, uploads=tuple(names))

    async def submit(self, order: GenerationRequest) -> Accepted | Done:
        flow = self._flow_of(order)
        task_id = task_id_of(order.job_id)
        notes = {"operation": order.operation.value, "model": flow.model}
        if unheard := _unheard(order, flow):
            notes["unheard"] = unheard
        body = {
            "prompt": _graph_for(order, flow, self._graphs[order.operation]),
            "prompt_id": task_id,
            "client_id": self._client_id,
            "extra_data": {EXTRA: notes},
        }
        answer = await self._client.submit("POST", f"{self._base_url}/prompt", json=body)
        name = _mapping(answer.content).get("prompt_id")
        if answer.status == 409:
            # Newer servers reject a duplicate id: this very task exists already.
            name = task_id
        elif not answer.is_success or not _is_stored(name):
            raise refusal(answer)
        return Accepted({"id": name, **notes})

    async def look_up(self, job_id: str) -> Ticket | None:
        task_id = task_id_of(job_id)
        found = await self._find(task_id)
        if found is None:
            system = (await self._ask("/system_stats")).get("system")
            # Older ones ignore our prompt_id: "not found" proves nothing.
            if version_of(_mapping(system).get("comfyui_version")) < (0, 3, 45):
                raise ProviderError(_KIND.LOST, "this server assigns its own task ids")
            return None
        kept = {name: found[2].get(name) for name in ("operation", "model", "unheard")}
        return {"id": task_id} | {name: text for name, text in kept.items() if _is_stored(text)}

    async def poll(self, ticket: Ticket) -> Pending | Done:
        found = await self._find(str(ticket["id"]))
        if found is None:
            raise ProviderError(_KIND.LOST, "the server no longer knows the task: it was restarted")
        position, entry, _ = found
        flow = self._flows.get(str(ticket.get("operation")))
        saved = pictures_of(entry, flow.output if flow else "") if entry else None
        if saved is None:
            return Pending(position=position or None)
        preview = {"preview": flow.preview} if flow and flow.preview else {}
        urls = [f"{self._base_url}/view?{urlencode({**each, **preview})}" for each in saved]
        unheard = ticket.get("unheard")
        return Done(
            tuple(Output(url=url) for url in urls),
            unrecognised=(unheard,) if isinstance(unheard, str) else (),
        )

    async def fetch(self, output: Output, target: Path) -> None:
        await self._client.fetch(output.url, target, is_private=True)

    async def cancel(self, ticket: Ticket) -> Cancelled:
        task_id = str(ticket["id"])
        result = Cancelled.TOO_LATE
        # A waiting task may have started between the look-up and the deletion.
        for _ in range(2):
            found = await self._in_queue(task_id)
            if found is None:
                break
            result = Cancelled.ACCEPTED
            if not found[0]:
                # Old servers interrupt the running task; that was ours a moment ago.
                await self._post("/interrupt", {"prompt_id": task_id})
                break
            await self._post("/queue", {"delete": [task_id]})
        return result

    async def aclose(self) -> None:
        await self._client.aclose()

    def _flow_of(self, order: GenerationRequest) -> Workflow:
        flow = self._flows.get(order.operation)
        if flow is None:
            detail = f"no workflow for {order.operation}"
            raise ProviderError(_KIND.INVALID, detail, is_billed=False)
        return flow

    async def _upload(self, path: Path, name: str) -> str:
        """Upload a picture, which is not a task yet; return the value for LoadImage."""
        mime = "image/png" if path.suffix == ".png" else "image/jpeg"
        fields = {"type": "input", "overwrite": "true"}
        with await asyncio.to_thread(path.open, "rb") as file:
            uploaded = await self._ask(
                "/upload/image", "POST", data=fields, files={"image": (name, file, mime)}
            )
        given, folder = uploaded.get("name"), uploaded.get("subfolder", "")
        if not isinstance(given, str) or not given or not isinstance(folder, str):
            detail = "the upload response has no file name"
            raise ProviderError(_KIND.UNAVAILABLE, detail, is_billed=False)
        return f"{folder}/{given}" if folder else given

    async def _find(self, task_id: str) -> tuple[int, Mapping[str, Any], Mapping[str, Any]] | None:
        """Return a task's queue position, its history entry, and our notes; None if not found.

        The position is 0, or the entry is empty.
        """
        if (entry := await self._history(task_id)) is None:
            if found := await self._in_queue(task_id):
                return found[0], {}, found[1]
            # It may have finished between the first two requests.
            entry = await self._history(task_id)
        return None if entry is None else (0, entry, _notes(entry.get("prompt")))

    async def _history(self, task_id: str) -> dict[str, Any] | None:
        history = await self._ask(f"/history/{quote(task_id, safe='')}")
        if task_id in history and not isinstance(history[task_id], dict):
            raise ProviderError(_KIND.UNAVAILABLE, "malformed history entry")
        return history.get(task_id)

    async def _in_queue(self, task_id: str) -> tuple[int, Mapping[str, Any]] | None:
        return queue_position(await self._ask("/queue"), task_id)

    async def _ask(self, path: str, method: str = "GET", **options: Any) -> dict[str, Any]:
        """Return the JSON object of a free request. Raises ProviderError."""
        answer = await self._client.ask(method, f"{self._base_url}{path}", **options)
        if answer.is_success and isinstance(answer.content, dict):
            return answer.content
        kind = STATUS_KINDS.get(answer.status, _KIND.UNAVAILABLE)
        raise ProviderError(kind, f"HTTP {answer.status}", retry_after_s=retry_after_s(answer))

    async def _post(self, path: str, body: Mapping[str, object]) -> None:
        answer = await self._client.ask("POST", f"{self._base_url}{path}", json=body)
        if not answer.is_success:
            raise ProviderError(_KIND.UNAVAILABLE, f"HTTP {answer.status}")


def task_id_of(job_id: str) -> str:
    """Return the id of a job's task on the server."""
    return str(uuid.uuid5(_NAMES, job_id))


def _unheard(order: GenerationRequest, flow: Workflow) -> str:
    """Return a prompt that the workflow has no input for; "merge them" asks for nothing more."""
    if not order.prompt or flow.inputs.prompt is not None:
        return ""
    found = order_in(order.prompt, ABOUT_PHOTO)
    names_it = found is not None and found.operation is order.operation
    return "" if names_it else order.prompt[:_IGNORED_CHARACTERS]


def refusal(answer: ProviderResponse) -> ProviderError:
    """Return the error for a rejected submit; only a 4xx proves that there is no task."""
    kind = _KIND.SUBMIT_UNKNOWN
    if proves_refusal(answer.status):
        kind = ORDER_KINDS.get(answer.status, _KIND.INVALID)
    detail = f"HTTP {answer.status} {_reasons(answer.content)}".strip()
    is_billed = None if kind is _KIND.SUBMIT_UNKNOWN else False
    return ProviderError(kind, detail, retry_after_s=retry_after_s(answer), is_billed=is_billed)


def queue_position(queue: Mapping[str, Any], task_id: str) -> tuple[int, Mapping[str, Any]] | None:
    """Return a task's position in a `/queue` response, 0 if it runs, and our notes."""
    running, pending = (_listed(queue, name) for name in ("queue_running", "queue_pending"))
    # The list of waiting tasks is a heap: the numbers alone give the order.
    waiting = sorted(pending, key=lambda item: item[0] if isinstance(item[0], int | float) else 0)
    places = [*((0, item) for item in running), *enumerate(waiting, 1)]
    return next(((place, _notes(item)) for place, item in places if item[1] == task_id), None)


def pictures_of(entry: Mapping[str, Any], node: str) -> list[dict[str, str]] | None:
    """Return the `/view` parameters of the pictures that a task saved, None while unfinished.

    Raises ProviderError if the task failed. `node` limits the search to one node's pictures.
    """
    status = _mapping(entry.get("status"))
    if status.get("status_str") == "error":
        raise ProviderError(_KIND.FAILED, _failure(status.get("messages")), is_billed=False)
    if status and status.get("completed") is not True:
        return None
    outputs = _mapping(entry.get("outputs"))
    chosen = [outputs.get(node)] if node else list(outputs.values())
    saved = [found for output in chosen for found in _saved_in(output)]
    if not saved:
        raise ProviderError(_KIND.FAILED, "the workflow saved no picture", is_billed=False)
    return saved[:_MAX_PICTURES]


def version_of(text: object) -> tuple[int, ...]:
    """Return the server's version as numbers, (0, 0, 0) if not stated."""
    found = _VERSION.match(text) if isinstance(text, str) else None
    return tuple(int(part) for part in found.groups()) if found else (0, 0, 0)


def _listed(queue: Mapping[str, Any], name: str) -> list[list[Any]]:
    items = queue.get(name)
    if not isinstance(items, list):
        raise ProviderError(_KIND.UNAVAILABLE, f"the response has no {name}")
    return [item for item in items if isinstance(item, list) and len(item) > 1]


def _is_stored(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MAX_STORED_CHARACTERS


def _notes(task: object) -> Mapping[str, Any]:
    """Return our part of a task's `extra_data`."""
    extra = task[3] if isinstance(task, list) and len(task) > 3 else None
    return _mapping(_mapping(extra).get(EXTRA))


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _saved_in(output: object) -> Iterator[dict[str, str]]:
    images = _mapping(output).get("images")
    for image in map(_mapping, images if isinstance(images, list) else []):
        filename, subfolder = image.get("filename"), image.get("subfolder", "")
        # Other types are previews, deleted at the next start.
        if isinstance(filename, str) and filename and image.get("type") == "output":
            folder = subfolder if isinstance(subfolder, str) else ""
            yield {"filename": filename, "subfolder": folder, "type": "output"}


def _failure(messages: object) -> str:
    for message in messages if isinstance(messages, list) else []:
        match message:
            case ["execution_interrupted", _, *_]:
                return "interrupted on the server"
            case ["execution_error", dict(facts), *_]:
                named = ("node_type", "exception_type", "exception_message")
                return ": ".join(str(facts.get(name)) for name in named)[:_DETAIL_CHARACTERS]
    return "the workflow failed"


def _reasons(content: object) -> str:
    """Return the validation errors of a workflow; those of the nodes are the most specific."""
    error = _mapping(content).get("error")
    if isinstance(error, str):
        return error[:_DETAIL_CHARACTERS]
    texts = [str(text) for text in (_mapping(error).get("message"),) if text]
    for node in map(_mapping, _mapping(_mapping(content).get("node_errors")).values()):
        errors = node.get("errors")
        listed = errors if isinstance(errors, list) else []
        texts += [f"{node.get('class_type')}: {_mapping(each).get('details')}" for each in listed]
    return "; ".join(texts)[:_DETAIL_CHARACTERS]


def _graph_for(order: GenerationRequest, flow: Workflow, graph: Graph) -> Graph:
    where = flow.inputs
    values: dict[str | None, object] = {
        where.prompt: (order.prompt if where.negative else order.full_prompt) or None,
        where.negative: ", ".join(filter(None, (order.negative, flow.negative))) or None,
        where.seed: order.seed % (1 << 64),
        where.scale: order.scale / flow.model_scale,
        where.model: flow.model,
        where.prefix: f"imgbot-{task_id_of(order.job_id)}",
    }
    if order.mask:
        values[where.mask] = order.uploads[-1]
    uploads = order.uploads[: len(order.pictures)]
    values |= dict(zip(where.images, uploads, strict=False))
    values |= _sides(order, flow, graph)
    made = filled(
        graph, {name: value for name, value in values.items() if name and value is not None}
    )
    return grown(made, flow.grow, uploads[len(where.images) :]) if flow.grow else made


def _sides(order: GenerationRequest, flow: Workflow, graph: Graph) -> dict[str | None, object]:
    """Return width and height for the requested ratio, keeping the workflow's own area."""
    width, height = flow.inputs.width, flow.inputs.height
    if not width or not height:
        return {}
    area_px = 1
    for place in (width, height):
        node, _, name = place.partition(".")
        with suppress(TypeError, ValueError):
            area_px *= int(graph[node]["inputs"][name])
    sides = fitted(order.ratio, area_px, flow.multiple_of_px)
    return {width: sides[0], height: sides[1]} if sides else {}
