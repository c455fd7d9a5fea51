"""Networks of the extras `paint` and `cutout`: real ones, in a worker's memory."""

from functools import partial
from pathlib import Path

import pytest
from PIL import Image, ImageStat

from imgbot.domain.errors import UserError
from imgbot.domain.texts import LANGUAGES, tables
from imgbot.domain.this_style import asks_for_this_style
from imgbot.painter.engine import make_picture, photo_styles, subject_network
from imgbot.painter.engine.background import cut_subject
from imgbot.painter.engine.edit_request import parse_edit_request
from imgbot.painter.engine.merge_request import parse_merge_request
from imgbot.painter.networks import Network
from imgbot.painter.pool import MEMORY_BYTES, MIB, Pool
from tests.fakes import pool_steps
from tests.fixtures.photos import load_photo, save_photo


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_style_is_found_by_its_name_and_number(language: str) -> None:
    names = tables(language)["photo_styles"]
    assert list(names) == list(photo_styles.STYLES)
    assert sorted(style["network"] for style in photo_styles.STYLES.values()) == [*range(26)]
    style, in_style = {"ru": ("стиль", "в стиле"), "en": ("style", "in the style of")}[language]
    for number, (key, name) in enumerate(names.items(), 1):
        for words in (f"{style}: {name}", f"{in_style} {name}", f"{style} {number}"):
            (step,), unrecognised = parse_edit_request(words)
            assert (step.key, step.value, unrecognised) == ("photo_style", key, ()), words


@pytest.mark.parametrize(
    ("words", "steps"),
    [
        ("as Van Gogh", ["van_gogh"]),
        ("в стиле мозаики и поярче", ["mosaic", ""]),
        ("нарисуй пастелью", ["pastel"]),
        ("сделай в стиле звёздной ночи Ван Гога", ["van_gogh"]),
        # What the engine did before the extra was there.
        ("мозаика", [""]),
        ("пастельные тона", [""]),
        ("pop art", [""]),
    ],
)
def test_words_name_a_style_or_what_they_named_before(words: str, steps: list[str]) -> None:
    found, unrecognised = parse_edit_request(words)
    assert ([step.value for step in found], unrecognised) == (steps, ())


@pytest.mark.parametrize(
    ("words", "example"),
    [
        ("in this style", 1),
        ("сделай фото в таком же стиле", 1),
        ("in the style of the first one", 0),
        ("в стиле второй", 1),
        ("draw a cat in this style", None),
        ("в стиле Ван Гога", None),
        ("collage", None),
    ],
)
def test_words_say_which_photo_is_the_example(words: str, example: int | None) -> None:
    assert asks_for_this_style(words) == (example is not None)
    if example is not None:
        request = parse_merge_request(words, 2)
        assert (request.layout, request.ground, request.unrecognised) == (
            "like_picture", example, (),
        )  # fmt: skip


@pytest.mark.parametrize("memory_bytes", [MEMORY_BYTES, 150 * MIB])
async def test_styles_stay_within_the_memory_of_a_worker(memory_bytes: int, tmp_path: Path) -> None:
    photo, target = save_photo("astronaut", tmp_path, (1600, 1280)), str(tmp_path / "out.jpg")
    example = save_photo("cat", tmp_path)
    edit = partial(make_picture, "edit", "as Van Gogh", (photo,), target, scale=2, seed=1)
    merge = partial(
        make_picture, "merge", "in this style", (photo, example), target, scale=2, seed=1
    )
    pool = Pool(1, worker_memory_bytes=memory_bytes)
    pool.start()
    try:
        # The forkserver must have no threads.
        assert not {"onnxruntime", "numpy"} & set(await pool.run(pool_steps.modules))
        if memory_bytes < MEMORY_BYTES:
            for make in (edit, merge):
                with pytest.raises(UserError, match="photo_styles_unavailable"):
                    await pool.run(make)
            return
        made = await pool.run(edit)
        assert (made.width, made.height, made.applied) == (1600, 1280, ("photo_style|van_gogh",))
        with Image.open(target) as painted:
            # Blue for what was grey.
            red, _, blue = ImageStat.Stat(painted.crop((900, 20, 1000, 120))).mean
        assert blue > red + 30
        made = await pool.run(merge)
        assert (made.width, made.height, made.applied) == (1600, 1280, ("like_picture",))
    finally:
        await pool.close()


def test_a_damaged_network_is_reported_and_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes(b"\x08\x06" + b"\xff" * 1000)
    network = Network("imgbot", str(damaged), room_bytes=0)
    for module, name in (
        (photo_styles, "PAINTER"), (photo_styles, "_READER"), (subject_network, "NETWORK"),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, network)
    photo = load_photo("cat")
    with pytest.raises(UserError, match="photo_styles_unavailable"):
        photo_styles.paint(photo, "mosaic", 1)
    with pytest.raises(UserError, match="photo_styles_unavailable"):
        photo_styles.paint_like(photo, photo)
    assert subject_network.salience(photo) is None
    assert caplog.text.count("damaged.onnx cannot be run") == 3


@pytest.mark.parametrize("size", [(1, 1), (8000, 200)])
def test_styles_take_every_shape(size: tuple[int, int]) -> None:
    photo = load_photo("cat").resize(size)
    assert photo_styles.paint_like(photo, photo.resize((1, 1))).size == size
    assert subject_network.salience(photo)


@pytest.mark.slow
def test_the_astronaut_keeps_her_head_and_loses_the_background() -> None:
    cut, is_certain = cut_subject(load_photo("astronaut"))
    assert is_certain
    opacity = cut.getchannel("A")
    # Her hair, face and suit; the wall, the flag's stars and the model of a shuttle.
    for place, is_hers in (
        ((215, 35), True), ((220, 120), True), ((150, 400), True),
        ((350, 60), False), ((10, 30), False), ((420, 80), False), ((410, 200), False),
    ):  # fmt: skip
        assert (opacity.getpixel(place) == 255) is is_hers, place
