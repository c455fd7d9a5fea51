"""`imgbot scale` under a systemd that is played: the file is written, then it is reloaded."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from imgbot import cli
from imgbot.domain.errors import ConfigError
from imgbot.ops import service, service as scale_module
from imgbot.ops.installation import Layout
from imgbot.ops.service import ScaleError, scale

_SYSTEMCTL = """#!/bin/sh
case $1 in
is-active | show) echo ActiveState=active; echo "StatusText=$(cat {status})" ;;
reload) {reload} ;;
esac
"""
_TAKES = "sed 's/.*/serving with & workers/' {data}/workers >{status} && rm {data}/workers"
_REFUSES = "echo 'Unit imgbot.service is not loaded' >&2; exit 1"


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Path]:
    """Make systemd do something at a reload; return the environment file with such a text."""
    layout = Layout(tmp_path)
    layout.settings.mkdir(parents=True)
    layout.private_data.mkdir(parents=True)
    layout.data.symlink_to("private/imgbot")
    program = tmp_path / "bin" / "systemctl"
    program.parent.mkdir()
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(service, "_SYSTEMD", tmp_path)
    monkeypatch.setattr(scale_module, "Layout", lambda: layout)
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    def play(reload: str, settings: str) -> Path:
        status = tmp_path / "status"
        status.write_text("3 waiting, 2 running, 1 of 5 workers busy")
        layout.environment_file.write_text(settings)
        does = reload.format(data=layout.data, status=status)
        program.write_text(_SYSTEMCTL.format(status=status, reload=does))
        program.chmod(0o755)
        return layout.environment_file

    return play


def test_the_number_is_written_to_last_and_taken_at_once(play: Callable[[str, str], Path]) -> None:
    path = play(_TAKES, "# mine\nIMGBOT_USERS=90\n")
    told: list[str] = []

    scale(10, {}, told.append)

    assert path.read_text() == "# mine\nIMGBOT_USERS=90\nIMGBOT_WORKERS=10\n"
    assert path.stat().st_mode & 0o777 == 0o644
    assert told == [f"5 → 10 workers; IMGBOT_WORKERS=10 in {path} makes it permanent"]


def test_a_file_that_is_closed_to_the_bot_too_stays_closed(
    play: Callable[[str, str], Path],
) -> None:
    path = play(_TAKES, "FAL_KEY=secret\n")
    path.chmod(0o600)

    scale(10, {}, print)

    assert path.read_text() == "FAL_KEY=secret\nIMGBOT_WORKERS=10\n"
    assert path.stat().st_mode & 0o777 == 0o600


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


def test_a_reload_that_fails_is_told(play: Callable[[str, str], Path]) -> None:
    play(_REFUSES, "")

    with pytest.raises(ScaleError, match="is not loaded"):
        scale(10, {}, print)


def test_a_number_that_is_not_taken_is_told(
    play: Callable[[str, str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    play("true", "")
    monkeypatch.setattr(scale_module, "_ANSWER_DEADLINE_S", 0.0)

    with pytest.raises(ScaleError, match="the bot has not applied it"):
        scale(10, {}, print)

    assert not list(Layout(tmp_path).private_data.iterdir())


def test_a_file_that_cannot_be_understood_stays_as_it_is(
    play: Callable[[str, str], Path],
) -> None:
    path = play(_TAKES, "IMGBOT_WORK")

    with pytest.raises(ConfigError, match="line 1"):
        scale(10, {}, print)

    assert path.read_text() == "IMGBOT_WORK"
