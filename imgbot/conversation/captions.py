"""What a person says about a picture: the words that came with it, where they are hers."""

from aiogram.types import Message, MessageOriginUser

from imgbot.conversation.desk import Desk
from imgbot.conversation.meaning import Meaning, meaning_of
from imgbot.conversation.reading import command_of, picture_of, words_of
from imgbot.job import Source


async def words_about(message: Message, desk: Desk) -> str:
    """Return the words of a message; of a caption only what asks for something.

    Raises UserError as `words_of` and `picture_of` do.
    """
    words, source = words_of(message), picture_of(message)
    if source is None or not words or command_of(message):
        return words
    if meaning_of(words) is not Meaning.REQUEST or await _is_the_bots(message, source, desk):
        return ""
    return words


async def _is_the_bots(message: Message, source: Source, desk: Desk) -> bool:
    """Whether the bot itself wrote the caption: under what it made, or offered inline."""
    if message.via_bot is not None:
        return True
    origin = message.forward_origin
    if origin is None:
        return False
    if isinstance(origin, MessageOriginUser) and origin.sender_user.id == desk.delivery.bot_id:
        return True
    return bool(await desk.store.gallery.maker_of(source))
