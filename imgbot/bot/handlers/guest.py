"""Guest mode: orders from chats that the bot is not in, and by inline mode's "draw it".

The answer is a placeholder, sent at once, as a query is open for seconds only. The job shows its
picture in the user's own chat with the bot, and then, by its file id, in place of the placeholder.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace

from aiogram.types import CallbackQuery, ChosenInlineResult, Message, Update, User

from imgbot.bot import requests
from imgbot.bot.app import App
from imgbot.bot.context import RequestContext
from imgbot.bot.dialogue import Dialogue
from imgbot.bot.handlers.start import CANCELLED
from imgbot.bot.messages import clean, prompt_of, target_photo, without_mention
from imgbot.domain.errors import TelegramRefusedError, UserError
from imgbot.domain.intents import ChatFacts, Intent, PendingQuestion, classify
from imgbot.domain.job import InputPhoto
from imgbot.domain.operations import PHOTO_ACTIONS, Operation
from imgbot.domain.texts import buttons, counted, language_of, t
from imgbot.storage.rate_limit import WAITED_OUT_S

DRAW = "draw"
"""Id of the inline result that orders a picture of the query."""

_OPEN_S = 10
"""Age of a mention that is not answered any more: its query is closed, or about to be."""

_LOST = "lost"
"""In place of the order of a placeholder: it has none, and gets none."""

_ORDERS = frozenset({Intent.CREATE, Intent.CHANGE, Intent.OPERATION})
_ABOUT_PHOTO = ChatFacts(has_picture=True, pending=PendingQuestion.CHANGE)
_REFUSED_EVERY_S = 3600

OpenDialogue = Callable[[RequestContext], AbstractAsyncContextManager[Dialogue]]


async def handle_guest(
    message: Message, update_id: int, app: App, open_dialogue: OpenDialogue
) -> None:
    """Answer a mention in a chat that the bot is not in, once, and order what it asks for."""
    if message.from_user is None or not message.guest_query_id:
        return
    context = await _context(message.from_user, update_id, app)
    inline_id = await app.users.choice(f"guest.{update_id}")
    if not inline_id:
        now_s = app.now_ms() / 1000 - app.messenger.clock_ahead_s
        is_closed = now_s - message.date.timestamp() > _OPEN_S
        inline_id = "" if is_closed else await _answer(message.guest_query_id, context, app)
        if not inline_id:
            return
        await app.users.choose_once(f"guest.{update_id}", inline_id)
    message = without_mention(message, app.identity.name)
    context = replace(context, inline_id=inline_id)
    await _serve(context, app, open_dialogue, lambda: (prompt_of(message), target_photo(message)))


async def _answer(query_id: str, context: RequestContext, app: App) -> str:
    """Send the placeholder, and return its id; empty if nothing is to be ordered."""
    text, rows = t(context.language, "guest_wait"), buttons.cancel_guest(context.language)
    refusal, told_for_s = await _refusal(context, app)
    if refusal:
        claim, text, rows = app.users.claim_notice, refusal, []
        if not await claim(context.user_id, "guest", context.request, told_for_s):
            return ""
    try:
        inline_id = await app.messenger.answer_guest(query_id, text, rows)
    except TelegramRefusedError:
        # Too old after all: what nobody would see is not ordered.
        return ""
    return "" if refusal else inline_id


async def _refusal(context: RequestContext, app: App) -> tuple[str, int]:
    """Return why a mention is refused, and for how many seconds that is told once only."""
    try:
        app.policy.check(context)
    except UserError:
        return t(context.language, "guest_refused"), _REFUSED_EVERY_S
    limit = await app.limit.peek(context.user_id)
    if limit.is_allowed or limit.wait_s <= WAITED_OUT_S:
        return "", 0
    wait = counted(context.language, "seconds", limit.wait_s)
    return t(context.language, "rate_limited", wait=wait, remaining=0), limit.wait_s


async def handle_chosen(
    chosen: ChosenInlineResult, update_id: int, app: App, open_dialogue: OpenDialogue
) -> None:
    """Order a picture of the words that were typed in inline mode."""
    if chosen.result_id != DRAW or not chosen.inline_message_id:
        return
    context = await _context(chosen.from_user, update_id, app)
    context = replace(context, inline_id=chosen.inline_message_id)
    await _serve(context, app, open_dialogue, lambda: (clean(chosen.query), None))


async def refuse_guest(update: Update, reason: str, app: App) -> None:
    """Tell in place of a placeholder, if there is one, that its order is not handled."""
    event = update.chosen_inline_result or update.guest_message
    if isinstance(event, ChosenInlineResult):
        inline_id = event.inline_message_id
    else:
        inline_id = await app.users.choice(f"guest.{update.update_id}")
    if event and event.from_user and inline_id:
        language = language_of(event.from_user.language_code)
        await app.messenger.edit_inline(inline_id, t(language, reason))


async def _context(user: User, update_id: int, app: App) -> RequestContext:
    """Return the context of an order as if the user had written it in their own chat."""
    profile = await app.users.profile(user.id, user.id)
    return RequestContext(
        update_id=update_id,
        user_id=user.id,
        chat_id=user.id,
        language=profile.language_or(language_of(user.language_code)),
        username=(user.username or "").lower(),
        profile=profile,
    )


async def _serve(
    context: RequestContext,
    app: App,
    open_dialogue: OpenDialogue,
    read: Callable[[], tuple[str, InputPhoto | None]],
) -> None:
    """Order what is asked for; a refusal takes the place of the placeholder."""
    is_stranger = not context.profile.seen_ms
    in_chat = context
    if is_stranger and app.store_chat:
        in_chat = replace(context, chat_id=app.store_chat, is_private=False)
    async with open_dialogue(in_chat) as dialogue:
        try:
            app.policy.check(context)
            if is_stranger:
                await _check_stranger(dialogue)
            await requests.check_rate_limit(dialogue)
            choice = f"inline.{context.inline_id}"
            if await app.users.choose_once(choice, context.request) != context.request:
                # Its button was pressed before there was an order.
                return
            await _enqueue(dialogue, *read())
            if is_stranger:
                await app.users.choose_once(f"stranger.{context.user_id}", context.request)
        except UserError as error:
            facts = {name: value for name, value in error.facts.items() if name != "wait_s"}
            await app.messenger.edit_inline(context.inline_id, dialogue.t(error.reason, **facts))


async def _check_stranger(dialogue: Dialogue) -> None:
    """Raise UserError for a user without a chat with the bot, but for one free picture a day."""
    app, context = dialogue.app, dialogue.context
    is_free = bool(app.store_chat) and app.policy.has_builtin_engine
    known = await app.users.choice(f"stranger.{context.user_id}") if is_free else "-"
    if known not in {"", context.request}:
        link = f"https://t.me/{app.identity.name}?start=guest"
        raise UserError("guest_stranger", link=link)


async def _enqueue(dialogue: Dialogue, prompt: str, photo: InputPhoto | None) -> None:
    """Order a sure request; there is nobody to ask about another one."""
    found = classify(prompt, _ABOUT_PHOTO if photo else ChatFacts())
    is_sure = found.is_sure and found.intent in _ORDERS
    if photo is None:
        if not (is_sure and found.intent is Intent.CREATE):
            raise UserError("guest_words", name=dialogue.app.identity.name)
        await requests.create(dialogue, prompt)
        return
    operation = Operation.EDIT
    if found.intent is Intent.OPERATION and found.operation in PHOTO_ACTIONS:
        operation = found.operation
    elif not prompt or not is_sure:
        raise UserError("guest_words", name=dialogue.app.identity.name)
    await requests.order(dialogue, operation, prompt, (photo,), scale=found.scale or 2)


async def on_guest_callback(callback: CallbackQuery, app: App) -> None:
    """Cancel the order under whose placeholder the button is; without one there will be none.

    There is none, too, if the answer of Telegram that named the placeholder was lost.
    """
    inline_id = callback.inline_message_id or ""
    job_id = await app.users.choose_once(f"inline.{inline_id}", _LOST)
    verdict = await app.queue.cancel(job_id, callback.from_user.id, app.now_ms())
    profile = await app.users.profile(callback.from_user.id)
    language = profile.language_or(language_of(callback.from_user.language_code))
    if job_id == _LOST:
        await app.messenger.edit_inline(inline_id, t(language, "guest_lost"))
    await app.messenger.answer_callback(callback.id, t(language, CANCELLED[verdict]))
