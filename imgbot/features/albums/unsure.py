"""Question about two photos and words that may be about each, or about one picture of both."""

from dataclasses import dataclass
from typing import Any

from aiogram.types import CallbackQuery

from imgbot.bot.dialogue import Dialogue
from imgbot.bot.handlers.operations import OperationHandlers
from imgbot.bot.pictures import Pictures
from imgbot.bot.requests import Requests
from imgbot.bot.this_picture import TargetPicture
from imgbot.domain.buttons import ButtonAction, one_of
from imgbot.domain.errors import UserError
from imgbot.domain.job import Job
from imgbot.domain.operations import Operation
from imgbot.jobs.hooks import EndOffer, Hooks

_REASON = "ask_each"
PAIR = ButtonAction("pair", (one_of("each", "one"), str))


async def _ask(_: Any, job: Job) -> Job:
    """Return a job that is sure, or has become one of a marked area. UserError asks."""
    if job.request.is_unsure and job.request.operation is Operation.MERGE:
        raise UserError(_REASON, charge="no", count=len(job.request.sources))
    return job


def _offer(_: Any, job: Job) -> EndOffer | None:
    if job.progress.reason != _REASON:
        return None
    language, count = job.request.language, len(job.request.sources)
    each = PAIR.button(language, "each", job.id, key="each", count=count)
    return EndOffer([[each, PAIR.button(language, "one", job.id, key="album_merge")]])


@dataclass(frozen=True, slots=True)
class PairChoice:
    """Answers to the question."""

    requests: Requests
    pictures: Pictures
    operations: OperationHandlers

    async def on_press(
        self, callback: CallbackQuery, choice: str, job_id: str, dialogue: Dialogue
    ) -> str:
        """Order a change of each photo, or one picture of them all."""
        wanted, by_asked = await self.pictures.failed_request(callback, job_id, dialogue)
        is_new = True
        if choice == "one":
            # That it was unsure is not kept with its end.
            is_new = await self.requests.repeat_failed(by_asked, wanted, is_counted=True)
        else:
            # The album was counted as one.
            targets = [TargetPicture(each) for each in wanted.request.sources]
            words = wanted.request.prompt
            await self.operations.order_on_each(Operation.EDIT, targets, words, by_asked)
        await dialogue.remove_panel()
        return "accepted_short" if is_new else "tapped_already"


HOOKS = Hooks(before_choice=(_ask,), offers=(_offer,))
