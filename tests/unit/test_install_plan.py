"""What an installation does with releases, links, secrets and settings, on a server of files."""

import builtins
import os
import sys
import threading
from contextlib import nullcontext
from pathlib import Path
from unittest.mock import Mock

import pytest

from imgbot.ops import dns, formatting, service
from imgbot.ops.install import command
from imgbot.ops.install.answers import Answers, InstallOptions
from imgbot.ops.install.command import Steps, put_files, rollback_target, switch, tidy
from imgbot.ops.install.release import InstallError, Release, check_python
from imgbot.ops.installation import Layout
from imgbot.ops.service import ServiceError
from tests.fixtures.waiting import PATIENCE_S

TOKEN = "123456789:" + "T" * 35
OLD, NEW, NEWEST = "0.1.0-00000001", "0.2.0-00000002", "0.3.0-00000003"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path)


def lay(layout: Layout, *releases: str, **links: str | None) -> None:
    for name in releases:
        (layout.program / name).mkdir(parents=True)
    for name, target in links.items():
        if target:
            (layout.program / name).symlink_to(target)


def install(layout: Layout, name: str, *, is_fresh: bool) -> str | None:
    """Switch to a release that lies in its folder; return what a rollback leads to."""
    rollback = rollback_target(name, layout, is_fresh=is_fresh)
    current = layout.current.readlink().name if layout.current.is_symlink() else None
    steps = Steps(is_dry_run=False)
    switch(steps, name, rollback, layout)
    tidy(steps, {name, rollback, current}, layout)
    return rollback


@pytest.mark.parametrize(
    ("before", "name", "is_fresh", "rollback", "left"),
    [
        # An upgrade keeps the release before; the third one removes the first.
        ({"current": OLD}, NEW, True, OLD, {OLD, NEW}),
        ({"current": NEW, "previous": OLD}, NEWEST, True, NEW, {NEW, NEWEST}),
        # A rollback keeps the newer release.
        ({"current": NEW, "previous": OLD}, OLD, True, NEW, {OLD, NEW}),
        # It leads to what served, not to what failed: NEW has been installed and never served.
        ({"current": NEW, "previous": OLD, "pending": NEW}, NEWEST, False, OLD, {OLD, NEW, NEWEST}),
        ({"current": NEW, "previous": OLD, "pending": NEW}, OLD, False, None, {OLD, NEW}),
        # It was slow, and serves after all.
        ({"current": NEW, "previous": OLD, "pending": NEW}, NEWEST, True, NEW, {NEW, NEWEST}),
    ],
)
def test_a_rollback_leads_to_the_last_other_release_that_served(
    layout: Layout,
    before: dict[str, str],
    name: str,
    is_fresh: bool,
    rollback: str | None,
    left: set[str],
) -> None:
    lay(layout, *{*before.values(), name}, **before)

    assert install(layout, name, is_fresh=is_fresh) == rollback

    assert layout.current.readlink() == layout.pending.readlink() == Path(name)
    assert (layout.previous.readlink().name if layout.previous.is_symlink() else None) == rollback
    assert {path.name for path in layout.program.iterdir() if not path.is_symlink()} == left
    assert layout.command.readlink() == layout.current / "bin/imgbot"


def test_the_command_of_a_package_is_not_hidden_by_a_link(layout: Layout) -> None:
    layout.packaged_command.parent.mkdir(parents=True)
    layout.packaged_command.touch()

    lay(layout, NEW)
    install(layout, NEW, is_fresh=False)

    assert not os.path.lexists(layout.command)


