"""`imgbot status` and the status document of a real service, as an operator meets them."""

import asyncio
import contextlib
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

from tests.integration.conftest import Stage, open_stage
from tests.support.bot import Bot, with_simulated_provider
from tests.support.processes import free_port
from tests.support.sandbox import open_sandbox
from tests.support.waiting import PATIENCE_S, eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

_own_stage = contextlib.asynccontextmanager(open_stage)
_HURRIED = """
from imgbot.cli import main
from imgbot.ops import history, watch
history.POINT_EVERY_S, watch.SAMPLE_EVERY_S = 1.0, 0.2
raise SystemExit(main())
"""
"""The program, with a minute of a second."""

_COMMAND = (sys.executable, "-m", "imgbot", "status")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("status")
    async for stage in open_stage(folder, is_simulated=True, IMGBOT_RATE_LIMIT_MAX_REQUESTS="5"):
        yield stage


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def full_stage(tmp_path_factory: pytest.TempPathFactory):
    """A service whose every place is taken for longer than the tests take."""
    folder = tmp_path_factory.mktemp("full")
    async for stage in open_stage(folder, is_simulated=True, IMGBOT_JOBS_PER_WORKER="1"):
        for number in range(10):
            person = await stage.control.make_user(f"P{number}")
            for _ in range(12):
                await stage.control.say(person, "a queue [[sim:slow=3600]]")
        yield stage


def _environ(http: str, **others: str) -> dict[str, str]:
    clean = {name: v for name, v in os.environ.items() if not name.startswith("IMGBOT_")}
    clean.pop("NO_COLOR", None)
    return clean | ({"IMGBOT_HTTP": http} if http else {}) | {"TERM": "xterm"} | others


def _address(bot: Bot) -> str:
    return f"127.0.0.1:{bot.http_port}"


async def _status(*arguments: str, **environ: str) -> tuple[int, str, str]:
    """Run `imgbot status`; return the exit status and what it says on both streams."""
    return await _run(*_COMMAND, *arguments, **environ)


async def _run(*command: str, **environ: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        *command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    async with asyncio.timeout(PATIENCE_S):
        out, error = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), error.decode()


async def _document(bot: Bot) -> Any:
    return json.loads(await bot.get("/status.json"))


async def test_it_shows_a_service_that_works(stage: Stage) -> None:
    person = await stage.control.make_user("Ann")
    await stage.control.say(person, "a fox")
    await stage.control.wait_message(person.id, lambda m: bool(m.photo_id))

    async def shown() -> tuple[int, str, str]:
        return await _status(**_environ(_address(stage.bot)))

    # The picture is counted a moment later, the rest is measured every few seconds.
    parts = ("imgbot ", "simulated", "● Queue", " ok", "of 5 busy", "simulated up")
    status, out, error = await eventually(shown, lambda told: all(p in told[1] for p in parts))

    assert (status, error) == (0, "")
    assert "\x1b" not in out


async def test_json_is_the_document(stage: Stage) -> None:
    async def measured() -> Any:
        # What a process weighs and what Redis holds are read a few seconds after the start.
        resources = (await _document(stage.bot))["resources"]
        return resources["memory_bytes"] and resources["redis_bytes"]

    await eventually(measured)
    status, out, _ = await _status("--json", **_environ(_address(stage.bot)))

    document = json.loads(out)
    assert status == 0
    assert document["level"] in {"normal", "attention"}
    assert set(document["vitals"]) == {
        *("queue_jobs", "job_time_s", "cpu_ratio", "memory_ratio", "error_ratio")
    }
    assert document["resources"]["memory_bytes"] > 10_000_000
    assert document["resources"]["redis_bytes"] > 1_000_000


