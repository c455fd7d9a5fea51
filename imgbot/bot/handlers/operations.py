"""Operations: each starts with a command or a button, asks for what is missing, and is ordered.

An operation on one photo that needs no prompt needs no handler of its own.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial, partialmethod
from typing import Any

from aiogram.types import CallbackQuery, Message

from imgbot.bot.commands import ChatCommand, CommandTable
from imgbot.bot.dialogue import (
    PHOTO_STATES,
    Dialogue,
    MessageHandler,
    Question,
    to_state_data,
)
from imgbot.bot.messages import photo_of, prompt_of, replied_picture_of, target_photo
from imgbot.bot.requests import Requests, answer_caption
from imgbot.bot.this_picture import TargetPicture
from imgbot.domain.buttons import Button, ButtonAction, Keyboard, in_rows, one_of
from imgbot.domain.errors import UserError
from imgbot.domain.intents import Intent, PendingQuestion, scale_in
from imgbot.domain.job import InputPhoto
from imgbot.domain.operations import (
    ACTIONS,
    OPERATIONS,
    PHOTO_ACTIONS,
    PHOTOS_LIMIT,
    Operation,
    Prompt,
)
from imgbot.domain.result_buttons import SCALES
from imgbot.domain.this_style import asks_for_this_style
from imgbot.domain.words import order_in
from imgbot.domain.words.chat import ABOUT_PHOTO
from imgbot.domain.words.reading import Order
from imgbot.domain.words.style import asks_for_other_wish

_StartHandler = Callable[[Message | CallbackQuery, Dialogue], Awaitable[None]]


_PLAIN = [each for each in PHOTO_ACTIONS if not OPERATIONS[each].has_scale]

START = ButtonAction("start", (one_of(*ACTIONS),))
PHOTO = ButtonAction("photo", (one_of(*_PLAIN, *(f"x{scale}" for scale in SCALES)),))
SCALE = ButtonAction("scale", (one_of(*SCALES),))
MERGE = ButtonAction("merge", ())


def under_photo(language: str, extras: Sequence[ButtonAction] = ()) -> Keyboard:
    """Buttons under a photo that was sent without a prompt; `extras` are those of features."""
    return [
        *in_rows([PHOTO.button(language, each, key=each) for each in _PLAIN], 2),
        [Button(f"×{scale}", PHOTO.pack(f"x{scale}")) for scale in SCALES],
        *([action.button(language)] for action in extras),
    ]


def scales() -> Keyboard:
    return [[Button(f"×{scale}", SCALE.pack(scale)) for scale in SCALES]]


@dataclass(frozen=True, slots=True)
class OperationHandlers:
    """Handlers of what begins an operation, and of what it asks for."""

    requests: Requests
    has_photo_styles: bool

    def add_to(self, table: CommandTable) -> None:
        aliases = ((alias, each) for each in ACTIONS for alias in OPERATIONS[each].aliases)
        table.add(
            *(ChatCommand(each, self._starter(each), menu_place=1) for each in ACTIONS),
            *(ChatCommand(alias, self._starter(operation)) for alias, operation in aliases),
            (START, self.on_start_callback),
            (PHOTO, self.on_photo_callback),
            (SCALE, self.on_scale_callback),
            (MERGE, self.on_merge_callback),
        )

    def _starter(self, operation: Operation) -> _StartHandler:
        """Return the handler that starts an operation: from a command, or from a button."""
        own: Mapping[Operation, _StartHandler] = {
            Operation.CREATE: self.handle_create,
            Operation.EDIT: self.handle_edit_start,
            Operation.MERGE: self.handle_smart_merge_start,
        }
        return own.get(operation, partial(self.start_photo_operation, operation))

    def photo_taker(self, operation: Operation) -> MessageHandler:
        """Return the handler that takes the photo an operation asked for."""
        if operation is Operation.EDIT:
            return self.take_edit_photo
        return partial(self.take_photo, operation)

    async def handle_create(self, event: Message | CallbackQuery, dialogue: Dialogue) -> None:
        """/create with or without a prompt, or the button."""
        await self.requests.check_rate_limit(dialogue)
        prompt = prompt_of(event) if isinstance(event, Message) else ""
        if prompt:
            await self.requests.create(dialogue, prompt)
            await dialogue.state.clear()
        else:
            await dialogue.ask(dialogue.t("ask_create"), Question.CREATE_WORDS)

    async def handle_edit_start(self, event: Message | CallbackQuery, dialogue: Dialogue) -> None:
        """/edit, the buttons, a photo with a caption, or a prompt in reply to a picture."""
        await self.requests.check_rate_limit(dialogue)
        prompt, photo, example = "", None, None
        if isinstance(event, Message):
            prompt, photo = await self.requests.prompt_in(event, dialogue), target_photo(event)
            example = replied_picture_of(event) if photo_of(event) else None
        if photo and example and self.asks_for_style(prompt):
            await self.requests.order(dialogue, Operation.MERGE, prompt, (photo, example))
            await dialogue.state.clear()
        else:
            await self.edit(dialogue, photo, prompt)

    async def take_edit_photo(self, message: Message, dialogue: Dialogue) -> None:
        photo = _required(photo_of(message))
        await self.edit(dialogue, photo, await self.requests.prompt_in(message, dialogue))

    async def edit(self, dialogue: Dialogue, photo: InputPhoto | None, prompt: str) -> None:
        """Continue with the edit, or with the operation on the photo that the prompt names."""
        if photo and self.asks_for_style(prompt):
            await ask_for_picture(dialogue, photo, prompt, "ask_style_example")
            return
        order = order_in(prompt, ABOUT_PHOTO) or Order(Intent.CHANGE)
        operation = (order.operation if photo else None) or Operation.EDIT
        await self.order_or_ask(dialogue, operation, photo, prompt, order.scale or 2)

    def asks_for_style(self, prompt: str) -> bool:
        """Return whether a prompt asks for the style of another picture, and this can be done."""
        return self.has_photo_styles and asks_for_this_style(prompt)

    async def handle_style_of(self, target: TargetPicture, dialogue: Dialogue) -> None:
        """A text that asks for the style of a picture: it needs a photo to paint."""
        if target.photo is None:
            raise UserError("send_photo_please")
        await self.requests.check_rate_limit(dialogue)
        prompt = dialogue.t("style_of_first")
        await ask_for_picture(dialogue, target.photo, prompt, "ask_style_photo")

    async def handle_photo(self, message: Message, dialogue: Dialogue) -> None:
        """Picture sent outside a dialogue: its caption is the prompt."""
        photo = photo_of(message)
        if photo is None or await self.requests.prompt_in(message, dialogue):
            await self.handle_edit_start(message, dialogue)
            return
        await answer_caption(message, dialogue)
        await ask_about(dialogue, photo)

    async def start_photo_operation(
        self, operation: Operation, event: Message | CallbackQuery, dialogue: Dialogue
    ) -> None:
        """The command with or without a photo and a scale, or the button."""
        await self.requests.check_rate_limit(dialogue)
        prompt, photo, scale = "", None, None
        if isinstance(event, Message):
            prompt, photo = prompt_of(event), target_photo(event)
            scale = scale_in(prompt)
        await self.order_or_ask(dialogue, operation, photo, prompt, scale)

    handle_retoucher_start = partialmethod(start_photo_operation, Operation.RETOUCH)
    handle_upscale_button = partialmethod(start_photo_operation, Operation.UPSCALE)

    async def take_photo(self, operation: Operation, message: Message, dialogue: Dialogue) -> None:
        """The requested photo, or text in reply to it; a photo with a prompt is a new request."""
        if await self._is_request(operation, message, dialogue):
            await self.handle_photo(message, dialogue)
            return
        photo = _required(target_photo(message))
        scale = scale_in(prompt_of(message)) or (await dialogue.state.get_data()).get("scale")
        # A text that only refers to an earlier picture gives no instruction.
        await self.order_or_ask(dialogue, operation, photo, scale=scale)

    async def _is_request(self, operation: Operation, message: Message, dialogue: Dialogue) -> bool:
        """Return true for a photo with a prompt that is more than the scale for the operation."""
        if photo_of(message) is None:
            return False
        prompt = await self.requests.prompt_in(message, dialogue)
        order = order_in(prompt, replace(ABOUT_PHOTO, pending=PendingQuestion.SCALE))
        is_size = order is not None and order.operation is Operation.UPSCALE
        return bool(prompt) and not (OPERATIONS[operation].has_scale and is_size)

    async def order_or_ask(
        self,
        dialogue: Dialogue,
        operation: Operation,
        photo: InputPhoto | None,
        prompt: str = "",
        scale: int | None = None,
    ) -> None:
        """Order an operation on one photo, or ask for what is missing."""
        if operation is Operation.MERGE:
            await self._start_merge_with(dialogue, photo, prompt)
            return
        spec = OPERATIONS[operation]
        if photo is None:
            text = dialogue.t(f"ask_{operation}_photo")
            await dialogue.ask(text, PHOTO_STATES[operation], scale=scale)
            return
        sources = to_state_data(photo)
        if spec.has_scale and scale is None:
            text, rows = dialogue.t("ask_scale"), scales()
            await dialogue.ask(text, Question.UPSCALE_SCALE, rows, sources=sources)
        elif spec.prompt is Prompt.REQUIRED and not prompt:
            await dialogue.ask(dialogue.t("ask_edit_words"), Question.EDIT_WORDS, sources=sources)
        else:
            wanted = "" if spec.prompt is Prompt.NONE else prompt
            taken_scale = scale if spec.has_scale and scale else 2
            await self.requests.order(dialogue, operation, wanted, (photo,), taken_scale)
            await dialogue.state.clear()

    async def order_on_each(
        self,
        operation: Operation,
        targets: Sequence[TargetPicture],
        prompt: str,
        dialogue: Dialogue,
        scale: int | None = None,
    ) -> None:
        """Order an operation on each of the pictures, or a merge of them all."""
        if operation is Operation.MERGE and len(targets) > 1:
            photos = tuple(each.photo for each in targets if each.photo)[:PHOTOS_LIMIT]
            await self.requests.order(dialogue, operation, prompt, photos)
            await dialogue.state.clear()
            return
        first, need = targets[0], OPERATIONS[operation].prompt
        if len(targets) == 1 or (need is Prompt.REQUIRED and not prompt):
            # Words that are missing are asked for, of the first.
            beside = shown_beside(first.message_id, dialogue)
            await self.order_or_ask(beside, operation, first.photo, prompt, scale)
            return
        photos = [
            (each.photo, shown_beside(each.message_id, dialogue)) for each in targets if each.photo
        ]
        wanted = "" if need is Prompt.NONE else prompt
        await self.requests.order_each(operation, wanted, photos, scale or 2)
        await dialogue.state.clear()

    async def handle_smart_merge_start(
        self, event: Message | CallbackQuery, dialogue: Dialogue
    ) -> None:
        await self.requests.check_rate_limit(dialogue)
        if isinstance(event, Message) and photo_of(event):
            await dialogue.expect(Question.MERGE_PHOTOS)
            await self.take_merge_photo(event, dialogue)
            return
        await self._start_merge_with(dialogue)

    async def _start_merge_with(
        self, dialogue: Dialogue, photo: InputPhoto | None = None, prompt: str = ""
    ) -> None:
        """Start collecting photos, with this one as the first; ask for the others."""
        if photo is None:
            await dialogue.ask(dialogue.t("ask_merge_photos"), Question.MERGE_PHOTOS, words=prompt)
        else:
            await dialogue.expect(Question.MERGE_PHOTOS, words=prompt)
            await self.collect_photos(dialogue, (photo,), prompt)

    async def take_merge_photo(self, message: Message, dialogue: Dialogue) -> None:
        """Another photo, or the prompt that ends the collecting."""
        photo, prompt = photo_of(message), await self.requests.prompt_in(message, dialogue)
        asked = (await dialogue.state.get_data()).get("words", "")
        if photo is not None and self.asks_for_style(asked) and asks_for_other_wish(prompt):
            await self.handle_photo(message, dialogue)
        elif photo is not None:
            await self.collect_photos(dialogue, (photo,), prompt)
        elif prompt and await dialogue.photos():
            await self.merge(dialogue, prompt)
        else:
            raise UserError("send_photo_please")

    async def collect_photos(
        self, dialogue: Dialogue, photos: Sequence[InputPhoto], prompt: str
    ) -> None:
        """Add photos to those collected, and report the count."""
        data, known = await dialogue.state.get_data(), await dialogue.photos()
        found = tuple({each.unique_id: each for each in (*known, *photos)}.values())
        kept, words = found[:PHOTOS_LIMIT], prompt or data.get("words", "")
        request = dialogue.context.request
        await dialogue.extend(sources=to_state_data(*kept), words=words, request=request)
        if len(found) == len(known) and data.get("request") != request:
            await dialogue.say(*_counted("merge_same", len(kept), dialogue))
        elif len(found) > PHOTOS_LIMIT:
            rows = [[MERGE.button(dialogue.language, key="merge_now")]]
            await dialogue.say(dialogue.t("merge_full", limit=PHOTOS_LIMIT), rows)
        elif len(kept) == 2 and self.asks_for_style(words):
            await self.merge(dialogue, words)
        else:
            key = "merge_same" if len(kept) == 1 < len(photos) else "merge_count"
            await _show_count(key, len(kept), data, dialogue)

    async def on_merge_callback(self, _: CallbackQuery, dialogue: Dialogue) -> str:
        if not await dialogue.is_asking(Question.MERGE_PHOTOS):
            return "stale_button"
        await self.merge(dialogue, (await dialogue.state.get_data()).get("words", ""))
        return ""

    async def merge(self, dialogue: Dialogue, prompt: str) -> None:
        """Order the merge of the collected photos. Raises UserError for fewer than two."""
        photos = await dialogue.photos()
        if len(photos) < 2:
            raise UserError("merge_too_few")
        await self.requests.order(dialogue, Operation.MERGE, prompt, photos)
        await dialogue.state.clear()

    async def on_start_callback(
        self, callback: CallbackQuery, operation: Operation, dialogue: Dialogue
    ) -> str:
        await self._starter(operation)(callback, dialogue)
        return ""

    async def on_photo_callback(self, _: CallbackQuery, choice: str, dialogue: Dialogue) -> str:
        """Start the operation chosen for a photo that was sent without a prompt."""
        photo = await dialogue.photo()
        if not await dialogue.is_asking(Question.PHOTO_ACTION) or photo is None:
            return "stale_photo_button"
        await self.requests.check_rate_limit(dialogue)
        if isinstance(choice, Operation):
            await self.order_or_ask(dialogue, choice, photo)
        else:
            await self.order_or_ask(dialogue, Operation.UPSCALE, photo, scale=int(choice[1:]))
        return ""

    async def on_scale_callback(self, _: CallbackQuery, scale: int, dialogue: Dialogue) -> str:
        photo = await dialogue.photo()
        if not await dialogue.is_asking(Question.UPSCALE_SCALE) or photo is None:
            return "stale_photo_button"
        await self.order_or_ask(dialogue, Operation.UPSCALE, photo, scale=scale)
        return ""


async def ask_for_picture(dialogue: Dialogue, photo: InputPhoto, prompt: str, key: str) -> None:
    """Ask for the second picture of two, one of which is to get the other's style."""
    sources = to_state_data(photo)
    await dialogue.ask(dialogue.t(key), Question.MERGE_PHOTOS, words=prompt, sources=sources)