def test_what_is_as_it_should_be_needs_no_step_and_what_is_not_is_put_right(
    layout: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    release = Release(NEW, Path("/usr/bin/python3"), {})
    lay(layout, NEW)
    layout.unit.parent.mkdir(parents=True)
    put_files(Steps(is_dry_run=False), release, Answers(TOKEN), layout)
    assert layout.token.stat().st_mode & 0o777 == 0o600
    assert layout.token.read_text() == f"{TOKEN}\n"
    assert layout.credentials.stat().st_mode & 0o777 == 0o700
    assert layout.environment_file.stat().st_mode & 0o777 == 0o644
    assert TOKEN not in capsys.readouterr().out

    again = Steps(is_dry_run=False)
    put_files(again, release, Answers(), layout)
    assert again.count == 0

    layout.token.chmod(0o644)
    put_files(again, release, Answers(), layout)
    assert again.count == 1
    assert layout.token.stat().st_mode & 0o777 == 0o600


def test_a_provider_and_its_key_are_written_and_other_settings_stay(
    layout: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    layout.unit.parent.mkdir(parents=True)
    layout.settings.mkdir(parents=True)
    layout.environment_file.write_text("IMGBOT_WORKERS=7\n")
    layout.environment_file.chmod(0o600)

    release, answers = Release(NEW, Path("/usr/bin/python3"), {}), {"FAL_KEY": "s3cret"}
    put_files(Steps(is_dry_run=False), release, Answers(None, answers, "fal"), layout)

    assert layout.environment_file.read_text() == "IMGBOT_WORKERS=7\nIMGBOT_PROVIDER=fal\n"
    assert layout.environment_file.stat().st_mode & 0o777 == 0o600
    assert (layout.credentials / "FAL_KEY").read_text() == "s3cret\n"
    assert "s3cret" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("answer", "is_written"), [("", True), ("y", True), ("n", False), (None, False)]
)
def test_a_blocked_dns_resolver_is_let_through_if_that_is_wanted(
    layout: Layout,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    answer: str | None,
    is_written: bool,
) -> None:
    layout.resolvers.parent.mkdir(parents=True)
    layout.resolvers.write_text("nameserver 10.0.0.2\n")
    layout.unit.parent.mkdir(parents=True)
    monkeypatch.setattr(sys, "stdin", Mock(isatty=Mock(return_value=answer is not None)))
    monkeypatch.setattr(builtins, "input", Mock(return_value=answer))

    answers = command.with_drop_in(Answers(), layout, is_dry_run=False)
    put_files(Steps(is_dry_run=False), Release(NEW, Path("/usr/bin/python3"), {}), answers, layout)
    offered = capsys.readouterr().out
    again = command.with_drop_in(Answers(), layout, is_dry_run=False)

    assert layout.dns_drop_in.exists() is is_written
    assert bool(dns.trouble(layout)) is not is_written
    assert again.drop_in == ""
    assert bool(capsys.readouterr().out) is not is_written
    assert ("sudo install -D" in offered) is (answer is None)


def test_a_dry_run_prints_every_step_and_changes_nothing(
    layout: Layout,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    release = Release(NEW, Path("/usr/bin/python3"), {"a.py": tmp_path})
    monkeypatch.setattr(command, "running_release", Mock(return_value=release))

    options = InstallOptions(is_dry_run=True)
    command.install(options, layout, lambda *_: pytest.fail("asks nobody"))

    printed = capsys.readouterr().out.splitlines()
    steps = [line.partition("] ")[2].partition(str(tmp_path))[0] for line in printed]
    assert steps == [
        *("create the folder ", "copy imgbot 0.2.0 and its libraries to ", "create the folder "),
        *("create the folder ", "write the token: ", "write the settings: ", "write the unit: "),
        *("write a unit for backups: ", "write a unit for backups: "),
        *("link ", "link ", "link ", "run systemctl daemon-reload"),
        "run systemctl enable --quiet imgbot.service",
        "run systemctl enable --quiet --now imgbot-backup.timer",
        *("restart imgbot.service and wait until it is ready", ""),
    ]
    assert list(tmp_path.iterdir()) == []


def test_a_step_that_fails_says_which_and_why(layout: Layout, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(InstallError, match=r"could not write the unit: .*: Not a directory"):
        Steps(is_dry_run=False).write("the unit", tmp_path / "file" / "unit", "", 0o644)


@pytest.mark.parametrize("purge", [False, True])
def test_an_uninstall_leaves_the_data_and_what_is_somebody_elses(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], purge: bool
) -> None:
    program, data = (layout.program,), (layout.settings, layout.data)
    for path in (*program, *data):
        path.mkdir(parents=True)
    layout.command.parent.mkdir(parents=True)
    layout.command.write_text("mine")
    monkeypatch.setattr(command, "check_root_and_systemd", print)

    command.uninstall(is_dry_run=False, is_purging=purge, layout=layout)

    assert not any(path.exists() for path in program)
    assert layout.command.read_text() == "mine"
    assert [path.exists() for path in data] == [not purge] * 2
    # The command is gone, and with it --purge.
    kept = " ".join(map(str, data))
    said = f"kept: {kept}; to remove that, too: sudo rm -r {kept}"
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == ("imgbot has been removed" if purge else said)


def test_an_uninstall_that_is_interrupted_says_how_to_finish(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in (layout.program, layout.settings, layout.unit.parent):
        path.mkdir(parents=True)
    layout.unit.write_text("")
    monkeypatch.setattr(command, "check_root_and_systemd", print)
    monkeypatch.setattr(command, "_run", print)
    remove = command.shutil.rmtree

    def interrupted(path: Path) -> None:
        if path == layout.program:
            raise KeyboardInterrupt
        remove(path)

    monkeypatch.setattr(command.shutil, "rmtree", interrupted)

    with pytest.raises(InstallError, match=f"sudo rm -r {layout.program}"):
        command.uninstall(is_dry_run=False, is_purging=True, layout=layout)

    assert not layout.unit.exists()
    assert not layout.settings.exists()


def test_two_installations_at_a_time_do_not_mix(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "check_root_and_systemd", print)

    with (
        command.alone(layout, "install"),
        pytest.raises(InstallError, match="another installation is at work"),
    ):
        command.uninstall(is_dry_run=False, is_purging=True, layout=layout)


def test_whoever_waits_for_a_long_step_is_told_that_it_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines, told = list[str](), threading.Event()

    def say(line: str, **_: object) -> None:
        lines.append(line)
        told.set()

    monkeypatch.setattr(formatting, "_SILENT_S", 1)
    monkeypatch.setattr("builtins.print", say)

    with formatting.telling_seconds():
        assert told.wait(PATIENCE_S)

    assert lines[0] == "    1 s"


def test_a_program_that_runs_further_bots_is_not_removed(
    layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout.program.mkdir(parents=True)
    program = tmp_path / "systemctl"
    program.write_text("#!/bin/sh\necho 'imgbot@shop.service loaded active running imgbot'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(service, "_SYSTEMD", tmp_path)
    monkeypatch.setattr(command, "check_root_and_systemd", print)

    with pytest.raises(InstallError, match=r"systemctl disable --now imgbot@shop\.service"):
        command.uninstall(is_dry_run=False, is_purging=False, layout=layout)

    assert layout.program.is_dir()


@pytest.mark.parametrize("python", ["/root/.pyenv/bin/python3.11", "/home/a/bin/python3"])
def test_a_python_that_the_service_cannot_see_is_refused(python: str) -> None:
    with pytest.raises(InstallError, match="run this with a Python from /usr"):
        check_python(Path(python))


_SYSTEMCTL = """#!/bin/sh
case $1 in
restart) [ {takes_s} = 0 ] && exit {status}; exec sleep {takes_s} ;;
show) case $* in
    *ExecMainStatus) echo 78 ;;
    *ActiveState) echo activating ;;
    *) echo "{text}" ;;
    esac ;;
esac
"""


_BLOCKED = "the unit's IPAddressDeny= blocks the DNS resolver 10.0.0.2"


@pytest.mark.parametrize(
    ("takes_s", "status", "text", "said"),
    [
        (0, 0, "", ""),
        (0, 1, "", "exit status 78"),
        (3600, 0, "waiting for Telegram", r"not ready after 0 s \(waiting for Telegram"),
        (3600, 0, _BLOCKED, f"not ready: {_BLOCKED}"),
    ],
    ids=["ready", "refused", "slow", "hopeless"],
)
def test_a_start_is_waited_for(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    takes_s: int,
    status: int,
    text: str,
    said: str,
) -> None:
    program = tmp_path / "systemctl"
    program.write_text(_SYSTEMCTL.format(takes_s=takes_s, status=status, text=text))
    program.chmod(0o755)
    (tmp_path / "journalctl").symlink_to("/bin/true")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(service, "_SYSTEMD", tmp_path)

    deadline_s = 0.4 if text == "waiting for Telegram" else PATIENCE_S
    with pytest.raises(ServiceError, match=said) if said else nullcontext() as refusal:
        service.restart("imgbot.service", deadline_s)

    assert [line.strip() for line in capsys.readouterr().out.splitlines()] == [text] * bool(text)
    if status:
        assert refusal is not None
        assert refusal.value.service_status == 78
