"""A bot with work under way moves to another state directory: one picture and one charge each."""

import asyncio
import gzip
import os
import shutil
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from imgbot.moving.backup import Wish, backup
from imgbot.ops import archive
from imgbot.ops.lock import supervisor_of
from imgbot.providers.documents import PRESETS
from imgbot.sandbox.server import Sandbox
from tests.crash.test_supervisor_killed import (
    all_pictures,
    ask_for_pictures,
    field_is_set,
)
from tests.support.bot import Bot, with_simulated_provider
from tests.support.sandbox import Control, Person, open_sandbox
from tests.support.waiting import PATIENCE_S, eventually


@dataclass(frozen=True, slots=True)
class Ended:
    status: int
    said: str


async def run(bot: Bot, *arguments: str) -> Ended:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "imgbot", *arguments),
        env=bot.environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(PATIENCE_S):
        output, _ = await process.communicate()
    assert process.returncode is not None
    return Ended(process.returncode, output.decode())


@dataclass(frozen=True, slots=True)
class Move:
    """An old place, a new one, and the file between them."""

    control: Control
    old: Bot
    new: Bot
    file: Path


def bot_at(folder: Path, sandbox: Sandbox, **settings: str) -> Bot:
    state_dir = folder / "state"
    state_dir.mkdir(parents=True)
    settings = with_simulated_provider(sandbox) | {"IMGBOT_RUNNING_PER_USER": "1"} | settings
    return Bot(sandbox, state_dir, **settings)


@pytest.fixture
async def move(tmp_path: Path) -> AsyncIterator[Move]:
    async with open_sandbox() as (sandbox, control):
        await control.set_provider(duration_s=[2.0, 3.0])
        old, new = bot_at(tmp_path / "old", sandbox), bot_at(tmp_path / "new", sandbox)
        yield Move(control, old, new, tmp_path / "imgbot.tar.gz")
        for bot in (old, new):
            assert bot.secrets_in_log() == []
            if bot.is_running:
                await bot.stop()


async def some_wait_and_some_run(move: Move) -> None:
    """Five people with a picture each under way, and one of them with two that wait."""
    await eventually(
        lambda: field_is_set(move.old, "state", "polling"),
        lambda found: len(found) >= 3,
        what="jobs that are asked for",
    )
    await eventually(
        lambda: field_is_set(move.old, "state", "queued"),
        lambda found: len(found) >= 2,
        what="jobs that wait",
    )


async def order_seven(move: Move) -> list[Person]:
    """Start the old bot and order: three pictures for the first of five people, one each else."""
    await move.old.start()
    people = await ask_for_pictures(move.control, 5, "a fox [[sim:slow=4]]")
    for words in ("a crow", "an owl"):
        await move.control.say(people[0], words)
    return people


async def test_a_stopped_bot_goes_on_elsewhere(move: Move) -> None:
    people = await order_seven(move)
    await move.control.say(people[1], "/quiet")
    await some_wait_and_some_run(move)

    made = await run(move.old, "backup", "--stop", str(move.file))
    put = await run(move.new, "restore", str(move.file))
    refused = await run(move.old)
    await move.new.start()

    assert (made.status, put.status) == (0, 0), made.said + put.said
    assert "7 jobs under way" in made.said
    assert move.file.stat().st_mode & 0o777 == 0o600
    assert (refused.status, "moved" in refused.said) == (78, True)
    await expect_each(move, people, [3, 1, 1, 1, 1])
    async with move.new.redis() as redis:
        assert await redis.hget(f"img:user:{people[1].id}", "is_quiet") == "1"


async def test_a_killed_bot_goes_on_from_a_copy_made_while_it_ran(move: Move) -> None:
    people = await order_seven(move)
    await some_wait_and_some_run(move)

    made = await run(move.old, "backup", str(move.file))
    await move.old.kill()
    put = await run(move.new, "restore", str(move.file))
    await move.new.start()

    assert (made.status, put.status) == (0, 0), made.said + put.said
    assert "the bot goes on" in made.said
    assert "stop that one for good" in put.said
    await expect_each(move, people, [3, 1, 1, 1, 1])


