"""One update as Telegram sends it: any JSON object, not to be trusted."""

from collections.abc import Mapping
from typing import Any

Update = Mapping[str, Any]


def chat_of(update: Update) -> object:
    """Return what must stay in order: the chat, else the person, else the update alone."""
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
    return ("alone", update.get("update_id"))


def language_code_of(update: Update) -> str | None:
    """Return the language that the sender's Telegram speaks."""
    message = update.get("message")
    sender = message.get("from") if isinstance(message, Mapping) else None
    code = sender.get("language_code") if isinstance(sender, Mapping) else None
    return code if isinstance(code, str) else None


def _id_in(holder: object, name: str) -> int | None:
    inner = holder.get(name) if isinstance(holder, Mapping) else None
    found = inner.get("id") if isinstance(inner, Mapping) else None
    return found if isinstance(found, int) else None
