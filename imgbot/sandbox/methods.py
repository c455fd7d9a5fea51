"""Bot API methods that the bot calls; every other one is refused as unknown."""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias, cast

from imgbot.sandbox.api_errors import (
    NOT_MODIFIED,
    QUERY_TOO_OLD,
    WEBHOOK_ACTIVE,
    ApiError,
    bad_request,
)
from imgbot.sandbox.arguments import Arguments, Json, as_text
from imgbot.sandbox.entities import utf16_length
from imgbot.sandbox.files import PictureRefusedError
from imgbot.sandbox.message_fields import MessageFields
from imgbot.sandbox.state import INLINE_LIFETIME_S, Chat, Post, SandboxState
from imgbot.sandbox.updates import CALLBACK_LIFETIME_S, MAX_TIMEOUT_S

Method: TypeAlias = Callable[[SandboxState, Arguments], Awaitable[Any]]

_MAX_UPDATES = 100
_ACTIONS = frozenset(
    {"typing", "choose_sticker", "find_location"}
    | {f"upload_{kind}" for kind in ("photo", "video", "voice", "document", "video_note")}
    | {f"record_{kind}" for kind in ("video", "voice", "video_note")}
)
_COPIED = ("text", "entities", "photo", "document", "caption", "caption_entities")
_CONTENT = (*_COPIED, "link_preview_options", "has_media_spoiler", "reply_markup")
_DELETABLE_S = 48 * 3600
_DOWNLOAD_BYTES = 20 << 20
_ANSWER_LIMIT = 200
_MAX_COMMANDS = 100
_DESCRIPTION_LIMITS = {"description": 512, "short_description": 120}
_SCOPES = {
    "default": (),
    "all_private_chats": (),
    "all_group_chats": (),
    "all_chat_administrators": (),
    "chat": ("chat_id",),
    "chat_administrators": ("chat_id",),
    "chat_member": ("chat_id", "user_id"),
}
_MAX_RESULTS = 50
_ID_BYTES = 64
_START_PARAMETER = re.compile(r"[A-Za-z0-9_-]{1,64}")


class RawJson(str):
    """Result that is JSON text already."""

    __slots__ = ()


# Updates


async def get_updates(state: SandboxState, arguments: Arguments) -> Any:
    if state.webhook_url:
        raise ApiError(409, WEBHOOK_ACTIVE)
    kinds = arguments.json("allowed_updates", "allowed updates")
    if isinstance(kinds, list):
        state.updates.allow(frozenset(str(kind) for kind in cast("list[Any]", kinds)))
    limit = arguments.integer("limit", _MAX_UPDATES)
    limit = limit if 1 <= limit <= _MAX_UPDATES else _MAX_UPDATES
    timeout_s = min(max(arguments.integer("timeout"), 0), MAX_TIMEOUT_S)
    found = await state.poller.poll(
        arguments.integer("offset"), limit, timeout_s, arguments.is_caller_gone
    )
    return RawJson(f"[{','.join(update.text for update in found)}]")


async def set_webhook(state: SandboxState, arguments: Arguments) -> Any:
    """Note the address, to which nothing is sent: only its conflict with getUpdates is played."""
    state.webhook_url = arguments.text("url")
    if state.webhook_url:
        state.poller.interrupt("Conflict: terminated by setWebhook request")
    return True


async def delete_webhook(state: SandboxState, arguments: Arguments) -> Any:
    if arguments.flag("drop_pending_updates"):
        state.updates.clear()
    state.webhook_url = ""
    return True


async def get_webhook_info(state: SandboxState, _arguments: Arguments) -> Any:
    return {
        "url": state.webhook_url,
        "has_custom_certificate": False,
        "pending_update_count": state.updates.count(),
    }


# New messages


async def send_message(state: SandboxState, arguments: Arguments) -> Any:
    fields = MessageFields(state, arguments)
    return _send(state, arguments, fields, fields.text())


async def send_photo(state: SandboxState, arguments: Arguments) -> Any:
    return await _send_file(state, arguments, "photo")


async def send_document(state: SandboxState, arguments: Arguments) -> Any:
    return await _send_file(state, arguments, "document")


