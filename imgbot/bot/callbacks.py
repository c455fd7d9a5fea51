"""Callback handlers: every callback is answered, forged and stale ones included."""

from contextlib import suppress

from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery, Message

from imgbot.bot.context import RequestContext
from imgbot.bot.dialogue import Dialogue, source_in
from imgbot.bot.handlers.admin.router import on_admin_callback
from imgbot.bot.handlers.history import on_history_callback
from imgbot.bot.handlers.merge import on_merge_callback
from imgbot.bot.handlers.my_jobs import on_queue_callback
from imgbot.bot.handlers.operations import START_HANDLERS
from imgbot.bot.handlers.results import on_result_callback
from imgbot.bot.handlers.settings import on_setting_callback, on_subscription_callback
from imgbot.bot.handlers.upscale import handle_upscale_button, on_scale_callback
from imgbot.bot.requests import RequestService
from imgbot.domain.errors import ImgbotError, TransientError, UserError
from imgbot.domain.operations import ACTIONS, OPERATIONS, PHOTO_ACTIONS, Operation
from imgbot.domain.texts import t
from imgbot.domain.texts.buttons import ADMIN_ACTIONS, RESULT_BUTTONS, SCALES, CallbackData, parse

_CANCELLED = {
    "ok": "cancelling",
    "gone": "cancel_over",
    "not_yours": "not_your_button",
    "too_late": "cancel_too_late",
}
_REPEATABLE = frozenset({"set", "view", "queue", "stuck"})
"""Actions exempt from double-press detection: turning a page twice quickly is intended."""


async def handle_callback(
    callback: CallbackQuery, state: FSMContext, context: RequestContext, service: RequestService
) -> None:
    """Run the callback's action; the callback is answered whatever the result."""
    press = parse(callback.data)
    # Default answer if the handler fails; a callback that is redelivered is answered then, too.
    text = t(context.language, "unknown_button" if press is None else "went_wrong")
    try:
        if press is not None:
            key = await _once(callback, press, state, context, service)
            text = t(context.language, key) if key else ""
    except UserError as error:
        text = t(context.language, error.reason, **error.facts)
    except TransientError:
        text = ""
        raise
    finally:
        await service.answer_callback(callback.id, text)


async def _once(
    callback: CallbackQuery,
    press: CallbackData,
    state: FSMContext,
    context: RequestContext,
    service: RequestService,
) -> str:
    tap = f"{context.user_key}.{context.message_id}.{callback.data}"
    is_first = await service.store.users.debounce_tap(tap, context.request)
    if not is_first and press.action not in _REPEATABLE:
        return "tapped_already"
    if press.action in RESULT_BUTTONS:
        return await on_result_callback(callback, press, state, context, service)
    if press.action in ADMIN_ACTIONS:
        return await on_admin_callback(callback, press, context, service)
    return await _act(callback, press, state, context, service)


async def _act(
    callback: CallbackQuery,
    press: CallbackData,
    state: FSMContext,
    context: RequestContext,
    service: RequestService,
) -> str:
    match press.action:
        case "start":
            return await _start(callback, press.argument, state, context, service)
        case "photo":
            return await _photo_action(callback, press.argument, state, context, service)
        case "scale" if press.argument in map(str, SCALES):
            return await on_scale_callback(state, context, service, int(press.argument))
        case "merge":
            return await on_merge_callback(state, context, service)
        case "cancel":
            return await _cancel(callback, press.argument, context, service)
        case "news":
            return await on_subscription_callback(context, service)
        case "set" | "view" | "queue":
            look = {
                "set": on_setting_callback,
                "view": on_history_callback,
                "queue": on_queue_callback,
            }
            return await look[press.action](callback, press.argument, context, service)
        case _:
            return "unknown_button"


async def _cancel(
    callback: CallbackQuery, job_id: str, context: RequestContext, service: RequestService
) -> str:
    """Cancel the job; a duplicate status message, left by a lost answer, is removed as well."""
    job = await service.store.job_reads.job(job_id)
    verdict = await service.store.queue.cancel(job_id, context.user_id, service.now_ms())
    is_left_over = job is not None and job.progress.message_id not in {0, context.message_id}
    # A forged callback must not remove another user's message, and none removes the /queue list.
    if is_left_over and verdict in {"ok", "too_late"} and _is_alone(callback):
        with suppress(ImgbotError):
            await service.delivery.remove(context.chat_target, context.message_id)
    return _CANCELLED[verdict]


def _is_alone(callback: CallbackQuery) -> bool:
    """Return true if the pressed button is the only one of its message, as in a status message."""
    markup = callback.message.reply_markup if isinstance(callback.message, Message) else None
    rows = markup.inline_keyboard if markup else []
    return [button.callback_data for row in rows for button in row] == [callback.data]


async def _start(
    callback: CallbackQuery,
    operation: str,
    state: FSMContext,
    context: RequestContext,
    service: RequestService,
) -> str:
    if operation not in ACTIONS:
        return "unknown_button"
    await START_HANDLERS[Operation(operation)](callback, state, context, service)
    return ""


async def _photo_action(
    callback: CallbackQuery,
    action: str,
    state: FSMContext,
    context: RequestContext,
    service: RequestService,
) -> str:
    """Handle the chosen action for a photo that was sent without a prompt."""
    source = await source_in(state)
    if await state.get_state() != Dialogue.photo_action.state or source is None:
        return "stale_button"
    if action in PHOTO_ACTIONS and not OPERATIONS[Operation(action)].has_scale:
        await START_HANDLERS[Operation(action)](callback, state, context, service, source)
    elif action.startswith("x") and action[1:] in map(str, SCALES):
        await handle_upscale_button(callback, state, context, service, source, int(action[1:]))
    else:
        return "unknown_button"
    return ""
