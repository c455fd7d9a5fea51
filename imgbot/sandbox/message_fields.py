"""Parts of a message from a call's parameters: text, caption, reply, topic, keyboard."""

import re
from collections.abc import Mapping
from typing import Any

from imgbot.sandbox.api_errors import bad_request
from imgbot.sandbox.arguments import Arguments, Json, as_text
from imgbot.sandbox.chats import Chat, Post
from imgbot.sandbox.entities import trimmed, with_found
from imgbot.sandbox.keyboards import force_reply, reply_markup
from imgbot.sandbox.markdown import MarkdownParser, MarkdownV2Parser
from imgbot.sandbox.markup import HtmlParser, utf16_length
from imgbot.sandbox.parameters import unknown_fields
from imgbot.sandbox.state import SandboxState

_TEXT_LIMIT = 4096
_CAPTION_LIMIT = 1024
_QUOTE_LIMIT = 1024
_PLACEHOLDER_LIMIT = 64
_PARSERS: Mapping[str, type[HtmlParser | MarkdownParser | MarkdownV2Parser]] = {
    "html": HtmlParser,
    "markdown": MarkdownParser,
    "markdownv2": MarkdownV2Parser,
}


class Contents:
    """Reads the parts of a message from one call."""

    def __init__(self, world: SandboxState, arguments: Arguments) -> None:
        self._world = world
        self._arguments = arguments

    def note_fields(self, kind: str, given: Json) -> None:
        """Record fields that the Bot API does not know; Telegram would ignore them."""
        for name in unknown_fields(kind, given):
            self._world.calls.violation(
                f"unknown field {name} of {kind} in {self._arguments.method}"
            )

    def text(self) -> Json:
        text, entities = self._formatted(self._arguments.values, "text", "entities")
        if not text:
            raise bad_request("message text is empty")
        if utf16_length(text) > _TEXT_LIMIT:
            # Edits get the server's own word for it.
            is_edit = self._arguments.method.startswith("edit")
            raise bad_request("MESSAGE_TOO_LONG" if is_edit else "message is too long")
        part: Json = {"text": text}
        if entities:
            part["entities"] = entities
        options = self._arguments.json_object("link_preview_options", "link preview options")
        if options:
            self.note_fields("LinkPreviewOptions", options)
            part["link_preview_options"] = options
        return part

    def caption(self, given: Mapping[str, Any] | None = None) -> Json:
        """Return the caption of the call, or of one item of its media."""
        values = (
            self._arguments.values
            if given is None
            else {name: as_text(value) for name, value in given.items()}
        )
        text, entities = self._formatted(values, "caption", "caption_entities")
        if utf16_length(text) > _CAPTION_LIMIT:
            raise bad_request("message caption is too long")
        part: Json = {}
        if text:
            part["caption"] = text
        if entities:
            part["caption_entities"] = entities
        if text and values.get("show_caption_above_media", "").lower() == "true":
            part["show_caption_above_media"] = True
        return part

    def keyboard(self, *, only_inline: bool = False) -> Json:
        markup = reply_markup(self._arguments, self.note_fields, only_inline=only_inline)
        return {"reply_markup": markup} if markup else {}

    def force_reply(self) -> Json | None:
        """Return the client part of a ForceReply; the message itself does not carry it."""
        asked = force_reply(self._arguments)
        if asked and len(asked["placeholder"]) > _PLACEHOLDER_LIMIT:
            # UNVERIFIED: whether Telegram refuses it or cuts it; the documentation says 1 to 64.
            self._world.calls.violation("input_field_placeholder of more than 64 characters")
        return asked

    def head(self, chat: Chat) -> Json:
        """Return topic, reply and protection of a new message."""
        part = self._topic(chat) | self._reply(chat)
        if self._arguments.flag("protect_content"):
            part["has_protected_content"] = True
        return part

    def check_topic(self, chat: Chat) -> None:
        """Refuse a call into a nonexistent topic."""
        self._topic(chat)

    def _topic(self, chat: Chat) -> Json:
        thread_id = self._arguments.integer("message_thread_id")
        if not thread_id:
            return {}
        if thread_id not in chat.threads:
            raise bad_request("message thread not found")
        return {"message_thread_id": thread_id, "is_topic_message": True}

    def _reply(self, chat: Chat) -> Json:
        parameters = self._arguments.json_object("reply_parameters", "reply parameters")
        if parameters is None:
            message_id = self._arguments.integer("reply_to_message_id")
            is_optional = self._arguments.flag("allow_sending_without_reply")
        else:
            self.note_fields("ReplyParameters", parameters)
            given = parameters.get("message_id")
            message_id = given if isinstance(given, int) else 0
            is_optional = parameters.get("allow_sending_without_reply") is True
            if parameters.get("chat_id") not in {None, chat.id, str(chat.id)}:
                self._world.calls.violation("replies to other chats are not simulated")
                raise bad_request("message to be replied not found")
        if not message_id:
            return {}
        post = chat.live(message_id)
        if post:
            return {"reply_to_message": self._world.reply_copy(post)} | self._quote(
                parameters or {}, post
            )
        if not is_optional:
            raise bad_request("message to be replied not found")
        return {}

    def _quote(self, parameters: Json, replied: Post) -> Json:
        """Return the quoted part of the message replied to, which must contain it literally."""
        values = {name: as_text(value) for name, value in parameters.items()}
        values["parse_mode"] = values.get("quote_parse_mode", "")
        words, entities = self._parsed(values, "quote", "quote_entities")
        if not words:
            return {}
        text: str = replied.message.get("text") or replied.message.get("caption") or ""
        starts = [match.start() for match in re.finditer(f"(?={re.escape(words)})", text)]
        if not starts or utf16_length(words) > _QUOTE_LIMIT:
            raise bad_request("QUOTE_TEXT_INVALID")
        wanted = parameters.get("quote_position")
        wanted = wanted if isinstance(wanted, int) else 0
        places = [utf16_length(text[:start]) for start in starts]
        position = min(places, key=lambda place: abs(place - wanted))
        quote: Json = {"text": words, "position": position, "is_manual": True}
        if entities:
            quote["entities"] = entities
        return {"quote": quote}

    def _formatted(
        self, values: Mapping[str, str], name: str, entities_name: str
    ) -> tuple[str, list[Json]]:
        text, entities = self._parsed(values, name, entities_name)
        text, entities = trimmed(text, self._with_users(entities))
        return text, with_found(text, entities)

    def _parsed(
        self, values: Mapping[str, str], name: str, entities_name: str
    ) -> tuple[str, list[Json]]:
        source = values.get(name, "")
        mode = values.get("parse_mode", "").lower()
        if parser := _PARSERS.get(mode):
            return parser(source).parse()
        if mode in {"", "none"}:
            return source, self._given_entities(values.get(entities_name, ""))
        raise bad_request("unsupported parse_mode")

    def _given_entities(self, source: str) -> list[Json]:
        arguments = Arguments(self._arguments.method, {"entities": source})
        entities = arguments.json_objects("entities", "MessageEntity") or []
        for entity in entities:
            if not isinstance(entity.get("type"), str):
                raise bad_request("can't parse MessageEntity: Can't find field \"type\"")
            for number in ("offset", "length"):
                if not isinstance(entity.get(number), int):
                    raise bad_request(f"can't parse MessageEntity: Can't find field \"{number}\"")
        return entities

    def _with_users(self, entities: list[Json]) -> list[Json]:
        """Add the user to mentions by id; a mention of a stranger becomes plain text."""
        found: list[Json] = []
        for entity in entities:
            if "user_id" not in entity:
                found.append(entity)
            elif user := self._world.users.get(entity["user_id"]):
                place = {"offset": entity["offset"], "length": entity["length"]}
                found.append(place | {"type": "text_mention", "user": user})
        return found
