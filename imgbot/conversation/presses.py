"""Buttons: each press is answered, forged and stale ones too."""

from contextlib import suppress

from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery, Message

from imgbot.conversation.admin import press_admin
from imgbot.conversation.choosing import press_news, press_setting
from imgbot.conversation.create import handle_create
from imgbot.conversation.desk import Desk
from imgbot.conversation.dialogue import Ask, source_in
from imgbot.conversation.edit import handle_edit_start
from imgbot.conversation.history import press_history
from imgbot.conversation.merge import handle_smart_merge_start, press_merge
from imgbot.conversation.results import press_result
from imgbot.conversation.retouch import handle_retoucher_start
from imgbot.conversation.standing import press_queue
from imgbot.conversation.upscale import handle_upscale_button, press_scale
from imgbot.conversation.visit import Visit
from imgbot.errors import ImgbotError, TransientError, UserError
from imgbot.job import Operation
from imgbot.texts import say
from imgbot.texts.buttons import ADMIN_ACTIONS, RESULT_ACTIONS, SCALES, Press, parse

_STARTS = {
    Operation.CREATE.value: handle_create,
    Operation.EDIT.value: handle_edit_start,
    Operation.MERGE.value: handle_smart_merge_start,
    Operation.RETOUCH.value: handle_retoucher_start,
    Operation.UPSCALE.value: handle_upscale_button,
}
_CANCELLED = {
    "ok": "cancelling",
    "gone": "cancel_over",
    "not_yours": "not_your_button",
    "too_late": "cancel_too_late",
}
_REPEATABLE = frozenset({"set", "view", "queue", "stuck"})
"""Turning a page twice quickly is no slip of the finger."""


async def handle_press(
    callback: CallbackQuery, state: FSMContext, visit: Visit, desk: Desk
) -> None:
    """Do what the button says; whatever comes of it, the press is answered."""
    press = parse(callback.data)
    # What a press that breaks is answered with; one that comes again is answered then, too.
    text = say(visit.language, "unknown_button" if press is None else "went_wrong")
    try:
        if press is not None:
            key = await _once(callback, press, state, visit, desk)
            text = say(visit.language, key) if key else ""
    except UserError as error:
        text = say(visit.language, error.reason, **error.facts)
    except TransientError:
        text = ""
        raise
    finally:
        await desk.answer(callback.id, text)


async def _once(
    callback: CallbackQuery, press: Press, state: FSMContext, visit: Visit, desk: Desk
) -> str:
    tap = f"{visit.person}.{visit.message_id}.{callback.data}"
    is_first = await desk.store.shelf.is_first_tap(tap, visit.request)
    if not is_first and press.action not in _REPEATABLE:
        return "tapped_already"
    if press.action in RESULT_ACTIONS:
        return await press_result(callback, press, state, visit, desk)
    if press.action in ADMIN_ACTIONS:
        return await press_admin(callback, press, visit, desk)
    return await _act(callback, press, state, visit, desk)


async def _act(
    callback: CallbackQuery, press: Press, state: FSMContext, visit: Visit, desk: Desk
) -> str:
    match press.action:
        case "start":
            return await _start(callback, press.argument, state, visit, desk)
        case "photo":
            return await _photo_action(callback, press.argument, state, visit, desk)
        case "scale" if press.argument in map(str, SCALES):
            return await press_scale(state, visit, desk, int(press.argument))
        case "merge":
            return await press_merge(state, visit, desk)
        case "cancel":
            return await _cancel(callback, press.argument, visit, desk)
        case "news":
            return await press_news(visit, desk)
        case "set" | "view" | "queue":
            look = {"set": press_setting, "view": press_history, "queue": press_queue}
            return await look[press.action](callback, press.argument, visit, desk)
        case _:
            return "unknown_button"


async def _cancel(callback: CallbackQuery, job_id: str, visit: Visit, desk: Desk) -> str:
    """Call the job off; a second message of it, left by a lost answer, goes as well."""
    job = await desk.store.shelf.job(job_id)
    verdict = await desk.store.queue.cancel(job_id, visit.user_id, desk.now_ms())
    is_left_over = job is not None and job.message_id not in {0, visit.message_id}
    # A forged press must not remove what is somebody else's, nor any press the list of /queue.
    if is_left_over and verdict in {"ok", "too_late"} and _is_alone(callback):
        with suppress(ImgbotError):
            await desk.delivery.remove(visit.place, visit.message_id)
    return _CANCELLED[verdict]


def _is_alone(callback: CallbackQuery) -> bool:
    """Whether the pressed button is the only one of its message, as in a status message."""
    markup = callback.message.reply_markup if isinstance(callback.message, Message) else None
    rows = markup.inline_keyboard if markup else []
    return [button.callback_data for row in rows for button in row] == [callback.data]


async def _start(
    callback: CallbackQuery, operation: str, state: FSMContext, visit: Visit, desk: Desk
) -> str:
    if operation not in _STARTS:
        return "unknown_button"
    await _STARTS[operation](callback, state, visit, desk)
    return ""


async def _photo_action(
    callback: CallbackQuery, action: str, state: FSMContext, visit: Visit, desk: Desk
) -> str:
    """What to do with a photo that came without words."""
    source = await source_in(state)
    if await state.get_state() != Ask.photo_action.state or source is None:
        return "stale_button"
    if action == "edit":
        await handle_edit_start(callback, state, visit, desk, source)
    elif action == "retouch":
        await handle_retoucher_start(callback, state, visit, desk, source)
    elif action.startswith("x") and action[1:] in map(str, SCALES):
        await handle_upscale_button(callback, state, visit, desk, source, int(action[1:]))
    else:
        return "unknown_button"
    return ""
