"""Router: chooses the handler of an update, and admits its user."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from aiogram import Bot
from aiogram.types import CallbackQuery, Message, Update

from imgbot.bot.commands import ChatCommand, CommandTable, HandledAction, PressHandler
from imgbot.bot.context import RequestContext, context_from_event
from imgbot.bot.conversation import Conversation
from imgbot.bot.dialogue import RESEND, Alert, Dialogue, Dialogues, OpenDialogue, Resend
from imgbot.bot.handlers.start import GeneralHandlers, handle_edited, handle_unsupported
from imgbot.bot.messages import (
    UNREADABLE,
    BotIdentity,
    addressee_of,
    asked_about,
    command_of,
    presses_in,
    text_after,
    without_mention,
)
from imgbot.bot.policy import AccessPolicy, Visits
from imgbot.bot.requests import Requests
from imgbot.domain.buttons import ButtonAction, action_in
from imgbot.domain.errors import ChatMovedError, StorageFullError, UserError
from imgbot.storage.users import UserStore

Event = Message | CallbackQuery


async def on_unknown_callback(*_: object) -> str:
    return "unknown_button"


async def _refuse(reason: str, _: Dialogue) -> None:
    raise UserError(reason)


def _has_button(callback: CallbackQuery) -> bool:
    """Return true if the message has the button: a client can press what no message shows.

    True if Telegram no longer tells what is in the message: then it is not changed, either.
    """
    message = callback.message
    return not isinstance(message, Message) or callback.data in presses_in(message)


FeatureUpdates = Callable[[Update, str, OpenDialogue], Awaitable[None]]
"""Handler of updates of a feature; takes an update, the reason for which requests are
refused, if any, and what opens a dialogue.
"""

MessageRoute = Callable[[Message], Awaitable[ChatCommand | None]]
"""Choice of a feature for a message, before the commands; None for one that is not its own."""

KeptHandler = Callable[[Mapping[str, Any], int, Dialogue], Awaitable[None]]
"""Handler of a request that was refused at a time (ms), by what was kept of it."""

INLINE_CALLBACK = "inline_callback"
"""Kind of a press under a message that the bot has sent by inline mode."""

_EDITED = ChatCommand("", handle_edited)
_UNSUPPORTED = ChatCommand("", handle_unsupported)
_NO_ACTION = ButtonAction("", is_repeatable=True), on_unknown_callback
_TAP_S = 3


@dataclass(frozen=True, slots=True)
class _Handling:
    """Handling of an update: what is done, and how it is opened."""

    event: Event
    work: Callable[[Dialogue], Awaitable[None]]
    kept: Mapping[str, Any] | None = None
    """The whole message as received, if it is a request by itself."""
    is_open: bool = False
    """True if also those who are not admitted may call it."""
    is_uncounted: bool = False
    is_for_admins: bool = False
    """True if its text names others: it does not show the language of its sender."""


@dataclass(frozen=True, slots=True)
class Router:
    """Chooses what handles a message, or a press."""

    identity: BotIdentity
    policy: AccessPolicy
    general: GeneralHandlers
    conversation: Conversation
    message_routes: Sequence[MessageRoute]

    async def chosen(self, message: Message) -> ChatCommand | None:
        """Return what a message calls: what a feature chooses, a command, or what it contains."""
        for route in self.message_routes:
            if command := await route(message):
                return command
        if command := self._listed_command(message):
            return command
        return self._request_in(message) if self.identity.is_addressed(message) else None

    def _listed_command(self, message: Message) -> ChatCommand | None:
        if addressee_of(message) not in {"", self.identity.name.lower()}:
            return None
        command = self.general.table.command(command_of(message), text_after(message))
        if command is None or (command.is_private and message.chat.type != "private"):
            return None
        return command if not command.is_for_admins or self._is_by_admin(message) else None

    def action(self, name: str, callback: CallbackQuery) -> HandledAction:
        found = self.general.table.action(name)
        if found is None or (found[0].is_for_admins and not self._is_by_admin(callback)):
            return _NO_ACTION
        return found

    def _is_by_admin(self, event: Event) -> bool:
        return event.from_user is not None and self.policy.is_admin(event.from_user.id)

    def _request_in(self, message: Message) -> ChatCommand | None:
        """Return what a message without a command asks for, by its content."""
        if message.text:
            is_command = message.text.startswith("/")
            handler = self.general.handle_unknown_command
            return ChatCommand("", handler if is_command else self.conversation.handle_text)
        # Telegram reports a GIF twice: as the converted video, and as a document.
        if message.photo or (message.document and not message.animation):
            return ChatCommand("", self.conversation.handle_picture)
        return _UNSUPPORTED if message.content_type in UNREADABLE else None


@dataclass(frozen=True, slots=True)
class UpdateHandler:
    """Handles updates, one at a time for each user in a chat."""

    router: Router
    visits: Visits
    requests: Requests
    users: UserStore
    dialogues: Dialogues
    bot: Bot
    feature_updates: Mapping[str, FeatureUpdates]
    """Handlers by kind of update, see `_kind_of`."""
    kept_handlers: Mapping[str, KeptHandler]
    """Handlers by a name that is in what was kept."""
    words_of: Callable[[Message], Awaitable[str]] | None
    """Returns the words of a message that a feature has heard."""

    def add_to(self, table: CommandTable) -> None:
        table.add((RESEND, self._handle_again))

    async def handle(self, raw: Mapping[str, Any], refusal: str = "") -> None:
        """Handle an update; if it is for the bot and has a `refusal`, only tell that."""
        update = Update.model_validate(raw, context={"bot": self.bot})
        if handler := self.feature_updates.get(_kind_of(update, raw)):
            await handler(update, refusal, self.dialogues.open)
            return
        event = update.message or update.edited_message or update.callback_query
        context = context_from_event(event, update.update_id) if event else None
        handling = await self._handling_of(update, raw) if context else None
        if context is None or handling is None:
            return
        if refusal:
            handling = replace(handling, work=partial(_refuse, refusal), is_open=False)
        try:
            await self._serve(handling, context)
        except ChatMovedError as moved:
            # Handling is safe to repeat, as an update may be; now in the supergroup.
            await self._serve(handling, context.with_chat(moved.chat_id))

    async def _handling_of(self, update: Update, raw: Mapping[str, Any]) -> _Handling | None:
        """Return how an update is handled; None if it is for somebody else in a group."""
        if callback := update.callback_query:
            name, argument = action_in(callback.data)
            action, handler = self.router.action(name, callback)
            work = partial(self._press, action, handler, argument, callback)
            return _Handling(callback, work, is_open=action.is_open)
        message, identity = update.message or update.edited_message, self.router.identity
        if message is None:
            return None
        if identity.is_account(message.via_bot) and (message.text or not update.message):
            # A placeholder of inline mode, or its end.
            return None
        command = await self.router.chosen(message) if update.message else _edited(message)
        if command is None:
            return None
        message = without_mention(message, identity.name)
        is_whole = update.message is not None and not command.is_part
        work = partial(command.handler, message)
        flags = command.is_open, command.is_uncounted, command.is_for_admins
        return _Handling(message, work, raw if is_whole else None, *flags)

    async def _serve(self, handling: _Handling, context: RequestContext) -> None:
        """Handle an update in a dialogue, for a user who is admitted."""
        event, kept = handling.event, handling.kept
        profile = await self.users.profile(context.user_id, context.chat_id)
        context, callback_id = context.with_profile(profile), ""
        if isinstance(event, CallbackQuery):
            callback_id = event.id
        elif event.forward_origin is None and not handling.is_for_admins:
            context = context.with_text(event.text or event.caption or "")
        async with self.dialogues.open(context, callback_id, kept) as dialogue:
            try:
                is_open, stored = handling.is_open, profile.written
                if not await self.visits.admit(event, dialogue, stored, is_open=is_open):
                    return
                if isinstance(event, Message) and not handling.is_uncounted:
                    await self.requests.count_command(event, dialogue)
                await handling.work(dialogue)
            except StorageFullError:
                raise UserError("storage_full") from None

    async def _press(
        self,
        action: ButtonAction,
        handler: PressHandler,
        argument: str,
        callback: CallbackQuery,
        dialogue: Dialogue,
    ) -> None:
        """Do what a button says, and answer the callback."""
        key: str | Alert | Resend = "tapped_already"
        if not _has_button(callback):
            key = "stale_button"
        elif action.is_repeatable or await self._is_first(dialogue.context, callback):
            parts = action.parse(argument, dialogue.user_id)
            key = await handler(await self._with_words(callback), *parts, dialogue)
        if isinstance(key, Resend):
            key = await self._handle_again(callback, key.update_id, key.dialogue)
        is_alert = isinstance(key, Alert)
        text = key.text if is_alert else dialogue.t(key) if key else ""
        await dialogue.messenger.answer_callback(callback.id, text, is_alert=is_alert)

    async def _with_words(self, callback: CallbackQuery) -> CallbackQuery:
        """Return a press with the words of the voice message that its question replies to."""
        shown, asked = callback.message, asked_about(callback)
        if self.words_of is None or asked is None or not asked.voice:
            return callback
        heard = asked.model_copy(update={"text": await self.words_of(asked)})
        shown = shown.model_copy(update={"reply_to_message": heard}) if shown else None
        return callback.model_copy(update={"message": shown})

    async def _handle_again(self, _: CallbackQuery, update_id: int, dialogue: Dialogue) -> str:
        """Handle a message that was refused, as the update that it was: it orders once."""
        found = await self.users.refused(dialogue.user_id, update_id)
        if found is None:
            return "request_gone"
        at_ms, kept = found
        own = (handler for name, handler in self.kept_handlers.items() if name in kept)
        handle = next(own, self._handle_message_again)
        await handle(kept, at_ms, dialogue)
        await self.users.drop_refused(dialogue.user_id, update_id)
        await dialogue.remove_panel()
        return "accepted_short"

    async def _handle_message_again(
        self, raw: Mapping[str, Any], at_ms: int, dialogue: Dialogue
    ) -> None:
        update = Update.model_validate(raw, context={"bot": self.bot})
        message = update.message
        context = context_from_event(message, update.update_id) if message else None
        command = await self.router.chosen(message) if message else None
        if message is None or context is None or command is None:
            raise UserError("request_gone")
        context = replace(context.with_profile(dialogue.context.profile), as_of_ms=at_ms)
        again = replace(dialogue, context=context)
        await command.handler(without_mention(message, self.router.identity.name), again)

    async def _is_first(self, context: RequestContext, callback: CallbackQuery) -> bool:
        """Return false for a second press within seconds, or below what was answered."""
        if await self.users.choice(context.answered) not in {"", context.request}:
            return False
        tap = f"tap.{context.pressed}.{callback.data}"
        return await self.users.is_first(tap, context.request, _TAP_S)


def _kind_of(update: Update, raw: Mapping[str, Any]) -> str:
    """Return the kind of an update, or the content of a message: `text`, `successful_payment`."""
    if update.message:
        return update.message.content_type
    if update.callback_query and update.callback_query.inline_message_id:
        return INLINE_CALLBACK
    return next((name for name in raw if name != "update_id"), "")


def _edited(message: Message) -> ChatCommand | None:
    is_request = message.chat.type == "private" and (message.text or message.caption)
    return _EDITED if is_request else None
