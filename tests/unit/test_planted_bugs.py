"""Each bug that the simulated world is to find can still be planted."""

import pytest

from tests.simulation.bugs import BUGS


@pytest.mark.parametrize("name", BUGS)
def test_a_planted_text_stands_in_the_code_once(name: str) -> None:
    with BUGS[name].patched():
        pass
