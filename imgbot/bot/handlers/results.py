"""Results: their buttons, undo, comparison, original file, and history."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

from aiogram.types import CallbackQuery, Message

from imgbot.bot import pictures, requests
from imgbot.bot.commands import ChatCommand
from imgbot.bot.dialogue import Alert, Audience, Dialogue
from imgbot.bot.handlers.operations import handle_upscale_button, start_photo_operation
from imgbot.bot.handlers.start import CANCELLED
from imgbot.bot.messages import asked_about, photo_of, prompt_of, without_mention
from imgbot.bot.receipt import receipt_of
from imgbot.bot.this_picture import Meant
from imgbot.domain.buttons import Button, ButtonAction, Keyboard
from imgbot.domain.complaints import offer_for
from imgbot.domain.errors import (
    ImgbotError,
    MessageGoneError,
    TelegramRefusedError,
    TransientError,
    UserError,
)
from imgbot.domain.job import InputPhoto, Job, variant_ids, with_changes
from imgbot.domain.operations import CHANGES, RESULT_ACTIONS, Operation
from imgbot.domain.ordinals import picture_named_in
from imgbot.domain.prompt_options import count_in
from imgbot.domain.remix import undone_part
from imgbot.domain.result_buttons import ANEW, DRAW, RETRY, UP, of_job, under_result
from imgbot.domain.texts.captions import drawing_name, with_drawing
from imgbot.storage.results import Recent
from imgbot.telegram.messenger import CAPTION_LIMIT, cut
from imgbot.telegram.rate_limiter import max_wait

_AFTER_PHOTO = frozenset({"last", "file", "receipt"})
"""Actions on results that are not about a photo that was sent after them."""
_BEFORE_SHOWN = frozenset({"again"})
"""Actions that are about a picture even before it is there."""
_OWN = frozenset({"last", "complaint", "delete", "receipt"})
"""Actions that are about the user's own results, in a group, too."""

VIEW = ButtonAction("view", is_repeatable=True)
DELETE = ButtonAction("delete")
OFFER = ButtonAction("offer", (str, str))
"""Order what a complaint misses."""

_Act = Callable[[Job, Dialogue], Awaitable[str | Alert]]
"""Acts on a result in a dialogue; returns the key of the answer to a callback, or nothing."""


async def on_operation_callback(
    operation: Operation, callback: CallbackQuery, job_id: str, dialogue: Dialogue
) -> str:
    result = await _pressed_result(callback, job_id, dialogue)
    await start_photo_operation(operation, callback, dialogue, result.picture)
    return ""


async def on_up_callback(
    callback: CallbackQuery, scale: int, job_id: str, dialogue: Dialogue
) -> str:
    result = await _pressed_result(callback, job_id, dialogue)
    await handle_upscale_button(callback, dialogue, result.picture, scale)
    return ""


async def on_draw_callback(
    callback: CallbackQuery, key: str, job_id: str, dialogue: Dialogue
) -> str:
    result = await _pressed_result(callback, job_id, dialogue)
    if not drawing_name(key, result.request.prompt):
        return "unknown_button"
    words = with_drawing(result.request.prompt, result.progress.parts_of("unknown"), key)
    return await _act_regenerate(with_changes(result, prompt=words, sent=""), dialogue)


async def handle_history(_: Message, dialogue: Dialogue) -> None:
    """/history: the newest picture, with buttons to the older ones."""
    shown = await _results_here(dialogue)
    if not shown:
        raise UserError("history_empty")
    if (picture := shown[0].picture) is not None:
        await dialogue.send(picture, *_page(shown, 0, dialogue))


async def on_history_callback(_: CallbackQuery, job_id: str, dialogue: Dialogue) -> str:
    context = dialogue.context
    await pictures.owned_result(job_id, dialogue)
    shown = await _results_here(dialogue)
    index = next((at for at, each in enumerate(shown) if each.id == job_id), None)
    picture = shown[index].picture if index is not None else None
    if index is None or picture is None:
        return "stale_button"
    page = _page(shown, index, dialogue)
    try:
        with max_wait(2.0):
            target, message_id = context.chat_target, context.message_id
            await dialogue.app.messenger.edit_to_picture(
                target, message_id, picture, *page, is_photo=not picture.is_file
            )
    except TransientError:
        return "slow_down"
    except ImgbotError:
        return "stale_button"
    return ""


def _buttons_of(result: Job, dialogue: Dialogue) -> Keyboard:
    """Return the buttons for a result that is shown again."""
    return under_result(
        dialogue.language,
        result,
        dialogue.added.result_buttons,
        is_photo=not (result.picture and (result.picture.is_file or result.picture.is_hidden)),
        is_varied=_is_varied(result, dialogue),
    )


