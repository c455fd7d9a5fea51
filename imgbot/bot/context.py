"""Request context: one update as the handlers see it, with its user and its chat."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from aiogram.types import CallbackQuery, Message

from imgbot.bot.messages import shown_name
from imgbot.domain.preferences import Preferences
from imgbot.domain.texts import language_after, language_of
from imgbot.storage.users import UserProfile
from imgbot.telegram.messenger import ChatTarget

_ANONYMOUS_ADMIN_ID = 1087968824
_AS_CHANNEL_ID = 136817688
_LINKED_CHANNEL_ID = 777000
"""Accounts that Telegram reports as sender for a group or a channel (Bot API, `from`)."""

NowMs = Callable[[], int]
"""Clock of the storage, in milliseconds."""


@dataclass(frozen=True, slots=True)
class RequestContext:
    """User, chat and message of an update.

    `pressed_by` is the name of the user who pressed a button: then the message is the bot's own.
    """

    update_id: int
    user_id: int
    chat_id: int
    language: str
    thread_id: int = 0
    message_id: int = 0
    is_private: bool = True
    pressed_by: str = ""
    username: str = ""
    """The user's @name, in lower case."""
    name: str = ""
    """The user's first and last name, as `shown_name` returns them."""
    sent_s: int = 0
    """Time the message was sent, by Telegram's clock; 0 for a callback."""
    profile: UserProfile = field(default_factory=UserProfile)
    inline_id: str = ""
    """Inline message that the picture is shown in as well, by its file id."""
    as_of_ms: int = 0
    """Time as of which "this picture" is meant, if the message is handled again; else 0."""
    ephemeral_id: int = 0
    """Id of the message if only the user sees it, else 0; its `message_id` is 0, or that of the
    message which it replies to."""

    @property
    def request(self) -> str:
        """Id of the request that begins with this update, for counting it once."""
        return str(self.update_id)

    @property
    def preferences(self) -> Preferences:
        return self.profile.preferences

    @property
    def user_key(self) -> str:
        """Key of this user in this chat and topic."""
        place = self.place if self.thread_id else self.chat_id
        return f"{place}.{self.user_id}"

    @property
    def place(self) -> str:
        """This chat and topic, as they are part of a key."""
        return f"{self.chat_id}.{self.thread_id}"

    @property
    def pressed(self) -> str:
        """Message whose button this user has pressed, as it is part of a key."""
        shown = f"e{self.ephemeral_id}" if self.ephemeral_id else self.message_id
        return f"{self.chat_id}.{self.user_id}.{shown}"

    @property
    def answered(self) -> str:
        """Name under which it is noted that this message was answered and has stayed."""
        return f"said.{self.user_id}.answered.{self.pressed}"

    @property
    def is_shown_to_others(self) -> bool:
        """True if others may read the answer."""
        return not self.is_private or bool(self.inline_id)

    @property
    def is_anonymous(self) -> bool:
        """True if several users may share this account."""
        return self.user_id in {_ANONYMOUS_ADMIN_ID, _AS_CHANNEL_ID, _LINKED_CHANNEL_ID}

    @property
    def chat_target(self) -> ChatTarget:
        """Target of the answer; in a group it must show which user it is for."""
        reply_to = 0 if self.is_private else self.message_id
        # A pressed one is the bot's own: it is the press that is answered.
        ephemeral_id = 0 if self.pressed_by else self.ephemeral_id
        return ChatTarget(self.chat_id, self.thread_id, reply_to, ephemeral_id)

    def with_chat(self, chat_id: int) -> "RequestContext":
        """Return the context in the supergroup that its group became, without its messages."""
        return replace(self, chat_id=chat_id, thread_id=0, message_id=0, ephemeral_id=0)

    def with_profile(self, profile: UserProfile) -> "RequestContext":
        return replace(self, profile=profile, language=profile.language_or(self.language))

    def with_text(self, text: str) -> "RequestContext":
        """Return the context in the language of the user's texts, this one included."""
        written = language_after(self.profile.written, text)
        return self.with_profile(replace(self.profile, written=written))


def context_from_event(event: Message | CallbackQuery, update_id: int) -> RequestContext | None:
    """Return the context, or None if the update was not sent by a user of this chat."""
    message = event.message if isinstance(event, CallbackQuery) else event
    if event.from_user is None or message is None:
        return None
    context = RequestContext(
        update_id=update_id,
        user_id=event.from_user.id,
        chat_id=message.chat.id,
        language=language_of(event.from_user.language_code),
        is_private=message.chat.type == "private",
        username=(event.from_user.username or "").lower(),
        name=shown_name(event.from_user),
        pressed_by=event.from_user.first_name if isinstance(event, CallbackQuery) else "",
        sent_s=int(event.date.timestamp()) if isinstance(event, Message) else 0,
    )
    # Of one that is inaccessible only the id is known: nothing replies to it, nor changes it.
    return _in_place(context, message) if isinstance(message, Message) else context


def _in_place(context: RequestContext, message: Message) -> RequestContext:
    """Return the context with its message, in its topic."""
    # What an answer for all can reply to.
    replied = message.reply_to_message if message.ephemeral_message_id else None
    thread_id = message.message_thread_id if message.is_topic_message else None
    return replace(
        context,
        thread_id=thread_id or 0,
        message_id=(replied or message).message_id,
        ephemeral_id=message.ephemeral_message_id or 0,
    )
