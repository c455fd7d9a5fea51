"""Job steps without a runner: pauses take no time."""

from imgbot.domain.job import Job
from imgbot.jobs.context import Ended, Snooze, Step, StepContext


async def take(step: Step, context: StepContext, job: Job) -> Job:
    """Take the step until it is the turn of another one; return the job as that left it."""
    outcome = await step(context, job)
    while isinstance(outcome, Snooze) and outcome.then:
        outcome = await outcome.then(context, outcome.job)
    return job if isinstance(outcome, Ended) else outcome.job
