"""A cut-out and its file with transparency, over a crash and without kept pictures."""

from pathlib import Path

import pytest

from tests.fixtures.sandbox import Message
from tests.integration.stage import jpeg, open_stage

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


def has_file(message: Message) -> bool:
    return bool(message.document_id)


async def test_the_png_outlives_a_crash_and_comes_without_kept_pictures_at_once(
    tmp_path: Path,
) -> None:
    for folder, kept_mb in (("kept", "2000"), ("none", "0")):
        place = tmp_path / folder
        place.mkdir()
        async for stage in open_stage(place, is_simulated=False, IMGBOT_KEPT_PICTURES_MB=kept_mb):
            bob = await stage.user()
            shown = await bob.order("/removebg", jpeg("astronaut"))
            await stage.bot.kill()
            await stage.bot.start()
            # Killed before it was recorded, the job shows its end once more in the same message.
            await bob.heard()
            [again] = await bob.results()
            is_preview = bool(shown.photo_id)
            file = await bob.click(again, "As a file", has_file) if is_preview else again

            assert is_preview == (kept_mb != "0")
            assert (await bob.image(file)).mode == "RGBA"
            assert len(await bob.results()) == 1 + is_preview
