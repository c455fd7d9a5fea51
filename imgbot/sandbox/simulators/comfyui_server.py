"""What the simulated ComfyUI knows and does between requests, and who listens to it."""

import asyncio
import json
from collections import OrderedDict
from dataclasses import replace
from typing import Any

from aiohttp import WSMsgType, web

from imgbot.sandbox.provider_tasks import Refusal, Task
from imgbot.sandbox.simulators.comfyui_engine import ExecutionError, Run
from imgbot.sandbox.simulators.comfyui_files import Folders, digests_of, outputs_view
from imgbot.sandbox.simulators.comfyui_graph import (
    Graph,
    model_of,
    names_of_files,
    operation_of,
    texts_of,
)
from imgbot.sandbox.simulators.comfyui_queue import STEPS, Job, JobQueue, Outputs
from imgbot.sandbox.simulators.comfyui_work import WORKERS
from imgbot.sandbox.simulators.hooks import HookSender
from imgbot.sandbox.simulators.shared import Simulator

_TICK_S = 0.05
_MOST_EVENTS = 1_000
_MOST_SOCKETS = 100
_MOST_CACHED = 200
_MOST_JOBS = 20_000
_STATES = {
    "pending": "queued", "running": "running", "success": "succeeded", "error": "failed",
    "interrupted": "failed", "deleted": "failed", "lost": "failed",
}  # fmt: skip
_FAILURES = {
    "moderated": ("Exception", "Content filtered: the prompt or the image is against the rules"),
    "failed": ("torch.OutOfMemoryError", "Allocation on device "),
}


