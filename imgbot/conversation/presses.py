"""Buttons: each press is answered, forged and stale ones too."""

from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery, Message

from imgbot.conversation.create import handle_create
from imgbot.conversation.desk import Desk, Visit
from imgbot.conversation.dialogue import Ask, source_in
from imgbot.conversation.edit import handle_edit_start
from imgbot.conversation.merge import handle_smart_merge_start, press_merge
from imgbot.conversation.reading import picture_of
from imgbot.conversation.retouch import handle_retoucher_start
from imgbot.conversation.upscale import handle_upscale_button, press_scale
from imgbot.job import Operation
from imgbot.queue.records import load_sources
from imgbot.texts import say
from imgbot.texts.buttons import SCALES, Press, parse

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


async def handle_press(
    callback: CallbackQuery, state: FSMContext, visit: Visit, desk: Desk
) -> None:
    """Do what the button says; whatever comes of it, the press is answered."""
    press = parse(callback.data)
    key = "unknown_button" if press is None else ""
    try:
        if press is not None:
            key = await _once(callback, press, state, visit, desk)
    finally:
        await desk.answer(callback.id, say(visit.language, key) if key else "")


async def _once(
    callback: CallbackQuery, press: Press, state: FSMContext, visit: Visit, desk: Desk
) -> str:
    tap = f"{visit.chat_id}.{visit.user_id}.{visit.message_id}.{callback.data}"
    if not await desk.shelf.is_first_tap(tap, visit.request):
        return "tapped_already"
    return await _act(callback, press, state, visit, desk)


async def _act(
    callback: CallbackQuery, press: Press, state: FSMContext, visit: Visit, desk: Desk
) -> str:
    match press.action:
        case "start" if press.argument in _STARTS:
            await _STARTS[press.argument](callback, state, visit, desk)
            return ""
        case "photo":
            return await _photo_action(callback, press.argument, state, visit, desk)
        case "scale" if press.argument in map(str, SCALES):
            return await press_scale(state, visit, desk, int(press.argument))
        case "merge":
            return await press_merge(state, visit, desk)
        case "cancel":
            verdict = await desk.queue.cancel(press.argument, visit.user_id, desk.now_ms())
            return _CANCELLED[verdict]
        case "again" | "edit" | "up":
            return await _result_action(callback, press, state, visit, desk)
        case _:
            return "unknown_button"


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


async def _result_action(
    callback: CallbackQuery, press: Press, state: FSMContext, visit: Visit, desk: Desk
) -> str:
    """The buttons under a finished picture."""
    scale, _, job_id = press.argument.rpartition(".")
    result = await desk.shelf.result(job_id)
    if not result or not isinstance(callback.message, Message):
        return "stale_button"
    if result["user_id"] != str(visit.user_id):
        return "not_your_button"
    if press.action == "again":
        return await _again(result, visit, desk)
    source = picture_of(callback.message)
    if source is None:
        return "stale_button"
    if press.action == "edit":
        await handle_edit_start(callback, state, visit, desk, source)
    elif scale in map(str, SCALES):
        await handle_upscale_button(callback, state, visit, desk, source, int(scale))
    else:
        return "unknown_button"
    return ""


async def _again(result: dict[str, str], visit: Visit, desk: Desk) -> str:
    if not await desk.check_rate_limit(visit):
        return ""
    await desk.order(
        visit,
        Operation(result["operation"]),
        result["words"],
        load_sources(result["sources"]),
        int(result["scale"]),
    )
    return "accepted_short"
