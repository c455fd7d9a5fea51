"""Questions about a drawing: their buttons, and messages that take one for a photo."""

from aiogram.types import CallbackQuery, Message

from imgbot.bot import requests
from imgbot.bot.commands import ChatCommand
from imgbot.bot.dialogue import Dialogue
from imgbot.bot.handlers.results import failed_request
from imgbot.bot.messages import BotIdentity, replied_message
from imgbot.bot.router import MessageRoute
from imgbot.domain.errors import UserError
from imgbot.domain.job import with_changes
from imgbot.domain.operations import Operation


async def on_choice(callback: CallbackQuery, argument: str, dialogue: Dialogue) -> str:
    """Order a change of the area, or of the first photo, in reply to what asked for it."""
    choice, _, job_id = argument.rpartition(".")
    wanted, by_asked = await failed_request(callback, job_id, dialogue)
    if choice not in {Operation.INPAINT, Operation.EDIT}:
        return "stale_button"
    sources = wanted.request.sources
    sources = sources[:1] if choice == Operation.EDIT else sources
    wanted = with_changes(wanted, operation=Operation(choice), sources=sources)
    is_new = await requests.repeat_failed(by_asked, wanted)
    await dialogue.remove_panel()
    return "accepted_short" if is_new else "tapped_already"


def route_to(identity: BotIdentity) -> MessageRoute:
    """Return what answers replies to a question that use it as a photo."""

    async def route(message: Message) -> ChatCommand | None:
        replied = replied_message(message)
        if replied is None or not identity.has_written(replied):
            return None
        # It may show the area, dimmed around it.
        has_photo = replied.photo or message.photo or message.document
        return _NO_PHOTO if has_photo and _is_question(replied) else None

    return route


def _is_question(message: Message) -> bool:
    rows = message.reply_markup.inline_keyboard if message.reply_markup else []
    return any((each.callback_data or "").startswith("area:") for row in rows for each in row)


async def _refuse(_: Message, __: Dialogue) -> None:
    raise UserError("area_asked")


_NO_PHOTO = ChatCommand("", _refuse, is_part=True)
