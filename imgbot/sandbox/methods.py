"""Bot API methods that the bot calls, each with its parameters; every other one is unknown."""
# ruff: noqa: D101 -- a method and its class have the same name

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, Json as JsonText

from imgbot.sandbox.api_errors import ApiError, bad_request
from imgbot.sandbox.bot_objects import (
    BotCommand,
    BotCommandScope,
    BotObject,
    Captioned,
    EphemeralMessageParameters,
    InlineQueryResult,
    InlineQueryResultsButton,
    InputMedia,
    InputSticker,
    InvoiceOffer,
    MediaKind,
    MessageEntity,
    PictureKind,
    ReplyMarkup,
    ReplyParameters,
)
from imgbot.sandbox.entities import TEXT_LIMIT, text_part, utf16_length
from imgbot.sandbox.state import (
    INLINE_LIFETIME_S,
    Chat,
    InlineQuery,
    Json,
    Post,
    Query,
    SandboxState,
    StickerSet,
)
from imgbot.sandbox.updates import CALLBACK_LIFETIME_S, MAX_TIMEOUT_S

_NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same"
    " as a current content and reply markup of the message"
)
_WEBHOOK_ACTIVE = (
    "Conflict: can't use getUpdates method while webhook is active;"
    " use deleteWebhook to delete the webhook first"
)
_MAX_UPDATES = 100
_QUERY_TOO_OLD = "query is too old and response timeout expired or query ID is invalid"
_COPIED = (
    *("text", "entities", "photo", "document", "sticker", "caption", "caption_entities"),
    "has_media_spoiler",
)
_DELETABLE_S = 48 * 3600
_EPHEMERAL_S = 15
_GUEST_LIFETIME_S = 30
"""Telegram does not publish it; that of inline queries."""
_PHOTO_BYTES = 10 << 20
_DOWNLOAD_BYTES = 20 << 20
_ANSWER_LIMIT = 200
_SET_NAME_LENGTH = 64

AnyQuery = TypeVar("AnyQuery", Query, InlineQuery)
Language = Annotated[str, Field(pattern=r"^([a-z]{2})?$")]


