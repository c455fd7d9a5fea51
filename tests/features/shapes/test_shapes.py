"""Shapes of a photo: cropped, or asked about once where that would cut off what it shows."""

import pytest

from imgbot.domain.texts import t
from tests.integration.stage import User, is_picture, jpeg

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

ASTRONAUT = jpeg("astronaut", (512, 512))


async def test_a_shape_that_would_cut_something_off_is_asked_about_once(bob: User) -> None:
    asked = t("ru", "shape_cuts", shape="9:16")
    words = "сделай вертикальную для сторис"
    question = await bob.ask(words, ASTRONAUT, fits=lambda m: m.text == asked)

    whole = await bob.click(question, t("ru", "button_shape_fit"), is_picture)

    width, height = (await bob.image(whole)).size
    assert width / height == pytest.approx(9 / 16, abs=0.01)
    assert height > 512


async def test_a_photo_is_said_to_have_a_shape_if_it_has(bob: User) -> None:
    await bob.ask("square", ASTRONAUT, fits=lambda m: m.text == t("en", "shape_same"))
    cropped = await bob.order("crop to 4:3", ASTRONAUT)
    assert (await bob.image(cropped)).size == (512, 384)
