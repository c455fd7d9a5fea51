"""What a failed step turns a job into: who is blamed in words, and what stays for the operator."""

from typing import Any, cast

import pytest

from imgbot.domain.errors import UserError, WorkerLostError
from imgbot.domain.job import Job, State, with_changes
from imgbot.domain.operations import Operation
from imgbot.domain.texts import has_text
from imgbot.jobs.context import Advance, StepContext
from imgbot.jobs.runner import after_error
from tests.fixtures.jobs import job_of


class _Ends:
    """Notes how a job is to end."""

    async def conclude(self, _job: Job, outcome: State, reason: str, **facts: Any) -> Any:
        return outcome, reason, facts


def _job(state: State, *, is_ordered: bool) -> Job:
    return job_of("1", 1, 1, Operation.EDIT, "en", state=state, intent_ms=int(is_ordered))


MADE = with_changes(_job(State.DELIVERING, is_ordered=True), outcome=State.DELIVERED)
NEW, PAID = _job(State.SUBMITTING, is_ordered=False), _job(State.RENDERING, is_ordered=True)


@pytest.mark.parametrize(
    ("job", "error", "end"),
    [
        (NEW, WorkerLostError("edit", "killed"), (State.FAILED, "worker_killed", "no")),
        (NEW, WorkerLostError("edit", "hung"), (State.FAILED, "worker_lost", "no")),
        (NEW, MemoryError(), (State.FAILED, "picture_too_much_memory", None)),
        (NEW, UserError("picture_truncated"), (State.FAILED, "picture_truncated", None)),
        (PAID, WorkerLostError("prepare", "hung"), (State.DEAD, "result_unusable", "maybe")),
        (MADE, UserError("result_refused"), (State.DEAD, "result_refused", "maybe")),
        (PAID, MemoryError(), (State.DEAD, "result_unusable", "maybe")),
        (PAID, UserError("result_not_a_picture"), (State.DEAD, "result_unusable", "maybe")),
    ],
)
async def test_the_end_names_its_true_reason(
    job: Job, error: Exception, end: tuple[State, str, str | None]
) -> None:
    end_of_job = await after_error(cast("StepContext", _Ends()), job, error)
    assert isinstance(end_of_job, Advance)
    outcome, reason, facts = cast("Any", end_of_job.job)
    assert (outcome, reason, facts.get("charge")) == end
    assert has_text(reason)
