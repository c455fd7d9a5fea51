"""ComfyUI provider: workflows on your own server, with queueing, look-up and cancellation.

Task ids are derived from job ids, so a submit whose response was lost can be resolved: the task is
in the server's queue or history, or was never accepted. Both are lost when the server restarts.
"""

import asyncio
import re
import uuid
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from imgbot.domain.errors import ProviderError, ProviderErrorKind
from imgbot.domain.operations import Operation
from imgbot.providers.comfyui_workflow import ComfyUiSpec, Graph, Workflow, filled, grown
from imgbot.providers.fields import fitted, micro, with_key
from imgbot.providers.http import (
    STATUS_KINDS,
    ProviderHttpClient,
    ProviderResponse,
    proves_refusal,
    retry_after_s,
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
_MAX_PICTURES = 10
_DETAIL_CHARACTERS = 180
_VERSION = re.compile(r"v?(\d{1,6})\.(\d{1,6})\.(\d{1,6})")

EXTRA = "imgbot"
"""Key of our part of a task's `extra_data`, which the server stores with the task."""


@dataclass(frozen=True, slots=True)
class Saved:
    """Picture saved by a node, with the parameters of `/view`."""

    filename: str
    subfolder: str


@dataclass(frozen=True, slots=True)
class QueuePosition:
    """Position of a task: running, or waiting at `position`, from 1."""

    is_running: bool
    position: int = 0
    extra: Mapping[str, Any] | None = None


def object_of(answer: ProviderResponse, unclear: ProviderErrorKind) -> dict[str, Any]:
    """Return the JSON object of a successful response.

    Raises ProviderError; of kind `unclear` where the status proves nothing.
    """
    if answer.is_success and isinstance(answer.content, dict):
        return answer.content
    kind = STATUS_KINDS.get(answer.status, unclear)
    raise ProviderError(kind, f"HTTP {answer.status}", retry_after_s=retry_after_s(answer))


def refusal(answer: ProviderResponse) -> ProviderError:
    """Return the error for a rejected submit; only a 4xx proves that there is no task."""
    kind = _KIND.SUBMIT_UNKNOWN
    if proves_refusal(answer.status):
        kind = STATUS_KINDS.get(answer.status, _KIND.INVALID)
    detail = f"HTTP {answer.status} {_reasons(answer.content)}".strip()
    is_billed = None if kind is _KIND.SUBMIT_UNKNOWN else False
    return ProviderError(kind, detail, retry_after_s=retry_after_s(answer), is_billed=is_billed)


def queue_position(queue: Mapping[str, Any], task_id: str) -> QueuePosition | None:
    """Return a task's position from a `/queue` response, None if it is not there."""
    for item in _items(queue, "queue_running"):
        if item[1] == task_id:
            return QueuePosition(is_running=True, extra=_extra_of(item))
    # The list is a heap: the numbers alone give the order.
    waiting = sorted(_items(queue, "queue_pending"), key=_number)
    for position, item in enumerate(waiting, 1):
        if item[1] == task_id:
            return QueuePosition(is_running=False, position=position, extra=_extra_of(item))
    return None


def pictures_of(entry: Mapping[str, Any], node: str) -> tuple[Saved, ...] | None:
    """Return the pictures saved by a task of the history, None while it is unfinished.

    Raises ProviderError if the task failed. `node` limits the search to one node's pictures.
    """
    status = _mapping(entry.get("status"))
    if status.get("status_str") == "error":
        raise _failure(status.get("messages"))
    if status and status.get("completed") is not True:
        return None
    outputs = _mapping(entry.get("outputs"))
    chosen = [outputs.get(node)] if node else list(outputs.values())
    saved = tuple(found for output in chosen for found in _saved_in(output))
    if not saved:
        raise ProviderError(_KIND.FAILED, "the workflow saved no picture", is_billed=False)
    return saved[:_MAX_PICTURES]


def extra_of(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return our part of the `extra_data` of a history entry."""
    prompt = entry.get("prompt")
    return _extra_of(prompt) if isinstance(prompt, list) else {}


def version_of(stats: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the server's version from `/system_stats`, (0, 0, 0) if not stated."""
    text = _mapping(stats.get("system")).get("comfyui_version")
    found = _VERSION.match(text) if isinstance(text, str) else None
    return tuple(int(part) for part in found.groups()) if found else (0, 0, 0)


def _items(queue: Mapping[str, Any], name: str) -> list[list[Any]]:
    items = queue.get(name)
    if not isinstance(items, list):
        raise ProviderError(_KIND.UNAVAILABLE, f"the response has no {name}")
    lists = [item for item in items if isinstance(item, list)]
    return [item for item in lists if len(item) > 1]


def _number(item: list[Any]) -> float:
    number = item[0]
    return float(number) if isinstance(number, int | float) else 0.0


def _extra_of(item: list[Any]) -> Mapping[str, Any]:
    return _mapping(_mapping(item[3]).get(EXTRA)) if len(item) > 3 else {}


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _saved_in(output: object) -> Iterator[Saved]:
    images = _mapping(output).get("images")
    for image in images if isinstance(images, list) else []:
        fields = _mapping(image)
        filename, subfolder = fields.get("filename"), fields.get("subfolder", "")
        # Other types are previews, deleted at the next start.
        if not isinstance(filename, str) or not filename or fields.get("type") != "output":
            continue
        yield Saved(filename, subfolder if isinstance(subfolder, str) else "")


def _failure(messages: object) -> ProviderError:
    for message in messages if isinstance(messages, list) else []:
        parts = message if isinstance(message, list) else []
        if len(parts) < 2:
            continue
        facts = _mapping(parts[1])
        if parts[0] == "execution_interrupted":
            return ProviderError(_KIND.FAILED, "interrupted on the server", is_billed=False)
        if parts[0] == "execution_error":
            detail = f"{facts.get('exception_type')}: {facts.get('exception_message')}"
            where = f"{facts.get('node_type')}: {detail}"
            return ProviderError(_KIND.FAILED, where[:_DETAIL_CHARACTERS], is_billed=False)
    return ProviderError(_KIND.FAILED, "the workflow failed", is_billed=False)


def _reasons(content: object) -> str:
    """Return the validation errors of a workflow; those of the nodes are the most specific."""
    error = _mapping(content).get("error")
    if isinstance(error, str):
        return error[:_DETAIL_CHARACTERS]
    texts = [str(text) for text in (_mapping(error).get("message"),) if text]
    for node in _mapping(_mapping(content).get("node_errors")).values():
        kind, errors = _mapping(node).get("class_type"), _mapping(node).get("errors")
        listed = errors if isinstance(errors, list) else []
        texts += [f"{kind}: {_mapping(each).get('details')}" for each in listed]
    return "; ".join(texts)[:_DETAIL_CHARACTERS]


_NAMES = uuid.UUID("5f0a6a83-8d0a-4d8e-9a53-6c1c1d6d5b1e")
_NAMED_BY_CLIENT = (0, 3, 45)
"""First version that honours a client-supplied prompt_id; before it, "not found" proves nothing."""
_MISSING_POLLS = 2
_MAX_MISSING = 1000
_MIMES = {".png": "image/png"}
_SEEDS = 1 << 64
_UNHEARD_CHARACTERS = 200
"""Length limit of a prompt that is reported as ignored because the workflow has no input for it."""


class ComfyUiProvider(Provider):
    """One ComfyUI server; `spec` is its spec file, `graphs` are the workflows named there."""

    def __init__(
        self,
        name: str,
        spec: ComfyUiSpec,
        config: ProviderConfig,
        graphs: Mapping[Operation, Graph],
    ) -> None:
        self.name = name
        self.recovery = Recovery(spec.recovery)
        self.max_concurrent = spec.limits.jobs
        self._base_url = (config.url or spec.url).rstrip("/")
        self._graphs = graphs
        self._flows = {
            operation: flow.model_copy(update={"model": model})
            for operation in graphs
            if (flow := spec.workflow_of(operation)) is not None
            and ((model := config.models.get(operation, flow.model)) or flow.inputs.model is None)
        }
        self.offers: Mapping[Operation, Capability] = {
            operation: _offer(spec, flow, config.prices_micro.get(operation))
            for operation, flow in self._flows.items()
        }
        self._client_id = str(uuid.uuid4())
        self._takes_names: bool | None = None
        self._missing: OrderedDict[str, int] = OrderedDict()
        self._client = ProviderHttpClient(
            Hosts((self._base_url,), ()),
            with_key(spec.headers, config.key),
            deadlines=config.deadlines,
        )

    async def upload(self, order: GenerationRequest) -> GenerationRequest:
        flow = self._flow_of(order)
        most = _max_pictures(flow)
        if not len(flow.inputs.images) <= len(order.pictures) <= most:
            detail = f"{len(order.pictures)} pictures for a workflow of {most}"
            raise ProviderError(_KIND.UNSUITABLE, detail, is_billed=False)
        task_id = task_id_of(order.job_id)
        names = [
            await self._upload(path, f"imgbot-{task_id}-{index}{path.suffix}")
            for index, path in enumerate(order.pictures)
        ]
        return replace(order, uploads=tuple(names))

    async def submit(self, order: GenerationRequest) -> Accepted | Done:
        flow = self._flow_of(order)
        task_id = task_id_of(order.job_id)
        notes = {"operation": order.operation.value, "model": flow.model}
        if order.prompt and flow.inputs.prompt is None:
            notes["unheard"] = order.prompt[:_UNHEARD_CHARACTERS]
        body = {
            "prompt": _graph_for(order, flow, self._graphs[order.operation]),
            "prompt_id": task_id,
            "client_id": self._client_id,
            "extra_data": {EXTRA: notes},
        }
        answer = await self._client.submit("POST", f"{self._base_url}/prompt", json=body)
        return Accepted({"id": self._name_in(answer, task_id), **notes})

    async def look_up(self, job_id: str) -> Ticket | None:
        task_id = task_id_of(job_id)
        found = await self._find(task_id)
        if found is None:
            await self._require_own_ids()
            return None
        notes = found.extra if isinstance(found, QueuePosition) else extra_of(found)
        return _ticket(task_id, notes or {})

    async def poll(self, ticket: Ticket) -> Pending | Done:
        task_id = str(ticket["id"])
        found = await self._find(task_id)
        if found is None:
            return self._count_missing(task_id)
        if isinstance(found, QueuePosition):
            self._missing.pop(task_id, None)
            return Pending(position=None if found.is_running else found.position)
        flow = next(
            (flow for op, flow in self._flows.items() if op == ticket.get("operation")), None
        )
        saved = pictures_of(found, flow.output if flow else "")
        if saved is None:
            return Pending()
        preview = flow.preview if flow else ""
        outputs = tuple(Output(url=self._url_of(each, preview)) for each in saved)
        unheard = ticket.get("unheard")
        return Done(outputs, unrecognised=(unheard,) if isinstance(unheard, str) else ())

    async def fetch(self, output: Output, target: Path) -> None:
        await self._client.fetch(output.url, target, is_private=True)

    async def cancel(self, ticket: Ticket) -> Cancelled:
        task_id = str(ticket["id"])
        is_deleted = False
        # A waiting task may have started between the look-up and the deletion.
        for _ in range(2):
            line = await self._queue_position(task_id)
            if line is None:
                break
            if line.is_running:
                # Old servers interrupt whatever is running; that was our task a moment ago.
                await self._post("/interrupt", {"prompt_id": task_id})
                return Cancelled.ACCEPTED
            await self._post("/queue", {"delete": [task_id]})
            is_deleted = True
        return Cancelled.ACCEPTED if is_deleted else Cancelled.TOO_LATE

    async def aclose(self) -> None:
        await self._client.aclose()

    def _flow_of(self, order: GenerationRequest) -> Workflow:
        flow = self._flows.get(order.operation)
        if flow is None:
            raise ProviderError(
                _KIND.INVALID, f"no workflow for {order.operation}", is_billed=False
            )
        return flow

    async def _upload(self, path: Path, name: str) -> str:
        """Upload a picture; return the value for LoadImage."""
        url = f"{self._base_url}/upload/image"
        with await asyncio.to_thread(path.open, "rb") as file:
            files = {"image": (name, file, _MIMES.get(path.suffix, "image/jpeg"))}
            form = {"type": "input", "overwrite": "true"}
            try:
                answer = await self._client.submit("POST", url, files=files, data=form)
            except ProviderError as error:
                # An uploaded picture is not a task yet.
                raise ProviderError(_KIND.UNAVAILABLE, str(error), is_billed=False) from error
        said = object_of(answer, _KIND.UNAVAILABLE)
        given, folder = said.get("name"), said.get("subfolder", "")
        if not isinstance(given, str) or not given or not isinstance(folder, str):
            raise ProviderError(
                _KIND.UNAVAILABLE, "the upload response has no file name", is_billed=False
            )
        return f"{folder}/{given}" if folder else given

    def _name_in(self, answer: ProviderResponse, task_id: str) -> str:
        """Return the task id from a submit response; note whether the server honours our ids."""
        if answer.status == 409:
            # Newer servers reject a duplicate id: this very task exists already.
            self._takes_names = True
            return task_id
        name = answer.content.get("prompt_id") if isinstance(answer.content, dict) else None
        if not answer.is_success or not isinstance(name, str) or not name:
            raise refusal(answer)
        self._takes_names = name == task_id
        return name

    async def _require_own_ids(self) -> None:
        """Raise ProviderError unless "not found" proves that there is no such task."""
        if self._takes_names is None:
            answer = await self._client.ask("GET", f"{self._base_url}/system_stats")
            stats = object_of(answer, _KIND.UNAVAILABLE)
            self._takes_names = version_of(stats) >= _NAMED_BY_CLIENT
        if not self._takes_names:
            raise ProviderError(_KIND.LOST, "this server assigns its own task ids")

    def _count_missing(self, task_id: str) -> Pending:
        count = self._missing.pop(task_id, 0) + 1
        if count > _MISSING_POLLS:
            raise ProviderError(_KIND.LOST, "the server no longer knows the task: it was restarted")
        self._missing[task_id] = count
        if len(self._missing) > _MAX_MISSING:
            self._missing.popitem(last=False)
        return Pending()

    async def _find(self, task_id: str) -> Mapping[str, Any] | QueuePosition | None:
        """Return a task's history entry, else its queue position; None if there is neither."""
        # It may finish between the first two requests.
        for look in (self._history, self._queue_position, self._history):
            if (found := await look(task_id)) is not None:
                return found
        return None

    async def _history(self, task_id: str) -> Mapping[str, Any] | None:
        """Return the history entry of a finished task."""
        url = f"{self._base_url}/history/{quote(task_id, safe='')}"
        answer = await self._client.ask("GET", url)
        content = object_of(answer, _KIND.UNAVAILABLE)
        if task_id not in content:
            return None
        entry = content[task_id]
        if not isinstance(entry, dict):
            raise ProviderError(_KIND.UNAVAILABLE, "malformed history entry")
        return entry

    async def _queue_position(self, task_id: str) -> QueuePosition | None:
        answer = await self._client.ask("GET", f"{self._base_url}/queue")
        return queue_position(object_of(answer, _KIND.UNAVAILABLE), task_id)

    async def _post(self, path: str, body: Mapping[str, object]) -> None:
        answer = await self._client.ask("POST", f"{self._base_url}{path}", json=body)
        if not answer.is_success:
            raise ProviderError(_KIND.UNAVAILABLE, f"HTTP {answer.status}")

    def _url_of(self, saved: Saved, preview: str) -> str:
        query = {"filename": saved.filename, "subfolder": saved.subfolder, "type": "output"}
        if preview:
            query["preview"] = preview
        return f"{self._base_url}/view?{urlencode(query)}"


def task_id_of(job_id: str) -> str:
    """Return the id of a job's task on the server."""
    return str(uuid.uuid5(_NAMES, job_id))


def _ticket(task_id: str, notes: Mapping[str, Any]) -> Ticket:
    kept = {name: notes.get(name) for name in ("operation", "model", "unheard")}
    return {"id": task_id} | {name: text for name, text in kept.items() if isinstance(text, str)}


def _max_pictures(flow: Workflow) -> int:
    return flow.pictures if flow.grow else len(flow.inputs.images)


def _offer(spec: ComfyUiSpec, flow: Workflow, price_micro: int | None) -> Capability:
    return Capability(
        model=flow.model,
        price_micro=micro(flow.price_usd) if price_micro is None else price_micro,
        inputs=spec.inputs.limits(_max_pictures(flow), flow.max_side_px),
        scales=frozenset(flow.scales),
    )


def _graph_for(order: GenerationRequest, flow: Workflow, graph: Graph) -> Graph:
    where = flow.inputs
    values: dict[str | None, object] = {
        where.prompt: (order.prompt if where.negative else order.full_prompt) or None,
        where.negative: ", ".join(filter(None, (order.negative, flow.negative))) or None,
        where.seed: order.seed % _SEEDS,
        where.scale: order.scale / flow.model_scale,
        where.model: flow.model,
        where.prefix: f"imgbot-{task_id_of(order.job_id)}",
    }
    values |= dict(zip(where.images, order.uploads, strict=False))
    values |= _sides(order, flow, graph)
    named = {place: value for place, value in values.items() if place and value is not None}
    made = filled(graph, named)
    if (grow := flow.grow) is None:
        return made
    return grown(
        made, grow.nodes, grow.picture, grow.carry, list(order.uploads[len(where.images) :])
    )


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
