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
from imgbot.sandbox.arguments import Json, as_text
from imgbot.sandbox.entities import utf16_length
from imgbot.sandbox.files import PictureRefusedError
from imgbot.sandbox.message_fields import Call
from imgbot.sandbox.state import INLINE_LIFETIME_S, Chat, Post
from imgbot.sandbox.updates import CALLBACK_LIFETIME_S, MAX_TIMEOUT_S

Method: TypeAlias = Callable[[Call], Awaitable[Any]]

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


async def get_updates(call: Call) -> Any:
    if call.state.webhook_url:
        raise ApiError(409, WEBHOOK_ACTIVE)
    kinds = call.json("allowed_updates", "allowed updates")
    if isinstance(kinds, list):
        call.state.updates.allow(frozenset(str(kind) for kind in cast("list[Any]", kinds)))
    limit = call.integer("limit", _MAX_UPDATES)
    limit = limit if 1 <= limit <= _MAX_UPDATES else _MAX_UPDATES
    timeout_s = min(max(call.integer("timeout"), 0), MAX_TIMEOUT_S)
    found = await call.state.poller.poll(
        call.integer("offset"), limit, timeout_s, call.is_caller_gone
    )
    return RawJson(f"[{','.join(update.text for update in found)}]")


async def set_webhook(call: Call) -> Any:
    """Note the address, to which nothing is sent: only its conflict with getUpdates is played."""
    call.state.webhook_url = call.text("url")
    if call.state.webhook_url:
        call.state.poller.interrupt("Conflict: terminated by setWebhook request")
    return True


async def delete_webhook(call: Call) -> Any:
    if call.flag("drop_pending_updates"):
        call.state.updates.clear()
    call.state.webhook_url = ""
    return True


async def get_webhook_info(call: Call) -> Any:
    return {
        "url": call.state.webhook_url,
        "has_custom_certificate": False,
        "pending_update_count": call.state.updates.count(),
    }


# New messages


async def send_message(call: Call) -> Any:
    return _send(call, call.message_text())


async def send_photo(call: Call) -> Any:
    return await _send_file(call, "photo")


async def send_document(call: Call) -> Any:
    return await _send_file(call, "document")


async def _send_file(call: Call, kind: str) -> Any:
    source = call.text(kind)
    upload = call.upload(kind, source)
    if upload is None and not source:
        raise bad_request(f"there is no {kind} in the request")
    caption = call.caption()
    if call.flag("has_spoiler"):
        caption["has_media_spoiler"] = True
    call.state.chat_for_bot(call.text("chat_id"))
    try:
        part = await call.file(kind, source, upload)
    except PictureRefusedError as refused:
        raise bad_request(str(refused)) from None
    return _send(call, part | caption)


async def send_chat_action(call: Call) -> Any:
    action = call.text("action").lower()
    if action not in _ACTIONS:
        raise bad_request("wrong parameter action in request")
    chat = call.state.chat_for_bot(call.text("chat_id"))
    call.topic(chat)
    call.state.events.publish("action", chat_id=chat.id, action=action)
    return True


async def copy_message(call: Call) -> Any:
    origin = call.state.chat_for_bot(call.text("from_chat_id"))
    post = origin.live(call.integer("message_id"))
    if post is None:
        raise bad_request("message to copy not found")
    kinds = (*_COPIED, "has_media_spoiler")
    part = {kind: post.message[kind] for kind in kinds if kind in post.message}
    if not part:
        raise bad_request("message can't be copied")
    if call.has("caption"):
        part = {kind: value for kind, value in part.items() if not kind.startswith("caption")}
        part |= call.caption()
    return {"message_id": _send(call, part)["message_id"]}


def _send(call: Call, part: Json) -> Json:
    """Post a validated content to the chat of the call."""
    keyboard = call.keyboard()
    chat = call.state.chat_for_bot(call.text("chat_id"))
    head = call.head(chat)
    call.state.floods.admit(chat.id)
    content = head | part | keyboard
    return call.state.add_post(chat, call.state.bot, content, call.force_reply()).message


# Existing messages