async def test_what_was_ordered_after_the_copy_is_not_paid_again(move: Move) -> None:
    control = move.control
    await move.old.start()
    people = await ask_for_pictures(control, 3, "a fox [[sim:slow=3]]")
    for words in ("a crow", "an owl"):
        await control.say(people[0], words)
    await eventually(
        lambda: field_is_set(move.old, "message_id"),
        lambda found: len(found) == 5,
        what="a status message for each",
    )
    made = await run(move.old, "backup", str(move.file))
    await eventually(
        lambda: all_pictures(control, people),
        lambda seen: seen == [3, 1, 1],
        what="all pictures by the old one",
    )
    assert await move.old.stop() == 0
    before = len((await control.provider())["ledger"])

    put = await run(move.new, "restore", str(move.file))
    await move.new.start()

    assert (made.status, put.status) == (0, 0), made.said + put.said
    await expect_each(move, people, [3, 1, 1])
    assert len((await control.provider())["ledger"]) == before == 5


async def test_what_the_new_place_has_ordered_is_not_paid_again_when_it_is_restored_anew(
    move: Move,
) -> None:
    control = move.control
    await move.old.start()
    people = await ask_for_pictures(control, 2, "a fox [[sim:slow=2]]")
    await control.say(people[0], "a crow")
    await eventually(
        lambda: field_is_set(move.old, "message_id"),
        lambda found: len(found) == 3,
        what="a status message for each",
    )
    made = await run(move.old, "backup", "--stop", str(move.file))
    first = await run(move.new, "restore", str(move.file))
    await move.new.start()
    await expect_each(move, people, [2, 1])
    assert await move.new.stop() == 0

    again = await run(move.new, "restore", str(move.file), "--force")
    await move.new.start()

    statuses = (made.status, first.status, again.status)
    assert statuses == (0, 0, 0), made.said + first.said + again.said
    assert "looked up at their provider first" not in first.said
    assert "looked up at their provider first" in again.said
    await expect_each(move, people, [2, 1])


async def test_a_file_that_was_thrown_away_since_is_made_again_for_nothing(move: Move) -> None:
    control = move.control
    await control.fault("editMessageMedia", "delay", times=1, delay_s=6.0)
    await move.old.start()
    people = await ask_for_pictures(control, 1, "a fox [[sim:slow=1]]")
    await eventually(lambda: field_is_set(move.old, "state", "delivering"), what="a delivery")
    shutil.rmtree(move.old.state_dir / "jobs")
    made = await run(move.old, "backup", str(move.file))
    await move.old.kill()

    put = await run(move.new, "restore", str(move.file))
    await move.new.start()

    assert (made.status, put.status) == (0, 0), made.said + put.said
    await expect_each(move, people, [1])


async def expiries(redis: Redis) -> dict[str, int]:
    """When each entry that outlasts a job expires, ms."""
    names = ("result:", "history:", "picture:", "spend:", "update:")
    found = [str(key) for name in names for key in await redis.keys(f"img:{name}*")]
    return {key: await redis.pexpiretime(key) for key in found}


async def test_into_a_redis_of_ones_own_with_the_time_that_is_left(
    move: Move, real_redis: Redis, redis_url: str
) -> None:
    control = move.control
    await move.old.start()
    [person] = await ask_for_pictures(control, 1)
    await control.wait_message(person.id, lambda m: bool(m.photo_id))
    async with move.old.redis() as redis:
        await eventually(lambda: redis.keys("img:result:*"), what="a result")
        before = await expiries(redis)
    move.new.settings["IMGBOT_REDIS_URL"] = redis_url

    made = await run(move.old, "backup", "--stop", str(move.file))
    put = await run(move.new, "restore", str(move.file))
    after = await expiries(real_redis)
    kept = await run(move.new, "restore", str(move.file))
    epoch = int(await real_redis.get("img:epoch") or 0)
    await move.new.start()

    assert (made.status, put.status) == (0, 0), made.said + put.said
    assert after == before
    # Whoever held the queue is fenced off.
    assert epoch == 2
    assert (kept.status, "--force" in kept.said) == (1, True)
    assert len(list((move.new.state_dir / "pictures").iterdir())) == 1


