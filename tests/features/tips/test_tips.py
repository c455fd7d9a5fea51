"""Tips, each told once."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from imgbot.domain.texts import t
from tests.integration.stage import Stage, jpeg, open_group, open_owned

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    told = {
        "imgbot.features.tips._AFTER": {"tip_circle": 0, "tip_more": 2},
        "imgbot.features.tips._HAS_NETWORK": False,
    }
    async for opened in open_owned(tmp_path_factory.mktemp("tips"), told, is_simulated=False):
        yield opened


async def test_each_tip_is_told_once_alone_and_where_it_helps(stage: Stage) -> None:
    anna, bob = [await stage.user(name) for name in ("Anna", "Bob")]
    ann, _ = await open_group(stage)
    circle, more = t("en", "tip_circle"), t("en", "tip_more")
    await bob.ask("/quiet")
    told = []

    for user in (anna, bob, ann):
        photos = [
            await user.order(f"{'/edit ' * (user is ann)}rotate {side}", jpeg("cat"))
            for side in ("left", "right")
        ]
        drawn = [await user.order(f"/create a {thing}") for thing in ("fox", "cat")]
        captions = [each.text for each in (*photos, *drawn)]
        told += [[tip in text for text in captions] for tip in (circle, more)]

    silent = [False] * 4
    assert told == [[True, *[False] * 3], [False, False, True, False], *[silent] * 4]


async def test_an_administrator_is_told_once_that_cut_outs_can_get_better(stage: Stage) -> None:
    bob = await stage.user("Bob")

    told = [
        t("en", "tip_cutout") in (await user.order("/removebg", jpeg("cat"))).text
        for user in (bob, stage.owner, stage.owner)
    ]

    assert told == [False, True, False]
