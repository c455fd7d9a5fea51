"""Results: their buttons, undo, comparison, original file, history, and inline mode."""

from contextlib import suppress
from dataclasses import replace

from aiogram.types import (
    CallbackQuery,
    InlineQuery,
    InlineQueryResultCachedDocument,
    InlineQueryResultCachedPhoto,
    Message,
)

from imgbot.bot.context import RequestContext
from imgbot.bot.dialogue import Dialogue
from imgbot.bot.handlers.operations import START_HANDLERS
from imgbot.bot.messages import photo_of, replied_picture_of
from imgbot.bot.requests import AccessPolicy
from imgbot.domain.errors import ImgbotError, TransientError, UserError
from imgbot.domain.job import InputPhoto
from imgbot.domain.operations import OPERATIONS, PHOTO_ACTIONS, Operation
from imgbot.domain.texts import buttons, language_of, t
from imgbot.domain.texts.buttons import SCALES, Keyboard
from imgbot.domain.texts.captions import drawing_name, with_drawing
from imgbot.imaging.originals import OriginalStore
from imgbot.storage.results import Result, ResultStore
from imgbot.storage.users import UserStore
from imgbot.telegram.messenger import CAPTION_LIMIT, Messenger, cut
from imgbot.telegram.rate_limiter import max_wait


async def handle_undo(
    message: Message,
    dialogue: Dialogue,
    policy: AccessPolicy,
    users: UserStore,
    results: ResultStore,
) -> None:
    """/undo: one step back from the latest result, or from the one it replies to."""
    result = await _chosen_result("undo", message, dialogue.context, users, results)
    await _undo(result, dialogue, policy, results)


async def handle_compare(
    message: Message, dialogue: Dialogue, users: UserStore, results: ResultStore
) -> None:
    """/compare: before and after, side by side."""
    await _compare(
        await _chosen_result("compare", message, dialogue.context, users, results), dialogue
    )


async def handle_last(
    _: Message, dialogue: Dialogue, policy: AccessPolicy, results: ResultStore
) -> None:
    """/last: the latest result again."""
    shown = await results.results(await results.history(dialogue.context.user_id))
    if not shown:
        raise UserError("history_empty")
    await _show(shown[0], dialogue, policy, results)


async def handle_again(
    message: Message,
    dialogue: Dialogue,
    policy: AccessPolicy,
    users: UserStore,
    results: ResultStore,
) -> None:
    """Enqueue the latest result once more, or the one that the message replies to."""
    result = await _chosen_result("again", message, dialogue.context, users, results)
    if not _is_varied(result, policy):
        raise UserError("again_same")
    await dialogue.check_rate_limit()
    await dialogue.requests.regenerate(dialogue.context, result)


async def handle_complaint(
    message: Message,
    dialogue: Dialogue,
    policy: AccessPolicy,
    users: UserStore,
    results: ResultStore,
) -> None:
    """Complaint about a result: offer another one, a change, and a step back."""
    language = dialogue.context.language
    result = await _chosen_result("complaint", message, dialogue.context, users, results)
    rows = buttons.after_complaint(
        language, result.id, is_change=_is_change(result), is_varied=_is_varied(result, policy)
    )
    await dialogue.reply("complaint", rows)


async def on_operation_callback(
    operation: Operation,
    callback: CallbackQuery,
    argument: str,
    dialogue: Dialogue,
    results: ResultStore,
) -> str:
    """Start an operation on the result; returns the answer to the callback."""
    result = await _pressed_result(callback, argument, results)
    scale = argument.rpartition(".")[0]
    wanted = [int(scale) if scale in map(str, SCALES) else None]
    extra = wanted if OPERATIONS[operation].has_scale else []
    await START_HANDLERS[operation](callback, dialogue, result.picture, *extra)
    return ""


async def on_again_callback(
    callback: CallbackQuery, argument: str, dialogue: Dialogue, results: ResultStore
) -> str:
    """Enqueue the request again; returns the answer to the callback."""
    result = await _pressed_result(callback, argument, results)
    await dialogue.check_rate_limit()
    await dialogue.requests.regenerate(dialogue.context, result)
    return "accepted_short"


