"""Results: their buttons, undo, comparison, original file, and history."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from aiogram.types import CallbackQuery, Message

from imgbot.bot.commands import ChatCommand, CommandTable
from imgbot.bot.dialogue import Alert, Audience, Dialogue, MessageHandler
from imgbot.bot.handlers.account import AccountHandlers
from imgbot.bot.handlers.operations import OperationHandlers
from imgbot.bot.messages import asked_about, photo_of, prompt_of, rows_of, without_mention
from imgbot.bot.pictures import Pictures
from imgbot.bot.receipt import receipt_of
from imgbot.bot.requests import Requests
from imgbot.bot.this_picture import Meant
from imgbot.domain.buttons import Button, ButtonAction, Keyboard
from imgbot.domain.complaints import offer_for
from imgbot.domain.errors import (
    ImgbotError,
    MessageGoneError,
    TelegramRefusedError,
    TransientError,
    UserError,
)
from imgbot.domain.job import InputPhoto, Job, with_changes
from imgbot.domain.operations import CHANGES, RESULT_ACTIONS, Operation
from imgbot.domain.remix import undone_part
from imgbot.domain.result_buttons import ANEW, PANEL, RETRY, UP, of_job, under_result
from imgbot.storage.forgetting import Forgetting
from imgbot.storage.results import Recent, ResultStore
from imgbot.telegram.messenger import CAPTION_LIMIT, cut
from imgbot.telegram.rate_limiter import max_wait

VIEW = ButtonAction("view", is_repeatable=True)
DELETE = ButtonAction("delete")
_DELETED_MOST = 4
"""Pictures that one button can delete."""
OFFER = ButtonAction("offer", (str, str))
"""Order what a complaint misses."""

_Act = Callable[[Job, Dialogue], Awaitable[str | Alert]]
"""Acts on a result in a dialogue; returns the key of the answer to a callback, or nothing."""

_FORMATS = {
    suffix: re.compile(rf"\b(?:{names})\b", re.IGNORECASE)
    for suffix, names in {
        ".png": "png|пнг",
        ".jpg": "jpe?g|джи?пе?г",
        ".webp": "webp",
        ".pdf": "pdf|пдф",
        ".tiff": "tiff?",
        ".svg": "svg",
    }.items()
}
"""Formats that may be asked for, by the suffixes of their files."""


@dataclass(frozen=True, slots=True)
class ResultHandlers:
    """Handlers of what is done with results."""

    requests: Requests
    pictures: Pictures
    operations: OperationHandlers
    account: AccountHandlers
    results: ResultStore
    find_original: Callable[[str], Path | None]
    forgetting: Forgetting

    def add_to(self, table: CommandTable) -> None:
        on_pressed = {
            ButtonAction(name): partial(self._act_start, operation)
            for name, operation in RESULT_ACTIONS.items()
        } | {
            UP: self._act_upscale,
            ButtonAction("again"): self._act_regenerate,
            ButtonAction("file"): self._act_send_file,
            ButtonAction("prompt"): _act_prompt,
            ANEW: self._act_draw_anew,
            ButtonAction("compare"): self._act_compare,
            ButtonAction("undo"): self._act_undo,
            ButtonAction("receipt", is_repeatable=True): self._act_receipt,
        }
        table.add(
            ChatCommand("undo", self.about_chosen("undo"), menu_place=2),
            ChatCommand("compare", self.about_chosen("compare"), menu_place=2),
            ChatCommand("last", self.about_chosen("last"), menu_place=2),
            ChatCommand("history", self.handle_history, menu_place=2),
            (VIEW, self.on_history_callback),
            (PANEL, self.on_panel_callback),
            (RETRY, self.on_retry_callback),
            (OFFER, self.on_offer_callback),
            (DELETE, self.on_delete_callback),
            *((each, partial(self._act_on_pressed, act)) for each, act in on_pressed.items()),
        )

    async def _act_start(
        self, operation: Operation, result: Job, dialogue: Dialogue, scale: int | None = None
    ) -> str:
        await self.requests.check_rate_limit(dialogue)
        await self.operations.order_or_ask(dialogue, operation, result.picture, scale=scale)
        return ""

    async def _act_upscale(self, scale: int, result: Job, dialogue: Dialogue) -> str:
        return await self._act_start(Operation.UPSCALE, result, dialogue, scale)

    async def handle_history(self, _: Message, dialogue: Dialogue) -> None:
        """/history: the newest picture, with buttons to the older ones."""
        shown = await self._results_here(dialogue)
        if not shown:
            raise UserError("history_empty")
        if (picture := shown[0].picture) is not None:
            await dialogue.send(picture, *self._page(shown, 0, dialogue))

    async def on_history_callback(self, _: CallbackQuery, job_id: str, dialogue: Dialogue) -> str:
        context = dialogue.context
        await self.pictures.owned_result(job_id, dialogue)
        shown = await self._results_here(dialogue)
        index = next((at for at, each in enumerate(shown) if each.id == job_id), None)
        picture = shown[index].picture if index is not None else None
        if index is None or picture is None:
            return "stale_button"
        page = self._page(shown, index, dialogue)
        shown_there = context.chat_target, context.message_id, picture, *page
        kind = "document" if picture.is_file else "photo"
        return await _answer_of(dialogue.messenger.edit_to_picture(*shown_there, kind=kind))

    async def on_panel_callback(
        self, callback: CallbackQuery, step: str, job_id: str, dialogue: Dialogue
    ) -> str:
        """Open or close the panel of a result; rows that are not of its buttons stay above it."""
        result = await self._pressed_result(callback, job_id, dialogue)
        context, is_open = dialogue.context, step == "open"
        shown, others = (
            self._buttons_of(result, dialogue, is_open=each) for each in (not is_open, is_open)
        )
        own = {button.data for row in (*shown, *others) for button in row}
        above = [
            row for row in rows_of(callback.message) if own.isdisjoint(each.data for each in row)
        ]
        place = context.chat_target, context.message_id
        return await _answer_of(dialogue.messenger.edit_buttons(*place, [*above, *others]))

    def _buttons_of(self, result: Job, dialogue: Dialogue, *, is_open: bool = False) -> Keyboard:
        """Return the buttons for a result that is shown."""
        return under_result(
            dialogue.language,
            result,
            dialogue.added.result_buttons,
            is_photo=not (result.picture and (result.picture.is_file or result.picture.is_hidden)),
            is_varied=self.requests.is_varied(result.request),
            is_open=is_open,
        )

    async def _pressed_result(
        self, callback: CallbackQuery, job_id: str, dialogue: Dialogue
    ) -> Job:
        """Return the result under which a button was pressed, with its picture.

        Raises UserError if it is gone, of another chat, or belongs to another user.
        """
        result = await self.pictures.owned_result(job_id, dialogue)
        if not isinstance(callback.message, Message):
            raise UserError("stale_button")
        picture = result.picture or photo_of(callback.message)
        if picture is None:
            raise UserError("stale_button")
        return with_changes(result, shown=(picture,))

    async def _results_here(self, dialogue: Dialogue) -> list[Job]:
        """Return the user's results of a chat, the newest first."""
        found = await self.results.results(await self.results.history(dialogue.user_id))
        return [result for result in found if result.is_of(dialogue.context.chat_id)]

    async def _act_show(self, result: Job, dialogue: Dialogue) -> str:
        """Show a delivered result again, free of charge, with its buttons."""
        if result.picture is None:
            raise UserError("picture_gone")
        if not result.is_there:
            raise UserError("still_being_made")
        rows = self._buttons_of(result, dialogue)
        await dialogue.send(result.picture, result.progress.caption, rows)
        shown = Recent.of(result, dialogue.user_id, dialogue.now_ms())
        await self.results.add_recent(dialogue.context.place, shown)
        return ""

    def _page(self, shown: list[Job], index: int, dialogue: Dialogue) -> tuple[str, Keyboard]:
        """Return caption and buttons of a result, with those to the newer and older ones."""
        labels = {index - 1: "◀", index: f"{index + 1} / {len(shown)}", index + 1: "▶"}
        places = [place for place in labels if 0 <= place < len(shown)]
        pager = [Button(labels[place], VIEW.pack(shown[place].id)) for place in places]
        caption = cut(shown[index].progress.caption, CAPTION_LIMIT)
        return caption, [pager, *self._buttons_of(shown[index], dialogue)]

    async def _act_undo(self, result: Job, dialogue: Dialogue) -> str:
        """Go one step back from a result; a change that is not made yet is cancelled."""
        if not result.is_there:
            key = await self.account.cancel(result.id, dialogue.user_id, dialogue.now_ms())
            if key in {"cancel_too_late", "cancelled_late"}:
                raise UserError(key)
            # Its status message says so.
            return ""
        before = await self.pictures.version_before(dialogue, result)
        if not before:
            raise UserError("undo_nothing")
        return await self._show(before, dialogue)

    async def _show(self, meant: Meant, dialogue: Dialogue) -> str:
        """Show a result again, or the user's own picture, which has no buttons."""
        if isinstance(meant, Job):
            return await self._act_show(meant, dialogue)
        await dialogue.send(meant[0], dialogue.t("undo_original"))
        # It has no job: there is no earlier step.
        original = Recent(dialogue.user_id, dialogue.now_ms(), photos=meant)
        await self.results.add_recent(dialogue.context.place, original)
        return ""

    async def show_chosen(self, meant: Meant, _: Message, dialogue: Dialogue) -> None:
        """Show the variant, or the version, that a text chooses."""
        await self._show(meant, dialogue)

    async def _act_compare(self, result: Job, dialogue: Dialogue) -> str:
        operation, sources = result.request.operation, result.request.shown_sources
        if operation not in CHANGES or not sources or result.picture is None:
            raise UserError("compare_nothing")
        await self.requests.check_rate_limit(dialogue)
        photos = (sources[0], result.picture)
        await self.requests.order(dialogue, Operation.COMPARE, "", photos)
        return "accepted_short"

    async def _act_regenerate(self, result: Job, dialogue: Dialogue) -> str:
        await self.requests.regenerate(dialogue, result.request)
        return "accepted_short"

    async def on_retry_callback(
        self, callback: CallbackQuery, job_id: str, dialogue: Dialogue
    ) -> str:
        """Order the request of a failed job again, in reply to what asked for it."""
        wanted, by_asked = await self.pictures.failed_request(callback, job_id, dialogue)
        is_new = await self.requests.repeat_failed(by_asked, wanted)
        await dialogue.edit(getattr(callback.message, "text", None) or "", [])
        return "accepted_short" if is_new else "tapped_already"

    async def handle_complaint(self, message: Message, dialogue: Dialogue) -> None:
        """Answer a complaint: offer what its words miss, another picture, a change, a step back."""
        result = await self.pictures.chosen("complaint", message, dialogue)
        is_varied, offer = self.requests.is_varied(result.request), offer_for(prompt_of(message))
        again = offer.again if is_varied else ""
        drawn = "draw_other" if offer.is_other else "draw_with"
        missing = (("again", drawn, again), ("change", "change_so", offer.change))
        offered = [
            [OFFER.button(dialogue.language, choice, result.id, key=key, words=words)]
            for choice, key, words in missing
            if words
        ]
        names = {"again": is_varied and not again, "edit": True, "undo": result.request.is_change}
        rows = [*offered, of_job(dialogue.language, result.id, names)]
        await dialogue.ask(dialogue.t("complaint"), rows=rows)

    async def on_offer_callback(
        self, callback: CallbackQuery, choice: str, job_id: str, dialogue: Dialogue
    ) -> str:
        """Order what a complaint missed; the offer replies to the complaint."""
        asked = asked_about(callback)
        result = await self._pressed_result(callback, job_id, dialogue)
        if asked is None:
            return "words_gone"
        offer = offer_for(prompt_of(without_mention(asked, dialogue.identity.name)))
        by_asked = dialogue.in_reply_to(asked.message_id)
        if choice == "again" and offer.again:
            await self.requests.draw_with(by_asked, result, offer.again)
        elif choice == "change" and offer.change and result.picture:
            await self.requests.check_rate_limit(dialogue)
            await self.requests.order(by_asked, Operation.EDIT, offer.change, (result.picture,))
        else:
            return "stale_button"
        # It is answered: pressed once more, it would order a second picture.
        await dialogue.remove_panel()
        return "accepted_short"

    async def ask_delete(self, several: Sequence[Meant], dialogue: Dialogue) -> None:
        """Ask once before pictures are deleted, as many as a button can name."""
        own = [each for each in several if isinstance(each, Job) and each.is_there]
        own = [each for each in own if each.user_id == dialogue.user_id][:_DELETED_MOST]
        if not own:
            raise UserError("delete_nothing")
        ids = (each.id for each in own)
        rows = [[DELETE.button(dialogue.language, *ids, key="delete_several", count=len(own))]]
        await dialogue.ask(dialogue.t("delete_ask_several", count=len(own)), rows=rows)

    async def on_delete_callback(
        self, callback: CallbackQuery, job_ids: str, dialogue: Dialogue
    ) -> str:
        """Delete one picture, or several; returns the answer to the callback."""
        found = await self.results.results(job_ids.split("."))
        # Pressed again after a crash, it deletes what is left.
        left = [each.id for each in found] or job_ids.split(".")[:1]
        results = [await self._pressed_result(callback, each, dialogue) for each in left]
        return [await self._act_delete(each, dialogue) for each in results][-1]

    async def _act_delete(self, result: Job, dialogue: Dialogue) -> str:
        """Delete the messages that show the picture, and what is stored of it."""
        context, is_gone = dialogue.context, False
        inline_id = result.request.inline_id
        target, rows = context.chat_target, [[DELETE.button(dialogue.language, result.id)]]
        is_cleared = not inline_id or await dialogue.messenger.clear_inline(
            inline_id, dialogue.t("deleted_short"), target, context.message_id, rows
        )
        with suppress(MessageGoneError, TelegramRefusedError):
            await dialogue.messenger.remove(target, result.progress.message_id)
            is_gone = is_cleared
        await self.forgetting.forget_picture(result.id, dialogue.now_ms())
        await self.results.delete(result, context.place)
        await dialogue.remove_panel()
        if not is_gone:
            # Telegram lets a bot delete its messages for two days.
            await dialogue.say(dialogue.t("delete_forgotten"), to=Audience.ASKER)
        return "deleted_short"

    async def _act_draw_anew(self, result: Job, dialogue: Dialogue) -> str:
        """Draw a changed picture anew, with the words that the change left out."""
        request, undrawn = result.request, result.progress.parts_of("unknown")
        if not (request.full_prompt and undrawn):
            raise UserError("stale_button")
        await self.requests.remix(dialogue, result, undone_part(request.prompt, undrawn))
        return "accepted_short"

    async def _act_receipt(self, result: Job, dialogue: Dialogue) -> str | Alert:
        """Tell the user who asked for the picture how it was made."""
        requests = self.requests
        model = requests.policy.title_of(result.request.operation, result.progress.order_model)
        receipt = receipt_of(result, model, dialogue, is_limited=requests.is_limited)
        return await dialogue.answer_privately(receipt)

    async def _act_send_file(self, result: Job, dialogue: Dialogue, words: str = "") -> str:
        """Send the picture as generated, before Telegram compressed it as a photo.

        The words may ask for another format than it has.
        """
        await self.requests.check_rate_limit(dialogue)
        path = self.find_original(result.id)
        caption = _file_caption(words, path, dialogue)
        original_id = result.progress.original_id
        file = InputPhoto(original_id, "", is_file=True) if original_id else result.picture
        if file is not None and file.is_file:
            await dialogue.send(file, caption)
            return ""
        if path is None:
            raise UserError("original_gone")
        try:
            name = f"imgbot-{result.id}{path.suffix}"
            sent = await dialogue.send(path, caption, name=name)
        except TransientError as error:
            # It may have arrived all the same: an automatic retry could send it twice.
            raise UserError("original_slow") from error
        if sent is not None:
            await self.results.set_original(result.id, sent.file_id)
        return ""

    def about_chosen(self, action: str, named: Meant = ()) -> MessageHandler:
        """Return the handler of an action on the result that is named, or a message is about."""
        acts: Mapping[str, _Act] = {
            "last": self._act_show,
            "undo": self._act_undo,
            "compare": self._act_compare,
            "file": self._act_send_file,
            "delete": _act_ask_delete,
            "receipt": self._act_receipt,
        }
        return partial(self._act_on_chosen, acts[action], action, named)

    async def _act_on_chosen(
        self, act: _Act, action: str, named: Meant, message: Message, dialogue: Dialogue
    ) -> None:
        result = await self.pictures.chosen(action, message, dialogue, named)
        if action == "file":
            act = partial(self._act_send_file, words=prompt_of(message))
        await act(result, dialogue)

    async def handle_again(
        self, message: Message, dialogue: Dialogue, named: Meant = (), count: int = 1
    ) -> None:
        """Order a picture again, so many times."""
        result = await self.pictures.chosen("again", message, dialogue, named)
        if not self.requests.is_varied(result.request):
            raise UserError("again_same")
        await self.requests.regenerate(dialogue, result.request, count)

    async def _act_on_pressed(
        self, act: Callable[..., Awaitable[str | Alert]], callback: CallbackQuery, *pressed: Any
    ) -> str | Alert:
        """Act on the result under which the button is; its job is the last part of the data."""
        *parts, job_id, dialogue = pressed
        return await act(*parts, await self._pressed_result(callback, job_id, dialogue), dialogue)


