"""Operations on a photo requested in plain text: upscale, retouch, remove background."""

import re

from imgbot.bot.intents import phrases_of
from imgbot.domain.operations import Operation

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
_WORDS_LIMIT = 80

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


def scale_in(words: str) -> int | None:
    """Return the scale that the text asks for: 2, 4 or None."""
    return next((scale for scale, form in _SCALES.items() if form.search(words.lower())), None)


def is_about_size(words: str) -> bool:
    """Return true if an answer to the scale question holds nothing else: "4, please", or ""."""
    return is_upscale_request(f"{words} x2")


def is_upscale_request(words: str) -> bool:
    """Return true if the whole text asks for a larger picture, and for nothing else."""
    asked = " ".join(phrases_of(re.sub("[×*]", "x", words[:_WORDS_LIMIT])))
    if len(words) > _WORDS_LIMIT or not _ENLARGING.fullmatch(asked):
        return False
    is_made_larger = _MAKING.search(asked) and _LARGER.search(asked)
    return bool(is_made_larger or _ENLARGE.search(asked) or _TIMES.search(asked))


def operation_in(words: str) -> Operation | None:
    """Operation on a photo that the whole text asks for, and nothing else."""
    asked = " ".join(phrases_of(words[:_WORDS_LIMIT]))
    found = (each for each, form in _WHOLE_REQUESTS.items() if form.fullmatch(asked))
    return next(found, None) if len(words) <= _WORDS_LIMIT else None
