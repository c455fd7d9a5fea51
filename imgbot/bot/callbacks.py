"""Callbacks: the handler of each button; forged and stale ones are answered as well."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any

from aiogram.types import CallbackQuery, Message

from imgbot.bot.context import RequestContext
from imgbot.bot.conversation import on_meaning_callback
from imgbot.bot.dialogue import Dialogue, Question, call
from imgbot.bot.handlers.account import (
    on_queue_callback,
    on_setting_callback,
    on_subscription_callback,
)
from imgbot.bot.handlers.help import on_help_callback
from imgbot.bot.handlers.merge import on_merge_callback
from imgbot.bot.handlers.operations import START_HANDLERS, handle_upscale_button, order_or_ask
from imgbot.bot.handlers.privacy import CONFIRM, on_forget_callback
from imgbot.bot.handlers.results import (
    on_again_callback,
    on_compare_callback,
    on_draw_callback,
    on_file_callback,
    on_history_callback,
    on_operation_callback,
    on_undo_callback,
)
from imgbot.domain.errors import ImgbotError
from imgbot.domain.operations import (
    ACTIONS,
    OPERATIONS,
    PHOTO_ACTIONS,
    RESULT_ACTIONS,
    Operation,
)
from imgbot.domain.texts import t
from imgbot.domain.texts.buttons import SCALES, CallbackData, parse
from imgbot.storage.job_queue import JobQueue
from imgbot.storage.job_reads import JobReads
from imgbot.storage.users import UserStore

_CANCELLED = {
    "ok": "cancelling",
    "gone": "cancel_over",
    "not_yours": "not_your_button",
    "too_late": "cancel_too_late",
}
_REPEATABLE = frozenset({"help", "set", "view", "queue", "stuck"})
"""Actions exempt from double-press detection: turning a page twice quickly is intended."""


async def answer_to(
    callback: CallbackQuery, handler: Callable[..., Awaitable[str]], argument: str, **data: Any
) -> str:
    """Do what a button says; return the answer to the callback."""
    context: RequestContext = data["dialogue"].context
    press = parse(callback.data)
    key = ""
    if press is None or await _is_first(context, press, data["users"]):
        key = await call(handler, callback, argument=argument, **data)
    else:
        key = "tapped_already"
    return t(context.language, key) if key else ""


async def _is_first(context: RequestContext, press: CallbackData, users: UserStore) -> bool:
    """Return false for a second press within seconds, of a button that orders something."""
    tap = f"{context.user_key}.{context.message_id}.{press.action}:{press.argument}"
    return await users.debounce_tap(tap, context.request) or press.action in _REPEATABLE


async def on_start_callback(callback: CallbackQuery, argument: str, dialogue: Dialogue) -> str:
    if argument not in ACTIONS:
        return "unknown_button"
    await START_HANDLERS[Operation(argument)](callback, dialogue)
    return ""


async def on_photo_callback(callback: CallbackQuery, argument: str, dialogue: Dialogue) -> str:
    """Start the operation chosen for a photo that was sent without a prompt."""
    photo = await dialogue.photo()
    if not await dialogue.is_asking(Question.photo_action) or photo is None:
        return "stale_button"
    if argument in PHOTO_ACTIONS and not OPERATIONS[Operation(argument)].has_scale:
        await START_HANDLERS[Operation(argument)](callback, dialogue, photo)
    elif argument.startswith("x") and argument[1:] in map(str, SCALES):
        await handle_upscale_button(callback, dialogue, photo, int(argument[1:]))
    else:
        return "unknown_button"
    return ""


async def on_scale_callback(_: CallbackQuery, argument: str, dialogue: Dialogue) -> str:
    if argument not in map(str, SCALES):
        return "unknown_button"
    photo = await dialogue.photo()
    if not await dialogue.is_asking(Question.upscale_scale) or photo is None:
        return "stale_button"
    await order_or_ask(dialogue, Operation.UPSCALE, photo, scale=int(argument))
    return ""


async def on_cancel_callback(
    callback: CallbackQuery,
    argument: str,
    dialogue: Dialogue,
    queue: JobQueue,
    job_reads: JobReads,
    now_ms: Callable[[], int],
) -> str:
    """Cancel the job; a duplicate status message, left by a lost answer, is removed as well."""
    context, job = dialogue.context, await job_reads.job(argument)
    verdict = await queue.cancel(argument, context.user_id, now_ms())
    is_left_over = job is not None and job.progress.message_id not in {0, context.message_id}
    # A forged callback must not remove another user's message, and none removes the /queue list.
    if is_left_over and verdict in {"ok", "too_late"} and _is_alone(callback):
        with suppress(ImgbotError):
            await dialogue.messenger.remove(context.chat_target, context.message_id)
    return _CANCELLED[verdict]


def _is_alone(callback: CallbackQuery) -> bool:
    """Return true if the pressed button is the only one of its message, as in a status message."""
    markup = callback.message.reply_markup if isinstance(callback.message, Message) else None
    rows = markup.inline_keyboard if markup else []
    return [button.callback_data for row in rows for button in row] == [callback.data]


CALLBACKS: dict[str, Callable[..., Awaitable[str]]] = {
    "start": on_start_callback,
    "meant": on_meaning_callback,
    "photo": on_photo_callback,
    "scale": on_scale_callback,
    "merge": on_merge_callback,
    "cancel": on_cancel_callback,
    "help": on_help_callback,
    "news": on_subscription_callback,
    "set": on_setting_callback,
    "view": on_history_callback,
    "queue": on_queue_callback,
    CONFIRM: on_forget_callback,
    "again": on_again_callback,
    "draw": on_draw_callback,
    "file": on_file_callback,
    "compare": on_compare_callback,
    "undo": on_undo_callback,
    **{
        action: partial(on_operation_callback, operation)
        for action, operation in RESULT_ACTIONS.items()
    },
}
"""Handler of each callback action; it returns the key of the answer, or nothing."""
