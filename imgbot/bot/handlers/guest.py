"""Guest mode: orders from chats that the bot is not in, and by inline mode's "draw it".

The answer is a placeholder, sent at once, as a query is open for seconds only. The job shows its
picture in the user's own chat with the bot, and then, by its file id, in place of the placeholder.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace

from aiogram.types import CallbackQuery, ChosenInlineResult, Message, User

from imgbot.bot import requests
from imgbot.bot.app import App
from imgbot.bot.context import RequestContext
from imgbot.bot.dialogue import Dialogue
from imgbot.bot.handlers.start import CANCELLED
from imgbot.bot.messages import photo_of, prompt_of, replied_picture_of, without_mention
from imgbot.domain.errors import TelegramRefusedError, UserError
from imgbot.domain.intents import ChatFacts, Intent, PendingQuestion, classify
from imgbot.domain.job import InputPhoto
from imgbot.domain.operations import PHOTO_ACTIONS, Operation
from imgbot.domain.texts import buttons, language_of, t
from imgbot.storage.users import UserProfile

DRAW = "draw"
"""Id of the inline result that orders a picture of the query."""

_OPEN_S = 10
"""Age of a mention that is not answered any more: its query is closed, or about to be."""

_ABOUT_PHOTO = ChatFacts(has_picture=True, pending=PendingQuestion.CHANGE)

OpenDialogue = Callable[[RequestContext], AbstractAsyncContextManager[Dialogue]]


async def handle_guest(
    message: Message, update_id: int, app: App, open_dialogue: OpenDialogue
) -> None:
    """Answer a mention in a chat that the bot is not in, once, and order what it asks for."""
    user, query_id = message.from_user, message.guest_query_id
    if user is None or not query_id:
        return
    profile = await app.users.profile(user.id, user.id)
    language = profile.language_or(language_of(user.language_code))
    inline_id = await app.users.choice(f"guest.{update_id}")
    if not inline_id:
        if app.now_ms() / 1000 - message.date.timestamp() > _OPEN_S:
            return
        try:
            rows = buttons.cancel_guest(language)
            inline_id = await app.messenger.answer_guest(query_id, t(language, "guest_wait"), rows)
        except TelegramRefusedError:
            # Too old after all: what nobody would see is not ordered.
            return
        await app.users.choose_once(f"guest.{update_id}", inline_id)
    message = without_mention(message, app.identity.name)
    photo = replied_picture_of(message) or photo_of(message)
    order = _order(user, update_id, inline_id, profile, language)
    await _serve(order, app, open_dialogue, prompt_of(message), photo)


async def handle_chosen(
    chosen: ChosenInlineResult, update_id: int, app: App, open_dialogue: OpenDialogue
) -> None:
    """Order a picture of the words that were typed in inline mode."""
    user, inline_id = chosen.from_user, chosen.inline_message_id
    if chosen.result_id != DRAW or not inline_id:
        return
    profile = await app.users.profile(user.id, user.id)
    language = profile.language_or(language_of(user.language_code))
    order = _order(user, update_id, inline_id, profile, language)
    await _serve(order, app, open_dialogue, chosen.query.strip(), None)


def _order(
    user: User, update_id: int, inline_id: str, profile: UserProfile, language: str
) -> RequestContext:
    """Return the context of an order as if the user had written it in their own chat."""
    # The placeholder becomes one picture.
    single = replace(profile, preferences=replace(profile.preferences, variants=1))
    return RequestContext(
        update_id=update_id,
        user_id=user.id,
        chat_id=user.id,
        language=language,
        username=(user.username or "").lower(),
        profile=single,
        inline_id=inline_id,
    )


async def _serve(
    context: RequestContext,
    app: App,
    open_dialogue: OpenDialogue,
    prompt: str,
    photo: InputPhoto | None,
) -> None:
    """Order what is asked for; a refusal takes the place of the placeholder."""
    is_stranger = not context.profile.seen_ms
    if is_stranger and app.store_chat:
        context = replace(context, chat_id=app.store_chat, is_private=False)
    async with open_dialogue(context) as dialogue:
        try:
            app.policy.check(context)
            if is_stranger:
                await _check_stranger(dialogue)
            await app.users.choose_once(f"inline.{context.inline_id}", context.request)
            await requests.check_rate_limit(dialogue)
            await _enqueue(dialogue, prompt, photo)
        except UserError as error:
            facts = {name: value for name, value in error.facts.items() if name != "wait_s"}
            await app.messenger.edit_inline(context.inline_id, dialogue.t(error.reason, **facts))


async def _check_stranger(dialogue: Dialogue) -> None:
    """Raise UserError for who never opened the bot: one picture that costs nothing is theirs."""
    app, context = dialogue.app, dialogue.context
    link = f"https://t.me/{app.identity.name}?start=guest"
    is_free = bool(app.store_chat) and app.policy.has_builtin_engine
    known = await app.users.choice(f"stranger.{context.user_id}") if is_free else "-"
    if known not in {"", context.request}:
        raise UserError("guest_stranger", link=link)
    await app.users.choose_once(f"stranger.{context.user_id}", context.request)


async def _enqueue(dialogue: Dialogue, prompt: str, photo: InputPhoto | None) -> None:
    if photo is None:
        await requests.create(dialogue, prompt)
        return
    found = classify(prompt, _ABOUT_PHOTO)
    operation = Operation.EDIT
    if found.intent is Intent.OPERATION and found.operation in PHOTO_ACTIONS:
        operation = found.operation
    elif not prompt:
        raise UserError("guest_words")
    await requests.order(dialogue, operation, prompt, (photo,), scale=found.scale or 2)


async def on_guest_callback(callback: CallbackQuery, app: App) -> None:
    """Cancel the order under whose placeholder the button is."""
    job_id = await app.users.choice(f"inline.{callback.inline_message_id}")
    verdict = await app.queue.cancel(job_id, callback.from_user.id, app.now_ms())
    language = language_of(callback.from_user.language_code)
    await app.messenger.answer_callback(callback.id, t(language, CANCELLED[verdict]))
