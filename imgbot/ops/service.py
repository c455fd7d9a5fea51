"""The service of this machine: its state in systemd, waiting for it, stopping and resizing it.

`imgbot scale N` and `imgbot reload` ask the running supervisor by a file in its state directory
and SIGHUP (ops/lifecycle.py). Under systemd the number goes into the environment file, too, so
that it lasts: the bot itself may not read that file again, for it may hold a key.
"""

import os
import re
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import psutil

from imgbot.config.place import service_place
from imgbot.config.sources import read_environment_file, state_dir_of
from imgbot.domain.errors import ImgbotError
from imgbot.domain.findings import Severity
from imgbot.files import anchored, as_owner, open_plain, replace_file, text_of
from imgbot.ops import dns
from imgbot.ops.doctor.machine import judge_workers
from imgbot.ops.formatting import say, strip_control
from imgbot.ops.installation import UNIT, Layout, environ_of_service, set_variable
from imgbot.ops.lifecycle import RELOAD_REQUEST, SCALE_REQUEST
from imgbot.ops.state_directory import describe, supervisor_of

START_DEADLINE_S = 300.0
"""As long as systemd gives the old process to drain and the new one to start."""

_STOP_DEADLINE_S = 240.0
"""More than systemd waits before it kills."""

_ANSWER_DEADLINE_S = 30.0
_ANSWER_BYTES = 1000
_LOOK_EVERY_S = 0.1
_STATUS_EVERY_S = 1.0
T = TypeVar("T")

_PROCESSES = Path("/proc")
_SYSTEMD = Path("/run/systemd/system")
"""Exists exactly where systemd is the init (sd_booted(3))."""


class ServiceError(ImgbotError):
    """The service, or the bot, did not do what was requested; the message says why."""

    def __init__(self, sentence: str, service_status: int = 0) -> None:
        super().__init__(sentence)
        self.service_status = service_status
        """Exit status of the service; 0 if it has none."""


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603


def has_systemd() -> bool:
    """Return true if systemd manages this machine."""
    return _SYSTEMD.is_dir() and shutil.which("systemctl") is not None


def is_active(unit: str) -> bool:
    """Return true if a unit runs or is about to."""
    return has_systemd() and _run("systemctl", "is-active", "--quiet", unit).returncode == 0


def further_bots() -> list[str]:
    """Return the units of further bots, which run by the same program."""
    words = ("systemctl", "list-units", "--plain", "--no-legend", "--state=active,activating")
    listed = _run(*words, "imgbot@*").stdout if has_systemd() else ""
    return [line.split()[0] for line in listed.splitlines()]


def _wait_for(probe: Callable[[], T], deadline_s: float) -> T:
    """Return the first answer that is true, else the last one before the deadline."""
    until_s = time.monotonic() + deadline_s
    while not (found := probe()) and time.monotonic() < until_s:
        time.sleep(_LOOK_EVERY_S)
    return found


def started_s(unit: str) -> float | None:
    """Return when the process that serves was started, seconds since 1970; None without one."""
    started = _property(unit, "ExecMainStartTimestamp").removeprefix("@")
    return float(started) if is_active(unit) and started.isdecimal() else None


def _property(unit: str, name: str) -> str:
    words = ("systemctl", "show", unit, "--timestamp=unix", "--value", "--property", name)
    return _run(*words).stdout.strip() if has_systemd() else ""


def restart(unit: str, deadline_s: float = START_DEADLINE_S) -> None:
    """Restart the service and wait until it is ready, printing what it waits for.

    Raises ServiceError, with the last lines of its journal or the wait that will not end.
    """
    words, shown, until_s = ("systemctl", "restart", unit), "", time.monotonic() + deadline_s
    # Of Type=notify, so this takes until the bot says READY.
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as command:  # noqa: S603 -- our own words
        while command.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                command.wait(min(_STATUS_EVERY_S, deadline_s))
                break
            is_starting = _property(unit, "ActiveState") == "activating"
            if is_starting and (text := _property(unit, "StatusText")) not in {"", shown}:
                shown = strip_control(text)
                say(f"    {shown}")
            if dns.SETTING in shown:
                command.terminate()
                raise ServiceError(f"not ready: {shown}")
            if time.monotonic() > until_s:
                command.terminate()
                raise ServiceError(
                    f"not ready after {deadline_s:.0f} s ({shown}); it keeps trying: "
                    f"journalctl -u {unit} -f"
                )
    if command.returncode:
        status = _property(unit, "ExecMainStatus")
        journal = _run(
            *("journalctl", "--unit", unit, "--lines", "10", "--no-pager", "--output", "cat")
        )
        raise ServiceError(
            f"the service does not start (exit status {status}):\n{journal.stdout.strip()}",
            int(status) if status.isdecimal() else 0,
        )


