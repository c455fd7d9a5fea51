"""ComfyUI's queue and history: one job runs at a time, all of it is gone after a restart.

Nothing runs on its own: whoever asks brings the queue up to the loop's time first.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from imgbot.sandbox.provider_tasks import Task
from imgbot.sandbox.simulators.comfyui_engine import ExecutionError
from imgbot.sandbox.simulators.comfyui_graph import Graph

_MOST_HISTORY = 10_000
MOST_QUEUED = 2_000
STEPS = 20

State = Literal["pending", "running", "success", "error", "interrupted", "deleted", "lost"]
Outputs = dict[str, Any]


@dataclass(slots=True, eq=False)
class Job:
    """One queued graph; another one may bear the same id."""

    number: float
    id: str
    client_id: str
    graph: Graph
    extra: dict[str, Any]
    outputs: list[str]
    task: Task
    submitted_at: float
    state: State = "pending"
    started_at: float = 0.0
    key: str = ""
    is_cached: bool = False
    made: Outputs = field(default_factory=dict[str, Any])
    error: ExecutionError | None = None
    messages: list[list[Any]] = field(default_factory=list[list[Any]])

    @property
    def ends_at(self) -> float:
        return self.started_at + (0.0 if self.is_cached else self.task.duration_s)

    def progress(self, now: float) -> float:
        length_s = self.ends_at - self.started_at
        return min(1.0, max(0.0, (now - self.started_at) / length_s)) if length_s else 1.0

    def progress_data(self, step: int) -> dict[str, Any]:
        node = next(iter(self.graph))
        return {"value": step, "max": STEPS, "prompt_id": self.id, "node": node}

    def entry(self) -> list[Any]:
        """How the queue and the history show it."""
        return [self.number, self.id, self.graph, self.extra, self.outputs]

    def record(self) -> dict[str, Any]:
        """Its entry in the history."""
        is_good = self.state == "success"
        return {
            "prompt": self.entry(),
            "outputs": self.made,
            "status": {
                "status_str": "success" if is_good else "error",
                "completed": is_good,
                "messages": self.messages,
            },
            "meta": {name: _meta(name) for name in self.made},
        }


def _meta(name: str) -> dict[str, Any]:
    return {"node_id": name, "display_node": name, "parent_node": None, "real_node_id": name}


Execute = Callable[[Job], None]
"""Fills in `made`, `key` and `is_cached`, or `error`, when the job starts."""
Remember = Callable[[Job], None]
"""Told of each job that ended well."""
Tell = Callable[[str, str, dict[str, Any]], None]
"""Client, type of event, data."""


class JobQueue:
    """The jobs of one server process."""

    def __init__(self, execute: Execute, remember: Remember, tell: Tell) -> None:
        self._execute = execute
        self._remember = remember
        self._tell = tell
        self.pending: list[Job] = []
        self.running: Job | None = None
        self.history: OrderedDict[str, Job] = OrderedDict()
        self._free_at = 0.0

    @property
    def remaining(self) -> int:
        return len(self.pending) + (self.running is not None)

    def add(self, job: Job) -> None:
        self.pending.append(job)
        self.pending.sort(key=lambda each: each.number)
        self._tell_status()

    def advance(self, now: float) -> None:
        """Let happen what must have happened by now."""
        while True:
            if self.running:
                if self.running.ends_at > now:
                    return
                self._end(self.running, self.running.ends_at)
            if not self.pending:
                return
            self._start(self.pending.pop(0))

    def delete(self, ids: set[str]) -> None:
        for job in [job for job in self.pending if job.id in ids]:
            self.pending.remove(job)
            job.state = "deleted"
        self._tell_status()

    def clear(self) -> None:
        self.delete({job.id for job in self.pending})

    def interrupt(self, prompt_id: str | None, now: float) -> None:
        """Stop the running job, if it is the one that is meant; without an id, whatever runs."""
        job = self.running
        if not job or (prompt_id is not None and job.id != prompt_id):
            return
        job.state, job.made = "interrupted", {}
        data = self._data(job, node_id=job.outputs[0], node_type="", executed=[])
        self._note(job, "execution_interrupted", data)
        self._retire(job, now)

    def restart(self) -> None:
        for job in [*self.pending, *([self.running] if self.running else [])]:
            job.state = "lost"
        self.pending.clear()
        self.running = None
        self.history.clear()

    def _start(self, job: Job) -> None:
        self.running = job
        job.state = "running"
        job.started_at = max(self._free_at, job.submitted_at)
        self._execute(job)
        job.task.started_at = job.started_at
        self._note(job, "execution_start", self._data(job))
        nodes = list(job.graph) if job.is_cached else []
        self._note(job, "execution_cached", self._data(job, nodes=nodes))
        if not job.is_cached:
            for name in job.graph:
                self._tell(job.client_id, "executing", self._data(job, node=name))

    def _end(self, job: Job, at: float) -> None:
        if job.error:
            job.state = "error"
            job.made = {}
            data = self._data(
                job,
                node_id=job.error.node_id or job.outputs[0],
                node_type=job.error.node_type,
                executed=[],
                exception_message=job.error.message,
                exception_type=job.error.kind,
                traceback=[],
                current_inputs={},
                current_outputs=[],
            )
            self._note(job, "execution_error", data)
        else:
            job.state = "success"
            self._remember(job)
            if not job.is_cached:
                self._tell(job.client_id, "progress", job.progress_data(STEPS))
            for name, output in job.made.items():
                data = self._data(job, node=name, display_node=name, output=output)
                self._tell(job.client_id, "executed", data)
            self._note(job, "execution_success", self._data(job))
        self._tell(job.client_id, "executing", {"node": None, "prompt_id": job.id})
        self._retire(job, at)

    def _retire(self, job: Job, at: float) -> None:
        self.running = None
        self._free_at = at
        self.history[job.id] = job
        self.history.move_to_end(job.id)
        if len(self.history) > _MOST_HISTORY:
            self.history.popitem(last=False)
        self._tell_status()

    def _note(self, job: Job, kind: str, data: dict[str, Any]) -> None:
        """An event for the history and for whoever listens."""
        job.messages.append([kind, data])
        self._tell(job.client_id, kind, data)

    def _tell_status(self) -> None:
        self._tell("", "status", {"status": {"exec_info": {"queue_remaining": self.remaining}}})

    @staticmethod
    def _data(job: Job, **more: Any) -> dict[str, Any]:
        return {"prompt_id": job.id, "timestamp": int(time.time() * 1000)} | more
