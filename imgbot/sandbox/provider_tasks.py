"""State of a played provider: orders, tasks, the ledger of charges, and drawn pictures."""

import hashlib
import io
import math
import random
import re
import secrets
import textwrap
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from PIL import Image, ImageDraw, ImageFont
from pydantic import BaseModel, field_validator

from imgbot.domain.errors import ProviderErrorKind

_KIND = ProviderErrorKind
_MARK = re.compile(r"\[\[sim:([a-z0-9_]+)(?:=([0-9]+(?:\.[0-9]+)?))?\]\]")
_MAX_PIXELS = 50_000_000
_MAX_RESULT_PIXELS = 128_000_000
_MAX_TASKS = 20_000
_QUEUED_SHARE = 0.15
_DAMAGED = (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError)
_REFUSED = {
    "5xx_on_submit": _KIND.UNAVAILABLE,
    "402": _KIND.NO_CREDIT,
    "429": _KIND.RATE_LIMITED,
}
"""Marks of submits that are refused and make no task."""


class Refusal(Exception):  # noqa: N818 it is an answer
    """Refusal by the provider."""

    def __init__(self, kind: ProviderErrorKind) -> None:
        super().__init__(kind)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class SubmittedTask:
    """A checked submit."""

    operation: str
    words: str
    marks: dict[str, float]
    images: int
    digest: str
    ratio: str = ""
    seed: int = 0
    client_id: str = ""
    model: str = ""
    price_usd: float | None = None
    """Price, where it differs by model."""
    size: tuple[int, int] | None = None
    """Width and height of the result, where they follow from the input."""


def make_order(
    operation: str, words: str, images: Sequence[bytes], marks: str = "", **fields: Any
) -> SubmittedTask:
    """An order of these pictures, each checked; its marks stand in the words or beside them."""
    digest = hashlib.sha256(words.encode("utf-8", "replace"))
    for image in images:
        _check(image)
        digest.update(image)
    return SubmittedTask(
        operation=operation,
        words=_MARK.sub("", words).strip(),
        marks={name: float(value or 1) for name, value in _MARK.findall(f"{marks} {words}")},
        images=len(images),
        digest=digest.hexdigest(),
        **fields,
    )


def _check(content: bytes) -> None:
    """Decode a picture. Raises Refusal if it is none."""
    try:
        with Image.open(io.BytesIO(content), formats=("JPEG", "PNG", "WEBP")) as picture:
            if picture.width * picture.height > _MAX_PIXELS:
                raise Refusal(_KIND.UNSUITABLE)
            picture.load()
    except _DAMAGED:
        raise Refusal(_KIND.UNSUITABLE) from None


def enlarged(content: bytes, scale: int) -> tuple[int, int]:
    """Return the size of a picture times `scale`. Raises Refusal where that is too large."""
    with Image.open(io.BytesIO(content)) as picture:
        width, height = picture.width * scale, picture.height * scale
    if width * height > _MAX_RESULT_PIXELS:
        raise Refusal(_KIND.UNSUITABLE)
    return width, height


