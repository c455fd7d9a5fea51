"""This picture: the one that a message is about without naming it.

It is the picture replied to, else that of the open question, else the newest in this chat and topic
of a photo that the user sent, a picture that was shown, and a picture that is being made for the
user. What was made in another chat is never meant.
"""

from collections.abc import AsyncGenerator

from imgbot.bot.context import NowMs, RequestContext
from imgbot.domain.job import InputPhoto, Job, State
from imgbot.storage.results import Recent, Result, ResultStore, result_of

Meant = Result | tuple[InputPhoto, ...]
"""Result that shows the picture, or will, or photo; several photos are none."""

_MADE = frozenset({None, State.DELIVERED})
"""Outcomes of a job that is making its picture."""


def meant_by(recent: Recent, job: Job | None, result: Result | None, user_id: int) -> Meant:
    """Return the picture that a recent entry stands for; nothing if an older one is meant.

    `job` is its job while that is live. `result` is its result, or the one that it was to change,
    as far as they are of this chat. Jobs and photos of other users are theirs alone.
    """
    is_own = recent.user_id == user_id
    if job is not None and not job.is_cancelled and job.progress.outcome in _MADE:
        return result_of(job) if is_own else ()
    if result is not None and (is_own or result.id == recent.job_id):
        return result
    # A photo stays the one that is meant when a job about it fails.
    return recent.photos if is_own else ()


async def meant_in(
    context: RequestContext, results: ResultStore, now_ms: NowMs
) -> AsyncGenerator[tuple[Recent, Meant]]:
    """Yield what "this picture" may mean in this chat and topic, the newest first."""

    def is_here(result: Result | None) -> bool:
        return bool(result and result.picture and result.is_of(context.chat_id))

    for recent in await results.recent(context.place, context.user_id, now_ms()):
        is_later = 0 < context.as_of_ms < recent.at_ms
        if is_later or recent.job_id.partition("-")[0] == context.request:
            # The update is handled again: it cannot mean what it ordered itself.
            continue
        job, result = await results.of_job(recent.job_id)
        if not is_here(result):
            _, result = await results.of_job(recent.parent)
        if meant := meant_by(recent, job, result if is_here(result) else None, context.user_id):
            yield recent, meant
