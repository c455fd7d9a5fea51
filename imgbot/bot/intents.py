"""Intents: whole messages that are no request, such as cancel, help, undo or thanks.

Such a text is not meant as a prompt, and a picture may cost money. Only whole messages count:
a single word that describes a picture makes the message a request.
"""

import re
import unicodedata
from enum import StrEnum

_SKIN_TONES = "\U0001f3fb-\U0001f3ff"
# Separators: everything that is neither a letter nor a digit nor inside a word.
_BETWEEN = re.compile(r"[^\w\s'’-]+")
_MARKS = re.compile(rf"[\s.,!?)(:;\u200d\ufe0f{_SKIN_TONES}]")
_ADDRESSED = re.compile(r"(?:^(?:бот|bot) )|(?: (?:бот|bot)$)")
_REACTION_LIMIT = 40
_REACTIONS = frozenset("👍❤🔥👌🙏😂👏😍")


class Intent(StrEnum):
    """Intent of a message."""

    REQUEST = "request"
    CANCEL = "cancel"
    HELP = "help"
    UNDO = "undo"
    SMALL_TALK = "pleasantry"
    POINTING = "pointing"


_PHRASES = {
    Intent.CANCEL: {
        "стоп", "отмена", "отмени", "отмените", "отменить", "отменяй", "отменяем", "хватит",
        "не надо", "остановись", "останови", "прекрати", "передумал", "передумала", "cancel",
        "cancel it", "cancel that", "stop", "stop it", "abort", "never mind", "nevermind",
        "forget it",
    },
    Intent.HELP: {
        "помощь", "помоги", "помоги мне", "помогите", "справка", "инструкция", "что ты умеешь",
        "что ты умеешь делать", "что умеешь", "что ты можешь", "что вы умеете", "как это работает",
        "кто ты", "ты кто", "как пользоваться", "как тобой пользоваться",
        "как этим пользоваться", "help", "help me", "who are you", "what can you do",
        "what do you do", "how does it work", "how does this work",
        "how do i use you", "how do i use this", "how to use",
    },
    Intent.UNDO: {
        "верни", "верни как было", "верни всё как было", "верни обратно", "верни назад",
        "верните", "верните как было", "вернись", "вернуть", "вернуть как было", "назад",
        "шаг назад", "как было", "отмени правку", "отмени изменения", "отмени изменение",
        "отмени последнее", "undo", "undo it", "undo that", "revert", "revert it", "go back",
        "step back", "put it back", "change it back", "back",
    },
    Intent.SMALL_TALK: {
        "ау", "алло", "благодарю", "бот", "большое спасибо", "вау", "великолепно", "всё хорошо",
        "добрый вечер", "добрый день", "доброе утро", "доброй ночи", "замечательно", "здорово",
        "здравствуй", "здравствуйте", "как дела", "как ты", "как жизнь", "класс", "классно",
        "клёво", "красиво", "красота", "круто", "ладно", "молодец", "мне нравится", "нравится",
        "огромное спасибо", "ого", "ок", "окей", "отлично", "очень здорово", "очень красиво",
        "очень круто", "очень хорошо", "пасиб", "пасибо", "пока", "пожалуйста", "понятно",
        "прекрасно", "привет", "приветик", "приветствую", "спасибо", "спасибо большое",
        "спасибо огромное", "спасибки", "спс", "супер", "ты здесь", "ты тут", "умница",
        "ух ты", "хай", "хорошо", "шикарно", "ясно",
        "amazing", "are you there", "awesome", "beautiful", "bot", "bye", "cool", "excellent",
        "good", "good bot", "good evening", "good job", "good morning", "great", "great job",
        "hello", "hello there", "hey", "hey there", "hi", "hi there", "how are you", "i like it",
        "i love it", "love it", "lovely", "many thanks", "nice", "nice one", "ok", "okay",
        "perfect", "thank you", "thank you so much", "thank you very much", "thanks",
        "thanks a lot", "thx", "ty", "very good", "very nice", "well done",
        "wonderful", "wow",
    },
    Intent.POINTING: {
        "вот", "вот он", "вот она", "вот это", "вот фото", "вот моё фото", "вот это фото",
        "держи", "лови", "here", "here it is", "here you are", "here you go", "this one",
    },
}  # fmt: skip
_INTENTS = {
    phrase.replace("ё", "е"): meaning for meaning, known in _PHRASES.items() for phrase in known
}


def classify_intent(words: str, *, is_about_picture: bool = False) -> Intent:
    """Return the intent of cleaned text; in reply to a picture, emoji alone are a reaction."""
    parts = phrases_of(words)
    if not parts:
        left = set(_MARKS.sub("", words))
        is_short = len(words) <= _REACTION_LIMIT
        is_reaction = (is_about_picture and is_short) or left <= _REACTIONS
        return Intent.SMALL_TALK if words and is_reaction else Intent.REQUEST
    meanings = {_INTENTS.get(part, Intent.REQUEST) for part in parts}
    # "Thanks, what can you do?" is a question.
    asked = meanings - {Intent.SMALL_TALK} or meanings
    return asked.pop() if len(asked) == 1 else Intent.REQUEST


def phrases_of(words: str) -> list[str]:
    """Return the phrases between separators and emoji, in lower case and without "bot"."""
    plain = unicodedata.normalize("NFC", words.lower()).replace("ё", "е").replace("’", "'")
    parts = (" ".join(part.split()).strip(" -'_") for part in _BETWEEN.split(plain))
    return [_ADDRESSED.sub("", part) for part in parts if part]