async def _send_file(state: SandboxState, arguments: Arguments, kind: str) -> Any:
    fields = MessageFields(state, arguments)
    source = arguments.text(kind)
    upload = fields.upload(kind, source)
    if upload is None and not source:
        raise bad_request(f"there is no {kind} in the request")
    caption = fields.caption()
    if arguments.flag("has_spoiler"):
        caption["has_media_spoiler"] = True
    state.chat_for_bot(arguments.text("chat_id"))
    try:
        part = await fields.file(kind, source, upload)
    except PictureRefusedError as refused:
        raise bad_request(str(refused)) from None
    return _send(state, arguments, fields, part | caption)


async def send_chat_action(state: SandboxState, arguments: Arguments) -> Any:
    action = arguments.text("action").lower()
    if action not in _ACTIONS:
        raise bad_request("wrong parameter action in request")
    chat = state.chat_for_bot(arguments.text("chat_id"))
    MessageFields(state, arguments).topic(chat)
    state.events.publish("action", chat_id=chat.id, action=action)
    return True


async def copy_message(state: SandboxState, arguments: Arguments) -> Any:
    fields = MessageFields(state, arguments)
    origin = state.chat_for_bot(arguments.text("from_chat_id"))
    post = origin.live(arguments.integer("message_id"))
    if post is None:
        raise bad_request("message to copy not found")
    kinds = (*_COPIED, "has_media_spoiler")
    part = {kind: post.message[kind] for kind in kinds if kind in post.message}
    if not part:
        raise bad_request("message can't be copied")
    if arguments.has("caption"):
        part = {kind: value for kind, value in part.items() if not kind.startswith("caption")}
        part |= fields.caption()
    return {"message_id": _send(state, arguments, fields, part)["message_id"]}


def _send(state: SandboxState, arguments: Arguments, fields: MessageFields, part: Json) -> Json:
    """Post a validated content to the chat of the call."""
    keyboard = fields.keyboard()
    chat = state.chat_for_bot(arguments.text("chat_id"))
    head = fields.head(chat)
    state.floods.admit(chat.id)
    content = head | part | keyboard
    return state.add_post(chat, state.bot, content, fields.force_reply()).message


# Existing messages


async def edit_message_text(state: SandboxState, arguments: Arguments) -> Any:
    fields = MessageFields(state, arguments)
    part = fields.text() | fields.keyboard(only_inline=True)
    chat, post = _own_post(state, arguments)
    if "text" not in post.message:
        raise bad_request("there is no text in the message to edit")
    return _edit(state, chat, post, part)


async def edit_message_media(state: SandboxState, arguments: Arguments) -> Any:
    fields = MessageFields(state, arguments)
    item = arguments.json_object("media", "InputMedia")
    if item is None:
        raise bad_request("can't parse InputMedia JSON object")
    keyboard = fields.keyboard(only_inline=True)
    _, post = _own_post(state, arguments)
    if "media_group_id" in post.message and item.get("type") not in post.message:
        raise bad_request("can't use the media of the specified type in the album")
    try:
        part = await fields.item(item)
    except PictureRefusedError as refused:
        raise bad_request(str(refused)) from None
    # Looked up again: the user may have deleted the message while the picture was processed.
    chat, post = _own_post(state, arguments)
    return _edit(state, chat, post, part | keyboard)


async def edit_message_reply_markup(state: SandboxState, arguments: Arguments) -> Any:
    keyboard = MessageFields(state, arguments).keyboard(only_inline=True)
    chat, post = _own_post(state, arguments)
    part = {name: part for name, part in _content(post).items() if name != "reply_markup"}
    return _edit(state, chat, post, part | keyboard)


def _own_post(state: SandboxState, arguments: Arguments) -> tuple[Chat, Post]:
    """Return the message to edit, which must exist and be the bot's own."""
    chat, post = _post(state, arguments, "edit")
    if not post.is_outgoing:
        raise bad_request("message can't be edited")
    return chat, post


def _post(state: SandboxState, arguments: Arguments, verb: str) -> tuple[Chat, Post]:
    chat = state.chat_for_bot(arguments.text("chat_id"))
    message_id = arguments.integer("message_id")
    if message_id <= 0:
        raise bad_request("message identifier is not specified")
    post = chat.live(message_id)
    if post is None:
        raise bad_request(f"message to {verb} not found")
    return chat, post


