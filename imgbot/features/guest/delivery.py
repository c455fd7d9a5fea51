"""End of a job in the inline message that asked for it."""

from imgbot.domain.job import with_changes
from imgbot.domain.texts import t
from imgbot.jobs.captions import success_caption
from imgbot.jobs.hooks import AfterShown, Hooks, ShownEnd
from imgbot.telegram.messenger import Messenger


def hooks(messenger: Messenger) -> Hooks:
    """Return what is done in the steps of a job."""

    async def show(shown: ShownEnd) -> None:
        """Show a picture by the file that was uploaded, or a text; may be repeated."""
        job = shown.job
        inline_id, language = job.request.inline_id, job.request.language
        caption = success_caption(with_changes(job, note=""))
        picture = next(iter(job.progress.shown), None)
        if picture and await messenger.edit_inline(inline_id, caption, picture):
            return
        # Where its chat takes no pictures, that says where it is.
        await messenger.edit_inline(inline_id, shown.failure or t(language, "guest_ready"))

    return Hooks(after_shown=(AfterShown(lambda job, _: bool(job.request.inline_id), show),))
