"""Shapes of a photo: cropped, or asked about once where that would cut off what it shows."""

import pytest
from PIL import Image, ImageStat

from imgbot.domain.texts import t
from imgbot.features.shapes.words import canvas_in
from tests.integration.stage import (
    BOT_NAME,
    Stage,
    User,
    as_jpeg,
    is_picture,
    jpeg,
    open_group,
    source_of,
)

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


@pytest.mark.parametrize(
    ("words", "area"),
    [
        ("wider", 1 / 3),
        ("покажи больше неба", 2 / 7),
        ("zoom out a bit", 0.36),
        ("make it 16:9 without cropping", 0.4375),
    ],
)
async def test_more_around_a_photo_is_ordered_as_the_marked_area_of_a_larger_canvas(
    anna: User, words: str, area: float
) -> None:
    before = await anna.stage.charges()
    result = await anna.order(words, ASTRONAUT)

    task = (await anna.control.provider())["tasks"][-1]
    assert (task["operation"], round(task["area"], 2)) == ("inpaint", round(area, 2))
    language = "en" if words.isascii() else "ru"
    assert result.text == t(language, "caption_canvas", words=words)
    assert await anna.stage.charges() == before + 1


async def test_the_engine_continues_a_sky_and_refuses_what_it_cannot(bob: User) -> None:
    sky = Image.linear_gradient("L").resize((400, 300)).convert("RGB")
    larger = await bob.order("шире", as_jpeg(sky))
    uneven = t("ru", "canvas_uneven")
    await bob.ask("шире", jpeg("cat"), fits=lambda message: message.text == uneven)

    image = await bob.image(larger)
    assert image.size == (600, 300)
    # What is new has the colours of what was there.
    side, middle = (ImageStat.Stat(image.crop(box)).mean[0] for box in EDGES)
    assert side == pytest.approx(middle, abs=6)
    assert larger.text == t("ru", "caption_canvas", words="шире")
    assert len(await bob.results()) == 1


EDGES = (0, 100, 90, 200), (200, 100, 400, 200)


async def test_a_result_is_extended_again_in_a_group(simulated_stage: Stage) -> None:
    ann, _ = await open_group(simulated_stage)
    owl = await ann.order("/create an owl")
    wider = await ann.order(f"{BOT_NAME} zoom out", reply_to=owl.id)

    assert wider.text.startswith("↔️")
    assert await source_of(simulated_stage, wider) == owl.photo_unique_id


@pytest.mark.parametrize(
    "text",
    [
        *("wider smile", "a wider road", "make the road wider", "сделай улыбку шире", "zoom in"),
        *("make him taller", "a zoom out shot of a city", "make it 16:9", "расширь глаза"),
    ],
)
async def test_words_about_what_is_in_a_picture_ask_for_no_canvas(text: str) -> None:
    assert canvas_in(text) is None
