"""Intents: whole messages that stand for a command and are no request."""

from aiogram.fsm.context import FSMContext
from aiogram.types import Message

from imgbot.bot.context import RequestContext
from imgbot.bot.handlers.results import handle_undo
from imgbot.bot.handlers.start import handle_cancel, handle_help
from imgbot.bot.intents import Intent
from imgbot.bot.messages import replied_message
from imgbot.bot.requests import RequestService


async def handle_intent(
    message: Message,
    state: FSMContext,
    context: RequestContext,
    service: RequestService,
    meaning: Intent,
) -> None:
    """Run the command that the intent stands for; thanks get a short answer."""
    match meaning:
        case Intent.CANCEL:
            await handle_cancel(message, state, context, service)
        case Intent.HELP:
            await handle_help(message, context, service)
        case Intent.UNDO:
            await handle_undo(message, context, service)
        case _ if context.is_private or replied_message(message) is None:
            await service.reply(context, "pleasantry")
        case _:
            # Remarks between members of a group about a picture need no answer.
            return
