"""Menu of photo styles: /styles, and its buttons."""

from pathlib import Path

from aiogram.types import CallbackQuery, Message

from imgbot.bot.dialogue import Dialogue, Question
from imgbot.bot.messages import photo_of
from imgbot.bot.pictures import Pictures
from imgbot.bot.requests import Requests
from imgbot.bot.this_picture import target_of
from imgbot.domain.buttons import Button, ButtonAction, in_rows
from imgbot.domain.errors import UserError
from imgbot.domain.job import InputPhoto
from imgbot.domain.operations import Operation
from imgbot.domain.texts import tables

STYLE = ButtonAction("style", (str, str))
_IN_A_ROW = 7


class StyleMenu:
    """Menu, a picture with a numbered button for each style."""

    def __init__(self, requests: Requests, pictures: Pictures, *, is_on: bool) -> None:
        self._requests = requests
        self._pictures = pictures
        self._is_on = is_on

    async def show(self, message: Message, dialogue: Dialogue) -> None:
        """/styles, about this picture."""
        meant = await self._pictures.meant_in(message, dialogue)
        photo = photo_of(message) or target_of(meant).photo
        if photo is None:
            raise UserError("send_photo_please")
        await self._show_for(photo, dialogue)

    async def on_press(
        self, _: CallbackQuery, style: str, photo_id: str, dialogue: Dialogue
    ) -> str:
        """Show the menu for a photo, or order one of its styles; it can be used again."""
        if photo_id:
            photo = await self._pictures.of_this_chat(photo_id, dialogue)
        else:
            photo = await _photo_offered(dialogue)
        if photo is None:
            return "style_photo_gone" if photo_id else "stale_photo_button"
        names = tables(dialogue.language)["photo_styles"]
        if not style:
            await self._show_for(photo, dialogue)
        elif style in names:
            await self._requests.check_rate_limit(dialogue)
            prompt = dialogue.t("in_photo_style", name=names[style])
            await self._requests.order(dialogue, Operation.EDIT, prompt, (photo,))
        else:
            return "unknown_button"
        return ""

    async def _show_for(self, photo: InputPhoto, dialogue: Dialogue) -> None:
        if not self._is_on:
            raise UserError("photo_styles_unavailable")
        # The next text is not about the photo.
        await dialogue.state.clear()
        language, text, end = dialogue.language, dialogue.t("ask_photo_style"), photo.unique_id
        # Their numbers, as the picture shows them.
        keys = enumerate(tables(language)["photo_styles"], 1)
        rows = in_rows([Button(f"{at}", STYLE.pack(key, end)) for at, key in keys], _IN_A_ROW)
        menu = Path(__file__).parent / "menus" / f"{language}.jpg"
        await dialogue.illustrate(menu, text, rows)


async def _photo_offered(dialogue: Dialogue) -> InputPhoto | None:
    """Return the photo of a button that names none: the open question's."""
    return await dialogue.photo() if await dialogue.is_asking(Question.PHOTO_ACTION) else None