async def test_what_is_refused_changes_nothing(move: Move) -> None:
    await move.old.start()
    running = await run(move.old, "restore", str(move.file))
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
    nowhere = await run(move.new, "backup", "/nowhere/at/all")

    assert (running.status, again.status, made.status) == (1, 1, 0)
    assert f"process {move.old.pid} " in running.said
    assert f"process {move.old.pid} " in again.said
    assert (another.status, "IMGBOT_TOKEN" in another.said) == (78, True)
    assert (half.status, "no whole backup" in half.said) == (1, True), half.said
    assert (missing.status, "there is no file" in missing.said) == (1, True), missing.said
    assert (nowhere.status, "cannot be written" in nowhere.said) == (1, True), nowhere.said
    for ended in (running, again, another, half, missing, nowhere):
        assert "Traceback" not in ended.said
    assert not (move.new.state_dir / "restore.part").exists()
    # It starts as if nothing had been tried.
    await move.new.start()


async def test_a_move_that_has_nowhere_to_go_stops_nothing(move: Move) -> None:
    await move.old.start()

    nowhere = await run(move.old, "backup", "--stop", "/nowhere/at/all")

    assert (nowhere.status, "cannot be written" in nowhere.said) == (1, True), nowhere.said
    assert move.old.is_running


async def test_a_backup_beside_the_data_takes_no_other_along(move: Move, tmp_path: Path) -> None:
    await move.old.start()
    [person] = await ask_for_pictures(move.control, 1)
    await move.control.wait_message(person.id, lambda m: bool(m.photo_id))
    (move.old.state_dir / "a.gz").write_bytes(gzip.compress(b"not of ours"))
    names = [str(move.old.state_dir / name) for name in ("one.tar.gz", "two.tar.gz")]

    made = [await run(move.old, "backup", name) for name in names]
    unpacked = tmp_path / "unpacked"
    unpacked.mkdir()
    manifest = archive.read(Path(names[1]), unpacked, 50_000_000)

    assert [each.status for each in made] == [0, 0], made
    folders = [name.split("/")[1] for name in manifest.files if name.startswith("state/")]
    assert {"a.gz", "pictures"} <= set(folders)
    assert not [name for name in folders if name.endswith((".tar.gz", ".part"))]
    assert sorted(name for name in manifest.files if "redis" in name) == ["redis.jsonl"]


