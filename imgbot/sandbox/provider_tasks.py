"""What the simulated provider knows: orders, tasks, and the ledger of charges."""

import base64
import binascii
import hashlib
import io
import json
import random
import re
import secrets
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, cast

from PIL import Image

Status = Literal["queued", "running", "succeeded", "failed"]

OPERATIONS = frozenset({"create", "edit", "merge", "retouch", "upscale"})
_FIELDS = frozenset({"operation", "words", "images", "scale", "ratio", "seed", "client_id"})
_DATA_URL = re.compile(r"data:image/(?:jpeg|png|webp);base64,")
_MARK = re.compile(r"\[\[sim:([a-z0-9_]+)(?:=([0-9]+(?:\.[0-9]+)?))?\]\]")
_MOST_IMAGES = 10
_MOST_PIXELS = 50_000_000
_MOST_WORDS = 20_000
_MOST_TASKS = 20_000
_QUEUED_SHARE = 0.15
_FAILURES = {
    "moderated": "the words or the picture are against the rules",
    "failed": "the model gave up",
    "cancelled": "cancelled by the client",
}
_DAMAGED = (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError)


class Refusal(Exception):  # noqa: N818 it is an answer
    """The provider's own no."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Order:
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


def order_from(body: bytes) -> Order:
    """Check a submit to the last field; blocks, for it decodes the pictures."""
    try:
        given: Any = json.loads(body)
    except ValueError:
        raise _invalid("the body is not JSON") from None
    if not isinstance(given, dict):
        raise _invalid("the body is not an object")
    fields = cast("dict[str, Any]", given)
    if unknown := fields.keys() - _FIELDS:
        raise _invalid(f"unknown fields: {', '.join(sorted(unknown))}")
    operation = _text(fields, "operation", 20)
    if operation not in OPERATIONS:
        raise _invalid(f"operation must be one of {', '.join(sorted(OPERATIONS))}")
    words = _text(fields, "words", _MOST_WORDS)
    images = fields.get("images", [])
    if not isinstance(images, list) or len(cast("list[Any]", images)) > _MOST_IMAGES:
        raise _invalid(f"images must be a list of at most {_MOST_IMAGES}")
    return make_order(
        operation,
        words,
        [_decoded(image) for image in cast("list[Any]", images)],
        scale=_number(fields, "scale", 2, range(1, 9)),
        ratio=_text(fields, "ratio", 5),
        seed=_number(fields, "seed", 0, range(1 << 63)),
        client_id=_text(fields, "client_id", 200),
    )


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
) -> Order:
    """An order of these pictures, each checked; its marks stand in the words or beside them."""
    digest = hashlib.sha256(words.encode("utf-8", "replace"))
    for image in images:
        digest.update(checked_image(image))
    return Order(
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


def _decoded(image: Any) -> bytes:
    if not isinstance(image, str) or not (head := _DATA_URL.match(image)):
        raise _invalid("images must be data URLs of JPEG, PNG or WebP")
    try:
        return base64.b64decode(image[head.end() :], validate=True)
    except binascii.Error:
        raise _invalid("an image is not base64") from None


def checked_image(content: bytes) -> bytes:
    """The picture's bytes as they are. Raises Refusal for what is none."""
    try:
        with Image.open(io.BytesIO(content), formats=("JPEG", "PNG", "WEBP")) as picture:
            if picture.width * picture.height > _MOST_PIXELS:
                raise _invalid("an image has too many pixels")
            picture.load()
    except _DAMAGED:
        raise _invalid("an image cannot be read") from None
    return content


def _text(fields: dict[str, Any], name: str, limit: int) -> str:
    value = fields.get(name, "")
    if not isinstance(value, str) or len(value) > limit:
        raise _invalid(f"{name} must be a text of at most {limit} characters")
    return value


def _number(fields: dict[str, Any], name: str, default: int, allowed: range) -> int:
    value = fields.get(name, default)
    if not isinstance(value, int) or value not in allowed:
        raise _invalid(f"{name} must be a number from {allowed.start} to {allowed.stop - 1}")
    return value


def _invalid(message: str) -> Refusal:
    return Refusal(422, "invalid", message)