def stop_service(state_dir: Path, token: str) -> None:
    """Stop the service for good, else the process; returns once neither runs.

    Raises ServiceError.
    """
    pid = supervisor_of(state_dir, token)
    if pid is None:
        return
    if unit := _unit_of(pid):
        # Disabled, too: the next boot must not start it.
        made = _run("systemctl", "--no-ask-password", "disable", "--now", unit)
        if made.returncode:
            reason = made.stderr.strip().splitlines()[-1:] or [f"exit status {made.returncode}"]
            hint = "" if os.geteuid() == 0 else "; only root may stop it: use sudo"
            raise ServiceError(f"the service does not stop ({reason[0][:300]}){hint}")
    else:
        _end(pid)
    if not _wait_for(lambda: supervisor_of(state_dir, token) is None, _STOP_DEADLINE_S):
        way = f"sudo systemctl stop {unit}" if unit else f"sudo kill -9 {pid}"
        raise ServiceError(f"{describe(pid)} does not stop: {way}")


def _end(pid: int) -> None:
    try:
        if pid:
            os.kill(pid, signal.SIGTERM)
            return
    except ProcessLookupError:
        return
    except PermissionError:
        pass
    raise ServiceError("another user's bot runs here: use sudo to stop it")


def _unit_of(pid: int) -> str:
    """Return the unit that a process is of, if that is a bot's; else ""."""
    if not pid or not shutil.which("systemctl"):
        return ""
    group = text_of(_PROCESSES / f"{pid}/cgroup").strip()
    found = re.search(r"/(imgbot(?:@[^/\s]+)?\.service)$", group)
    return found[1] if found else ""


def scale(workers: int, environ: Mapping[str, str] = os.environ) -> None:
    """Resize the running bot and print what happened. Raises ServiceError, ConfigError."""
    for finding in judge_workers(workers, psutil.virtual_memory().total, os.cpu_count() or 0):
        if finding.level is Severity.WARNING:
            say(f"warning: {finding.text}")
    count = "1 worker" if workers == 1 else f"{workers} workers"
    setting = f"IMGBOT_WORKERS={workers}"
    names_a_bot = not {"IMGBOT_STATE_DIR", "STATE_DIRECTORY"}.isdisjoint(environ)
    if is_active(UNIT) and not names_a_bot:
        if os.geteuid() != 0:
            raise ServiceError(f"this needs root: sudo imgbot scale {workers}")
        layout = Layout()
        path = layout.environment_file
        state_dir = Path(read_environment_file(path).get("IMGBOT_STATE_DIR") or layout.data)
        _set_workers(path, workers)
        _request(state_dir.resolve(), SCALE_REQUEST, f"{workers}\n")
        say(f"{count}; {setting} in {path} makes it permanent")
    else:
        _request(state_dir_of(environ_of_service(environ)), SCALE_REQUEST, f"{workers}\n")
        say(f"{count} until the next start; {setting} makes it permanent")


def _set_workers(path: Path, workers: int) -> None:
    text, mode = "", 0o644
    if path.exists():
        # It may hold a key, and be closed to others for that.
        text, mode = path.read_text(encoding="utf-8"), stat.S_IMODE(path.stat().st_mode)
    replace_file(path, set_variable(text, "IMGBOT_WORKERS", str(workers)), mode)


def reload() -> None:
    """Have the running bot read its settings again. Raises ServiceError, ConfigError."""
    environ = dict(os.environ)
    if "STATE_DIRECTORY" in environ:
        # systemd has handed over the lines of the file, which the bot may be unable to read.
        environ.pop("IMGBOT_ENVIRONMENT_FILE", None)
    else:
        environ = environ_of_service(environ)
    state_dir = state_dir_of(environ)
    if refusal := _request(state_dir, RELOAD_REQUEST, ""):
        raise ServiceError(f"the settings were not changed: {refusal}")
    say("settings reloaded: the number of workers is applied now, the rest needs a restart")


def _request(state_dir: Path, name: str, text: str) -> str:
    """Send the running bot a request file; return its answer, empty where it removed the file."""
    pid = supervisor_of(state_dir)
    if not pid:
        raise ServiceError(
            f"no bot runs with {state_dir} here: start it (sudo systemctl start "
            f"{service_place().unit}), or set IMGBOT_STATE_DIR to the state directory of another"
        )
    with anchored(state_dir) as here:
        return _request_of(pid, state_dir, here / name, text)


def _request_of(pid: int, state_dir: Path, request: Path, text: str) -> str:
    here = request.parent
    try:
        # The descriptor is that process for ever; its number could be another's by now.
        process = os.pidfd_open(pid)
        try:
            if supervisor_of(state_dir) != pid:
                raise ServiceError(f"the bot with {state_dir} has just ended")
            with as_owner(here):
                replace_file(request, text)
            signal.pidfd_send_signal(process, signal.SIGHUP)
        finally:
            os.close(process)
        if not _wait_for(lambda: _text_of(request) != text, _ANSWER_DEADLINE_S):
            raise ServiceError(f"{describe(pid)} does not answer")
        return strip_control(_text_of(request) or "")
    except (ProcessLookupError, PermissionError) as error:
        raise ServiceError(f"{describe(pid)} cannot be reached: {error.strerror}") from error
    finally:
        # Nobody may find it at a later start.
        with suppress(OSError), as_owner(here):
            request.unlink()


def _text_of(request: Path) -> str | None:
    try:
        with as_owner(request.parent), open_plain(request) as file:
            return file.read(_ANSWER_BYTES).decode(errors="replace")
    except OSError:
        return None
