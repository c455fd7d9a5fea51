"""Prompt of a message about a picture, if the user wrote it."""

from aiogram.types import Message, MessageOriginUser

from imgbot.bot.intents import Intent, classify_intent
from imgbot.bot.messages import command_of, photo_of, prompt_of
from imgbot.bot.requests import RequestService
from imgbot.domain.job import InputPhoto


async def prompt_about(message: Message, service: RequestService) -> str:
    """Return the prompt of a message; of a caption only the part that asks for something.

    Raises UserError as `prompt_of` and `photo_of` do.
    """
    words, source = prompt_of(message), photo_of(message)
    if source is None or not words or command_of(message):
        return words
    if classify_intent(words) is not Intent.REQUEST or await _is_the_bots(message, source, service):
        return ""
    return words


async def _is_the_bots(message: Message, source: InputPhoto, service: RequestService) -> bool:
    """Return true if the bot itself wrote the caption: under a result, or in an inline result."""
    if message.via_bot is not None:
        return True
    origin = message.forward_origin
    if origin is None:
        return False
    if isinstance(origin, MessageOriginUser) and origin.sender_user.id == service.delivery.bot_id:
        return True
    return bool(await service.store.results.job_of_picture(source))