async def test_while_a_place_is_left_no_bot_starts_there(
    move: Move, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, seen = archive.write, []

    def look_and_write(*given: Any) -> archive.Manifest:
        seen.append(supervisor_of(move.old.state_dir))
        return write(*given)

    monkeypatch.setattr(archive, "write", look_and_write)

    await backup(move.old.environ, Wish(move.file, is_stopping=True))

    assert seen == [os.getpid()]
    assert (move.old.state_dir / "moved").exists()


async def test_a_move_that_fails_says_that_the_bot_is_stopped(
    move: Move, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> archive.Manifest:
        raise archive.BackupError("the disk is full")

    monkeypatch.setattr(archive, "write", fail)

    with pytest.raises(archive.BackupError, match="the disk is full; the bot is stopped"):
        await backup(move.old.environ, Wish(move.file, is_stopping=True))

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
    assert (noise.status, still.status, "cut off" in still.said) == (1, 78, True)
    assert (refused.status, "cut off" in refused.said) == (78, True)
    assert put.status == 0, put.said


def settings_at(folder: Path, move: Move) -> dict[str, Path]:
    """Give both places a folder for settings and secrets, as a service has it."""
    there = {}
    for name, bot in (("old", move.old), ("new", move.new)):
        there[name] = folder / f"etc-{name}"
        (there[name] / "credentials").mkdir(parents=True, mode=0o700)
        bot.settings["IMGBOT_ENVIRONMENT_FILE"] = str(there[name] / "imgbot.env")
        bot.settings["CREDENTIALS_DIRECTORY"] = str(there[name] / "credentials")
    return there


def provider_of_ones_own(folder: Path) -> Path:
    """A ComfyUI server's file, with its workflows beside it and a key of its own."""
    shutil.copytree(str(PRESETS / "comfyui"), folder / "comfyui")
    # Beside it, and named by nobody.
    (folder / "comfyui/upscale-model.json").unlink()
    text = (PRESETS / "comfyui.toml").read_text(encoding="utf-8")
    path = folder / "mine.toml"
    path.write_text(text.replace('key = ""', 'key = "MINE_KEY"'))
    return path


async def test_a_provider_of_ones_own_goes_along_and_replaces_none(
    move: Move, tmp_path: Path
) -> None:
    there, old = settings_at(tmp_path, move), tmp_path / "own"
    provider = provider_of_ones_own(old)
    (there["old"] / "imgbot.env").write_text(
        f"IMGBOT_PROVIDER_FALLBACK={provider}\nMINE_KEY=own-secret\n"
    )
    was = {path: path.read_bytes() for path in old.rglob("*") if path.is_file()}
    made = await run(move.old, "backup", "--stop", str(move.file))
    shutil.rmtree(old)
    # Here is one already, and it is another one.
    (old / "comfyui").mkdir(parents=True)
    (old / "comfyui/create.json").write_text("{}")

    put = await run(move.new, "restore", str(move.file))
    again = await run(move.new, "restore", str(move.file), "--force")

    assert (made.status, put.status, again.status) == (0, 0, 0), made.said + put.said + again.said
    assert "MINE_KEY" not in (there["new"] / "imgbot.env").read_text()
    kept = old / "comfyui/create.json"
    assert kept.read_text() == "{}"
    assert f"{kept} is kept as it was: the one in the backup differs" in put.said
    assert f"{provider} is as it was at the old place" in put.said
    assert f"{provider} is kept as it was\n" in again.said
    is_there = {path: path.read_bytes() for path in old.rglob("*") if path.is_file()}
    assert is_there == was | {kept: b"{}"}
    assert (provider.stat().st_mode & 0o777) == 0o644


async def test_a_provider_that_no_setting_names_here_is_not_put_back(
    move: Move, tmp_path: Path
) -> None:
    there, old = settings_at(tmp_path, move), tmp_path / "own"
    provider = provider_of_ones_own(old)
    (there["old"] / "imgbot.env").write_text(f"IMGBOT_PROVIDER_EDIT={provider}\nMINE_KEY=x\n")
    (there["new"] / "imgbot.env").write_text("IMGBOT_PROVIDER=builtin\n")
    made = await run(move.old, "backup", "--stop", str(move.file))
    shutil.rmtree(old)

    put = await run(move.new, "restore", str(move.file))

    assert (made.status, put.status) == (0, 0), made.said + put.said
    assert f"{provider} is not put back: no setting here names it" in put.said
    assert not old.exists()


@pytest.mark.parametrize("has_secrets", [False, True], ids=["without secrets", "with secrets"])
async def test_settings_go_along_and_secrets_only_if_wanted(
    move: Move, tmp_path: Path, has_secrets: bool
) -> None:
    there = settings_at(tmp_path, move)
    (there["old"] / "imgbot.env").write_text("IMGBOT_USERS=90\nSIMULATED_API_KEY=sim-key\n")
    (there["old"] / "credentials" / "redis-url").write_text("")
    await move.old.start()

    made = await run(
        move.old, "backup", "--stop", str(move.file), *(["--with-secrets"] if has_secrets else [])
    )
    put = await run(move.new, "restore", str(move.file))

    assert (made.status, put.status) == (0, 0), made.said + put.said
    file = there["new"] / "imgbot.env"
    assert "IMGBOT_USERS=90" in file.read_text()
    assert ("sim-key" in file.read_text()) is has_secrets
    assert (file.stat().st_mode & 0o777) == (0o600 if has_secrets else 0o644)
    assert (there["new"] / "credentials" / "redis-url").exists() is has_secrets
    assert ("whoever reads it" in made.said) is has_secrets
    assert "sim-key" not in made.said + put.said


async def expect_each(move: Move, people: list[Person], counts: list[int]) -> None:
    control = move.control
    await eventually(
        lambda: all_pictures(control, people),
        lambda seen: seen == counts,
        what="as many pictures as were asked for",
    )
    async with move.new.redis() as redis:
        await eventually(lambda: redis.keys("rq:job:*"), lambda keys: not keys, what="no job left")
        assert await redis.hgetall("img:active") == {}
        assert await redis.llen("rq:queue:img_queue") == 0
    ledger = (await control.provider())["ledger"]
    assert len({entry["client_id"] for entry in ledger}) == len(ledger) == sum(counts)
    assert await all_pictures(control, people) == counts