async def on_draw_callback(
    callback: CallbackQuery, argument: str, dialogue: Dialogue, results: ResultStore
) -> str:
    """Enqueue the request with a suggested subject or style; returns the answer."""
    key = argument.partition(".")[0]
    result = await _pressed_result(callback, argument, results)
    if not drawing_name(key, result.words):
        return "unknown_button"
    await dialogue.check_rate_limit()
    words = with_drawing(result.words, result.undrawn, key)
    await dialogue.requests.regenerate(dialogue.context, replace(result, words=words))
    return "accepted_short"


async def on_compare_callback(
    callback: CallbackQuery, argument: str, dialogue: Dialogue, results: ResultStore
) -> str:
    """Compare the result with its source; returns the answer to the callback."""
    await _compare(await _pressed_result(callback, argument, results), dialogue)
    return "accepted_short"


async def on_undo_callback(
    callback: CallbackQuery,
    argument: str,
    dialogue: Dialogue,
    policy: AccessPolicy,
    results: ResultStore,
) -> str:
    """One step back from the result; returns the answer to the callback."""
    result = await _pressed_result(callback, argument, results)
    await _undo(result, dialogue, policy, results)
    return ""


async def on_file_callback(
    callback: CallbackQuery,
    argument: str,
    dialogue: Dialogue,
    results: ResultStore,
    originals: OriginalStore,
) -> str:
    """Send the picture as generated, before Telegram compressed it as a photo."""
    result = await _pressed_result(callback, argument, results)
    await dialogue.check_rate_limit()
    caption = t(dialogue.context.language, "original_caption")
    if result.original_id:
        await dialogue.send_picture(InputPhoto(result.original_id, "", is_file=True), caption)
        return ""
    path = originals.find(result.id)
    if path is None:
        raise UserError("original_gone")
    try:
        name = f"imgbot-{result.id}{path.suffix}"
        sent = await dialogue.send_picture(path, caption, name=name)
    except TransientError as error:
        # It may have arrived all the same: an automatic retry could send it twice.
        raise UserError("original_slow") from error
    if sent is not None:
        await results.set_original(result.id, sent.file_id)
    return ""


def buttons_of(result: Result, context: RequestContext, policy: AccessPolicy) -> buttons.Keyboard:
    """Return the buttons for a result that is shown again."""
    return buttons.under_result(
        context.language,
        result.id,
        is_photo=not (result.picture and result.picture.is_file),
        is_change=_is_change(result),
        is_varied=_is_varied(result, policy),
    )


def _is_change(result: Result) -> bool:
    return result.operation in PHOTO_ACTIONS and len(result.sources) == 1


def _is_varied(result: Result, policy: AccessPolicy) -> bool:
    """Return true if the same request would make another picture."""
    return result.operation is Operation.CREATE or not policy.has_builtin_engine


async def _pressed_result(callback: CallbackQuery, argument: str, results: ResultStore) -> Result:
    """Return the result under which a button was pressed, with its picture.

    Raises UserError if it is gone, or belongs to another user.
    """
    result = await results.result(argument.rpartition(".")[2])
    if result is None or not isinstance(callback.message, Message):
        raise UserError("stale_button")
    if result.user_id != callback.from_user.id:
        raise UserError("not_your_button")
    picture = result.picture or photo_of(callback.message)
    if picture is None:
        raise UserError("stale_button")
    return replace(result, picture=picture)


async def _chosen_result(
    action: str,
    message: Message,
    context: RequestContext,
    users: UserStore,
    results: ResultStore,
) -> Result:
    """Return the result that the message replies to, else the latest; UserError without one."""
    replied = replied_picture_of(message)
    found = (
        await results.job_of_picture(replied) if replied else await results.latest(context.user_id)
    )
    # An undo changes the latest result: a redelivered update must start from the same one.
    job_id = await users.choose_once(f"{action}.{context.request}", found)
    result = await results.result(job_id)
    if result is None or result.user_id != context.user_id:
        raise UserError(f"{action}_nothing")
    if not (replied or context.is_private) and result.chat_id not in {0, context.chat_id}:
        # Made elsewhere: it is not for this group.
        raise UserError(f"{action}_nothing")
    return result


