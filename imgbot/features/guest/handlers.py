"""Guest mode and inline mode: pictures offered and ordered in chats that the bot is not in.

The answer is a placeholder, sent at once, as a query is open for seconds only. The job shows its
picture in the user's own chat with the bot, and then, by its file id, in place of the placeholder.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from aiogram.types import (
    CallbackQuery,
    ChosenInlineResult,
    InlineQuery,
    InlineQueryResultArticle,
    InlineQueryResultCachedDocument,
    InlineQueryResultCachedPhoto,
    InlineQueryResultUnion,
    InputTextMessageContent,
    Message,
    Update,
    User,
)

from imgbot.bot.context import NowMs, RequestContext
from imgbot.bot.dialogue import Dialogue, OpenDialogue
from imgbot.bot.handlers.account import AccountHandlers
from imgbot.bot.messages import BotIdentity, clean, prompt_of, target_photo, without_mention
from imgbot.bot.policy import AccessPolicy, note_seen
from imgbot.bot.requests import Requests
from imgbot.bot.router import INLINE_CALLBACK
from imgbot.domain.buttons import Keyboard
from imgbot.domain.errors import ChatGoneError, TelegramRefusedError, TransientError, UserError
from imgbot.domain.intents import Intent
from imgbot.domain.job import InputPhoto, Job, with_changes
from imgbot.domain.operations import PHOTO_ACTIONS, Operation
from imgbot.domain.result_buttons import CANCEL
from imgbot.domain.texts import counted, language_of, t
from imgbot.domain.words import read
from imgbot.domain.words.chat import ABOUT_PHOTO, ChatState
from imgbot.domain.words.reading import Order
from imgbot.jobs.captions import success_caption
from imgbot.jobs.hooks import AfterShown, Hooks, ShownEnd
from imgbot.storage.rate_limit import WAITED_OUT_S
from imgbot.storage.results import ResultStore
from imgbot.storage.stats import QueueStats
from imgbot.storage.users import UserStore
from imgbot.telegram.messenger import CAPTION_LIMIT, ChatTarget, Messenger, cut, keyboard

_DRAW = "draw"
"""Id of the inline result that orders a picture of the query."""

_WORDS = 60
"""Characters of a request that are repeated to name it."""

_OPEN_S = 10
"""Age of a mention that is not answered any more: its query is closed, or about to be."""

_LOST = "lost"
"""In place of the order of a placeholder: it has none, and gets none."""

_STRANGER = "guest_stranger"
_REFUSED_EVERY_S, _TOLD_EVERY_S = 3600, 60


KINDS = (INLINE_CALLBACK, "inline_query", "chosen_inline_result", "guest_message")
"""Kinds of updates from chats that the bot is not in."""


@dataclass(frozen=True, slots=True)
class GuestHandlers:
    """Handlers of updates from chats that the bot is not in."""

    identity: BotIdentity
    messenger: Messenger
    policy: AccessPolicy
    requests: Requests
    account: AccountHandlers
    now_ms: NowMs
    users: UserStore
    results: ResultStore
    stats: QueueStats

    async def handle_update(
        self, update: Update, refusal: str, open_dialogue: OpenDialogue
    ) -> None:
        """Handle an update from a chat that the bot is not in."""
        press, chosen = update.callback_query, update.chosen_inline_result
        if press and press.inline_message_id:
            await self._cancel(press, update.update_id)
        elif update.inline_query:
            if not refusal:
                await self._handle_inline(update.inline_query, update.update_id)
        elif refusal and (chosen or update.guest_message):
            await self._refuse(update, refusal)
        elif chosen:
            await self._handle_chosen(chosen, update.update_id, open_dialogue)
        elif update.guest_message:
            await self._handle_mention(update.guest_message, update.update_id, open_dialogue)

    async def _handle_mention(
        self, message: Message, update_id: int, open_dialogue: OpenDialogue
    ) -> None:
        """Answer a mention in a chat that the bot is not in, once, and order what it asks for."""
        if message.from_user is None or not message.guest_query_id:
            return
        context = await self._context(message.from_user, update_id)
        inline_id = await self.users.choice(f"guest.{update_id}")
        if not inline_id:
            inline_id = await self._answer(message, context)
            if not inline_id:
                return
            await self.users.once(f"guest.{update_id}", inline_id)
        message = without_mention(message, self.identity.name)
        context = replace(context, inline_id=inline_id)
        await self._serve(
            context, open_dialogue, lambda: (prompt_of(message), target_photo(message))
        )

    async def _answer(self, message: Message, context: RequestContext) -> str:
        """Send the placeholder, and return its id; empty if nothing is to be ordered."""
        now_s = self.now_ms() / 1000 - self.messenger.clock_ahead_s
        is_open = now_s - message.date.timestamp() <= _OPEN_S
        text = t(context.language, "guest_wait")
        rows = cancel_button(context.language, context.user_id)
        refusal, silent_s = await self._refusal(context)
        if refusal:
            text, rows, notice = refusal, [], f"said.{context.user_id}.guest"
            if is_open and not await self.users.is_first(notice, context.request, silent_s):
                return ""
        inline_id = ""
        with suppress(TelegramRefusedError):
            if is_open:
                inline_id = await self.messenger.answer_guest(
                    message.guest_query_id or "", text, rows
                )
        if not inline_id and self._is_admitted(context):
            # It is too old, or the response to an earlier answer was lost.
            await self._tell_unanswered(message, context)
        return "" if refusal else inline_id

    async def _tell_unanswered(self, message: Message, context: RequestContext) -> None:
        """Tell in the user's own chat, at most once a minute, that a mention orders nothing."""
        words = (message.text or message.caption or "")[:_WORDS]
        notice = f"said.{context.user_id}.unanswered"
        if await self.users.is_first(notice, context.request, _TOLD_EVERY_S):
            text = t(context.language, "guest_unanswered", words=words)
            with suppress(ChatGoneError):
                await self.messenger.send_text(ChatTarget(context.user_id), text, [])

    async def _refusal(self, context: RequestContext) -> tuple[str, int]:
        """Return why a mention is refused, and the seconds in which that is shown once only."""
        try:
            self._check(context)
        except UserError as error:
            if error.reason == _STRANGER:
                return t(context.language, _STRANGER, **error.facts), _TOLD_EVERY_S
            return t(context.language, "guest_refused"), _REFUSED_EVERY_S
        limit = await self.requests.limit.peek(context.user_id)
        if limit.is_allowed or limit.wait_s <= WAITED_OUT_S:
            return "", 0
        wait = counted(context.language, "seconds", limit.wait_s)
        return t(context.language, "rate_limited", wait=wait, remaining=0), limit.wait_s

    async def _handle_inline(self, query: InlineQuery, update_id: int) -> None:
        """Offer the pictures whose prompts contain the query."""
        # An inline query expires after half a minute: failures are ignored.
        with suppress(TransientError):
            context = await self._context(query.from_user, update_id)
            is_admitted = self._is_admitted(context)
            found = await self.results.history(context.user_id) if is_admitted else []
            # An inline result cannot be hidden.
            shown = [
                each
                for each in await self.results.results(found)
                if each.picture and not each.picture.is_hidden
            ]
            wanted = query.query.strip().lower()
            offers: list[InlineQueryResultUnion] = [
                _offer(each) for each in shown if wanted in each.request.prompt.lower()
            ]
            if wanted and is_admitted and query.chat_type != "sender":  # there it is shown anyway
                offers.insert(0, _draw_offer(query.query.strip(), context))
            await self.messenger.answer_inline(
                query.id, offers, t(context.language, "inline_button")
            )

    async def _handle_chosen(
        self, chosen: ChosenInlineResult, update_id: int, open_dialogue: OpenDialogue
    ) -> None:
        """Order a picture of the words that were typed in inline mode."""
        if chosen.result_id != _DRAW or not chosen.inline_message_id:
            return
        context = await self._context(chosen.from_user, update_id)
        context = replace(context, inline_id=chosen.inline_message_id)
        await self._serve(context, open_dialogue, lambda: (clean(chosen.query), None))

    async def _refuse(self, update: Update, reason: str) -> None:
        """Tell in place of a placeholder, if there is one, that its order is not handled."""
        event = update.chosen_inline_result or update.guest_message
        if isinstance(event, ChosenInlineResult):
            inline_id = event.inline_message_id
        else:
            inline_id = await self.users.choice(f"guest.{update.update_id}")
        if event and event.from_user and inline_id:
            language = language_of(event.from_user.language_code)
            await self.messenger.edit_inline(inline_id, t(language, reason))

    async def _context(self, user: User, update_id: int) -> RequestContext:
        """Return the context of an order as if the user had written it in their own chat."""
        profile = await self.users.profile(user.id, user.id)
        return RequestContext(
            update_id=update_id,
            user_id=user.id,
            chat_id=user.id,
            language=profile.language_or(language_of(user.language_code)),
            username=(user.username or "").lower(),
            profile=profile,
        )

    def _check(self, context: RequestContext) -> None:
        """Raise UserError for a user who is not admitted, or to whom the bot may not write yet."""
        self.policy.check(context)
        if not context.profile.seen_ms:
            raise UserError(_STRANGER, link=f"https://t.me/{self.identity.name}?start=guest")

    def _is_admitted(self, context: RequestContext) -> bool:
        with suppress(UserError):
            self._check(context)
            return True
        return False

    async def _serve(
        self,
        context: RequestContext,
        open_dialogue: OpenDialogue,
        read: Callable[[], tuple[str, InputPhoto | None]],
    ) -> None:
        """Order what is asked for; a refusal takes the place of the placeholder."""
        async with open_dialogue(context) as dialogue:
            try:
                self._check(context)
                await note_seen(context, self.users, self.stats, self.now_ms())
                await self.requests.check_rate_limit(dialogue)
                choice = _choice(context, context.inline_id)
                if await self.users.once(choice, context.request) != context.request:
                    # Its button was pressed before there was an order.
                    return
                await self._enqueue(dialogue, *read())
            except UserError as error:
                facts = {name: value for name, value in error.facts.items() if name != "wait_s"}
                await self.messenger.edit_inline(
                    context.inline_id, dialogue.t(error.reason, **facts)
                )

    async def _enqueue(self, dialogue: Dialogue, prompt: str, photo: InputPhoto | None) -> None:
        """Order a sure request; there is nobody to ask about another one."""
        found = read(prompt, ABOUT_PHOTO if photo else ChatState())
        order = found if isinstance(found, Order) else None
        if photo is None:
            if order is None or order.intent is not Intent.CREATE:
                raise UserError("guest_words", name=self.identity.name)
            await self.requests.create(dialogue, prompt)
            return
        if order is None or not prompt:
            raise UserError("guest_words", name=self.identity.name)
        asked = order.operation if order.operation in PHOTO_ACTIONS else None
        operation, scale = asked or Operation.EDIT, order.scale or 2
        await self.requests.order(dialogue, operation, prompt, (photo,), scale=scale)

    async def _cancel(self, callback: CallbackQuery, update_id: int) -> None:
        """Cancel the order under whose placeholder the button is; without one there will be none.

        There is none, too, if the answer of Telegram that named the placeholder was lost.
        """
        context = await self._context(callback.from_user, update_id)
        inline_id = callback.inline_message_id or ""
        owner = (callback.data or "").rpartition(".")[2]
        job_id = await self.users.once(_choice(context, inline_id), _LOST)
        key = await self.account.cancel(job_id, context.user_id, self.now_ms())
        if job_id == _LOST and owner == str(context.user_id):
            await self.messenger.edit_inline(inline_id, t(context.language, "guest_lost"))
        elif job_id == _LOST and owner.isdecimal():
            key = "not_your_button"
        await self.messenger.answer_callback(callback.id, t(context.language, key))


