"""History of results: one message that is edited to show another picture."""

from aiogram.types import CallbackQuery, Message

from imgbot.bot.context import RequestContext
from imgbot.bot.handlers.results import buttons_of
from imgbot.bot.requests import AccessPolicy
from imgbot.bot.responder import Responder
from imgbot.domain.errors import ImgbotError, TransientError, UserError
from imgbot.domain.texts import buttons
from imgbot.domain.texts.buttons import Keyboard
from imgbot.storage.results import Result, ResultStore
from imgbot.telegram.messenger import CAPTION_LIMIT, Messenger, cut
from imgbot.telegram.rate_limiter import max_wait


async def handle_history(
    _: Message,
    context: RequestContext,
    responder: Responder,
    policy: AccessPolicy,
    results: ResultStore,
) -> None:
    """/history: the newest picture, with buttons to the older ones."""
    shown = await results.results(await results.history(context.user_id))
    if not shown:
        raise UserError("history_empty")
    if (picture := shown[0].picture) is not None:
        await responder.send_picture(picture, *_page(shown, 0, context, policy))


async def on_history_callback(
    _: CallbackQuery,
    argument: str,
    context: RequestContext,
    messenger: Messenger,
    policy: AccessPolicy,
    results: ResultStore,
) -> str:
    """Show the picture of another job in the message; returns the answer to the callback."""
    result = await results.result(argument)
    if result is not None and result.user_id != context.user_id:
        return "not_your_button"
    shown = await results.results(await results.history(context.user_id))
    index = next((at for at, each in enumerate(shown) if each.id == argument), None)
    picture = shown[index].picture if index is not None else None
    if index is None or picture is None:
        return "stale_button"
    page = _page(shown, index, context, policy)
    try:
        with max_wait(2.0):
            await messenger.replace_media(context.chat_target, context.message_id, picture, *page)
    except TransientError:
        return "slow_down"
    except ImgbotError:
        return "stale_button"
    return ""


def _page(
    shown: list[Result], index: int, context: RequestContext, policy: AccessPolicy
) -> tuple[str, Keyboard]:
    result = shown[index]
    newer = shown[index - 1].id if index else ""
    older = shown[index + 1].id if index + 1 < len(shown) else ""
    pager = buttons.pager(newer, older, result.id, f"{index + 1} / {len(shown)}")
    return cut(result.caption, CAPTION_LIMIT), [pager, *buttons_of(result, context, policy)]
