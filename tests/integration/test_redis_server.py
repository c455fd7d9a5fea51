"""The embedded Redis, for real: what it keeps, what it survives, what it leaves behind."""

import asyncio
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import NoPermissionError

from imgbot.domain.errors import ConfigError
from imgbot.ops.cluster.plan import ClusterPlan
from imgbot.sandbox.bot_process import free_port
from imgbot.storage.client import connect
from imgbot.storage.server.append_only_file import DamagedFileError
from imgbot.storage.server.durability import wait_until_reachable
from imgbot.storage.server.process import RedisServer, bundled_binary, url_of
from tests.fixtures.processes import is_gone
from tests.fixtures.redis_servers import answers, client_of, is_at_rest
from tests.fixtures.waiting import PATIENCE_S, eventually

pytestmark = pytest.mark.slow

_OWNER = """
import asyncio, sys
from pathlib import Path
from typing import Any
from imgbot.storage.server.process import RedisServer

async def main():
    async with RedisServer(Path(sys.argv[1]), port=0) as server:
        print(server.pid, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


def _binaries() -> list[Path]:
    found = [shutil.which("redis-server"), shutil.which("valkey-server"), bundled_binary()]
    return [Path(binary) for binary in found if binary]


def _is_alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


def _start_owner(state_dir: Path) -> tuple[subprocess.Popen[str], int]:
    owner = subprocess.Popen(
        [sys.executable, "-c", _OWNER, str(state_dir)], stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout is not None
    return owner, int(owner.stdout.readline())


@pytest.mark.parametrize("binary", _binaries(), ids=lambda binary: binary.parent.name)
async def test_the_embedded_redis_is_durable_and_never_evicts(tmp_path: Path, binary: Path) -> None:
    async with RedisServer(tmp_path, port=0, binary=binary) as server, client_of(server) as client:
        settings = await client.config_get("maxmemory*", "append*", "save", "unixsocketperm")
        await client.hset("img:result:1", "words", "a lighthouse on a cliff at sunset " * 20)
        encoding = await client.object("encoding", "img:result:1")

    assert settings["appendonly"] == "yes"
    assert settings["appendfsync"] == "always"
    assert encoding == "listpack"
    assert settings["save"] == ""
    assert settings["maxmemory"] == str(256 * 1024 * 1024)
    assert settings["maxmemory-policy"] == "noeviction"
    assert (tmp_path / "redis").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "redis" / "redis.conf").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("later", _binaries(), ids=lambda binary: f"then-{binary.parent.name}")
@pytest.mark.parametrize("first", _binaries(), ids=lambda binary: binary.parent.name)
async def test_every_program_reads_what_another_wrote(
    tmp_path: Path, first: Path, later: Path
) -> None:
    async with RedisServer(tmp_path, port=0, binary=first) as server, client_of(server) as client:
        await client.hset("rq:job:1", mapping={"words": "a cat"})
        # A rewrite puts the data into the base file, where the formats would differ.
        await client.bgrewriteaof()
        await client.zadd("img:due", {"1": 5})

        await eventually(lambda: is_at_rest(client))

    async with RedisServer(tmp_path, port=0, binary=later) as server, client_of(server) as client:
        assert await client.hgetall("rq:job:1") == {"words": "a cat"}
        assert await client.zscore("img:due", "1") == 5


async def test_a_killed_server_comes_back_with_its_data(tmp_path: Path) -> None:
    server = RedisServer(tmp_path, port=free_port())
    async with server, asyncio.TaskGroup() as group:
        watch = group.create_task(server.watch())
        async with client_of(server) as client:
            # A transaction, as every script is.
            transaction = client.pipeline()
            transaction.mset({"kept": "yes", "img:syncs": 1})
            await transaction.execute()
        killed = server.pid

        os.kill(killed, signal.SIGKILL)
        await eventually(lambda: _is_another(server, killed))

        async with client_of(server) as client:
            assert await client.mget("kept", "img:syncs") == ["yes", "1"]
            assert await client.execute_command("ACL WHOAMI") == "imgbot"
        async with Redis(port=server.port) as anybody:
            with pytest.raises(NoPermissionError):
                await anybody.get("kept")
        watch.cancel()


async def _is_another(server: RedisServer, pid: int) -> bool:
    return server.pid not in {0, pid} and await answers(server)


async def test_a_torn_last_write_costs_that_write_alone(tmp_path: Path) -> None:
    async with RedisServer(tmp_path, port=0) as server, client_of(server) as client:
        await client.set("first", "1")
        await client.set("last", "2")
    [log] = (tmp_path / "redis" / "appendonlydir").glob("*.incr.aof")
    os.truncate(log, log.stat().st_size - 3)

    async with RedisServer(tmp_path, port=0) as server, client_of(server) as client:
        assert await client.get("first") == "1"
        assert await client.get("last") is None


_HALF = b"*3\r\n$3\r\nSET\r\n$4\r\nlast\r\n$9\r\n12"
_TAILS = {
    "zeros": bytes(5000),
    "rubbish": bytes(range(255, 0, -1)) * 20,
    "half a command": _HALF + bytes(4096),
    "half a transaction": b"*1\r\n$5\r\nMULTI\r\n*1\r\n$4\r\nPING\r\n" + _HALF + bytes(4096),
}


async def write_two(state_dir: Path, binary: Path | None = None) -> Path:
    """Have a server acknowledge two writes, the second a transaction; return its data's folder."""
    server = RedisServer(state_dir, port=0, binary=binary)
    async with server, client_of(server) as client:
        await client.set("first", "1")
        transaction = client.pipeline()
        transaction.set("second", "2")
        transaction.incr("img:syncs")
        await transaction.execute()
    return state_dir / "redis" / "appendonlydir"


