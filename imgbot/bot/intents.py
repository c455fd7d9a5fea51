"""Intents: whole messages that are no request, such as cancel, help, undo or thanks.

Such a text is not meant as a prompt, and a picture may cost money. Only whole messages count:
a single word that describes a picture makes the message a request.
"""

import re
import unicodedata
from enum import StrEnum

from imgbot.domain.operations import Operation

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
    phrase.replace("ё", "е"): intent for intent, known in _PHRASES.items() for phrase in known
}


def classify_intent(text: str, *, is_about_picture: bool = False) -> Intent:
    """Return the intent of cleaned text; in reply to a picture, emoji alone are a reaction."""
    parts = phrases_of(text)
    if not parts:
        left = set(_MARKS.sub("", text))
        is_short = len(text) <= _REACTION_LIMIT
        is_reaction = (is_about_picture and is_short) or left <= _REACTIONS
        return Intent.SMALL_TALK if text and is_reaction else Intent.REQUEST
    intents = {_INTENTS.get(part, Intent.REQUEST) for part in parts}
    # "Thanks, what can you do?" is a question.
    requested = intents - {Intent.SMALL_TALK} or intents
    return requested.pop() if len(requested) == 1 else Intent.REQUEST


def phrases_of(text: str) -> list[str]:
    """Return the phrases between separators and emoji, in lower case and without "bot"."""
    plain = unicodedata.normalize("NFC", text.lower()).replace("ё", "е").replace("’", "'")
    parts = (" ".join(part.split()).strip(" -'_") for part in _BETWEEN.split(plain))
    return [_ADDRESSED.sub("", part) for part in parts if part]


_SCALES = {
    scale: re.compile(rf"(?<![\w:/×*.,-])(?:[xх×*]?{scale}\s?[xх×*kк]?|{spelt})(?!\w|[.,:/]\d)")
    for scale, spelt in (
        (4, "четыре|вчетверо|four|quadruple"),
        (2, "два|вдвое|two|twice|double"),
    )
}
_ENLARGE = re.compile(
    r"\b(?:увелич(?:ь|ьте|ить|ение)|апскейл(?:ь|ни|ить)?|upscale|upsize|enlarge|scale up)\b"
)
_MAKING = re.compile(r"\b(?:сделай|сделайте|сделать|make)\b")
_LARGER = re.compile(r"\b(?:(?:по)?больше|(?:по)?крупнее|bigger|larger)\b")
# A number alone may refer to anything.
_TIMES = re.compile(
    r"\b(?:[xх] ?[24]|[24] ?[xхkк]|(?:[24]|два|четыре|two|four) (?:раза|times)"
    r"|вдвое|вчетверо|twice|double|quadruple)\b"
)
_BESIDE = (
    r"в|до|и|а|раза?|ее|его|это|эту|этот|мне|теперь|еще|пожалуйста|фото|фотку|фотографию|картинку|"
    r"изображение|рисунок|размер|разрешение|[xх]|[xх]?[24][xх]?|4 ?[kк]|два|четыре|вдвое|вчетверо|"
    r"a|as|by|to|the|it|this|that|up|now|please|can|could|you|picture|photo|image|size|resolution|"
    r"times|two|four|twice|double|quadruple|big|large"
)
_ENLARGING = re.compile(
    rf"(?:(?:{_ENLARGE.pattern}|{_MAKING.pattern}|{_LARGER.pattern}|\b(?:{_BESIDE})\b) ?)+"
)
_LENGTH_LIMIT = 80

_RETOUCH = r"(?:от)?ретуш\w*|(?:от)?реставр\w+|восстанови(?:ть|те)?|retouch(?:ing)?|restore"
_BESIDE_RETOUCH = (
    r"сделай|сделайте|можешь|пожалуйста|мне|это|эту|этот|ее|его|фото|фотку|фотографию|снимок|"
    r"картинку|портрет|can|could|you|please|do|a|it|the|this|that|my|photo|picture|image|portrait"
)
_RETOUCHING = re.compile(rf"(?:(?:{_BESIDE_RETOUCH}) )*(?:{_RETOUCH})(?: (?:{_BESIDE_RETOUCH}))*")

_BACKGROUND = r"(?:задний )?фон|(?:the )?(?:background|backdrop|bg)"
_BESIDE_BACKGROUND = (
    r"сделай|сделайте|можешь|пожалуйста|мне|на|у|с|со|из|этом|этого|этой|фото|фотографии|снимке|"
    r"картинке|картинки|please|can|could|you|make|it|on|in|of|from|this|that|my|photo|picture|image"
)
_REMOVING = re.compile(
    rf"(?:(?:{_BESIDE_BACKGROUND}) )*"
    rf"(?:(?:убери(?:те)?|убрать|удали(?:те|ть)?|вырежи(?:те)?|вырезать|сотри(?:те)?|remove|"
    rf"delete|erase|cut out|drop) (?:{_BACKGROUND})|без фона|прозрачный фон|"
    rf"(?:{_BACKGROUND}) (?:removed|removal|transparent|прозрачным)|"
    rf"(?:with )?(?:no|without) (?:a )?background|"
    rf"(?:a )?transparent background)(?: (?:{_BESIDE_BACKGROUND}))*"
)
_WHOLE_REQUESTS = {Operation.RETOUCH: _RETOUCHING, Operation.REMOVE_BACKGROUND: _REMOVING}


def scale_in(text: str) -> int | None:
    """Return the scale that the text asks for: 2, 4 or None."""
    return next((scale for scale, form in _SCALES.items() if form.search(text.lower())), None)


def is_about_size(text: str) -> bool:
    """Return true if an answer to the scale question holds nothing else: "4, please", or ""."""
    return is_upscale_request(f"{text} x2")


def is_upscale_request(text: str) -> bool:
    """Return true if the whole text asks for a larger picture, and for nothing else."""
    asked = " ".join(phrases_of(re.sub("[×*]", "x", text[:_LENGTH_LIMIT])))
    if len(text) > _LENGTH_LIMIT or not _ENLARGING.fullmatch(asked):
        return False
    is_made_larger = _MAKING.search(asked) and _LARGER.search(asked)
    return bool(is_made_larger or _ENLARGE.search(asked) or _TIMES.search(asked))


def operation_in(text: str) -> Operation | None:
    """Operation on a photo that the whole text asks for, and nothing else."""
    asked = " ".join(phrases_of(text[:_LENGTH_LIMIT]))
    found = (each for each, form in _WHOLE_REQUESTS.items() if form.fullmatch(asked))
    return next(found, None) if len(text) <= _LENGTH_LIMIT else None
