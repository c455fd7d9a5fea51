"""Ordinals: words that name one of several pictures: "второй поярче", "use the first one". Pure."""

import re
from typing import NamedTuple

LAST = -1
ORIGINAL = 0
"""The picture that all changes began with."""

UNDONE = -2
"""The change that was just undone."""


class Named(NamedTuple):
    """Picture of several that a text names."""

    number: int
    """From 1, or one of the constants."""
    rest: str = ""
    """Rest of the text, which is about it; empty if the text only chooses it."""
    is_certain: bool = True
    """True unless it is a bare number, which may be an answer to something else."""


_STEMS = (
    ("перв", "first"), ("втор", "second"), ("трет", "third"), ("четв[её]рт", "fourth"),
    ("пят", "fifth"), ("шест", "sixth"), ("седьм", "seventh"), ("восьм", "eighth"),
    ("девят", "ninth"), ("десят", "tenth"),
)  # fmt: skip
_ENDING = (
    "(?:ый|ой|ий|ая|яя|ое|ее|ую|юю|ью|ья|ье|ьей|[ое]го|ьего|[ое]му|ьему|[ое]м|ьем|[ыи]м|ьим|ей)"
)
_ORDINAL = "|".join(
    [rf"(?P<n{n}>{ru}{_ENDING}|{en})" for n, (ru, en) in enumerate(_STEMS, 1)]
    + [rf"(?P<last>последн{_ENDING}|last)"]
    + [r"(?P<digits>[1-9]\d?)(?:st|nd|rd|th|-?(?:[ыои]?й|[ая]?я|[ую]?ю|[ое]го|[ое]му|ой|ом|е))"]
    + [r"(?:№|#|номер|number|no\.?) ?(?P<sign>[1-9]\d?)"]
)
_THING = (
    r"(?:one|variant|version|option|picture|image|pic|вариант(?:а|у|ом|е)?|верси[яиюей]{1,2}"
    r"|картинк[аиуеой]{1,2}|изображени[еяюм]{1,2}|рисун(?:ок|ка|ку|ке|ком))"
)
_BEFORE = r"(?:(?:у|на|в|во|из|с|к|для|по|of|on|in|to|from|for) +)?(?:(?:the|эт[аоу]т?|т[ау]) +)?"
# Without a thing, what follows must not be one: "the second dog", "первый снег".
_AFTER = (
    r"(?=\s*(?:$|[,;.!:—–-]|(?:but|and|with|without|in|on|onto|into|as|to|please|more|less|a bit|is"
    r"|was|looks?|black|\w+er|был\w*|но|и|с|без|в|на|как|только|чуть|немного|ещ[её]|сделай\w*|убери\w*|добав\w+|увелич\w+"
    r"|файлом|чб|пожалуйста|нравится|больше|мне|лучше|по\w+(?:[еч]е|ше|же)|\w+ее)(?!\w)))"
)
_NAMED = re.compile(
    rf"(?<!\w)(?P<before>{_BEFORE})"
    rf"(?:(?:{_ORDINAL})(?: +(?P<thing>{_THING})(?!\w)|(?!\w){_AFTER})"
    rf"|{_THING} +(?:№|#)?(?P<after>[1-9]\d?)(?![\w:])|(?P<of>[1-9]\d?) +вариант(?!\w))",
    re.IGNORECASE,
)
_CHOOSING = re.compile(
    r"(?:\W|(?:ok(?:ay)?|i|i'll|let's|we|me|my|please|use|takes?|keep|pick|choose|liked?|love|want"
    r"|prefer|go|with|give|show|best|better|is|was|to|it|the|good|great|nice|now|ок|ну|да|вот|давай(?:те)?"
    r"|бер[уёе]м?|возьм\w+|выб\w+|остав\w+|нрав\w+|мне|хочу|покажи\w*|дай\w*|пусть|будет|лучше|всех"
    r"|больше|самый|был[аио]?|его|её|ее|к|ней|нему|пожалуйста|хорош\w+|лучш\w+)(?!\w))*+",
    re.IGNORECASE,
)
_BACK = re.compile(r"(?:go |get |bring |take )?back(?!\w)|return|верн\w+|назад", re.IGNORECASE)
_VARIATIONS = re.compile(
    r"(?:(?:make|some|сделай) )?(?:variations?|вариации|варианты)", re.IGNORECASE
)
_BARE = re.compile(r"(?:давай |use |take |беру )?(?P<digits>[1-9])[.!]?", re.IGNORECASE)
_ORIGINAL = re.compile(
    r"(?:(?:верни\w*|покажи\w*|хочу|show(?: me)?|use|take|bring back|go back to|back to|return to)"
    r" )?(?:(?:назад|обратно|к|the|самый|самую|самое) )*(?:original|оригинал(?:у)?|исходник(?:у)?"
    r"|исходн(?:ая|ую|ой|ое|ому))(?: (?:one|back|picture|photo|картинк[ауе]|фото|обратно|назад))?",
    re.IGNORECASE,
)
_UNDONE = re.compile(
    r"(?:(?:и|нет|а|no),? )?(?:верни(?:те)? (?:(?:вс[её] |е[ёе] |его )?(?:обратно|назад)"
    r"|отмен[её]нное)|обратно|отмени(?:те)? отмену|повтори отмен[её]нное|redo(?: it| that)?"
    r"|undo the undo|(?:put|bring) (?:it|that|the change) back)",
    re.IGNORECASE,
)


def picture_named_in(text: str) -> Named | None:
    """Return the picture that the text names by its number or place; None if it names none."""
    plain = text.strip(" .!,?")
    if _UNDONE.fullmatch(plain):
        return Named(UNDONE, is_certain=False)
    if _ORIGINAL.fullmatch(plain):
        return Named(ORIGINAL)
    if bare := _BARE.fullmatch(plain):
        return Named(int(bare["digits"]), is_certain=False)
    found = [match for match in _NAMED.finditer(plain) if not _is_adverb(match)]
    # "Put the first on the second" is about both.
    return Named(_number(found[0]), _rest(plain, found[0])) if len(found) == 1 else None


def _is_adverb(match: re.Match[str]) -> bool:
    """Return true for "first" in "make it brighter first"."""
    is_word = match[0].isascii() and match[0].split()[-1].isalpha()
    is_bare = not match["thing"] and "the" not in match[0].lower().split()
    return is_word and is_bare and match.start() > 0


def _number(match: re.Match[str]) -> int:
    if match["last"]:
        return LAST
    digits = match["digits"] or match["sign"] or match["after"] or match["of"]
    stems = (n for n in range(1, len(_STEMS) + 1) if match[f"n{n}"])
    return int(digits) if digits else next(stems)


def _rest(text: str, match: re.Match[str]) -> str:
    """Return what is said about the picture, as it would be said of one picture alone."""
    before, after = text[: match.start()].strip(" ,;:—–-"), text[match.end() :].strip(" ,;:—–-")
    after = re.sub(r"^(?:but|но|а)\s+", "", after, flags=re.IGNORECASE)
    is_object = before and before.isascii() and set(match["before"].lower().split()) <= {"the"}
    rest = " ".join(filter(None, (before, "it" if is_object else "", after)))
    if _VARIATIONS.fullmatch(rest):
        return "another one"
    if _CHOOSING.fullmatch(_BACK.sub("", rest)):
        return "undo" if _BACK.search(rest) else ""
    return rest