async def _show(
    result: Result, dialogue: Dialogue, policy: AccessPolicy, results: ResultStore
) -> None:
    """Show a delivered result again, free of charge, with its buttons."""
    if result.picture is None:
        raise UserError("picture_gone")
    rows = buttons_of(result, dialogue.context, policy)
    await dialogue.send_picture(result.picture, result.caption, rows)
    await results.set_latest(dialogue.context.user_id, result.id)


async def _undo(
    result: Result, dialogue: Dialogue, policy: AccessPolicy, results: ResultStore
) -> None:
    if result.operation not in PHOTO_ACTIONS or not result.sources:
        raise UserError("undo_nothing")
    context = dialogue.context
    parent = await results.result(result.parent)
    # A forwarded picture has a job, but its prompt is private to that job's user.
    is_own = parent is not None and parent.user_id == context.user_id
    if parent is not None and is_own and parent.picture is not None:
        await _show(parent, dialogue, policy, results)
        return
    await dialogue.send_picture(result.sources[0], t(context.language, "undo_original"))
    # The user's own picture has no job: there is no earlier step.
    await results.set_latest(context.user_id, "")


async def _compare(result: Result, dialogue: Dialogue) -> None:
    if result.operation not in PHOTO_ACTIONS or not result.sources or result.picture is None:
        raise UserError("compare_nothing")
    await dialogue.check_rate_limit()
    photos = (result.sources[0], result.picture)
    await dialogue.requests.order(dialogue.context, Operation.COMPARE, "", photos)


async def handle_history(
    _: Message,
    dialogue: Dialogue,
    policy: AccessPolicy,
    results: ResultStore,
) -> None:
    """/history: the newest picture, with buttons to the older ones."""
    context = dialogue.context
    shown = await results.results(await results.history(context.user_id))
    if not shown:
        raise UserError("history_empty")
    if (picture := shown[0].picture) is not None:
        await dialogue.send_picture(picture, *_page(shown, 0, context, policy))


async def on_history_callback(
    _: CallbackQuery,
    argument: str,
    dialogue: Dialogue,
    policy: AccessPolicy,
    results: ResultStore,
) -> str:
    """Show the picture of another job in the message; returns the answer to the callback."""
    context, result = dialogue.context, await results.result(argument)
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
            target, message_id = context.chat_target, context.message_id
            await dialogue.messenger.replace_media(target, message_id, picture, *page)
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


_INLINE_TITLE_LENGTH = 60


async def handle_inline(
    query: InlineQuery,
    messenger: Messenger,
    policy: AccessPolicy,
    results: ResultStore,
    users: UserStore,
) -> None:
    """Offer the pictures whose prompts contain the query."""
    # An inline query expires after half a minute: failures are ignored.
    with suppress(TransientError):
        user_id = query.from_user.id
        profile = await users.profile(user_id)
        is_open = profile.is_allowed or policy.admits(user_id)
        is_admitted = is_open and (not profile.is_banned or policy.is_admin(user_id))
        ids = await results.history(user_id) if is_admitted else []
        wanted = query.query.strip().lower()
        found = [each for each in await results.results(ids) if wanted in each.words.lower()]
        language = profile.language_or(language_of(query.from_user.language_code))
        label = t(language, "inline_button")
        await messenger.answer_inline(query.id, [_offer(result) for result in found], label)


def _offer(result: Result) -> InlineQueryResultCachedPhoto | InlineQueryResultCachedDocument:
    caption = cut(result.caption, CAPTION_LIMIT)
    file_id = result.picture.file_id if result.picture else ""
    if result.picture and result.picture.is_file:
        title = (result.words or t(result.language, f"title_{result.operation}"))[
            :_INLINE_TITLE_LENGTH
        ]
        return InlineQueryResultCachedDocument(
            id=result.id, document_file_id=file_id, title=title, caption=caption
        )
    return InlineQueryResultCachedPhoto(id=result.id, photo_file_id=file_id, caption=caption)
