"""Conversation: plain texts are classified once, and handled by what they ask for.

Only a sure order is enqueued. An unsure text is answered with a question whose buttons act on the
text: the question replies to it, so that the text need not be stored.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial

from aiogram.types import CallbackQuery, Message

from imgbot.bot import pictures, requests
from imgbot.bot.dialogue import (
    ABOUT_A_PHOTO,
    EXPIRY_S,
    PHOTO_STATES,
    Dialogue,
    MessageHandler,
    Question,
    to_state_data,
)
from imgbot.bot.handlers.account import answer_price, handle_queue
from imgbot.bot.handlers.operations import (
    PHOTO_HANDLERS,
    ask_about,
    asks_for_style,
    edit,
    handle_photo,
    handle_style_of,
    merge,
    order_or_ask,
    scales,
    take_merge_photo,
)
from imgbot.bot.handlers.results import (
    handle_again,
    handle_complaint,
    handle_delete,
    handle_file,
    handle_receipt,
    handle_undo,
    show_chosen,
)
from imgbot.bot.handlers.start import (
    handle_cancel,
    handle_help,
    handle_small_talk,
    handle_start,
    handle_unknown_command,
)
from imgbot.bot.messages import (
    asked_about,
    is_about_picture,
    prompt_of,
    replied_message,
    replied_picture_of,
    without_mention,
)
from imgbot.bot.this_picture import Meant, TargetPicture, target_of, this_picture
from imgbot.domain import buttons
from imgbot.domain.buttons import ButtonAction, Keyboard
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

# Here a reply to a picture selects the picture, and its text is no instruction.
_PICTURE_ASKED = {
    state: PHOTO_HANDLERS[operation]
    for operation, state in PHOTO_STATES.items()
    if OPERATIONS[operation].prompt is not Prompt.REQUIRED
}
_PICTURE_ANSWERS: Mapping[str, MessageHandler] = {
    Question.EDIT_WORDS: PHOTO_HANDLERS[Operation.EDIT],
    Question.MERGE_PHOTOS: take_merge_photo,
    Question.UPSCALE_SCALE: PHOTO_HANDLERS[Operation.UPSCALE],
    **{PHOTO_STATES[operation]: handler for operation, handler in PHOTO_HANDLERS.items()},
}
"""Handlers of pictures that answer a question."""

_PHOTO_LINES = frozenset(
    t(language, key)
    for language in LANGUAGES
    for key in ("ask_edit_words", "ask_photo_action", "ask_scale")
)
"""Questions about a photo, as they are shown."""

_READY_LINES = frozenset(t(language, "ready") for language in LANGUAGES)


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


async def handle_text(message: Message, dialogue: Dialogue) -> None:
    """Handle a text as the prompt of a feature, or by what it asks for."""
    for read in dialogue.added.readers:
        if await read(message, dialogue):
            return
    text = await understand(message, dialogue)
    if text.is_prompt and await _is_taken(text.prompt, dialogue):
        return
    for handler in _handlers_of(text):
        await handler(message, dialogue)


async def _is_taken(prompt: str, dialogue: Dialogue) -> bool:
    """Return true for a prompt that a feature has taken."""
    for take in dialogue.added.prompt_takers:
        if await take(prompt, dialogue):
            return True
    return False


async def understand(message: Message, dialogue: Dialogue) -> Text:
    """Classify a text, with the chat model's help where its wording does not decide."""
    text = await _classify(message, dialogue)
    photo = text.target.photo
    if photo and not text.pending and asks_for_style(dialogue, text.prompt):
        text = replace(text, handler=partial(handle_style_of, photo))
    if not (text.pending or text.handler) and repeats_prompt(text.prompt):
        text = _repeated(text, await _created(text.target, dialogue), text.prompt)
    if not (text.pending or text.is_reply) and names_new_picture(text.prompt):
        text = replace(text, found=Classification(Intent.CREATE, prompt=text.prompt))
    decide = dialogue.added.decide_unsure
    if decide and not (text.found.is_sure or text.is_merging) and text.handler is None:
        found = await decide(dialogue.user_id, text.prompt, text.facts, text.found)
        text = replace(text, found=found)
    return text


async def handle_picture(message: Message, dialogue: Dialogue) -> None:
    """Picture: the answer to a question, or one outside a dialogue."""
    question, _ = await _question(message, dialogue)
    await _PICTURE_ANSWERS.get(question, handle_photo)(message, dialogue)


