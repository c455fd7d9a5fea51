"""How far a picture is, told through a small file beside it."""

import os
import time
from collections.abc import Callable
from pathlib import Path

# A person cannot follow more.
INTERVAL_S = 0.5


def path_of(target: str) -> Path:
    """Where the progress of `target` is written, as `0.42`."""
    return Path(f"{target}.progress")


def report_to(target: str) -> Callable[[float], None]:
    """A callback that writes the share done (0 to 1), whole or not at all, at its pace."""
    path = path_of(target)
    partial = Path(f"{path}.{os.getpid()}.part")
    last_s = -INTERVAL_S

    def report(share: float) -> None:
        nonlocal last_s
        now_s = time.monotonic()
        if now_s - last_s < INTERVAL_S:
            return
        last_s = now_s
        partial.write_text(f"{min(1.0, max(0.0, share)):.2f}", encoding="ascii")
        partial.replace(path)

    return report
