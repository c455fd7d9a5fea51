"""Whole messages that are no request, said in plain words instead of a command."""

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
    """Do what the command for it would do; thanks are answered in kind."""
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
            # What a group says to each other about a picture needs no answer.
            return
