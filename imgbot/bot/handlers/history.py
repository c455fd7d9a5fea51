"""History of results: one message that is edited to show another picture."""

from aiogram.types import CallbackQuery, Message

from imgbot.bot.context import RequestContext
from imgbot.bot.handlers.results import buttons_of
from imgbot.bot.requests import RequestService
from imgbot.domain.errors import ImgbotError, TransientError, UserError
from imgbot.domain.texts import buttons
from imgbot.domain.texts.buttons import Keyboard
from imgbot.storage.results import Result
from imgbot.telegram.messenger import CAPTION_LIMIT, cut
from imgbot.telegram.rate_limiter import max_wait


async def handle_history(_: Message, context: RequestContext, service: RequestService) -> None:
    """/history: the newest picture, with buttons to the older ones."""
    strip = await _pager(context, service)
    if not strip:
        raise UserError("history_empty")
    caption, rows = _page(strip, 0, context, service)
    picture = strip[0].picture
    if picture is not None:
        await service.delivery.send_picture(context.chat_target, picture, caption, rows)


async def on_history_callback(
    callback: CallbackQuery, job_id: str, context: RequestContext, service: RequestService
) -> str:
    """Show the picture of another job in the message; returns the answer to the callback."""
    result = await service.store.results.result(job_id)
    if result is not None and result.user_id != context.user_id:
        return "not_your_button"
    strip = await _pager(context, service)
    index = next((at for at, each in enumerate(strip) if each.id == job_id), None)
    message = callback.message
    if index is None or message is None:
        return "stale_button"
    picture = strip[index].picture
    if picture is None:
        return "stale_button"
    caption, rows = _page(strip, index, context, service)
    try:
        with max_wait(2.0):
            await service.delivery.replace_media(
                context.chat_target, message.message_id, picture, caption, rows
            )
    except TransientError:
        return "slow_down"
    except ImgbotError:
        return "stale_button"
    return ""


async def _pager(context: RequestContext, service: RequestService) -> list[Result]:
    """Return the results that can be shown, newest first."""
    gallery = service.store.results
    return await gallery.results(await gallery.history(context.user_id))


def _page(
    strip: list[Result], index: int, context: RequestContext, service: RequestService
) -> tuple[str, Keyboard]:
    result = strip[index]
    newer = strip[index - 1].id if index else ""
    older = strip[index + 1].id if index + 1 < len(strip) else ""
    turning = buttons.pager(newer, older, result.id, f"{index + 1} / {len(strip)}")
    return cut(result.caption, CAPTION_LIMIT), [turning, *buttons_of(result, context, service)]
