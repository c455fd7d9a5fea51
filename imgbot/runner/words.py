"""What a job says at its end: the caption of a picture, or the sentence instead of one."""

from imgbot.job import Job, Operation
from imgbot.texts import knows, say

_CAPTION_WORDS = 600
"""Characters of the person's words that a caption repeats; Telegram takes 1024 in all."""


def caption(job: Job) -> str:
    """Return the line under the picture."""
    words = _shortened(job.words)
    if job.operation is Operation.CREATE:
        text = say(job.language, "caption_create", words=words)
    elif job.operation is Operation.EDIT:
        text = say(job.language, "caption_edit", words=words)
    elif job.operation is Operation.MERGE:
        text = say(job.language, "caption_merge", count=len(job.sources))
    elif job.operation is Operation.UPSCALE:
        text = say(job.language, "caption_upscale", scale=job.scale)
    else:
        text = say(job.language, "caption_retouch")
    unknown = str(job.facts.get("unknown", ""))
    if unknown:
        text += "\n" + say(job.language, "caption_unknown", words=unknown[:200])
    return text


def sentence(job: Job) -> str:
    """Return why there is no picture."""
    key = job.reason if knows(job.reason) else "went_wrong"
    try:
        return say(job.language, key, **job.facts)
    except KeyError:
        # A sentence without its facts says less than the plain one.
        return say(job.language, "went_wrong")


def _shortened(words: str) -> str:
    return words if len(words) <= _CAPTION_WORDS else words[: _CAPTION_WORDS - 1] + "…"