def _is_varied(result: Job, dialogue: Dialogue) -> bool:
    """Return true if the same request would make another picture."""
    is_created = result.request.operation is Operation.CREATE
    return is_created or not dialogue.app.policy.has_builtin_engine


async def _pressed_result(callback: CallbackQuery, job_id: str, dialogue: Dialogue) -> Job:
    """Return the result under which a button was pressed, with its picture.

    Raises UserError if it is gone, of another chat, or belongs to another user.
    """
    result = await pictures.owned_result(job_id, dialogue)
    if not isinstance(callback.message, Message):
        raise UserError("stale_button")
    picture = result.picture or photo_of(callback.message)
    if picture is None:
        raise UserError("stale_button")
    return with_changes(result, shown=(picture,))


async def chosen_result(action: str, message: Message, dialogue: Dialogue) -> Job:
    """Return the result that the message is about, see `this_picture`; UserError without one."""
    app = dialogue.app

    def fits(meant: Meant) -> bool:
        if isinstance(meant, tuple):
            return action not in _AFTER_PHOTO
        is_own = meant.user_id == dialogue.user_id
        is_early = action in _BEFORE_SHOWN or (action == "undo" and meant.request.parent != "")
        return (is_own or action not in _OWN) and (meant.is_there or is_early)

    which = picture_named_in(prompt_of(message))
    if which and which.rest and which.is_certain:
        meant = await pictures.named(which, message, dialogue)
    else:
        meant = await pictures.meant_in(message, dialogue, fits)
    found = meant.id if isinstance(meant, Job) else ""
    # An undo changes the latest result: a redelivered update must start from the same one.
    choice = f"{action}.{dialogue.context.request}"
    result = await app.results.expected(await app.users.once(choice, found))
    is_here = result is not None and result.is_of(dialogue.context.chat_id)
    # Of any picture that is replied to, only `fits` was not asked.
    if result is None or not is_here or (action in _OWN and result.user_id != dialogue.user_id):
        raise UserError(f"{action}_nothing")
    return result


async def _results_here(dialogue: Dialogue) -> list[Job]:
    """Return the user's results of a chat, the newest first."""
    found = await dialogue.app.results.results(await dialogue.app.results.history(dialogue.user_id))
    return [result for result in found if result.is_of(dialogue.context.chat_id)]


async def _act_show(result: Job, dialogue: Dialogue) -> str:
    """Show a delivered result again, free of charge, with its buttons."""
    if result.picture is None:
        raise UserError("picture_gone")
    if not result.is_there:
        raise UserError("still_being_made")
    rows = _buttons_of(result, dialogue)
    await dialogue.send(result.picture, result.progress.caption, rows)
    shown = Recent.of(result, dialogue.user_id, dialogue.app.now_ms())
    await dialogue.app.results.add_recent(dialogue.context.place, shown)
    return ""


def _page(shown: list[Job], index: int, dialogue: Dialogue) -> tuple[str, Keyboard]:
    """Return the caption and the buttons of a result, with those to the newer and older ones."""
    labels = {index - 1: "◀", index: f"{index + 1} / {len(shown)}", index + 1: "▶"}
    places = [place for place in labels if 0 <= place < len(shown)]
    pager = [Button(labels[place], VIEW.pack(shown[place].id)) for place in places]
    caption = cut(shown[index].progress.caption, CAPTION_LIMIT)
    return caption, [pager, *_buttons_of(shown[index], dialogue)]


async def _act_undo(result: Job, dialogue: Dialogue) -> str:
    """Go one step back from a result; a change that is not made yet is cancelled."""
    if not result.is_there:
        app = dialogue.app
        verdict = await app.queue.cancel(result.id, dialogue.user_id, app.now_ms())
        if verdict in {"too_late", "cancelled_late"}:
            raise UserError(CANCELLED[verdict])
        # Its status message says so.
        return ""
    before = await pictures.version_before(dialogue, result)
    if not before:
        raise UserError("undo_nothing")
    return await _show(before, dialogue)


async def _show(meant: Meant, dialogue: Dialogue) -> str:
    """Show a result again, or the user's own picture, which has no buttons."""
    if isinstance(meant, Job):
        return await _act_show(meant, dialogue)
    await dialogue.send(meant[0], dialogue.t("undo_original"))
    # It has no job: there is no earlier step.
    original = Recent(dialogue.user_id, dialogue.app.now_ms(), photos=meant)
    await dialogue.app.results.add_recent(dialogue.context.place, original)
    return ""


async def show_chosen(meant: Meant, _: Message, dialogue: Dialogue) -> None:
    """Show the variant, or the version, that a text chooses."""
    await _show(meant, dialogue)


async def _act_prompt(result: Job, dialogue: Dialogue) -> str:
    """Show the prompt, to be copied, changed and sent."""
    if not result.request.full_prompt:
        raise UserError("words_gone")
    await dialogue.say(dialogue.t("prompt_shown"), copied=result.request.full_prompt)
    return ""


