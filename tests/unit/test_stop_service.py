"""Ending the bot of this machine, where it is a service under a systemd that is played."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import PIPE

import pytest

from imgbot.ops import service
from imgbot.ops.service import ServiceError, stop_service
from imgbot.ops.state_directory import instance_lock, supervisor_of

_REFUSES = """
echo "Warning: The unit file changed on disk." >&2
echo "Failed to disable unit: Interactive authentication required." >&2
exit 1
"""

_HOLDS = """
import pathlib, signal, sys
from imgbot.ops.state_directory import instance_lock
with instance_lock(pathlib.Path(sys.argv[1]), ""):
    print("held", flush=True)
    signal.pause()
"""


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Let a service have the state directory that is returned, and systemd do this about it."""
    program, state_dir = tmp_path / "bin" / "systemctl", tmp_path / "state"
    program.parent.mkdir()
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(service, "_PROCESSES", tmp_path)

    def play(does: str, pid: int = 0, unit: str = "") -> Path:
        (tmp_path / str(pid)).mkdir(exist_ok=True)
        (tmp_path / f"{pid}/cgroup").write_text(f"0::/system.slice/{unit}\n")
        program.write_text(f"#!/bin/sh\n{does}\n")
        program.chmod(0o755)
        return state_dir

    return play


def test_a_user_who_may_not_stop_the_service_is_told_at_once(
    play: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    state_dir = play(_REFUSES, os.getpid(), "imgbot.service")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    with (
        instance_lock(state_dir, ""),
        pytest.raises(ServiceError, match=r"authentication required\.\); .*: use sudo"),
    ):
        stop_service(state_dir, "")


@pytest.mark.parametrize("path", ["imgbot.service", "system-imgbot.slice/imgbot@shop.service"])
def test_the_service_is_stopped_for_good_and_waited_for(
    play: Callable[..., Path], path: str
) -> None:
    state_dir = play("")
    asked = state_dir.with_name("asked")
    with subprocess.Popen([sys.executable, "-c", _HOLDS, state_dir], stdout=PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        play(f'echo "$@" >{asked}; kill {holder.pid}', holder.pid, path)
        stop_service(state_dir, "")

    assert supervisor_of(state_dir) is None
    assert asked.read_text() == f"--no-ask-password disable --now {Path(path).name}\n"
