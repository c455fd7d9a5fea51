"""Callbacks: every callback is answered, forged and stale ones included."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any

from aiogram import BaseMiddleware
from aiogram.types import CallbackQuery, Message, TelegramObject

from imgbot.bot.context import RequestContext
from imgbot.bot.conversation import on_meaning_callback
from imgbot.bot.dialogue import Dialogue, Question
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
from imgbot.domain.errors import ImgbotError, TransientError, UserError
from imgbot.domain.operations import (
    ACTIONS,
    OPERATIONS,
    PHOTO_ACTIONS,
    RESULT_ACTIONS,
    Operation,
)
from imgbot.domain.texts import t
from imgbot.domain.texts.buttons import SCALES, parse
from imgbot.storage.job_queue import JobQueue
from imgbot.storage.job_reads import JobReads
from imgbot.storage.users import UserStore
from imgbot.telegram.messenger import Messenger

_CANCELLED = {
    "ok": "cancelling",
    "gone": "cancel_over",
    "not_yours": "not_your_button",
    "too_late": "cancel_too_late",
}
_REPEATABLE = frozenset({"help", "set", "view", "queue", "stuck"})
"""Actions exempt from double-press detection: turning a page twice quickly is intended."""


class CallbackAnswers(BaseMiddleware):
    """Answers each callback once with the text whose key its handler returns, if any."""

    def __init__(self, users: UserStore) -> None:
        self._users = users

    async def __call__(
        self,
        handler: Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]],
        event: TelegramObject,
        data: dict[str, Any],
    ) -> Any:
        if not isinstance(event, CallbackQuery):
            return await handler(event, data)
        context: RequestContext = data["context"]
        # If the handler fails, the callback is answered all the same.
        text = t(context.language, "went_wrong")
        try:
            is_repeated = await self._is_repeated(event, context)
            key = "tapped_already" if is_repeated else await handler(event, data)
            text = t(context.language, key) if key else ""
        except UserError as error:
            text = t(context.language, error.reason, **error.facts)
        except TransientError:
            # It is redelivered, and answered then.
            text = ""
            raise
        finally:
            await data["responder"].answer_callback(event.id, text)
        return None

    async def _is_repeated(self, callback: CallbackQuery, context: RequestContext) -> bool:
        press = parse(callback.data)
        if press is None:
            return False
        tap = f"{context.user_key}.{context.message_id}.{callback.data}"
        is_first = await self._users.debounce_tap(tap, context.request)
        return not is_first and press.action not in _REPEATABLE


async def on_start_callback(callback: CallbackQuery, argument: str, dialogue: Dialogue) -> str:
    """Start an operation of the menu; returns the answer to the callback."""
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
    """Scale for the upscale that was asked for; returns the answer to the callback."""
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
    context: RequestContext,
    messenger: Messenger,
    queue: JobQueue,
    job_reads: JobReads,
    now_ms: Callable[[], int],
) -> str:
    """Cancel the job; a duplicate status message, left by a lost answer, is removed as well."""
    job = await job_reads.job(argument)
    verdict = await queue.cancel(argument, context.user_id, now_ms())
    is_left_over = job is not None and job.progress.message_id not in {0, context.message_id}
    # A forged callback must not remove another user's message, and none removes the /queue list.
    if is_left_over and verdict in {"ok", "too_late"} and _is_alone(callback):
        with suppress(ImgbotError):
            await messenger.remove(context.chat_target, context.message_id)
    return _CANCELLED[verdict]


def _is_alone(callback: CallbackQuery) -> bool:
    """Return true if the pressed button is the only one of its message, as in a status message."""
    markup = callback.message.reply_markup if isinstance(callback.message, Message) else None
    rows = markup.inline_keyboard if markup else []
    return [button.callback_data for row in rows for button in row] == [callback.data]


async def on_unknown_callback(_: CallbackQuery) -> str:
    return "unknown_button"


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


def is_pressed(action: str) -> Callable[[CallbackQuery], dict[str, str] | bool]:
    """Return the filter for an action; it passes on the callback's argument."""

    def matches(callback: CallbackQuery) -> dict[str, str] | bool:
        press = parse(callback.data)
        is_this = press is not None and press.action == action
        return {"argument": press.argument} if press is not None and is_this else False

    return matches
