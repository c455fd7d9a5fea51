"""Parsers of ComfyUI responses: queue, history and errors.

Nothing is taken for granted: there may be a proxy in between, and custom nodes change a lot.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from imgbot.domain.errors import ProviderError, ProviderErrorKind
from imgbot.providers.http import ProviderResponse, proves_refusal, retry_after_s

_KIND = ProviderErrorKind
_MAX_PICTURES = 10
_DETAIL_CHARACTERS = 180
_STATUSES = {
    401: _KIND.AUTH,
    403: _KIND.AUTH,
    413: _KIND.UNSUITABLE,
    429: _KIND.RATE_LIMITED,
}
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
        return cast("dict[str, Any]", answer.content)
    kind = _STATUSES.get(answer.status, unclear)
    raise ProviderError(kind, f"HTTP {answer.status}", retry_after_s=retry_after_s(answer))


def refusal(answer: ProviderResponse) -> ProviderError:
    """Return the error for a rejected submit; only a 4xx proves that there is no task."""
    kind = _KIND.SUBMIT_UNKNOWN
    if proves_refusal(answer.status):
        kind = _STATUSES.get(answer.status, _KIND.INVALID)
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
    return _extra_of(cast("list[Any]", prompt)) if isinstance(prompt, list) else {}


def version_of(stats: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the server's version from `/system_stats`, (0, 0, 0) if not stated."""
    text = _mapping(stats.get("system")).get("comfyui_version")
    found = _VERSION.match(text) if isinstance(text, str) else None
    return tuple(int(part) for part in found.groups()) if found else (0, 0, 0)


def _items(queue: Mapping[str, Any], name: str) -> list[list[Any]]:
    items = queue.get(name)
    if not isinstance(items, list):
        raise ProviderError(_KIND.UNAVAILABLE, f"the response has no {name}")
    lists = [cast("list[Any]", item) for item in cast("list[Any]", items) if isinstance(item, list)]
    return [item for item in lists if len(item) > 1]


def _number(item: list[Any]) -> float:
    number = item[0]
    return float(number) if isinstance(number, int | float) else 0.0


def _extra_of(item: list[Any]) -> Mapping[str, Any]:
    return _mapping(_mapping(item[3]).get(EXTRA)) if len(item) > 3 else {}


def _mapping(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _saved_in(output: object) -> Iterator[Saved]:
    images = _mapping(output).get("images")
    for image in cast("list[Any]", images) if isinstance(images, list) else []:
        fields = _mapping(image)
        filename, subfolder = fields.get("filename"), fields.get("subfolder", "")
        # Other types are previews, deleted at the next start.
        if not isinstance(filename, str) or not filename or fields.get("type") != "output":
            continue
        yield Saved(filename, subfolder if isinstance(subfolder, str) else "")


def _failure(messages: object) -> ProviderError:
    for message in cast("list[Any]", messages) if isinstance(messages, list) else []:
        parts = cast("list[Any]", message) if isinstance(message, list) else []
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
        listed = cast("list[Any]", errors) if isinstance(errors, list) else []
        texts += [f"{kind}: {_mapping(each).get('details')}" for each in listed]
    return "; ".join(texts)[:_DETAIL_CHARACTERS]
