"""The status of a real service that is full, killed or stopped while somebody looks at it."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.fixtures.bot import Bot, with_simulated_provider
from tests.fixtures.commands import address_of, document_of, environ_with, see_status
from tests.fixtures.sandbox import open_sandbox
from tests.fixtures.waiting import PATIENCE_S, eventually
from tests.integration.stage import Stage, open_stage

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(loop_scope="module")
async def full_stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """A service whose every place is taken for longer than the test takes."""
    async for stage in open_stage(tmp_path, is_simulated=True, IMGBOT_JOBS_PER_WORKER="1"):
        for number in range(10):
            person = await stage.control.make_user(f"P{number}")
            for _ in range(12):
                await stage.control.say(person, "a queue [[sim:slow=3600]]")
        yield stage


async def test_a_full_service_tells_of_its_jobs_and_by_its_exit_status(full_stage: Stage) -> None:
    async def document() -> Any:
        return await document_of(full_stage.bot)

    def is_whole(found: Any) -> bool:
        queue = found["queue"]
        return bool(
            (found["jobs"] or {}).get("create") == {"queued": 115, "polling": 5}
            and (queue["waiting"], queue["running"]) == (115, 5)
            and queue["oldest_running_s"]
            and queue["oldest_waiting_s"]
        )

    found = await eventually(document, is_whole)
    await eventually(document, lambda now: now["vitals"]["queue_jobs"]["level"] == "critical")
    status, out, _ = await see_status(**environ_with(address_of(full_stage.bot)))

    assert [worker["number"] for worker in found["workers"]] == [1, 2, 3, 4, 5]
    assert status == 2
    assert "CRITICAL" in out.splitlines()[0]
    # Its workers are idle: more of them would be no help.
    assert "What helps: more at once, IMGBOT_JOBS_PER_WORKER" in " ".join(out.split())


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
        # A minute of a second.
        status = "imgbot.ops.status"
        bot.constants = {
            f"{status}.history.POINT_EVERY_S": 1.0,
            f"{status}.sampler.FIRST_AFTER_S": 0.0,
            f"{status}.sampler.SAMPLE_EVERY_S": 0.2,
        }
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
