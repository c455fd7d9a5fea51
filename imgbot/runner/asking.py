"""`polling`: wait as the schedule says, ask, and tell the person how it goes."""

import asyncio
import random

from imgbot import retry, telemetry
from imgbot.errors import ProviderError
from imgbot.job import Job, State
from imgbot.providers.protocol import Done, Pending
from imgbot.runner.ordering import stored
from imgbot.runner.tools import Tools
from imgbot.tasks import pause
from imgbot.texts import say


async def poll(tools: Tools, job: Job, nudged: asyncio.Event) -> Job:
    """Ask once, when it is time or somebody nudges."""
    if tools.polling.is_exhausted(job.tries):
        return await tools.end(job, State.DEAD, "exhausted")
    interval_s = tools.polling.get_interval(job.tries) * random.uniform(0.97, 1.03)  # noqa: S311
    await pause(interval_s, nudged, tools.draining)
    if tools.draining.is_set():
        return job
    if nudged.is_set():
        nudged.clear()
        job = await tools.move(job, State.POLLING)
        if job.is_cancelled:
            return job
    answer = await _ask(tools, job, nudged)
    if answer is None:
        return job
    if isinstance(answer, retry.GiveUp):
        return await tools.end(job, answer.outcome, answer.reason)
    if isinstance(answer, Pending):
        await _tell_progress(tools, job, answer)
        return await tools.move(job, State.POLLING, tries=job.tries + 1)
    telemetry.stage_took("provider", (tools.now_ms() - job.intent_ms) / 1000)
    ticket = {**job.ticket, "outputs": stored(answer)}
    return await tools.move(job, State.RENDERING, ticket=ticket, tries=0)


async def _ask(
    tools: Tools, job: Job, nudged: asyncio.Event
) -> Pending | Done | retry.GiveUp | None:
    """Ask until there is an answer; None when something else has to be looked at first."""
    failures = 0
    while True:
        try:
            return await tools.provider_of(job).poll(job.ticket)
        except ProviderError as error:
            telemetry.provider_failed(job.id, error.kind, str(error))
            decision = retry.after_poll(error, failures)
        if isinstance(decision, retry.GiveUp):
            return decision
        failures += 1
        await pause(decision.delay_s, nudged, tools.draining)
        if nudged.is_set() or tools.draining.is_set():
            return None


async def _tell_progress(tools: Tools, job: Job, answer: Pending) -> None:
    if tools.polling.is_slow(job.tries + 1):
        if job.tries + 1 == tools.polling.max_attempts:
            await tools.status.hint(job, say(job.language, "job_slow"))
    elif answer.progress:
        percent = round(min(answer.progress, 0.99) * 100)
        await tools.status.hint(job, say(job.language, "job_progress", percent=percent))
