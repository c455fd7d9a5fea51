"""History of the service: a point a minute of the last hours.

In bounded memory, and in a small file for the next start.
"""

import json
import math
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from imgbot.files import replace_file
from imgbot.ops.status import STATUSES
from imgbot.ops.status.indicators import Sample
from imgbot.telemetry import events
from imgbot.telemetry.health import Levels
from imgbot.telemetry.metrics import STAGES
from imgbot.telemetry.thresholds import Indicator

KEPT_S = 12 * 3600.0
POINT_EVERY_S = 60.0
COLUMNS = (
    "at_s",
    "waiting",
    "running",
    "job_time_s",
    *(f"{stage}_s" for stage in STAGES),
    *STATUSES,
    "refused",
    "flood_waits",
    "cpu_ratio",
    "memory_bytes",
)
"""`at_s` is a point's end. Jobs waiting and running are the most in it, stages their mean time,
the others' counts are of that minute; what is not known is null."""


class History:
    """Makes points of samples; `save` and `load` them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._points: deque[Sequence[float | None]] = deque(maxlen=int(KEPT_S / POINT_EVERY_S))
        self._minute: list[Sample] = []
        self._levels: Levels = {}

    @property
    def points(self) -> Sequence[Sequence[float | None]]:
        """The oldest first."""
        return tuple(self._points)

    def take(self, sample: Sample, levels: Levels) -> bool:
        """Remember a sample; True if it completes a point."""
        self._minute.append(sample)
        self._levels = levels
        return sample.clock_s - self._minute[0].clock_s >= POINT_EVERY_S and self.complete()

    def complete(self) -> bool:
        """Make a point of the samples so far; False if they are too few."""
        if len(self._minute) < 2:
            return False
        self._points.append(point_of(self._minute, self._levels))
        # The last sample begins the next minute: its counters are what that one counts from.
        self._minute = self._minute[-1:]
        return True

    def load(self, now_s: float) -> None:
        """Load the points that an earlier process has saved; an invalid file is ignored."""
        try:
            with self._path.open("rb") as file:
                points = _points_in(json.loads(file.read(1 << 20)))
        except FileNotFoundError:
            return
        except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
            events.warning("a new history is begun, as %s is not valid: %s", self._path, error)
            return
        # The times are rounded, and one may seem to be a moment ahead.
        begin_s, end_s = now_s - KEPT_S, now_s + 1
        self._points.extend(point for point in points if begin_s < (point[0] or 0) <= end_s)

    def save(self) -> None:
        """Replace the file; the disk check reports a full disk."""
        document = {"columns": COLUMNS, "points": self.points}
        with suppress(OSError):
            replace_file(self._path, json.dumps(document, separators=(",", ":")))


def point_of(samples: Sequence[Sample], levels: Levels) -> Sequence[float | None]:
    """Sum up the samples of a minute, of which the first belongs to the one before as well."""
    facts, minute = [sample.facts for sample in samples], samples[-1].since(samples[0])
    values: dict[str, float | None] = {
        "at_s": minute.at_s,
        "waiting": max((each.waiting for each in facts if each.waiting is not None), default=None),
        "running": max(each.running for each in facts),
        "job_time_s": minute.job_time.quantile_s(0.95),
        "refused": minute.refusals,
        "flood_waits": minute.flood_waits,
        "cpu_ratio": levels[Indicator.CPU_RATIO][0],
        "memory_bytes": minute.usage.memory_bytes,
    }
    values |= {f"{stage}_s": found.mean_s for stage, found in minute.stages.items()}
    values |= {status: minute.ended_as(status) for status in STATUSES}
    return tuple(_short(values.get(column)) for column in COLUMNS)


def _short(value: float | None) -> float | None:
    """Round to what a plot can show: the file stays small."""
    if value is None:
        return None
    return round(value) if value >= 1000 or value == round(value) else round(value, 3)


def _points_in(document: Any) -> Sequence[Sequence[float | None]]:
    """Check a file's content. Raises ValueError, TypeError, KeyError, OverflowError."""
    if tuple(document["columns"]) != COLUMNS:
        raise ValueError("the columns are those of another version")
    points = [tuple(point) for point in document["points"]]
    for at_s, *figures in points:
        known = [at_s, *(value for value in figures if value is not None)]
        if len(figures) + 1 != len(COLUMNS) or not all(map(math.isfinite, known)):
            raise ValueError("not a point")
    return points
