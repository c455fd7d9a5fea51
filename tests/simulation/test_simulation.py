"""The simulated world: no seed breaks a promise, and every rare event occurs."""

import os
import subprocess
import sys

SEEDS = 48


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
    for rare in (
        *("a power cut", "event: failover", "event: takeover", "outcome: dead"),
        *("Stars are spent", "Stars are given back", "redis: a stale supervisor is fenced"),
        *("a replica is promoted", "a returner is wiped", "a primary goes on alone"),
    ):
        assert f" {rare}\n" in played.stdout
