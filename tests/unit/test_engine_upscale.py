"""Upscale: closer to the original than Lanczos, without seams between tiles, by either method."""

from functools import partial
from itertools import product
from pathlib import Path

import pytest
from PIL import Image

from imgbot.domain.errors import UserError
from imgbot.painter.engine import make_picture, upscale, waifu2x
from imgbot.painter.engine.upscale import progress_path, progress_writer, upscale_picture
from imgbot.painter.pool import MEMORY_BYTES, MIB, Pool
from tests.fakes import pool_steps
from tests.fixtures.photos import load_photo, psnr_db, save_photo

pytestmark = pytest.mark.slow


@pytest.fixture(params=["waifu2x", "lanczos"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Either engine; without the extra, the built-in one is all there is."""
    if request.param == "lanczos":
        monkeypatch.setattr(waifu2x, "is_installed", lambda: False)
    return str(request.param)


def test_tiles_have_no_seam(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = load_photo("astronaut").resize((300, 210))
    monkeypatch.setattr(upscale, "TILE_PX", 100)
    tiled, _ = upscale_picture(photo, 2)
    monkeypatch.setattr(upscale, "TILE_PX", 10_000)
    monkeypatch.setattr(waifu2x, "_TILE_PX", 10_000)
    whole, applied = upscale_picture(photo, 2)
    assert applied[1] == engine
    # A different order of summation may round the last bit differently.
    assert psnr_db(tiled, whole) > 60


def test_upscale_is_deterministic_and_of_the_exact_size(engine: str) -> None:
    photo = load_photo("cat").crop((100, 50, 301, 200))
    assert upscale_picture(photo, 4)[0].tobytes() == upscale_picture(photo, 4)[0].tobytes()
    sizes = ((1, 1), (3, 2), (1, 400), (400, 1), (65, 63), (64, 64))
    for (width, height), scale in product(sizes, (2, 4)):
        large, applied = upscale_picture(load_photo("cat").resize((width, height)), scale)
        assert (large.size, large.mode) == ((width * scale, height * scale), "RGB")
        assert applied[1] == engine


def test_upscale_is_bounded(tmp_path: Path) -> None:
    source = save_photo("astronaut", tmp_path, (3000, 2500))
    with pytest.raises(UserError) as caught:
        make_picture("upscale", "", (source,), str(tmp_path / "out.jpg"), scale=4, seed=1)
    assert caught.value.reason == "upscale_too_large"
    assert caught.value.facts == {"megapixels": 120.0, "limit_megapixels": 64}


@pytest.mark.parametrize(
    ("photo", "scale"), [("astronaut", 2), ("astronaut", 4), ("cat", 2)], ids=str
)
def test_upscaling_beats_lanczos_and_tells_its_progress(
    photo: str, scale: int, engine: str
) -> None:
    original = load_photo(photo)
    size = (original.width // 4 * 4, original.height // 4 * 4)
    original = original.crop((0, 0, *size))
    small = original.resize((size[0] // scale, size[1] // scale), Image.Resampling.BICUBIC)
    plain = psnr_db(small.resize(size, Image.Resampling.LANCZOS), original)
    heard: list[float] = []
    large, applied = upscale_picture(small, scale, heard.append)
    assert applied == (f"x{scale}", engine)
    # Measured 0.2 to 0.9, with the network 0.45 to 3.1.
    assert psnr_db(large, original) > plain + (0.25 if engine == "waifu2x" else 0.1)
    expect_progress(heard)


def expect_progress(heard: list[float]) -> None:
    assert heard == sorted(set(heard))
    assert heard[0] > 0
    assert heard[-1] == 1.0


@pytest.mark.parametrize("reason", ["large", "broken", "slow"])
def test_lanczos_does_what_the_network_cannot(
    reason: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    photo = load_photo("cat")
    match reason:
        case "large":
            photo = Image.new("RGB", (1600, 1000), "navy")
        case "broken":
            # Missing weights; noticed only when the network is loaded.
            monkeypatch.setattr(waifu2x, "_MODEL", "NO_SUCH_MODEL")
            waifu2x._load.cache_clear()
        case _:
            monkeypatch.setattr(waifu2x, "_SECONDS_MAX", 0.0)
    heard: list[float] = []
    large, applied = upscale_picture(photo, 2, heard.append)
    waifu2x._load.cache_clear()
    assert (large.size, applied) == ((2 * photo.width, 2 * photo.height), ("x2", "lanczos"))
    expect_progress(heard)
    assert ("NO_SUCH_MODEL" in caplog.text) == (reason == "broken")


def test_progress_is_written_atomically_throttled_and_removed(tmp_path: Path) -> None:
    target = str(tmp_path / "out.jpg")
    report = progress_writer(target)
    report(0.42)
    report(0.43)
    assert progress_path(target).read_text() == "0.42"
    assert [path.name for path in tmp_path.iterdir()] == ["out.jpg.progress"]
    source = save_photo("pendulum", tmp_path)
    made = make_picture("upscale", "", (source,), target, scale=2, seed=1)
    assert made.applied[0] == "x2"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.jpg", "pendulum.jpg"]


@pytest.mark.parametrize(
    ("memory_bytes", "engine"), [(MEMORY_BYTES, "waifu2x"), (60 * MIB, "lanczos")]
)
async def test_network_is_loaded_by_the_first_upscale_of_a_worker_with_memory(
    memory_bytes: int, engine: str, tmp_path: Path
) -> None:
    pool = Pool(1, worker_memory_bytes=memory_bytes)
    pool.start()
    try:
        # The forkserver must have no threads.
        assert not {"ncnn", "numpy", "pillow_heif"} & set(await pool.run(pool_steps.modules))
        source, target = save_photo("cat", tmp_path), str(tmp_path / "out.jpg")
        made = await pool.run(
            partial(make_picture, "upscale", "", (source,), target, scale=2, seed=1)
        )
        loaded = {"ncnn", "numpy"} <= set(await pool.run(pool_steps.modules))
    finally:
        await pool.close()
    assert (made.width, made.height, made.applied) == (902, 600, ("x2", engine))
    assert loaded == (engine == "waifu2x")
    with Image.open(target) as image:
        assert image.size == (902, 600)
