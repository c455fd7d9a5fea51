"""Which Redis the bot accepts: one that comes in time, keeps what it is told, evicts nothing."""

import asyncio
import errno
import grp
import os
import re
import sys
from pathlib import Path

import pytest

from imgbot.domain.errors import ConfigError, StorageUnavailableError
from imgbot.storage.client import connect
from imgbot.storage.server.check import check_redis
from imgbot.storage.server.durability import trouble_of, verify
from imgbot.storage.server.process import RedisServer
from tests.fixtures.redis_servers import client_of, is_at_rest
from tests.fixtures.waiting import eventually

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("name", "value", "mend"),
    [
        ("appendonly", "no", "CONFIG SET appendonly yes"),
        ("appendfsync", "no", "CONFIG SET appendfsync always"),
        ("maxmemory-policy", "allkeys-lru", "CONFIG SET maxmemory-policy noeviction"),
    ],
)
async def test_a_server_that_would_lose_jobs_is_refused_until_mended(
    tmp_path: Path, name: str, value: str, mend: str
) -> None:
    async with RedisServer(tmp_path, port=0) as server, client_of(server) as client:
        await client.config_set(name, value)

        with pytest.raises(ConfigError, match=mend) as refusal:
            await verify(client)
        [command] = [part for part in str(refusal.value).split("run: ") if mend in part]
        await _mend(command.split(" && ")[0], tmp_path)
        await verify(client)
        # A server that writes its first file refuses to end.
        await eventually(lambda: is_at_rest(client))

    assert refusal.value.setting == "IMGBOT_REDIS_URL"


async def _mend(command: str, state_dir: Path) -> None:
    words = command.split()
    assert words[:3] == ["sudo", "imgbot", "redis-cli"]
    environ = {"IMGBOT_STATE_DIR": str(state_dir)}
    done = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "imgbot", *words[2:]), env=environ, stdout=asyncio.subprocess.PIPE
    )
    assert await done.communicate() == (b"OK\n", None)


@pytest.mark.parametrize("value", ["noeviction", "allkeys-lru"])
async def test_a_server_that_forbids_config_is_asked_by_info(tmp_path: Path, value: str) -> None:
    async with RedisServer(tmp_path, port=0) as server, client_of(server) as client:
        await client.config_set("maxmemory-policy", value)
        await client.acl_setuser(
            "bot", enabled=True, passwords=["+pw"], categories=["+@all"], commands=["-config"]
        )
        url = f"unix://bot:pw@{server.socket_path}"
        async with connect(url) as restricted:
            if value == "noeviction":
                assert (await verify(restricted)).fsync == ""
            else:
                with pytest.raises(ConfigError, match="evicts jobs"):
                    await verify(restricted)


async def test_a_wrong_password_is_a_wrong_setting_and_is_not_shown(tmp_path: Path) -> None:
    async with (
        RedisServer(tmp_path, port=0) as server,
        connect(f"unix://bot:hunter2@{server.socket_path}") as client,
    ):
        with pytest.raises(ConfigError, match="refuses this user") as refusal:
            await verify(client, deadline_s=5.0)

    assert "hunter2" not in str(refusal.value)


async def test_a_socket_of_another_group_is_named_with_the_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(path: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", path)

    async with RedisServer(tmp_path, port=0) as server, connect(server.url) as client:
        monkeypatch.setattr(asyncio, "open_unix_connection", refuse)
        with pytest.raises(ConfigError, match=re.escape(str(server.socket_path))) as refusal:
            await verify(client, deadline_s=5.0)

    group = grp.getgrgid(os.getgid()).gr_name
    assert f"SupplementaryGroups={group}" in str(refusal.value)


async def test_a_server_that_comes_late_is_waited_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server = RedisServer(tmp_path, port=0)
    async with client_of(server) as client, asyncio.TaskGroup() as group:
        verified = group.create_task(verify(client, deadline_s=20.0))
        await eventually(lambda: _has_said(caplog, "waiting for Redis at"))
        async with server:
            assert (await verified).is_durable_at_once


async def _has_said(caplog: pytest.LogCaptureFixture, words: str) -> bool:
    return words in caplog.text


async def test_a_server_that_never_comes_ends_at_the_deadline(tmp_path: Path) -> None:
    async with client_of(RedisServer(tmp_path, port=0)) as client:
        with pytest.raises(StorageUnavailableError, match="IMGBOT_REDIS_URL"):
            await verify(client, deadline_s=0.1)


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x15\x03\x03\x00\x02\x02\x46"]
)
async def test_what_answers_unlike_redis_is_a_redis_that_is_away(answer: bytes) -> None:
    async def answer_all(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1000):
            writer.write(answer)
        writer.close()

    async with await asyncio.start_server(answer_all, "127.0.0.1") as server:
        url = "redis://127.0.0.1:{1}".format(*server.sockets[0].getsockname())
        client = connect(url)
        with pytest.raises(StorageUnavailableError, match="IMGBOT_REDIS_URL"):
            await verify(client, deadline_s=0.1)
        assert await trouble_of(client) == "Redis: InvalidResponse"
        await client.aclose()
        report = await check_redis(url, "1", is_embedded=False)
        assert "no Redis answers" in report.findings[0].text