async def edit_message_text(call: Call) -> Any:
    part = call.message_text() | call.keyboard(only_inline=True)
    chat, post = _own_post(call)
    if "text" not in post.message:
        raise bad_request("there is no text in the message to edit")
    return _edit(call, chat, post, part)


async def edit_message_media(call: Call) -> Any:
    item = call.json_object("media", "InputMedia")
    if item is None:
        raise bad_request("can't parse InputMedia JSON object")
    keyboard = call.keyboard(only_inline=True)
    _, post = _own_post(call)
    if "media_group_id" in post.message and item.get("type") not in post.message:
        raise bad_request("can't use the media of the specified type in the album")
    try:
        part = await call.item(item)
    except PictureRefusedError as refused:
        raise bad_request(str(refused)) from None
    # Looked up again: the user may have deleted the message while the picture was processed.
    chat, post = _own_post(call)
    return _edit(call, chat, post, part | keyboard)


async def edit_message_reply_markup(call: Call) -> Any:
    keyboard = call.keyboard(only_inline=True)
    chat, post = _own_post(call)
    part = {name: part for name, part in _content(post).items() if name != "reply_markup"}
    return _edit(call, chat, post, part | keyboard)


def _own_post(call: Call) -> tuple[Chat, Post]:
    """Return the message to edit, which must exist and be the bot's own."""
    chat, post = _post(call, "edit")
    if not post.is_outgoing:
        raise bad_request("message can't be edited")
    return chat, post


def _post(call: Call, verb: str) -> tuple[Chat, Post]:
    chat = call.state.chat_for_bot(call.text("chat_id"))
    message_id = call.integer("message_id")
    if message_id <= 0:
        raise bad_request("message identifier is not specified")
    post = chat.live(message_id)
    if post is None:
        raise bad_request(f"message to {verb} not found")
    return chat, post


def _content(post: Post) -> Json:
    return {name: post.message[name] for name in _CONTENT if name in post.message}


def _edit(call: Call, chat: Chat, post: Post, part: Json) -> Json:
    if part == _content(post):
        raise bad_request(NOT_MODIFIED)
    call.state.floods.admit(chat.id)
    call.state.change_post(chat, post, part)
    return post.message


async def delete_message(call: Call) -> Any:
    chat, post = _post(call, "delete")
    is_young = call.state.now() - post.message["date"] < _DELETABLE_S
    if not is_young or not (chat.is_private or post.is_outgoing):
        raise bad_request("message can't be deleted for everyone")
    call.state.delete_post(chat, post)
    return True


# Queries


async def answer_callback_query(call: Call) -> Any:
    text = call.text("text")
    if utf16_length(text) > _ANSWER_LIMIT:
        raise bad_request("MESSAGE_TOO_LONG")
    if call.text("url"):
        raise bad_request("URL_INVALID")
    query_id = call.text("callback_query_id")
    query = call.state.queries.get(query_id)
    is_late = query is None or call.state.now() - query.asked_at > CALLBACK_LIFETIME_S
    if query is None or is_late or query.is_answered:
        raise bad_request(QUERY_TOO_OLD)
    query.is_answered, query.answer = True, text
    call.state.events.publish(
        "callback_answer",
        chat_id=query.chat_id,
        callback_query_id=query_id,
        user_id=query.user_id,
        text=text,
        show_alert=call.flag("show_alert"),
    )
    return True


async def answer_inline_query(call: Call) -> Any:
    """Offer results to a user. They are not cached here: every query reaches the bot."""
    results = call.json_objects("results", "inline query results") or []
    if len(results) > _MAX_RESULTS:
        raise bad_request("too many inline query results specified")
    offers: dict[str, tuple[Json, Json]] = {}
    for result in results:
        result_id = result.get("id")
        if not isinstance(result_id, str) or not 1 <= len(result_id.encode()) <= _ID_BYTES:
            raise bad_request("RESULT_ID_INVALID")
        if result_id in offers:
            raise bad_request("RESULT_ID_DUPLICATE")
        offers[result_id] = await _inline_result(call, result)
    answer = _inline_answer(call)
    query = call.state.inline_queries.get(call.text("inline_query_id"))
    is_late = query is None or call.state.now() - query.asked_at > INLINE_LIFETIME_S
    if query is None or is_late or query.is_answered.is_set():
        raise bad_request(QUERY_TOO_OLD)
    query.give(answer, offers)
    return True


