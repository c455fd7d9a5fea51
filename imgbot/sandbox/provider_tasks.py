"""State of a simulated provider: orders, tasks, and the ledger of charges."""

import hashlib
import io
import random
import re
import secrets
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from PIL import Image
from pydantic import BaseModel, field_validator

_MARK = re.compile(r"\[\[sim:([a-z0-9_]+)(?:=([0-9]+(?:\.[0-9]+)?))?\]\]")
_MAX_PIXELS = 50_000_000
_MAX_RESULT_PIXELS = 128_000_000
_DAMAGED = (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError)


class Refusal(Exception):  # noqa: N818 it is an answer
    """Refusal by the provider."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class SubmittedTask:
    """A checked submit."""

    operation: str
    words: str
    marks: dict[str, float]
    images: int
    digest: str
    scale: int
    ratio: str
    seed: int
    client_id: str
    model: str = ""
    price_usd: float | None = None
    """Price, where it differs by model."""
    size: tuple[int, int] | None = None
    """Width and height of the result, where they were ordered or follow from the input."""


def make_order(  # noqa: PLR0913 an order has that many sides
    operation: str,
    words: str,
    images: Sequence[bytes],
    *,
    scale: int = 2,
    ratio: str = "",
    seed: int = 0,
    client_id: str = "",
    marks: str = "",
) -> SubmittedTask:
    """An order of these pictures, each checked; its marks stand in the words or beside them."""
    digest = hashlib.sha256(words.encode("utf-8", "replace"))
    for image in images:
        digest.update(_checked(image))
    return SubmittedTask(
        operation=operation,
        words=_MARK.sub("", words).strip(),
        marks={name: float(value or 1) for name, value in _MARK.findall(f"{marks} {words}")},
        images=len(images),
        digest=digest.hexdigest(),
        scale=scale,
        ratio=ratio,
        seed=seed,
        client_id=client_id,
    )


def operation_of(images: int) -> str:
    """Return the operation implied by the number of pictures, where the model does not tell."""
    return ("create", "edit", "merge")[min(images, 2)]


def enlarged(content: bytes, scale: int) -> tuple[int, int]:
    """Return the size of a picture times `scale`. Raises Refusal where that is too large."""
    with Image.open(io.BytesIO(content)) as picture:
        width, height = picture.width * scale, picture.height * scale
    if width * height > _MAX_RESULT_PIXELS:
        raise Refusal(422, "size", f"more than {_MAX_RESULT_PIXELS // 1_000_000} megapixels")
    return width, height


def _checked(content: bytes) -> bytes:
    """Return the picture's bytes unchanged. Raises Refusal if it is not a picture."""
    try:
        with Image.open(io.BytesIO(content), formats=("JPEG", "PNG", "WEBP")) as picture:
            if picture.width * picture.height > _MAX_PIXELS:
                raise _invalid("an image has too many pixels")
            picture.load()
    except _DAMAGED:
        raise _invalid("an image cannot be read") from None
    return content


def _invalid(message: str) -> Refusal:
    return Refusal(422, "invalid", message)


Status = Literal["queued", "running", "succeeded", "failed"]

_MAX_TASKS = 20_000
_QUEUED_SHARE = 0.15
_FAILURES = {
    "moderated": "the words or the picture are against the rules",
    "failed": "the model gave up",
    "cancelled": "cancelled by the client",
}


@dataclass(slots=True)
class Task:
    """Accepted order; its state depends on the clock alone."""

    id: str
    order: SubmittedTask
    started_at: float
    duration_s: float
    idempotency_key: str
    submits: int = 1
    is_cancelled: bool = False
    cancelled_at: float = 0.0
    _used: dict[str, int] = field(default_factory=dict[str, int])

    def takes(self, mark: str) -> bool:
        """Return True if the scenario `mark` applies now; it does so a limited number of times."""
        used = self._used.get(mark, 0)
        if used >= self.order.marks.get(mark, 0):
            return False
        self._used[mark] = used + 1
        return True

    @property
    def failure(self) -> str | None:
        if self.is_cancelled:
            return "cancelled"
        if "moderated" in self.order.marks:
            return "moderated"
        return "failed" if "fail" in self.order.marks else None

    def progress(self, now: float) -> float:
        age_s = now - self.started_at
        return min(1.0, age_s / self.duration_s) if self.duration_s > 0 else 1.0

    @property
    def is_held_back(self) -> bool:
        """True if polls report it as unfinished although its time is over."""
        return self._used.get("polls", 0) < self.order.marks.get("polls", 0)

    def asked(self, now: float) -> Status:
        """Return the status for a poll."""
        is_held_back = not self.is_cancelled and self.takes("polls")
        return "running" if is_held_back else self.status(now)

    def status(self, now: float) -> Status:
        progress = self.progress(now)
        if self.is_cancelled or (progress >= 1 and self.failure):
            return "failed"
        if progress >= 1:
            return "succeeded"
        return "queued" if progress < _QUEUED_SHARE else "running"

    def cancel(self, now: float) -> bool:
        if self.status(now) in {"succeeded", "failed"} and not self.is_held_back:
            return False
        self.is_cancelled, self.cancelled_at = True, now
        return True

    @property
    def ends_at(self) -> float:
        return self.cancelled_at if self.is_cancelled else self.started_at + self.duration_s

    def view(self, now: float) -> dict[str, Any]:
        status, failure = self.status(now), self.failure
        error = None
        if status == "failed" and failure:
            error = {"code": failure, "message": _FAILURES.get(failure, failure)}
        return {
            "id": self.id,
            "client_id": self.order.client_id,
            "status": status,
            "progress": round(self.progress(now), 3),
            "output": None,
            "error": error,
        }

    def inside(self) -> dict[str, Any]:
        """Return the details for the control interface."""
        return ({"model": self.order.model} if self.order.model else {}) | {
            "operation": self.order.operation,
            "words": self.order.words,
            "images": self.order.images,
            "submits": self.submits,
            "idempotency_key": self.idempotency_key,
        }