class Server(Simulator):
    """One server process; a restart leaves it with its files alone."""

    def __init__(self, hooks: HookSender) -> None:
        super().__init__(hooks)
        self.folders = Folders()
        self.queue = JobQueue(self._execute, self._remember, self._tell)
        self._cache: OrderedDict[str, Outputs] = OrderedDict()
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._held: dict[str, int] = {}
        self._listeners: dict[asyncio.Queue[str], str] = {}

    def advance(self) -> None:
        self.queue.advance(self.now())

    def restart(self) -> None:
        """Forget all but the files, as a killed process does."""
        self.queue.restart()
        self._cache.clear()
        self._held.clear()
        for events in self._listeners:
            while not events.empty():
                events.get_nowait()
            events.put_nowait("")

    def view(self) -> dict[str, Any]:
        """Tasks are shown as the queue has them, not as their own clock would."""
        self.advance()
        view = super().view()
        for shown in view["tasks"]:
            job = self._jobs.get(shown["id"])
            if job:
                shown |= {"status": _STATES[job.state], "state": job.state, "prompt_id": job.id}
        return view

    def enqueue(self, job: Job) -> None:
        self._jobs[job.task.id] = job
        if len(self._jobs) > _MOST_JOBS:
            self._jobs.popitem(last=False)
        if "polls" in job.task.order.marks:
            self._held[job.task.id] = int(job.task.order.marks["polls"])
        self.queue.add(job)
        if job.task.takes("lost"):
            self.restart()
        self.advance()

    def is_held(self, job: Job) -> bool:
        """Whether this poll finds it unfinished, whatever the clock says."""
        left = self._held.pop(job.task.id, 0)
        if left > 1:
            self._held[job.task.id] = left - 1
        return left > 0

    def shown_as_running(self) -> list[Job]:
        """The running job, and those whose polls find them unfinished."""
        held = [self._jobs[task_id] for task_id in self._held if task_id in self._jobs]
        shown = [job for job in held if job.state in {"success", "error"}]
        return [*shown, self.queue.running] if self.queue.running else shown

    async def accept_graph(self, graph: Graph) -> Task:
        """Record and charge (nothing) a checked graph. Raises Refusal."""
        contents = [self.folders.load(name) for name in names_of_files(graph)]
        operation, texts = operation_of(graph), texts_of(graph)
        notes: list[dict[str, Any]] = []
        try:
            pictures = [await self.opened(content) for content in contents]
            notes = [picture.note() for picture in pictures]
            order = await self.order_of(operation, texts, pictures)
        except (Refusal, ValueError):
            # The real server takes whatever was uploaded, and fails when it runs.
            order = await self.order_of(operation, texts, [])
            order.marks["fail"] = 1
        received = {"graph": graph, "images": notes}
        return self.accept(replace(order, model=model_of(graph), received=received, price_usd=0.0))

    def _execute(self, job: Job) -> None:
        failure = job.task.failure
        if failure:
            job.error = ExecutionError(*_FAILURES.get(failure, _FAILURES["failed"]))
            job.error.node_id = job.outputs[0]
            job.error.node_type = job.graph[job.outputs[0]]["class_type"]
            return
        try:
            files = {name: self.folders.load(name) for name in names_of_files(job.graph)}
        except KeyError as error:
            job.error = ExecutionError("FileNotFoundError", f"No such file: {error}")
            return
        job.key = json.dumps([job.graph, job.outputs, digests_of(files)], sort_keys=True)
        if job.key in self._cache:
            job.made, job.is_cached = self._cache[job.key], True
            return
        run = Run(job.graph, job.task.order, files.__getitem__, WORKERS)
        try:
            job.made = {name: self._saved(run, job, name) for name in job.outputs}
        except ExecutionError as error:
            job.error = error

    def _remember(self, job: Job) -> None:
        self._cache[job.key] = job.made
        if len(self._cache) > _MOST_CACHED:
            self._cache.popitem(last=False)

    def _saved(self, run: Run, job: Job, name: str) -> dict[str, Any]:
        is_kept = job.graph[name]["class_type"] == "SaveImage"
        prefix = str(job.graph[name]["inputs"].get("filename_prefix", "ComfyUI_temp"))
        folder = "output" if is_kept else "temp"
        return outputs_view(self.folders.save(job.task, run.sheets(name), folder, prefix))

    # Whoever listens

    async def listen(self, request: web.Request) -> web.StreamResponse:
        if len(self._listeners) >= _MOST_SOCKETS:
            raise web.HTTPServiceUnavailable
        client_id = request.query.get("clientId") or "0" * 32
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        events: asyncio.Queue[str] = asyncio.Queue(_MOST_EVENTS)
        self._listeners[events] = client_id
        remaining = {"exec_info": {"queue_remaining": self.queue.remaining}}
        await socket.send_json({"type": "status", "data": {"status": remaining, "sid": client_id}})
        try:
            await self._talk(socket, events, client_id)
        finally:
            del self._listeners[events]
        return socket

    async def _talk(
        self, socket: web.WebSocketResponse, events: asyncio.Queue[str], client_id: str
    ) -> None:
        step = ("", -1)
        while True:
            self.advance()
            while not events.empty():
                event = events.get_nowait()
                if not event:
                    await socket.close()
                    return
                await socket.send_str(event)
            job = self.queue.running
            if job and job.client_id == client_id:
                now_at = (job.id, int(job.progress(self.now()) * STEPS))
                if now_at != step:
                    step = now_at
                    progress = job.progress_data(now_at[1])
                    await socket.send_json({"type": "progress", "data": progress})
            if await _is_closed(socket):
                return

    def _tell(self, client_id: str, kind: str, data: dict[str, Any]) -> None:
        text = json.dumps({"type": kind, "data": data})
        for events, listener in self._listeners.items():
            if client_id in {"", listener} and not events.full():
                events.put_nowait(text)


async def _is_closed(socket: web.WebSocketResponse) -> bool:
    """Wait a tick for words of the client, which are not listened to."""
    try:
        message = await socket.receive(_TICK_S)
    except TimeoutError:
        return False
    kinds = {WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR}
    return message.type in kinds
