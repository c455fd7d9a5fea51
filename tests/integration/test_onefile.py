"""The one file, really built, on the Python of the tests: version, demo, a picture."""

import hashlib
import itertools
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator
from importlib.metadata import distribution
from pathlib import Path

import pytest

from imgbot.ops.install.onefile_build import write_bundle
from imgbot.version import commit, version
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
    """Built once, with the packages around it: it takes a quarter of a minute."""
    return build(folder / "dist", cwd=ROOT) / "imgbot"


def build(out: Path, cwd: Path, *around: str, **environ: str) -> Path:
    command = [sys.executable, "-m", "imgbot.ops.install.packages_build", "--pythons", PYTHON]
    subprocess.run(
        [*around, *command, str(out)],
        cwd=cwd,
        env=os.environ | environ,
        check=True,
        timeout=PATIENCE_S * 2,
    )
    return out


def test_a_build_elsewhere_by_another_user_has_the_same_bytes(binary: Path, folder: Path) -> None:
    # Its release would be called an upgrade otherwise, and take the place of the one to return to.
    checkout = folder / "elsewhere"
    ignored = shutil.ignore_patterns(".venv*", "__pycache__", ".*_cache", "dist")
    shutil.copytree(ROOT, checkout, ignore=ignored)
    user = ("unshare", "--user", "--map-user=1000", "--map-group=1000")

    strict = ("sh", "-c", 'umask 077; exec "$@"', "sh")
    again = build(folder / "again", checkout, *user, *strict, TZ="Asia/Tokyo", LANG="C")

    built, rebuilt = (
        {each.name: hashlib.sha256(each.read_bytes()).hexdigest() for each in place.iterdir()}
        for place in (binary.parent, again)
    )
    assert built == rebuilt
    assert {Path(name).suffix for name in built} == {"", ".json", ".whl", ".deb", ".rpm"}
    sums = dict(line.split()[::-1] for line in (again / "SHA256SUMS").read_text().splitlines())
    assert sums == {name: digest for name, digest in built.items() if name != "SHA256SUMS"}


def test_the_list_of_libraries_is_the_lock(binary: Path) -> None:
    beside = binary.with_name("imgbot.cdx.json")
    (wheel,) = binary.parent.glob("*.whl")
    with zipfile.ZipFile(wheel) as files:
        (inside,) = (name for name in files.namelist() if ".dist-info/sboms/" in name)
        assert files.read(inside) == beside.read_bytes()
    listed = json.loads(beside.read_text())

    lock = (ROOT / "requirements/program.txt").read_text()
    locked = {f"pkg:pypi/{name}@{its}" for name, its in re.findall(r"(?m)^([a-z].*?)==(\S+)", lock)}
    assert {each["purl"] for each in listed["components"]} == locked
    needs = {each["ref"].partition("@")[0]: each["dependsOn"] for each in listed["dependencies"]}
    # Whatever is listed is there for something.
    assert set(itertools.chain.from_iterable(needs.values())) == locked
    assert any("/aiohttp@" in need for need in needs["pkg:pypi/aiogram"])


def test_half_a_file_and_another_file_than_its_sum_says_are_refused(
    binary: Path, tmp_path: Path, environ: dict[str, str]
) -> None:
    half, other = tmp_path / "half", tmp_path / "imgbot"
    half.write_bytes(binary.read_bytes()[: binary.stat().st_size // 2])
    half.chmod(0o755)
    shutil.copyfile(binary, other)
    (tmp_path / "SHA256SUMS").write_text(f"{'0' * 64}  imgbot\n")

    cut = subprocess.run([half, "install"], capture_output=True, text=True, check=False)
    wrong = run(other, "install", "--dry-run", environ=environ)

    assert (cut.returncode, wrong.returncode) == (1, 1)
    assert cut.stderr == "imgbot: this file is incomplete; copy it here again\n"
    assert wrong.stderr.startswith(f"imgbot: {other} is not the file that ")
    assert wrong.stderr.count("\n") == 1


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

    shown = run(binary, "--version", "--verbose", environ=environ)
    dry = run(binary, "uninstall", "--dry-run", environ=environ)

    said, made_of, _, *libraries = shown.stdout.splitlines()
    assert (said, made_of) == (f"imgbot {version()}", f"commit {commit()}")
    assert f"aiogram {distribution('aiogram').version}" in libraries
    assert len({name.replace("_", "-") for name in libraries}) == len(libraries)
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


_COPY_ON_WRITE = """
mount -t tmpfs none "$1" && mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay -o lowerdir=/,upperdir="$1/upper",workdir="$1/work" none "$1/root"
mount --bind /dev "$1/root/dev"
cp "$2" "$1/root/imgbot.deb"
ln -sf "$4" "$1/root/usr/local/sbin/python3"
exec chroot "$1/root" sh -eu -c "$3"
"""
_LIFE_OF_A_PACKAGE = """
dpkg --force-depends -i /imgbot.deb
imgbot --version
mkdir -p /opt/imgbot/current/bin /etc/imgbot /var/lib/imgbot /usr/local/bin
printf '#!/bin/sh\\necho "the running one: $*"\\n' >/opt/imgbot/current/bin/imgbot
chmod +x /opt/imgbot/current/bin/imgbot
ln -s /opt/imgbot/current/bin/imgbot /usr/local/bin/imgbot
dpkg --force-depends -i /imgbot.deb
[ ! -L /usr/local/bin/imgbot ]
imgbot status
imgbot install --help | head -n 1
dpkg -r imgbot
[ -d /etc/imgbot ] && [ -d /var/lib/imgbot ] && [ ! -e /usr/bin/imgbot ]
dpkg -P imgbot
[ ! -e /etc/imgbot ] && [ ! -e /var/lib/imgbot ]
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can install a package")
def test_a_package_comes_goes_and_keeps_out_of_the_way_of_an_installation(
    binary: Path, tmp_path: Path, environ: dict[str, str]
) -> None:
    (package,) = binary.parent.glob("*.deb")
    command = ["unshare", "--mount", "sh", "-eu", "-c", _COPY_ON_WRITE, "sh"]

    done = subprocess.run(
        [*command, str(tmp_path), str(package), _LIFE_OF_A_PACKAGE, sys.executable],
        env=environ | {"TMPDIR": "/tmp", "PATH": f"/usr/local/sbin:{os.defpath}:/usr/sbin:/sbin"},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    expected = [
        "To set up the bot: sudo imgbot install",
        f"imgbot {version()}",
        "The bot runs on as it was. To upgrade it: sudo imgbot install",
        "the running one: status",
        "usage: imgbot install [-h] [--token-file FILE] [--provider NAME]",
        "the running one: uninstall",
    ]
    # What dpkg itself says of its work is left out.
    assert [line for line in done.stdout.splitlines() if line in expected] == expected
