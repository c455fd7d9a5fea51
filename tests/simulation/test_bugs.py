"""The world finds every planted bug within a few seeds."""

import pytest

from tests.simulation.bugs import BUGS
from tests.simulation.test_simulation import simulate


@pytest.mark.parametrize("bug", BUGS)
def test_planted_bug_is_found(bug: str) -> None:
    played = simulate("--bugs", bug, "--seeds", "200", "--processes", "1")

    assert played.returncode == 0, played.stdout + played.stderr
