"""Descriptions of a photo's defects, told apart from requests for a change.

"The photo is dark, make it brighter" and "the photo is dark" both ask for one change: a defect is
dropped if its remedy is requested in the same sentence, and replaced by the remedy otherwise.
"""

import re
from collections.abc import Collection, Mapping

_SHARPER, _CLEANER = ("sharpen", "auto"), ("denoise", "auto", "soften")
_LIGHTER = ("brighter", "shadows", "auto", "golden_hour")
_COLOURS = ("saturate", "brighter", "contrast", "pop", "auto", "warmer", "depth")
_ANY_REPAIR = (
    "auto", "brighter", "darker", "warmer", "cooler", "contrast", "saturate", "sharpen", "denoise",
    "white_balance", "scratches", "dust", "shadows", "less_colour",
)  # fmt: skip

# By the change that a word would ask for: requests that make the word a mere description.
_REMEDIES: Mapping[str, tuple[str, ...]] = {
    "darker": _LIGHTER, "brighter": ("darker", "highlights", "auto"),
    "blur": _SHARPER, "soften": _SHARPER, "grain": _CLEANER,
    "cooler": ("warmer", "auto", "white_balance", "golden_hour"),
    "warmer": ("cooler", "auto", "white_balance"),
    "desaturate": _COLOURS, "faded": _COLOURS, "flatter": ("contrast", "auto", "pop"),
    "night": _ANY_REPAIR, "golden_hour": _ANY_REPAIR, "vintage": _ANY_REPAIR,
}  # fmt: skip
# Defects that are never requested: alone in a sentence they ask for this remedy.
_ALONE: Mapping[str, str] = {
    "darker": "brighter", "blur": "sharpen", "grain": "denoise", "cooler": "warmer",
    "desaturate": "saturate",
}  # fmt: skip

_ENDING = r"(?:ый|ий|ая|яя|ое|ее|ые|ие|ую|о|а|ы|ым|ой|ыми)"
_DEFECT = re.compile(
    r"dark|dim|dull|pale|cold|blurr?y|blurred|grainy|noisy|soft|out of focus|bright|light"
    r"|warm|faded|washed out|flat"
    rf"|(?:темн|светл|ярк|размыт|смазан|заблюрен|размазан|нерезк|нечетк|зернист|шумн|холодн|тепл"
    rf"|бледн|блекл|тускл|мягк|выцветш){_ENDING}|выцвел\w*|темен|бледен|размыт"
)
# True of any photo, and no defect.
_SCENE = re.compile(
    r"night(?:time)?|sunset|sunny|ночн(?:ое|ая|ой|ую|ые)|закатн\w+|солнечн(?:ое|ая|ый|ую|ые)"
    r"|old(?: photo)?|стар(?:ое|ая|ую|ый) (?:фото\w*|снимок)"
)
# Phrases that name a defect and thereby ask for its remedy.
_EXCESS = re.compile(
    r"(?:too|so|слишком|очень) .*|темноват\w*|смазан\w*|недосвет\w*|пересвечен\w*|темно"
)

_PHOTO = (
    r"(?:photo(?:graph)?|picture|pic|image|shot|selfie|portrait|фото|фотк[аиу]|фотографи[яию]"
    r"|снимок|снимки|картинк[аиу]|изображение|кадр|портрет|селфи)"
)
# "Тёмным" may describe the result or the request.
_OBLIQUE = re.compile(r"(?:ым|ой|ыми)$")
_CAME_OUT = re.compile(
    r"(?:получил\w+|вышл\w|вышел|выглядит|кажется)(?: (?:очень|слишком|как\w+ то))* $"
)
_MADE = (
    r"(?:make|makes|turn|want|need|get|give|add|like|as|into|to|in|сдела\w+|сделай\w*|делай"
    r"|хочу|нужн\w+|надо|под|как|стил\w+|пусть|будет|добав\w+)"
    r"(?: (?:me|it|the|this|that|my|an?|all|whole|look|look like|old|стар\w+|мне|мо[юеий]"
    r"|эт[уот]|все|всю|чтобы|чтоб))*"
)
_MADE_BEFORE = re.compile(rf"(?<!\w){_MADE} $")
_MADE_AFTER = re.compile(rf"^(?: {_PHOTO})? (?:сделай\w*|сделать|make)(?= (?:,|$))")
_SO = (
    r"(?: (?:is|are|was|looks?|seems?|got|came out|turned out|which|that|a bit|a little|too|very|so"
    r"|really|quite|pretty|rather|у меня|получил\w+|вышл[аои]|вышел|выглядит|как\w+ то|очень"
    rf"|слишком|немного|чуть|слегка|совсем|было|был[аи]?|(?:{_DEFECT.pattern}) (?:and|и)))*"
)
# The photo before the word, or its pronoun: "it is dark".
_SUBJECT = re.compile(
    rf"(?<!\w)(?:{_PHOTO}{_SO}|(?:it (?:is|was|looks?|came out)|its|она|он|оно){_SO}) $"
)
# A part is described only if its remedy is requested; otherwise it is requested: "a dark sky".
_PART = re.compile(
    r"(?<!\w)(?:фон|лиц[оа]|цвета|краски|небо|background|faces?|colou?rs|sky)"
    rf"{_SO} $"
)
_OBJECT = re.compile(rf"^ {_PHOTO}(?!\w)")
_OLD_PHOTO = re.compile(rf".* {_PHOTO}")
_CONTEXT_CHARACTERS = 80


def diagnose(text: str, start: int, end: int, key: str, others: Collection[str]) -> str:
    """Key of the change that the words from `start` to `end` ask for; "" for none.

    `key` is the change they would ask for alone, `others` are the other changes in the sentence.
    """
    words = text[start:end]
    if _EXCESS.fullmatch(words):
        return "" if key in others else key
    if key not in _REMEDIES or not (_DEFECT.fullmatch(words) or _SCENE.fullmatch(words)):
        return key
    is_attribute = bool(
        _OBJECT.match(text[end : end + _CONTEXT_CHARACTERS]) or _OLD_PHOTO.fullmatch(words)
    )
    is_remedied = not set(others).isdisjoint(_REMEDIES[key])
    if not is_attribute and not _describes_photo(_SUBJECT, text, start, end):
        return "" if is_remedied and _describes_photo(_PART, text, start, end) else key
    is_made = bool(
        _MADE_BEFORE.search(text[max(0, start - _CONTEXT_CHARACTERS) : start])
        or _MADE_AFTER.match(text[end:])
    )
    if is_remedied and not (is_made and _SCENE.fullmatch(words)):
        return ""
    return key if is_made or _SCENE.fullmatch(words) else _ALONE.get(key, key)


def _describes_photo(subject_pattern: re.Pattern[str], text: str, start: int, end: int) -> bool:
    """True if the words describe the photo (or part) rather than the wanted result."""
    before = text[max(0, start - _CONTEXT_CHARACTERS) : start]
    subject = subject_pattern.search(before)
    if subject is None or _MADE_AFTER.match(text[end:]):
        return False
    if _OBLIQUE.search(text[start:end]) and not _CAME_OUT.search(before):
        return False
    return not _MADE_BEFORE.search(before[: subject.start()])