async def _act_compare(result: Job, dialogue: Dialogue) -> str:
    operation, sources = result.request.operation, result.request.sources
    if operation not in CHANGES or not sources or result.picture is None:
        raise UserError("compare_nothing")
    await requests.check_rate_limit(dialogue)
    photos = (sources[0], result.picture)
    await requests.order(dialogue, Operation.COMPARE, "", photos)
    return "accepted_short"


async def _act_regenerate(result: Job, dialogue: Dialogue) -> str:
    await requests.regenerate(dialogue, result.request)
    return "accepted_short"


async def _act_send_all_files(result: Job, dialogue: Dialogue) -> str:
    """Send all variants that the previous release has shown in one message."""
    for each in await dialogue.app.results.results(variant_ids(result.id)):
        if each.progress.message_id == result.progress.message_id:
            await _act_send_file(each, dialogue)
    return ""


async def on_retry_callback(callback: CallbackQuery, job_id: str, dialogue: Dialogue) -> str:
    """Order the request of a failed job again, in reply to what asked for it."""
    wanted, by_asked = await failed_request(callback, job_id, dialogue)
    is_new = await requests.repeat_failed(by_asked, wanted)
    await dialogue.edit(getattr(callback.message, "text", None) or "", [])
    return "accepted_short" if is_new else "tapped_already"


async def failed_request(
    callback: CallbackQuery, job_id: str, dialogue: Dialogue
) -> tuple[Job, Dialogue]:
    """Return what a job without a picture was to make, and a dialogue beside what asked for it.

    Raises UserError as `owned_result` does, and if there is a picture.
    """
    wanted = await pictures.owned_result(job_id, dialogue, gone="request_gone")
    message = callback.message
    if not isinstance(message, Message) or wanted.picture is not None:
        raise UserError("stale_button")
    asked = message.reply_to_message or message
    return wanted, dialogue.in_reply_to(asked.message_id)


async def handle_complaint(message: Message, dialogue: Dialogue) -> None:
    """Answer a complaint: offer what its words miss, another picture, a change, a step back."""
    result = await chosen_result("complaint", message, dialogue)
    is_varied, offer = _is_varied(result, dialogue), offer_for(prompt_of(message))
    again = offer.again if is_varied else ""
    missing = (("again", "draw_with", again), ("change", "change_so", offer.change))
    offered = [
        [OFFER.button(dialogue.language, choice, result.id, key=key, words=words)]
        for choice, key, words in missing
        if words
    ]
    names = {"again": is_varied and not again, "edit": True, "undo": result.request.is_change}
    rows = [*offered, of_job(dialogue.language, result.id, names)]
    await dialogue.ask(dialogue.t("complaint"), rows=rows)


async def on_offer_callback(
    callback: CallbackQuery, choice: str, job_id: str, dialogue: Dialogue
) -> str:
    """Order what a complaint missed; the offer replies to the complaint."""
    asked, result = asked_about(callback), await _pressed_result(callback, job_id, dialogue)
    if asked is None:
        return "words_gone"
    offer = offer_for(prompt_of(without_mention(asked, dialogue.app.identity.name)))
    by_asked = dialogue.in_reply_to(asked.message_id)
    if choice == "again" and offer.again:
        await requests.draw_with(by_asked, result, offer.again)
    elif choice == "change" and offer.change and result.picture:
        await requests.check_rate_limit(dialogue)
        await requests.order(by_asked, Operation.EDIT, offer.change, (result.picture,))
    else:
        return "stale_button"
    # It is answered: pressed once more, it would order a second picture.
    await dialogue.remove_panel()
    return "accepted_short"


async def _act_ask_delete(result: Job, dialogue: Dialogue) -> str:
    """Ask once before a picture is deleted, in reply to it."""
    rows = [[DELETE.button(dialogue.language, result.id)]]
    await dialogue.in_reply_to(result.progress.message_id).ask(dialogue.t("delete_ask"), rows=rows)
    return ""


async def _act_delete(result: Job, dialogue: Dialogue) -> str:
    """Delete the messages that show the picture, and what is stored of it."""
    app, context, is_gone = dialogue.app, dialogue.context, False
    inline_id = result.request.inline_id
    target, rows = context.chat_target, [[DELETE.button(dialogue.language, result.id)]]
    is_cleared = not inline_id or await app.messenger.clear_inline(
        inline_id, dialogue.t("deleted_short"), target, context.message_id, rows
    )
    with suppress(MessageGoneError, TelegramRefusedError):
        await app.messenger.remove(target, result.progress.message_id)
        is_gone = is_cleared
    await app.forgetting.mark_log(app.now_ms())
    await app.forgetting.forget_ended({result.id})
    await app.results.delete(result, context.place)
    await asyncio.to_thread(app.originals.remove, result.id)
    await dialogue.remove_panel()
    if not is_gone:
        # Telegram lets a bot delete its messages for two days.
        await dialogue.say(dialogue.t("delete_forgotten"), to=Audience.ASKER)
    return "deleted_short"