def _content(post: Post) -> Json:
    return {name: post.message[name] for name in _CONTENT if name in post.message}


def _edit(state: SandboxState, chat: Chat, post: Post, part: Json) -> Json:
    if part == _content(post):
        raise bad_request(NOT_MODIFIED)
    state.floods.admit(chat.id)
    state.change_post(chat, post, part)
    return post.message


async def delete_message(state: SandboxState, arguments: Arguments) -> Any:
    chat, post = _post(state, arguments, "delete")
    is_young = state.now() - post.message["date"] < _DELETABLE_S
    if not is_young or not (chat.is_private or post.is_outgoing):
        raise bad_request("message can't be deleted for everyone")
    state.delete_post(chat, post)
    return True


# Queries


async def answer_callback_query(state: SandboxState, arguments: Arguments) -> Any:
    text = arguments.text("text")
    if utf16_length(text) > _ANSWER_LIMIT:
        raise bad_request("MESSAGE_TOO_LONG")
    if arguments.text("url"):
        raise bad_request("URL_INVALID")
    query_id = arguments.text("callback_query_id")
    query = state.queries.get(query_id)
    is_late = query is None or state.now() - query.asked_at > CALLBACK_LIFETIME_S
    if query is None or is_late or query.is_answered:
        raise bad_request(QUERY_TOO_OLD)
    query.is_answered, query.answer = True, text
    state.events.publish(
        "callback_answer",
        chat_id=query.chat_id,
        callback_query_id=query_id,
        user_id=query.user_id,
        text=text,
        show_alert=arguments.flag("show_alert"),
    )
    return True


async def answer_inline_query(state: SandboxState, arguments: Arguments) -> Any:
    """Offer results to a user. They are not cached here: every query reaches the bot."""
    results = arguments.json_objects("results", "inline query results") or []
    if len(results) > _MAX_RESULTS:
        raise bad_request("too many inline query results specified")
    offers: dict[str, tuple[Json, Json]] = {}
    for result in results:
        result_id = result.get("id")
        if not isinstance(result_id, str) or not 1 <= len(result_id.encode()) <= _ID_BYTES:
            raise bad_request("RESULT_ID_INVALID")
        if result_id in offers:
            raise bad_request("RESULT_ID_DUPLICATE")
        offers[result_id] = await _inline_result(state, arguments, result)
    answer = _inline_answer(state, arguments)
    query = state.inline_queries.get(arguments.text("inline_query_id"))
    is_late = query is None or state.now() - query.asked_at > INLINE_LIFETIME_S
    if query is None or is_late or query.is_answered.is_set():
        raise bad_request(QUERY_TOO_OLD)
    query.give(answer, offers)
    return True


def _inline_answer(state: SandboxState, arguments: Arguments) -> Json:
    """Return the fields of the answer besides its results."""
    answer: Json = {
        "next_offset": arguments.text("next_offset"),
        "cache_time": arguments.integer("cache_time", 300),
        "is_personal": arguments.flag("is_personal"),
    }
    button = arguments.json_object("button", "inline query results button")
    if button:
        MessageFields(state, arguments).note_fields("InlineQueryResultsButton", button)
        if not _START_PARAMETER.fullmatch(str(button.get("start_parameter", ""))):
            raise bad_request("START_PARAM_INVALID")
        answer["button"] = button
    return answer


async def _inline_result(
    state: SandboxState, arguments: Arguments, result: Json
) -> tuple[Json, Json]:
    """Return a photo or document stored at Telegram; other results are not played."""
    kind = str(result.get("type", "")).lower()
    if kind not in {"photo", "document"}:
        raise bad_request(f'can\'t parse inline query result: type "{kind}" is unsupported')
    values = {name: as_text(value) for name, value in result.items()}
    fields = MessageFields(state, Arguments(arguments.method, values))
    fields.note_fields(f"InlineQueryResultCached{kind.capitalize()}", result)
    if kind == "document" and not values.get("title"):
        raise bad_request("FILE_TITLE_EMPTY")
    source = values.get(f"{kind}_file_id")
    if not source:
        # By URL: the sandbox fetches nothing, as Telegram fetches nothing from here.
        raise bad_request("WEBDOCUMENT_URL_INVALID")
    content = await fields.file(kind, source, None) | fields.caption()
    shown = ("id", "type", "title", "description")
    view = {name: result[name] for name in shown if name in result}
    return view | content, content


