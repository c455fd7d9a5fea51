"""Conversation: a text is read once, with the facts of its chat, and handled by what it asks for.

Only a sure order is enqueued. An unsure text is answered with a question whose buttons act on the
text: the question replies to it, so that the text need not be stored.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

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
from imgbot.bot.handlers.operations import STYLE_OF_THIS, OperationHandlers, ask_about, scales
from imgbot.bot.handlers.results import ResultHandlers
from imgbot.bot.handlers.start import GeneralHandlers, handle_small_talk
from imgbot.bot.messages import asked_about, prompt_of, without_mention
from imgbot.bot.pictures import KnownChat, Pictures
from imgbot.bot.requests import Requests
from imgbot.bot.text_reader import PROMPTS, Text, TextReader, open_question
from imgbot.bot.this_picture import Meant, TargetPicture
from imgbot.domain.buttons import Button, ButtonAction, Keyboard, one_of
from imgbot.domain.errors import UserError
from imgbot.domain.intents import Intent, PendingQuestion, wording_key
from imgbot.domain.intents.beginnings import without_preamble
from imgbot.domain.job import InputPhoto, Job
from imgbot.domain.operations import OPERATIONS, Operation, Prompt
from imgbot.domain.prompt_options import count_in
from imgbot.domain.words.chat import ChatPicture, ChatState
from imgbot.domain.words.reading import THIS, Ask, NamedBy, Order, Talk
from imgbot.storage.results import ResultStore
from imgbot.storage.users import UserStore

_MERGED = PROMPTS - {Intent.POINTING} | {Intent.SMALL_TALK}
"""To the question how to merge, "ok" is an answer."""

_NO_MERGE = frozenset({Intent.POINTING, Intent.AGAIN})
"""While photos are collected, "another one" announces a photo."""

_ANSWERED = frozenset({Question.CREATE_WORDS, Question.EDIT_WORDS})
"""Questions after a request that was counted already; so was that for a scale."""

_NEEDS_PICTURE = PROMPTS - {Intent.CREATE} | {Intent.COMPLAINT, Intent.REDRAW}
_STEPS = frozenset({NamedBy.BACK, NamedBy.FORWARD, NamedBy.FIRST})
_CHOICES = 6
"""Pictures that a question offers to choose from."""

_LABEL = 28
"""Characters of the words that name a picture on its button."""

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
"""Topics of texts that are about a result."""

MEANT = ButtonAction("meant", (one_of("create", "change", "merge", "this"), str))
_Handler = Callable[[Text, Message, Dialogue], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Conversation:
    """Reads texts, and handles them."""

    reader: TextReader
    requests: Requests
    pictures: Pictures
    operations: OperationHandlers
    results: ResultHandlers
    account: AccountHandlers
    general: GeneralHandlers
    stored: ResultStore
    users: UserStore

    def add_to(self, table: CommandTable) -> None:
        table.add((MEANT, self.on_meaning_callback))

    async def handle_text(self, message: Message, dialogue: Dialogue) -> None:
        """Handle a text as the prompt of a feature, or by what it asks for."""
        text = await self.reader.understand(message, dialogue)
        if text.is_prompt and await _is_taken(text.prompt, dialogue):
            return
        await self._handler_of(text, dialogue)(message, dialogue)

    async def handle_picture(self, message: Message, dialogue: Dialogue) -> None:
        """Picture: the answer to a question, or one outside a dialogue."""
        question, _ = await open_question(message, dialogue)
        await self._picture_taker(question)(message, dialogue)

    def _picture_taker(self, question: str) -> MessageHandler:
        """Return the handler of a picture that answers a question, or none."""
        if question == Question.MERGE_PHOTOS:
            return self.operations.take_merge_photo
        operation = _OPERATION_ASKED.get(question)
        return self.operations.photo_taker(operation) if operation else self.operations.handle_photo

    def _handler_of(self, text: Text, dialogue: Dialogue) -> MessageHandler:
        """Return the handler of a text, by its place in the dialogue, then by its intent."""
        intent, is_needed = text.intent, not text.prompt or text.intent in _NEEDS_PICTURE
        if text.refusal and is_needed:
            return partial(_refuse, text.refusal)
        if text.is_reply and text.question in _PICTURE_ASKED and intent in PROMPTS:
            return self._picture_taker(text.question)
        if not text.prompt:
            return partial(self._handle_no_words, text)
        if text.is_merging and intent in _NO_MERGE:
            return partial(self._handle_pointing, text)
        if text.is_merging and intent in _MERGED:
            is_new = intent is Intent.CREATE or not text.is_sure
            is_merge = not is_new or intent is Intent.CHANGE
            taker = self.operations.take_merge_photo
            return taker if is_merge else partial(self._handle_unsure, text)
        if text.is_about_expired or not text.is_sure:
            return partial(self._handle_unsure, text)
        if not text.found.pictures and text.found.among:
            return partial(_ask_which, text, text.found.among)
        added = dialogue.added.answers.get(text.topic)
        return added or partial(self._by_intent[intent], text)

    async def _handle_command(self, text: Text, message: Message, dialogue: Dialogue) -> None:
        """Do what a command in words asks for."""
        if text.topic in _ACTS:
            named = await self._named(text, dialogue)
            await self.results.about_chosen(text.topic, named)(message, dialogue)
        elif text.topic == Operation.STICKER:
            order = Order(Intent.OPERATION, which=text.which, operation=Operation.STICKER)
            await self._handle_operation(replace(text, reading=order), message, dialogue)
        elif text.topic == STYLE_OF_THIS.name:
            target = (await self._targets(text, dialogue) or [TargetPicture()])[0]
            await self.operations.handle_style_of(target, dialogue)
        elif text.topic == "restart":
            await self.general.handle_start(message, dialogue)
        else:
            await self.general.handler_of(text.topic)(message, dialogue)

    async def _handle_question(self, text: Text, message: Message, dialogue: Dialogue) -> None:
        answers: Mapping[str, MessageHandler] = {
            "price": self.account.answer_price,
            "status": self.account.handle_queue,
        }
        await answers.get(text.topic, self.general.handle_help)(message, dialogue)

    async def _named(self, text: Text, dialogue: Dialogue) -> Meant:
        """Return the picture that a text names; nothing if it names none.

        Raises UserError if there is no such picture.
        """
        return await self._meant(text, dialogue) if text.which != THIS else ()

    async def _meant(self, text: Text, dialogue: Dialogue) -> Meant:
        """Return the picture that a text is about. Raises UserError without one."""
        found = next((each.id for each in text.found.pictures), "")
        if not found:
            raise _no_such(text)
        meant = await self.pictures.meant(text.chat, found, dialogue)
        if not meant:
            raise UserError("picture_gone")
        return meant

    async def _targets(self, text: Text, dialogue: Dialogue) -> Sequence[TargetPicture]:
        """Return the pictures that a text is about. Raises UserError if they are gone."""
        ids = [each.id for each in text.found.pictures]
        if text.which != THIS and not ids:
            raise _no_such(text)
        found = [await self.pictures.target(text.chat, each, dialogue) for each in ids]
        if found and not any(each.photo for each in found):
            raise UserError("picture_gone")
        return [each for each in found if each.photo]

    async def _photo(self, text: Text, dialogue: Dialogue) -> InputPhoto | None:
        return next((each.photo for each in await self._targets(text, dialogue)), None)

    async def _handle_show(self, text: Text, message: Message, dialogue: Dialogue) -> None:
        """Show a picture again: a step of its history, or one that is named; free of charge."""
        this = text.chat.state.this
        if text.which == THIS or (text.which.way is NamedBy.BACK and this and not this.is_there):
            # One that is not made yet is cancelled.
            await self.results.about_chosen("undo")(message, dialogue)
            return
        # Shown by an update that is handled again, it is the newest itself.
        found = next((each.id for each in text.found.pictures), "")
        chosen = await dialogue.once("show", found)
        if not chosen:
            raise _no_such(text)
        meant = await self.pictures.meant(text.chat, chosen, dialogue)
        if not meant:
            raise UserError("picture_gone")
        await self.results.show_chosen(meant, message, dialogue)

    async def _handle_again(self, text: Text, message: Message, dialogue: Dialogue) -> None:
        told = text.order.count if text.order else 1
        count = max(told, count_in(text.prompt) or 1)
        await self.results.handle_again(message, dialogue, await self._named(text, dialogue), count)

    async def _handle_redraw(self, text: Text, message: Message, dialogue: Dialogue) -> None:
        """Draw a picture anew with other options or words; one that was not drawn is changed."""
        meant = await self._meant(text, dialogue)
        if isinstance(meant, Job) and meant.request.operation is Operation.CREATE:
            await self.requests.remix(
                _beside(meant.progress.message_id, dialogue), meant, text.wanted
            )
        else:
            await self._handle_change(text, message, dialogue)

    async def _handle_no_words(self, text: Text, _: Message, dialogue: Dialogue) -> None:
        if not text.is_reply:
            raise UserError("words_empty")
        await self.operations.edit(dialogue, await self._photo(text, dialogue), "")

    async def _handle_new_picture(self, text: Text, _: Message, dialogue: Dialogue) -> None:
        if text.question not in _ANSWERED:
            await self.requests.check_rate_limit(dialogue)
        # A beginning that is cut off as a whole needs its first words.
        is_clumsy = without_preamble(text.prompt) != text.prompt
        await self.requests.create(dialogue, text.prompt if is_clumsy else text.wanted)
        if text.question or text.expired:
            await dialogue.state.clear()

    async def _handle_change(self, text: Text, _: Message, dialogue: Dialogue) -> None:
        targets = await self._targets(text, dialogue) or [TargetPicture()]
        if text.is_reply or text.question not in _ANSWERED:
            await self.requests.check_rate_limit(dialogue)
        await self._order(Operation.EDIT, targets, text.wanted, dialogue)

    async def _handle_operation(self, text: Text, _: Message, dialogue: Dialogue) -> None:
        """An operation in words; without a picture, it asks for one."""
        order = text.order or Order(Intent.OPERATION)
        operation, targets = order.operation or Operation.EDIT, await self._targets(text, dialogue)
        photo = targets[0].photo if targets else None
        if operation is Operation.MERGE and not (text.is_reply or text.pending or len(targets) > 1):
            # "Merge them" is about photos, hardly about the latest picture.
            targets, photo = [], None
        if text.pending is not PendingQuestion.SCALE:
            await self.requests.check_rate_limit(dialogue)
        # How to merge is said in the same words, and so is what to do where something was drawn.
        is_drawn = dialogue.order_rule.takes_another(operation, text.prompt, photo)
        prompt = text.prompt if operation is Operation.MERGE or is_drawn else ""
        scale = order.scale or (2 if photo else None)
        await self._order(operation, targets or [TargetPicture()], prompt, dialogue, scale)

    async def _order(
        self,
        operation: Operation,
        targets: Sequence[TargetPicture],
        prompt: str,
        dialogue: Dialogue,
        scale: int | None = None,
    ) -> None:
        """Order an operation on each of the pictures, or a merge of them all."""
        if operation is Operation.MERGE and len(targets) > 1:
            photos = tuple(each.photo for each in targets if each.photo)
            await self.requests.order(dialogue, operation, prompt, photos)
            await dialogue.state.clear()
            return
        first, *others = targets
        beside = _beside(first.message_id, dialogue)
        await self.operations.order_or_ask(beside, operation, first.photo, prompt, scale)
        for number, target in enumerate(others, 2):
            await self.requests.check_rate_limit(dialogue, f"{dialogue.context.request}.{number}")
            if target.photo:
                beside, photos = _beside(target.message_id, dialogue), (target.photo,)
                await self.requests.order(beside, operation, prompt, photos, scale or 2, number)

    async def _handle_unsure(self, text: Text, message: Message, dialogue: Dialogue) -> None:
        """Text that may mean one thing or another: ask, and order nothing."""
        if isinstance(text.reading, Ask) and text.reading.among and not text.is_merging:
            known = map(text.chat.state.picture, text.reading.among)
            await _ask_which(text, list(filter(None, known)), message, dialogue)
            return
        photo = None if text.is_about_expired else await self._photo(text, dialogue)
        if text.is_reply and photo is not None:
            await dialogue.expect(Question.PHOTO_ACTION, sources=to_state_data(photo))
        key, rows = _unsure_question(text, photo)
        rows += _meanings(text, photo, dialogue)
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
        results = self.stored
        # A picture that was being made has its job's id.
        job_id = await results.job_of_unique_id(picture_id) or picture_id
        result = await results.expected(job_id)
        is_here = result is not None and result.is_of(dialogue.context.chat_id)
        if result is None or result.picture is None or not is_here:
            raise UserError("stale_button")
        await self.requests.check_rate_limit(dialogue)
        beside = _beside(result.progress.message_id, dialogue)
        await self.requests.order(beside, Operation.EDIT, wanted, (result.picture,))

    async def _handle_pointing(self, text: Text, message: Message, dialogue: Dialogue) -> None:
        """Ask about the picture that the user points at: "here it is"; one of several is shown."""
        if text.which != THIS:
            await self._handle_show(text, message, dialogue)
            return
        is_waiting = text.pending is PendingQuestion.CHANGE and not text.is_merging
        photo = await self._photo(text, dialogue) if text.is_reply or is_waiting else None
        if photo is None:
            raise UserError("send_photo_please")
        await ask_about(dialogue, photo)

    @property
    def _by_intent(self) -> Mapping[Intent, _Handler]:
        return {
            Intent.CREATE: self._handle_new_picture,
            Intent.CHANGE: self._handle_change,
            Intent.OPERATION: self._handle_operation,
            Intent.AGAIN: self._handle_again,
            Intent.REDRAW: self._handle_redraw,
            Intent.POINTING: self._handle_pointing,
            Intent.SHOW: self._handle_show,
            Intent.UNDO: self._handle_show,
            Intent.COMMAND: self._handle_command,
            Intent.QUESTION: self._handle_question,
            Intent.COMPLAINT: _talk(self.results.handle_complaint),
            Intent.CANCEL: _talk(self.account.handle_cancel),
            Intent.HELP: _talk(self.general.handle_help),
            Intent.SMALL_TALK: _talk(handle_small_talk),
        }


def _talk(handler: MessageHandler) -> Callable[[Text, Message, Dialogue], Awaitable[None]]:
    """Return a handler of talk, which needs nothing of what was read."""
    return lambda _, message, dialogue: handler(message, dialogue)


async def _is_taken(prompt: str, dialogue: Dialogue) -> bool:
    """Return true for a prompt that a feature has taken."""
    for take in dialogue.added.prompt_takers:
        if await take(prompt, dialogue):
            return True
    return False


def _no_such(text: Text) -> UserError:
    """Return the error that says which pictures there are, in place of the one that is named."""
    if text.which.way is not NamedBy.NUMBER:
        return UserError("undo_nothing")
    this = text.chat.state.this
    order = [each for each in text.chat.state.pictures if this and each.order == this.order != ""]
    known = ", ".join(str(number) for number in sorted({each.number for each in order}))
    facts = {"number": text.which.number, "known": known}
    return UserError("variant_missing", **facts) if known else UserError("variants_none")


async def _refuse(reason: UserError, *_: object) -> None:
    raise reason


def _beside(message_id: int, dialogue: Dialogue) -> Dialogue:
    """Return the dialogue with the order shown in reply to the picture that it changes.

    In a group it replies to the user's message: members have to see whose order it is.
    """
    is_shown = message_id and dialogue.context.is_private
    return dialogue.in_reply_to(message_id) if is_shown else dialogue


async def _ask_which(
    text: Text, among: Sequence[ChatPicture], _: Message, dialogue: Dialogue
) -> None:
    """Ask which picture a text is about, by buttons named by the words of each."""
    rows = [
        [Button(_label(at, each, dialogue), MEANT.pack("this", each.id))]
        for at, each in enumerate(among[:_CHOICES], 1)
    ]
    key = "ask_which_step" if text.which.way in _STEPS else "ask_which"
    await dialogue.ask(dialogue.t(key), rows=rows)


def _label(number: int, picture: ChatPicture, dialogue: Dialogue) -> str:
    """Return the name of a picture: its number, and the words that it was drawn or changed with."""
    words = picture.words[-1] if picture.words else dialogue.t("your_photo")
    words = words if len(words) <= _LABEL else f"{words[: _LABEL - 1]}…"
    return f"№{picture.number or number} · {words}"


def _meanings(text: Text, photo: InputPhoto | None, dialogue: Dialogue) -> Keyboard:
    """Buttons for what a text may mean: a new picture, also of a feature, or a change of this."""
    language, offered = dialogue.language, dialogue.added.result_buttons
    row = [MEANT.button(language, "create", key="new_picture")]
    if text.is_merging:
        return [[*row, MEANT.button(language, "merge", key="merge_now")]]
    if photo:
        row.append(MEANT.button(language, "change", photo.unique_id, key="change_this"))
    more = [each for each in offered if each.is_about_words]
    fitting = [each.action for each in more if each.fits(Operation.CREATE, text.prompt)]
    return [row, *([action.button(language)] for action in fitting)]


def _unsure_question(text: Text, photo: InputPhoto | None) -> tuple[str, Keyboard]:
    """Return the question by its text's key, and buttons beside those for the meanings."""
    if text.is_about_expired:
        return "question_expired", []
    if text.pending is PendingQuestion.SCALE and not text.is_reply:
        return "choose_scale_please", scales()
    if text.pending is PendingQuestion.PHOTO and not text.is_reply:
        return "send_photo_please", []
    if text.intent is Intent.CHANGE and photo is None:
        return "nothing_to_change", []
    return "ask_meaning", []
