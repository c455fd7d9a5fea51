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
        first = next(iter(await self.pictures.before(photo, dialogue)), None)
        if first is None or first.job_id or first.parent or first.at_ms <= since_ms:
            return False
        both = (first.photos[-1], photo)
        order = read(caption, chat_of_album(both), dialogue.added.word_readers)
        if not isinstance(order, Order) or order.operation is not Operation.MERGE:
            return False
        await self.requests.check_rate_limit(dialogue)
        await self.requests.order(dialogue, Operation.MERGE, caption, both)
        await dialogue.state.clear()
        return True