async def read_two(state_dir: Path, binary: Path | None = None) -> list[Any]:
    async with RedisServer(state_dir, port=0, binary=binary) as server, client_of(server) as client:
        await client.incr("img:syncs")
        return await client.mget("first", "second")


@pytest.mark.parametrize("binary", _binaries(), ids=lambda binary: binary.parent.name)
@pytest.mark.parametrize("tail", _TAILS)
async def test_what_no_write_has_left_at_the_end_is_cut_off(
    tmp_path: Path, tail: str, binary: Path
) -> None:
    [log] = (await write_two(tmp_path, binary)).glob("*.incr.aof")
    whole = log.read_bytes()
    log.write_bytes(whole + _TAILS[tail])

    assert await read_two(tmp_path, binary) == ["1", "2"]
    assert log.read_bytes().startswith(whole + b"*")
    assert await read_two(tmp_path, binary) == ["1", "2"]


@pytest.mark.parametrize("tail", ["zeros", "half a command"])
async def test_the_redis_of_a_cluster_cuts_it_off_too(tmp_path: Path, tail: str) -> None:
    [log] = (await write_two(tmp_path, bundled_binary())).glob("*.incr.aof")
    log.write_bytes(log.read_bytes() + _TAILS[tail])
    port, plan = free_port(), ClusterPlan(("127.0.0.1", "127.0.0.2", "127.0.0.3"), "secret")
    text = plan.redis_conf("127.0.0.1", "127.0.0.1", 64 << 20, has_replica=False)
    (tmp_path / "conf").write_text(text.replace("port 6379", f"port {port}"))

    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "imgbot", "cluster", "run", "redis"),
        cwd=tmp_path,
        env=os.environ | {"CREDENTIALS_DIRECTORY": str(tmp_path)},
    )
    try:
        client = connect(f"redis://:secret@127.0.0.1:{port}")
        await wait_until_reachable(client, deadline_s=PATIENCE_S)
        assert await client.mget("first", "second") == ["1", "2"]
        await client.aclose()
    finally:
        process.kill()
        await process.wait()


@pytest.mark.parametrize("content", [b"", bytes(100), None], ids=["empty", "zeros", "gone"])
async def test_a_lost_manifest_is_written_anew(tmp_path: Path, content: bytes | None) -> None:
    [manifest] = (await write_two(tmp_path)).glob("*.manifest")
    manifest.unlink()
    if content is not None:
        manifest.write_bytes(content)

    assert await read_two(tmp_path) == ["1", "2"]
    assert await read_two(tmp_path) == ["1", "2"]


async def test_what_may_lose_acknowledged_writes_is_left_to_the_operator(tmp_path: Path) -> None:
    folder = await write_two(tmp_path)
    [log], [manifest] = folder.glob("*.incr.aof"), folder.glob("*.manifest")
    content = log.read_bytes()
    begin = content.index(b"*1\r\n$5\r\nMULTI")
    log.write_bytes(content[:begin] + bytes(100) + content[begin:])

    with pytest.raises(DamagedFileError) as damage:
        await RedisServer(tmp_path, port=0).start()
    command = str(damage.value).rpartition("sudo ")[2]
    done = await asyncio.create_subprocess_exec(*command.split())
    assert await done.wait() == 0
    left = await read_two(tmp_path)
    shutil.copy(log, log.with_name("appendonly.aof.2.incr.aof"))
    manifest.write_text("")
    with pytest.raises(DamagedFileError, match="imgbot restore FILE --force"):
        await RedisServer(tmp_path, port=0).start()

    assert f"damaged at byte {begin} of {len(content) + 100}" in str(damage.value)
    assert left == ["1", None]


async def test_the_embedded_redis_dies_with_a_killed_owner_and_keeps_its_data(
    tmp_path: Path,
) -> None:
    # What a URL would take for the end of a path.
    folder = tmp_path / "bot #1? 100%"
    owner, pid = _start_owner(folder)
    with owner:
        client = Redis.from_url(url_of(folder), decode_responses=True)
        await client.set("kept", "yes")
        await client.aclose()

        owner.kill()
        assert is_gone(pid)

    async with RedisServer(folder, port=0) as server, client_of(server) as client:
        assert await client.get("kept") == "yes"


