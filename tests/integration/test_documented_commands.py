"""Commands of README.md and of docs on installing and releasing, typed into a fresh copy.

pip may use its registry. Nothing is changed outside the copy: `sudo` is a script that adds
`--dry-run`; what an installation does is tested by test_install and test_install_plan.
"""

import os
import re
import shutil
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The repository as a newcomer has it: what is committed, and nothing else."""
    place = tmp_path / "imgbot"
    if not (ROOT / ".git").exists():
        pytest.skip("this is no clone")
    subprocess.run(["git", "clone", "-q", str(ROOT), str(place)], check=True)
    (tmp_path / "sudo").write_text('#!/bin/sh\nexec "$@" --dry-run\n')
    (tmp_path / "sudo").chmod(0o755)
    return place


def sections(page: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the headings of a page that have commands, and these."""
    for part in re.split(r"^## ", (ROOT / page).read_text("utf-8"), flags=re.MULTILINE):
        blocks = re.findall(r"^ *```sh\n(.*?)^ *```$", part, re.MULTILINE | re.DOTALL)
        if blocks:
            yield part.partition("\n")[0], [line.strip() for line in "".join(blocks).splitlines()]


def start(command: str, copy: Path, **variables: str) -> subprocess.Popen[str]:
    kept = {name: os.environ[name] for name in os.environ if name.startswith(("PIP_", "CI"))}
    environ = kept | {
        "HOME": os.environ.get("HOME", "/"),  # of pip's cache
        "PATH": f"{copy.parent}:{os.environ['PATH']}",
        "PYTHONUNBUFFERED": "1",
        **variables,
    }
    return subprocess.Popen(
        ["bash", "-c", command],
        cwd=copy,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def typed(command: str, copy: Path, **variables: str) -> str:
    with start(command, copy, **variables) as process:
        try:
            said, _ = process.communicate()
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 0, f"{command}\n{said[-3000:]}"
    return said


def test_each_command_of_the_pages_is_followed_here() -> None:
    assert [heading for heading, _ in sections("README.md")] == [
        "Try it",
        "Serve Telegram in five steps",
    ]
    assert [heading for heading, _ in sections("docs/install.md")] == ["From one file", "Upgrade"]
    assert [heading for heading, _ in sections("docs/releasing.md")] == [
        "From a clean clone to signed files",
        "How a user checks them",
    ]


def test_the_demo_and_the_tests_start(copy: Path) -> None:
    demo, tests = dict(sections("README.md"))["Try it"]

    with start(demo, copy) as process:
        assert process.stdout
        try:
            said = ""
            while not (address := re.findall(r"open (http://\S+)", said)):
                line = process.stdout.readline()
                assert line, said
                said += line
            with urllib.request.urlopen(address[0]) as page:
                assert b"<title>" in page.read()
            [status] = re.findall(r"in a terminal: (.+)", process.stdout.readline())
            assert "imgbot" in typed(status, copy)
            os.killpg(process.pid, signal.SIGINT)
            process.stdout.read()
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
    collected = typed(tests, copy, PYTEST_ADDOPTS="--collect-only --numprocesses=0 -q")

    assert process.returncode == 0
    assert "tests/integration/test_documented_commands.py" in collected


@pytest.mark.skipif(not Path("/usr/bin/python3").exists(), reason="no Python of the system")
def test_the_five_steps_and_an_upgrade(copy: Path) -> None:
    steps = dict(sections("README.md"))["Serve Telegram in five steps"]
    [upgrade] = dict(sections("docs/install.md"))["Upgrade"]

    said = [typed(command, copy) for command in (*steps, upgrade, *steps)]

    assert "nothing is changed" in said[1]
    assert "run systemctl enable --quiet imgbot.service" in said[-1]
    assert not (copy / "dist").exists()


def test_the_one_file_is_built(copy: Path) -> None:
    for command in dict(sections("docs/install.md"))["From one file"]:
        typed(command, copy)
    elsewhere = copy.parent / "server"
    elsewhere.mkdir()
    shutil.copy(copy / "dist" / "imgbot", elsewhere)

    assert typed("./imgbot --version", elsewhere).startswith("imgbot ")


@pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="no ssh-keygen")
def test_a_release_is_signed_and_checked(copy: Path) -> None:
    release, check = dict(sections("docs/releasing.md")).values()
    # This test is part of `.ci/run`, and what `make packages` builds is tested by test_onefile.
    release.remove(".ci/run")
    make = copy.parent / "make"
    make.write_text("#!/bin/sh\nmkdir dist && cd dist && date >imgbot && sha256sum * >SHA256SUMS\n")
    make.chmod(0o755)
    who = ("git", "git@localhost")
    names = dict(zip(("NAME", "EMAIL"), who, strict=True))
    variables = {f"GIT_{role}_{k}": v for role in ("AUTHOR", "COMMITTER") for k, v in names.items()}
    origin = copy.parent / "origin"
    for command in (
        "git tag --list | xargs -r git tag --delete",
        f"git init -q --bare {origin} && git remote set-url origin {origin}",
        f"ln -s {ROOT}/.venv && ssh-keygen -q -t ed25519 -N '' -f KEY",
    ):
        typed(command, copy)

    for command in release:
        typed(command, copy, EDITOR="true", **variables)
    dist = copy / "dist"
    (dist / "signers").write_text("imgbot " + (copy / "KEY.pub").read_text())
    good, sums = [typed(command, dist) for command in check]
    (dist / "imgbot").write_text("another")
    bad = subprocess.run(check[1], shell=True, cwd=dist, capture_output=True, check=False)

    [version] = re.findall(r"tag -a v(\S+)", " ".join(release))
    assert typed(".venv/bin/python -m imgbot --version", copy) == f"imgbot {version}\n"
    assert f"v{version}" in typed(f"git -C {origin} tag", copy)
    assert 'Good "file" signature for imgbot' in good
    assert sums == "imgbot: OK\n"
    assert bad.returncode != 0