def _inline_answer(call: Call) -> Json:
    """Return the fields of the answer besides its results."""
    answer: Json = {
        "next_offset": call.text("next_offset"),
        "cache_time": call.integer("cache_time", 300),
        "is_personal": call.flag("is_personal"),
    }
    button = call.json_object("button", "inline query results button")
    if button:
        call.note_fields("InlineQueryResultsButton", button)
        if not _START_PARAMETER.fullmatch(str(button.get("start_parameter", ""))):
            raise bad_request("START_PARAM_INVALID")
        answer["button"] = button
    return answer


async def _inline_result(call: Call, result: Json) -> tuple[Json, Json]:
    """Return a photo or document stored at Telegram; other results are not played."""
    kind = str(result.get("type", "")).lower()
    if kind not in {"photo", "document"}:
        raise bad_request(f'can\'t parse inline query result: type "{kind}" is unsupported')
    values = {name: as_text(value) for name, value in result.items()}
    item = Call(call.method, values, state=call.state)
    call.note_fields(f"InlineQueryResultCached{kind.capitalize()}", result)
    if kind == "document" and not values.get("title"):
        raise bad_request("FILE_TITLE_EMPTY")
    source = values.get(f"{kind}_file_id")
    if not source:
        # By URL: the sandbox fetches nothing, as Telegram fetches nothing from here.
        raise bad_request("WEBDOCUMENT_URL_INVALID")
    content = await item.file(kind, source, None) | item.caption()
    shown = ("id", "type", "title", "description")
    view = {name: result[name] for name in shown if name in result}
    return view | content, content


# The bot itself


async def get_me(call: Call) -> Any:
    return call.state.bot | {
        "can_join_groups": True,
        "can_read_all_group_messages": False,
        "supports_inline_queries": True,
        "can_connect_to_business": False,
        "has_main_web_app": False,
    }


async def get_file(call: Call) -> Any:
    file_id = call.text("file_id")
    if not file_id:
        raise bad_request("file_id not specified")
    file = call.state.files.find(file_id)
    if file is None or file.kind == "Upload":
        raise bad_request("invalid file_id")
    if file.size_bytes > _DOWNLOAD_BYTES:
        raise bad_request("file is too big")
    return file.handles() | {"file_path": file.file_path}


async def set_my_commands(call: Call) -> Any:
    commands = call.json_objects("commands", "BotCommand")
    if commands is None:
        raise bad_request("can't parse commands JSON object")
    if len(commands) > _MAX_COMMANDS:
        raise bad_request("BOT_COMMANDS_TOO_MUCH")
    for command in commands:
        _check_command(command)
        call.note_fields("BotCommand", command)
    call.state.commands[_scope(call)] = commands
    call.state.events.publish("commands", commands=call.state.private_commands())
    return True


async def get_my_commands(call: Call) -> Any:
    return call.state.commands.get(_scope(call), [])


def _check_command(command: Json) -> None:
    if not re.fullmatch(r"[a-z0-9_]{1,32}", str(command.get("command", ""))):
        raise bad_request("BOT_COMMAND_INVALID")
    if not 1 <= len(str(command.get("description", ""))) <= 256:
        raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")


def _scope(call: Call) -> tuple[str, str]:
    """Return scope and language of a list of commands, as a key."""
    scope = call.json_object("scope", "BotCommandScope") or {"type": "default"}
    kind = str(scope.get("type"))
    if kind not in _SCOPES:
        raise bad_request("can't parse BotCommandScope: unsupported type specified")
    named = [scope.get(name) for name in _SCOPES[kind]]
    if None in named:
        raise bad_request("chat_id is empty")
    return " ".join([kind, *map(str, named)]), _language(call)


def _language(call: Call) -> str:
    language = call.text("language_code")
    if not re.fullmatch(r"(?:[a-z]{2})?", language):
        raise bad_request("invalid language code specified")
    return language


async def set_description(call: Call) -> Any:
    """Check a long or short description; nobody reads it here."""
    _language(call)
    for name, limit in _DESCRIPTION_LIMITS.items():
        if len(call.text(name)) > limit:
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
