"""Whole messages that are no request, said in plain words instead of a command."""

from aiogram.fsm.context import FSMContext
from aiogram.types import Message

from imgbot.conversation.desk import Desk
from imgbot.conversation.greeting import handle_cancel, handle_help
from imgbot.conversation.meaning import Meaning
from imgbot.conversation.reading import answered_of
from imgbot.conversation.results import handle_undo
from imgbot.conversation.visit import Visit


async def handle_aside(
    message: Message, state: FSMContext, visit: Visit, desk: Desk, meaning: Meaning
) -> None:
    """Do what the command for it would do; thanks are answered in kind."""
    match meaning:
        case Meaning.CANCEL:
            await handle_cancel(message, state, visit, desk)
        case Meaning.HELP:
            await handle_help(message, visit, desk)
        case Meaning.UNDO:
            await handle_undo(message, visit, desk)
        case _ if visit.is_private or answered_of(message) is None:
            await desk.say(visit, "pleasantry")
        case _:
            # What a group says to each other about a picture needs no answer.
            return
