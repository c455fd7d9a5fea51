"""Conversation: a text is read once, with the facts of its chat, and handled by what it asks for.

Only a sure order is enqueued. An unsure text is answered with a question whose buttons act on the
text: the question replies to it, so that the text need not be stored.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from aiogram.types import CallbackQuery, Message

from imgbot.bot.commands import CommandTable
from imgbot.bot.dialogue import (
    EXPIRY_S,
    PHOTO_STATES,
    Dialogue,
    MessageHandler,
    Question,
    to_state_data,
)
from imgbot.bot.handlers.account import AccountHandlers
from imgbot.bot.handlers.operations import (
    OperationHandlers,
    ask_about,
    shown_beside,
)
from imgbot.bot.handlers.results import ResultHandlers
from imgbot.bot.handlers.start import IDEA, GeneralHandlers, handle_small_talk
from imgbot.bot.messages import asked_about, photo_of, prompt_of, without_mention
from imgbot.bot.pictures import KnownChat, Pictures
from imgbot.bot.questions import (
    MEANT,
    ask_which,
    meanings,
    offer_ideas,
    tell_buttons,
    unsure_question,
)
from imgbot.bot.requests import Requests
from imgbot.bot.text_orders import TextOrders, no_such
from imgbot.bot.text_reader import PROMPTS, Text, TextReader, open_question
from imgbot.bot.this_picture import TargetPicture
from imgbot.domain.errors import UserError
from imgbot.domain.intents import Intent, PendingQuestion, wording_key
from imgbot.domain.operations import OPERATIONS, Operation, Prompt
from imgbot.domain.prompt_options import count_in
from imgbot.domain.words.chat import ChatState
from imgbot.domain.words.reading import THIS, Ask, NamedBy, Order, Talk
from imgbot.domain.words.style import STYLE_OF_THIS
from imgbot.storage.results import ResultStore
from imgbot.storage.users import UserStore

V = TypeVar("V", str, Message)

_MERGED = PROMPTS - {Intent.POINTING} | {Intent.SMALL_TALK}
"""To the question how to merge, "ok" is an answer."""

_NO_MERGE = frozenset({Intent.POINTING, Intent.AGAIN})
"""While photos are collected, "another one" announces a photo."""

_NEEDS_PICTURE = PROMPTS - {Intent.CREATE} | {Intent.COMPLAINT, Intent.REDRAW}

_OPERATION_ASKED: Mapping[str, Operation] = {
    Question.EDIT_WORDS: Operation.EDIT,
    Question.UPSCALE_SCALE: Operation.UPSCALE,
    **{state: operation for operation, state in PHOTO_STATES.items()},
}
"""Operations that wait for an answer; a picture is one, but for a merge."""

# Here a reply to a picture selects the picture, and its text is no instruction.
_PICTURE_ASKED = frozenset(
    state
    for operation, state in PHOTO_STATES.items()
    if OPERATIONS[operation].prompt is not Prompt.REQUIRED
)

_ACTS = frozenset({"file", "delete", "receipt", "compare"})
_ACTS_ON_SEVERAL = frozenset({"file", "delete"})
"""Topics of texts that are about a result."""

_Handler = Callable[[Text, Message, Dialogue], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Conversation:
    """Reads texts, and handles them."""

    reader: TextReader
    orders: TextOrders
    requests: Requests
    pictures: Pictures
    operations: OperationHandlers
    results: ResultHandlers
    account: AccountHandlers
    general: GeneralHandlers
    stored: ResultStore
    users: UserStore

    def add_to(self, table: CommandTable) -> None:
        table.add((MEANT, self.on_meaning_callback), (IDEA, self.on_idea_callback))

    async def handle_text(self, message: Message, dialogue: Dialogue) -> None:
        """Handle a text as the prompt of a feature, or by what it asks for."""
        text = await self.reader.understand(message, dialogue)
        takers = dialogue.added.prompt_takers if text.is_prompt else ()
        if await _is_taken(takers, text.prompt, dialogue):
            return
        await self._handler_of(text, dialogue)(message, dialogue)
        if text.question == Question.WHICH:
            await dialogue.close(Question.WHICH)

    async def handle_picture(self, message: Message, dialogue: Dialogue) -> None:
        """Picture: what its caption asks a feature for, an answer to a question, or neither."""
        answer, photo = self.reader.answer_to_caption(message, dialogue), photo_of(message)
        if answer and photo and not await self.requests.is_by_bot(message, photo, dialogue):
            await answer(message, dialogue)
            return
        question, _ = await open_question(message, dialogue)
        is_answer = question in {*_OPERATION_ASKED, Question.MERGE_PHOTOS}
        takers = () if is_answer else dialogue.added.picture_takers
        if not await _is_taken(takers, message, dialogue):
            await self._picture_taker(question)(message, dialogue)

    def _picture_taker(self, question: str) -> MessageHandler:
        """Return the handler of a picture that answers a question, or none."""
        if question == Question.MERGE_PHOTOS:
            return self.operations.take_merge_photo
        operation = _OPERATION_ASKED.get(question)
        return self.operations.photo_taker(operation) if operation else self.operations.handle_photo

    def _handler_of(self, text: Text, dialogue: Dialogue) -> MessageHandler:
        """Return the handler of a text, by its place in the dialogue, then by its intent."""
        placed = (handler for fits, handler in self._by_place if fits(text))
        if handler := next(placed, None):
            return partial(handler, text)
        added = dialogue.added.answers.get(text.topic)
        return added or partial(self._by_intent[text.intent], text)

    @property
    def _by_place(self) -> Sequence[tuple[Callable[[Text], bool], _Handler]]:
        return (
            (_is_refused, _refuse),
            (_selects_picture, self._take_selected),
            (_is_empty, self.orders.handle_no_words),
            (_announces_photo, self._handle_pointing),
            (_says_how_to_merge, _talk(self.operations.take_merge_photo)),
            (_is_unclear, self._handle_unsure),
            (_may_be_several, _ask_which_found),
        )

    async def _take_selected(self, text: Text, message: Message, dialogue: Dialogue) -> None:
        await self._picture_taker(text.question)(message, dialogue)

    async def _handle_command(self, text: Text, message: Message, dialogue: Dialogue) -> None:
        """Do what a command in words asks for."""
        several = text.found.pictures if text.topic in _ACTS_ON_SEVERAL else ()
        if len(several) > 1:
            meant = [await self.pictures.meant(text.chat, each.id, dialogue) for each in several]
            if text.topic == "delete":
                await self.results.ask_delete(meant, dialogue)
                return
            for each in filter(None, meant):
                await self.results.about_chosen(text.topic, each)(message, dialogue)
        elif text.topic in _ACTS:
            named = await self.orders.named(text, dialogue)
            await self.results.about_chosen(text.topic, named)(message, dialogue)
        elif text.topic == Operation.STICKER:
            order = Order(Intent.OPERATION, which=text.which, operation=Operation.STICKER)
            await self.orders.handle_operation(replace(text, reading=order), message, dialogue)
        elif text.topic == STYLE_OF_THIS.name:
            target = (await self.orders.targets(text, dialogue) or [TargetPicture()])[0]
            await self.operations.handle_style_of(target, dialogue)
        elif text.topic == "restart":
            await self.general.handle_start(message, dialogue)
        else:
            await self.general.handler_of(text.topic)(message, dialogue)

    async def _handle_question(self, text: Text, message: Message, dialogue: Dialogue) -> None:
        answers: Mapping[str, MessageHandler] = {
            "price": self.account.answer_price,
            "status": self.account.handle_queue,
            "ideas": offer_ideas,
            "buttons": tell_buttons,
        }
        await answers.get(text.topic, self.general.handle_help)(message, dialogue)

    async def _handle_show(self, text: Text, message: Message, dialogue: Dialogue) -> None:
        """Show a picture again: a step of its history, or one that is named; free of charge."""
        this = text.chat.state.this
        if text.which == THIS or (text.which.way is NamedBy.BACK and this and not this.is_there):
            # One that is not made yet is cancelled.
            await self.results.about_chosen("undo")(message, dialogue)
            return
        # Shown by an update that is handled again, it is the newest itself.
        found = " ".join(each.id for each in text.found.pictures)
        chosen = (await dialogue.once("show", found)).split()
        if not chosen:
            raise no_such(text)
        for each in chosen:
            meant = await self.pictures.meant(text.chat, each, dialogue)
            if not meant:
                raise UserError("picture_gone")
            await self.results.show_chosen(meant, message, dialogue)

    async def _handle_again(self, text: Text, message: Message, dialogue: Dialogue) -> None:
        count = max(text.order.count if text.order else 1, count_in(text.prompt))
        await self.results.handle_again(
            message, dialogue, await self.orders.named(text, dialogue), count
        )

    async def _handle_unsure(self, text: Text, message: Message, dialogue: Dialogue) -> None:
        """Text that may mean one thing or another: ask, and order nothing."""
        if isinstance(text.reading, Ask) and text.reading.among and not text.is_merging:
            known = map(text.chat.state.picture, text.reading.among)
            await ask_which(text, list(filter(None, known)), message, dialogue)
            return
        photo = None if text.is_about_expired else await self.orders.photo(text, dialogue)
        if text.is_reply and photo is not None:
            await dialogue.expect(Question.PHOTO_ACTION, sources=to_state_data(photo))
        key, rows = unsure_question(text, photo)
        rows += meanings(text, photo, dialogue)
        await dialogue.ask(dialogue.t(key, minutes=EXPIRY_S // 60), rows=rows)
        if key == "ask_meaning":
            await self.general.note_not_understood(text.prompt, dialogue)
        if text.is_about_expired and (await dialogue.question())[1]:
            # Clear the state after the answer: if the answer fails, the same text comes again.
            await dialogue.state.clear()

    async def on_meaning_callback(
        self, callback: CallbackQuery, choice: str, picture_id: str, dialogue: Dialogue
    ) -> str:
        """Order what the user meant by an unsure text; returns the answer to the callback."""
        asked = asked_about(callback)
        prompt = prompt_of(without_mention(asked, dialogue.identity.name)) if asked else ""
        if asked is None or not prompt:
            return "words_gone"
        if asked.from_user is None or asked.from_user.id != callback.from_user.id:
            return "not_your_button"
        by_asked = dialogue.in_reply_to(asked.message_id)
        if choice == "this":
            await self._act_on_chosen(picture_id, prompt, asked, by_asked)
            await dialogue.close(Question.WHICH)
        elif choice == "create":
            await self.requests.check_rate_limit(dialogue)
            await self.requests.create(by_asked, self._wanted(prompt, dialogue))
        elif choice == "change":
            await self._change_picture(picture_id, self._wanted(prompt, dialogue), by_asked)
        elif choice == "merge" and await dialogue.is_asking(Question.MERGE_PHOTOS):
            await self.operations.merge(by_asked, self._wanted(prompt, dialogue))
        else:
            return "stale_button"
        if choice in {"create", "change"}:
            await self.users.set_meant(dialogue.user_id, wording_key(prompt), choice)
        # It is answered: pressed once more, it would order a second picture.
        await dialogue.remove_panel()
        return "accepted_short"

    async def on_idea_callback(self, _: CallbackQuery, number: int, dialogue: Dialogue) -> str:
        """Draw what was suggested; returns the answer to the callback."""
        await self.requests.check_rate_limit(dialogue)
        # Behind the sign that the label begins with.
        await self.requests.create(dialogue, dialogue.t(f"button_idea_{number}").partition(" ")[2])
        return "accepted_short"

    def _wanted(self, prompt: str, dialogue: Dialogue) -> str:
        """Return a prompt without its polite beginning."""
        reading = self.reader.read(prompt, ChatState(), dialogue)
        return Text(prompt, KnownChat(ChatState(), {}), reading, "").wanted

    async def _act_on_chosen(
        self, picture_id: str, prompt: str, asked: Message, dialogue: Dialogue
    ) -> None:
        """Do what a text asked for with the picture that its button names."""
        chat = await self.pictures.chat_of(dialogue)
        chat = replace(chat, state=replace(chat.state, replied=picture_id))
        meant = await self.pictures.meant(chat, picture_id, dialogue)
        reading = self.reader.read(prompt, chat.state, dialogue)
        if not meant or chat.state.picture(picture_id) is None:
            raise UserError("stale_button")
        if isinstance(reading, Talk):
            shown = partial(self.results.show_chosen, meant)
            is_act = reading.topic in _ACTS
            act = self.results.about_chosen(reading.topic, meant) if is_act else shown
            await act(asked, dialogue)
            return
        order = reading.order if isinstance(reading, Ask) else reading
        text = Text(prompt, chat, replace(order, which=THIS), "")
        await self._by_intent[order.intent](text, asked, dialogue)

    async def _change_picture(self, picture_id: str, wanted: str, dialogue: Dialogue) -> None:
        """Order a change of the picture that was meant: the one asked about, or a result."""
        photo = await dialogue.photo()
        if photo is not None and photo.unique_id == picture_id:
            await self.requests.check_rate_limit(dialogue)
            await self.requests.order(dialogue, Operation.EDIT, wanted, (photo,))
            await dialogue.state.clear()
            return
        # A picture that was being made has its job's id.
        job_id = await self.stored.job_of_unique_id(picture_id) or picture_id
        result = await self.stored.expected(job_id)
        is_here = result is not None and result.is_of(dialogue.context.chat_id)
        found = result.picture if result and is_here else None
        # It may be the user's own photo, after a step back to it.
        found = found or await self.pictures.of_this_chat(picture_id, dialogue)
        if found is None:
            raise UserError("stale_button")
        await self.requests.check_rate_limit(dialogue)
        beside = shown_beside(result.progress.message_id, dialogue) if result else dialogue
        await self.requests.order(beside, Operation.EDIT, wanted, (found,))

    async def _handle_pointing(self, text: Text, message: Message, dialogue: Dialogue) -> None:
        """Ask about the picture that the user points at: "here it is"; one of several is shown."""
        if text.which != THIS:
            await self._handle_show(text, message, dialogue)
            return
        is_waiting = text.pending is PendingQuestion.CHANGE and not text.is_merging
        photo = await self.orders.photo(text, dialogue) if text.is_reply or is_waiting else None
        if photo is None:
            raise UserError("send_photo_please")
        await ask_about(dialogue, photo)

    @property
    def _by_intent(self) -> Mapping[Intent, _Handler]:
        return {
            Intent.CREATE: self.orders.handle_new_picture,
            Intent.CHANGE: self.orders.handle_change,
            Intent.OPERATION: self.orders.handle_operation,
            Intent.AGAIN: self._handle_again,
            Intent.REDRAW: self.orders.handle_redraw,
            Intent.POINTING: self._handle_pointing,
            Intent.SHOW: self._handle_show,
            Intent.UNDO: self._handle_show,
            Intent.COMMAND: self._handle_command,
            Intent.QUESTION: self._handle_question,
            Intent.COMPLAINT: _talk(self.results.handle_complaint),
            Intent.CANCEL: _talk(self.account.handle_cancel),
            Intent.HELP: _talk(self.general.handle_help),
            Intent.SMALL_TALK: _handle_small_talk,
        }


def _talk(handler: MessageHandler) -> Callable[[Text, Message, Dialogue], Awaitable[None]]:
    """Return a handler of talk, which needs nothing of what was read."""
    return lambda _, message, dialogue: handler(message, dialogue)


async def _handle_small_talk(text: Text, message: Message, dialogue: Dialogue) -> None:
    await handle_small_talk(text.topic, message, dialogue)


async def _is_taken(
    takers: Sequence[Callable[[V, Dialogue], Awaitable[bool]]], given: V, dialogue: Dialogue
) -> bool:
    """Return true for a prompt or a picture that a feature has taken."""
    for take in takers:
        if await take(given, dialogue):
            return True
    return False


def _is_refused(text: Text) -> bool:
    """Return true for a text that needs the picture that it does not reply to."""
    is_needed = not text.prompt or text.intent in _NEEDS_PICTURE
    return text.refusal is not None and is_needed


def _selects_picture(text: Text) -> bool:
    is_asked = text.is_reply and text.question in _PICTURE_ASKED
    return is_asked and text.intent in PROMPTS


def _is_empty(text: Text) -> bool:
    return not text.prompt


def _announces_photo(text: Text) -> bool:
    return text.is_merging and text.intent in _NO_MERGE


def _says_how_to_merge(text: Text) -> bool:
    if not text.is_merging or text.intent not in _MERGED:
        return False
    return text.intent is Intent.CHANGE or (text.is_sure and text.intent is not Intent.CREATE)


def _is_unclear(text: Text) -> bool:
    is_new = text.is_merging and text.intent is Intent.CREATE
    return is_new or text.is_about_expired or not text.is_sure


def _may_be_several(text: Text) -> bool:
    return bool(text.found.among) and not text.found.pictures


async def _ask_which_found(text: Text, message: Message, dialogue: Dialogue) -> None:
    await ask_which(text, text.found.among, message, dialogue)


async def _refuse(text: Text, *_: object) -> None:
    raise text.refusal or UserError("picture_gone")
