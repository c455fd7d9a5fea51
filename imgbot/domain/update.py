"""One update as sent by Telegram: any JSON object, not to be trusted."""

from collections.abc import Mapping, Sequence
from typing import Any

Update = Mapping[str, Any]

Deferred = tuple[str, int, Sequence[tuple[int, Update]]]
"""Chat, the time (ms) until which it waits, and its updates in order, each with the time (ms) at
which it was received."""


def chat_of(update: Update) -> int | str:
    """Return the key that orders updates: the chat, else the user, else the update alone."""
    for content in update.values():
        if not isinstance(content, Mapping):
            continue
        message = content.get("message") if "data" in content else content
        for holder in (message, content):
            chat = _id_in(holder, "chat")
            if chat is not None:
                return chat
        person = _id_in(content, "from")
        if person is not None:
            return person
    return f"update:{update.get('update_id')}"


def sender_of(update: Update) -> int | None:
    """Return the id of the user who caused an update."""
    senders = (_id_in(content, "from") for content in update.values())
    return next((sender for sender in senders if sender is not None), None)


def _id_in(holder: object, name: str) -> int | None:
    inner = holder.get(name) if isinstance(holder, Mapping) else None
    found = inner.get("id") if isinstance(inner, Mapping) else None
    return found if isinstance(found, int) else None


def is_payment(update: Update) -> bool:
    """True for a payment, or its refund: it must not be refused."""
    message = update.get("message")
    return isinstance(message, Mapping) and not _PAID.isdisjoint(message)


_PAID = frozenset({"successful_payment", "refunded_payment"})
_NOT_CHATTER = frozenset({"media_group_id", "migrate_to_chat_id", "ephemeral_message_id", *_PAID})
_SPOKEN_TO = frozenset({"mention", "bot_command", "text_mention"})


def is_group_chatter(update: Update) -> bool:
    """True if members of a group talk to each other: nothing in the update is for a bot."""
    message = update.get("message") or update.get("edited_message")
    if not isinstance(message, Mapping) or (_id_in(message, "chat") or 0) >= 0:
        return False
    if _is_answer(message) or not _NOT_CHATTER.isdisjoint(message):
        return False
    entities = message.get("entities") or message.get("caption_entities") or []
    return isinstance(entities, list) and not any(
        isinstance(entity, Mapping) and str(entity.get("type")) in _SPOKEN_TO for entity in entities
    )


def _is_answer(message: Mapping[str, Any]) -> bool:
    """True if a message is a reply; in a topic, replies to its first message do not count."""
    answered = message.get("reply_to_message")
    if not isinstance(answered, Mapping):
        return answered is not None
    is_beginning = answered.get("message_id") == message.get("message_thread_id")
    in_topic = message.get("is_topic_message") is True
    return not ("forum_topic_created" in answered or (in_topic and is_beginning))
