"""The steps of an installation carried out on a server of files: whole, private, or not at all."""

import errno
import os
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import pytest

from imgbot.cli import main
from imgbot.ops.install import command
from imgbot.ops.install.answers import Answers
from imgbot.ops.install.release import InstallError, Release, copy_release, running_release
from imgbot.ops.installation import Layout
from imgbot.version import version

pytestmark = pytest.mark.slow

TOKEN = "123456789:" + "A" * 35


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    layout = Layout(tmp_path_factory.mktemp("server"))
    layout.unit.parent.mkdir(parents=True)
    release, steps = running_release(layout), command.Steps(is_dry_run=False)
    command.put_files(steps, release, Answers(TOKEN), layout)
    command.switch(steps, release.name, None, layout)
    command.tidy(steps, {release.name}, layout)
    return layout


def test_the_installed_program_needs_nothing_of_where_it_came_from(server: Layout) -> None:
    environ = {"PATH": os.environ["PATH"]}
    code = (
        "import aiogram, imgbot, sys; print(imgbot.__file__, [p for p in sys.path if '.venv' in p])"
    )
    shown, where = (
        subprocess.run(
            command,
            env=environ,
            cwd=server.program.parent,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for command in ([server.command, "--version"], [server.current / "bin/python3", "-c", code])
    )
    (packages,) = server.current.resolve().glob("lib/python3*/site-packages")

    assert shown == f"imgbot {version()}\n"
    assert where.startswith(str(server.program))
    assert where.endswith("[]\n")
    assert (packages / "imgbot/ops/shipped/imgbot.service").is_file()
    assert (packages / "imgbot/ops/shipped/prometheus/imgbot.rules.yml").is_file()
    assert not (packages / "pytest").exists()
    assert not list(packages.glob("*.pth"))


def test_what_needs_the_sandbox_says_where_it_is(server: Layout) -> None:
    (packages,) = server.current.resolve().glob("lib/python3*/site-packages")
    assert not (packages / "imgbot/sandbox").exists()
    for name in ("demo", "loadtest"):
        shown = subprocess.run([server.command, name], capture_output=True, text=True, check=False)

        assert shown.returncode == 1
        assert "`imgbot install --with-sandbox`" in shown.stderr
        assert "Traceback" not in shown.stderr


def test_the_sandbox_comes_along_when_it_is_asked_for(server: Layout) -> None:
    lean = running_release(server)
    whole = running_release(server, with_sandbox=True)

    added = whole.files.keys() - lean.files.keys()
    assert "imgbot/sandbox/page/index.html" in added
    assert {name.rpartition("sandbox/")[0] for name in added} == {"imgbot/"}
    assert whole.name != lean.name


def test_a_program_that_cannot_be_copied_whole_is_not_there_at_all(tmp_path: Path) -> None:
    release = Release("0.9.9-deadbeef", Path("/usr/bin/python3"), {"a.py": tmp_path / "gone"})
    folder = tmp_path / "opt" / release.name
    folder.parent.mkdir()

    with pytest.raises(FileNotFoundError):
        copy_release(release, folder)

    assert list(folder.parent.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_that_was_somebody_elses_is_roots(tmp_path: Path) -> None:
    (tmp_path / "opt").mkdir()
    os.chown(tmp_path / "opt", 65534, 65534)

    command.Steps(is_dry_run=False).make_folder(tmp_path / "opt", 0o755)

    assert (tmp_path / "opt").stat().st_uid == 0


def test_nothing_of_the_folder_where_it_was_typed_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "compileall.py").write_text("raise SystemExit('hostile')")
    (tmp_path / "a.py").write_text("")
    monkeypatch.chdir(tmp_path)
    release = Release("0.9.9-deadbeef", Path(sys.executable).resolve(), {"a.py": tmp_path / "a.py"})
    (tmp_path / "opt").mkdir()

    copy_release(release, tmp_path / "opt" / release.name)

    assert list((tmp_path / "opt" / release.name).rglob("a.*.pyc"))


def test_the_first_release_has_none_to_go_back_to(tmp_path: Path) -> None:
    with pytest.raises(InstallError, match="no other one has run here"):
        command.roll_back(command.InstallOptions(), Layout(tmp_path))


def test_a_token_for_a_way_back_is_refused_and_not_ignored(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(["install", "--rollback", "--token-file", str(tmp_path / "token")])

    assert status == 78
    assert "--token-file: --rollback keeps the stored token" in capsys.readouterr().err


def test_a_trouble_of_the_system_that_is_about_no_file_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))

    monkeypatch.setattr(command, "roll_back", fail)

    status = main(["install", "--rollback"])

    assert (status, capsys.readouterr().err) == (1, "imgbot: Cannot allocate memory\n")


@pytest.fixture
def earlier(tmp_path: Path) -> Layout:
    """A server whose previous release knows two operations."""
    layout = Layout(tmp_path)
    programs = layout.program / "0.1.0-deadbeef/bin"
    programs.mkdir(parents=True)
    (programs / "imgbot").touch()
    (programs / "python3").write_text("#!/bin/sh\necho create edit\n")
    (programs / "python3").chmod(0o755)
    layout.previous.symlink_to("0.1.0-deadbeef")
    return layout


def test_a_release_is_not_gone_back_to_while_there_are_jobs_that_it_does_not_know(
    earlier: Layout,
    server: Layout,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked, became = Mock(return_value={"jobs": {"create": {"queued": 3}}}), Mock()
    monkeypatch.setattr(command, "fetch_status", asked)
    monkeypatch.setattr(command.os, "execv", became)

    command.roll_back(command.InstallOptions(), earlier)
    asked.return_value = {"jobs": {"removebg": {"queued": 2, "submitting": 1}}}
    with pytest.raises(InstallError, match="does not know these jobs: 3 removebg"):
        command.roll_back(command.InstallOptions(), earlier)
    command.check_jobs(server.current.resolve())
    assert (capsys.readouterr().out, became.call_count) == ("", 1)

    asked.side_effect = command.NoStatusError("nothing answers")
    command.roll_back(command.InstallOptions(), earlier)
    [note] = capsys.readouterr().out.splitlines()
    unknown = "merge, retouch, inpaint, upscale, removebg, sticker, compare, animate"
    assert note.endswith(f"does not know: {unknown}")
    assert became.call_count == 2
