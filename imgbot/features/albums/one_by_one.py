"""Two photos that were not sent as an album: what the second one's caption asks of both."""

from dataclasses import dataclass

from aiogram.types import Message

from imgbot.bot.dialogue import EXPIRY_S, Dialogue
from imgbot.bot.messages import photo_of
from imgbot.bot.pictures import Pictures
from imgbot.bot.requests import Requests
from imgbot.domain.operations import Operation
from imgbot.domain.words import read
from imgbot.domain.words.reading import Order
from imgbot.features.albums.handlers import chat_of_album


@dataclass(frozen=True, slots=True)
class SecondPhoto:
    """Takes a photo that is to become one picture with the photo before it."""

    requests: Requests
    pictures: Pictures

    async def take(self, message: Message, dialogue: Dialogue) -> bool:
        """Order a merge for words that are read as one under an album; False for all others."""
        photo, caption = photo_of(message), await self.requests.prompt_in(message, dialogue)
        if photo is None or not caption:
            return False
        since_ms = dialogue.now_ms() - EXPIRY_S * 1000
        latest = (await self.pictures.before(photo, dialogue))[:1]
        for first in latest:
            is_photo = not (first.job_id or first.parent) and first.at_ms > since_ms
            both = (first.photos[-1], photo) if is_photo else (photo,)
            order = read(caption, chat_of_album(both), dialogue.added.word_readers)
            if is_photo and isinstance(order, Order) and order.operation is Operation.MERGE:
                await self.requests.check_rate_limit(dialogue)
                await self.requests.order(dialogue, Operation.MERGE, caption, both)
                await dialogue.state.clear()
                return True
        return False
