"""The one file, really built, on the Python of the tests: version, demo, a picture."""

import os
import platform
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from imgbot.ops.install.onefile_build import write
from imgbot.version import version
from tests.fixtures.bot import Bot
from tests.fixtures.sandbox import Control, open_sandbox
from tests.fixtures.waiting import PATIENCE_S

pytestmark = pytest.mark.slow

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("binary")


@pytest.fixture(scope="module")
def binary(folder: Path) -> Path:
    """Built once: it takes a quarter of a minute."""
    out = folder / "dist" / "imgbot"
    subprocess.run(
        [sys.executable, "-m", "imgbot.ops.install.onefile_build", "--pythons", PYTHON, str(out)],
        check=True,
        timeout=PATIENCE_S * 2,
    )
    return out


@pytest.fixture
def environ(folder: Path) -> dict[str, str]:
    """A shell whose cache is the tests' own."""
    cache = folder / "cache"
    cache.mkdir(exist_ok=True)
    clean = {name: v for name, v in os.environ.items() if not name.startswith("IMGBOT_")}
    return clean | {"XDG_CACHE_HOME": str(cache)}


def run(file: Path, *arguments: str, environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(file), *arguments],
        env=environ,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def test_the_one_file_is_the_program_and_is_unpacked_once(
    binary: Path, environ: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One of that name in the current folder is not taken for it.
    (folder / "imgbot.py").write_text("raise SystemExit('the wrong one')")
    monkeypatch.chdir(folder)
    first = run(binary, "--version", environ=environ)
    (unpacked,) = (folder / "cache/imgbot").iterdir()
    inode = unpacked.stat().st_ino
    second = run(binary, "--version", environ=environ)

    assert (first.stdout, second.stdout) == (f"imgbot {version()}\n",) * 2
    assert unpacked.name.startswith(f"{version()}-")
    # Debian 12 has 3.11.2, whose redis client needs it, whatever patch level it was built by.
    assert list(unpacked.glob("lib/*/site-packages/async_timeout/__init__.py"))
    assert [path.stat().st_ino for path in (folder / "cache/imgbot").iterdir()] == [inode]


@pytest.fixture
async def sandboxed(
    binary: Path, environ: dict[str, str], state_dir: Path
) -> AsyncIterator[tuple[Bot, Control]]:
    async with open_sandbox() as (sandbox, control):
        # Without a redis-server on the PATH, the one that it carries must do.
        bot = Bot(sandbox, state_dir, **environ | {"PATH": str(state_dir)})
        bot.command = [sys.executable, str(binary)]
        async with bot:
            yield bot, control


async def test_the_one_file_serves_a_picture_with_its_own_redis(
    sandboxed: tuple[Bot, Control],
) -> None:
    bot, control = sandboxed
    anna = await control.make_user("Anna")

    await control.say(anna, "a red fox in the snow")
    picture = await control.wait_message(anna.id, lambda message: bool(message.photo_id))

    assert len(await control.file(picture.photo_id or "")) > 1000
    assert "the embedded Redis runs" in bot.log
    assert await bot.stop() == 0


def test_an_install_from_the_one_file_leaves_no_copy_in_a_cache(
    binary: Path, environ: dict[str, str], tmp_path: Path
) -> None:
    places = {"XDG_CACHE_HOME": str(tmp_path), "TMPDIR": str(tmp_path)}

    refused = run(binary, "uninstall", "--dry-run", environ=environ | places)

    assert "nothing is changed" in refused.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("python", "machine", "sentence"),
    [
        (
            "3.99",
            platform.machine(),
            f"this server's Python is {PYTHON}, and this file carries what Python 3.99 needs; ",
        ),
        (PYTHON, "pdp11", "this file is for Linux on pdp11, and this machine is Linux on "),
    ],
)
def test_another_python_or_machine_is_told_what_fits(
    environ: dict[str, str], tmp_path: Path, python: str, machine: str, sentence: str
) -> None:
    (tmp_path / "packages").mkdir()
    write(tmp_path / "imgbot", {python: tmp_path / "packages"}, "9", machine)

    refused = run(tmp_path / "imgbot", "--version", environ=environ)

    assert refused.returncode == 1
    assert refused.stderr.startswith(f"imgbot: {sentence}")


def test_old_copies_are_forgotten_and_one_is_kept(environ: dict[str, str], tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    for age, name in enumerate(["0.3-cccccccc", "0.2-bbbbbbbb", "0.1-aaaaaaaa", ".incoming-dead"]):
        (cache / "imgbot" / name).mkdir(parents=True)
        os.utime(cache / "imgbot" / name, (1e9 - age, 1e9 - age))
    packages = tmp_path / "packages" / "imgbot"
    packages.mkdir(parents=True)
    (packages / "__main__.py").write_text("print('new')")
    write(tmp_path / "imgbot", {PYTHON: packages.parent}, "0.4", platform.machine())

    shown = run(tmp_path / "imgbot", environ=environ | {"XDG_CACHE_HOME": str(cache)})

    assert shown.stdout == "new\n", shown.stderr
    left = sorted(path.name for path in (cache / "imgbot").iterdir())
    assert [name.partition("-")[0] for name in left] == ["0.3", "0.4"]
