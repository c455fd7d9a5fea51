"""Slideshow: the variants of one request in one message, which grows as they are made.

The message is a function of what is shown in it: the pictures of earlier variants by their Telegram
files, and the one that is new. An edit that is repeated after a crash shows the same.
"""

from pathlib import Path

from imgbot.domain.errors import TelegramRefusedError
from imgbot.domain.job import InputPhoto, Job, State, group_ids, variant_number
from imgbot.domain.texts import buttons
from imgbot.jobs.context import StepContext
from imgbot.storage.results import Result
from imgbot.storage.users import SLIDESHOW
from imgbot.telegram.messenger import ChatTarget


class UngroupedError(Exception):
    """The variant is shown in a message of its own, or in the one of its group if that is free."""

    def __init__(self, *, keeps_message: bool) -> None:
        super().__init__("the variant leaves its group")
        self.keeps_message = keeps_message


async def show(
    context: StepContext, job: Job, place: ChatTarget, message_id: int, caption: str
) -> InputPhoto:
    """Add the picture of a variant to the message of its group, under the lock of that message.

    Raises UngroupedError where Telegram does not take it: then it is shown alone.
    """
    earlier = await _shown_in(context, job, message_id)
    if job.progress.facts.get("kind") != "photo" or "hidden" in job.progress.facts:
        raise UngroupedError(keeps_message=False)
    slides: dict[str, InputPhoto | Path] = {**earlier, job.id: Path(job.progress.file)}
    names = sorted(slides, key=variant_number)
    rows = buttons.slides(job.request.language, names)
    pictures = [slides[name] for name in names]
    try:
        shown = await context.messenger.edit_to_slides(place, message_id, pictures, caption, rows)
    except TelegramRefusedError:
        shown = []
    if len(shown) != len(names):
        await context.users.note_forbidden(job.request.chat_id, SLIDESHOW)
        raise UngroupedError(keeps_message=not earlier and variant_number(job.id) == 1)
    picture = shown[names.index(job.id)]
    context.status_messages.slides_of(job)[job.id] = picture
    return picture


async def is_last_without(context: StepContext, job: Job, message_id: int) -> bool:
    """Return true if a variant that ends without a picture may use the message of its group.

    Raises UngroupedError if others are shown there, or may be.
    """
    context.status_messages.ended_of(job).add(job.id)
    ended = context.status_messages.ended_of(job)
    others = await _others(context, job)
    is_awaited = any(not each.is_there and each.picture and each.id not in ended for each in others)
    if not is_awaited and not await _shown_in(context, job, message_id):
        return True
    if job.progress.outcome is State.CANCELLED:
        # The user knows, and the message is that of the others.
        return False
    raise UngroupedError(keeps_message=False)


async def _shown_in(context: StepContext, job: Job, message_id: int) -> dict[str, InputPhoto]:
    """Return the pictures of other variants that the message shows."""
    found = {
        each.id: each.picture
        for each in await _others(context, job)
        if each.is_there and each.picture and each.message_id == message_id
    }
    # What was shown a moment ago may not be stored yet.
    shown = context.status_messages.slides_of(job)
    return {name: each for name, each in {**found, **shown}.items() if name != job.id}


async def _others(context: StepContext, job: Job) -> list[Result]:
    ids = [each for each in group_ids(job.id, job.request.variants) if each != job.id]
    return await context.results.all_expected(ids)
