"""A simulator that keeps what was asked of it, and charges each model's own price.

Beside the common ones, the view shows of each task its `model` and its `input` (pictures as
their SHA-256 and size, in order), and `requests`: the text of the last submits, accepted or not.
"""

import asyncio
import hashlib
import json
import re
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

from aiohttp import web

from imgbot.sandbox.bodies import read_bounded
from imgbot.sandbox.provider_tasks import Order, Refusal, Task, make_order
from imgbot.sandbox.simulators import serving
from imgbot.sandbox.simulators.hooks import HookCall, HookSender
from imgbot.sandbox.simulators.painting import Picture, Result, opened, paint
from imgbot.sandbox.simulators.shared import Simulator

_MOST_REQUESTS = 500
_HOOK_DELAY_S = 0.2
_REQUEST_CHARACTERS = 2048
_MOST_RECORDS = 20_000
_SOURCES_BYTES = 256 << 20
_BODY_BYTES = 64 << 20
_ENCODED = re.compile(r"[A-Za-z0-9+/=_-]{400,}")


@dataclass(slots=True)
class Record:
    """What a task was asked for, and what will become of it."""

    model: str
    input: Mapping[str, Any]
    result: Result


class RecordingSimulator(Simulator):
    """Adds the book-keeping; the provider's own words are left to it."""

    def __init__(self, hooks: HookSender) -> None:
        super().__init__(hooks)
        self._records: OrderedDict[str, Record] = OrderedDict()
        self._sources: deque[tuple[str, int]] = deque()
        self._sources_bytes = 0
        self._requests: deque[str] = deque(maxlen=_MOST_REQUESTS)

    def view(self) -> dict[str, Any]:
        view = super().view()
        for shown in view["tasks"]:
            record = self._records.get(shown["id"])
            if record:
                shown |= {"model": record.model, "input": record.input}
        return view | {"requests": list(self._requests)}

    async def picture(self, task: Task, index: int = 0) -> bytes:
        """One of several pictures, where several were ordered."""
        order, result = task.order, self._records[task.id].result
        if index:
            digest = hashlib.sha256(f"{order.digest} {index}".encode()).hexdigest()
            order = replace(order, digest=digest, seed=order.seed + index)
        async with self._threads:
            return await asyncio.to_thread(paint, order, result)

    def record_of(self, task: Task) -> Record | None:
        return self._records.get(task.id)

    def model_of(self, task: Task) -> str:
        record = self._records.get(task.id)
        return record.model if record else ""

    def note(self, request: web.Request, text: str) -> None:
        """Keep the submit's words; long runs of base64 would push them out."""
        shown = _ENCODED.sub(lambda run: f"<{len(run[0])} characters>", text)
        line = f"{request.method} {request.rel_url}\n{shown}"
        self._requests.append(line[:_REQUEST_CHARACTERS])

    async def read_json(self, request: web.Request) -> dict[str, Any] | None:
        """The body's object, noted; None where it is not one. Raises Refusal 413."""
        body = await read_bounded(request.content, _BODY_BYTES)
        if body is None:
            raise Refusal(413, "too_large", "the body is too large")
        self.note(request, body.decode("utf-8", "replace"))
        try:
            given: Any = json.loads(body)
        except (ValueError, RecursionError):
            return None
        return cast("dict[str, Any]", given) if isinstance(given, dict) else None

    async def opened(self, content: bytes) -> Picture:
        """Raises ValueError for what is no picture."""
        return await asyncio.to_thread(opened, content)

    async def order(
        self, operation: str, words: str, pictures: Sequence[Picture], seed: int = 0
    ) -> Order:
        """Raises Refusal for a picture that cannot be decoded."""
        contents = [picture.content for picture in pictures]
        made = partial(make_order, operation, words, contents, seed=seed)
        async with self._threads:
            return await asyncio.to_thread(made, marks=self.book.settings.marks)

    def accept(self, order: Order, record: Record, price_usd: float) -> Task:
        """Make the task and charge it. Raises Refusal 402, 429 or 503, as the marks say."""
        if self.book.strikes("5xx_on_submit", order):
            raise Refusal(503, "unavailable", "try again")
        task, _ = self.book.submit(order, "", self.now())
        ledger = self.book.ledger
        if ledger and ledger[-1]["task_id"] == task.id:
            ledger[-1] |= {"model": record.model, "charged_usd": price_usd}
        self._keep(task, replace(record, result=record.result.bounded()))
        return task

    def submitted(
        self, request: web.Request, task: Task, answer: Mapping[str, Any]
    ) -> web.Response:
        """The answer to an accepted submit, unless the marks lose it."""
        if task.takes("drop_after_accept"):
            return serving.cut(request)
        if task.takes("garbled_submit"):
            return serving.truncated(answer)
        return web.json_response(answer)

    def plan_hook(
        self, task: Task, url: str, true: Callable[[], HookCall], forged: Callable[[], HookCall]
    ) -> None:
        """Post when the task is over; the forged one, where the marks want it, comes first."""
        due_s = task.started_at + task.duration_s + _HOOK_DELAY_S
        if "forged_webhook" in task.order.marks:
            self.hooks.plan(url, due_s, forged)
            due_s += _HOOK_DELAY_S
        times = 2 if "duplicate_webhook" in task.order.marks else 1
        self.hooks.plan(url, due_s, true, times=times)

    def _keep(self, task: Task, record: Record) -> None:
        self._records[task.id] = record
        if record.result.source:
            self._sources.append((task.id, len(record.result.source)))
            self._sources_bytes += len(record.result.source)
        while self._sources and self._sources_bytes > _SOURCES_BYTES:
            oldest, size_bytes = self._sources.popleft()
            self._sources_bytes -= size_bytes
            if oldest in self._records:
                result = replace(self._records[oldest].result, source=b"")
                self._records[oldest].result = result
        if len(self._records) > _MOST_RECORDS:
            self._records.popitem(last=False)

    async def _file(self, request: web.Request) -> web.StreamResponse:
        answer = await super()._file(request)
        record = self._records.get(request.match_info["id"])
        if record and isinstance(answer, web.Response) and answer.body and _is_whole(answer):
            answer.content_type = record.result.mime_type
        return answer


def _is_whole(answer: web.Response) -> bool:
    return answer.content_type == "image/jpeg" and answer.body != serving.PAGE


def operation_of(pictures: int) -> str:
    """What an order with so many pictures asks for, where the model does not tell."""
    return "create" if not pictures else "edit" if pictures == 1 else "merge"
