"""The guide's figures over a sensible window, each with its colour."""

from collections import deque
from collections.abc import Mapping

from imgbot.ops.status.metrics_reader import Sample
from imgbot.telemetry.thresholds import THRESHOLDS, Indicator, Level

SAMPLE_EVERY_S = 5.0
JOB_TIME_WINDOW_S = 300.0
CPU_WINDOW_S = 300.0
ERROR_WINDOW_S = 900.0

_FEWEST_FAILURES = 3
"""One failure among the ten jobs of a quiet night is 10 %, and nothing to wake anybody for."""

_FEWEST_ENDED = 5
"""The quick ones end first: with fewer than these, what still runs says more."""

Reading = tuple[float | None, Level]


class Indicators:
    """Remembers a quarter of an hour of samples, and judges them.

    The windows are those of the alerts for Prometheus. They are shorter while the process is
    younger; what cannot be known yet is None and UNKNOWN.
    """

    def __init__(self) -> None:
        self._samples: deque[Sample] = deque()

    def take(self, sample: Sample) -> None:
        """Remember a sample, and no more before it than the longest window needs."""
        self._samples.append(sample)
        while len(self._samples) > 1 and self._is_old(self._samples[1]):
            self._samples.popleft()

    def _is_old(self, sample: Sample) -> bool:
        return sample.clock_s <= self._samples[-1].clock_s - ERROR_WINDOW_S

    @property
    def latest(self) -> Sample | None:
        return self._samples[-1] if self._samples else None

    def earlier(self, window_s: float) -> Sample:
        """Return the sample that a window, ending with the latest, begins at.

        Raises IndexError before the first sample.
        """
        begin_s = self._samples[-1].clock_s - window_s
        found = self._samples[0]
        for sample in self._samples:
            if sample.clock_s > begin_s:
                break
            found = sample
        return found

    def levels(self) -> Mapping[Indicator, Reading]:
        """Give every vital's value, in the unit of its bounds, and its level."""
        if not self._samples:
            return dict.fromkeys(Indicator, (None, Level.UNKNOWN))
        values = {
            Indicator.QUEUE_JOBS: self._samples[-1].jobs.get("waiting"),
            Indicator.JOB_TIME_S: self._job_time_s(),
            Indicator.CPU_RATIO: self._cpu_ratio(),
            Indicator.MEMORY_RATIO: self._memory_ratio(),
            Indicator.ERROR_RATIO: self._error_ratio(),
            Indicator.UPDATE_AGE_S: self._update_age_s(),
        }
        found = {vital: (value, THRESHOLDS[vital].level(value)) for vital, value in values.items()}
        if self.failures < _FEWEST_FAILURES and values[Indicator.ERROR_RATIO] is not None:
            found[Indicator.ERROR_RATIO] = (values[Indicator.ERROR_RATIO], Level.NORMAL)
        return found

    @property
    def failures(self) -> float:
        """Failed jobs in the window of the error ratio."""
        before = self.earlier(ERROR_WINDOW_S)
        return self._samples[-1].ended_as("failed") - before.ended_as("failed")

    def _job_time_s(self) -> float | None:
        """The 95th percentile; where hardly any job ends, of the one that runs longest, too."""
        now = self._samples[-1]
        ended = now.job_time.since(self.earlier(JOB_TIME_WINDOW_S).job_time)
        found = ended.quantile_s(0.95)
        if ended.count >= _FEWEST_ENDED or not now.oldest_running_at_s:
            return found
        return max(found or 0.0, now.at_s - now.oldest_running_at_s)

    def _cpu_ratio(self) -> float | None:
        now, before = self._samples[-1], self.earlier(CPU_WINDOW_S)
        used_s, used_before_s, cores = now.usage.cpu_s, before.usage.cpu_s, now.usage.cores
        elapsed_s = now.clock_s - before.clock_s
        if used_s is None or used_before_s is None or not cores or elapsed_s <= 0:
            return None
        return max(0.0, used_s - used_before_s) / elapsed_s / cores

    def _memory_ratio(self) -> float | None:
        usage = self._samples[-1].usage
        used, limit = usage.memory_bytes, usage.memory_limit_bytes
        return None if used is None or not limit else used / limit

    def _update_age_s(self) -> float:
        now = self._samples[-1]
        return max(0.0, now.at_s - now.oldest_update_at_s) if now.oldest_update_at_s else 0.0

    def _error_ratio(self) -> float | None:
        now, before = self._samples[-1], self.earlier(ERROR_WINDOW_S)
        ended = now.ended_as("ok", "failed") - before.ended_as("ok", "failed")
        return self.failures / ended if ended else None
