"""Methods about the bot itself, its files, its profile and callback queries."""

from typing import Any

from imgbot.sandbox.api_errors import QUERY_TOO_OLD, ApiError, bad_request
from imgbot.sandbox.arguments import Arguments
from imgbot.sandbox.markup import utf16_length
from imgbot.sandbox.message_fields import Contents
from imgbot.sandbox.methods import Method, Methods
from imgbot.sandbox.state import SandboxState
from imgbot.sandbox.updates import CALLBACK_LIFETIME_S

_ANSWER_LIMIT = 200
_DOWNLOAD_BYTES = 20 << 20
_CLOSE_WAIT_S = 600


async def get_me(world: SandboxState, _arguments: Arguments) -> Any:
    return world.bot | {
        "can_join_groups": True,
        "can_read_all_group_messages": False,
        "supports_inline_queries": True,
        "can_connect_to_business": False,
        "has_main_web_app": False,
    }


async def log_out(world: SandboxState, _arguments: Arguments) -> Any:
    world.is_logged_out = True
    return True


async def close(_world: SandboxState, _arguments: Arguments) -> Any:
    # A server refuses this in its first ten minutes, and no sandbox gets older in a test.
    raise ApiError(
        429, f"Too Many Requests: retry after {_CLOSE_WAIT_S}", {"retry_after": _CLOSE_WAIT_S}
    )


async def get_chat(world: SandboxState, arguments: Arguments) -> Any:
    chat = world.chat_for_bot(arguments.text("chat_id"))
    return chat.info | {"accent_color_id": 0, "max_reaction_count": 11}


async def get_file(world: SandboxState, arguments: Arguments) -> Any:
    file_id = arguments.text("file_id")
    if not file_id:
        raise bad_request("file_id not specified")
    file = world.files.find(file_id)
    if file is None or file.kind == "Upload":
        raise bad_request("invalid file_id")
    if file.size_bytes > _DOWNLOAD_BYTES:
        raise bad_request("file is too big")
    return {
        "file_id": file.file_id,
        "file_unique_id": file.unique_id,
        "file_size": file.size_bytes,
        "file_path": file.file_path,
    }


async def answer_callback_query(world: SandboxState, arguments: Arguments) -> Any:
    text = arguments.text("text")
    if utf16_length(text) > _ANSWER_LIMIT:
        raise bad_request("MESSAGE_TOO_LONG")
    if arguments.text("url"):
        raise bad_request("URL_INVALID")
    query_id = arguments.text("callback_query_id")
    query = world.queries.get(query_id)
    is_late = query is None or world.now() - query.asked_at > CALLBACK_LIFETIME_S
    if query is None or is_late or query.is_answered:
        raise bad_request(QUERY_TOO_OLD)
    query.is_answered, query.answer = True, text
    world.events.publish(
        "callback_answer",
        chat_id=query.chat_id,
        callback_query_id=query_id,
        user_id=query.user_id,
        text=text,
        show_alert=arguments.flag("show_alert"),
    )
    return True


async def set_my_commands(world: SandboxState, arguments: Arguments) -> Any:
    world.profile.set_commands(arguments, Contents(world, arguments).note_fields)
    _publish_commands(world)
    return True


async def delete_my_commands(world: SandboxState, arguments: Arguments) -> Any:
    world.profile.delete_commands(arguments)
    _publish_commands(world)
    return True


def _publish_commands(world: SandboxState) -> None:
    world.events.publish("commands", commands=world.profile.for_private_chats())


async def get_my_commands(world: SandboxState, arguments: Arguments) -> Any:
    return world.profile.commands(arguments)


async def set_chat_menu_button(world: SandboxState, arguments: Arguments) -> Any:
    world.profile.set_menu_button(arguments)
    return True


async def get_chat_menu_button(world: SandboxState, _arguments: Arguments) -> Any:
    return world.profile.menu_button


def _text_setter(kind: str) -> Method:
    async def set_text(world: SandboxState, arguments: Arguments) -> Any:
        world.profile.set_text(kind, arguments)
        return True

    return set_text


def _text_getter(kind: str) -> Method:
    async def get_text(world: SandboxState, arguments: Arguments) -> Any:
        return {kind: world.profile.text(kind, arguments)}

    return get_text


METHODS: Methods = {
    "getMe": get_me,
    "logOut": log_out,
    "close": close,
    "getChat": get_chat,
    "getFile": get_file,
    "answerCallbackQuery": answer_callback_query,
    "setMyCommands": set_my_commands,
    "getMyCommands": get_my_commands,
    "deleteMyCommands": delete_my_commands,
    "setChatMenuButton": set_chat_menu_button,
    "getChatMenuButton": get_chat_menu_button,
    "setMyName": _text_setter("name"),
    "getMyName": _text_getter("name"),
    "setMyDescription": _text_setter("description"),
    "getMyDescription": _text_getter("description"),
    "setMyShortDescription": _text_setter("short_description"),
    "getMyShortDescription": _text_getter("short_description"),
}
