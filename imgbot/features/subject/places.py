"""Places: a photo of the one that the engine cannot draw answers the sentence that says so."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from aiogram.types import Message

from imgbot.bot.dialogue import EXPIRY_S, Dialogue
from imgbot.bot.messages import photo_of, replied_message
from imgbot.bot.requests import Requests
from imgbot.domain.job import InputPhoto, Job
from imgbot.domain.operations import Operation
from imgbot.domain.words import read
from imgbot.domain.words.chat import ABOUT_PHOTO
from imgbot.domain.words.reading import Order
from imgbot.features.subject.moves import is_of_place, is_placing
from imgbot.jobs.hooks import EndOffer
from imgbot.storage.results import ResultStore


def offer(_: object, job: Job) -> EndOffer | None:
    """Return an offer without buttons: the request is kept for the photo that it lacks."""
    return EndOffer([]) if "place" in job.progress.facts else None


@dataclass(frozen=True, slots=True)
class PlaceTaker:
    """Takes the photo of a place; the request that lacks it is the user's latest, or replied to."""

    requests: Requests
    results: ResultStore

    async def take(self, message: Message, dialogue: Dialogue) -> bool:
        photo = photo_of(message)
        asked = [each async for each in self._asked(message, photo, dialogue)] if photo else []
        if not photo or not asked:
            return False
        request, caption = asked[0].request, await self.requests.prompt_in(message, dialogue)
        place = str(asked[0].progress.facts["place"])
        order = read(caption, ABOUT_PHOTO, dialogue.added.word_readers)
        if isinstance(order, Order) and not is_of_place(caption, place):
            return False
        wanted = caption if is_placing(caption) else request.prompt
        words, photos = dialogue.t("place_order", words=wanted), (*request.sources[:1], photo)
        await self.requests.check_rate_limit(dialogue)
        await self.requests.order(dialogue, Operation.MERGE, words, photos)
        await dialogue.state.clear()
        return True

    async def _asked(
        self, message: Message, photo: InputPhoto, dialogue: Dialogue
    ) -> AsyncIterator[Job]:
        """Yield what the user asked for last, or by a reply, if it lacks its place."""
        replied, now_ms = replied_message(message), dialogue.now_ms()
        is_reply = dialogue.identity.has_written(replied)
        # The photo is among them, and so is its order if the message is handled again.
        noted = {photo.unique_id, dialogue.context.request}
        recents = await self.results.recent(dialogue.context.place)
        own = [
            each
            for each in recents
            if each.user_id == dialogue.user_id
            and (each.job_id or each.photos[0].unique_id) not in noted
        ]
        for each in own if is_reply else own[:1]:
            job = await self.results.result(each.job_id) if each.job_id else None
            is_shown = replied is not None and job and job.progress.message_id == replied.message_id
            is_meant = is_shown if is_reply else now_ms - each.at_ms < EXPIRY_S * 1000
            if job and is_meant and offer(self, job):
                yield job