async def test_it_tells_what_the_jobs_do(full_stage: Stage) -> None:
    async def document() -> Any:
        return await _document(full_stage.bot)

    def is_whole(found: Any) -> bool:
        # The queue and the jobs in it are measured apart.
        queue = found["queue"]
        return bool(
            (found["jobs"] or {}).get("create") == {"queued": 115, "polling": 5}
            and (queue["waiting"], queue["running"]) == (115, 5)
            and queue["oldest_running_s"]
            and queue["oldest_waiting_s"]
        )

    found = await eventually(document, is_whole)

    assert [worker["number"] for worker in found["workers"]] == [1, 2, 3, 4, 5]


async def test_who_is_refused_most_is_named_here_and_in_no_metric(stage: Stage) -> None:
    person = await stage.control.make_user("Cyd")
    for _ in range(8):
        await stage.control.say(person, "/create")

    async def users() -> Any:
        return (await _document(stage.bot))["rate_limit"]["users"]

    [user] = await eventually(users, lambda found: found and found[0]["refusals"] == 3)
    _, out, _ = await _status(**_environ(_address(stage.bot)))

    assert user["user_id"] == person.id
    assert f"{person.id} (3)" in out
    assert str(person.id) not in await stage.bot.get("/metrics")


async def test_a_critical_service_has_another_exit_status(full_stage: Stage) -> None:
    async def level() -> Any:
        return (await _document(full_stage.bot))["vitals"]["queue_jobs"]["level"]

    await eventually(level, lambda found: found == "critical")
    status, out, _ = await _status(**_environ(_address(full_stage.bot)))

    assert status == 2
    assert "CRITICAL" in out.splitlines()[0]
    assert "More workers: IMGBOT_WORKERS" in out


async def test_nobody_answers() -> None:
    status, out, error = await _status(**_environ(f"127.0.0.1:{free_port()}"))

    assert (status, out) == (3, "")
    assert "nobody answers" in error
    assert "systemctl status imgbot" in error
    assert "Traceback" not in error


async def test_somebody_else_answers() -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n[]")
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        status, _, error = await _status(**_environ(f"127.0.0.1:{port}"))

    assert status == 1
    assert "no imgbot of this version" in error
    assert "Traceback" not in error


async def test_a_wrong_address_names_the_setting() -> None:
    status, _, error = await _status(**_environ("nowhere"))

    assert status == 78
    assert "IMGBOT_HTTP" in error


async def test_the_address_is_found_in_the_services_file(stage: Stage, tmp_path: Path) -> None:
    file = tmp_path / "imgbot.env"
    file.write_text(f"# settings\nIMGBOT_USERS=100\nIMGBOT_HTTP={_address(stage.bot)}\n")

    status, out, _ = await _status(**_environ("", IMGBOT_ENVIRONMENT_FILE=str(file)))

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
        "import sys\nfrom imgbot.ops.settings import Settings\n"
        "Settings.model_fields['http'].default = sys.argv[1]\n"
        "from imgbot.cli import main\nraise SystemExit(main(['status']))\n"
    )
    # Not even root reads what is closed to everybody, without what makes him root.
    bare = ("setpriv", "--bounding-set=-all", "--inh-caps=-all") if os.geteuid() == 0 else ()
    environ = _environ("", IMGBOT_ENVIRONMENT_FILE=str(file))
    return await _run(*bare, sys.executable, "-c", code, default, **environ)


async def test_a_file_that_is_roots_alone_leaves_the_default_address(
    stage: Stage, closed_file: Path
) -> None:
    status, out, error = await _status_without_the_file(closed_file, _address(stage.bot))

    assert (status in {0, 2}, error) == (True, "")
    assert out.startswith("imgbot ")


async def test_a_file_that_is_roots_alone_is_said_where_nobody_answers(closed_file: Path) -> None:
    default = f"127.0.0.1:{free_port()}"

    status, out, error = await _status_without_the_file(closed_file, default)

    assert (status, out) == (3, "")
    assert "nobody answers" in error
    assert f"{closed_file} cannot be read, and may say another address: sudo imgbot status" in error


