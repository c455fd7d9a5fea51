"""Dialogue: the answers to one update, and questions of the bot, kept in Redis for a day.

Buttons stay valid all that time, as they name their action. Text and photos count as an answer
for fifteen minutes only: later ones may mean something else, and must not be paid for.
"""

import asyncio
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from enum import Enum, StrEnum, auto
from functools import partial
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from aiogram.fsm.context import FSMContext
from aiogram.fsm.storage.base import DefaultKeyBuilder, StorageKey
from aiogram.fsm.storage.redis import RedisStorage
from aiogram.types import Message, User

from imgbot.bot.context import NowMs, RequestContext
from imgbot.bot.messages import BotIdentity
from imgbot.domain.buttons import ButtonAction, Keyboard, Presser
from imgbot.domain.errors import (
    UNRELATED,
    ChatGoneError,
    ChatMovedError,
    ImgbotError,
    MessageGoneError,
    StorageFullError,
    StorageUnavailableError,
    TelegramRefusedError,
    TransientError,
    UserError,
)
from imgbot.domain.job import InputPhoto, Job, Request
from imgbot.domain.operations import PHOTO_ACTIONS, Operation
from imgbot.domain.result_buttons import ResultButton
from imgbot.domain.texts import has_text, t
from imgbot.domain.words.chat import ChatState
from imgbot.domain.words.reading import Ask, Reading, WordReader
from imgbot.storage import keys
from imgbot.storage.holds import HoldsOf
from imgbot.storage.job_codec import pack, unpack
from imgbot.storage.users import EPHEMERAL, UserStore
from imgbot.telegram.messenger import ANSWER_LIMIT, ChatTarget, Messenger, cut
from imgbot.telegram.rate_limiter import max_wait
from imgbot.telegram.session import SentMessage
from imgbot.telemetry import metrics

_TTL_S = 86_400
EXPIRY_S = 900
_ASKED_S = "asked_s"
_ASKED_BY = "asked_by"
"""Request that led to the question."""

_ASKED_AFTER = "asked_after"
"""Newest message known to have been sent before the question."""

_PANEL = "panel"
"""Newest message with the question's buttons; an earlier copy may be shown above it."""

_EPHEMERAL = "ephemeral"
"""Ephemeral messages with the question's buttons, the newest last."""

_EPHEMERAL_KEPT = 8

_THROTTLE_S = {
    **dict.fromkeys(("not_allowed", "banned"), 3600),
    "edited_message": 600,
    "too_fast": 60,
    "anonymous": 15,
}
"""Seconds between two reports of errors that a user can cause many times in a row."""

_FOR_NOW_S = 15
"""The same for those that are for now."""

_FOR_NOW = frozenset({"rate_limited", "queue_full", "too_many_waiting", "paused", "paused_words"})


def _is_for_now(reason: str) -> bool:
    """Return true if it says nothing against the message, which may be handled again later."""
    return reason in _FOR_NOW or reason.removesuffix("_openly").endswith("_used_up")


class Question(StrEnum):
    """Questions of the bot, by the state that is stored; the rest is in `PHOTO_STATES`."""

    CREATE_WORDS = "Ask:create_words"
    EDIT_WORDS = "Ask:edit_words"
    MERGE_PHOTOS = "Ask:merge_photos"
    UPSCALE_SCALE = "Ask:upscale_scale"
    PHOTO_ACTION = "Ask:photo_action"
    WHICH = "Ask:which"


PHOTO_STATES: Mapping[Operation, str] = {each: f"Ask:{each}_photo" for each in PHOTO_ACTIONS}
"""State in which an operation waits for its photo."""

ABOUT_A_PHOTO = frozenset(Question) - {Question.CREATE_WORDS, Question.WHICH}
"""Questions whose text answer would be taken for a new prompt once they have expired."""


class Audience(Enum):
    """Audience of an answer in a group."""

    ALL = auto()
    ASKER = auto()
    """The user alone, where the group allows that; else all."""


@dataclass(frozen=True, slots=True)
class Alert:
    """Answer to a callback that stays until it is closed."""

    text: str


RESEND = ButtonAction("resend", (Presser, int))
"""Handle a refused message again."""