async def ask_about(dialogue: Dialogue, photo: InputPhoto) -> None:
    """Ask for the operation on a photo that was sent without a prompt."""
    await dialogue.ask(
        dialogue.t("ask_photo_action"),
        Question.PHOTO_ACTION,
        under_photo(dialogue.language, dialogue.added.photo_buttons),
        sources=to_state_data(photo),
    )


def _required(photo: InputPhoto | None) -> InputPhoto:
    if photo is None:
        raise UserError("send_photo_please")
    return photo


async def _show_count(key: str, count: int, data: Mapping[str, Any], dialogue: Dialogue) -> None:
    """Keep one message with the count up to date, instead of one answer per photo."""
    panel, (text, rows) = data.get("panel", 0), _counted(key, count, dialogue)
    # The button appears below the second photo; a late count does no harm.
    is_first = data.get("shown", 0) < 2 <= count
    if is_first or not (panel and await dialogue.edit(text, rows, panel, is_needed=False)):
        panel = await dialogue.say(text, rows)
    await dialogue.state.update_data(panel=panel, shown=count)


def _counted(key: str, count: int, dialogue: Dialogue) -> tuple[str, Keyboard]:
    """Return a sentence about so many photos, and the button that merges several."""
    if count == 1:
        return dialogue.t(f"{key}_one", count=1), []
    return dialogue.t(key, count=count), [[MERGE.button(dialogue.language, key="merge_now")]]


def shown_beside(message_id: int, dialogue: Dialogue) -> Dialogue:
    """Return the dialogue with the order shown in reply to the picture that it changes.

    In a group it replies to the user's message: members have to see whose order it is.
    """
    is_shown = message_id and dialogue.context.is_private
    return dialogue.in_reply_to(message_id) if is_shown else dialogue
