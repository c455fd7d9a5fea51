"""Words on a provider's picture: left out of its order, and put on its result."""

import asyncio
from dataclasses import replace
from functools import partial

from imgbot.domain.job import Job, with_changes
from imgbot.domain.operations import Operation
from imgbot.jobs.hooks import AfterRender, Hooks, Refused, Rendered
from imgbot.jobs.inputs import if_short_again
from imgbot.painter import steps
from imgbot.painter.pool import Pool
from imgbot.providers.protocol import GenerationRequest, Provider

_LETTERED = "lettered.jpg"
"""File name of a result with its words."""


def hooks_with(pool: Pool) -> Hooks:
    """Return what is done in the steps of a job."""
    after_render = AfterRender(partial(_put_on, pool), _without_words)
    return Hooks(before_submit=(_leave_out,), after_render=(after_render,))


async def _leave_out(
    _: object, job: Job, provider: Provider, order: GenerationRequest
) -> GenerationRequest:
    found = job.request.exact_words
    # A written-out prompt names its words itself.
    if found is None or provider.is_literal or job.request.sent:
        return order
    # Without another wish, only a merge has something to order.
    if not found.scene and job.request.operation is not Operation.MERGE:
        return order
    return replace(order, prompt=found.scene, lettering=found.text)


async def _put_on(pool: Pool, rendered: Rendered) -> Rendered | Refused:
    """Once written, the picture with its words stays: a repeated step finds it."""
    if not rendered.job.progress.lettering or rendered.is_former:
        return rendered
    target = rendered.picture.with_name(_LETTERED)
    if not await asyncio.to_thread(target.exists):
        names = rendered.job.request.prompt, str(rendered.picture), str(target)
        letter = partial(pool.run, steps.letter, *names, about="lettering")
        await if_short_again(letter, rendered.fetch_again)
    return replace(rendered, picture=target)


def _without_words(job: Job) -> Job:
    return with_changes(job, lettering="", note="lettering_failed")
