"""The world finds every planted bug within a few seeds."""

from tests.simulation.test_simulation import simulate


def test_planted_bugs_are_found() -> None:
    played = simulate("--bugs", "--seeds", "200", "--processes", "2")

    print(played.stdout)
    assert played.returncode == 0, played.stdout + played.stderr
