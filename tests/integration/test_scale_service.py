"""`imgbot scale` of the service: the number is written to last, and taken at once."""

import os
import signal
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from subprocess import PIPE, Popen

import pytest

from imgbot import cli
from imgbot.domain.errors import ConfigError
from imgbot.ops import service
from imgbot.ops.installation import Layout, environ_of_service
from imgbot.ops.service import ServiceError, scale

# A supervisor: it holds the lock and takes whatever is asked at a SIGHUP.
_SUPERVISOR = """
import pathlib, signal, sys
from imgbot.ops.state_directory import instance_lock
state_dir = pathlib.Path(sys.argv[1])

def take(*_):
    for name in ("workers", "reload"):
        (state_dir / name).unlink(missing_ok=True)

signal.signal(signal.SIGHUP, take)
with instance_lock(state_dir, ""):
    print("held", flush=True)
    while True:
        signal.pause()
"""


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    """Server whose service runs, as its root sees it."""
    layout = Layout(tmp_path)
    layout.settings.mkdir(parents=True)
    layout.private_data.mkdir(parents=True)
    layout.data.symlink_to("private/imgbot")
    monkeypatch.setattr(service, "is_active", bool)
    monkeypatch.setattr(service, "Layout", lambda: layout)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return layout


@pytest.fixture
def supervisor(layout: Layout) -> Iterator[Popen[bytes]]:
    command = [sys.executable, "-c", _SUPERVISOR, str(layout.data)]
    with Popen(command, stdout=PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.send_signal(signal.SIGCONT)
        process.kill()


@pytest.mark.parametrize(
    ("before", "after", "mode"),
    [
        ("# mine\nIMGBOT_USERS=90\n", "# mine\nIMGBOT_USERS=90\nIMGBOT_WORKERS=10\n", 0o644),
        # One that holds a key is closed to the bot, too.
        ("FAL_KEY=secret\n", "FAL_KEY=secret\nIMGBOT_WORKERS=10\n", 0o600),
    ],
)
def test_the_number_is_written_to_last_and_taken_at_once(
    layout: Layout,
    supervisor: Popen[bytes],
    capsys: pytest.CaptureFixture[str],
    before: str,
    after: str,
    mode: int,
) -> None:
    path = layout.environment_file
    path.write_text(before)
    path.chmod(mode)

    scale(10, {})

    assert path.read_text() == after
    assert path.stat().st_mode & 0o777 == mode
    assert (
        capsys.readouterr().out.splitlines()[-1]
        == f"10 workers; IMGBOT_WORKERS=10 in {path} makes it permanent"
    )


@pytest.mark.usefixtures("supervisor")
def test_another_bot_is_not_resized_as_the_service(layout: Layout, tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match="no bot runs with"):
        scale(10, {"STATE_DIRECTORY": str(tmp_path)})

    assert not layout.environment_file.exists()


@pytest.fixture
def a_shell(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables of a shell that names no bot."""
    its_own = partial(environ_of_service, etc=layout.settings, state=layout.data)
    monkeypatch.setattr(service, "environ_of_service", its_own)
    for name in tuple(os.environ):
        if name.startswith(("IMGBOT_", "STATE_", "CREDENTIALS_")):
            monkeypatch.delenv(name)


@pytest.mark.usefixtures("a_shell")
def test_a_stopped_service_is_named(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(service, "is_active", {"imgbot.service": False}.get)

    assert cli.main(["scale", "3"]) == 1
    assert f"no bot runs with {layout.data} here: start it" in capsys.readouterr().err


@pytest.mark.usefixtures("a_shell", "supervisor")
def test_a_reload_finds_the_service(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["reload"]) == 0
    assert "settings reloaded" in capsys.readouterr().out


@pytest.mark.skipif(os.getuid() != 0, reason="only root acts for somebody else")
@pytest.mark.usefixtures("a_shell", "supervisor")
def test_a_link_in_place_of_the_answer_is_not_read(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (secret := layout.settings / "secret").write_text("root's own")
    request = layout.private_data / "reload"

    def answer(*_: object) -> None:
        request.unlink()
        request.symlink_to(secret)

    os.chown(layout.private_data, 65534, 65534)
    monkeypatch.setattr(signal, "pidfd_send_signal", answer)

    cli.main(["reload"])

    assert "root's own" not in "".join(capsys.readouterr())
    assert not request.is_symlink()


def test_a_number_that_is_not_taken_is_told(
    layout: Layout, supervisor: Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_ANSWER_DEADLINE_S", 0.0)
    supervisor.send_signal(signal.SIGSTOP)

    with pytest.raises(ServiceError, match="does not answer"):
        scale(10, {})

    assert not (layout.private_data / "workers").exists()


def test_a_file_that_cannot_be_understood_stays_as_it_is(layout: Layout) -> None:
    layout.environment_file.write_text("IMGBOT_WORK")

    with pytest.raises(ConfigError, match="line 1"):
        scale(10, {})

    assert layout.environment_file.read_text() == "IMGBOT_WORK"


@pytest.mark.parametrize("number", ["0", "201", "many"])
def test_a_number_that_cannot_be_is_a_wrong_argument(
    number: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        status = cli.main(["scale", number])
    except SystemExit as end:
        status = end.code

    assert status == 78
    assert "N: " in capsys.readouterr().err
