"""Methods that send, change and delete messages."""
# ruff: noqa: D101 -- a method and its class have the same name

from typing import Annotated, Any

from pydantic import Field, Json as JsonText

from imgbot.sandbox.api_errors import bad_request
from imgbot.sandbox.bot_objects import (
    BotObject,
    Captioned,
    EphemeralMessageParameters,
    InputMedia,
    MessageEntity,
    PictureKind,
    ReplyMarkup,
    ReplyParameters,
)
from imgbot.sandbox.calls import QUERY_TOO_OLD, Call, Method
from imgbot.sandbox.entities import TEXT_LIMIT, text_part, utf16_length
from imgbot.sandbox.state import Chat, Json, Post

_NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same"
    " as a current content and reply markup of the message"
)
_COPIED = (
    *("text", "entities", "photo", "document", "sticker", "video", "animation"),
    *("caption", "caption_entities", "has_media_spoiler"),
)
_DELETABLE_S = 48 * 3600
_EPHEMERAL_S = 15


class Send(Method):
    """Parameters of every new message."""

    message_thread_id: int = 0
    reply_parameters: JsonText[ReplyParameters] = ReplyParameters()
    reply_markup: JsonText[ReplyMarkup] = ReplyMarkup()

    def post(self, call: Call, part: Json) -> Json:
        """Post a validated content to the chat of the call."""
        chat = self.chat(call)
        may_go_without = self.reply_parameters.allow_sending_without_reply
        reply = self._reply(call, chat, may_go_without=may_go_without)
        content = topic(chat, self.message_thread_id) | reply
        call.state.floods.admit(chat.id)
        content |= part | self.reply_markup.part()
        sent = call.state.add_post(chat, call.state.bot, content, self.reply_markup.client_part())
        return sent.message

    def _reply(self, call: Call, chat: Chat, *, may_go_without: bool) -> Json:
        wanted = self.reply_parameters
        if wanted.ephemeral_message_id:
            raise bad_request("a reply to an ephemeral message must be ephemeral, too")
        if post := chat.live(wanted.message_id):
            return {"reply_to_message": call.state.reply_copy(post)}
        if wanted.message_id and not may_go_without:
            raise bad_request("message to be replied not found")
        return {}


def topic(chat: Chat, thread_id: int) -> Json:
    """Return the topic of a message; 0 is none."""
    if not thread_id:
        return {}
    if thread_id not in chat.threads:
        raise bad_request("message thread not found")
    return {"message_thread_id": thread_id, "is_topic_message": True}


class Texted(BotObject):
    """Text of a new or an edited message."""

    text: str = ""
    entities: JsonText[tuple[MessageEntity, ...]] = ()

    def text_part(self) -> Json:
        part = text_part(self.text, [entity.given() for entity in self.entities])
        if not part:
            raise bad_request("message text is empty")
        if utf16_length(part["text"]) > TEXT_LIMIT:
            raise bad_request("message is too long")
        return part


class SendMessage(Send, Texted):
    ephemeral_message_parameters: JsonText[EphemeralMessageParameters] | None = None

    async def act(self, call: Call) -> Any:
        part, seen_by = self.text_part(), self.ephemeral_message_parameters
        return self._show(call, part, seen_by) if seen_by else self.post(call, part)

    def _show(self, call: Call, part: Json, seen_by: EphemeralMessageParameters) -> Json:
        """Post a message that one member of a group sees."""
        chat, user_id = self.chat(call), seen_by.receiver_user_id
        if chat.is_private:
            raise bad_request("ephemeral messages can be sent only to groups and supergroups")
        if user_id not in chat.members:
            raise bad_request("user not found")
        content = topic(chat, self.message_thread_id)
        is_answer = self._is_answer(call, chat, seen_by)
        if self.reply_parameters.ephemeral_message_id:
            # The message replied to is left out of the answer, as it may be.
            is_answer = self._is_reply(call, chat, user_id) or is_answer
        else:
            content |= self._reply(call, chat, may_go_without=False)
        if not (is_answer or chat.is_admin):
            raise bad_request("BOT_NOT_ADMIN")
        call.state.floods.admit(chat.id)
        content |= part | self.reply_markup.part()
        user, ask = call.state.users[user_id], self.reply_markup.client_part()
        return call.state.add_ephemeral(chat, call.state.bot, user, content, ask).message

    def _is_answer(self, call: Call, chat: Chat, seen_by: EphemeralMessageParameters) -> bool:
        if not seen_by.callback_query_id:
            if seen_by.replace_callback_query_message:
                raise bad_request("MESSAGE_ID_INVALID")
            return False
        query = call.state.queries.get(seen_by.callback_query_id)
        if query is None or (query.user_id, query.chat_id) != (seen_by.receiver_user_id, chat.id):
            raise bad_request(QUERY_TOO_OLD)
        if call.state.now() - query.asked_at > _EPHEMERAL_S:
            raise bad_request(QUERY_TOO_OLD)
        if seen_by.replace_callback_query_message and query.is_of_ephemeral:
            raise bad_request("MESSAGE_ID_INVALID")
        return True

    def _is_reply(self, call: Call, chat: Chat, user_id: int) -> bool:
        """Return true for the answer to an ephemeral message that the user sent just before."""
        post = chat.live(-self.reply_parameters.ephemeral_message_id)
        if post is None or not post.is_shown_to(user_id):
            if self.reply_parameters.allow_sending_without_reply:
                return False
            raise bad_request("message to be replied not found")
        return not post.is_outgoing and call.state.now() - post.message["date"] <= _EPHEMERAL_S


