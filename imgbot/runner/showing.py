"""`rendering` and `delivering`: fetch the picture, make it fit, show it, end the job."""

import asyncio
import time
from pathlib import Path
from typing import cast

from imgbot import retry, telemetry
from imgbot.errors import ChatGoneError, ChatMovedError, MessageGoneError, ProviderError
from imgbot.imaging import pictures
from imgbot.job import Job, State
from imgbot.providers.protocol import Output
from imgbot.queue.records import dump_sources
from imgbot.runner import words
from imgbot.runner.tools import Tools
from imgbot.telegram.delivery import Place
from imgbot.texts import buttons, say

_LOSSES = 3


async def render(tools: Tools, job: Job, _: asyncio.Event) -> Job:
    """Fetch the picture and make of it what Telegram takes; both are on disk after it."""
    begun = time.monotonic()
    folder = tools.folder_of(job.id)
    folder.mkdir(parents=True, exist_ok=True)
    raw = folder / "result"
    decision = await _fetch(tools, job, raw)
    if decision is not None:
        return await tools.end(job, decision.outcome, decision.reason)
    ready = await tools.pool.run(pictures.prepare, str(raw), str(folder / "ready"))
    telemetry.stage_took("render", time.monotonic() - begun)
    facts = {**job.facts, "kind": ready.kind}
    return await tools.move(
        job, State.DELIVERING, file=ready.path, outcome=State.DELIVERED, facts=facts
    )


async def _fetch(tools: Tools, job: Job, raw: Path) -> retry.GiveUp | None:
    outputs = cast("list[dict[str, str]]", job.ticket["outputs"])
    attempt = 0
    while True:
        try:
            await tools.provider.fetch(Output(**outputs[0]), raw)
        except ProviderError as error:
            telemetry.provider_failed(job.id, error.kind, str(error))
            decision = retry.after_fetch(error, attempt)
        else:
            return None
        if isinstance(decision, retry.GiveUp):
            return decision
        attempt += 1
        await asyncio.sleep(decision.delay_s)


async def deliver(tools: Tools, job: Job, _: asyncio.Event) -> Job:
    """Show the picture or say the sentence, then end the job; returns it unchanged."""
    begun = time.monotonic()
    outcome = job.outcome or State.FAILED
    try:
        await _show(tools, job, outcome)
    except MessageGoneError:
        if job.tries < _LOSSES:
            tools.status.lose(job.id)
            return await tools.move(job, State.DELIVERING, message_id=0, tries=job.tries + 1)
        # Somebody deletes whatever is shown: that is an answer, too.
        outcome = _unseen(outcome)
    except ChatMovedError as error:
        tools.status.lose(job.id)
        return await tools.move(
            job, State.DELIVERING, chat_id=error.chat_id, message_id=0, reply_to=0
        )
    except ChatGoneError:
        outcome = _unseen(outcome)
    await finish(tools, job, outcome)
    telemetry.stage_took("deliver", time.monotonic() - begun)
    return job


def _unseen(outcome: State) -> State:
    """What an end counts as when its message could not be shown."""
    return State.CANCELLED if outcome is State.CANCELLED else State.FAILED


async def finish(tools: Tools, job: Job, outcome: State) -> None:
    """End the job in Redis, with what the buttons under its picture need."""
    result = _result(job) if outcome is State.DELIVERED else {}
    await tools.queue.finish(job, outcome, tools.now_ms(), result)
    telemetry.job_finished(job, outcome, tools.now_ms())


async def _show(tools: Tools, job: Job, outcome: State) -> None:
    place = Place(job.chat_id, job.thread_id, job.reply_to)
    if outcome is not State.DELIVERED:
        text = words.sentence(job)
        message_id = await tools.status.ensure(job, text)
        async with tools.status.close(job):
            await tools.delivery.tell(place, message_id, text, [])
        return
    message_id = await tools.status.ensure(job, say(job.language, "job_ready"))
    async with tools.status.close(job):
        await tools.delivery.show(
            place,
            message_id,
            Path(job.file),
            is_photo=job.facts.get("kind") == "photo",
            caption=words.caption(job),
            rows=buttons.under_result(job.language, job.id),
        )


def _result(job: Job) -> dict[str, object]:
    return {
        "user_id": job.user_id,
        "operation": job.operation,
        "words": job.words,
        "sources": dump_sources(job.sources),
        "scale": job.scale,
    }