@dataclass(slots=True)
class Task:
    """An accepted order, which becomes what it becomes by the clock alone."""

    id: str
    order: Order
    started_at: float
    duration_s: float
    idempotency_key: str
    submits: int = 1
    is_cancelled: bool = False
    _used: dict[str, int] = field(default_factory=dict[str, int])

    def takes(self, mark: str) -> bool:
        """Whether this time the scenario `mark` strikes; it does so as often as it says."""
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

    def asked(self, now: float) -> Status:
        """The status as a poll finds it."""
        return "running" if self.takes("polls") else self.status(now)

    def status(self, now: float) -> Status:
        progress = self.progress(now)
        if self.is_cancelled or (progress >= 1 and self.failure):
            return "failed"
        if progress >= 1:
            return "succeeded"
        return "queued" if progress < _QUEUED_SHARE else "running"

    def cancel(self, now: float) -> bool:
        if self.status(now) in {"succeeded", "failed"}:
            return False
        self.is_cancelled = True
        return True

    def view(self, now: float) -> dict[str, Any]:
        status, failure = self.status(now), self.failure
        error = None
        if status == "failed" and failure:
            error = {"code": failure, "message": _FAILURES[failure]}
        return {
            "id": self.id,
            "client_id": self.order.client_id,
            "status": status,
            "progress": round(self.progress(now), 3),
            "output": None,
            "error": error,
        }

    def inside(self) -> dict[str, Any]:
        """What only the control interface shows."""
        return {
            "operation": self.order.operation,
            "words": self.order.words,
            "images": self.order.images,
            "submits": self.submits,
            "idempotency_key": self.idempotency_key,
        }


@dataclass(slots=True)
class Settings:
    """How the provider behaves when no marker says otherwise."""

    duration_s: tuple[float, float] = (1.0, 3.0)
    idempotency: bool = True
    lookup: bool = True
    price_usd: float = 0.04
    marks: str = ""

    def view(self) -> dict[str, Any]:
        return asdict(self)

    def change(self, changes: dict[str, Any]) -> None:
        """Take the changes, all or none; ValueError says what is wrong with them."""
        if unknown := changes.keys() - asdict(self).keys():
            raise ValueError(f"unknown settings: {', '.join(sorted(unknown))}")
        wanted = self.view() | changes
        low, high = (float(bound) for bound in wanted["duration_s"])
        if not 0 <= low <= high <= 3600:
            raise ValueError("duration_s must be [least, most] seconds")
        price_usd = float(wanted["price_usd"])
        self.duration_s, self.price_usd = (low, high), price_usd
        self.idempotency, self.lookup = bool(wanted["idempotency"]), bool(wanted["lookup"])
        self.marks = str(wanted["marks"])


class ProviderBook:
    """All tasks and all charges; the oldest tasks are forgotten, the charges are kept longer."""

    def __init__(self) -> None:
        self.settings = Settings()
        self.ledger: list[dict[str, Any]] = []
        self._tasks: OrderedDict[str, Task] = OrderedDict()
        self._by_key: dict[str, str] = {}
        self._held_back: dict[str, int] = {}

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

    def submit(self, order: Order, key: str, now: float) -> tuple[Task, bool]:
        """Accept an order and charge it, or find the task it made before."""
        known = self._by_key.get(key) if key and self.settings.idempotency else None
        if known:
            task = self._tasks[known]
            task.submits += 1
            return task, False
        if "402" in order.marks:
            raise Refusal(402, "insufficient_credit", "the account has no credit left")
        self._hold_back(order)
        low, high = self.settings.duration_s
        duration_s = order.marks.get("slow", random.uniform(low, high))  # noqa: S311 a duration
        task = Task(secrets.token_hex(12), order, now, duration_s, key)
        self._keep(task)
        if task.failure is None:
            self._charge(task)
        return task, True

    def _hold_back(self, order: Order) -> None:
        who = order.client_id or order.digest
        refused = self._held_back.get(who, 0)
        if refused < order.marks.get("429", 0):
            if len(self._held_back) >= _MOST_TASKS:
                self._held_back.clear()
            self._held_back[who] = refused + 1
            raise Refusal(429, "rate_limited", "slow down")

    def _keep(self, task: Task) -> None:
        self._tasks[task.id] = task
        if task.idempotency_key:
            self._by_key[task.idempotency_key] = task.id
        if len(self._tasks) > _MOST_TASKS:
            _, oldest = self._tasks.popitem(last=False)
            if self._by_key.get(oldest.idempotency_key) == oldest.id:
                del self._by_key[oldest.idempotency_key]

    def _charge(self, task: Task) -> None:
        self.ledger.append(
            {
                "task_id": task.id,
                "client_id": task.order.client_id,
                "operation": task.order.operation,
                "charged_usd": self.settings.price_usd,
            }
        )
        del self.ledger[: -10 * _MOST_TASKS]