def _draw_offer(words: str, context: RequestContext) -> InlineQueryResultArticle:
    """Offer to draw the words; without a button, Telegram would not tell which message it is."""
    language = context.language
    return InlineQueryResultArticle(
        id=_DRAW,
        title=t(language, "inline_draw"),
        description=words[:_WORDS],
        input_message_content=InputTextMessageContent(message_text=t(language, "guest_wait")),
        reply_markup=keyboard(cancel_button(language, context.user_id)),
    )


def _offer(result: Job) -> InlineQueryResultCachedPhoto | InlineQueryResultCachedDocument:
    caption = cut(result.progress.caption, CAPTION_LIMIT)
    file_id = result.picture.file_id if result.picture else ""
    if not (result.picture and result.picture.is_file):
        return InlineQueryResultCachedPhoto(id=result.id, photo_file_id=file_id, caption=caption)
    request = result.request
    title = request.prompt or t(request.language, f"title_{request.operation}")
    return InlineQueryResultCachedDocument(
        id=result.id,
        document_file_id=file_id,
        title=title[:_WORDS],
        caption=caption,
    )


def _choice(context: RequestContext, inline_id: str) -> str:
    """Name the choice between the order and the cancellation of a placeholder, of this user.

    Everybody in its chat can press its button, and forge what the button says of its user.
    """
    return f"inline.{context.user_id}.{inline_id}"


def cancel_button(language: str, user_id: int) -> Keyboard:
    """Button under the placeholder in a chat that the bot is not in."""
    return [[CANCEL.button(language, "inline", user_id)]]


def delivery_hooks(messenger: Messenger) -> Hooks:
    """Return the hooks that show the end of a job in the inline message that asked for it."""

    async def show(shown: ShownEnd) -> None:
        """Show a picture by the file that was uploaded, or a text; may be repeated."""
        job = shown.job
        inline_id, language = job.request.inline_id, job.request.language
        caption = success_caption(with_changes(job, note=""))
        picture = next(iter(job.progress.shown), None)
        if picture and await messenger.edit_inline(inline_id, caption, picture):
            return
        # Where its chat takes no pictures, that says where it is.
        await messenger.edit_inline(inline_id, shown.failure or t(language, "guest_ready"))

    return Hooks(after_shown=(AfterShown(lambda job, _: bool(job.request.inline_id), show),))
