"""The simulated world: no seed breaks a promise, and every rare event occurs."""

import os
import subprocess
import sys

SEEDS = 80


def simulate(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.simulation", *arguments],
        env={**os.environ, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_no_seed_breaks_a_promise() -> None:
    played = simulate("--seeds", str(SEEDS), "--processes", "2")

    print(played.stdout)
    assert played.returncode == 0, played.stdout + played.stderr
    for rare in ("a power cut", "event: failover", "event: takeover", "outcome: dead"):
        assert f" {rare}\n" in played.stdout


def test_a_job_that_was_delivered_before_it_was_lost_holds() -> None:
    played = simulate("--first", "356", "--seeds", "1", "--processes", "1")

    assert played.returncode == 0, played.stdout
