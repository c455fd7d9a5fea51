"""What can be done with a finished picture: its buttons, one step back, the file, the latest."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery, Message

from imgbot.conversation.desk import RequestService
from imgbot.conversation.edit import handle_edit_start
from imgbot.conversation.reading import photo_of, replied_message, replied_picture_of
from imgbot.conversation.upscale import handle_upscale_button
from imgbot.conversation.visit import RequestContext
from imgbot.errors import TransientError, UserError
from imgbot.job import InputPhoto, Operation
from imgbot.queue.gallery import Result
from imgbot.texts import buttons, t
from imgbot.texts.buttons import SCALES, CallbackData

_ONE_SOURCE = frozenset({Operation.EDIT, Operation.RETOUCH, Operation.UPSCALE})


async def on_result_callback(
    callback: CallbackQuery,
    press: CallbackData,
    state: FSMContext,
    visit: RequestContext,
    desk: RequestService,
) -> str:
    """The buttons under a finished picture; returns the answer to the press."""
    scale, _, job_id = press.argument.rpartition(".")
    result = await desk.store.results.result(job_id)
    if result is None or not isinstance(callback.message, Message):
        return "stale_button"
    if result.user_id != visit.user_id:
        return "not_your_button"
    picture = result.picture or photo_of(callback.message)
    if picture is None:
        return "stale_button"
    if press.action == "edit":
        await handle_edit_start(callback, state, visit, desk, picture)
        return ""
    if press.action == "up":
        wanted = int(scale) if scale in map(str, SCALES) else None
        await handle_upscale_button(callback, state, visit, desk, picture, wanted)
        return ""
    return await _AT_ONCE[press.action](replace(result, picture=picture), visit, desk)


async def handle_undo(message: Message, visit: RequestContext, desk: RequestService) -> None:
    """/undo: one step back from the latest picture, or from the one that it answers."""
    result = await _target_result(message, visit, desk, "undo")
    if result is None:
        raise UserError("undo_nothing")
    await _undo(result, visit, desk)


async def handle_compare(message: Message, visit: RequestContext, desk: RequestService) -> None:
    """/compare: before and after, side by side."""
    result = await _target_result(message, visit, desk, "compare")
    if result is None:
        raise UserError("compare_nothing")
    await _compare(result, visit, desk)


async def handle_last(_: Message, visit: RequestContext, desk: RequestService) -> None:
    """/last: the latest picture once more."""
    gallery = desk.store.results
    strip = await gallery.results(await gallery.history(visit.user_id))
    if not strip:
        raise UserError("history_empty")
    await show_result(strip[0], visit, desk)


async def handle_ready(
    message: Message, state: FSMContext, visit: RequestContext, desk: RequestService
) -> None:
    """Words in reply to the line that says that a picture is ready: they are about it."""
    line = replied_message(message)
    line_id = line.message_id if line is not None else 0
    job_id = await desk.store.job_reads.announced_in(visit.chat_id, line_id)
    result = await desk.store.results.result(job_id)
    if result is None or result.picture is None:
        raise UserError("picture_gone")
    await handle_edit_start(message, state, visit, desk, result.picture)


async def show_result(result: Result, visit: RequestContext, desk: RequestService) -> None:
    """Show a delivered picture again, for nothing, with its buttons."""
    if result.picture is None:
        raise UserError("picture_gone")
    rows = buttons_of(result, visit, desk)
    await desk.delivery.send_picture(visit.chat_target, result.picture, result.caption, rows)
    await desk.store.results.set_latest(visit.user_id, result.id)


def buttons_of(result: Result, visit: RequestContext, desk: RequestService) -> buttons.Keyboard:
    """Return the buttons that a picture has when it is shown again."""
    return buttons.under_result(
        visit.language,
        result.id,
        is_photo=not (result.picture and result.picture.is_file),
        is_change=result.operation in _ONE_SOURCE and len(result.sources) == 1,
        is_varied=result.operation is Operation.CREATE or not desk.policy.has_builtin_engine,
    )


async def _target_result(
    message: Message, visit: RequestContext, desk: RequestService, choice: str
) -> Result | None:
    gallery = desk.store.results
    replied = replied_picture_of(message)
    found = (
        await gallery.job_of_picture(replied) if replied else await gallery.latest(visit.user_id)
    )
    # Going back changes what is the latest: a repeated update must start where it first did.
    job_id = await desk.store.job_reads.choose_once(f"{choice}.{visit.request}", found)
    result = await gallery.result(job_id)
    return result if result is not None and result.user_id == visit.user_id else None


async def _undo(result: Result, visit: RequestContext, desk: RequestService) -> str:
    if result.operation not in _ONE_SOURCE or not result.sources:
        raise UserError("undo_nothing")
    parent = await desk.store.results.result(result.parent)
    # A picture that somebody forwarded has a maker, but his words are not hers to read.
    is_own = parent is not None and parent.user_id == visit.user_id
    if parent is not None and is_own and parent.picture is not None:
        await show_result(parent, visit, desk)
        return ""
    caption = t(visit.language, "undo_original")
    await desk.delivery.send_picture(visit.chat_target, result.sources[0], caption, [])
    # The person's own picture has no maker: from here there is no way further back.
    await desk.store.results.set_latest(visit.user_id, "")
    return ""


async def _regenerate(result: Result, visit: RequestContext, desk: RequestService) -> str:
    await desk.check_rate_limit(visit)
    await desk.regenerate(visit, result)
    return "accepted_short"


async def _compare(result: Result, visit: RequestContext, desk: RequestService) -> str:
    if result.operation not in _ONE_SOURCE or not result.sources or result.picture is None:
        raise UserError("compare_nothing")
    await desk.check_rate_limit(visit)
    await desk.order(visit, Operation.COMPARE, "", (result.sources[0], result.picture))
    return "accepted_short"


async def _send_original(result: Result, visit: RequestContext, desk: RequestService) -> str:
    """The picture as it was made, before Telegram made a photo of it."""
    await desk.check_rate_limit(visit)
    caption = t(visit.language, "original_caption")
    if result.original_id:
        kept = InputPhoto(result.original_id, "", is_file=True)
        await desk.delivery.send_picture(visit.chat_target, kept, caption, [])
        return ""
    path = desk.store.originals.find(result.id)
    if path is None:
        raise UserError("original_gone")
    name = f"imgbot-{result.id}{path.suffix}"
    try:
        sent = await desk.delivery.send_picture(visit.chat_target, path, caption, [], name=name)
    except TransientError as error:
        # It may have arrived all the same: sent again by itself, it could come twice.
        raise UserError("original_slow") from error
    if sent is not None:
        await desk.store.results.set_original(result.id, sent.file_id)
    return ""


_AT_ONCE: Mapping[str, Callable[[Result, RequestContext, RequestService], Awaitable[str]]] = {
    "again": _regenerate,
    "file": _send_original,
    "compare": _compare,
    "undo": _undo,
}
