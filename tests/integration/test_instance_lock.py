"""One supervisor per state directory and per bot, against real other processes."""

import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from imgbot.ops.state_directory import AlreadyRunningError, instance_lock, supervisor_of

pytestmark = pytest.mark.slow

_HOLDER = """
import os, sys
from pathlib import Path
from imgbot.ops.state_directory import instance_lock

os.setuid(int(sys.argv[3]))
with instance_lock(Path(sys.argv[1]), sys.argv[2]):
    print("held", flush=True)
    sys.stdin.read()
"""

_OUT_OF_FILES = f"""
import errno, socket

accept, faults = socket.socket.accept, [OSError(errno.EMFILE, "")]
def accept_later(listener):
    if faults:
        raise faults.pop()
    return accept(listener)

socket.socket.accept = accept_later
{_HOLDER}"""

_STRANGER = """
import os, socket, sys
from pathlib import Path
from imgbot.ops.state_directory import _name_of

os.setuid(int(sys.argv[3]))
stranger = socket.socket(socket.AF_UNIX)
stranger.bind("\\0" + _name_of(sys.argv[2]))
stranger.listen()
print("held", flush=True)
sys.stdin.read()
"""
_OTHER_USER = 65534
_AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another account")

# close_fds off, as a careless library would start its own programs
_PARENT = """
import subprocess, sys
from pathlib import Path
from imgbot.ops.state_directory import instance_lock

with instance_lock(Path(sys.argv[1]), sys.argv[2]):
    child = subprocess.Popen(
        [sys.executable, "-c", "import os; print(os.getpid(), flush=True); os.read(0, 1)"],
        close_fds=False,
    )
    child.wait()
"""


@contextmanager
def _other(
    state_dir: Path, token: str, user: int | None = None, program: str = _HOLDER
) -> Generator[subprocess.Popen[str]]:
    uid = os.geteuid() if user is None else user
    command = [sys.executable, "-c", program, state_dir.name, token, str(uid)]
    # Another account cannot reach the folder from above.
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=state_dir.parent
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def _token(tmp_path: Path) -> str:
    # One per test: the name is the whole machine's.
    return f"123456789:{tmp_path}"


def test_bots_with_the_same_token_are_told_of_the_first_and_hold_nothing(tmp_path: Path) -> None:
    token = _token(tmp_path)
    refusals: list[AlreadyRunningError] = []
    with _other(tmp_path / "here", token) as holder:
        for _ in range(3):
            with pytest.raises(AlreadyRunningError, match="serves this bot") as refusal:
                instance_lock(tmp_path / "there", token).__enter__()
            refusals.append(refusal.value)
        for _ in range(10):
            with instance_lock(tmp_path / "there", f"{token}-another"):
                pass

    assert {refusal.pid for refusal in refusals} == {holder.pid}
    assert token not in str(refusals[0]).split("(")[0]


@_AS_ROOT
def test_only_an_account_with_the_token_holds_its_lock(tmp_path: Path) -> None:
    token = _token(tmp_path)
    with _other(tmp_path, token, _OTHER_USER, _STRANGER):
        assert supervisor_of(tmp_path, token) is None
        with instance_lock(tmp_path, token):
            pass

    tmp_path.chmod(0o777)
    with _other(tmp_path / "there", token, _OTHER_USER, _OUT_OF_FILES) as holder:
        assert supervisor_of(tmp_path / "here", token) == 0
        with pytest.raises(AlreadyRunningError, match=f"serves this bot: process {holder.pid}"):
            instance_lock(tmp_path / "here", token).__enter__()


def test_a_killed_one_leaves_nothing_behind(tmp_path: Path) -> None:
    token = _token(tmp_path)
    with _other(tmp_path, token) as holder:
        holder.kill()
        holder.wait()

        with instance_lock(tmp_path, token):
            assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


def test_a_child_that_outlives_a_killed_one_holds_nothing(tmp_path: Path) -> None:
    token = _token(tmp_path)
    command = [sys.executable, "-c", _PARENT, str(tmp_path), token]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        process.kill()
        process.wait()
        try:
            with instance_lock(tmp_path, token):
                assert Path(f"/proc/{child}").exists()
        finally:
            os.kill(child, signal.SIGKILL)