class RawJson(str):
    """Result that is JSON text already."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """File uploaded with a call; deleted when the call ends."""

    path: Path
    name: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Call:
    """One call: the sandbox, the files sent with it, and whether the caller still waits."""

    state: SandboxState
    uploads: Mapping[str, UploadedFile]
    is_caller_gone: Callable[[], bool]

    async def picture(self, kind: MediaKind, source: str) -> Json:
        """Return a photo, document or sticker as part of a message: an upload, or a known file."""
        upload = self.uploads.get(source.removeprefix("attach://") or kind)
        if upload is None:
            return self.known(kind, source)
        if not upload.size_bytes:
            raise bad_request("file must be non-empty")
        if kind == "document":
            return await self.state.files.keep_document(upload.path, upload.name)
        if kind == "sticker":
            return await self.state.files.keep_sticker(upload.path)
        if upload.size_bytes > _PHOTO_BYTES:
            raise bad_request(
                f"file of size {upload.size_bytes} bytes is too big for a photo;"
                f" the maximum size is {_PHOTO_BYTES} bytes"
            )
        return await self.state.files.keep_photo(upload.path)

    def known(self, kind: MediaKind, file_id: str) -> Json:
        """Return the photo, document or sticker of a handle; URLs are not fetched."""
        if not file_id:
            raise bad_request(f"there is no {kind} in the request")
        whole = self.state.files.whole(file_id)
        if whole is None:
            raise bad_request("wrong file identifier/HTTP URL specified")
        if kind not in whole:
            given = next(iter(whole)).capitalize()
            raise bad_request(f"can't use file of type {given} as {kind.capitalize()}")
        return whole


class Method(BotObject):
    """Parameters of a call, each as text or JSON."""

    chat_id: str = ""

    async def act(self, call: Call) -> Any:  # noqa: ARG002
        """Do what the method does, and return its result. Raises ApiError."""
        return True

    def chat(self, call: Call) -> Chat:
        return call.state.chat_for_bot(self.chat_id)


# Updates


class GetUpdates(Method):
    offset: int = 0
    limit: int = _MAX_UPDATES
    timeout: int = 0
    allowed_updates: JsonText[list[str]] | None = None

    async def act(self, call: Call) -> Any:
        if call.state.webhook_url:
            raise ApiError(409, _WEBHOOK_ACTIVE)
        if self.allowed_updates is not None:
            call.state.updates.allow(frozenset(self.allowed_updates))
        limit = self.limit if 1 <= self.limit <= _MAX_UPDATES else _MAX_UPDATES
        timeout_s = min(max(self.timeout, 0), MAX_TIMEOUT_S)
        found = await call.state.updates.poll(self.offset, limit, timeout_s, call.is_caller_gone)
        return RawJson(f"[{','.join(update.text for update in found)}]")


class SetWebhook(Method):
    """Nothing is sent to the address: only its conflict with getUpdates is simulated."""

    url: str = ""

    async def act(self, call: Call) -> Any:
        call.state.webhook_url = self.url
        if self.url:
            call.state.updates.interrupt("Conflict: terminated by setWebhook request")
        return True


class DeleteWebhook(Method):
    drop_pending_updates: bool = False

    async def act(self, call: Call) -> Any:
        if self.drop_pending_updates:
            call.state.updates.clear()
        call.state.webhook_url = ""
        return True


class GetWebhookInfo(Method):
    async def act(self, call: Call) -> Any:
        count = call.state.updates.count()
        url = call.state.webhook_url
        return {"url": url, "has_custom_certificate": False, "pending_update_count": count}


# New messages


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
            raise bad_request(_QUERY_TOO_OLD)
        if call.state.now() - query.asked_at > _EPHEMERAL_S:
            raise bad_request(_QUERY_TOO_OLD)
        if seen_by.replace_callback_query_message and query.is_of_ephemeral:
            raise bad_request("MESSAGE_ID_INVALID")
        return True

    def _is_reply(self, call: Call, chat: Chat, user_id: int) -> bool:
        """Return True for the answer to an ephemeral message that the user sent just before."""
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


# Existing messages


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
        if self.media.has_spoiler and self.media.type == "photo":
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


# Queries


def _open(call: Call, query: AnyQuery | None, lifetime_s: float) -> AnyQuery:
    """Return the query, which must still be waiting for its answer."""
    if query is None or query.is_answered or call.state.now() - query.asked_at > lifetime_s:
        raise bad_request(_QUERY_TOO_OLD)
    return query


class AnswerCallbackQuery(Method):
    callback_query_id: str
    text: str = ""
    show_alert: bool = False

    async def act(self, call: Call) -> Any:
        if utf16_length(self.text) > _ANSWER_LIMIT:
            raise bad_request("MESSAGE_TOO_LONG")
        query = _open(call, call.state.queries.get(self.callback_query_id), CALLBACK_LIFETIME_S)
        query.is_answered, query.answer = True, self.text
        call.state.events.publish(
            "callback_answer",
            chat_id=query.chat_id,
            callback_query_id=self.callback_query_id,
            user_id=query.user_id,
            text=self.text,
            show_alert=self.show_alert,
        )
        return True


class AnswerInlineQuery(Method):
    """Results are not cached here: every query reaches the bot."""

    inline_query_id: str
    results: Annotated[JsonText[list[InlineQueryResult]], Field(max_length=50)]
    cache_time: int = 300
    is_personal: bool = False
    button: JsonText[InlineQueryResultsButton] | None = None

    async def act(self, call: Call) -> Any:
        offers: dict[str, tuple[Json, Json]] = {}
        for result in self.results:
            if result.id in offers:
                raise bad_request("RESULT_ID_DUPLICATE")
            content = _content_of(call, result)
            view = result.model_dump(include={"id", "type", "title"}, exclude_unset=True)
            offers[result.id] = view | content, content
        query = call.state.inline_queries.get(self.inline_query_id)
        _open(call, query, INLINE_LIFETIME_S).give(offers)
        return True


# Sticker sets


class OfStickerSet(Method):
    """Parameters of a method that names a sticker set."""

    name: str

    def found(self, call: Call, user_id: int) -> StickerSet:
        found = call.state.sticker_sets.get(self.name.lower())
        if found is None or found.user_id != user_id:
            raise bad_request("STICKERSET_INVALID")
        return found


class CreateNewStickerSet(OfStickerSet):
    user_id: int
    title: Annotated[str, Field(min_length=1, max_length=64)]
    stickers: Annotated[JsonText[list[InputSticker]], Field(min_length=1, max_length=50)]
    sticker_type: Literal["regular"] = "regular"

    async def act(self, call: Call) -> Any:
        owner = call.state.chats.get(self.user_id)
        if owner is None or not owner.is_private or not owner.is_started:
            raise bad_request("PEER_ID_INVALID")
        end = re.escape(f"_by_{call.state.bot['username']}")
        is_named = re.fullmatch(rf"[a-z](?!.*__)\w*{end}", self.name, re.ASCII | re.IGNORECASE)
        if not is_named or len(self.name) > _SET_NAME_LENGTH:
            raise bad_request("sticker set name invalid")
        if self.name.lower() in call.state.sticker_sets:
            raise bad_request("sticker set name is already occupied")
        made = StickerSet(self.user_id, self.title)
        for each in self.stickers:
            made.add(call.known("sticker", each.sticker)["sticker"])
        call.state.sticker_sets[self.name.lower()] = made
        return True


class AddStickerToSet(OfStickerSet):
    user_id: int
    sticker: JsonText[InputSticker]

    async def act(self, call: Call) -> Any:
        found = self.found(call, self.user_id)
        if not found.add(call.known("sticker", self.sticker.sticker)["sticker"]):
            raise bad_request("STICKERS_TOO_MUCH")
        return True


class DeleteStickerSet(OfStickerSet):
    async def act(self, call: Call) -> Any:
        if call.state.sticker_sets.pop(self.name.lower(), None) is None:
            raise bad_request("STICKERSET_INVALID")
        return True


class AnswerGuestQuery(Method):
    """The message is not the bot's own: it is edited by its inline id alone."""

    guest_query_id: str
    result: JsonText[InlineQueryResult]

    async def act(self, call: Call) -> Any:
        asked = call.state.guest_queries.get(self.guest_query_id)
        query = _open(call, asked, _GUEST_LIFETIME_S)
        content = _content_of(call, self.result)
        query.is_answered = True
        content |= {"guest_bot_caller_user": call.state.users[query.user_id]}
        chat = call.state.chats[query.chat_id]
        post = call.state.add_post(chat, call.state.bot, content)
        return {"inline_message_id": call.state.add_inline_post(chat, post)}


