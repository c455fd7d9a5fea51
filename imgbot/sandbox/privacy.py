"""Privacy mode: visibility of a group's messages to a bot."""

from imgbot.sandbox.chats import Chat, Json, Post
from imgbot.sandbox.entities import covered


def is_for_bot(chat: Chat, post: Post, bot: Json) -> bool:
    """Return True if the bot gets a user's message.

    In a group with privacy mode: commands, replies to the bot and to commands for it, and messages
    sent via it. A mere mention is not among them, whatever BotFather says (Bot FAQ "What messages
    will my bot get?"; HKUDS/nanobot#449, telegramdesktop/tdesktop#2117).
    """
    if chat.is_private or chat.is_channel or chat.hears_all:
        return True
    message = post.message
    if message.get("via_bot", {}).get("id") == bot["id"]:
        return True
    replied = message.get("reply_to_message")
    if replied and (_author_id(replied) == bot["id"] or _has_command(replied, bot)):
        return True
    return _has_command(message, bot)


def _author_id(message: Json) -> int:
    return message.get("from", {}).get("id", 0)


def _has_command(message: Json, bot: Json) -> bool:
    """Return True if the message has a command for this bot, or for any bot."""
    name = "@" + bot["username"].lower()
    text = message.get("text") or message.get("caption") or ""
    for entity in message.get("entities") or message.get("caption_entities") or []:
        part = covered(text, entity).lower()
        if entity["type"] == "bot_command" and ("@" not in part or part.endswith(name)):
            return True
    return False
