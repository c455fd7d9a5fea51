"""Upscale: closer to the original than Lanczos, without seams between tiles, by either method."""

from collections.abc import AsyncGenerator
from functools import partial
from itertools import product
from pathlib import Path

import pytest
from PIL import Image

from imgbot.domain.errors import UserError
from imgbot.imaging.engine import run, upscale, waifu2x
from imgbot.imaging.engine.upscale import upscale_picture
from imgbot.imaging.pool import MIB, Pool
from tests.fakes import pool_steps
from tests.fixtures.photos import load_photo, psnr_db, save_photo

pytestmark = pytest.mark.slow

PHOTOS = ("astronaut", "cat")
ENGINES = ("waifu2x", "lanczos")


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Either engine; without the extra, the built-in one is all there is."""
    if request.param == "lanczos":
        monkeypatch.setattr(waifu2x, "is_installed", lambda: False)
    return str(request.param)


@pytest.fixture
async def pool() -> AsyncGenerator[Pool]:
    pool = Pool(1)
    pool.start()
    yield pool
    await pool.close()


@pytest.mark.parametrize("scale", [2, 4])
@pytest.mark.parametrize("photo", PHOTOS)
def test_upscaling_beats_lanczos(photo: str, scale: int, engine: str) -> None:
    original = load_photo(photo)
    size = (original.width // 4 * 4, original.height // 4 * 4)
    original = original.crop((0, 0, *size))
    small = original.resize((size[0] // scale, size[1] // scale), Image.Resampling.BICUBIC)
    plain = psnr_db(small.resize(size, Image.Resampling.LANCZOS), original)
    large, applied = upscale_picture(small, scale)
    ours = psnr_db(large, original)
    print(f"{photo} x{scale}: Lanczos {plain:.2f} dB, ours {ours:.2f} dB")
    assert applied == (f"x{scale}", engine)
    # Measured 0.2 to 0.9, with the network 0.45 to 3.1.
    assert ours > plain + (0.25 if engine == "waifu2x" else 0.1)


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


def test_edges_and_flat_areas_keep_their_tones(engine: str) -> None:
    plain = Image.new("RGB", (150, 70), (200, 90, 40))
    large, applied = upscale_picture(plain, 2)
    assert applied[1] == engine
    assert psnr_db(large, plain.resize(large.size)) > 35


@pytest.mark.parametrize("scale", [2, 4])
def test_progress_increases_to_the_end(scale: int, engine: str) -> None:
    heard: list[float] = []
    _, applied = upscale_picture(load_photo("astronaut").resize((700, 560)), scale, heard.append)
    assert applied[1] == engine
    assert len(heard) >= 4
    assert heard == sorted(set(heard))
    assert heard[0] > 0
    assert heard[-1] == 1.0


def test_large_pictures_use_lanczos() -> None:
    large, applied = upscale_picture(Image.new("RGB", (1600, 1000), "navy"), 2)
    assert (large.size, applied) == ((3200, 2000), ("x2", "lanczos"))


def test_broken_network_falls_back_to_lanczos(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # Missing weights, as after a broken installation; noticed only when the network is loaded.
    monkeypatch.setattr(waifu2x, "_MODEL", "NO_SUCH_MODEL")
    waifu2x._load.cache_clear()
    heard: list[float] = []
    large, applied = upscale_picture(load_photo("cat"), 2, heard.append)
    waifu2x._load.cache_clear()
    assert (large.size, applied) == ((902, 600), ("x2", "lanczos"))
    assert heard[-1] == 1.0
    assert "NO_SUCH_MODEL" in caplog.text


def test_slow_machine_uses_lanczos(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waifu2x, "_SECONDS_MAX", 0.0)
    heard: list[float] = []
    large, applied = upscale_picture(load_photo("astronaut"), 2, heard.append)
    assert (large.size, applied) == ((1024, 1024), ("x2", "lanczos"))
    assert heard == sorted(set(heard))
    assert heard[-1] == 1.0


def test_upscale_is_bounded(tmp_path: Path) -> None:
    source = save_photo("astronaut", tmp_path, (3000, 2500))
    with pytest.raises(UserError) as caught:
        run("upscale", "", (source,), str(tmp_path / "out.jpg"), scale=4, seed=1)
    assert caught.value.reason == "upscale_too_large"
    assert caught.value.facts == {"megapixels": 120.0, "limit_megapixels": 64}
    with pytest.raises(ValueError, match="scale"):
        upscale_picture(load_photo("cat"), 3)


async def test_network_runs_in_a_worker(pool: Pool, tmp_path: Path) -> None:
    source = save_photo("astronaut", tmp_path, (900, 700))
    # The forkserver must have no threads, so the libraries are loaded by the first upscale.
    assert await pool.run(waifu2x.is_installed)
    assert not {"ncnn", "numpy", "pillow_heif"} & set(await pool.run(pool_steps.modules))
    target = str(tmp_path / "out.jpg")
    made = await pool.run(partial(run, "upscale", "", (source,), target, scale=4, seed=1))
    assert (made.width, made.height, made.applied) == (3600, 2800, ("x4", "waifu2x"))
    with Image.open(target) as image:
        assert image.size == (3600, 2800)
    assert {"ncnn", "numpy"} <= set(await pool.run(pool_steps.modules))


async def test_worker_with_little_memory_uses_lanczos(tmp_path: Path) -> None:
    pool = Pool(1, worker_memory_bytes=60 * MIB)
    pool.start()
    try:
        source = save_photo("cat", tmp_path)
        target = str(tmp_path / "out.jpg")
        made = await pool.run(partial(run, "upscale", "", (source,), target, scale=2, seed=1))
    finally:
        await pool.close()
    assert (made.width, made.height, made.applied) == (902, 600, ("x2", "lanczos"))
