"""A larger or a better picture asked for in words."""

import re

from imgbot.bot.intents import phrases_of

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
# A number alone may be of anything.
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
_ENLARGING_LIMIT = 80

_RETOUCH = r"(?:от)?ретуш\w*|(?:от)?реставр\w+|восстанови(?:ть|те)?|retouch(?:ing)?|restore"
_BESIDE_RETOUCH = (
    r"сделай|сделайте|можешь|пожалуйста|мне|это|эту|этот|ее|его|фото|фотку|фотографию|снимок|"
    r"картинку|портрет|can|could|you|please|do|a|it|the|this|that|my|photo|picture|image|portrait"
)
_RETOUCHING = re.compile(rf"(?:(?:{_BESIDE_RETOUCH}) )*(?:{_RETOUCH})(?: (?:{_BESIDE_RETOUCH}))*")


def scale_in(words: str) -> int | None:
    """Return the enlargement that the words ask for: 2, 4 or None."""
    return next((scale for scale, form in _SCALES.items() if form.search(words.lower())), None)


def is_about_size(words: str) -> bool:
    """Whether an answer to how large says nothing else: "4, please", or nothing at all."""
    return is_upscale_request(f"{words} x2")


def is_upscale_request(words: str) -> bool:
    """Whether all the words ask for a larger picture, and for nothing else."""
    asked = " ".join(phrases_of(re.sub("[×*]", "x", words[:_ENLARGING_LIMIT])))
    if len(words) > _ENLARGING_LIMIT or not _ENLARGING.fullmatch(asked):
        return False
    is_made_larger = _MAKING.search(asked) and _LARGER.search(asked)
    return bool(is_made_larger or _ENLARGE.search(asked) or _TIMES.search(asked))


def is_retouch(words: str) -> bool:
    """Whether all the words ask for a better photo, and for nothing else."""
    return bool(_RETOUCHING.fullmatch(" ".join(phrases_of(words))))