async def test_a_frozen_orphan_is_ended_before_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imgbot.storage.server.process._ORPHAN_GRACE_S", 0.2)
    # systemd's state directory is a link, too.
    (tmp_path / "private").mkdir()
    (tmp_path / "state").symlink_to(tmp_path / "private")
    owner, orphan = _start_owner(tmp_path / "state")
    with owner:
        os.kill(orphan, signal.SIGSTOP)
        owner.kill()
    assert _is_alive(orphan)

    async with RedisServer(tmp_path / "state", port=0) as server:
        assert await answers(server)
        assert not _is_alive(orphan)


async def test_the_embedded_redis_answers_on_the_guides_port_where_that_is_free(
    tmp_path: Path,
) -> None:
    port = free_port()

    async with RedisServer(tmp_path, port=port) as server:
        assert server.port == port
        async with Redis(port=port) as client:
            assert await client.ping()
        # Another address of this machine: it listens on 127.0.0.1 and nowhere else.
        with socket.socket() as elsewhere, pytest.raises(ConnectionRefusedError):
            elsewhere.connect(("127.0.0.2", port))


# The guide's lines, as they stand there.
_GUIDE = """
redis-cli LLEN rq:queue:img_queue
redis-cli KEYS "rq:job:*" | wc -l
redis-cli LRANGE rq:queue:img_queue 0 -1
redis-cli INFO stats
redis-cli GET "rate_limit:123456789"
redis-cli KEYS "rate_limit:*" | wc -l
"""
_NOT_THE_GUIDES = (
    "HSET rq:job:7 file /etc/shadow", "HGET rq:job:7 words", "GET img:owner", "LPUSH img:wake 7",
    "LRANGE img:history:1 0 -1", "SET rate_limit:123456789 0", "DEL rq:queue:img_queue",
    "SORT rq:queue:img_queue BY x GET img:result:*->words", "EVAL return(1) 0", "SCRIPT FLUSH",
    "SUBSCRIBE x", "MONITOR", "CONFIG GET *", "CONFIG SET dir /root", "ACL LIST",
    "ACL SETUSER default +@all", "CLIENT KILL TYPE normal", "BGREWRITEAOF", "SHUTDOWN", "FLUSHALL",
    "REPLICAOF 127.0.0.1 1", "MODULE LIST", "DUMP rq:job:7",
)  # fmt: skip


@pytest.mark.parametrize("binary", _binaries(), ids=lambda binary: binary.parent.name)
async def test_an_account_without_the_password_may_run_the_guides_lines_alone(
    tmp_path: Path, binary: Path
) -> None:
    async with (
        RedisServer(tmp_path, port=free_port(), binary=binary) as server,
        client_of(server) as bot,
        Redis(port=server.port, decode_responses=True) as anybody,
    ):
        await bot.hset("rq:job:7", "words", "a secret wish")
        await bot.rpush("rq:queue:img_queue", "7", "8")
        await bot.set("rate_limit:123456789", 3)

        lines = [shlex.split(line) for line in _GUIDE.strip().splitlines()]
        told: list[Any] = [
            await anybody.execute_command(*line[1:5]) for line in _without_pipes(lines)
        ]
        refused = [await _is_refused(anybody, *line.split()) for line in _NOT_THE_GUIDES]

        assert told[:3] == [2, ["rq:job:7"], ["7", "8"]]
        assert "total_commands_processed" in told[3]
        assert told[4:] == ["3", ["rate_limit:123456789"]]
        assert [
            line for line, is_so in zip(_NOT_THE_GUIDES, refused, strict=True) if not is_so
        ] == []
        assert await bot.llen("rq:queue:img_queue") == 2


def _without_pipes(lines: list[list[str]]) -> list[list[str]]:
    return [line[: line.index("|")] if "|" in line else line for line in lines]


async def _is_refused(client: Any, *words: str) -> bool:
    try:
        await client.execute_command(*words)
    except NoPermissionError:
        return True
    return False


async def test_a_taken_port_is_left_alone(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        async with RedisServer(tmp_path, port=other.getsockname()[1]) as server:
            assert server.port == 0
            assert await answers(server)


async def test_a_server_that_was_spawned_early_is_the_one_that_serves(tmp_path: Path) -> None:
    server = RedisServer(tmp_path / 'my "own" folder', port=0)
    assert server.spawn()
    spawned = server.pid

    async with server:
        assert server.pid == spawned
        assert await answers(server)
        # Ctrl-C in the terminal does not reach it.
        assert os.getpgid(spawned) != os.getpgid(0)
    await server.stop()
    assert not _is_alive(spawned)


@pytest.mark.parametrize("folder", ["x" * 90, "file", ""], ids=["too long", "no folder", "inside"])
async def test_a_folder_that_cannot_be_used_names_the_setting(tmp_path: Path, folder: str) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "redis/redis.conf").mkdir(parents=True)

    with pytest.raises(ConfigError) as refusal:
        await RedisServer(tmp_path / folder, port=0).start()

    assert refusal.value.setting == "IMGBOT_STATE_DIR"
