"""An area in the steps of a job."""

from typing import cast

import pytest

from imgbot.domain.job import InputPhoto, Job, State, with_changes
from imgbot.domain.operations import Operation
from imgbot.features.marks import marking
from imgbot.jobs.context import StepContext
from imgbot.jobs.outcomes import Outcome
from imgbot.painter.steps import DrawnArea
from imgbot.storage.client import Client
from tests.integration.test_recovery import NOW
from tests.integration.test_runner import (
    context as context,  # noqa: PLC0414 -- a fixture
    end,
    serving,
    until_ended,
)


async def test_a_job_cancelled_while_its_area_is_sought_asks_nothing(
    context: StepContext, redis: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcomes: list[State | None] = []

    async def find(context: StepContext, *_: object, **__: object) -> DrawnArea:
        await context.queue.cancel("7", 1, NOW)
        return DrawnArea("area_unsure")

    async def resolve(context: StepContext, job: Job) -> Outcome:
        outcomes.append(job.progress.outcome)
        if job.progress.outcome:
            return await end(context, job)
        photos = (InputPhoto("plain", "1"), InputPhoto("drawn", "2"))
        marked = with_changes(job, operation=Operation.EDIT, sources=photos)
        return cast("Outcome", await marking.resolve(context, marked))

    monkeypatch.setattr(marking, "_find", find)
    async with serving(context, monkeypatch, resolve):
        await until_ended(redis)

    assert outcomes == [None, State.CANCELLED]
