"""Options of a load test, checked before anything is started."""

from collections.abc import Sequence
from dataclasses import dataclass

from imgbot.config.settings import MAX_WORKERS, workers_for
from imgbot.domain.errors import ConfigError
from imgbot.ops.doctor.guide import MOST_USERS

SIMULATED = "simulated"
BUILTIN = "builtin"
_LEAST_MINUTES = 0.05
_MOST_MINUTES = 24 * 60.0
_MOST_PICTURE_S = 600.0


@dataclass(frozen=True, slots=True)
class LoadTestOptions:
    """Options of the command line. Raises ConfigError, with the name of the argument."""

    users: Sequence[int] = (300,)
    workers: int | None = None
    minutes: float = 5.0
    provider: str = SIMULATED
    picture_s: tuple[float, float] = (10.0, 30.0)
    is_resizing: bool = False
    seed: int = 1

    def __post_init__(self) -> None:
        if not all(1 <= users <= MOST_USERS for users in self.users):
            raise ConfigError("--users", f"write whole numbers from 1 to {MOST_USERS}")
        if self.workers is not None and not 1 <= self.workers <= MAX_WORKERS:
            raise ConfigError("--workers", f"write a whole number from 1 to {MAX_WORKERS}")
        if not _LEAST_MINUTES <= self.minutes <= _MOST_MINUTES:
            raise ConfigError(
                "--minutes", f"write minutes from {_LEAST_MINUTES:g} to {_MOST_MINUTES:.0f}"
            )
        low_s, high_s = self.picture_s
        if not 0 <= low_s <= high_s <= _MOST_PICTURE_S:
            raise ConfigError(
                "--picture-seconds", f"write the least and the most, {_MOST_PICTURE_S:.0f} at most"
            )

    def workers_of(self, users: int) -> int:
        return self.workers if self.workers is not None else workers_for(users)
