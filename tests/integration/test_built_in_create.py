"""Captions of pictures that the built-in engine creates: what was drawn, and what was not."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from imgbot.domain.texts import t
from tests.integration.stage import OWNER_ID, Stage, User, open_stage

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """The built-in engine; its first user is the administrator."""
    folder = tmp_path_factory.mktemp("created")
    async for stage in open_stage(folder, is_simulated=False, IMGBOT_ADMINS=str(OWNER_ID)):
        yield stage


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def owner(stage: Stage) -> User:
    return await stage.owner()


async def test_an_administrator_alone_is_told_once_how_to_plug_in_a_provider(
    stage: Stage, owner: User
) -> None:
    guest = await stage.user()

    captions = [(await each.order("a fox in a forest")).text for each in (guest, owner, owner)]

    hint = t("en", "engine_hint")
    assert captions == ["a fox in a forest", f"a fox in a forest\n\n{hint}", "a fox in a forest"]
    assert "sudo imgbot install --provider replicate" in hint
    assert "IMGBOT_" not in hint
