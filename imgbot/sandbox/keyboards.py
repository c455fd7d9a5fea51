"""Keyboards under messages, validated as Telegram does."""

import re
from collections.abc import Callable
from typing import Any, cast

from imgbot.sandbox.api_errors import ApiError, bad_request
from imgbot.sandbox.arguments import BUTTON_ACTIONS, Arguments, Json

NoteFields = Callable[[str, Json], None]

_MAX_BUTTONS = 100
_MAX_IN_ROW = 8
_CALLBACK_DATA_BYTES = 64
_STYLES = frozenset({"danger", "success", "primary"})
_URL = re.compile(r"(?:https?://|tg://)?[^\s/]+\.?[^\s]*", re.IGNORECASE)
_ACTIONS = frozenset(BUTTON_ACTIONS.split())


def reply_markup(
    arguments: Arguments, note_fields: NoteFields, *, only_inline: bool = False
) -> Json | None:
    """Return the inline keyboard of a call, None for none; other keyboards are ignored."""
    markup = arguments.json("reply_markup", "reply keyboard markup")
    if markup is None:
        return None
    if not isinstance(markup, dict):
        raise bad_request("object expected as reply markup")
    markup = cast("Json", markup)
    if "inline_keyboard" in markup:
        note_fields("InlineKeyboardMarkup", markup)
        return _inline_keyboard(markup["inline_keyboard"], note_fields)
    if only_inline and markup:
        raise bad_request("inline keyboard expected")
    note_fields("ForceReply", markup)
    return None


def force_reply(arguments: Arguments) -> Json | None:
    """Return the client fields of a ForceReply: `selective` and the `placeholder`."""
    markup = arguments.json("reply_markup", "reply keyboard markup")
    if not isinstance(markup, dict) or cast("Json", markup).get("force_reply") is not True:
        return None
    markup = cast("Json", markup)
    return {
        "selective": markup.get("selective") is True,
        "placeholder": str(markup.get("input_field_placeholder") or ""),
    }


def _inline_keyboard(rows: Any, note_fields: NoteFields) -> Json | None:
    if not isinstance(rows, list):
        raise bad_request(
            'can\'t parse reply keyboard markup: Field "inline_keyboard" must be of type Array'
        )
    checked = [_row(row, note_fields) for row in cast("list[Any]", rows)]
    checked = [row for row in checked if row]
    if sum(map(len, checked)) > _MAX_BUTTONS or any(len(row) > _MAX_IN_ROW for row in checked):
        raise bad_request("reply markup is too long")
    return {"inline_keyboard": checked} if checked else None


def _row(row: Any, note_fields: NoteFields) -> list[Json]:
    if not isinstance(row, list):
        raise _unparsed("keyboard row must be of type Array", "inline keyboard row")
    return [_button(button, note_fields) for button in cast("list[Any]", row)]


def _button(button: Any, note_fields: NoteFields) -> Json:
    if not isinstance(button, dict):
        raise _unparsed("expected an Object")
    button = cast("Json", button)
    note_fields("InlineKeyboardButton", button)
    text = button.get("text")
    if text is None:
        raise _unparsed('Can\'t find field "text"')
    if not isinstance(text, str):
        raise _unparsed('Field "text" must be of type String')
    if not _ACTIONS & button.keys():
        raise _unparsed("Text buttons are unallowed in the inline keyboard")
    if not text.strip():
        raise bad_request("BUTTON_TEXT_INVALID")
    if button.get("style", "primary") not in _STYLES:
        raise _unparsed("invalid button style specified")
    _check_action(button)
    return button


def _check_action(button: Json) -> None:
    if "callback_data" in button:
        data = button["callback_data"]
        if not isinstance(data, str):
            raise _unparsed('Field "callback_data" must be of type String')
        if not 1 <= len(data.encode()) <= _CALLBACK_DATA_BYTES:
            raise bad_request("BUTTON_DATA_INVALID")
    elif "url" in button:
        url = button["url"]
        if not isinstance(url, str) or not url or not _URL.fullmatch(url):
            raise bad_request("BUTTON_URL_INVALID")
    elif "copy_text" in button:
        copied = button["copy_text"]
        copied = cast("Json", copied).get("text") if isinstance(copied, dict) else None
        if not isinstance(copied, str) or not 1 <= len(copied) <= 256:
            raise bad_request("BUTTON_COPY_TEXT_INVALID")


def _unparsed(reason: str, what: str = "inline keyboard button") -> ApiError:
    return bad_request(f"can't parse {what}: {reason}")
