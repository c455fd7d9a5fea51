"""`imgbot status` beside a real service: what it shows, where it finds it, and in a terminal."""

import asyncio
import contextlib
import functools
import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

import pytest
import pytest_asyncio

from imgbot.config.setting_types import Address, parse_address
from imgbot.ops.installation import environ_of_service
from imgbot.ops.status.command import Target, fetch_status, show_jobs
from imgbot.sandbox.bot_process import free_port
from tests.fixtures.commands import (
    COMMAND,
    address_of,
    document_of,
    environ_with,
    run_forked,
    run_in,
    see_status,
)
from tests.fixtures.waiting import eventually
from tests.integration.stage import Stage, open_stage

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("status")
    async for stage in open_stage(folder, is_simulated=True, IMGBOT_RATE_LIMIT_MAX_REQUESTS="5"):
        yield stage


async def test_status_of_a_working_service(stage: Stage) -> None:
    await (await stage.user("Ann")).order("a fox")

    async def shown() -> tuple[int, str, str]:
        return await see_status(**environ_with(address_of(stage.bot)))

    # The picture is counted a moment later, the rest is measured every few seconds.
    parts = ("imgbot ", "simulated", "● Queue", " ok", "of 5 busy", "simulated up")
    status, out, error = await eventually(shown, lambda told: all(p in told[1] for p in parts))

    assert (status, error) == (0, "")
    assert "\x1b" not in out


async def test_json_is_the_document(stage: Stage) -> None:
    async def measured() -> Any:
        # What a process weighs and what Redis holds are read a few seconds after the start.
        resources = (await document_of(stage.bot))["resources"]
        return resources["memory_bytes"] and resources["redis_bytes"]

    await eventually(measured)
    status, out, _ = await see_status("--json", **stage.bot.environ)

    document = json.loads(out)
    assert status == 0
    assert document["level"] in {"normal", "attention"}
    assert set(document["vitals"]) == {
        *("queue_jobs", "job_time_s", "cpu_ratio", "memory_ratio", "error_ratio"),
        "update_age_s",
    }
    assert document["resources"]["memory_bytes"] > 10_000_000
    assert document["resources"]["redis_bytes"] > 1_000_000
    assert document["redis"] == f"{stage.bot.state_dir}/redis/redis.sock"


async def test_the_most_refused_user_is_named_in_status_and_in_no_metric(stage: Stage) -> None:
    cyd = await stage.user("Cyd")
    for _ in range(8):
        await cyd.say("/create")

    async def users() -> Any:
        return (await document_of(stage.bot))["rate_limit"]["users"]

    [user] = await eventually(users, lambda found: found and found[0]["refusals"] == 3)
    _, out, _ = await see_status(**stage.bot.environ)
    _, less, _ = await see_status(**environ_with(address_of(stage.bot)))
    jobs = await run_forked(environ_with(address_of(stage.bot)), "jobs")

    assert user["user_id"] == cyd.id
    assert f"{cyd.label}: 3" in out
    # Without the token, an account of this machine is told of nobody.
    assert str(cyd.id) not in less
    assert (jobs.status, "sudo imgbot jobs" in jobs.said) == (1, True)
    assert str(cyd.id) not in await stage.bot.get("/metrics")


