"""Parameters and fields known to the Bot API, by method.

Telegram ignores unknown ones; the sandbox lists them as violations, because a misspelt parameter is
a bug that goes unnoticed there.
"""

from collections.abc import Iterable, Mapping

_SEND = (
    "chat_id business_connection_id message_thread_id direct_messages_topic_id"
    " disable_notification protect_content allow_paid_broadcast message_effect_id"
    " suggested_post_parameters reply_parameters reply_markup ephemeral_message_parameters"
    " receiver_user_id callback_query_id allow_sending_without_reply reply_to_message_id"
)
_CAPTION = "caption parse_mode caption_entities show_caption_above_media"
_EDIT = "business_connection_id chat_id message_id inline_message_id reply_markup"
_LINKS = "link_preview_options disable_web_page_preview"

_PARAMETERS = {
    "getUpdates": "offset limit timeout allowed_updates",
    "setWebhook": (
        "url certificate ip_address max_connections allowed_updates drop_pending_updates"
        " secret_token"
    ),
    "deleteWebhook": "drop_pending_updates",
    "getWebhookInfo": "",
    "getMe": "",
    "logOut": "",
    "close": "",
    "getChat": "chat_id",
    "getFile": "file_id",
    "sendMessage": f"{_SEND} text parse_mode entities {_LINKS}",
    "sendPhoto": f"{_SEND} {_CAPTION} photo has_spoiler",
    "sendDocument": f"{_SEND} {_CAPTION} document thumbnail disable_content_type_detection",
    "sendMediaGroup": (
        "chat_id business_connection_id message_thread_id direct_messages_topic_id media"
        " disable_notification protect_content allow_paid_broadcast message_effect_id"
        " reply_parameters allow_sending_without_reply reply_to_message_id"
    ),
    "sendChatAction": "chat_id business_connection_id message_thread_id action",
    "copyMessage": (
        f"{_CAPTION} chat_id from_chat_id message_id message_thread_id direct_messages_topic_id"
        " video_start_timestamp disable_notification protect_content allow_paid_broadcast"
        " message_effect_id suggested_post_parameters reply_parameters reply_markup"
        " allow_sending_without_reply reply_to_message_id"
    ),
    "editMessageText": f"{_EDIT} text parse_mode entities rich_message {_LINKS}",
    "editMessageMedia": f"{_EDIT} media",
    "editMessageCaption": f"{_EDIT} {_CAPTION}",
    "editMessageReplyMarkup": _EDIT,
    "deleteMessage": "chat_id message_id",
    "deleteMessages": "chat_id message_ids",
    "setMessageReaction": "chat_id message_id reaction is_big",
    "answerCallbackQuery": "callback_query_id text show_alert url cache_time",
    "answerInlineQuery": (
        "inline_query_id results cache_time is_personal next_offset button"
        " switch_pm_text switch_pm_parameter"
    ),
    "setMyCommands": "commands scope language_code",
    "getMyCommands": "scope language_code",
    "deleteMyCommands": "scope language_code",
    "setMyName": "name language_code",
    "getMyName": "language_code",
    "setMyDescription": "description language_code",
    "getMyDescription": "language_code",
    "setMyShortDescription": "short_description language_code",
    "getMyShortDescription": "language_code",
    "setChatMenuButton": "chat_id menu_button",
    "getChatMenuButton": "chat_id",
}

PARAMETERS: Mapping[str, frozenset[str]] = {
    method: frozenset(names.split()) for method, names in _PARAMETERS.items()
}

_FIELDS = {
    "InlineKeyboardMarkup": "inline_keyboard",
    "InlineKeyboardButton": (
        "text icon_custom_emoji_id style url callback_data web_app login_url switch_inline_query"
        " switch_inline_query_current_chat switch_inline_query_chosen_chat copy_text"
        " callback_game pay disabled"
    ),
    "ReplyKeyboardMarkup": (
        "keyboard is_persistent resize_keyboard one_time_keyboard input_field_placeholder selective"
    ),
    "ReplyKeyboardRemove": "remove_keyboard selective",
    "ForceReply": "force_reply input_field_placeholder selective",
    "ReplyParameters": (
        "message_id chat_id allow_sending_without_reply quote quote_parse_mode quote_entities"
        " quote_position checklist_task_id poll_option_id ephemeral_message_id"
    ),
    "InputMediaPhoto": (
        "type media caption parse_mode caption_entities show_caption_above_media has_spoiler"
    ),
    "InputMediaDocument": (
        "type media thumbnail caption parse_mode caption_entities disable_content_type_detection"
    ),
    "InlineQueryResultCachedPhoto": (
        "type id photo_file_id title description caption parse_mode caption_entities"
        " show_caption_above_media reply_markup input_message_content"
    ),
    "InlineQueryResultCachedDocument": (
        "type id title document_file_id description caption parse_mode caption_entities"
        " reply_markup input_message_content"
    ),
    "InlineQueryResultArticle": (
        "type id title input_message_content reply_markup url description thumbnail_url"
        " thumbnail_width thumbnail_height"
    ),
    "InputTextMessageContent": f"message_text parse_mode entities {_LINKS}",
    "InlineQueryResultsButton": "text web_app start_parameter",
    "LinkPreviewOptions": ("is_disabled url prefer_small_media prefer_large_media show_above_text"),
    "BotCommand": "command description is_ephemeral",
    "BotCommandScope": "type chat_id user_id",
    "ReactionTypeEmoji": "type emoji custom_emoji_id",
}

FIELDS: Mapping[str, frozenset[str]] = {
    kind: frozenset(names.split()) for kind, names in _FIELDS.items()
}


def unknown_parameters(method: str, names: Iterable[str]) -> list[str]:
    """Return the names unknown to `method`, in a stable order."""
    return sorted(set(names) - PARAMETERS[method])


def unknown_fields(kind: str, names: Iterable[str]) -> list[str]:
    """Return the names unknown to the object `kind`, in a stable order."""
    return sorted(set(names) - FIELDS[kind])