async def _answer_of(edit: Awaitable[object]) -> str:
    """Make an edit that a press waits for; return the key of the answer to it."""
    try:
        with max_wait(2.0):
            await edit
    except TransientError:
        return "slow_down"
    except ImgbotError:
        return "stale_button"
    return ""


async def _act_prompt(result: Job, dialogue: Dialogue) -> str:
    """Show the prompt, to be copied, changed and sent."""
    if not result.request.full_prompt:
        raise UserError("words_gone")
    await dialogue.say(dialogue.t("prompt_shown"), copied=result.request.full_prompt)
    return ""


async def _act_ask_delete(result: Job, dialogue: Dialogue) -> str:
    """Ask once before a picture is deleted, in reply to it."""
    rows = [[DELETE.button(dialogue.language, result.id)]]
    await dialogue.in_reply_to(result.progress.message_id).ask(dialogue.t("delete_ask"), rows=rows)
    return ""


def _file_caption(words: str, path: Path | None, dialogue: Dialogue) -> str:
    """Return the caption of a file, with its format where the words ask for another."""
    asked = next((suffix for suffix, form in _FORMATS.items() if form.search(words)), "")
    if path is None or asked in {"", path.suffix}:
        return dialogue.t("original_caption")
    return dialogue.t("original_format", format=path.suffix[1:].upper().replace("JPG", "JPEG"))