async def _act_draw_anew(result: Job, dialogue: Dialogue) -> str:
    """Draw a changed picture anew, with the words that the change left out."""
    request, undrawn = result.request, result.progress.parts_of("unknown")
    if not (request.full_prompt and undrawn):
        raise UserError("stale_button")
    await requests.remix(dialogue, result, undone_part(request.prompt, undrawn))
    return "accepted_short"


async def _act_receipt(result: Job, dialogue: Dialogue) -> str | Alert:
    """Tell the user who asked for the picture how it was made."""
    return await dialogue.answer_privately(receipt_of(result, dialogue))


async def _act_send_file(result: Job, dialogue: Dialogue) -> str:
    """Send the picture as generated, before Telegram compressed it as a photo."""
    await requests.check_rate_limit(dialogue)
    caption = dialogue.t("original_caption")
    original_id = result.progress.original_id
    file = InputPhoto(original_id, "", is_file=True) if original_id else result.picture
    if file is not None and file.is_file:
        await dialogue.send(file, caption)
        return ""
    path = dialogue.app.originals.find(result.id)
    if path is None:
        raise UserError("original_gone")
    try:
        name = f"imgbot-{result.id}{path.suffix}"
        sent = await dialogue.send(path, caption, name=name)
    except TransientError as error:
        # It may have arrived all the same: an automatic retry could send it twice.
        raise UserError("original_slow") from error
    if sent is not None:
        await dialogue.app.results.set_original(result.id, sent.file_id)
    return ""


async def _act_on_chosen(act: _Act, name: str, message: Message, dialogue: Dialogue) -> None:
    """Act on the result that the message is about."""
    await act(await chosen_result(name, message, dialogue), dialogue)


async def handle_again(message: Message, dialogue: Dialogue) -> None:
    """Order the picture again, as often as the text says: "another one", "3 more"."""
    result = await chosen_result("again", message, dialogue)
    if not _is_varied(result, dialogue):
        raise UserError("again_same")
    prompt = prompt_of(message)
    named = picture_named_in(prompt)
    count = count_in(named.rest if named else prompt) or 1
    await requests.regenerate(dialogue, result.request, count)


async def _act_on_pressed(
    act: _Act, callback: CallbackQuery, job_id: str, dialogue: Dialogue
) -> str | Alert:
    """Act on the result under which the button is."""
    return await act(await _pressed_result(callback, job_id, dialogue), dialogue)


handle_last = partial(_act_on_chosen, _act_show, "last")
handle_undo = partial(_act_on_chosen, _act_undo, "undo")
handle_compare = partial(_act_on_chosen, _act_compare, "compare")
handle_file = partial(_act_on_chosen, _act_send_file, "file")
handle_delete = partial(_act_on_chosen, _act_ask_delete, "delete")
handle_receipt = partial(_act_on_chosen, _act_receipt, "receipt")

COMMANDS = (
    ChatCommand("undo", handle_undo, menu_place=2),
    ChatCommand("compare", handle_compare, menu_place=2),
    ChatCommand("last", handle_last, menu_place=2),
    ChatCommand("history", handle_history, menu_place=2),
)
BUTTONS = (
    (VIEW, on_history_callback),
    (DRAW, on_draw_callback),
    (ButtonAction("again"), partial(_act_on_pressed, _act_regenerate)),
    (RETRY, on_retry_callback),
    (ButtonAction("file"), partial(_act_on_pressed, _act_send_file)),
    (ButtonAction("prompt"), partial(_act_on_pressed, _act_prompt)),
    (DELETE, partial(_act_on_pressed, _act_delete)),
    (ANEW, partial(_act_on_pressed, _act_draw_anew)),
    (OFFER, on_offer_callback),
    (ButtonAction("compare"), partial(_act_on_pressed, _act_compare)),
    (ButtonAction("undo"), partial(_act_on_pressed, _act_undo)),
    (ButtonAction("receipt", is_repeatable=True), partial(_act_on_pressed, _act_receipt)),
    # Under variants that the previous release has shown in one message; can go after the first.
    (ButtonAction("pick"), partial(_act_on_pressed, _act_show)),
    (ButtonAction("againall"), partial(_act_on_pressed, _act_regenerate)),
    (ButtonAction("fileall"), partial(_act_on_pressed, _act_send_all_files)),
    (UP, on_up_callback),
    *(
        (ButtonAction(action), partial(on_operation_callback, operation))
        for action, operation in RESULT_ACTIONS.items()
        if operation is not Operation.UPSCALE
    ),
)