async def _question(message: Message, dialogue: Dialogue) -> tuple[str, str]:
    """Return the open question that a message answers, and an expired one.

    A reply to another message of the bot is no answer, and in a group nothing but a reply is.
    """
    replied, context = replied_message(message), dialogue.context
    is_alone = context.is_private or bool(context.ephemeral_id)
    if replied is None or is_about_picture(message):
        is_answer = is_alone or replied is not None
    elif not dialogue.app.identity.has_written(replied):
        is_answer = is_alone
    else:
        is_answer = await dialogue.may_be_question(replied.message_id)
        _, _, line = (replied.text or "").rpartition("\n")
        if line in _PHOTO_LINES and not (is_answer and any(await dialogue.question())):
            # It is over, and the photo that the text is about is not the newest one.
            return "", Question.EDIT_WORDS
    return await dialogue.question() if is_answer else ("", "")


async def _classify(message: Message, dialogue: Dialogue) -> Text:
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
    if named and (about_named := await _about_named(named, text, message, dialogue)):
        return about_named
    is_repeat = repeats_prompt(prompt)
    if is_repeat or found.intent in _READ_WITH_PICTURE:
        target = await _target(message, dialogue, pending, is_announced=is_announced)
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
            remembered = await dialogue.app.users.meant(dialogue.user_id, wording_key(prompt))
            found = classify(prompt, replace(facts, remembered=remembered))
    if is_repeat and found.intent is Intent.AGAIN:
        # Unless a created picture is drawn again with them, they change the one replied to.
        found = replace(found, intent=Intent.CHANGE, is_sure=is_reply, prompt=prompt)
    return replace(text, found=found, target=target)


async def _drawn(text: Text, dialogue: Dialogue) -> InputPhoto | None:
    """Return the photo in question, if it may have been drawn on, alone or beside its original."""
    is_about = text.pending is PendingQuestion.CHANGE
    is_about = is_about and dialogue.order_rule.is_prompt(text.prompt)
    photos = await dialogue.photos() if is_about else ()
    return photos[0] if photos and (photos[0].replied or len(photos) > 1) else None


def _repeated(text: Text, result: Job | None, change: str) -> Text:
    handler = partial(_handle_remix, result, change) if result else None
    return replace(text, repeated=result, handler=handler)


