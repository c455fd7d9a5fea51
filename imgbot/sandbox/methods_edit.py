"""Methods that edit, delete and react to existing messages."""

from typing import Any

from imgbot.sandbox.api_errors import NOT_MODIFIED, WRONG_FILE, bad_request
from imgbot.sandbox.arguments import Arguments, Json
from imgbot.sandbox.chats import Chat, Post
from imgbot.sandbox.media import Media
from imgbot.sandbox.message_fields import Contents
from imgbot.sandbox.methods import Methods
from imgbot.sandbox.pictures import PictureRefusedError
from imgbot.sandbox.reactions import EMOJI
from imgbot.sandbox.state import SandboxState

_DELETABLE_S = 48 * 3600
_MAX_DELETED = 100
_CONTENT = (
    "text",
    "entities",
    "link_preview_options",
    "photo",
    "document",
    "caption",
    "caption_entities",
    "show_caption_above_media",
    "has_media_spoiler",
    "reply_markup",
)


async def edit_message_text(world: SandboxState, arguments: Arguments) -> Any:
    contents = Contents(world, arguments)
    part = contents.text() | contents.keyboard(only_inline=True)
    chat, post = _own_post(world, arguments)
    if "text" not in post.message:
        raise bad_request("there is no text in the message to edit")
    return _edit(world, arguments, chat, post, part)


async def edit_message_caption(world: SandboxState, arguments: Arguments) -> Any:
    contents = Contents(world, arguments)
    part = contents.caption() | contents.keyboard(only_inline=True)
    chat, post = _own_post(world, arguments)
    kinds = ("photo", "document", "has_media_spoiler")
    media = {kind: post.message[kind] for kind in kinds if kind in post.message}
    if not media:
        raise bad_request("there is no caption in the message to edit")
    return _edit(world, arguments, chat, post, media | part)


async def edit_message_media(world: SandboxState, arguments: Arguments) -> Any:
    contents = Contents(world, arguments)
    item = arguments.json_object("media", "InputMedia")
    if item is None:
        raise bad_request("can't parse InputMedia JSON object")
    keyboard = contents.keyboard(only_inline=True)
    _, post = _own_post(world, arguments)
    if post.inline_id and arguments.uploads:
        # UNVERIFIED: the words; that nothing can be uploaded here is documented.
        raise bad_request(WRONG_FILE)
    if "media_group_id" in post.message and item.get("type") not in post.message:
        raise bad_request("can't use the media of the specified type in the album")
    try:
        part = await Media(world, arguments).item(item)
    except PictureRefusedError as refused:
        raise bad_request(str(refused)) from None
    # Looked up again: the user may have deleted the message while the picture was processed.
    chat, post = _own_post(world, arguments)
    return _edit(world, arguments, chat, post, part | keyboard)


async def edit_message_reply_markup(world: SandboxState, arguments: Arguments) -> Any:
    keyboard = Contents(world, arguments).keyboard(only_inline=True)
    chat, post = _own_post(world, arguments)
    part = {name: part for name, part in _content(post).items() if name != "reply_markup"}
    return _edit(world, arguments, chat, post, part | keyboard)


def _own_post(world: SandboxState, arguments: Arguments) -> tuple[Chat, Post]:
    """Return the message to edit, which must exist and be the bot's own."""
    if inline_id := arguments.text("inline_message_id"):
        found = world.inline.message(inline_id)
        if found is None:
            raise bad_request("MESSAGE_ID_INVALID")
        return found
    chat = world.chat_for_bot(arguments.text("chat_id"))
    message_id = arguments.integer("message_id")
    if message_id <= 0:
        raise bad_request("message identifier is not specified")
    post = chat.live(message_id)
    if post is None:
        raise bad_request("message to edit not found")
    if not post.is_outgoing:
        raise bad_request("message can't be edited")
    return chat, post


def _content(post: Post) -> Json:
    return {name: post.message[name] for name in _CONTENT if name in post.message}


def _edit(world: SandboxState, arguments: Arguments, chat: Chat, post: Post, part: Json) -> Any:
    """Edit the message; return the message, or True for one sent via the bot."""
    if part == _content(post):
        raise bad_request(NOT_MODIFIED)
    world.floods.admit(chat.id)
    world.change_post(chat, post, part)
    return True if arguments.text("inline_message_id") else post.message


async def delete_message(world: SandboxState, arguments: Arguments) -> Any:
    chat = world.chat_for_bot(arguments.text("chat_id"))
    message_id = arguments.integer("message_id")
    if message_id <= 0:
        raise bad_request("message identifier is not specified")
    post = chat.live(message_id)
    if post is None:
        raise bad_request("message to delete not found")
    if not _is_deletable(world, chat, post):
        raise bad_request("message can't be deleted for everyone")
    world.delete_post(chat, post)
    return True


async def delete_messages(world: SandboxState, arguments: Arguments) -> Any:
    message_ids = arguments.json("message_ids", "message identifiers")
    if not isinstance(message_ids, list) or not message_ids:
        raise bad_request("message identifiers are not specified")
    if len(message_ids) > _MAX_DELETED:
        raise bad_request("too many message identifiers specified")
    chat = world.chat_for_bot(arguments.text("chat_id"))
    for message_id in message_ids:
        post = chat.live(message_id) if isinstance(message_id, int) else None
        # Missing messages are skipped, as documented.
        if post and _is_deletable(world, chat, post):
            world.delete_post(chat, post)
    return True


def _is_deletable(world: SandboxState, chat: Chat, post: Post) -> bool:
    is_young = world.now() - post.message["date"] < _DELETABLE_S
    return is_young and (chat.is_private or post.is_outgoing)


async def set_message_reaction(world: SandboxState, arguments: Arguments) -> Any:
    contents = Contents(world, arguments)
    reactions = arguments.json_objects("reaction", "ReactionType") or []
    emoji: list[str] = []
    for reaction in reactions:
        contents.note_fields("ReactionTypeEmoji", reaction)
        if reaction.get("type") == "emoji" and not isinstance(reaction.get("emoji"), str):
            raise bad_request("can't parse ReactionType: Can't find field \"emoji\"")
        if reaction.get("type") not in {"emoji", "custom_emoji"}:
            raise bad_request("can't parse ReactionType: invalid reaction type specified")
        emoji.append(reaction.get("emoji", ""))
    chat = world.chat_for_bot(arguments.text("chat_id"))
    post = chat.live(arguments.integer("message_id"))
    if post is None:
        raise bad_request("message to react not found")
    if len(emoji) > 1:
        raise bad_request("REACTIONS_TOO_MANY")
    if not EMOJI.issuperset(emoji):
        raise bad_request("REACTION_INVALID")
    world.react(chat, _first_of_album(chat, post), emoji)
    return True


def _first_of_album(chat: Chat, post: Post) -> Post:
    """Return the first message of an album, which carries its reactions."""
    group = post.message.get("media_group_id")
    if not group:
        return post
    album = (p for p in chat.posts.values() if p.message.get("media_group_id") == group)
    return next((p for p in album if not p.is_deleted), post)


METHODS: Methods = {
    "editMessageText": edit_message_text,
    "editMessageCaption": edit_message_caption,
    "editMessageMedia": edit_message_media,
    "editMessageReplyMarkup": edit_message_reply_markup,
    "deleteMessage": delete_message,
    "deleteMessages": delete_messages,
    "setMessageReaction": set_message_reaction,
}
