"""Objects of the Bot API that a bot sends, as far as this bot does.

Any other field of a call is a violation: Telegram ignores unknown fields, so that a misspelt one
goes unnoticed there.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    Field,
    Json as JsonText,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from imgbot.sandbox.api_errors import ApiError, bad_request
from imgbot.sandbox.entities import CAPTION_LIMIT, TEXT_LIMIT, caption_part, utf16_length
from imgbot.sandbox.star_bank import StarInvoice
from imgbot.sandbox.state import Json

PictureKind = Literal["photo", "document"]
ClipKind = Literal["video", "animation"]
MediaKind = PictureKind | ClipKind | Literal["sticker"]

_MAX_BUTTONS = 100
_MAX_IN_ROW = 8
_ID_BYTES = 64
_PAYLOAD_BYTES = 128
_STARS_MAX = 10_000


class BotObject(BaseModel, extra="allow"):
    """Object with the fields that the sandbox knows."""

    parse_mode: str = ""

    @field_validator("parse_mode")
    @classmethod
    def _is_plain(cls, mode: str) -> str:
        if mode:
            raise bad_request("the sandbox formats texts by their entities alone")
        return mode

    def given(self) -> Json:
        return self.model_dump(exclude_unset=True)


def unknown_fields(value: object) -> Iterator[str]:
    """Yield the fields that are not declared, of an object and of those in it."""
    if isinstance(value, list | tuple):
        for part in value:
            yield from unknown_fields(part)
    elif isinstance(value, BotObject):
        kind = type(value).__name__
        yield from (f"unknown field {name} of {kind}" for name in value.model_extra or ())
        yield from unknown_fields([*vars(value).values()])


def refusal_of(error: ValidationError) -> ApiError:
    """Return the refusal of a call that does not have the declared form."""
    first = error.errors(include_url=False)[0]
    return bad_request(f"can't parse {'.'.join(map(str, first['loc']))}: {first['msg']}")


class MessageEntity(BotObject):
    """Formatting of a part of a text."""

    type: Literal[
        "bold", "italic", "underline", "strikethrough", "spoiler", "blockquote", "code", "pre",
        "text_link", "text_mention",
    ]  # fmt: skip
    offset: int
    length: int
    user: dict[str, Any] = {}


class Captioned(BotObject):
    """Parameters with a caption, and its part of a message."""

    caption: str = ""

    def caption_part(self) -> Json:
        part = caption_part(self.caption)
        if utf16_length(part.get("caption", "")) > CAPTION_LIMIT:
            raise bad_request("message caption is too long")
        return part


class InlineKeyboardButton(BotObject):
    """Button under a message."""

    text: Annotated[str, Field(pattern=r"\S")]
    url: Annotated[str, Field(pattern=r"^(https?|tg)://\S+$")] | None = None
    callback_data: str | None = Field(None, validate_default=True)

    @field_validator("callback_data")
    @classmethod
    def _is_short(cls, value: str | None, info: ValidationInfo) -> str | None:
        if (value is None) is not bool(info.data.get("url")):
            raise ValueError("exactly one of the optional fields is needed")
        if value is not None and not 1 <= len(value.encode()) <= _ID_BYTES:
            raise bad_request("BUTTON_DATA_INVALID")
        return value


class LabeledPrice(BotObject):
    """Portion of a price."""

    label: Annotated[str, Field(min_length=1)]
    amount: int


class InvoiceOffer(BotObject):
    """Parameters of an invoice in Telegram Stars; other currencies are not simulated."""

    title: Annotated[str, Field(min_length=1, max_length=32)]
    description: Annotated[str, Field(min_length=1, max_length=255)]
    payload: Annotated[str, Field(min_length=1)]
    provider_token: str = ""
    currency: Literal["XTR"]
    prices: Annotated[JsonText[list[LabeledPrice]], Field(min_length=1, max_length=1)]
    subscription_period: Literal["2592000", ""] = ""

    def invoice(self) -> StarInvoice:
        """Return the invoice. Raises ApiError."""
        [price] = self.prices
        if len(self.payload.encode()) > _PAYLOAD_BYTES:
            raise bad_request("INVOICE_PAYLOAD_INVALID")
        if self.provider_token:
            raise bad_request("PAYMENT_PROVIDER_INVALID")
        if not 1 <= price.amount <= _STARS_MAX:
            raise bad_request("CURRENCY_TOTAL_AMOUNT_INVALID")
        period_s = int(self.subscription_period or 0)
        return StarInvoice(self.title, self.description, self.payload, price.amount, period_s)


class ReplyMarkup(BotObject):
    """Buttons under a message, or the wish that users reply to it."""

    inline_keyboard: list[list[InlineKeyboardButton]] = []
    force_reply: bool = False
    selective: bool = False
    input_field_placeholder: Annotated[str, Field(max_length=64)] = ""

    @model_validator(mode="after")
    def _is_short(self) -> "ReplyMarkup":
        sizes = [len(row) for row in self.inline_keyboard]
        if sum(sizes) > _MAX_BUTTONS or max(sizes, default=0) > _MAX_IN_ROW:
            raise bad_request("reply markup is too long")
        return self

    def part(self) -> Json:
        """Return the part of the message: the buttons."""
        rows = [[button.given() for button in row] for row in self.inline_keyboard if row]
        return {"reply_markup": {"inline_keyboard": rows}} if rows else {}

    def client_part(self) -> Json | None:
        """Return what clients show beside the message, which does not carry it."""
        if not self.force_reply:
            return None
        return {"selective": self.selective, "placeholder": self.input_field_placeholder}


class EphemeralMessageParameters(BotObject):
    """Only user of a group who sees a message, and the press that it answers."""

    receiver_user_id: int
    callback_query_id: str = ""
    replace_callback_query_message: bool = False


class ReplyParameters(BotObject):
    """Message that is replied to."""

    message_id: Annotated[int, Field(ge=0)] = 0
    ephemeral_message_id: Annotated[int, Field(ge=0)] = 0
    allow_sending_without_reply: bool = False


class InputMedia(Captioned):
    """Picture or clip that a message becomes."""

    type: Literal[PictureKind, ClipKind]
    media: Annotated[str, Field(min_length=1)]
    disable_content_type_detection: bool = False
    has_spoiler: bool = False
    supports_streaming: bool = False


class InputSticker(BotObject):
    """Sticker of a set, stored at Telegram; uploads with a set are not simulated."""

    sticker: Annotated[str, Field(min_length=1)]
    format: Literal["static"]
    emoji_list: Annotated[list[str], Field(min_length=1, max_length=20)]
    keywords: Annotated[list[str], Field(max_length=20)] = []


class InputMessageContent(BotObject):
    """Text that an inline result becomes."""

    message_text: Annotated[str, Field(min_length=1, max_length=TEXT_LIMIT)]


class InlineQueryResult(Captioned):
    """Picture stored at Telegram, or a text; other results are not simulated."""

    type: PictureKind | Literal["article"]
    id: str
    description: str = ""
    input_message_content: InputMessageContent | None = None
    reply_markup: ReplyMarkup = ReplyMarkup()
    photo_file_id: str = ""
    document_file_id: str = ""
    title: str = ""

    @field_validator("id")
    @classmethod
    def _is_short(cls, value: str) -> str:
        if not 1 <= len(value.encode()) <= _ID_BYTES:
            raise bad_request("RESULT_ID_INVALID")
        return value


class InlineQueryResultsButton(BotObject):
    """Button above the results, which leads to the bot."""

    text: str
    start_parameter: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class BotCommand(BotObject):
    """Command in the list of a chat."""

    command: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,32}$")]
    description: Annotated[str, Field(min_length=1, max_length=256)]
    is_ephemeral: bool = False


class BotCommandScope(BotObject):
    """Chats in which a list of commands is shown."""

    type: Literal["default", "all_private_chats", "all_group_chats", "chat"] = "default"
    chat_id: int = 0
