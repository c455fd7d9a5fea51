"""Parts of a message from a call's parameters: text, caption, reply, topic, keyboard, file."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from imgbot.sandbox.api_errors import WRONG_FILE, ApiError, bad_request
from imgbot.sandbox.arguments import (
    BUTTON_ACTIONS,
    Arguments,
    Json,
    UploadedFile,
    as_text,
    unknown_fields,
)
from imgbot.sandbox.entities import checked_entities, trimmed, utf16_length, with_found
from imgbot.sandbox.state import Chat, SandboxState

_TEXT_LIMIT = 4096
_CAPTION_LIMIT = 1024
_PLACEHOLDER_LIMIT = 64
_PHOTO_BYTES = 10 << 20


@dataclass(frozen=True, slots=True)
class Call(Arguments):
    """One call, read as the parts of a message; files are uploaded or by handle, never by URL."""

    state: SandboxState = field(kw_only=True)

    def note_fields(self, kind: str, given: Json) -> None:
        """Record fields that the Bot API does not know; Telegram would ignore them."""
        for name in unknown_fields(kind, given):
            self.state.calls.violation(f"unknown field {name} of {kind} in {self.method}")

    def message_text(self) -> Json:
        text, entities = self._formatted(self.values, "text", "entities")
        if not text:
            raise bad_request("message text is empty")
        if utf16_length(text) > _TEXT_LIMIT:
            # Edits get the server's own word for it.
            is_edit = self.method.startswith("edit")
            raise bad_request("MESSAGE_TOO_LONG" if is_edit else "message is too long")
        part: Json = {"text": text}
        if entities:
            part["entities"] = entities
        options = self.json_object("link_preview_options", "link preview options")
        if options:
            self.note_fields("LinkPreviewOptions", options)
            part["link_preview_options"] = options
        return part

    def caption(self, given: Mapping[str, Any] | None = None) -> Json:
        """Return the caption of the call, or of one item of its media."""
        values = (
            self.values
            if given is None
            else {name: as_text(value) for name, value in given.items()}
        )
        text, entities = self._formatted(values, "caption", "caption_entities")
        if utf16_length(text) > _CAPTION_LIMIT:
            raise bad_request("message caption is too long")
        part: Json = {"caption": text} if text else {}
        return part | ({"caption_entities": entities} if entities else {})

    def keyboard(self, *, only_inline: bool = False) -> Json:
        """Return the inline keyboard, if there is one; other keyboards are ignored."""
        markup = self.json("reply_markup", "reply keyboard markup")
        if markup is None:
            return {}
        if not isinstance(markup, dict):
            raise bad_request("object expected as reply markup")
        markup = cast("Json", markup)
        if "inline_keyboard" in markup:
            self.note_fields("InlineKeyboardMarkup", markup)
            rows = _inline_keyboard(markup["inline_keyboard"], self.note_fields)
            return {"reply_markup": {"inline_keyboard": rows}} if rows else {}
        if only_inline and markup:
            raise bad_request("inline keyboard expected")
        self.note_fields("ForceReply", markup)
        return {}

    def force_reply(self) -> Json | None:
        """Return the client part of a ForceReply; the message itself does not carry it."""
        markup = self.json("reply_markup", "reply keyboard markup")
        if not isinstance(markup, dict) or cast("Json", markup).get("force_reply") is not True:
            return None
        markup = cast("Json", markup)
        placeholder = str(markup.get("input_field_placeholder") or "")
        if len(placeholder) > _PLACEHOLDER_LIMIT:
            # UNVERIFIED: whether Telegram refuses it or cuts it; the documentation says 1 to 64.
            self.state.calls.violation("input_field_placeholder of more than 64 characters")
        return {"selective": markup.get("selective") is True, "placeholder": placeholder}

    def head(self, chat: Chat) -> Json:
        """Return topic and reply of a new message."""
        return self.topic(chat) | self._reply(chat)

    def topic(self, chat: Chat) -> Json:
        thread_id = self.integer("message_thread_id")
        if not thread_id:
            return {}
        if thread_id not in chat.threads:
            raise bad_request("message thread not found")
        return {"message_thread_id": thread_id, "is_topic_message": True}

    def _reply(self, chat: Chat) -> Json:
        parameters = self.json_object("reply_parameters", "reply parameters") or {}
        self.note_fields("ReplyParameters", parameters)
        message_id = parameters.get("message_id")
        if not isinstance(message_id, int):
            return {}
        if parameters.keys() & {"chat_id", "quote"}:
            self.state.calls.violation("quotes, and replies to other chats, are not simulated")
        if post := chat.live(message_id):
            return {"reply_to_message": self.state.reply_copy(post)}
        if parameters.get("allow_sending_without_reply") is not True:
            raise bad_request("message to be replied not found")
        return {}

    def _formatted(
        self, values: Mapping[str, str], name: str, entities_name: str
    ) -> tuple[str, list[Json]]:
        """Return a text with its entities, given and found; markup languages are not played."""
        if values.get("parse_mode"):
            raise bad_request("unsupported parse_mode")
        arguments = Arguments(self.method, values)
        given = arguments.json_objects(entities_name, "MessageEntity") or []
        text, entities = trimmed(values.get(name, ""), checked_entities(given))
        return text, with_found(text, entities)

    # Files

    def upload(self, name: str, source: str) -> UploadedFile | None:
        """Return the uploaded file that a parameter refers to, None for a known file."""
        part = source.removeprefix("attach://")
        found = self.uploads.get(name if part == source else part)
        if found and not found.size_bytes:
            raise bad_request("file must be non-empty")
        return found

    async def file(self, kind: str, source: str, upload: UploadedFile | None) -> Json:
        """Return a photo or document as part of a message; raises `PictureRefusedError`."""
        if upload is None:
            return self._known(kind, source)
        files = self.state.files
        if kind == "document":
            return await files.keep_document(upload.path, upload.name)
        if upload.size_bytes > _PHOTO_BYTES:
            raise bad_request(
                f"file of size {upload.size_bytes} bytes is too big for a photo;"
                f" the maximum size is {_PHOTO_BYTES} bytes"
            )
        return await files.keep_photo(upload.path)

    def _known(self, kind: str, source: str) -> Json:
        if "." in source and "attach://" not in source:
            raise bad_request("failed to get HTTP URL content")
        whole = self.state.files.whole(source)
        if whole is None:
            file = self.state.files.find(source)
            if file and file.kind == "Thumbnail":
                raise _wrong_kind("Thumbnail", "Photo")
            raise bad_request(WRONG_FILE)
        if kind not in whole:
            raise _wrong_kind(
                *(("Photo", "Document") if "photo" in whole else ("Document", "Photo"))
            )
        return whole

    async def item(self, item: Json) -> Json:
        """Return one InputMedia with its caption as the content of a message."""
        kind, source = item.get("type"), item.get("media")
        if kind not in {"photo", "document"}:
            self.state.calls.violation(f"InputMedia of type {kind} is not simulated")
            raise bad_request("can't parse InputMedia: invalid media type specified")
        self.note_fields(f"InputMedia{kind.capitalize()}", item)
        upload = self.upload("", source) if isinstance(source, str) else None
        is_missing = not isinstance(source, str) or not source
        if is_missing or (source.startswith("attach://") and upload is None):
            raise bad_request("can't parse InputMedia: media not found")
        caption = self.caption(item)
        spoiler = {"has_media_spoiler": True} if item.get("has_spoiler") is True else {}
        return await self.file(kind, source, upload) | spoiler | caption


def _wrong_kind(given: str, wanted: str) -> ApiError:
    return bad_request(f"can't use file of type {given} as {wanted}")


NoteFields = Callable[[str, Json], None]

_MAX_BUTTONS = 100
_MAX_IN_ROW = 8
_CALLBACK_DATA_BYTES = 64
_STYLES = frozenset({"danger", "success", "primary"})
_URL = re.compile(r"(?:https?://|tg://)?[^\s/]+\.?[^\s]*", re.IGNORECASE)
_ACTIONS = frozenset(BUTTON_ACTIONS.split())


def _inline_keyboard(rows: Any, note_fields: NoteFields) -> list[list[Json]]:
    if not isinstance(rows, list):
        raise bad_request(
            'can\'t parse reply keyboard markup: Field "inline_keyboard" must be of type Array'
        )
    checked = [_row(row, note_fields) for row in cast("list[Any]", rows)]
    checked = [row for row in checked if row]
    if sum(map(len, checked)) > _MAX_BUTTONS or any(len(row) > _MAX_IN_ROW for row in checked):
        raise bad_request("reply markup is too long")
    return checked


def _row(row: Any, note_fields: NoteFields) -> list[Json]:
    if not isinstance(row, list):
        raise _unparsed("keyboard row must be of type Array", "inline keyboard row")
    return [_button(button, note_fields) for button in cast("list[Any]", row)]


def _button(button: Any, note_fields: NoteFields) -> Json:
    if not isinstance(button, dict):
        raise _unparsed("expected an Object")
    button = cast("Json", button)
    note_fields("InlineKeyboardButton", button)
    text = button.get("text")
    if text is None:
        raise _unparsed('Can\'t find field "text"')
    if not isinstance(text, str):
        raise _unparsed('Field "text" must be of type String')
    if not _ACTIONS & button.keys():
        raise _unparsed("Text buttons are unallowed in the inline keyboard")
    if not text.strip():
        raise bad_request("BUTTON_TEXT_INVALID")
    if button.get("style", "primary") not in _STYLES:
        raise _unparsed("invalid button style specified")
    _check_action(button)
    return button


def _check_action(button: Json) -> None:
    if "callback_data" in button:
        data = button["callback_data"]
        if not isinstance(data, str):
            raise _unparsed('Field "callback_data" must be of type String')
        if not 1 <= len(data.encode()) <= _CALLBACK_DATA_BYTES:
            raise bad_request("BUTTON_DATA_INVALID")
    elif "url" in button:
        url = button["url"]
        if not isinstance(url, str) or not url or not _URL.fullmatch(url):
            raise bad_request("BUTTON_URL_INVALID")
    elif "copy_text" in button:
        copied = button["copy_text"]
        copied = cast("Json", copied).get("text") if isinstance(copied, dict) else None
        if not isinstance(copied, str) or not 1 <= len(copied) <= 256:
            raise bad_request("BUTTON_COPY_TEXT_INVALID")


def _unparsed(reason: str, what: str = "inline keyboard button") -> ApiError:
    return bad_request(f"can't parse {what}: {reason}")
