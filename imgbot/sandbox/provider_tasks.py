"""State of the simulated provider: tasks, the ledger of charges, and drawn pictures."""

import hashlib
import io
import random
import re
import secrets
import textwrap
from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from PIL import Image, ImageDraw, ImageFont
from pydantic import BaseModel, Field

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

    def __init__(self, kind: ProviderErrorKind, retry_after_s: int = 1) -> None:
        super().__init__(kind)
        self.kind, self.retry_after_s = kind, retry_after_s


@dataclass(slots=True)
class Task:
    """Order of a picture; from its submit on, its state depends on the clock alone."""

    operation: str
    words: str
    marks: dict[str, float]
    images: int
    digest: str
    ratio: str = ""
    seed: int = 0
    client_id: str = ""
    area: float = 0
    """Share of the picture that its mask marks."""
    size: tuple[int, int] | None = None
    """Width and height of the result, where they follow from the input."""
    input: Any = None
    """Body of the submit, as a list shows it."""
    id: str = field(default_factory=lambda: secrets.token_hex(12))
    idempotency_key: str = ""
    started_at: float = 0.0
    duration_s: float = 0.0
    submits: int = 1
    cancelled_at: float | None = None
    _used: Counter[str] = field(default_factory=Counter[str])

    def takes(self, mark: str) -> bool:
        """Return true if the scenario `mark` applies now; it does so a limited number of times."""
        self._used[mark] += 1
        return self._used[mark] <= self.marks.get(mark, 0)

    @property
    def failure(self) -> str | None:
        if self.cancelled_at is not None:
            return "cancelled"
        return next((mark for mark in ("moderated", "fail") if mark in self.marks), None)

    @property
    def ends_at(self) -> float:
        usual = self.started_at + self.duration_s
        return usual if self.cancelled_at is None else self.cancelled_at

    def progress(self, now: float) -> float:
        return min(1.0, (now - self.started_at) / self.duration_s) if self.duration_s > 0 else 1.0

    def polled(self, now: float) -> str:
        """Return the status for a poll; the first ones may find it unfinished after its time."""
        is_held_back = self.cancelled_at is None and self.takes("polls")
        return "running" if is_held_back else self.status(now)

    def status(self, now: float) -> Literal["queued", "running", "succeeded", "failed"]:
        if self.cancelled_at is None and self.progress(now) < 1:
            return "queued" if self.progress(now) < _QUEUED_SHARE else "running"
        return "failed" if self.failure else "succeeded"

    def cancel(self, now: float) -> bool:
        is_held_back = self._used["polls"] < self.marks.get("polls", 0)
        if self.status(now) in {"succeeded", "failed"} and not is_held_back:
            return False
        self.cancelled_at = now
        return True

    def view(self, now: float) -> dict[str, Any]:
        """Return the details for the control interface."""
        status = self.status(now)
        return {
            "id": self.id,
            "client_id": self.client_id,
            "status": status,
            "failure": self.failure if status == "failed" else None,
            "operation": self.operation,
            "words": self.words,
            "images": self.images,
            "area": self.area,
            "submits": self.submits,
            "idempotency_key": self.idempotency_key,
        }


