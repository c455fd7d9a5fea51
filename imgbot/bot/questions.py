"""Questions about texts that may mean one thing or another, with a button for each meaning."""

from collections.abc import Sequence

from aiogram.types import Message

from imgbot.bot.dialogue import Dialogue, Question
from imgbot.bot.handlers.operations import scales
from imgbot.bot.handlers.start import idea_rows
from imgbot.bot.text_reader import Text
from imgbot.domain.buttons import Button, ButtonAction, Keyboard, one_of
from imgbot.domain.intents import Intent, PendingQuestion
from imgbot.domain.job import InputPhoto
from imgbot.domain.operations import Operation
from imgbot.domain.words.chat import ChatPicture
from imgbot.domain.words.reading import NamedBy
from imgbot.domain.words.this_picture import numbered

_STEPS = frozenset({NamedBy.BACK, NamedBy.FORWARD, NamedBy.FIRST})
_CHOICES = 6
"""Pictures that a question offers to choose from."""

_LABEL = 28
"""Characters of the words that name a picture on its button."""

_OFFERED = 3
"""Ideas for those who leave it to the bot; the help has them all."""

MEANT = ButtonAction("meant", (one_of("create", "change", "merge", "this"), str))


async def offer_ideas(_: Message, dialogue: Dialogue) -> None:
    """Suggest what to draw, each as a button, to those who leave it to the bot."""
    await dialogue.ask(dialogue.t("ask_idea"), rows=idea_rows(dialogue.language)[:_OFFERED])


async def tell_buttons(_: Message, dialogue: Dialogue) -> None:
    await dialogue.say(dialogue.t("where_buttons"))


async def ask_which(
    text: Text, among: Sequence[ChatPicture], _: Message, dialogue: Dialogue
) -> None:
    """Ask which picture a text is about, by buttons named by the words of each."""
    listed = among[:_CHOICES]
    rows = [
        [Button(_label(number, each, dialogue), MEANT.pack("this", each.id))]
        for number, each in numbered(listed).items()
    ]
    key = "ask_which_step" if text.which.way in _STEPS else "ask_which"
    await dialogue.ask(dialogue.t(key), rows=rows)
    if not text.is_merging:
        await dialogue.expect(
            Question.WHICH, unclear=text.prompt, among=[each.id for each in listed]
        )


def _label(number: int, picture: ChatPicture, dialogue: Dialogue) -> str:
    """Return the name of a picture: its number, and the words that it was drawn or changed with."""
    words = picture.words[-1] if picture.words else dialogue.t("your_photo")
    words = words if len(words) <= _LABEL else f"{words[: _LABEL - 1]}…"
    return f"№{number} · {words}"


def meanings(text: Text, photo: InputPhoto | None, dialogue: Dialogue) -> Keyboard:
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


def unsure_question(text: Text, photo: InputPhoto | None) -> tuple[str, Keyboard]:
    """Return the question by its text's key, and buttons beside those for the meanings."""
    if text.is_about_expired:
        return "question_expired", []
    if text.pending is PendingQuestion.SCALE and not text.is_reply:
        return "choose_scale_please", scales()
    if text.pending is PendingQuestion.PHOTO and not text.is_reply:
        return "send_photo_please", []
    if text.intent is Intent.CHANGE and photo is None:
        return "nothing_to_change", []
    return "ask_meaning" if photo or text.is_merging else "ask_new", []
