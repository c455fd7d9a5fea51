"""Methods that answer queries, and those of sticker sets."""
# ruff: noqa: D101 -- a method and its class have the same name

import re
from typing import Annotated, Any, Literal

from pydantic import Field, Json as JsonText

from imgbot.sandbox.api_errors import bad_request
from imgbot.sandbox.bot_objects import InlineQueryResult, InlineQueryResultsButton, InputSticker
from imgbot.sandbox.calls import Call, Method, open_query
from imgbot.sandbox.entities import text_part, utf16_length
from imgbot.sandbox.state import INLINE_LIFETIME_S, Json, StickerSet
from imgbot.sandbox.updates import CALLBACK_LIFETIME_S

_GUEST_LIFETIME_S = 30
"""Telegram does not publish it; that of inline queries."""
_ANSWER_LIMIT = 200
_SET_NAME_LENGTH = 64


class AnswerCallbackQuery(Method):
    callback_query_id: str
    text: str = ""
    show_alert: bool = False

    async def act(self, call: Call) -> Any:
        if utf16_length(self.text) > _ANSWER_LIMIT:
            raise bad_request("MESSAGE_TOO_LONG")
        pressed = call.state.queries.get(self.callback_query_id)
        query = open_query(call, pressed, CALLBACK_LIFETIME_S)
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
        open_query(call, query, INLINE_LIFETIME_S).give(offers)
        return True


class AnswerGuestQuery(Method):
    """The message is not the bot's own: it is edited by its inline id alone."""

    guest_query_id: str
    result: JsonText[InlineQueryResult]

    async def act(self, call: Call) -> Any:
        mention = call.state.guest_queries.get(self.guest_query_id)
        query = open_query(call, mention, _GUEST_LIFETIME_S)
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
