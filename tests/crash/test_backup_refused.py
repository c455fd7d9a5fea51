"""Moves that are refused, fail or are cut off: each said in a sentence, and no place is spoiled."""

import json
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from imgbot.ops.backup import archive
from imgbot.ops.backup.command import backup
from imgbot.ops.backup.restore import restore
from imgbot.ops.state_directory import supervisor_of
from tests.crash.conftest import Move
from tests.fixtures.commands import run, run_forked

_SERVICE = 65534
_AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root acts for somebody else")


async def test_what_is_refused_changes_nothing(move: Move) -> None:
    await move.old.start()
    running = await run(move.old, "restore", str(move.file))
    nowhere = await run(move.old, "backup", "--stop", "/nowhere/at/all")
    within = await run(move.old, "backup", "--stop", str(move.old.state_dir / "b.tar.gz"))
    # Renaming a file to a device would replace it; some servers have tapes.
    os.mkfifo(device := move.file.with_name("device"))
    not_files = [
        await run(move.old, "backup", "--stop", text)
        for text in ("", "/", str(device), str(move.file.parent))
    ]
    assert move.old.is_running
    assert device.is_fifo()
    made = await run(move.old, "backup", str(move.file))
    again = await run(move.old, "restore", str(move.file), "--force")
    await move.old.stop()
    move.new.settings["IMGBOT_TOKEN"] = "123456789:" + "C" * 35
    another = await run(move.new, "restore", str(move.file))
    del move.new.settings["IMGBOT_TOKEN"]
    whole = move.file.read_bytes()
    move.file.write_bytes(whole[: len(whole) // 2])
    half = await run(move.new, "restore", str(move.file))
    missing = await run(move.new, "restore", str(move.file.with_name("none")))

    assert (running.status, again.status, made.status) == (1, 1, 0)
    assert f"process {move.old.pid} " in running.said
    assert f"process {move.old.pid} " in again.said
    assert (another.status, "IMGBOT_TOKEN" in another.said) == (78, True)
    assert (half.status, "not a complete imgbot backup" in half.said) == (1, True), half.said
    assert (missing.status, "does not exist" in missing.said) == (1, True), missing.said
    assert (nowhere.status, "cannot be written" in nowhere.said) == (1, True), nowhere.said
    assert (within.status, "outside of" in within.said) == (1, True), within.said
    assert all("is not a file: name one" in ended.said for ended in not_files), not_files
    for ended in (running, again, another, half, missing, nowhere, within, *not_files):
        assert "Traceback" not in ended.said
    assert not (move.new.state_dir / "restore.part").exists()
    # It starts as if nothing had been tried.
    await move.new.start()


async def test_no_bot_of_a_cluster_is_moved_alone(move: Move) -> None:
    await move.old.start()
    sentinels = {"IMGBOT_REDIS_URL": "redis+sentinel://:secret@127.0.0.1:1,127.0.0.1:2/imgbot"}

    refused = await run_forked(move.old.environ | sentinels, "backup", "--stop", str(move.file))

    assert (refused.status, "the other bot of this cluster" in refused.said) == (1, True)
    assert move.old.is_running


async def test_while_a_place_is_left_no_bot_starts_there(
    move: Move, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, seen = archive.write_backup, []

    def look_and_write(*given: Any) -> archive.Manifest:
        seen.append(supervisor_of(move.old.state_dir))
        return write(*given)

    monkeypatch.setattr(archive, "write_backup", look_and_write)

    await backup(str(move.file), is_stopping=True, environ=move.old.environ)

    assert seen == [os.getpid()]
    assert (move.old.state_dir / "moved").exists()


async def test_a_move_that_fails_says_that_the_bot_is_stopped(
    move: Move, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> archive.Manifest:
        raise archive.BackupError("the disk is full")

    monkeypatch.setattr(archive, "write_backup", fail)

    with pytest.raises(archive.BackupError, match="the disk is full; the bot is stopped"):
        await backup(str(move.file), is_stopping=True, environ=move.old.environ)

    assert not (move.old.state_dir / "moved").exists()


async def test_a_restore_that_was_cut_off_is_said_and_not_served_from(move: Move) -> None:
    await move.old.start()
    made = await run(move.old, "backup", "--stop", str(move.file))
    begun = move.new.state_dir / "restore.part" / "begun"
    begun.parent.mkdir()
    begun.touch()

    refused = await run(move.new)
    # Another file that is none does not make it whole.
    move.file.with_name("noise").write_bytes(b"noise")
    noise = await run(move.new, "restore", str(move.file.with_name("noise")), "--force")
    still = await run(move.new)
    put = await run(move.new, "restore", str(move.file), "--force")
    await move.new.start()

    assert made.status == 0
    assert (noise.status, still.status, "interrupted" in still.said) == (1, 78, True)
    assert (refused.status, "interrupted" in refused.said) == (78, True)
    assert put.status == 0, put.said


@pytest.mark.parametrize("trouble", ["no settings", "no text", "a bottomless file", "in the way"])
async def test_settings_that_cannot_be_put_back_leave_the_restore_whole(
    move: Move, tmp_path: Path, trouble: str
) -> None:
    provider, etc = tmp_path / "own/mine.toml", tmp_path / "etc"
    env = {"no settings": b"this is no line\n", "no text": b"IMGBOT_USERS=\xff\n"}
    text = b"key = " + b"[" * 100_000 if trouble == "a bottomless file" else b""
    members = {
        "redis.jsonl": b"",
        "settings/imgbot.env": env.get(trouble, f"IMGBOT_PROVIDER={provider}\n".encode()),
        "settings/providers/0/0": text,
    }
    about = {"bot_id": move.new.environ["IMGBOT_TOKEN"].partition(":")[0]}
    about |= {"provider_files": {str(provider): [provider.name]}}
    write_backup(move.file, tmp_path / "made", members, about)
    if trouble == "in the way":
        etc.symlink_to("nowhere")
    move.new.settings["IMGBOT_ENVIRONMENT_FILE"] = str(etc / "imgbot.env")

    put = await run(move.new, "restore", str(move.file))

    assert (put.status, "Traceback" in put.said) == (0, False), put.said
    assert not (move.new.state_dir / "restore.part").exists()
    is_put = f"{provider} was restored" in put.said
    assert is_put is (trouble == "a bottomless file"), put.said
    assert ("not restored" in put.said) is not is_put, put.said


def write_backup(
    file: Path, folder: Path, members: dict[str, bytes], about: dict[str, Any]
) -> None:
    """Write a backup with whatever it may hold."""
    folder.mkdir()
    paths: list[tuple[str, Path]] = []
    for number, (name, content) in enumerate(members.items()):
        path = folder / str(number)
        path.write_bytes(content)
        paths.append((name, path))
    archive.write_backup(file, paths, about)


def give_to_service(state_dir: Path) -> None:
    for path in (state_dir, *state_dir.rglob("*")):
        os.chown(path, _SERVICE, _SERVICE, follow_symlinks=False)


@pytest.fixture
def roots(tmp_path: Path) -> Path:
    """A folder that only root may use."""
    (tmp_path / "etc/redis").mkdir(parents=True)
    (tmp_path / "etc/secret").write_text("root's own\n")
    (tmp_path / "etc").chmod(0o700)
    return tmp_path / "etc"


def seen(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """What is in a folder, with owners, modes and contents."""
    return {
        str(path.relative_to(folder)): (
            path.stat().st_uid,
            path.stat().st_mode,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in folder.rglob("*")
    }


@_AS_ROOT
@pytest.mark.parametrize("command", ["backup FILE", "backup --stop FILE", "restore FILE --force"])
async def test_what_root_does_is_the_services(move: Move, tmp_path: Path, command: str) -> None:
    state_dir = move.old.state_dir
    members = {"redis.jsonl": b"", "state/pictures/8.png": b"a picture"}
    about = {"bot_id": move.old.environ["IMGBOT_TOKEN"].partition(":")[0]}
    write_backup(move.file, tmp_path / "made", members, about)
    (state_dir / "pictures").mkdir()
    (state_dir / "pictures/9.png").write_bytes(b"another picture")
    give_to_service(state_dir)

    ended = await run(move.old, *command.replace("FILE", str(move.file)).split())

    assert (ended.status, "Traceback" in ended.said) == (0, False), ended.said
    assert {path.lstat().st_uid for path in state_dir.rglob("*")} == {_SERVICE}
    with tarfile.open(move.file) as kept:
        assert f"state/pictures/{8 if 'restore' in command else 9}.png" in kept.getnames()
    assert move.file.stat().st_uid == 0


@_AS_ROOT
@pytest.mark.parametrize("command", ["backup FILE", "backup --stop FILE", "restore FILE --force"])
@pytest.mark.parametrize(
    ("link", "target"),
    [
        ("redis/redis.log", "secret"),
        ("redis/redis.conf", "secret"),
        ("redis/server.lock", "secret"),
        ("redis", "redis"),
        ("lock", "secret"),
    ],
)
async def test_a_link_of_the_services_leads_root_nowhere(
    move: Move, tmp_path: Path, roots: Path, link: str, target: str, command: str
) -> None:
    about = {"bot_id": move.old.environ["IMGBOT_TOKEN"].partition(":")[0]}
    write_backup(move.file, tmp_path / "made", {"redis.jsonl": b""}, about)
    (path := move.old.state_dir / link).parent.mkdir(exist_ok=True)
    path.symlink_to(roots / target)
    give_to_service(move.old.state_dir)
    before = seen(roots)

    ended = await run(move.old, *command.replace("FILE", str(move.file)).split())

    assert (ended.status != 0, "Traceback" in ended.said) == (True, False), ended.said
    assert "own" not in ended.said.replace("owner", "")
    assert seen(roots) == before


@_AS_ROOT
async def test_a_folder_that_becomes_a_link_leads_a_backup_nowhere(
    move: Move, roots: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, pictures = archive.write_backup, move.old.state_dir / "pictures"

    def swap_and_write(*given: Any) -> archive.Manifest:
        pictures.rename(pictures.with_name("aside"))
        pictures.symlink_to(roots)
        return write(*given)

    pictures.mkdir()
    (pictures / "secret").write_bytes(b"harmless")
    give_to_service(move.old.state_dir)
    monkeypatch.setattr(archive, "write_backup", swap_and_write)

    await backup(str(move.file), environ=move.old.environ)

    with tarfile.open(move.file) as made:
        assert "state/pictures/secret" not in made.getnames()


@_AS_ROOT
async def test_a_folder_that_becomes_a_link_leads_a_restore_nowhere(
    move: Move, tmp_path: Path, roots: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, state_dir, settings = archive.read_backup, move.new.state_dir, tmp_path / "imgbot.env"
    members = {"redis.jsonl": b"", "state/x": b"hostile", "settings/imgbot.env": b"IMGBOT_USERS=9"}
    about = {"bot_id": move.new.environ["IMGBOT_TOKEN"].partition(":")[0]}
    write_backup(move.file, tmp_path / "made", members, about)
    move.new.settings["IMGBOT_ENVIRONMENT_FILE"] = str(settings)
    give_to_service(state_dir)
    before = seen(roots)

    def read_and_swap(*given: Any) -> archive.Manifest:
        manifest = read(*given)
        (state_dir / "restore.part").rename(state_dir / "aside")
        (state_dir / "restore.part").symlink_to(roots)
        return manifest

    monkeypatch.setattr(archive, "read_backup", read_and_swap)

    with pytest.raises(PermissionError):
        await restore(str(move.file), is_forced=False, environ=move.new.environ)

    assert seen(roots) == before
    assert not settings.exists()


@pytest.mark.parametrize(
    ("line", "about"),
    [
        (["rq:job:7-0", "hash", 0, ["state", "queued", "ticket", "{"]], {}),
        (["rq:job:7-0", "hash", 0, ["state", "queued"]], {"taken_ms": "soon"}),
    ],
    ids=["half a ticket", "a time that is none"],
)
async def test_a_job_that_cannot_be_read_is_noticed_while_nothing_is_lost(
    move: Move, tmp_path: Path, line: list[object], about: dict[str, object]
) -> None:
    bot_id = move.new.environ["IMGBOT_TOKEN"].partition(":")[0]
    members = {"redis.jsonl": json.dumps(line).encode() + b"\n"}
    about = {"bot_id": bot_id, "state_dir": "/old", **about}
    write_backup(move.file, tmp_path / "made", members, about)

    put = await run(move.new, "restore", str(move.file))

    assert (put.status, "the backup is damaged" in put.said) == (1, True), put.said
    assert "Traceback" not in put.said
    assert not (move.new.state_dir / "restore.part").exists()