@dataclass(frozen=True, slots=True)
class Resend:
    """Answer to a press: handle a refused message again, as a button of `RESEND` does."""

    update_id: int
    dialogue: "Dialogue"


@dataclass(frozen=True, slots=True)
class Draft:
    """Order before it is stored."""

    operation: Operation
    prompt: str
    model: str | None
    """Model of a picture that is made again; None for a new one."""
    made: Job | None = None
    """Job of the picture that it changes; None for the user's own."""


@dataclass(frozen=True, slots=True)
class OrderRule:
    """Rule of a feature for requests, before their jobs are stored; pure."""

    photos: Callable[[Operation, str, InputPhoto], tuple[InputPhoto, ...]] = (
        lambda _operation, _prompt, photo: (photo,)
    )
    """Photos that are ordered for the one that a prompt is about."""
    may_become: Callable[[Request], Sequence[Operation]] = lambda _: ()
    """Operations that a request with several photos may turn out to ask for; the dearest is what
    is held."""
    is_prompt: Callable[[str], bool] = lambda _: False
    """True for words that ask for something only where the photo comes with another one."""

    def takes_another(self, operation: Operation, prompt: str, photo: InputPhoto | None) -> bool:
        """Return true if another photo is ordered with the one that the prompt is about."""
        return photo is not None and len(self.photos(operation, prompt, photo)) > 1


async def _free(*_: object) -> None: ...


@dataclass(frozen=True, slots=True)
class Payment:
    """Payment by users, of a feature; without one, nothing costs them anything."""

    price_of: Callable[[int, Operation, int], str] = lambda *_: ""
    """Price of an order in words, by user, operation and price in micro-dollars; empty for none."""
    receipt: Callable[[int, str], str] = lambda *_: ""
    """Sentence of a receipt on so many units that were paid for a picture, in a language."""
    take: Callable[["Dialogue", str, int], Awaitable[None]] = _free
    """Takes so many units, such as Stars, for a thing by its name, once in a request of a dialogue.

    Raises UserError if they have less.
    """
    terms: Callable[["Dialogue"], str] = lambda _: ""
    """Sentence on what is free for a user, and what the rest costs; empty where all is free."""


@dataclass(frozen=True, slots=True)
class Additions:
    """Parts that features add to dialogues; each is optional."""

    prompt_takers: Sequence[Callable[[str, "Dialogue"], Awaitable[bool]]] = ()
    """Handlers of the prompt of a text; each says whether it has taken it."""
    picture_takers: Sequence[Callable[[Message, "Dialogue"], Awaitable[bool]]] = ()
    """Handlers of a picture that no question of the core asks for, before it is taken for a new
    one; each says whether it has taken it."""
    word_readers: Sequence[WordReader] = ()
    """Rows of the reader of words, behind the history."""
    answers: Mapping[str, "MessageHandler"] = field(default_factory=dict)
    """Answers to questions and commands in words, by topic, in place of those of the core."""
    refusal_rows: Mapping[str, Callable[["Dialogue", int, UserError], Keyboard]] = field(
        default_factory=dict
    )
    """Buttons under a refusal, by its text's key; with the id of the update that was refused, if
    it is kept to be handled again, else 0."""
    before_order: Sequence[Callable[["Draft", "Dialogue"], "Draft"]] = ()
    """Changes of an order before it is stored; UserError refuses it, and nothing is held."""
    on_admitted: Sequence[Callable[[Job, "Dialogue"], Awaitable[None]]] = ()
    """Called once with each job that was admitted."""
    settings_rows: Sequence[Callable[[str, int], Keyboard]] = ()
    """Rows below those of /settings, in a language, for a user."""
    payment: Payment | None = None
    """How users pay; of one feature alone."""
    holds: Sequence[HoldsOf] = ()
    """Rows that a job holds until its end, by its price; read at its admission and its order."""
    receipt_notes: Sequence[Callable[[Job, str], str]] = ()
    """Lines about a result for its receipt, in a language; nothing for none."""
    result_buttons: Sequence[ResultButton] = ()
    photo_buttons: Sequence[ButtonAction] = ()
    """Actions of buttons under a photo that was sent without a prompt."""
    decide_unsure: Callable[[int, str, ChatState, Ask], Awaitable[Reading]] | None = None
    """Reads a text again where another meaning is possible (`doubted`); of one feature alone."""
    order_rule: OrderRule | None = None
    """What is made of a request before its job is stored; of one feature alone."""


