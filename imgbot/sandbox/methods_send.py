"""Methods that send new messages."""

import secrets
from typing import Any

from imgbot.sandbox.api_errors import bad_request
from imgbot.sandbox.arguments import Arguments, Json
from imgbot.sandbox.media import Media
from imgbot.sandbox.message_fields import Contents
from imgbot.sandbox.methods import Methods
from imgbot.sandbox.pictures import PictureRefusedError
from imgbot.sandbox.state import SandboxState

_MAX_IN_ALBUM = 10
_UPLOADED = ("photo", "video", "voice", "document", "video_note")
_RECORDED = ("video", "voice", "video_note")
_ACTIONS = frozenset(
    {"typing", "choose_sticker", "find_location"}
    | {f"upload_{kind}" for kind in _UPLOADED}
    | {f"record_{kind}" for kind in _RECORDED}
)


async def send_message(world: SandboxState, arguments: Arguments) -> Any:
    contents = Contents(world, arguments)
    return _send(world, arguments, contents, contents.text())


async def send_photo(world: SandboxState, arguments: Arguments) -> Any:
    media, contents = Media(world, arguments), Contents(world, arguments)
    source = arguments.text("photo")
    upload = media.upload("photo", source)
    if upload is None and not source:
        raise bad_request("there is no photo in the request")
    caption = contents.caption()
    if arguments.flag("has_spoiler"):
        caption["has_media_spoiler"] = True
    world.chat_for_bot(arguments.text("chat_id"))
    try:
        part = await media.photo(source, upload)
    except PictureRefusedError as refused:
        raise bad_request(str(refused)) from None
    return _send(world, arguments, contents, part | caption)


async def send_document(world: SandboxState, arguments: Arguments) -> Any:
    media, contents = Media(world, arguments), Contents(world, arguments)
    source = arguments.text("document")
    upload = media.upload("document", source)
    if upload is None and not source:
        raise bad_request("there is no document in the request")
    caption = contents.caption()
    world.chat_for_bot(arguments.text("chat_id"))
    part = await media.document(source, upload)
    return _send(world, arguments, contents, part | caption)


async def send_media_group(world: SandboxState, arguments: Arguments) -> Any:
    contents = Contents(world, arguments)
    items = _album_items(world, arguments)
    world.chat_for_bot(arguments.text("chat_id"))
    parts = await Media(world, arguments).album(items)
    chat = world.chat_for_bot(arguments.text("chat_id"))
    head = contents.head(chat)
    if len(parts) > 1:
        head["media_group_id"] = str(10**16 + secrets.randbelow(10**16))
    world.floods.admit(chat.id, len(parts), is_album=True)
    return [world.add_post(chat, world.bot, head | part).message for part in parts]


def _album_items(world: SandboxState, arguments: Arguments) -> list[Json]:
    items = arguments.json_objects("media", "InputMedia")
    if not items:
        raise bad_request("there are no messages to send")
    if len(items) > _MAX_IN_ALBUM:
        raise bad_request("too many messages to send as an album")
    if len({item.get("type") for item in items}) > 1:
        raise bad_request("document can't be mixed with other media types")
    if len(items) == 1:
        # The servers accept it although the documentation says two to ten.
        world.calls.violation("sendMediaGroup with a single item")
    return items


async def send_chat_action(world: SandboxState, arguments: Arguments) -> Any:
    action = arguments.text("action").lower()
    if action not in _ACTIONS:
        raise bad_request("wrong parameter action in request")
    chat = world.chat_for_bot(arguments.text("chat_id"))
    Contents(world, arguments).check_topic(chat)
    world.events.publish("action", chat_id=chat.id, action=action)
    return True


async def copy_message(world: SandboxState, arguments: Arguments) -> Any:
    contents = Contents(world, arguments)
    origin = world.chat_for_bot(arguments.text("from_chat_id"))
    post = origin.live(arguments.integer("message_id"))
    if post is None:
        raise bad_request("message to copy not found")
    kinds = ("text", "entities", "photo", "document", "caption", "caption_entities")
    kinds += ("has_media_spoiler", "show_caption_above_media")
    part = {kind: post.message[kind] for kind in kinds if kind in post.message}
    if not part:
        raise bad_request("message can't be copied")
    if arguments.has("caption"):
        part = {kind: value for kind, value in part.items() if not kind.startswith("caption")}
        part |= contents.caption()
    return {"message_id": _send(world, arguments, contents, part)["message_id"]}


def _send(world: SandboxState, arguments: Arguments, contents: Contents, part: Json) -> Json:
    """Post a validated content to the chat of the call."""
    keyboard = contents.keyboard()
    chat = world.chat_for_bot(arguments.text("chat_id"))
    head = contents.head(chat)
    world.floods.admit(chat.id)
    content = head | part | keyboard
    return world.add_post(chat, world.bot, content, contents.force_reply()).message


METHODS: Methods = {
    "sendMessage": send_message,
    "sendPhoto": send_photo,
    "sendDocument": send_document,
    "sendMediaGroup": send_media_group,
    "sendChatAction": send_chat_action,
    "copyMessage": copy_message,
}
