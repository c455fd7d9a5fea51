"""Actions on a result: its buttons, undo, comparison, original file, latest result."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery, Message

from imgbot.bot.context import RequestContext
from imgbot.bot.handlers.edit import handle_edit_start
from imgbot.bot.handlers.operations import START_HANDLERS
from imgbot.bot.messages import photo_of, replied_message, replied_picture_of
from imgbot.bot.requests import RequestService
from imgbot.domain.errors import TransientError, UserError
from imgbot.domain.job import InputPhoto
from imgbot.domain.operations import OPERATIONS, PHOTO_ACTIONS, RESULT_ACTIONS, Operation
from imgbot.domain.texts import buttons, t
from imgbot.domain.texts.buttons import SCALES, CallbackData
from imgbot.storage.results import Result


async def on_result_callback(
    callback: CallbackQuery,
    press: CallbackData,
    state: FSMContext,
    context: RequestContext,
    service: RequestService,
) -> str:
    """Buttons under a result; returns the answer to the callback."""
    scale, _, job_id = press.argument.rpartition(".")
    result = await service.store.results.result(job_id)
    if result is None or not isinstance(callback.message, Message):
        return "stale_button"
    if result.user_id != context.user_id:
        return "not_your_button"
    picture = result.picture or photo_of(callback.message)
    if picture is None:
        return "stale_button"
    if (operation := RESULT_ACTIONS.get(press.action)) is not None:
        wanted = [int(scale) if scale in map(str, SCALES) else None]
        extra = wanted if OPERATIONS[operation].has_scale else []
        await START_HANDLERS[operation](callback, state, context, service, picture, *extra)
        return ""
    return await _AT_ONCE[press.action](replace(result, picture=picture), context, service)


async def handle_undo(message: Message, context: RequestContext, service: RequestService) -> None:
    """/undo: one step back from the latest result, or from the one it replies to."""
    result = await _target_result(message, context, service, "undo")
    if result is None:
        raise UserError("undo_nothing")
    await _undo(result, context, service)


async def handle_compare(
    message: Message, context: RequestContext, service: RequestService
) -> None:
    """/compare: before and after, side by side."""
    result = await _target_result(message, context, service, "compare")
    if result is None:
        raise UserError("compare_nothing")
    await _compare(result, context, service)


async def handle_last(_: Message, context: RequestContext, service: RequestService) -> None:
    """/last: the latest result again."""
    gallery = service.store.results
    strip = await gallery.results(await gallery.history(context.user_id))
    if not strip:
        raise UserError("history_empty")
    await show_result(strip[0], context, service)


async def handle_ready(
    message: Message, state: FSMContext, context: RequestContext, service: RequestService
) -> None:
    """Prompt in reply to the message announcing a result: it is about that result."""
    line = replied_message(message)
    line_id = line.message_id if line is not None else 0
    job_id = await service.store.results.announced_in(context.chat_id, line_id)
    result = await service.store.results.result(job_id)
    if result is None or result.picture is None:
        raise UserError("picture_gone")
    await handle_edit_start(message, state, context, service, result.picture)


async def show_result(result: Result, context: RequestContext, service: RequestService) -> None:
    """Show a delivered result again, free of charge, with its buttons."""
    if result.picture is None:
        raise UserError("picture_gone")
    rows = buttons_of(result, context, service)
    await service.delivery.send_picture(context.chat_target, result.picture, result.caption, rows)
    await service.store.results.set_latest(context.user_id, result.id)


def buttons_of(
    result: Result, context: RequestContext, service: RequestService
) -> buttons.Keyboard:
    """Return the buttons for a result that is shown again."""
    return buttons.under_result(
        context.language,
        result.id,
        is_photo=not (result.picture and result.picture.is_file),
        is_change=result.operation in PHOTO_ACTIONS and len(result.sources) == 1,
        is_varied=result.operation is Operation.CREATE or not service.policy.has_builtin_engine,
    )


async def _target_result(
    message: Message, context: RequestContext, service: RequestService, choice: str
) -> Result | None:
    gallery = service.store.results
    replied = replied_picture_of(message)
    found = (
        await gallery.job_of_picture(replied) if replied else await gallery.latest(context.user_id)
    )
    # An undo changes the latest result: a redelivered update must start from the same one.
    job_id = await service.store.users.choose_once(f"{choice}.{context.request}", found)
    result = await gallery.result(job_id)
    return result if result is not None and result.user_id == context.user_id else None


async def _undo(result: Result, context: RequestContext, service: RequestService) -> str:
    if result.operation not in PHOTO_ACTIONS or not result.sources:
        raise UserError("undo_nothing")
    parent = await service.store.results.result(result.parent)
    # A forwarded picture has a job, but its prompt is private to that job's user.
    is_own = parent is not None and parent.user_id == context.user_id
    if parent is not None and is_own and parent.picture is not None:
        await show_result(parent, context, service)
        return ""
    caption = t(context.language, "undo_original")
    await service.delivery.send_picture(context.chat_target, result.sources[0], caption, [])
    # The user's own picture has no job: there is no earlier step.
    await service.store.results.set_latest(context.user_id, "")
    return ""


async def _regenerate(result: Result, context: RequestContext, service: RequestService) -> str:
    await service.check_rate_limit(context)
    await service.regenerate(context, result)
    return "accepted_short"


async def _compare(result: Result, context: RequestContext, service: RequestService) -> str:
    if result.operation not in PHOTO_ACTIONS or not result.sources or result.picture is None:
        raise UserError("compare_nothing")
    await service.check_rate_limit(context)
    await service.order(context, Operation.COMPARE, "", (result.sources[0], result.picture))
    return "accepted_short"


async def _send_original(result: Result, context: RequestContext, service: RequestService) -> str:
    """Send the picture as generated, before Telegram compressed it as a photo."""
    await service.check_rate_limit(context)
    caption = t(context.language, "original_caption")
    if result.original_id:
        kept = InputPhoto(result.original_id, "", is_file=True)
        await service.delivery.send_picture(context.chat_target, kept, caption, [])
        return ""
    path = service.store.originals.find(result.id)
    if path is None:
        raise UserError("original_gone")
    name = f"imgbot-{result.id}{path.suffix}"
    try:
        sent = await service.delivery.send_picture(
            context.chat_target, path, caption, [], name=name
        )
    except TransientError as error:
        # It may have arrived all the same: an automatic retry could send it twice.
        raise UserError("original_slow") from error
    if sent is not None:
        await service.store.results.set_original(result.id, sent.file_id)
    return ""


_AT_ONCE: Mapping[str, Callable[[Result, RequestContext, RequestService], Awaitable[str]]] = {
    "again": _regenerate,
    "file": _send_original,
    "compare": _compare,
    "undo": _undo,
}