@dataclass(frozen=True, slots=True)
class Dialogue:
    """Dialogue with one user while one update is handled: what was asked and answered."""

    context: RequestContext
    state: FSMContext
    messenger: Messenger
    users: UserStore
    identity: BotIdentity
    now_ms: NowMs
    is_by_admin: bool = False
    callback_id: str = ""
    """Id of the callback that is handled; empty for a message."""
    update: Mapping[str, Any] | None = None
    """Message that is handled, as received, or what a feature keeps of several; else None."""
    added: Additions = Additions()

    @property
    def language(self) -> str:
        return self.context.language

    @property
    def user_id(self) -> int:
        return self.context.user_id

    @property
    def order_rule(self) -> OrderRule:
        return self.added.order_rule or OrderRule()

    @property
    def payment(self) -> Payment:
        return self.added.payment or Payment()

    def t(self, key: str, /, **facts: str | int | float) -> str:
        """Return a sentence in the user's language."""
        return t(self.language, key, **facts)

    async def say(
        self,
        text: str,
        rows: Keyboard | None = None,
        to: Audience = Audience.ALL,
        *,
        about: int = 0,
        copied: str = "",
    ) -> int:
        """Answer with a text, in reply to the message `about`, if given; a tap copies `copied`.

        Returns the id of a message that all see, else 0.
        """
        target = self._target(about)
        if to is Audience.ASKER:
            return (await self._send_to_asker(target, text, rows or [])).message_id
        return await self.messenger.send_text(target, text, rows or [], copied=copied)

    async def ask(
        self, text: str, question: str = "", rows: Keyboard | None = None, **data: Any
    ) -> None:
        """Ask, and wait for the answer to `question`, in text or by a button.

        Without `question`, the buttons act on the user's text, to which they reply.
        """
        if question:
            await self.expect(question, **data)
        else:
            self.refuse_while_paused()
            if self.context.chat_target.ephemeral_id:
                # Telegram need not tell, with the press, which ephemeral message was replied to.
                raise UserError("say_openly")
        if rows is None:
            await self._ask_for_reply(text)
            return
        target = self._target(0 if question else self.context.message_id)
        sent = await self._send_to_asker(target, text, rows)
        if question:
            await self.state.update_data({_PANEL: sent.message_id})
        if sent.ephemeral_id:
            known = (await self.state.get_data()).get(_EPHEMERAL, [])
            kept = [*known, sent.ephemeral_id][-_EPHEMERAL_KEPT:]
            await self.state.update_data({_EPHEMERAL: kept})

    async def _ask_for_reply(self, text: str) -> None:
        """Answer with a question; in a group only a reply to it is an answer.

        All see it, as they see the answer, unless the user's own message is ephemeral.
        """
        context, target, called = self.context, self.context.chat_target, None
        if target.ephemeral_id and await self._send_ephemeral(
            target, text, [], asks_for_reply=True
        ):
            return
        if context.pressed_by and not context.is_private:
            # It replies to the bot's own message then: only a mention tells which user is asked.
            text = self.t("ask_by_name", name=context.pressed_by, question=text)
            called = User(id=context.user_id, is_bot=False, first_name=context.pressed_by)
        await self.messenger.send_text(
            target, text, [], asks_for_reply=not context.is_private, called=called
        )

    def _target(self, about: int) -> ChatTarget:
        """Return the target of an answer, in reply to a message in a private chat, too."""
        target = self.context.chat_target
        return replace(target, reply_to=about) if about else target

    async def _send_to_asker(self, target: ChatTarget, text: str, rows: Keyboard) -> SentMessage:
        """Send a message so that nobody else in a group sees it, or else as always."""
        if sent := await self._send_ephemeral(target, text, rows):
            return sent
        return SentMessage(await self.messenger.send_text(target, text, rows))

    async def _send_ephemeral(
        self, target: ChatTarget, text: str, rows: Keyboard, *, asks_for_reply: bool = False
    ) -> SentMessage | None:
        """Send a message that only the user sees; None in a chat that does not allow it.

        What answers neither a press nor an ephemeral message is for administrators of the group:
        if the bot is none, that is remembered for a while.
        """
        chat_id = self.context.chat_id
        if self.context.is_private or self.context.is_anonymous:
            return None
        is_answer = bool(self.callback_id or target.ephemeral_id)
        # Without Redis, a message is told to all rather than not at all.
        with suppress(StorageUnavailableError):
            if not is_answer and await self.users.is_forbidden(chat_id, EPHEMERAL):
                return None
        try:
            sent = await self.messenger.send_ephemeral(
                target, text, rows, self.user_id, self.callback_id, asks_for_reply=asks_for_reply
            )
        except MessageGoneError:
            return None
        if sent is None and not is_answer:
            with suppress(StorageUnavailableError):
                await self.users.note_forbidden(chat_id, EPHEMERAL)
        return sent

    def refuse_while_paused(self) -> None:
        """Raise UserError for a request that is not taken at present, and is not asked about."""
        profile = self.context.profile
        if profile.is_paused and not self.is_by_admin:
            metrics.admissions.labels("paused").inc()
            raise paused_error(profile.paused_words)

    def openly(self, reason: str) -> str:
        """Return the key of a sentence, or of the one for what others may read, if there is one."""
        key = f"{reason}_openly"
        return key if self.context.is_shown_to_others and has_text(key) else reason

    async def refuse(self, error: UserError) -> None:
        """Report an error; repetitions of the same error are throttled."""
        reason = self.openly(error.reason)
        text, has_rows = self.t(reason, **error.facts), reason in self.added.refusal_rows
        if self.callback_id and (_is_for_now(reason) or not has_rows):
            await self.messenger.answer_callback(self.callback_id, text)
        elif await self._should_report(reason, int(error.facts.get("wait_s", 0))):
            await self.say(text, await self._rows_under(reason, error), Audience.ASKER)
            if self.callback_id:
                await self.messenger.answer_callback(self.callback_id, "")

    async def _rows_under(self, reason: str, error: UserError) -> Keyboard:
        """Return the buttons of a refusal; one for now is handled again, but for a day's limit.

        Of what is sold, more may be bought at once.
        """
        rows_of = self.added.refusal_rows
        own_rows = rows_of.get(reason)
        is_soon = reason in _FOR_NOW or reason.removesuffix("_openly") in rows_of
        is_repeatable = _is_for_now(reason) and is_soon
        is_kept = (is_repeatable or own_rows is not None) and await self._is_kept()
        update_id = self.context.update_id if is_kept else 0
        rows = own_rows(self, update_id, error) if own_rows else []
        if is_repeatable and is_kept:
            rows.append([RESEND.button(self.language, self.user_id, update_id, key="retry")])
        return rows

    async def _is_kept(self) -> bool:
        """Keep the message that is handled, for a button; False if there is none."""
        if self.update is None:
            return False
        with suppress(StorageFullError):
            await self.users.keep_refused(self.user_id, self.update, self.now_ms())
            return True
        return False

    async def once(self, choice: str, value: str) -> str:
        """Return the value chosen first for this update, which may be handled again."""
        return await self.users.once(f"{choice}.{self.context.request}", value)

    async def answer_privately(self, text: str) -> str | Alert:
        """Answer so that nobody else sees it at all; return the answer to the press."""
        context, messenger = self.context, self.messenger
        if context.is_private:
            target = replace(context.chat_target, reply_to=context.message_id)
            await messenger.send_text(target, text, [])
            return ""
        if self.callback_id and cut(text, ANSWER_LIMIT) == text:
            return Alert(text)
        target = replace(context.chat_target, reply_to=0)
        if sent := await self._send_ephemeral(target, text, []):
            if sent.ephemeral_id:
                return ""
            await messenger.remove(target, sent.message_id)
        try:
            await messenger.send_text(ChatTarget(self.user_id), text, [])
        except ChatGoneError:
            # They have never opened the bot.
            raise UserError("told_nowhere", name=self.identity.name) from None
        if not self.callback_id:
            await self.say(self.t("told_alone"))
        return "told_alone"

    async def _should_report(self, reason: str, wait_s: int) -> bool:
        context = self.context
        throttle_s = _THROTTLE_S.get(reason, _FOR_NOW_S if _is_for_now(reason) else None)
        if throttle_s is None:
            return True
        notice = f"said.{context.user_id}.{reason}.{context.chat_id}"
        return await self.users.is_first(notice, context.request, wait_s or throttle_s)

    async def edit(
        self, text: str, rows: Keyboard, message_id: int = 0, *, is_needed: bool = True
    ) -> bool:
        """Edit an earlier answer, else the message whose button was pressed; False if it is gone.

        An edit that is not needed and cannot be made at once is dropped; for an earlier answer
        that has to be edited, TransientError is raised. A press may be repeated.
        """
        edited, wait_s = message_id or self.context.message_id, 10.0 if is_needed else 1.0
        try:
            with max_wait(wait_s):
                if self.context.ephemeral_id and not message_id:
                    await self._edit_ephemeral(text, rows)
                elif edited:
                    target = self.context.chat_target
                    await self.messenger.edit_text(target, edited, text, rows)
        except MessageGoneError:
            return False
        except TransientError:
            if message_id and is_needed:
                raise
        return True

    async def _edit_ephemeral(self, text: str, rows: Keyboard) -> None:
        """Edit the ephemeral message whose button was pressed; send it anew if it is gone."""
        context = self.context
        try:
            await self.messenger.edit_ephemeral(
                context.chat_id, self.user_id, context.ephemeral_id, text, rows
            )
        except (MessageGoneError, TelegramRefusedError):
            await self.say(text, rows, Audience.ASKER)

    async def remove_panel(self) -> None:
        """Remove the message whose button was pressed; one that stays takes no other press."""
        context, messenger = self.context, self.messenger
        try:
            if context.ephemeral_id:
                await messenger.remove_ephemeral(
                    context.chat_id, self.user_id, context.ephemeral_id
                )
            else:
                await messenger.remove(context.chat_target, context.message_id)
        except ImgbotError:
            # It would order a second time.
            await self.users.once(context.answered, context.request)

    async def send(
        self,
        picture: InputPhoto | Path,
        caption: str,
        rows: Keyboard | None = None,
        *,
        name: str = "",
    ) -> InputPhoto | None:
        """Answer with a picture, a file as a document; return it as Telegram stored it."""
        target = self.context.chat_target
        return await self.messenger.send_picture(target, picture, caption, rows or [], name=name)

    async def illustrate(self, illustration: Path, caption: str, rows: Keyboard) -> None:
        """Answer with a photo that ships with the program."""
        target = self.context.chat_target
        await self.messenger.send_illustration(target, illustration, caption, rows)

    async def expect(self, question: str, **data: Any) -> None:
        """Wait for the answer to `question`, dropping any earlier dialogue."""
        self.refuse_while_paused()
        context, earlier = self.context, await self.state.get_data()
        after = max(context.message_id, earlier.get(_PANEL, 0))
        if context.ephemeral_id and not context.message_id:
            # It has no place among the messages that all see: none of them counts as later.
            after = sys.maxsize
        if earlier.get(_ASKED_BY) == context.request:
            # Asked again, as the response to the first copy was lost: both copies stay valid.
            after = earlier[_ASKED_AFTER]
        asked = {_ASKED_S: time.time(), _ASKED_BY: context.request, _ASKED_AFTER: after}
        await self.state.set_state(str(question))
        await self.state.set_data({**asked, **data})

    async def extend(self, **data: Any) -> None:
        """Store a part of the answer, and restart the time limit for the rest."""
        await self.state.update_data({_ASKED_S: time.time(), **data})

    async def question(self) -> tuple[str, str]:
        """Return the state of the question that a message answers, and that of an expired one."""
        asked = await self.state.get_state() or ""
        data = await self.state.get_data() if asked else {}
        if self.context.as_of_ms and int(data.get(_ASKED_BY, 0)) > self.context.update_id:
            # It was asked after the message, which is handled again.
            return "", ""
        asked_s = data.get(_ASKED_S)
        is_expired = asked_s is not None and self.context.sent_s - asked_s > EXPIRY_S
        return ("", asked) if is_expired else (asked, "")

    async def close(self, question: str) -> None:
        """Close a question that was answered, unless it was asked anew."""
        is_open = await self.state.get_state() == question
        if is_open and (await self.state.get_data()).get(_ASKED_BY) != self.context.request:
            await self.state.clear()

    async def may_be_question(self, message_id: int) -> bool:
        """Return true for a message that was sent after what led to the open question."""
        after = (await self.state.get_data()).get(_ASKED_AFTER, 0)
        return message_id > after or after == sys.maxsize

    async def is_asking(self, question: str) -> bool:
        """Return true if the button that was pressed belongs to this question.

        The same question about earlier photos may still be shown above.
        """
        data = await self.state.get_data()
        is_open = await self.state.get_state() == question
        if self.context.ephemeral_id:
            return is_open and self.context.ephemeral_id in data.get(_EPHEMERAL, [])
        after = data.get(_ASKED_AFTER, 0)
        is_newest = 0 < self.context.message_id == data.get(_PANEL)
        return is_open and (is_newest or self.context.message_id > after)

    async def photos(self) -> tuple[InputPhoto, ...]:
        return unpack((await self.state.get_data()).get("sources", []))

    async def photo(self) -> InputPhoto | None:
        """Return the one picture that the dialogue is about, if there is one yet."""
        return next(iter(await self.photos()), None)

    def in_reply_to(self, message_id: int) -> "Dialogue":
        """Return the dialogue with its orders shown in reply to that message."""
        return replace(self, context=replace(self.context, message_id=message_id))