def _content_of(call: Call, result: InlineQueryResult) -> Json:
    """Return the message that an inline result becomes."""
    if result.type != "article":
        file_id = result.photo_file_id or result.document_file_id
        return call.known(result.type, file_id) | result.caption_part() | result.reply_markup.part()
    if result.input_message_content is None or not result.title:
        raise bad_request("MESSAGE_EMPTY")
    text = result.input_message_content.message_text
    return text_part(text) | result.reply_markup.part()


# Payments in Telegram Stars


class SendInvoice(Send, InvoiceOffer):
    async def act(self, call: Call) -> Any:
        if self.subscription_period or self.reply_markup.inline_keyboard:
            raise bad_request("a subscription, or another keyboard, needs createInvoiceLink")
        invoice = self.invoice()
        pay = {"text": f"Pay ⭐️{invoice.amount}", "pay": True}
        keyboard = {"reply_markup": {"inline_keyboard": [[pay]]}}
        sent = self.post(call, invoice.message_part() | keyboard)
        call.state.stars.messages[self.chat(call).id, sent["message_id"]] = invoice
        return sent


class CreateInvoiceLink(Method, InvoiceOffer):
    async def act(self, call: Call) -> Any:
        return call.state.stars.link(self.invoice())


class AnswerPreCheckoutQuery(Method):
    pre_checkout_query_id: str
    ok: bool
    error_message: str = ""

    async def act(self, call: Call) -> Any:
        checkout = call.state.stars.checkouts.get(self.pre_checkout_query_id)
        if checkout is None or checkout.done():
            raise bad_request(_QUERY_TOO_OLD)
        if not (self.ok or self.error_message):
            raise bad_request("error message must be non-empty")
        checkout.set_result("" if self.ok else self.error_message)
        return True


