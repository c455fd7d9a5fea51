"""Life cycle of chats: groups, privacy, blocks, migration, closing."""

from typing import Annotated, Literal

from pydantic import Field

from imgbot.sandbox.api_errors import ApiError, bad_request, forbidden
from imgbot.sandbox.entities import covered
from imgbot.sandbox.state import Chat, Json, Post, SandboxError, SandboxState

# The account that stands for an anonymous administrator.
_GROUP_ANONYMOUS_BOT: Json = {
    "id": 1_087_968_824,
    "is_bot": True,
    "first_name": "Group",
    "username": "GroupAnonymousBot",
}
_MEMBER: Json = {"status": "member"}
_LEFT: Json = {"status": "left"}
_KICKED: Json = {"status": "kicked", "until_date": 0}
_RIGHTS = (
    "can_delete_messages can_manage_video_chats can_restrict_members can_promote_members"
    " can_change_info can_invite_users can_post_stories can_edit_stories can_delete_stories"
    " can_send_welcome_messages"
)
_ADMINISTRATOR: Json = {
    "status": "administrator",
    "can_be_edited": False,
    "is_anonymous": False,
    **dict.fromkeys(_RIGHTS.split(), False),
    "can_manage_chat": True,
}
_REFUSALS = {
    ("deleted", "private"): bad_request("chat not found"),
    ("deleted", "group"): forbidden("the group chat was deleted"),
    ("deleted", "supergroup"): bad_request("chat not found"),
    ("kicked", "group"): forbidden("bot was kicked from the group chat"),
    ("kicked", "supergroup"): forbidden("bot was kicked from the supergroup chat"),
    ("deactivated", "private"): forbidden("user is deactivated"),
}
"""Refusals of a closed chat, by reason and type."""

GroupKind = Literal["group", "supergroup"]


class Membership:
    """Changes the relation of the bot to its chats, and notifies the bot."""

    def __init__(self, state: SandboxState) -> None:
        self._state = state

    def found(
        self,
        title: str,
        members: list[int],
        kind: Annotated[GroupKind, Field(alias="type")] = "supergroup",
        *,
        is_forum: bool = False,
        is_foreign: bool = False,
    ) -> Chat:
        """Create a chat of users and the bot; one that is foreign has no bot in it."""
        chat = self._state.add_group(kind, title, members)
        if is_foreign:
            chat.is_foreign = True
            self._show(chat)
            return chat
        if is_forum:
            chat.info["is_forum"] = True
        self._notify(chat, members[0], _LEFT, _MEMBER)
        self._show(chat)
        return chat

    def block(self, chat_id: int, user_id: int, *, blocked: bool = True) -> Json:
        chat = self._state.chat(chat_id)
        if chat.is_blocked != blocked:
            chat.is_blocked = blocked
            old, new = (_MEMBER, _KICKED) if blocked else (_KICKED, _MEMBER)
            self._notify(chat, user_id, old, new)
        return {"blocked": blocked}

    def set_privacy(self, chat_id: int, *, on: bool = True) -> Chat:
        """Set privacy mode in a group, as if the bot was added after BotFather's /setprivacy."""
        chat = self._state.chat(chat_id)
        chat.hears_all = not on
        self._show(chat)
        return chat

    def promote(self, chat_id: int, *, on: bool = True) -> Chat:
        """Make the bot an administrator of the group, who hears everything, or no longer."""
        chat = self._state.chat(chat_id)
        if chat.is_private:
            raise SandboxError("a private chat has no administrators")
        if chat.is_admin != on:
            chat.is_admin = on
            old, new = (_MEMBER, _ADMINISTRATOR) if on else (_ADMINISTRATOR, _MEMBER)
            self._notify(chat, chat.members[0], old, new)
            self._show(chat)
        return chat

    def migrate(self, chat_id: int) -> Chat:
        """Turn a basic group into a supergroup with another id."""
        chat = self._state.chat(chat_id)
        successor = self._state.add_group("supergroup", chat.info["title"], chat.members)
        successor.hears_all, successor.is_admin = chat.hears_all, chat.is_admin
        founder = self._state.users[chat.members[0]]
        service = {"migrate_to_chat_id": successor.id}
        farewell = self._state.add_post(chat, founder, service)
        chat.is_over = True
        chat.refusal = ApiError(
            400, "Bad Request: group chat was upgraded to a supergroup chat", service
        )
        arrival = {"sender_chat": successor.info, "migrate_from_chat_id": chat.id}
        first = self._state.add_post(successor, _GROUP_ANONYMOUS_BOT, arrival)
        for post in (farewell, first):
            self._state.updates.add("message", post.message)
        self._show(chat)
        self._show(successor)
        return successor

    def close(self, chat_id: int, reason: str = "deleted") -> Chat:
        """Close a chat for the bot: "deleted", "kicked" or "deactivated"."""
        chat = self._state.chat(chat_id)
        chat.refusal = _REFUSALS.get((reason, chat.info["type"]))
        if chat.refusal is None:
            raise SandboxError(f"a {chat.info['type']} chat cannot be {reason}")
        chat.is_over = reason != "kicked"
        if reason == "kicked":
            self._notify(chat, chat.members[0], _MEMBER, _KICKED)
        self._show(chat)
        return chat

    def _show(self, chat: Chat) -> None:
        """Publish the chat's present state to watchers."""
        self._state.events.publish("chat", chat_id=chat.id, chat=chat.view())

    def _notify(self, chat: Chat, user_id: int, old: Json, new: Json) -> None:
        bot = {"user": self._state.bot}
        self._state.updates.add(
            "my_chat_member",
            {
                "chat": chat.info,
                "from": self._state.users[user_id],
                "date": int(self._state.now()),
                "old_chat_member": bot | old,
                "new_chat_member": bot | new,
            },
        )


def hears(chat: Chat, post: Post, bot: Json) -> bool:
    """Return true if the bot gets a user's message.

    In a group with privacy mode: commands, replies to the bot and to commands for it, and messages
    sent via it. A mere mention is not among them, despite BotFather (Bot FAQ "What messages
    will my bot get?"; HKUDS/nanobot#449, telegramdesktop/tdesktop#2117).
    """
    if chat.is_private or chat.hears_all or chat.is_admin:
        return True
    message = post.message
    if message.get("via_bot", {}).get("id") == bot["id"]:
        return True
    replied = message.get("reply_to_message")
    is_to_bot = replied and replied.get("from", {}).get("id") == bot["id"]
    if replied and (is_to_bot or _has_command(replied, bot)):
        return True
    return _has_command(message, bot)


def mentions(message: Json, bot: Json) -> bool:
    """Return true if a message names the bot."""
    text = message.get("text") or message.get("caption") or ""
    return f"@{bot['username']}".lower() in text.lower().split()


def _has_command(message: Json, bot: Json) -> bool:
    """Return true if the message has a command for this bot, or for any bot."""
    name = "@" + bot["username"].lower()
    text = message.get("text") or message.get("caption") or ""
    for entity in message.get("entities") or message.get("caption_entities") or []:
        part = covered(text, entity).lower()
        if entity["type"] == "bot_command" and ("@" not in part or part.endswith(name)):
            return True
    return False
