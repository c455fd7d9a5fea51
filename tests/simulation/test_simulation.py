"""The simulated world: no seed breaks a promise, every rare event occurs, known bugs are found."""

import os
import subprocess
import sys

import pytest

SEEDS = 60

# Found within few seeds; `python -m tests.simulation --bugs` finds all.
_QUICKLY_FOUND = ("reservation forgotten",)


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


@pytest.mark.parametrize("bug", _QUICKLY_FOUND)
def test_a_known_bug_is_found(bug: str) -> None:
    played = simulate("--bugs", bug, "--seeds", "40")

    print(played.stdout)
    assert played.returncode == 0, played.stdout + played.stderr
