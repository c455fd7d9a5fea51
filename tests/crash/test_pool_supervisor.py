"""The pool seen from a supervisor of its own: what it leaves behind, and what workers carry."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.fixtures.processes import children_of, is_gone
from tests.fixtures.waiting import PATIENCE_S, wait_until

ROOT = Path(__file__).parents[2]
WORKERS = 3

# What the supervisor has and a worker must not pay for (or be attacked through).
FORBIDDEN = {"aiogram", "aiohttp", "redis", "httpx", "prometheus_client", "pydantic", "uvloop"}

# The shape of the script that pip writes for `imgbot`, with the pool in place of the bot.
CONSOLE_SCRIPT = """\
import sys
from imgbot.cli import main
if __name__ == "__main__":
    assert main
    from tests.fakes.pool_supervisor import supervise
    supervise(sys.argv[1])
"""


@contextmanager
def supervisor(command: list[str], folder: Path) -> Generator[subprocess.Popen[str]]:
    """A process with a pool, whose steps run until the file `go` appears."""
    process = subprocess.Popen(
        [sys.executable, *command, str(folder)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def started_steps(folder: Path) -> list[int]:
    wait_until(lambda: len(list(folder.glob("go.*"))) >= WORKERS, "all workers have begun")
    return [int(path.suffix[1:]) for path in folder.glob("go.*")]


def test_nothing_survives_a_killed_supervisor(tmp_path: Path) -> None:
    with supervisor(["-m", "tests.fakes.pool_supervisor"], tmp_path) as process:
        workers = started_steps(tmp_path)
        family = children_of(process.pid)
        assert set(workers) <= set(family)
        # Besides the workers: the forkserver and the resource tracker.
        assert len(family) == WORKERS + 2
        process.kill()
        process.wait()
        for pid, command in family.items():
            assert is_gone(pid), f"{pid} is left: {command}"


def test_without_its_forkserver_the_pool_goes_on(tmp_path: Path) -> None:
    with supervisor(["-m", "tests.fakes.pool_supervisor"], tmp_path) as process:
        first = started_steps(tmp_path)
        (forkserver,) = children_of_first_rank(process.pid, "preload")
        os.kill(forkserver, signal.SIGKILL)
        # The supervisor takes the workers for dead; they must not live on beside their successors.
        for pid in first:
            assert is_gone(pid)
        wait_until(lambda: len(list(tmp_path.glob("go.*"))) >= 2 * WORKERS, "all steps again")
        (tmp_path / "go").touch()
        out, _ = process.communicate(timeout=PATIENCE_S)
        assert json.loads(out)["restarts"] == ["killed"] * WORKERS


def children_of_first_rank(parent: int, pattern: str = "") -> list[int]:
    return [
        pid for pid, command in children_of(parent).items()
        if pattern in command and f"\nPPid:\t{parent}\n" in Path(f"/proc/{pid}/status").read_text()
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["console script", "python -m"])
def test_workers_import_the_picture_code_alone_and_a_sigterm_to_the_unit_costs_no_step(
    kind: str, tmp_path: Path
) -> None:
    script = tmp_path / "imgbot"
    script.write_text(CONSOLE_SCRIPT)
    command = [str(script)] if kind == "console script" else ["-m", "tests.fakes.pool_supervisor"]
    with supervisor(command, tmp_path) as process:
        started_steps(tmp_path)
        (forkserver,) = children_of_first_rank(process.pid, "preload")
        # systemd sends SIGTERM to every process of the unit.
        os.kill(forkserver, signal.SIGTERM)
        (tmp_path / "go").touch()
        out, _ = process.communicate(timeout=PATIENCE_S)
    report = json.loads(out)
    assert report["restarts"] == []
    assert set(report["supervisor"]) >= FORBIDDEN, "the test supervisor has what workers must not"
    imported = {name.partition(".")[0] for name in report["worker"]}
    assert not imported & FORBIDDEN
    assert {"PIL.Image", "imgbot.painter.pictures", "imgbot.painter.engine"} <= set(
        report["worker"]
    )