@dataclass(slots=True)
class Task:
    """Accepted order; its state depends on the clock alone."""

    id: str
    order: SubmittedTask
    started_at: float
    duration_s: float
    idempotency_key: str
    submits: int = 1
    cancelled_at: float | None = None
    _used: dict[str, int] = field(default_factory=dict[str, int])

    def takes(self, mark: str) -> bool:
        """Return True if the scenario `mark` applies now; it does so a limited number of times."""
        if self._used.get(mark, 0) >= self.order.marks.get(mark, 0):
            return False
        self._used[mark] = self._used.get(mark, 0) + 1
        return True

    @property
    def failure(self) -> str | None:
        if self.cancelled_at is not None:
            return "cancelled"
        return next((mark for mark in ("moderated", "fail") if mark in self.order.marks), None)

    @property
    def ends_at(self) -> float:
        usual = self.started_at + self.duration_s
        return usual if self.cancelled_at is None else self.cancelled_at

    def progress(self, now: float) -> float:
        return min(1.0, (now - self.started_at) / self.duration_s) if self.duration_s > 0 else 1.0

    def asked(self, now: float) -> str:
        """Return the status for a poll; the first ones may find it unfinished after its time."""
        is_held_back = self.cancelled_at is None and self.takes("polls")
        return "running" if is_held_back else self.status(now)

    def status(self, now: float) -> Literal["queued", "running", "succeeded", "failed"]:
        if self.cancelled_at is None and self.progress(now) < 1:
            return "queued" if self.progress(now) < _QUEUED_SHARE else "running"
        return "failed" if self.failure else "succeeded"

    def cancel(self, now: float) -> bool:
        is_held_back = self._used.get("polls", 0) < self.order.marks.get("polls", 0)
        if self.status(now) in {"succeeded", "failed"} and not is_held_back:
            return False
        self.cancelled_at = now
        return True

    def view(self, now: float) -> dict[str, Any]:
        """Return the details for the control interface."""
        status, order = self.status(now), self.order
        return {
            "id": self.id,
            "client_id": order.client_id,
            "status": status,
            "failure": self.failure if status == "failed" else None,
            "model": order.model,
            "operation": order.operation,
            "words": order.words,
            "images": order.images,
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
        """Return a task. Raises Refusal."""
        task = self._tasks.get(task_id)
        if task is None:
            raise Refusal(_KIND.LOST)
        return task

    def look_up(self, client_id: str) -> list[Task]:
        if not self.settings.lookup:
            raise Refusal(_KIND.LOST)
        return [task for task in self._tasks.values() if task.order.client_id == client_id]

    def submit(self, order: SubmittedTask, key: str, now: float) -> Task:
        """Accept and charge an order, or return the task it created before. Raises Refusal."""
        known = self._by_key.get(key) if key and self.settings.idempotency else None
        if known:
            self._tasks[known].submits += 1
            return self._tasks[known]
        for mark, kind in _REFUSED.items():
            if self._strikes(mark, order):
                raise Refusal(kind)
        low, high = self.settings.duration_s
        duration_s = order.marks.get("slow", random.uniform(low, high))  # noqa: S311 a duration
        task = Task(secrets.token_hex(12), order, now, duration_s, key)
        self._keep(task)
        if task.failure is None:
            self._charge(task)
        return task

    def _strikes(self, mark: str, order: SubmittedTask) -> bool:
        """Return True if the mark applies to a submit: as often as it says, 402 always."""
        who = (mark, order.client_id or order.digest)
        most = order.marks.get(mark, 0) if mark != "402" or mark not in order.marks else math.inf
        if self._struck.get(who, 0) >= most:
            return False
        if len(self._struck) >= _MAX_TASKS:
            self._struck.clear()
        self._struck[who] = self._struck.get(who, 0) + 1
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
        order, usual_usd = task.order, self.settings.price_usd
        entry = {
            "task_id": task.id,
            "client_id": order.client_id,
            "operation": order.operation,
            "model": order.model,
            "charged_usd": usual_usd if order.price_usd is None else order.price_usd,
        }
        self.charges.append(entry)
        del self.charges[: -10 * _MAX_TASKS]


_SIDE = 768
_MARGIN = 56
_FONTS = ("DejaVuSans.ttf", "LiberationSans-Regular.ttf", "Arial.ttf")
_SHOWN_WORDS = 200


def render(order: SubmittedTask) -> bytes:
    """Draw the operation and the prompt on colours that follow from the order; blocks."""
    digest = bytes.fromhex(order.digest)
    corners = Image.new("RGB", (2, 2))
    # Dark, so that white text is legible.
    corners.putdata([tuple(value // 2 + 20 for value in digest[i : i + 3]) for i in (0, 3, 6, 9)])
    picture = corners.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(picture)
    draw.text((_MARGIN, _MARGIN), order.operation.upper(), fill="white", font=_font(52))
    lines = textwrap.wrap(order.words[:_SHOWN_WORDS], 26) or ["(no words)"]
    draw.multiline_text(
        (_MARGIN, _MARGIN + 96), "\n".join(lines), fill="white", font=_font(36), spacing=14
    )
    foot = f"simulated · {order.images} in · seed {order.seed} · {order.digest[:12]}"
    draw.text((_MARGIN, _SIDE - _MARGIN), foot, fill="white", font=_font(20), anchor="ls")
    buffer = io.BytesIO()
    picture.resize(_size_of(order), Image.Resampling.BILINEAR).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def _size_of(order: SubmittedTask) -> tuple[int, int]:
    """Return width and height: as ordered, else by the ratio, else square."""
    found = re.fullmatch(r"([1-9]\d?):([1-9]\d?)", order.ratio)
    if order.size or not found:
        return order.size or (_SIDE, _SIDE)
    share = min(4.0, max(0.25, int(found[1]) / int(found[2]))) ** 0.5
    return round(_SIDE * share), round(_SIDE / share)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    for name in _FONTS:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return ImageFont.load_default(size)