MessageHandler = Callable[[Message, Dialogue], Awaitable[None]]
OpenDialogue = Callable[[RequestContext], AbstractAsyncContextManager[Dialogue]]
"""Opens a dialogue, which is closed behind its block."""


class Dialogues:
    """Opens dialogues, whose states are in `redis`, a client of redis.asyncio."""

    def __init__(
        self,
        redis: Any,
        messenger: Messenger,
        users: UserStore,
        identity: BotIdentity,
        is_admin: Callable[[int], bool],
        now_ms: NowMs,
        added: Additions | None = None,
    ) -> None:
        key_builder = DefaultKeyBuilder(prefix=keys.DIALOGUE)
        self._states = RedisStorage(
            redis, key_builder=key_builder, state_ttl=_TTL_S, data_ttl=_TTL_S
        )
        self._locks = WeakValueDictionary[str, asyncio.Lock]()
        self._bot_id = identity.id
        self._is_admin = is_admin
        self._dialogue = partial(
            Dialogue,
            messenger=messenger,
            users=users,
            identity=identity,
            now_ms=now_ms,
            added=added or Additions(),
        )

    @asynccontextmanager
    async def open(
        self,
        context: RequestContext,
        callback_id: str = "",
        update: Mapping[str, Any] | None = None,
    ) -> AsyncGenerator[Dialogue]:
        """Open a dialogue, one at a time for each user in a topic; report why it is refused.

        Raises the errors of the block but UserError; the user is told of a failure.
        """
        # Messages are serialised, and with them what features make of several.
        lock = self._locks.setdefault(context.user_key, asyncio.Lock())
        thread_id = context.thread_id or None
        key = StorageKey(self._bot_id, context.chat_id, context.user_id, thread_id)
        state = FSMContext(self._states, key)
        is_by_admin = self._is_admin(context.user_id)
        dialogue = self._dialogue(
            context, state, is_by_admin=is_by_admin, callback_id=callback_id, update=update
        )
        try:
            async with lock:
                try:
                    yield dialogue
                except UserError as error:
                    await dialogue.refuse(error)
        except (*UNRELATED, ChatMovedError):
            raise
        except Exception:
            # The caller sets the request aside; the user must not wait in vain.
            with suppress(ImgbotError):
                await dialogue.refuse(UserError("went_wrong"))
            raise


def paused_error(notice: str) -> UserError:
    """Return the error shown for requests while the bot is paused."""
    return UserError("paused_words", words=notice) if notice else UserError("paused")


def to_state_data(*photos: InputPhoto) -> list[list[str | int]]:
    return [pack(photo) for photo in photos]