async def _about_named(
    named: Named, text: Text, message: Message, dialogue: Dialogue
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
        chosen = await pictures.named(named, message, dialogue, goes_back=goes_back)
    except UserError as error:
        return replace(text, handler=partial(_refuse, error)) if named.is_certain else None
    if found.intent in _PROMPTS:
        return replace(text, target=target_of(chosen))
    if is_repeated:
        return _repeated(text, _if_created(chosen), named.rest)
    return replace(text, handler=partial(show_chosen, chosen))


async def _created(target: TargetPicture, dialogue: Dialogue) -> Job | None:
    """Return the result of a picture, if it was created in this chat."""
    results = dialogue.app.results
    job_id = await results.job_of_picture(target.photo) if target.photo else ""
    result = await results.expected(job_id)
    return _if_created(result) if result and result.is_of(dialogue.context.chat_id) else None


def _if_created(meant: Meant) -> Job | None:
    if isinstance(meant, Job) and meant.request.operation is Operation.CREATE:
        return meant
    return None


def _is_to_ready_line(message: Message, dialogue: Dialogue) -> bool:
    """Return true for a reply to a message that comes after a picture: a line, or a sticker."""
    replied = replied_message(message)
    if replied is None or not dialogue.app.identity.has_written(replied):
        return False
    return bool(replied.sticker or replied.text in _READY_LINES)


async def _target(
    message: Message, dialogue: Dialogue, pending: PendingQuestion, *, is_announced: bool
) -> TargetPicture:
    """Return the picture that the text is about, see `this_picture`.

    Raises UserError for a reply to what is no picture, or to one that is gone.
    """
    replied = await _replied(message, dialogue, is_announced=is_announced)
    is_asked = pending in {PendingQuestion.CHANGE, PendingQuestion.SCALE}
    asked = TargetPicture(await dialogue.photo()) if is_asked and not replied else None
    newest = None if replied or asked else await _newest(message, dialogue)
    return this_picture(replied, asked, newest)


async def _replied(
    message: Message, dialogue: Dialogue, *, is_announced: bool
) -> TargetPicture | None:
    replied, results = replied_message(message), dialogue.app.results
    replied_id = replied.message_id if replied is not None else 0
    if is_announced:
        job_id = await results.announced_in(dialogue.context.chat_id, replied_id)
        result = await results.result(job_id)
        if result is None or result.picture is None:
            raise UserError("picture_gone")
        return TargetPicture(result.picture, result.progress.message_id)
    photo = replied_picture_of(message)
    return TargetPicture(photo, replied_id) if photo else None


async def _newest(message: Message, dialogue: Dialogue) -> TargetPicture | None:
    """Return the newest picture; in a reply to a status message, the one that it is about."""
    replied, newest = replied_message(message), None
    async with aclosing(pictures.newest_first(dialogue)) as newest_first:
        async for recent, meant in newest_first:
            target = target_of(meant, max(dialogue.app.now_ms() - recent.at_ms, 0) // 1000)
            if replied is None or target.message_id == replied.message_id:
                return target
            newest = newest or target
    return newest


def _handlers_of(text: Text) -> Sequence[MessageHandler]:
    """Return the handlers of a text; an unsure question is answered before it is asked about."""
    is_unsure_question = text.found.intent is Intent.QUESTION and not text.found.is_sure
    answers = [partial(_answer, text.found.topic)] if is_unsure_question else []
    return [*answers, _handler_of(text)]


def _handler_of(text: Text) -> MessageHandler:
    intent, is_sure = text.found.intent, text.found.is_sure
    if text.handler:
        return text.handler
    if text.is_reply and text.question in _PICTURE_ASKED and intent in _PROMPTS:
        return _PICTURE_ASKED[text.question]
    if not text.prompt:
        return partial(_handle_no_words, text)
    if text.is_merging and intent in _NO_MERGE:
        return partial(_handle_pointing, text)
    if text.is_merging and intent in _MERGED:
        is_merge = is_sure or intent is Intent.CHANGE
        return take_merge_photo if is_merge else partial(_handle_unsure, text)
    if text.is_about_expired or not is_sure:
        return partial(_handle_unsure, text)
    if intent in _ORDERS:
        return partial(_ORDERS[intent], text)
    by_topic = {Intent.COMMAND: _command, Intent.QUESTION: _answer}
    return partial(by_topic[intent], text.found.topic) if intent in by_topic else _TALK[intent]


async def _command(topic: str, message: Message, dialogue: Dialogue) -> None:
    """Do what a command in words asks for."""
    command = dialogue.app.commands.command(topic, "")
    is_known = command is not None and not command.is_for_admins
    usual = command.handler if command and is_known else handle_unknown_command
    await _IN_WORDS.get(topic, usual)(message, dialogue)


async def _answer(topic: str, message: Message, dialogue: Dialogue) -> None:
    """Answer a question."""
    await {**_ANSWERS, **dialogue.added.answers}.get(topic, handle_help)(message, dialogue)


async def _handle_remix(result: Job, change: str, _: Message, dialogue: Dialogue) -> None:
    await requests.remix(_beside(result.progress.message_id, dialogue), result, change)


async def _refuse(reason: UserError, *_: object) -> None:
    raise reason


async def handle_sticker(message: Message, dialogue: Dialogue) -> None:
    """Make a sticker of the picture at hand; without one, ask for a photo."""
    is_announced = _is_to_ready_line(message, dialogue)
    target = await _target(message, dialogue, PendingQuestion.NOTHING, is_announced=is_announced)
    await requests.check_rate_limit(dialogue)
    beside = _beside(target.message_id, dialogue)
    await order_or_ask(beside, Operation.STICKER, target.photo)


async def _handle_no_words(text: Text, _: Message, dialogue: Dialogue) -> None:
    if not text.is_reply:
        raise UserError("words_empty")
    await edit(dialogue, text.target.photo, "")


async def _handle_new_picture(text: Text, _: Message, dialogue: Dialogue) -> None:
    if text.question not in _ANSWERED:
        await requests.check_rate_limit(dialogue)
    # A beginning that is cut off as a whole needs its first words.
    is_clumsy = without_preamble(text.prompt) != text.prompt
    await requests.create(dialogue, text.prompt if is_clumsy else text.wanted)
    if text.question or text.expired:
        await dialogue.state.clear()


async def _handle_change(text: Text, _: Message, dialogue: Dialogue) -> None:
    if text.is_reply or text.question not in _ANSWERED:
        await requests.check_rate_limit(dialogue)
    await order_or_ask(
        _beside(text.target.message_id, dialogue),
        Operation.EDIT,
        text.target.photo,
        text.wanted,
    )


async def _handle_operation(text: Text, _: Message, dialogue: Dialogue) -> None:
    """An operation in words; without a picture, it asks for one."""
    operation, photo = text.found.operation or Operation.EDIT, text.target.photo
    if operation is Operation.MERGE and not (text.is_reply or text.pending):
        # "Merge them" is about photos, hardly about the latest picture.
        photo = None
    if text.pending is not PendingQuestion.SCALE:
        await requests.check_rate_limit(dialogue)
    scale = text.found.scale or (2 if photo else None)
    beside = _beside(text.target.message_id, dialogue)
    # How to merge is said in the same words, and so is what to do where something was drawn.
    is_drawn = dialogue.order_rule.takes_another(operation, text.prompt, photo)
    prompt = text.prompt if operation is Operation.MERGE or is_drawn else ""
    await order_or_ask(beside, operation, photo, prompt, scale)


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


async def _handle_unsure(text: Text, _: Message, dialogue: Dialogue) -> None:
    """Text that may mean one thing or another: ask, and order nothing."""
    photo = None if text.is_about_expired else text.target.photo
    if text.is_reply and photo is not None:
        await dialogue.expect(Question.PHOTO_ACTION, sources=to_state_data(photo))
    key, rows = _unsure_question(text)
    meanings = buttons.meanings(
        dialogue.language,
        photo.unique_id if photo else "",
        is_merging=text.is_merging,
        extras=[] if text.is_merging else _extras(text.prompt, dialogue),
    )
    await dialogue.ask(dialogue.t(key, minutes=EXPIRY_S // 60), rows=[*rows, *meanings])
    if key == "ask_meaning":
        await dialogue.app.queue_stats.note_not_understood(
            dialogue.user_id, dialogue.context.update_id, text.prompt
        )
    if text.is_about_expired and (await dialogue.question())[1]:
        # Clear the state after the answer: if the answer fails, the same text comes again.
        await dialogue.state.clear()


def _extras(words: str, dialogue: Dialogue) -> list[ButtonAction]:
    offered = (each for each in dialogue.added.result_buttons if each.is_about_words)
    return [each.action for each in offered if each.fits(Operation.CREATE, words)]


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


async def on_meaning_callback(callback: CallbackQuery, argument: str, dialogue: Dialogue) -> str:
    """Order what the user meant by an unsure text; returns the answer to the callback."""
    asked = asked_about(callback)
    prompt = prompt_of(without_mention(asked, dialogue.app.identity.name)) if asked else ""
    if asked is None or not prompt:
        return "words_gone"
    if asked.from_user is None or asked.from_user.id != callback.from_user.id:
        return "not_your_button"
    choice, _, picture_id = argument.partition(".")
    wanted = classify(prompt).prompt or prompt
    by_asked = dialogue.in_reply_to(asked.message_id)
    if choice == "create":
        await requests.check_rate_limit(dialogue)
        await requests.create(by_asked, wanted)
    elif choice == "change":
        await _change_picture(picture_id, wanted, by_asked)
    elif choice == "merge" and await dialogue.is_asking(Question.MERGE_PHOTOS):
        await merge(by_asked, wanted)
    else:
        return "stale_button"
    if choice != "merge":
        await dialogue.app.users.set_meant(dialogue.user_id, wording_key(prompt), choice)
    # It is answered: pressed once more, it would order a second picture.
    await dialogue.remove_panel()
    return "accepted_short"


async def _change_picture(picture_id: str, wanted: str, dialogue: Dialogue) -> None:
    """Order a change of the picture that was meant: the one asked about, or a result."""
    photo = await dialogue.photo()
    if photo is not None and photo.unique_id == picture_id:
        await requests.check_rate_limit(dialogue)
        await requests.order(dialogue, Operation.EDIT, wanted, (photo,))
        await dialogue.state.clear()
        return
    results = dialogue.app.results
    # A picture that was being made has its job's id.
    job_id = await results.job_of_unique_id(picture_id) or picture_id
    result = await results.expected(job_id)
    is_here = result is not None and result.is_of(dialogue.context.chat_id)
    if result is None or result.picture is None or not is_here:
        raise UserError("stale_button")
    await requests.check_rate_limit(dialogue)
    beside = _beside(result.progress.message_id, dialogue)
    await requests.order(beside, Operation.EDIT, wanted, (result.picture,))


_ORDERS: Mapping[Intent, Callable[[Text, Message, Dialogue], Awaitable[None]]] = {
    Intent.CREATE: _handle_new_picture,
    Intent.CHANGE: _handle_change,
    Intent.OPERATION: _handle_operation,
    Intent.POINTING: _handle_pointing,
}
_TALK: Mapping[str, MessageHandler] = {
    Intent.AGAIN: handle_again,
    Intent.UNDO: handle_undo,
    Intent.CANCEL: handle_cancel,
    Intent.HELP: handle_help,
    Intent.COMPLAINT: handle_complaint,
    Intent.SMALL_TALK: handle_small_talk,
}
_IN_WORDS: Mapping[str, MessageHandler] = {
    "restart": handle_start,
    "file": handle_file,
    "delete": handle_delete,
    "receipt": handle_receipt,
    "sticker": handle_sticker,
}
"""Handler of a command that there is in words alone, by its topic."""

_ANSWERS: Mapping[str, MessageHandler] = {
    "abilities": handle_help,
    "price": answer_price,
    "status": handle_queue,
}
"""Handler of a question, by its topic."""