# The bot itself


async def get_me(state: SandboxState, _arguments: Arguments) -> Any:
    return state.bot | {
        "can_join_groups": True,
        "can_read_all_group_messages": False,
        "supports_inline_queries": True,
        "can_connect_to_business": False,
        "has_main_web_app": False,
    }


async def get_file(state: SandboxState, arguments: Arguments) -> Any:
    file_id = arguments.text("file_id")
    if not file_id:
        raise bad_request("file_id not specified")
    file = state.files.find(file_id)
    if file is None or file.kind == "Upload":
        raise bad_request("invalid file_id")
    if file.size_bytes > _DOWNLOAD_BYTES:
        raise bad_request("file is too big")
    return file.handles() | {"file_path": file.file_path}


async def set_my_commands(state: SandboxState, arguments: Arguments) -> Any:
    commands = arguments.json_objects("commands", "BotCommand")
    if commands is None:
        raise bad_request("can't parse commands JSON object")
    if len(commands) > _MAX_COMMANDS:
        raise bad_request("BOT_COMMANDS_TOO_MUCH")
    for command in commands:
        _check_command(command)
        MessageFields(state, arguments).note_fields("BotCommand", command)
    state.commands[_scope(arguments)] = commands
    state.events.publish("commands", commands=state.private_commands())
    return True


async def get_my_commands(state: SandboxState, arguments: Arguments) -> Any:
    return state.commands.get(_scope(arguments), [])


def _check_command(command: Json) -> None:
    if not re.fullmatch(r"[a-z0-9_]{1,32}", str(command.get("command", ""))):
        raise bad_request("BOT_COMMAND_INVALID")
    if not 1 <= len(str(command.get("description", ""))) <= 256:
        raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")


def _scope(arguments: Arguments) -> tuple[str, str]:
    """Return scope and language of a list of commands, as a key."""
    scope = arguments.json_object("scope", "BotCommandScope") or {"type": "default"}
    kind = str(scope.get("type"))
    if kind not in _SCOPES:
        raise bad_request("can't parse BotCommandScope: unsupported type specified")
    named = [scope.get(name) for name in _SCOPES[kind]]
    if None in named:
        raise bad_request("chat_id is empty")
    return " ".join([kind, *map(str, named)]), _language(arguments)


def _language(arguments: Arguments) -> str:
    language = arguments.text("language_code")
    if not re.fullmatch(r"(?:[a-z]{2})?", language):
        raise bad_request("invalid language code specified")
    return language


async def set_description(_world: SandboxState, arguments: Arguments) -> Any:
    """Check a long or short description; nobody reads it here."""
    _language(arguments)
    for name, limit in _DESCRIPTION_LIMITS.items():
        if len(arguments.text(name)) > limit:
            raise bad_request("BOT_DESCRIPTION_INVALID")
    return True


METHODS: Mapping[str, Method] = {
    "getUpdates": get_updates,
    "setWebhook": set_webhook,
    "deleteWebhook": delete_webhook,
    "getWebhookInfo": get_webhook_info,
    "sendMessage": send_message,
    "sendPhoto": send_photo,
    "sendDocument": send_document,
    "sendChatAction": send_chat_action,
    "copyMessage": copy_message,
    "editMessageText": edit_message_text,
    "editMessageMedia": edit_message_media,
    "editMessageReplyMarkup": edit_message_reply_markup,
    "deleteMessage": delete_message,
    "answerCallbackQuery": answer_callback_query,
    "answerInlineQuery": answer_inline_query,
    "getMe": get_me,
    "getFile": get_file,
    "setMyCommands": set_my_commands,
    "getMyCommands": get_my_commands,
    "setMyDescription": set_description,
    "setMyShortDescription": set_description,
}