class SendPicture(Send, Captioned):
    """Parameters of a new photo or document."""

    async def send(self, call: Call, kind: PictureKind, source: str, part: Json) -> Json:
        # Refused before a picture is read.
        part |= self.caption_part()
        self.chat(call)
        return self.post(call, await call.picture(kind, source) | part)


class SendPhoto(SendPicture):
    photo: str = ""
    has_spoiler: bool = False

    async def act(self, call: Call) -> Any:
        spoiler = {"has_media_spoiler": True} if self.has_spoiler else {}
        return await self.send(call, "photo", self.photo, spoiler)


class SendDocument(SendPicture):
    document: str = ""
    disable_content_type_detection: bool = False

    async def act(self, call: Call) -> Any:
        return await self.send(call, "document", self.document, {})


class SendSticker(Send):
    sticker: str = ""
    emoji: str = ""

    async def act(self, call: Call) -> Any:
        self.chat(call)
        part = await call.picture("sticker", self.sticker)
        if self.emoji:
            part = {"sticker": part["sticker"] | {"emoji": self.emoji}}
        return self.post(call, part)


def _copied(post: Post, *further: str) -> Json:
    """Return the content of a message, and `further` parts."""
    return {name: post.message[name] for name in (*_COPIED, *further) if name in post.message}


class CopyMessage(Send):
    from_chat_id: str = ""
    message_id: Annotated[int, Field(ge=0)] = 0

    async def act(self, call: Call) -> Any:
        post = call.state.chat_for_bot(self.from_chat_id).live(self.message_id)
        if post is None:
            raise bad_request("message to copy not found")
        part = _copied(post)
        if not part:
            raise bad_request("message can't be copied")
        return {"message_id": self.post(call, part)["message_id"]}


class OfMessage(Method):
    message_id: int = 0

    def found(self, call: Call, verb: str) -> tuple[Chat, Post]:
        chat = self.chat(call)
        if self.message_id <= 0:
            raise bad_request("message identifier is not specified")
        post = chat.live(self.message_id)
        if post is None:
            raise bad_request(f"message to {verb} not found")
        return chat, post


class Edit(OfMessage):
    """Parameters of every edit, of a message of the bot or of one sent via it."""

    reply_markup: JsonText[ReplyMarkup] = ReplyMarkup()
    inline_message_id: str = ""

    def found(self, call: Call, verb: str) -> tuple[Chat, Post]:
        if not self.inline_message_id:
            return super().found(call, verb)
        held = call.state.inline_posts.get(self.inline_message_id)
        if held is None or held[1].is_deleted:
            raise bad_request("MESSAGE_ID_INVALID")
        return held

    def own(self, call: Call) -> Post:
        """Return the message to edit, which must exist and be the bot's own."""
        _, post = self.found(call, "edit")
        if not (post.is_outgoing or self.inline_message_id):
            raise bad_request("message can't be edited")
        return post

    def edit(self, call: Call, part: Json) -> Json | bool:
        # Looked up now: the user may have deleted the message while a picture was processed.
        post, chat = self.own(call), self.found(call, "edit")[0]
        part |= self.reply_markup.part()
        if part == _copied(post, "reply_markup"):
            raise bad_request(_NOT_MODIFIED)
        call.state.floods.admit(chat.id)
        call.state.change_post(chat, post, part)
        return True if self.inline_message_id else post.message


class EditMessageText(Edit, Texted):
    async def act(self, call: Call) -> Any:
        part = self.text_part()
        if "text" not in self.own(call).message:
            raise bad_request("there is no text in the message to edit")
        return self.edit(call, part)


class EditMessageMedia(Edit):
    media: JsonText[InputMedia]

    async def act(self, call: Call) -> Any:
        caption = self.media.caption_part()
        self.own(call)
        if self.inline_message_id and self.media.media.startswith("attach://"):
            raise bad_request("a new file can't be uploaded; use its file_id or specify a URL")
        part = await call.picture(self.media.type, self.media.media) | caption
        if self.media.has_spoiler and self.media.type != "document":
            part["has_media_spoiler"] = True
        return self.edit(call, part)


class EditMessageReplyMarkup(Edit):
    async def act(self, call: Call) -> Any:
        return self.edit(call, _copied(self.own(call)))


class DeleteMessage(OfMessage):
    async def act(self, call: Call) -> Any:
        chat, post = self.found(call, "delete")
        is_young = call.state.now() - post.message["date"] < _DELETABLE_S
        if not is_young or not (chat.is_private or post.is_outgoing):
            raise bad_request("message can't be deleted for everyone")
        call.state.delete_post(chat, post)
        return True


class OfEphemeral(Method):
    """Parameters of a method that names an ephemeral message, and the user who sees it."""

    receiver_user_id: int
    ephemeral_message_id: int

    def found(self, call: Call) -> tuple[Chat, Post]:
        chat = self.chat(call)
        post = chat.live(-self.ephemeral_message_id)
        if post is None or not post.is_outgoing or not post.is_shown_to(self.receiver_user_id):
            raise bad_request("MESSAGE_ID_INVALID")
        return chat, post


class EditEphemeralMessageText(OfEphemeral, Texted):
    reply_markup: JsonText[ReplyMarkup] = ReplyMarkup()

    async def act(self, call: Call) -> Any:
        (chat, post), part = self.found(call), self.text_part() | self.reply_markup.part()
        if part == _copied(post, "reply_markup"):
            raise bad_request(_NOT_MODIFIED)
        call.state.floods.admit(chat.id)
        call.state.change_post(chat, post, part)
        return True


class DeleteEphemeralMessage(OfEphemeral):
    async def act(self, call: Call) -> Any:
        call.state.delete_post(*self.found(call))
        return True
