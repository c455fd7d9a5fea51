"""Conversation: plain texts are classified once, and handled by what they ask for.

Only a sure order is enqueued. An unsure text is answered with a question whose buttons act on the
text: the question replies to it, so that the text need not be stored.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial

from aiogram.types import CallbackQuery, Message

from imgbot.bot.commands import CommandTable
from imgbot.bot.dialogue import (
    ABOUT_A_PHOTO,
    EXPIRY_S,
    PHOTO_STATES,
    Dialogue,
    MessageHandler,
    Question,
    to_state_data,
)
from imgbot.bot.handlers.account import AccountHandlers
from imgbot.bot.handlers.operations import OperationHandlers, ask_about, scales
from imgbot.bot.handlers.results import ResultHandlers
from imgbot.bot.handlers.start import GeneralHandlers, handle_small_talk
from imgbot.bot.messages import (
    asked_about,
    is_about_picture,
    prompt_of,
    replied_message,
    replied_picture_of,
    without_mention,
)
from imgbot.bot.pictures import Pictures
from imgbot.bot.requests import Requests
from imgbot.bot.this_picture import Meant, TargetPicture, target_of, this_picture
from imgbot.domain.buttons import ButtonAction, Keyboard, one_of
from imgbot.domain.errors import UserError
from imgbot.domain.intents import (
    ChatFacts,
    Classification,
    Intent,
    PendingQuestion,
    classify,
    wording_key,
)
from imgbot.domain.intents.beginnings import names_new_picture, without_preamble
from imgbot.domain.job import InputPhoto, Job
from imgbot.domain.operations import OPERATIONS, Operation, Prompt
from imgbot.domain.ordinals import Named, picture_named_in
from imgbot.domain.prompt_options import parse_prompt_options
from imgbot.domain.remix import repeats_prompt
from imgbot.domain.texts import LANGUAGES, t
from imgbot.storage.results import ResultStore
from imgbot.storage.users import UserStore

_PENDING: Mapping[str, PendingQuestion] = {
    Question.CREATE_WORDS: PendingQuestion.PROMPT,
    Question.EDIT_WORDS: PendingQuestion.CHANGE,
    Question.PHOTO_ACTION: PendingQuestion.CHANGE,
    Question.MERGE_PHOTOS: PendingQuestion.CHANGE,
    Question.UPSCALE_SCALE: PendingQuestion.SCALE,
    **dict.fromkeys(PHOTO_STATES.values(), PendingQuestion.PHOTO),
}
_ABOUT_NAMED = frozenset({"change", "operation", "again", "undo", "complaint", "file", "compare"})
"""Intents, and commands, that may be about a picture that a number names."""

_PROMPTS = frozenset({Intent.CREATE, Intent.CHANGE, Intent.OPERATION, Intent.POINTING})
_READ_WITH_PICTURE = _PROMPTS | {Intent.COMPLAINT}
_MERGED = _PROMPTS - {Intent.POINTING} | {Intent.SMALL_TALK}
"""To the question how to merge, "ok" is an answer."""

_NO_MERGE = frozenset({Intent.POINTING, Intent.AGAIN})
"""While photos are collected, "another one" announces a photo."""

_ANSWERED = frozenset({Question.CREATE_WORDS, Question.EDIT_WORDS})
"""Questions after a request that was counted already; so was that for a scale."""

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

_PHOTO_LINES = frozenset(
    t(language, key)
    for language in LANGUAGES
    for key in ("ask_edit_words", "ask_photo_action", "ask_scale")
)
"""Questions about a photo, as they are shown."""

_ACTIONS_IN_WORDS = frozenset({"file", "delete", "receipt"})
"""Commands about a result that there are in words alone."""

_READY_LINES = frozenset(t(language, "ready") for language in LANGUAGES)


MEANT = ButtonAction("meant", (one_of("create", "change", "merge"), str))


@dataclass(frozen=True, slots=True)
class Text:
    """A text as it was understood, and its place in the dialogue."""

    prompt: str
    found: Classification
    question: str
    """State of the pending question, or nothing."""
    expired: str
    pending: PendingQuestion
    is_reply: bool
    """True for a reply to a picture, or to the message that announces one."""
    target: TargetPicture
    repeated: Job | None = None
    """Created picture whose prompt the text asks for again, in another way."""
    handler: MessageHandler | None = None
    """Handler of a text about such a picture, a variant or an earlier version."""

    @property
    def wanted(self) -> str:
        """The prompt without its polite beginning."""
        return self.found.prompt or self.prompt

    @property
    def facts(self) -> ChatFacts:
        """Facts about the chat that the text was understood by."""
        return ChatFacts(
            has_picture=self.target.photo is not None,
            is_reply_to_picture=self.is_reply,
            pending=self.pending,
            latest_prompt=self.target.prompt,
        )

    @property
    def is_merging(self) -> bool:
        """True if it may say how to merge the photos that were collected."""
        is_asked = self.question == Question.MERGE_PHOTOS and not self.is_reply
        return is_asked and self.pending is PendingQuestion.CHANGE

    @property
    def is_prompt(self) -> bool:
        """True if it may be the prompt of an album sent before it."""
        # Right after an album, "delete this" is about what is drawn in it.
        is_about = self.found.intent in _PROMPTS or self.found.topic == "delete"
        is_new = is_about and self.repeated is None
        return bool(self.prompt) and is_new and not self.is_reply

    @property
    def is_about_expired(self) -> bool:
        """True if it needs the photo of a question that has expired."""
        is_new = self.found.intent is Intent.CREATE and self.found.is_sure
        return self.expired in ABOUT_A_PHOTO and self.found.intent in _PROMPTS and not is_new


@dataclass(frozen=True, slots=True)
class Conversation:
    """Reads texts, and handles them."""

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
        for read in dialogue.added.readers:
            if await read(message, dialogue):
                return
        text = await self.understand(message, dialogue)
        if text.is_prompt and await _is_taken(text.prompt, dialogue):
            return
        for handler in self._handlers_of(text):
            await handler(message, dialogue)

    async def understand(self, message: Message, dialogue: Dialogue) -> Text:
        """Classify a text, with the chat model's help where its wording does not decide."""
        text = await self._classify(message, dialogue)
        photo = text.target.photo
        if photo and not text.pending and self.operations.asks_for_style(text.prompt):
            text = replace(text, handler=partial(self.operations.handle_style_of, photo))
        if not (text.pending or text.handler) and repeats_prompt(text.prompt):
            text = self._repeated(text, await self._created(text.target, dialogue), text.prompt)
        if not (text.pending or text.is_reply) and names_new_picture(text.prompt):
            text = replace(text, found=Classification(Intent.CREATE, prompt=text.prompt))
        decide = dialogue.added.decide_unsure
        if decide and not (text.found.is_sure or text.is_merging) and text.handler is None:
            found = await decide(dialogue.user_id, text.prompt, text.facts, text.found)
            text = replace(text, found=found)
        return text

    async def handle_picture(self, message: Message, dialogue: Dialogue) -> None:
        """Picture: the answer to a question, or one outside a dialogue."""
        question, _ = await _question(message, dialogue)
        await self._picture_taker(question)(message, dialogue)

    def _picture_taker(self, question: str) -> MessageHandler:
        """Return the handler of a picture that answers a question, or none."""
        if question == Question.MERGE_PHOTOS:
            return self.operations.take_merge_photo
        operation = _OPERATION_ASKED.get(question)
        return self.operations.photo_taker(operation) if operation else self.operations.handle_photo

    async def _classify(self, message: Message, dialogue: Dialogue) -> Text:
        """Classify a text by as little of the chat as it takes."""
        prompt, (question, expired) = prompt_of(message), await _question(message, dialogue)
        is_announced = _is_to_ready_line(message, dialogue)
        is_reply = is_announced or is_about_picture(message)
        pending = _PENDING.get(question, PendingQuestion.NOTHING)
        if question == Question.MERGE_PHOTOS and not await dialogue.photos():
            pending = PendingQuestion.PHOTO
        # Talk is talk, whether there is a picture or not: it needs no look at the chat.
        facts = ChatFacts(has_picture=True, is_reply_to_picture=is_reply, pending=pending)
        found, target = classify(prompt, facts), TargetPicture()
        text = Text(prompt, found, question, expired, pending, is_reply, target)
        if found.topic == "delete" and not is_reply and (drawn := await _drawn(text, dialogue)):
            # Beside what was drawn, "delete this" is no wish to delete a message.
            found = Classification(Intent.CHANGE, prompt=prompt)
            return replace(text, found=found, target=TargetPicture(drawn))
        named = None if pending else picture_named_in(prompt)
        if named and (about_named := await self._about_named(named, text, message, dialogue)):
            return about_named
        is_repeat = repeats_prompt(prompt)
        if is_repeat or found.intent in _READ_WITH_PICTURE:
            target = await self._target(message, dialogue, pending, is_announced=is_announced)
            facts = replace(
                facts,
                has_picture=target.photo is not None or expired in ABOUT_A_PHOTO,
                picture_age_s=target.age_s,
                latest_prompt=target.prompt,
            )
            found = classify(prompt, facts)
            created_from = target.created_from.lower()
            if created_from and created_from == parse_prompt_options(prompt).prompt.lower():
                # The same words again, perhaps in another shape, ask for the same picture again.
                found = replace(found, intent=Intent.CREATE, is_sure=True)
            if not found.is_sure:
                remembered = await self.users.meant(dialogue.user_id, wording_key(prompt))
                found = classify(prompt, replace(facts, remembered=remembered))
        if is_repeat and found.intent is Intent.AGAIN:
            # Unless a created picture is drawn again with them, they change the one replied to.
            found = replace(found, intent=Intent.CHANGE, is_sure=is_reply, prompt=prompt)
        return replace(text, found=found, target=target)

    def _repeated(self, text: Text, result: Job | None, change: str) -> Text:
        handler = partial(self._handle_remix, result, change) if result else None
        return replace(text, repeated=result, handler=handler)

    async def _about_named(
        self, named: Named, text: Text, message: Message, dialogue: Dialogue
    ) -> Text | None:
        """Return the text as one about the picture that it names; None if it is about none."""
        found = classify(named.rest, ChatFacts(has_picture=True))
        found = replace(found, prompt=found.prompt or named.rest)
        is_repeated = repeats_prompt(named.rest)
        goes_back = found.intent is Intent.UNDO and not is_repeated and bool(named.rest)
        if not named.rest or is_repeated:
            found = Classification(Intent.UNDO)
        if not found.is_sure or (found.topic or found.intent) not in _ABOUT_NAMED:
            return None
        text = replace(text, found=found)
        if found.intent not in _PROMPTS | {Intent.UNDO}:
            return text
        try:
            chosen = await self.pictures.named(named, message, dialogue, goes_back=goes_back)
        except UserError as error:
            return replace(text, handler=partial(_refuse, error)) if named.is_certain else None
        if found.intent in _PROMPTS:
            return replace(text, target=target_of(chosen))
        if is_repeated:
            return self._repeated(text, _if_created(chosen), named.rest)
        return replace(text, handler=partial(self.results.show_chosen, chosen))

    async def _created(self, target: TargetPicture, dialogue: Dialogue) -> Job | None:
        """Return the result of a picture, if it was created in this chat."""
        results = self.stored
        job_id = await results.job_of_picture(target.photo) if target.photo else ""
        result = await results.expected(job_id)
        return _if_created(result) if result and result.is_of(dialogue.context.chat_id) else None

    async def _target(
        self, message: Message, dialogue: Dialogue, pending: PendingQuestion, *, is_announced: bool
    ) -> TargetPicture:
        """Return the picture that the text is about, see `this_picture`.

        Raises UserError for a reply to what is no picture, or to one that is gone.
        """
        replied = await self._replied(message, dialogue, is_announced=is_announced)
        is_asked = pending in {PendingQuestion.CHANGE, PendingQuestion.SCALE}
        asked = TargetPicture(await dialogue.photo()) if is_asked and not replied else None
        newest = None if replied or asked else await self._newest(message, dialogue)
        return this_picture(replied, asked, newest)

    async def _replied(
        self, message: Message, dialogue: Dialogue, *, is_announced: bool
    ) -> TargetPicture | None:
        replied, results = replied_message(message), self.stored
        replied_id = replied.message_id if replied is not None else 0
        if is_announced:
            job_id = await results.announced_in(dialogue.context.chat_id, replied_id)
            result = await results.result(job_id)
            if result is None or result.picture is None:
                raise UserError("picture_gone")
            return TargetPicture(result.picture, result.progress.message_id)
        photo = replied_picture_of(message)
        return TargetPicture(photo, replied_id) if photo else None

    async def _newest(self, message: Message, dialogue: Dialogue) -> TargetPicture | None:
        """Return the newest picture; in a reply to a status message, the one that it is about."""
        replied, newest = replied_message(message), None
        async with aclosing(self.pictures.newest_first(dialogue)) as newest_first:
            async for recent, meant in newest_first:
                target = target_of(meant, max(dialogue.now_ms() - recent.at_ms, 0) // 1000)
                if replied is None or target.message_id == replied.message_id:
                    return target
                newest = newest or target
        return newest

    def _handlers_of(self, text: Text) -> Sequence[MessageHandler]:
        """Return the handlers of a text; an unsure question is answered, then asked about."""
        is_unsure_question = text.found.intent is Intent.QUESTION and not text.found.is_sure
        answers = [partial(self._answer, text.found.topic)] if is_unsure_question else []
        return [*answers, self._handler_of(text)]

    def _handler_of(self, text: Text) -> MessageHandler:
        intent, is_sure = text.found.intent, text.found.is_sure
        if text.handler:
            return text.handler
        if text.is_reply and text.question in _PICTURE_ASKED and intent in _PROMPTS:
            return self._picture_taker(text.question)
        if not text.prompt:
            return partial(self._handle_no_words, text)
        if text.is_merging and intent in _NO_MERGE:
            return partial(_handle_pointing, text)
        if text.is_merging and intent in _MERGED:
            is_merge = is_sure or intent is Intent.CHANGE
            return (
                self.operations.take_merge_photo if is_merge else partial(self._handle_unsure, text)
            )
        if text.is_about_expired or not is_sure:
            return partial(self._handle_unsure, text)
        orders: Mapping[Intent, Callable[[Text, Message, Dialogue], Awaitable[None]]] = {
            Intent.CREATE: self._handle_new_picture,
            Intent.CHANGE: self._handle_change,
            Intent.OPERATION: self._handle_operation,
            Intent.POINTING: _handle_pointing,
        }
        return partial(orders[intent], text) if intent in orders else self._talk(text.found)

    def _talk(self, found: Classification) -> MessageHandler:
        """Return the handler of a sure text that orders nothing new."""
        if found.intent is Intent.COMMAND:
            return partial(self._command, found.topic)
        if found.intent is Intent.QUESTION:
            return partial(self._answer, found.topic)
        handlers: Mapping[Intent, MessageHandler] = {
            Intent.AGAIN: self.results.handle_again,
            Intent.UNDO: self.results.about_chosen("undo"),
            Intent.CANCEL: self.account.handle_cancel,
            Intent.HELP: self.general.handle_help,
            Intent.COMPLAINT: self.results.handle_complaint,
            Intent.SMALL_TALK: handle_small_talk,
        }
        return handlers[found.intent]

    async def _command(self, topic: str, message: Message, dialogue: Dialogue) -> None:
        """Do what a command in words asks for."""
        await (self._in_words(topic) or self.general.handler_of(topic))(message, dialogue)

    def _in_words(self, topic: str) -> MessageHandler | None:
        """Return the handler of a command that there is in words alone."""
        if topic in _ACTIONS_IN_WORDS:
            return self.results.about_chosen(topic)
        own = {"restart": self.general.handle_start, "sticker": self.handle_sticker}
        return own.get(topic)

    async def _answer(self, topic: str, message: Message, dialogue: Dialogue) -> None:
        """Answer a question."""
        answers: Mapping[str, MessageHandler] = {
            "price": self.account.answer_price,
            "status": self.account.handle_queue,
            **dialogue.added.answers,
        }
        await answers.get(topic, self.general.handle_help)(message, dialogue)

    async def _handle_remix(self, result: Job, change: str, _: Message, dialogue: Dialogue) -> None:
        await self.requests.remix(_beside(result.progress.message_id, dialogue), result, change)

    async def handle_sticker(self, message: Message, dialogue: Dialogue) -> None:
        """Make a sticker of the picture at hand; without one, ask for a photo."""
        is_announced = _is_to_ready_line(message, dialogue)
        target = await self._target(
            message, dialogue, PendingQuestion.NOTHING, is_announced=is_announced
        )
        await self.requests.check_rate_limit(dialogue)
        beside = _beside(target.message_id, dialogue)
        await self.operations.order_or_ask(beside, Operation.STICKER, target.photo)

    async def _handle_no_words(self, text: Text, _: Message, dialogue: Dialogue) -> None:
        if not text.is_reply:
            raise UserError("words_empty")
        await self.operations.edit(dialogue, text.target.photo, "")

    async def _handle_new_picture(self, text: Text, _: Message, dialogue: Dialogue) -> None:
        if text.question not in _ANSWERED:
            await self.requests.check_rate_limit(dialogue)
        # A beginning that is cut off as a whole needs its first words.
        is_clumsy = without_preamble(text.prompt) != text.prompt
        await self.requests.create(dialogue, text.prompt if is_clumsy else text.wanted)
        if text.question or text.expired:
            await dialogue.state.clear()

    async def _handle_change(self, text: Text, _: Message, dialogue: Dialogue) -> None:
        if text.is_reply or text.question not in _ANSWERED:
            await self.requests.check_rate_limit(dialogue)
        await self.operations.order_or_ask(
            _beside(text.target.message_id, dialogue),
            Operation.EDIT,
            text.target.photo,
            text.wanted,
        )

    async def _handle_operation(self, text: Text, _: Message, dialogue: Dialogue) -> None:
        """An operation in words; without a picture, it asks for one."""
        operation, photo = text.found.operation or Operation.EDIT, text.target.photo
        if operation is Operation.MERGE and not (text.is_reply or text.pending):
            # "Merge them" is about photos, hardly about the latest picture.
            photo = None
        if text.pending is not PendingQuestion.SCALE:
            await self.requests.check_rate_limit(dialogue)
        scale = text.found.scale or (2 if photo else None)
        beside = _beside(text.target.message_id, dialogue)
        # How to merge is said in the same words, and so is what to do where something was drawn.
        is_drawn = dialogue.order_rule.takes_another(operation, text.prompt, photo)
        prompt = text.prompt if operation is Operation.MERGE or is_drawn else ""
        await self.operations.order_or_ask(beside, operation, photo, prompt, scale)

    async def _handle_unsure(self, text: Text, _: Message, dialogue: Dialogue) -> None:
        """Text that may mean one thing or another: ask, and order nothing."""
        photo = None if text.is_about_expired else text.target.photo
        if text.is_reply and photo is not None:
            await dialogue.expect(Question.PHOTO_ACTION, sources=to_state_data(photo))
        key, rows = _unsure_question(text)
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
        wanted = classify(prompt).prompt or prompt
        by_asked = dialogue.in_reply_to(asked.message_id)
        if choice == "create":
            await self.requests.check_rate_limit(dialogue)
            await self.requests.create(by_asked, wanted)
        elif choice == "change":
            await self._change_picture(picture_id, wanted, by_asked)
        elif choice == "merge" and await dialogue.is_asking(Question.MERGE_PHOTOS):
            await self.operations.merge(by_asked, wanted)
        else:
            return "stale_button"
        if choice != "merge":
            await self.users.set_meant(dialogue.user_id, wording_key(prompt), choice)
        # It is answered: pressed once more, it would order a second picture.
        await dialogue.remove_panel()
        return "accepted_short"

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


async def _is_taken(prompt: str, dialogue: Dialogue) -> bool:
    """Return true for a prompt that a feature has taken."""
    for take in dialogue.added.prompt_takers:
        if await take(prompt, dialogue):
            return True
    return False


async def _question(message: Message, dialogue: Dialogue) -> tuple[str, str]:
    """Return the open question that a message answers, and an expired one.

    A reply to another message of the bot is no answer, and in a group nothing but a reply is.
    """
    replied, context = replied_message(message), dialogue.context
    is_alone = context.is_private or bool(context.ephemeral_id)
    if replied is None or is_about_picture(message):
        is_answer = is_alone or replied is not None
    elif not dialogue.identity.has_written(replied):
        is_answer = is_alone
    else:
        is_answer = await dialogue.may_be_question(replied.message_id)
        _, _, line = (replied.text or "").rpartition("\n")
        if line in _PHOTO_LINES and not (is_answer and any(await dialogue.question())):
            # It is over, and the photo that the text is about is not the newest one.
            return "", Question.EDIT_WORDS
    return await dialogue.question() if is_answer else ("", "")


async def _drawn(text: Text, dialogue: Dialogue) -> InputPhoto | None:
    """Return the photo in question, if it may have been drawn on, alone or beside its original."""
    is_about = text.pending is PendingQuestion.CHANGE
    is_about = is_about and dialogue.order_rule.is_prompt(text.prompt)
    photos = await dialogue.photos() if is_about else ()
    return photos[0] if photos and (photos[0].replied or len(photos) > 1) else None


def _if_created(meant: Meant) -> Job | None:
    if isinstance(meant, Job) and meant.request.operation is Operation.CREATE:
        return meant
    return None


def _is_to_ready_line(message: Message, dialogue: Dialogue) -> bool:
    """Return true for a reply to a message that comes after a picture: a line, or a sticker."""
    replied = replied_message(message)
    if replied is None or not dialogue.identity.has_written(replied):
        return False
    return bool(replied.sticker or replied.text in _READY_LINES)


async def _refuse(reason: UserError, *_: object) -> None:
    raise reason


def _beside(message_id: int, dialogue: Dialogue) -> Dialogue:
    """Return the dialogue with the order shown in reply to the picture that it changes.

    In a group it replies to the user's message: members have to see whose order it is.
    """
    is_shown = message_id and dialogue.context.is_private
    return dialogue.in_reply_to(message_id) if is_shown else dialogue


async def _handle_pointing(text: Text, _: Message, dialogue: Dialogue) -> None:
    """Ask about the picture that the user points at: "here it is"."""
    is_waiting = text.pending is PendingQuestion.CHANGE and not text.is_merging
    if not (text.is_reply or is_waiting) or text.target.photo is None:
        raise UserError("send_photo_please")
    await ask_about(dialogue, text.target.photo)


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


def _unsure_question(text: Text) -> tuple[str, Keyboard]:
    """Return the question by its text's key, and buttons beside those for the meanings."""
    if text.is_about_expired:
        return "question_expired", []
    if text.pending is PendingQuestion.SCALE and not text.is_reply:
        return "choose_scale_please", scales()
    if text.pending is PendingQuestion.PHOTO and not text.is_reply:
        return "send_photo_please", []
    if text.found.intent is Intent.CHANGE and text.target.photo is None:
        return "nothing_to_change", []
    return "ask_meaning", []
