"""Text for an operator's terminal: figures with their unit, and text from outside made safe."""

import functools
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager

say = functools.partial(print, flush=True)
"""Prints a line at once: the next step may take a minute, or be a refusal on the other stream."""

_SILENT_S = 3


@contextmanager
def telling_seconds() -> Generator[None]:
    """Print each second how long the work in this block has taken, from the third on."""
    is_done, is_terminal = threading.Event(), sys.stdout.isatty()

    def tell() -> None:
        seconds = _SILENT_S
        while not is_done.wait(_SILENT_S if seconds == _SILENT_S else 1):
            # What is printed next on a terminal takes its place.
            print(f"    {seconds} s", end="\r" if is_terminal else "\n", flush=True)
            seconds += 1

    teller = threading.Thread(target=tell)
    teller.start()
    try:
        yield
    finally:
        is_done.set()
        teller.join()


_UNKNOWN = "unknown"
_SIZES = ((1e9, "GB", 1), (1e6, "MB", 0), (1e3, "kB", 0))


def duration(seconds: float | None) -> str:
    """Give a time: 0.4 s, 12 s, 3 min 20 s, 5 h 2 min, 3 d 4 h."""
    if seconds is None:
        return _UNKNOWN
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for unit_s, name, smaller_s, smaller in (
        (86_400, "d", 3600, "h"),
        (3600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if whole >= unit_s:
            rest = whole % unit_s // smaller_s
            return f"{whole // unit_s} {name}" + (f" {rest} {smaller}" if rest else "")
    return f"{whole} s"


def size(size_bytes: float | None) -> str:
    """Give a size: 15 MB, 1.2 GB."""
    if size_bytes is None:
        return _UNKNOWN
    for unit, name, digits in _SIZES:
        if size_bytes >= unit:
            return f"{size_bytes / unit:.{digits}f} {name}"
    return f"{size_bytes:.0f} B"


def share(ratio: float | None) -> str:
    """Give a share: 42 %, and small ones as 0.4 %."""
    if ratio is None:
        return _UNKNOWN
    return f"{ratio * 100:.1f} %" if 0 < ratio < 0.0995 else f"{ratio * 100:.0f} %"


def count(number: float | None, one: str, many: str = "") -> str:
    """Give a number of things: 1 job, 12 jobs."""
    if number is None:
        return _UNKNOWN
    return f"{number:.0f} {one if number == 1 else many or one + 's'}"


def orders(per_s: float) -> str:
    """Give a limit of orders: 10 orders/s, 6 orders/min."""
    if not per_s:
        return "no orders for now"
    return f"{per_s:.3g} orders/s" if per_s >= 1 else f"{per_s * 60:.3g} orders/min"


def money(usd: float | None) -> str:
    """Give US dollars, the small ones as cents' fractions."""
    if usd is None:
        return _UNKNOWN
    return f"${usd:.3f}" if 0 < usd < 0.1 else f"${usd:.2f}"


def strip_control(text: str) -> str:
    """Return one line without control characters, which a terminal would act on."""
    return "".join(c if c.isprintable() else " " for c in text)
