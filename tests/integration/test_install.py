"""The steps of an installation carried out on a server of files: whole, private, or not at all."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from imgbot.cli import main
from imgbot.ops.doctor.command import examine_provider
from imgbot.ops.install import command
from imgbot.ops.install.plan import (
    Answers,
    InstallationFacts,
    Step,
    make_folder,
    plan_install,
    write_file,
)
from imgbot.ops.install.release import InstallError, Release, copy_release, running_release, verify
from imgbot.ops.installation import Layout, shipped
from imgbot.version import version

pytestmark = pytest.mark.slow

TOKEN = "123456789:" + "A" * 35


def facts_of(release: Release) -> InstallationFacts:
    return InstallationFacts(
        release=release,
        answers=Answers(TOKEN),
        shipped_unit=shipped("imgbot.service").read_text(),
        shipped_environment=shipped("imgbot.env").read_text(),
    )


def carry_out(steps: tuple[Step, ...]) -> None:
    for step in steps:
        if not step.is_command:
            step.carry_out()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    layout = Layout(tmp_path_factory.mktemp("server"))
    layout.unit.parent.mkdir(parents=True)
    carry_out(plan_install(facts_of(running_release(layout)), layout))
    return layout


def test_the_installed_program_needs_nothing_of_where_it_came_from(server: Layout) -> None:
    environ = {"PATH": os.environ["PATH"]}
    shown = subprocess.run(
        [server.command, "--version"], env=environ, capture_output=True, text=True, check=True
    )
    code = (
        "import aiogram, imgbot, sys; print(imgbot.__file__, [p for p in sys.path if '.venv' in p])"
    )
    where = subprocess.run(
        [server.current / "bin/python3", "-c", code],
        env=environ,
        cwd=server.program.parent,
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert shown.stdout == f"imgbot {version()}\n"
    assert where.startswith(str(server.program))
    assert where.endswith("[]\n")


def test_what_developers_use_stays_behind(server: Layout) -> None:
    (packages,) = server.current.resolve().glob("lib/python3*/site-packages")

    assert (packages / "imgbot/ops/shipped/imgbot.service").is_file()
    assert (packages / "imgbot/ops/shipped/prometheus/imgbot.rules.yml").is_file()
    assert not (packages / "pytest").exists()
    assert not (packages / "imgbot/sandbox").exists()
    assert not list(packages.glob("*.pth"))


@pytest.mark.parametrize("command", ["demo", "loadtest"])
def test_what_needs_the_sandbox_says_where_it_is(server: Layout, command: str) -> None:
    shown = subprocess.run([server.command, command], capture_output=True, text=True, check=False)

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


def test_secrets_are_roots_alone_and_settings_are_everybodys(server: Layout) -> None:
    assert server.token.stat().st_mode & 0o777 == 0o600
    assert server.credentials.stat().st_mode & 0o777 == 0o700
    assert server.environment_file.stat().st_mode & 0o777 == 0o644
    assert server.token.read_text() == f"{TOKEN}\n"


def test_a_program_that_cannot_be_copied_whole_is_not_there_at_all(tmp_path: Path) -> None:
    release = Release("0.9.9-deadbeef", Path("/usr/bin/python3"), {"a.py": tmp_path / "gone"})
    folder = tmp_path / "opt" / release.name
    folder.parent.mkdir()

    with pytest.raises(FileNotFoundError):
        copy_release(release, folder)

    assert list(folder.parent.iterdir()) == []


def empty(path: Path) -> None:
    """As a power cut does: its name is there, and what was written is not."""
    path.write_bytes(b"")


def forget(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize(
    ("damage", "name"), [(empty, "a.*.pyc"), (forget, "imgbot"), (forget, "SHA256SUMS")]
)
def test_a_program_that_is_damaged_is_put_there_again(
    tmp_path: Path, damage: Callable[[Path], None], name: str
) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    release = Release("0.9.9-deadbeef", Path(sys.executable).resolve(), {"a.py": tmp_path / "a.py"})
    folder = tmp_path / "opt" / release.name
    folder.parent.mkdir()
    copy_release(release, folder)
    before = sorted(folder.rglob("*"))
    assert verify(folder)

    damage(next(path for path in folder.rglob(name) if path.is_file()))

    assert not verify(folder)
    copy_release(release, folder)
    assert verify(folder)
    assert sorted(folder.rglob("*")) == before
    assert list(folder.parent.iterdir()) == [folder]


def test_a_program_has_its_name_once_it_is_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    release = Release("0.9.9-deadbeef", Path(sys.executable).resolve(), {"a.py": tmp_path / "a.py"})
    folder = tmp_path / "opt" / release.name
    folder.parent.mkdir()
    fsync, synced = os.fsync, set[int]()
    rename, at_the_rename = Path.rename, set[int]()

    def note(descriptor: int) -> None:
        fsync(descriptor)
        synced.add(os.fstat(descriptor).st_ino)

    def look(path: Path, target: Path) -> Path:
        at_the_rename.update(synced)
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", note)
    monkeypatch.setattr(Path, "rename", look)
    copy_release(release, folder)

    written = {path.stat().st_ino for path in (folder, *folder.rglob("*")) if not path.is_symlink()}
    assert written <= at_the_rename
    assert folder.parent.stat().st_ino in synced - at_the_rename


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_that_was_somebody_elses_is_roots(tmp_path: Path) -> None:
    (tmp_path / "opt").mkdir()
    os.chown(tmp_path / "opt", 65534, 65534)

    make_folder(tmp_path / "opt", 0o755).carry_out()

    assert (tmp_path / "opt").stat().st_uid == 0


def test_an_uninstall_leaves_a_program_of_somebody_elses(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.program.mkdir(parents=True)
    layout.command.parent.mkdir(parents=True)
    layout.command.write_text("mine")
    told: list[str] = []

    command.uninstall(layout, told.append, is_dry_run=True, purge=False)

    assert [line for line in told if "remove /" in line] == [f"[1/1] remove {layout.program}"]


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


def test_a_step_that_fails_says_which_and_why(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    step = write_file(tmp_path / "file" / "imgbot.env", "", 0o644, "the settings")
    told: list[str] = []

    with pytest.raises(InstallError, match=r"could not write the settings: .*: Not a directory"):
        command._carry_out([step], told.append)

    assert told == [f"[1/1] {step.says}"]


def test_a_rehearsal_prints_every_step_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = Layout(tmp_path)
    facts = facts_of(Release("0.9.9-deadbeef", Path("/usr/bin/python3"), {}))

    def look(layout: Layout, answers: Answers, *, with_sandbox: bool) -> InstallationFacts:
        assert not with_sandbox
        return replace(facts, answers=answers)

    monkeypatch.setattr(command, "inspect", look)
    told: list[str] = []

    command.install(command.InstallOptions(is_dry_run=True), told.append, layout, examine_provider)

    assert len(told) == 1 + len(plan_install(facts, layout))
    assert list(tmp_path.iterdir()) == []


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