def make_task(
    operation: str, words: str, images: Sequence[bytes], marks: str = "", **fields: Any
) -> Task:
    """A task of these pictures, each checked; its marks stand in the words or beside them."""
    digest = hashlib.sha256(words.encode("utf-8", "replace"))
    for image in images:
        _check(image)
        digest.update(image)
    return Task(
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


def check_mask(mask: bytes, images: Sequence[bytes]) -> float:
    """Return the share of a mask that is white. Raises Refusal unless it fits the one picture."""
    _check(mask)
    with Image.open(io.BytesIO(mask)) as area:
        sizes = {Image.open(io.BytesIO(image)).size for image in images}
        values = {value for _, value in area.getcolors() or []} if area.mode == "L" else set()
        if area.format != "PNG" or [area.size] != list(sizes) or values != {0, 255}:
            raise Refusal(_KIND.INVALID)
        return area.histogram()[255] / (area.width * area.height)


def enlarged(content: bytes, scale: int) -> tuple[int, int]:
    """Return the size of a picture times `scale`. Raises Refusal where that is too large."""
    with Image.open(io.BytesIO(content)) as picture:
        width, height = picture.width * scale, picture.height * scale
    if width * height > _MAX_RESULT_PIXELS:
        raise Refusal(_KIND.UNSUITABLE)
    return width, height


Seconds = Annotated[float, Field(ge=0, le=3600)]


class ProviderBehaviour(BaseModel, extra="forbid"):
    """Default behaviour, where no marker says otherwise."""

    duration_s: tuple[Seconds, Seconds] = (1.0, 3.0)
    """Least and most."""
    idempotency: bool = True
    lookup: bool = True
    price_usd: float = 0.04
    marks: str = ""


class TaskLedger:
    """All tasks and charges; old tasks are dropped, charges are stored longer."""

    def __init__(self) -> None:
        self.settings = ProviderBehaviour()
        self.charges: list[dict[str, Any]] = []
        self._tasks: OrderedDict[str, Task] = OrderedDict()
        self._by_key: dict[str, Task] = {}
        self._struck: Counter[tuple[str, str]] = Counter()

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
        return [task for task in self._tasks.values() if task.client_id == client_id]

    def submit(self, task: Task, now: float) -> Task:
        """Accept and charge a task, or return the one of the same key. Raises Refusal."""
        known = self._by_key.get(task.idempotency_key) if self.settings.idempotency else None
        if known:
            known.submits += 1
            return known
        for mark, kind in _REFUSED.items():
            if self._strikes(mark, task):
                raise Refusal(kind, int(task.marks.get("retry_after", 1)))
        least, most = self.settings.duration_s
        task.started_at = now
        task.duration_s = task.marks.get("slow", random.uniform(least, most))  # noqa: S311
        self.keep(task)
        if task.failure is None:
            self._charge(task)
        return task

    def _strikes(self, mark: str, task: Task) -> bool:
        """Return true if the mark applies to a submit: as often as it says, 402 always."""
        if mark not in task.marks:
            return False
        who = (mark, task.client_id or task.digest)
        self._struck[who] += 1
        return mark == "402" or self._struck[who] <= task.marks[mark]

    def keep(self, task: Task) -> None:
        self._tasks[task.id] = task
        if task.idempotency_key:
            self._by_key[task.idempotency_key] = task
        if len(self._tasks) > _MAX_TASKS:
            _, oldest = self._tasks.popitem(last=False)
            self._by_key.pop(oldest.idempotency_key, None)

    def _charge(self, task: Task) -> None:
        entry = {
            "task_id": task.id,
            "client_id": task.client_id,
            "operation": task.operation,
            "charged_usd": self.settings.price_usd,
        }
        self.charges.append(entry)
        del self.charges[: -10 * _MAX_TASKS]


_SIDE = 768
_MARGIN = 56
_FONTS = ("DejaVuSans.ttf", "LiberationSans-Regular.ttf", "Arial.ttf")
_SHOWN_WORDS = 200


def draw_picture(task: Task) -> bytes:
    """Draw the operation and the prompt on colours that follow from the task; blocks.

    A clip is a GIF of five seconds that comes nearer.
    """
    digest = bytes.fromhex(task.digest)
    corners = Image.new("RGB", (2, 2))
    # Dark, so that white text is legible.
    corners.putdata([tuple(value // 2 + 20 for value in digest[i : i + 3]) for i in (0, 3, 6, 9)])
    picture = corners.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(picture)
    draw.text((_MARGIN, _MARGIN), task.operation.upper(), fill="white", font=_font(52))
    lines = textwrap.wrap(task.words[:_SHOWN_WORDS], 26) or ["(no words)"]
    draw.multiline_text(
        (_MARGIN, _MARGIN + 96), "\n".join(lines), fill="white", font=_font(36), spacing=14
    )
    foot = f"simulated · {task.images} in · seed {task.seed} · {task.digest[:12]}"
    draw.text((_MARGIN, _SIDE - _MARGIN), foot, fill="white", font=_font(20), anchor="ls")
    buffer = io.BytesIO()
    if task.operation == "animate":
        first, *others = (
            picture.resize((320, 320), box=(0, 0, _SIDE - near, _SIDE - near))
            for near in range(0, 200, 10)
        )
        moving = {"save_all": True, "append_images": others, "duration": 250, "loop": 0}
        first.save(buffer, "GIF", **moving)
    else:
        picture.resize(_size_of(task), Image.Resampling.BILINEAR).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def _size_of(task: Task) -> tuple[int, int]:
    """Return width and height: as ordered, else by the ratio, else square."""
    found = re.fullmatch(r"([1-9]\d?):([1-9]\d?)", task.ratio)
    if task.size or not found:
        return task.size or (_SIDE, _SIDE)
    share = min(4.0, max(0.25, int(found[1]) / int(found[2]))) ** 0.5
    return round(_SIDE * share), round(_SIDE / share)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    for name in _FONTS:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return ImageFont.load_default(size)
