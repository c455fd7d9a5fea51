"""Small talk: messages that are neither a request nor a command."""

from aiogram.types import Message

from imgbot.bot.context import RequestContext
from imgbot.bot.messages import replied_message
from imgbot.bot.responder import Responder


async def handle_small_talk(
    message: Message, context: RequestContext, responder: Responder
) -> None:
    """A short answer; remarks between members of a group about a picture need none."""
    if context.is_private or replied_message(message) is None:
        await responder.reply("pleasantry")