class ProviderBehaviour(BaseModel, extra="forbid"):
    """Default behaviour, where no marker says otherwise."""

    duration_s: tuple[float, float] = (1.0, 3.0)
    idempotency: bool = True
    lookup: bool = True
    price_usd: float = 0.04
    marks: str = ""

    @field_validator("duration_s")
    @classmethod
    def _is_range(cls, bounds: tuple[float, float]) -> tuple[float, float]:
        if not 0 <= bounds[0] <= bounds[1] <= 3600:
            raise ValueError("write [least, most] seconds")
        return bounds


class TaskLedger:
    """All tasks and charges; old tasks are dropped, charges are stored longer."""

    def __init__(self) -> None:
        self.settings = ProviderBehaviour()
        self.charges: list[dict[str, Any]] = []
        self._tasks: OrderedDict[str, Task] = OrderedDict()
        self._by_key: dict[str, str] = {}
        self._struck: dict[tuple[str, str], int] = {}

    def change_settings(self, changes: dict[str, Any]) -> dict[str, Any]:
        """Apply the changes, all or none, and return the settings. Raises ValueError."""
        wanted = self.settings.model_dump() | changes
        self.settings = ProviderBehaviour.model_validate(wanted)
        return self.settings.model_dump()

    @property
    def tasks(self) -> list[Task]:
        return list(self._tasks.values())

    def task(self, task_id: str) -> Task:
        task = self._tasks.get(task_id)
        if task is None:
            raise Refusal(404, "not_found", "no such task")
        return task

    def look_up(self, client_id: str) -> list[Task]:
        if not self.settings.lookup:
            raise Refusal(404, "not_found", "there is no look-up")
        return [task for task in self._tasks.values() if task.order.client_id == client_id]

    def submit(self, order: SubmittedTask, key: str, now: float) -> tuple[Task, bool]:
        """Accept and charge an order, or return the task it created before."""
        known = self._by_key.get(key) if key and self.settings.idempotency else None
        if known:
            task = self._tasks[known]
            task.submits += 1
            return task, False
        if "402" in order.marks:
            raise Refusal(402, "insufficient_credit", "the account has no credit left")
        if self.strikes("429", order):
            raise Refusal(429, "rate_limited", "slow down")
        low, high = self.settings.duration_s
        duration_s = order.marks.get("slow", random.uniform(low, high))  # noqa: S311 a duration
        task = Task(secrets.token_hex(12), order, now, duration_s, key)
        self._keep(task)
        if task.failure is None:
            self._charge(task)
        return task, True

    def strikes(self, mark: str, order: SubmittedTask) -> bool:
        """Return True if the scenario `mark` applies to a submit that creates no task."""
        who = (mark, order.client_id or order.digest)
        struck = self._struck.get(who, 0)
        if struck >= order.marks.get(mark, 0):
            return False
        if len(self._struck) >= _MAX_TASKS:
            self._struck.clear()
        self._struck[who] = struck + 1
        return True

    def _keep(self, task: Task) -> None:
        self._tasks[task.id] = task
        if task.idempotency_key:
            self._by_key[task.idempotency_key] = task.id
        if len(self._tasks) > _MAX_TASKS:
            _, oldest = self._tasks.popitem(last=False)
            if self._by_key.get(oldest.idempotency_key) == oldest.id:
                del self._by_key[oldest.idempotency_key]

    def _charge(self, task: Task) -> None:
        order, price_usd = task.order, self.settings.price_usd
        entry = {
            "task_id": task.id,
            "client_id": order.client_id,
            "operation": order.operation,
            "charged_usd": price_usd if order.price_usd is None else order.price_usd,
        }
        self.charges.append(entry | ({"model": order.model} if order.model else {}))
        del self.charges[: -10 * _MAX_TASKS]
