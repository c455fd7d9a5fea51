"""The one file, really built, on the Python of the tests: version, demo, a picture."""

import json
import os
import platform
import shutil
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from imgbot.ops.install.onefile_build import write_bundle
from imgbot.version import version
from tests.fixtures.bot import Bot
from tests.fixtures.sandbox import Control, open_sandbox
from tests.fixtures.waiting import PATIENCE_S

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("binary")


@pytest.fixture(scope="module")
def binary(folder: Path) -> Path:
    """Built once: it takes a quarter of a minute."""
    return build(folder / "dist" / "imgbot", cwd=ROOT)


def build(out: Path, cwd: Path) -> Path:
    command = [
        sys.executable,
        "-m",
        "imgbot.ops.install.onefile_build",
        "--pythons",
        PYTHON,
        str(out),
    ]
    subprocess.run(command, cwd=cwd, check=True, timeout=PATIENCE_S * 2)
    return out


def test_a_build_elsewhere_is_the_same_file(binary: Path, folder: Path) -> None:
    # Its release would be called an upgrade otherwise, and take the place of the one to return to.
    checkout = folder / "elsewhere"
    ignored = shutil.ignore_patterns(".venv*", "__pycache__", ".*_cache")
    shutil.copytree(ROOT, checkout, ignore=ignored)

    again = build(folder / "again", cwd=checkout)

    assert again.read_bytes() == binary.read_bytes()


@pytest.fixture
def environ(folder: Path) -> dict[str, str]:
    """A shell whose temporary folder is the tests' own."""
    place = folder / "tmp"
    place.mkdir(exist_ok=True)
    clean = {name: v for name, v in os.environ.items() if not name.startswith("IMGBOT_")}
    return clean | {"TMPDIR": str(place)}


def run(file: Path, *arguments: str, environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(file), *arguments],
        env=environ,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def test_the_one_file_is_the_program_and_leaves_nothing_behind(
    binary: Path, environ: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One of that name in the current folder is not taken for it.
    (folder / "imgbot.py").write_text("raise SystemExit('the wrong one')")
    monkeypatch.chdir(folder)

    shown = run(binary, "--version", environ=environ)
    dry = run(binary, "uninstall", "--dry-run", environ=environ)

    assert shown.stdout == f"imgbot {version()}\n"
    assert dry.returncode == 0, dry.stderr
    assert list((folder / "tmp").iterdir()) == []


def test_the_one_file_carries_what_early_patch_levels_need(binary: Path) -> None:
    # Debian 12 has 3.11.2, whose redis client needs it, whatever patch level it was built by.
    with zipfile.ZipFile(binary) as bundle:
        manifest = json.loads(bundle.read("manifest.json"))
    assert "async_timeout/__init__.py" in manifest["pythons"][PYTHON]["files"]


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
    write_bundle(tmp_path / "imgbot", {python: tmp_path / "packages"}, machine)

    refused = run(tmp_path / "imgbot", "--version", environ=environ)

    assert refused.returncode == 1
    assert refused.stderr.startswith(f"imgbot: {sentence}")
