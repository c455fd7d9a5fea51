"""Tips, each told once."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from imgbot.domain.texts import t
from tests.integration.stage import Stage, jpeg, open_group, open_stage

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    told = {"imgbot.features.tips._AFTER": {"tip_circle": 0, "tip_more": 2}}
    async for opened in open_stage(tmp_path_factory.mktemp("tips"), told, is_simulated=False):
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
