"""Redraw: a change that the engine cannot make becomes a picture of the changed prompt. Pure."""

from imgbot.domain.errors import UserError
from imgbot.domain.job import Changes, Job, State
from imgbot.domain.operations import Operation
from imgbot.domain.remix import amend


def redrawn(job: Job, error: Exception) -> Changes:
    """Return the changes of a job that is to be drawn anew; empty if it is not."""
    is_refused = isinstance(error, UserError) and error.reason == "edit_words_unknown"
    if not (is_refused and job.request.base and job.state is State.SUBMITTING):
        return {}
    try:
        wanted = amend(job.request.base, job.request.prompt)
    except UserError:
        return {}
    return {
        "operation": Operation.CREATE,
        "prompt": wanted.prompt,
        "negative": ", ".join(filter(None, (wanted.negative, job.request.negative))),
        "ratio": job.request.ratio or wanted.ratio,
        "seed": wanted.seed or job.request.seed,
        "sources": (),
        "note": "drawn_anew",
        # The engine has ordered nothing.
        "submit_ms": 0,
        "provider": "",
        "order_id": "",
        "ticket": {},
        "tries": 0,
    }
