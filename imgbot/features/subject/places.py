"""Places: a photo of a place that the engine cannot draw, sent after the bot has said so."""

from dataclasses import dataclass

from aiogram.types import Message

from imgbot.bot.dialogue import EXPIRY_S, Dialogue
from imgbot.bot.messages import photo_of, replied_message
from imgbot.bot.pictures import Pictures
from imgbot.bot.requests import Requests
from imgbot.domain.job import InputPhoto, Job
from imgbot.domain.operations import Operation
from imgbot.domain.words import read
from imgbot.domain.words.chat import ABOUT_PHOTO
from imgbot.domain.words.reading import Order
from imgbot.features.subject.moves import is_of_place, is_placing
from imgbot.jobs.hooks import EndOffer


def offer(_: object, job: Job) -> EndOffer | None:
    """Return an offer without buttons: the request is kept for the photo that it lacks."""
    return EndOffer([]) if "place" in job.progress.facts else None


@dataclass(frozen=True, slots=True)
class PlaceTaker:
    """Takes the photo of a place; the request that lacks it is the user's latest, or replied to."""

    requests: Requests
    pictures: Pictures

    async def take(self, message: Message, dialogue: Dialogue) -> bool:
        photo = photo_of(message)
        asked = await self._asked(message, photo, dialogue) if photo else None
        if not photo or not asked:
            return False
        request, caption = asked.request, await self.requests.prompt_in(message, dialogue)
        order = read(caption, ABOUT_PHOTO, dialogue.added.word_readers)
        place = str(asked.progress.facts["place"])
        if isinstance(order, Order) and not is_of_place(caption, place):
            return False
        wanted = caption if is_placing(caption) else request.prompt
        words, photos = dialogue.t("place_order", words=wanted), (*request.sources[:1], photo)
        await self.requests.check_rate_limit(dialogue)
        await self.requests.order(dialogue, Operation.MERGE, words, photos)
        await dialogue.state.clear()
        return True

    async def _asked(self, message: Message, photo: InputPhoto, dialogue: Dialogue) -> Job | None:
        """Return what the user asked for last, or what is replied to, if it lacks its place."""
        replied, own = replied_message(message), await self.pictures.before(photo, dialogue)
        is_reply = dialogue.identity.has_written(replied)
        about = replied.message_id if replied and is_reply else 0
        since_ms = dialogue.now_ms() - EXPIRY_S * 1000
        for each in own if about else own[:1]:
            job = await self.pictures.results.result(each.job_id) if each.job_id else None
            if job is None or not offer(self, job):
                continue
            if about == job.progress.message_id or (not about and each.at_ms > since_ms):
                return job
        return None
