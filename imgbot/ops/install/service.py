"""The service as systemd sees it: whether it runs, and waiting until it serves."""

import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from imgbot.domain.errors import ImgbotError

START_DEADLINE_S = 300.0
"""As long as systemd gives the old process to drain and the new one to start."""

_START_LOOK_EVERY_S = 0.2
_SYSTEMD = Path("/run/systemd/system")
"""Exists exactly where systemd is the init (sd_booted(3))."""


class ServiceError(ImgbotError):
    """The service does not do what was asked; the message says what systemd knows of it."""

    def __init__(self, sentence: str, exit_status: int = 0) -> None:
        super().__init__(sentence)
        self.exit_status = exit_status


@dataclass(frozen=True, slots=True)
class UnitState:
    """Output of `systemctl show`."""

    active: str
    sub: str
    result: str
    status: str
    exit_status: int
    invocation: str = ""
    """Another one at each start."""
    has_job: bool = False
    """It is still being stopped or started, by whoever asked for it."""


def has_systemd() -> bool:
    """Tell whether systemd manages this machine."""
    return _SYSTEMD.is_dir() and shutil.which("systemctl") is not None


def is_active(unit: str) -> bool:
    """Tell whether a unit runs or is about to."""
    return has_systemd() and show(unit).active in {"active", "reloading"}


def started_s(unit: str) -> float | None:
    """Return when the process that serves was started, seconds since 1970; None without one."""
    if not is_active(unit):
        return None
    name = "ExecMainStartTimestamp"
    command = ("systemctl", "show", unit, "--timestamp=unix", "--value", "--property", name)
    made = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    text = made.stdout.strip().removeprefix("@")
    return float(text) if text.isdecimal() else None


def show(unit: str) -> UnitState:
    names = ("ActiveState", "SubState", "Result", "StatusText", "ExecMainStatus")
    names += ("InvocationID", "Job")
    command = ("systemctl", "show", unit, "--property", ",".join(names))
    made = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    pairs = (line.partition("=") for line in made.stdout.splitlines())
    found = {name: value for name, _, value in pairs}
    exit_status = found.get("ExecMainStatus", "")
    return UnitState(
        active=found.get("ActiveState", ""),
        sub=found.get("SubState", ""),
        result=found.get("Result", ""),
        status=found.get("StatusText", ""),
        exit_status=int(exit_status) if exit_status.isdecimal() else 0,
        invocation=found.get("InvocationID", ""),
        has_job=found.get("Job", "") not in {"", "0"},
    )


def verdict(state: UnitState, before: str) -> bool | None:
    """Judge a start that was asked for: True serves, False has failed, None not yet.

    `before` is the invocation that ran when it was asked for, and may still drain. Others may
    come between: one that failed before is tried again by systemd until the asked one is.
    """
    if state.invocation == before or state.has_job:
        return None
    if state.active == "active" and state.sub == "running":
        return True
    if state.active == "failed" or state.sub == "auto-restart":
        return False
    return None


def wait_until_ready(unit: str, before: str, deadline_s: float = START_DEADLINE_S) -> None:
    """Wait until the service serves. Raises ServiceError with the last lines of its journal."""
    until_s = time.monotonic() + deadline_s
    while (judged := verdict(state := show(unit), before)) is None:
        if time.monotonic() > until_s:
            waits_for = state.status or state.sub
            raise ServiceError(
                f"not serving after {deadline_s:.0f} s ({waits_for}); it goes on trying: "
                "journalctl -u imgbot -f"
            )
        time.sleep(_START_LOOK_EVERY_S)
    if not judged:
        raise ServiceError(
            f"the service does not start (exit status {state.exit_status}):\n{journal(unit)}",
            state.exit_status,
        )


def journal(unit: str, lines: int = 10) -> str:
    """Return the last lines that the service wrote."""
    command = ("journalctl", "--unit", unit, "--lines", str(lines), "--no-pager", "--output", "cat")
    made = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    return made.stdout.strip()
