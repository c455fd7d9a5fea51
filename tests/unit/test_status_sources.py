"""What the status is told of the pipeline: jobs by what is really done with them."""

from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock, Mock

from imgbot.domain.job import Job, State
from imgbot.domain.operations import Operation
from imgbot.storage.stats import QueueSnapshot as Seen
from imgbot.telemetry.thresholds import Load
from imgbot.wiring.status import status_sources
from tests.fixtures.jobs import job_of


def job(number: int, operation: Operation, state: State) -> Job:
    return job_of(str(number), 1, 1, operation, "en", state=state)


async def test_what_a_worker_makes_is_painted_and_not_submitted() -> None:
    jobs = [job(number, Operation.CREATE, State.SUBMITTING) for number in range(3)]
    jobs.append(job(9, Operation.EDIT, State.POLLING))
    seen = Seen(waiting={"create": 4}, refused=(), dead=(), is_paused=False, capped=0)
    overview: Any = Mock(snapshot=AsyncMock(return_value=seen))
    runner: Any = SimpleNamespace(jobs=jobs, load=Load(running=4))
    lanes = [SimpleNamespace(about=about) for about in ("create", "create", "fitting a picture")]
    pool: Any = SimpleNamespace(lanes=lambda: lanes)
    asked = status_sources(overview, runner, pool, ["builtin"], lambda: 0, 3, AsyncMock())

    glance = await asked.glance()

    assert glance.jobs == {
        "create": {"queued": 4, "submitting": 1, "painting": 2},
        "edit": {"polling": 1},
    }
    assert (glance.load.waiting, glance.load.running) == (4, 4)
