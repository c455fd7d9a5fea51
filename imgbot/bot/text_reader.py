"""Text reader: gathers the facts of a chat once, and reads a text with them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from aiogram.types import Message

from imgbot.bot.dialogue import (
    ABOUT_A_PHOTO,
    PHOTO_STATES,
    Dialogue,
    MessageHandler,
    Question,
)
from imgbot.bot.messages import is_about_picture, prompt_of, replied_message, replied_picture_of
from imgbot.bot.pictures import KnownChat, Pictures
from imgbot.domain.errors import UserError
from imgbot.domain.intents import Intent, PendingQuestion, wording_key
from imgbot.domain.job import InputPhoto
from imgbot.domain.texts import LANGUAGES, t
from imgbot.domain.words import meant_in, read
from imgbot.domain.words.chat import ABOUT_PHOTO, ChatState
from imgbot.domain.words.doubts import doubted, settled
from imgbot.domain.words.reading import THIS, Ask, Order, Reading, Talk, Which, sentence_of
from imgbot.domain.words.style import STYLE_OF_THIS
from imgbot.domain.words.this_picture import Found, this_picture
from imgbot.storage.users import UserStore

_PENDING: Mapping[str, PendingQuestion] = {
    Question.CREATE_WORDS: PendingQuestion.PROMPT,
    Question.EDIT_WORDS: PendingQuestion.CHANGE,
    Question.PHOTO_ACTION: PendingQuestion.CHANGE,
    Question.MERGE_PHOTOS: PendingQuestion.CHANGE,
    Question.UPSCALE_SCALE: PendingQuestion.SCALE,
    **dict.fromkeys(PHOTO_STATES.values(), PendingQuestion.PHOTO),
}
_ABOUT_ASKED = frozenset({PendingQuestion.CHANGE, PendingQuestion.SCALE})
"""Questions about a photo that is at hand."""

PROMPTS = frozenset({Intent.CREATE, Intent.CHANGE, Intent.OPERATION, Intent.POINTING})
_PHOTO_LINES = frozenset(
    t(language, key)
    for language in LANGUAGES
    for key in ("ask_edit_words", "ask_photo_action", "ask_scale")
)
"""Questions about a photo, as they are shown."""

_READY_LINES = frozenset(t(language, "ready") for language in LANGUAGES)


@dataclass(frozen=True, slots=True)
class Text:
    """A text as it was read, and its place in the dialogue."""

    prompt: str
    chat: KnownChat
    reading: Reading
    question: str
    """State of the pending question, or nothing."""
    expired: str = ""
    is_reply: bool = False
    """True for a reply to a picture, or to the message that announces one."""
    refusal: UserError | None = None
    """Reason why what it replies to is no picture."""

    @property
    def order(self) -> Order | None:
        """Order that it asks for, or probably does; None for talk."""
        reading = self.reading
        if isinstance(reading, Ask):
            return reading.order
        return reading if isinstance(reading, Order) else None

    @property
    def is_sure(self) -> bool:
        return not isinstance(self.reading, Ask)

    @property
    def intent(self) -> Intent:
        return self.reading.order.intent if isinstance(self.reading, Ask) else self.reading.intent

    @property
    def topic(self) -> str:
        return "" if isinstance(self.reading, Ask | Order) else self.reading.topic

    @property
    def wanted(self) -> str:
        """The prompt without its polite beginning."""
        return (self.order.prompt if self.order else "") or self.prompt

    @property
    def which(self) -> Which:
        return (self.reading.order if isinstance(self.reading, Ask) else self.reading).which

    @property
    def found(self) -> Found:
        """Pictures that it is about."""
        return this_picture(self.which, self.chat.state)

    @property
    def pending(self) -> PendingQuestion:
        return self.chat.state.pending

    @property
    def is_merging(self) -> bool:
        """True if it may say how to merge the photos that were collected."""
        is_asked = self.question == Question.MERGE_PHOTOS and not self.is_reply
        return is_asked and self.pending is PendingQuestion.CHANGE

    @property
    def is_prompt(self) -> bool:
        """True if it may be the prompt of an album sent before it."""
        # Right after an album, "delete this" is about what is drawn in it.
        is_about = self.intent in PROMPTS or self.topic == "delete"
        return bool(self.prompt) and is_about and not self.is_reply

    @property
    def is_about_expired(self) -> bool:
        """True if it needs the photo of a question that has expired."""
        is_new = self.intent is Intent.CREATE and self.is_sure
        return self.expired in ABOUT_A_PHOTO and self.intent in PROMPTS and not is_new


@dataclass(frozen=True, slots=True)
class TextReader:
    """Reads texts with the facts of their chats."""

    pictures: Pictures
    users: UserStore
    has_photo_styles: bool

    async def understand(self, message: Message, dialogue: Dialogue) -> Text:
        """Read a text, with the chat model's help where its wording does not decide."""
        question, expired = await open_question(message, dialogue)
        is_announced = _is_to_ready_line(message, dialogue)
        is_reply, refusal, replied = is_announced or is_about_picture(message), None, None
        try:
            replied = await self._replied(message, dialogue, is_announced=is_announced)
        except UserError as error:
            refusal = error
        pending = _PENDING.get(question, PendingQuestion.NOTHING)
        if question == Question.MERGE_PHOTOS and not await dialogue.photos():
            pending = PendingQuestion.PHOTO
        asked = await dialogue.photo() if pending in _ABOUT_ASKED and not is_reply else None
        chat = await self.pictures.chat_of(
            dialogue,
            pending,
            replied=replied,
            asked=asked,
            message_id=_id_of(replied_message(message)),
        )
        said = prompt = prompt_of(message)
        if question == Question.WHICH:
            data = await dialogue.state.get_data()
            listed = {"unclear": data["unclear"], "among": tuple(data["among"])}
            chat = replace(chat, state=replace(chat.state, **listed))
            prompt = meant_in(said, chat.state)
        text = Text(
            prompt, chat, self.read(said, chat.state, dialogue), question, expired, is_reply
        )
        if text.topic == "delete" and await _is_drawn_on(text, dialogue):
            # Beside what was drawn, "delete this" is no wish to delete a message.
            text = replace(text, reading=Order(Intent.CHANGE, prompt))
        return await self._decided(replace(text, refusal=refusal), dialogue)

    def answer_to_caption(self, message: Message, dialogue: Dialogue) -> MessageHandler | None:
        """Return what a feature does with the caption of a photo; None if it is not for it."""
        rows = [row for row in dialogue.added.word_readers if row.is_of_captions]
        chat = replace(ABOUT_PHOTO, names=tuple(dialogue.context.profile.named))
        sentence = sentence_of(prompt_of(message))
        found = next(filter(None, (row.read(sentence, chat) for row in rows)), None)
        return dialogue.added.answers.get(found.topic) if isinstance(found, Talk) else None

    def read(self, prompt: str, chat: ChatState, dialogue: Dialogue) -> Reading:
        """Return what words ask for in a chat; nothing else in the bot reads them."""
        styles = [STYLE_OF_THIS] if self.has_photo_styles else []
        return read(prompt, chat, [*dialogue.added.word_readers, *styles])

    async def _decided(self, text: Text, dialogue: Dialogue) -> Text:
        """Return a text in doubt as the user meant it before, or as the chat model reads it."""
        is_asked = isinstance(text.reading, Ask) and not text.reading.among
        if is_asked or (text.intent is Intent.POINTING and text.which != THIS):
            remembered = await self.users.meant(dialogue.user_id, wording_key(text.prompt))
            is_possible = remembered != Intent.CHANGE or text.chat.state.this is not None
            if remembered and is_possible:
                return replace(text, reading=Order(Intent(remembered), text.wanted))
        decide = dialogue.added.decide_unsure
        if decide is None or text.is_merging:
            return text
        asked = doubted(text.reading, text.chat.state)
        if asked is None:
            return text
        answer = await decide(dialogue.user_id, text.prompt, text.chat.state, asked)
        return replace(text, reading=settled(text.reading, asked, answer))

    async def _replied(
        self, message: Message, dialogue: Dialogue, *, is_announced: bool
    ) -> InputPhoto | None:
        """Return the picture that a message replies to, itself or by the line that announces it.

        Raises UserError for a reply to what is no picture, or to one that is gone.
        """
        if not is_announced:
            return replied_picture_of(message)
        results, replied_id = self.pictures.results, _id_of(replied_message(message))
        job_id = await results.announced_in(dialogue.context.chat_id, replied_id)
        result = await results.result(job_id)
        if result is None or result.picture is None:
            raise UserError("picture_gone")
        return result.picture


async def _is_drawn_on(text: Text, dialogue: Dialogue) -> bool:
    """Return true if the photo in question may have been drawn on, alone or with its original."""
    is_about = text.pending is PendingQuestion.CHANGE and not text.is_reply
    is_about = is_about and dialogue.order_rule.is_prompt(text.prompt)
    photos = await dialogue.photos() if is_about else ()
    return bool(photos) and (photos[0].replied is not None or len(photos) > 1)


def _id_of(message: Message | None) -> int:
    return message.message_id if message else 0


async def open_question(message: Message, dialogue: Dialogue) -> tuple[str, str]:
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


def _is_to_ready_line(message: Message, dialogue: Dialogue) -> bool:
    """Return true for a reply to a message that comes after a picture: a line, or a sticker."""
    replied = replied_message(message)
    if replied is None or not dialogue.identity.has_written(replied):
        return False
    return bool(replied.sticker or replied.text in _READY_LINES)
