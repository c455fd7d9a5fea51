"""Parameters of one call: every value is text first, and unknown ones are told apart."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from imgbot.sandbox.api_errors import bad_request

_TRUE = frozenset({"true", "yes", "1"})

Json = dict[str, Any]

# Parameters and fields known to the Bot API, by method and object. Telegram ignores unknown ones;
# the sandbox lists them as violations: a misspelt parameter is a bug that goes unnoticed there.
_SEND = (
    "chat_id message_thread_id disable_notification protect_content message_effect_id"
    " reply_parameters reply_markup"
)
_CAPTION = "caption parse_mode caption_entities show_caption_above_media"
_EDIT = "chat_id message_id inline_message_id reply_markup"
_PARAMETERS = {
    "getUpdates": "offset limit timeout allowed_updates",
    "setWebhook": "url max_connections allowed_updates drop_pending_updates secret_token",
    "deleteWebhook": "drop_pending_updates",
    "getFile": "file_id",
    "sendMessage": f"{_SEND} text parse_mode entities link_preview_options",
    "sendPhoto": f"{_SEND} {_CAPTION} photo has_spoiler",
    "sendDocument": f"{_SEND} {_CAPTION} document thumbnail disable_content_type_detection",
    "sendChatAction": "chat_id message_thread_id action",
    "copyMessage": f"{_SEND} {_CAPTION} from_chat_id message_id",
    "editMessageText": f"{_EDIT} text parse_mode entities link_preview_options",
    "editMessageMedia": f"{_EDIT} media",
    "editMessageReplyMarkup": _EDIT,
    "deleteMessage": "chat_id message_id",
    "answerCallbackQuery": "callback_query_id text show_alert url cache_time",
    "answerInlineQuery": "inline_query_id results cache_time is_personal next_offset button",
    "setMyCommands": "commands scope language_code",
    "getMyCommands": "scope language_code",
    "setMyDescription": "description language_code",
    "setMyShortDescription": "short_description language_code",
}
BUTTON_ACTIONS = "url callback_data web_app switch_inline_query copy_text"
_FIELDS = {
    "InlineKeyboardMarkup": "inline_keyboard",
    "InlineKeyboardButton": f"text style {BUTTON_ACTIONS}",
    "ForceReply": "force_reply input_field_placeholder selective",
    "ReplyParameters": "message_id chat_id allow_sending_without_reply quote",
    "InputMediaPhoto": f"type media {_CAPTION} has_spoiler",
    "InputMediaDocument": f"type media thumbnail {_CAPTION} disable_content_type_detection",
    "InlineQueryResultCachedPhoto": f"type id photo_file_id title description {_CAPTION}",
    "InlineQueryResultCachedDocument": f"type id title document_file_id description {_CAPTION}",
    "InlineQueryResultsButton": "text web_app start_parameter",
    "LinkPreviewOptions": "is_disabled url prefer_small_media prefer_large_media show_above_text",
    "BotCommand": "command description",
}


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """File uploaded with a call; deleted when the call ends."""

    path: Path
    name: str
    size_bytes: int


def _is_there() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Arguments:
    """Arguments of one method call."""

    method: str
    values: Mapping[str, str]
    uploads: Mapping[str, UploadedFile] = field(default_factory=dict[str, UploadedFile])
    is_caller_gone: Callable[[], bool] = _is_there

    def has(self, name: str) -> bool:
        return name in self.values

    def text(self, name: str) -> str:
        return self.values.get(name, "")

    def integer(self, name: str, default: int = 0) -> int:
        """Return a number; anything else counts as zero, as at Telegram."""
        value = self.values.get(name)
        if value is None:
            return default
        try:
            return int(value)
        except ValueError:
            return 0

    def flag(self, name: str) -> bool:
        return self.text(name).lower() in _TRUE

    def json(self, name: str, refusal: str) -> Any:
        """Return a JSON value, None if absent; `refusal` is the error for malformed JSON."""
        value = self.text(name)
        if not value:
            return None
        try:
            return json.loads(value)
        except ValueError:
            raise bad_request(f"can't parse {refusal} JSON object") from None

    def json_object(self, name: str, refusal: str) -> Json | None:
        value = self.json(name, refusal)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise bad_request(f"can't parse {refusal}: expected an Object")
        return cast("Json", value)

    def json_objects(self, name: str, kind: str) -> list[Json] | None:
        """Return a list of objects; anything else is refused with the name of its `kind`."""
        value = self.json(name, kind)
        if value is None:
            return None
        if not isinstance(value, list):
            raise bad_request(f"expected an Array of {kind}")
        for item in cast("list[Any]", value):
            if not isinstance(item, dict):
                raise bad_request(f"can't parse {kind}: expected an Object")
        return cast("list[Json]", value)


def as_text(value: Any) -> str:
    """Return a JSON value as the text that a form would carry."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False)


def unknown_parameters(method: str, names: Iterable[str]) -> list[str]:
    """Return the names unknown to `method`, in a stable order."""
    return sorted(set(names) - set(_PARAMETERS.get(method, "").split()))


def unknown_fields(kind: str, names: Iterable[str]) -> list[str]:
    """Return the names unknown to the object `kind`, in a stable order."""
    return sorted(set(names) - set(_FIELDS[kind].split()))