class RefundStarPayment(Method):
    user_id: int
    telegram_payment_charge_id: str

    async def act(self, call: Call) -> Any:
        state, charge_id = call.state, self.telegram_payment_charge_id
        part = state.stars.refund(self.user_id, charge_id, int(state.now()))
        chat = state.chat(self.user_id)
        post = state.add_post(chat, state.bot, {"refunded_payment": part})
        state.updates.add("message", post.message)
        return True


class EditUserStarSubscription(Method):
    user_id: int
    telegram_payment_charge_id: str
    is_canceled: bool

    async def act(self, call: Call) -> Any:
        state, charge_id = call.state, self.telegram_payment_charge_id
        edit, at_s = state.stars.edit_subscription, int(state.now())
        edit(self.user_id, charge_id, at_s, is_cancelled=self.is_canceled)
        return True


class GetStarTransactions(Method):
    offset: Annotated[int, Field(ge=0)] = 0
    limit: Annotated[int, Field(ge=1, le=100)] = 100

    async def act(self, call: Call) -> Any:
        found = call.state.stars.transactions[self.offset : self.offset + self.limit]
        return {"transactions": found}


# The bot itself


class GetMe(Method):
    async def act(self, call: Call) -> Any:
        return call.state.bot | {
            "can_join_groups": True,
            "can_read_all_group_messages": False,
            "supports_inline_queries": True,
            "supports_guest_queries": True,
            "can_connect_to_business": False,
            "has_main_web_app": False,
        }


class GetFile(Method):
    file_id: str

    async def act(self, call: Call) -> Any:
        file = call.state.files.find(self.file_id)
        if file is None:
            raise bad_request("invalid file_id")
        if file.size_bytes > _DOWNLOAD_BYTES:
            raise bad_request("file is too big")
        return file.handles() | {"file_path": file.file_path}


class GetMyCommands(Method):
    scope: JsonText[BotCommandScope] = BotCommandScope()
    language_code: Language = ""

    @property
    def place(self) -> tuple[str, int, str]:
        return self.scope.type, self.scope.chat_id, self.language_code

    async def act(self, call: Call) -> Any:
        return call.state.commands.get(self.place, [])


class SetMyCommands(GetMyCommands):
    commands: Annotated[JsonText[list[BotCommand]], Field(max_length=100)]

    async def act(self, call: Call) -> Any:
        call.state.commands[self.place] = [command.given() for command in self.commands]
        call.state.events.publish("commands", commands=call.state.private_commands())
        return True


class SetMyDescription(Method):
    """Checked; nobody reads it here."""

    description: Annotated[str, Field(max_length=512)] = ""
    language_code: Language = ""


class SetMyShortDescription(SetMyDescription):
    short_description: Annotated[str, Field(max_length=120)] = ""


METHODS: Mapping[str, type[Method]] = {
    method.__name__[0].lower() + method.__name__[1:]: method
    for method in (
        *(GetUpdates, SetWebhook, DeleteWebhook, GetWebhookInfo),
        *(SendMessage, SendPhoto, SendDocument, SendSticker, CopyMessage),
        *(EditMessageText, EditMessageMedia, EditMessageReplyMarkup, DeleteMessage),
        *(EditEphemeralMessageText, DeleteEphemeralMessage),
        *(CreateNewStickerSet, AddStickerToSet, DeleteStickerSet),
        *(AnswerCallbackQuery, AnswerInlineQuery, AnswerGuestQuery, GetMe, GetFile),
        *(SendInvoice, CreateInvoiceLink, AnswerPreCheckoutQuery),
        *(RefundStarPayment, EditUserStarSubscription, GetStarTransactions),
        *(SetMyCommands, GetMyCommands, SetMyDescription, SetMyShortDescription),
    )
}