async def test_every_address_of_the_machine_is_asked_on_loopback(stage: Stage) -> None:
    status, out, _ = await _status(**_environ(f"0.0.0.0:{stage.bot.http_port}"))

    assert status in {0, 2}
    assert out.startswith("imgbot ")


class _Terminal:
    """`imgbot status` in a terminal of its own."""

    def __init__(self, *arguments: str, **environ: str) -> None:
        master, slave = pty.openpty()
        self._process = subprocess.Popen(
            [*_COMMAND, *arguments], env=environ, stdin=slave, stdout=slave, stderr=slave
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


async def test_colours_are_for_terminals_that_want_them(stage: Stage) -> None:
    shown = {}
    for name, environ in {"wanted": {}, "unwanted": {"NO_COLOR": "1"}}.items():
        with _Terminal(**_environ(_address(stage.bot), **environ)) as terminal:
            shown[name] = await eventually(terminal.text, lambda text: "Unknown" in text)

    assert "\x1b[1m" in shown["wanted"]
    assert "\x1b" not in shown["unwanted"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_watching_goes_on_and_gives_the_terminal_back(
    stage: Stage, number: signal.Signals
) -> None:
    with _Terminal("--watch", **_environ(_address(stage.bot))) as terminal:
        await eventually(terminal.text, lambda text: text.count("\x1b[H") >= 2)

        terminal.signal(number)
        status = await terminal.end()
        text = await terminal.text()

    assert status in {0, 2}
    assert text.startswith("\x1b[?1049h")
    assert text.endswith("\x1b[?25h\x1b[?1049l")
    assert "Traceback" not in text


async def test_watching_bears_a_service_that_is_away() -> None:
    with _Terminal("--watch", **_environ(f"127.0.0.1:{free_port()}")) as terminal:
        await eventually(terminal.text, lambda text: "nobody answers" in text)

        terminal.signal(signal.SIGINT)

        assert await terminal.end() == 3


async def test_the_history_outlives_a_kill(tmp_path: Path) -> None:
    file = tmp_path / "state" / "history.json"

    async def delivered() -> float:
        if not file.exists():
            return 0
        kept = json.loads(file.read_text())
        column = kept["columns"].index("ok")
        return sum(point[column] for point in kept["points"])

    async with open_sandbox() as (sandbox, control):
        await control.set_provider(duration_s=[0.2, 0.4])
        bot = Bot(sandbox, file.parent, **with_simulated_provider(sandbox))
        bot.command = [sys.executable, "-c", _HURRIED]
        file.parent.mkdir()
        async with bot:
            person = await control.make_user("Dan")
            await control.say(person, "a fox")
            await control.wait_message(person.id, lambda m: bool(m.photo_id))
            await eventually(delivered)
            await bot.kill()
            before = json.loads(file.read_text())["points"]
            await bot.start()

            # It is read while the service starts.
            history = await eventually(lambda: _first_event(bot), lambda found: found["points"])

    assert history["points"][: len(before)] == before
    assert (file.stat().st_mode & 0o077) == 0


async def _first_event(bot: Bot) -> Any:
    reader, writer = await asyncio.open_connection("127.0.0.1", bot.http_port)
    writer.write(b"GET /events HTTP/1.0\r\nHost: localhost\r\n\r\n")
    async with asyncio.timeout(PATIENCE_S):
        while not (line := await reader.readline()).startswith(b"data: "):
            assert line
    writer.close()
    return json.loads(line.removeprefix(b"data: "))


async def test_it_stops_though_somebody_looks(tmp_path: Path) -> None:
    async with _own_stage(tmp_path, is_simulated=True) as stage:
        reader, writer = await asyncio.open_connection("127.0.0.1", stage.bot.http_port)
        writer.write(b"GET /events HTTP/1.0\r\nHost: localhost\r\n\r\n")
        assert b"200 OK" in await reader.readline()

        assert await stage.bot.stop() == 0

        await reader.read()
        writer.close()
        await stage.bot.start()
