"""Three machines on a network of their own: the scenes in which two might lead.

All scenes: `make cluster-chaos`.
"""

import os
from dataclasses import replace

import pytest

from tests.bench.cluster_chaos import SCENES, act

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", ["split", "frozen"])
async def test_one_picture_and_one_charge_each(name: str) -> None:
    outcome = await act(replace(SCENES[name], until_s=16.0))

    assert not outcome.figures.broken, outcome
    # Without namespaces the leader's Redis is stopped, and its bot follows the other one.
    assert outcome.has_moved or (name == "split" and os.geteuid() != 0)
    print(f"{name}: {outcome.figures}")