async def test_an_address_says_where_the_service_is_and_is_no_other_bot(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "imgbot.env").touch()
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials/bot-token").write_text(stage.bot.environ["IMGBOT_TOKEN"])
    installed = functools.partial(environ_of_service, etc=tmp_path)
    monkeypatch.setattr("imgbot.ops.status.command.environ_of_service", installed)
    for name in [*os.environ]:
        if name.startswith("IMGBOT_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("IMGBOT_HTTP", address_of(stage.bot))

    assert await asyncio.to_thread(show_jobs)


async def test_status_where_nothing_answers() -> None:
    file = {"IMGBOT_ENVIRONMENT_FILE": "/etc/imgbot-shop/imgbot.env"}
    status, out, error = await see_status(**environ_with(f"127.0.0.1:{free_port()}", **file))

    assert (status, out) == (3, "")
    assert "nothing answers" in error
    assert "systemctl status imgbot@shop\n" in error
    # It has no settings here.
    assert "sudo imgbot install" in error
    assert "Traceback" not in error


async def test_status_where_another_program_answers() -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n[]")
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        status, _, error = await see_status(**environ_with(f"127.0.0.1:{port}"))

    assert status == 1
    assert "not this version of imgbot" in error
    assert "Traceback" not in error


async def test_a_wrong_address_names_the_setting() -> None:
    status, _, error = await see_status(**environ_with("nowhere"))

    assert status == 78
    assert "IMGBOT_HTTP" in error


async def test_the_address_is_that_of_the_services_file_or_loopback(
    stage: Stage, tmp_path: Path
) -> None:
    file = tmp_path / "imgbot.env"
    file.write_text(f"# settings\nIMGBOT_USERS=100\nIMGBOT_HTTP={address_of(stage.bot)}\n")

    of_file = await see_status(**environ_with("", IMGBOT_ENVIRONMENT_FILE=str(file)))
    everywhere = await see_status(**environ_with(f"0.0.0.0:{stage.bot.http_port}"))

    for status, out, _ in (of_file, everywhere):
        assert status in {0, 2}
        assert out.startswith("imgbot ")


@pytest.fixture
def closed_file(tmp_path: Path) -> Path:
    file = tmp_path / "imgbot.env"
    file.write_text("IMGBOT_HTTP=127.0.0.1:1\nFAL_KEY=secret\n")
    file.chmod(0)
    return file


async def _status_without_the_file(file: Path, default: str) -> tuple[int, str, str]:
    """Run it for somebody who may not read the file, with another default address."""
    code = (
        "import sys\nfrom imgbot.config.settings import Settings\n"
        "Settings.model_fields['http'].default = sys.argv[1]\n"
        # A demo of another test may serve at one of them.
        "from imgbot.ops.status import command\ncommand.SPARE_HTTP_PORTS = ()\n"
        "from imgbot.cli import main\nraise SystemExit(main(['status']))\n"
    )
    # Not even root reads what is closed to everybody, without what makes him root.
    bare = ("setpriv", "--bounding-set=-all", "--inh-caps=-all") if os.geteuid() == 0 else ()
    environ = environ_with("", IMGBOT_ENVIRONMENT_FILE=str(file))
    return await run_in(environ, *bare, sys.executable, "-c", code, default)


async def test_a_file_that_is_roots_alone_is_said_where_nobody_answers(closed_file: Path) -> None:
    default = f"127.0.0.1:{free_port()}"

    status, out, error = await _status_without_the_file(closed_file, default)

    assert (status, out) == (3, "")
    assert "nothing answers" in error
    assert f"{closed_file} cannot be read and may set another address: sudo imgbot status" in error


async def test_a_page_that_has_moved_from_a_taken_port_is_found(stage: Stage) -> None:
    moved = parse_address(address_of(stage.bot))
    target = Target((Address("127.0.0.1", free_port()), moved))

    document = await asyncio.to_thread(fetch_status, target)

    assert document["level"]


class _Terminal:
    """`imgbot status` in a terminal of its own."""

    def __init__(self, *arguments: str, **environ: str) -> None:
        master, slave = pty.openpty()
        self._process = subprocess.Popen(
            [*COMMAND, "status", *arguments], env=environ, stdin=slave, stdout=slave, stderr=slave
        )
        os.close(slave)
        os.set_blocking(master, False)
        self._master = master
        self._seen = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._master)

    async def text(self) -> str:
        with contextlib.suppress(BlockingIOError, OSError):
            while chunk := os.read(self._master, 65_536):
                self._seen += chunk
        return self._seen.decode(errors="replace")

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    async def end(self) -> int:
        async def status() -> int | None:
            await self.text()
            return self._process.poll()

        found = await eventually(status, lambda code: code is not None)
        assert found is not None
        return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_watching_goes_on_and_gives_the_terminal_back(
    stage: Stage, number: signal.Signals
) -> None:
    with _Terminal("--watch", **environ_with(address_of(stage.bot))) as terminal:
        await eventually(terminal.text, lambda text: text.count("\x1b[H") >= 2)

        terminal.signal(number)
        status = await terminal.end()
        text = await terminal.text()

    assert status in {0, 2}
    assert text.startswith("\x1b[?1049h")
    assert text.endswith("\x1b[?25h\x1b[?1049l")
    assert "Traceback" not in text


async def test_watching_bears_a_service_that_is_away() -> None:
    with _Terminal("--watch", **environ_with(f"127.0.0.1:{free_port()}")) as terminal:
        await eventually(terminal.text, lambda text: "nothing answers" in text)

        terminal.signal(signal.SIGINT)

        assert await terminal.end() == 3
