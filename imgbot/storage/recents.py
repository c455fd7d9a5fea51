"""Recent photos, orders and results of a chat: the candidates for "this picture"."""

import json
from dataclasses import dataclass

from imgbot.domain.job import InputPhoto, Job
from imgbot.domain.operations import Operation
from imgbot.storage import job_codec

_PHOTOS = 2
"""Photos that are stored: two tell as much as ten, that none of them is the one that is meant."""


@dataclass(frozen=True, slots=True)
class Recent:
    """Photo that was sent, job that was ordered, or result that was shown, in one chat."""

    user_id: int
    at_ms: int
    job_id: str = ""
    parent: str = ""
    """Job whose picture the job changes."""
    photos: tuple[InputPhoto, ...] = ()
    """Photos that were sent, or that the job changes."""

    def dump(self) -> str:
        told = [self.user_id, self.at_ms, self.job_id, self.parent, self.photos[:_PHOTOS]]
        return json.dumps(told, default=job_codec.pack)


def load_recent(text: str) -> Recent:
    user_id, at_ms, job_id, parent, photos = json.loads(text)
    return Recent(user_id, at_ms, job_id, parent, job_codec.unpack(photos))


def place_of(job: Job) -> str:
    """Return the chat and topic of a job, as they are part of a key."""
    return f"{job.request.chat_id}.{job.request.thread_id}"


def ordered(job: Job, now_ms: int) -> str:
    """Return the stored form of a new job; empty for a comparison, which shows nothing new."""
    request = job.request
    if request.operation is Operation.COMPARE:
        return ""
    photos = () if request.awaits_picture else request.sources
    return Recent(job.user_id, now_ms, job.id, request.parent, photos).dump()


def shown(job: Job, now_ms: int) -> str:
    """Return the stored form of a job whose picture is shown."""
    return Recent(job.user_id, now_ms, job.id).dump()
