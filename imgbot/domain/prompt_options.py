"""Options in a prompt: `--ar 16:9`, "квадрат", "3 variants", `--no people`, `--v 6.1`. Pure.

A recognised option is removed from the prompt and overrides the user's preferences. Flags that
mean something to another service alone are removed, too, and listed.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from imgbot.domain.spelling import fold, has_cyrillic

PROMPT_LIMIT = 2000
"""Characters; providers truncate or refuse far longer prompts."""

VARIANTS_MAX = 4

# Ratios written without a flag; other numbers with a colon are times and scores.
KNOWN_RATIOS = frozenset(
    {"1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9", "9:21"}
)

# Ratios of pictures only: "16x9" needs no further word, "3x4" may be a rug.
_UNMISTAKABLE = frozenset({"9:16", "16:9", "21:9", "9:21"})

_FLAG = re.compile(
    r"(?<!\S)(?:-- ?|[—–-](?: (?=ar\b))?)(ar|aspect|ratio|n|variants|count|seed)"
    r"[ =]+(\d{1,9})(?:[:xх×](\d{1,2}))?(?=[\s,;.]|$)",
    re.IGNORECASE,
)
# After two numbers these units make them the size of an object.
_UNIT = r"(?:к?м|[см]м|метр\w*|сантиметр\w*|этаж\w*|пикс\w*|[cm]?m|ft|feet|px)\b"
_RATIO_WORD = r"(?:соотношени\w+(?: сторон)?|пропорци\w+|формат\w*|(?:aspect )?ratio|format)"
_RATIO = re.compile(
    rf"(?:(?<!\w)(?:(?:(?:в|in|with) )?(?:an? )?(?P<before>{_RATIO_WORD}):? ?|(?:в|in) (?:an? )?))?"
    r"(?<![\w:])(?<!\d[.,])(?P<width>\d{1,2})(?P<by>:| ?[xх×] ?| на )(?P<height>\d{1,2})"
    rf"(?![\w×]|[:.,]\d| ?(?:[xх×]|{_UNIT}))"
    rf"(?P<after> {_RATIO_WORD}(?!\w))?",
    re.IGNORECASE,
)
_SCORE = re.compile(r"(?<!\w)(?:сч[её]т\w*|табло|матч\w*|score\w*|match)(?!\w)", re.IGNORECASE)
# Flags of other services, with the form of their value. They mean nothing to a provider here.
_NUMBER = r"[ =]+\d[\w.]*\b"
_FOREIGN = "|".join(
    (
        rf"(?:v|version|s|stylize|q|quality|c|chaos|w|weird|[icso]w|stop|r|repeat|exp){_NUMBER}",
        r"(?:style|motion)[ =]+[\w-]+",
        r"[sco]ref(?: +(?:https?://\S+|random|\d+))+",
        rf"(?:niji|p|profile|personalize|bs)(?:{_NUMBER}|[ =]+\w*\d\w*)?",
        r"tile|hd|sd|raw|draft|fast|relax|turbo|stealth|public|video|loop|test|testp|creative",
        r"upbeta|uplight|hq|no-?upscale",
    )
)
# A phone turns "--" into a dash. After one, a word is a flag only if nothing but flags follows.
_FOREIGN_FLAG = re.compile(
    rf"(?<!\S)(?:--(?P<flag>{_FOREIGN})|[—–](?P<dashed>{_FOREIGN})(?=\s*(?:$|--|[—–])))"
    r"(?=[\s,;.!)]|$)",
    re.IGNORECASE,
)
_NEGATIVE = re.compile(
    r"(?<!\S)(?:(?:--|[—–])no[ =]++|(?:negative prompt|(?:негативный|отрицательный) промп?т): ?)"
    r"(?P<things>[^\s—–].*?)(?=\n|\s(?:--|[—–])\w|$)",
    re.IGNORECASE,
)
# "A forest, no birds": a clause of its own, and of few words.
_UNWANTED = re.compile(
    r"[,;.\n]\s*(?:and |but |и |но )?(?:no|without|без)\s+(?:any |the |an? )?"
    r"(?P<things>(?!smoking|entry|parking|one\b|doubt)\w[\w'-]*(?:\s+(?:and|or|и|или))?(?:\s+\w[\w'-]*)?)"
    r"\s*(?=[,;.!\n]|$)",
    re.IGNORECASE,
)
# Weights: "hot::2 dog::1". C++ has the same sign between letters.
_WEIGHT = re.compile(r"::(-?\d+(?:\.\d+)?|(?=\s|$))")
_PREFIX = re.compile(r"^\s*(?:prompt|промпт|промт)\s*:\s*", re.IGNORECASE)
_NUMBERS = {
    "один": 1, "одном": 1, "one": 1,
    "два": 2, "две": 2, "двух": 2, "two": 2, "три": 3, "трех": 3, "three": 3, "четыре": 4,
    "четырех": 4, "four": 4, "пять": 5, "пяти": 5, "five": 5, "шесть": 6, "шести": 6, "six": 6,
    "семь": 7, "seven": 7, "восемь": 8, "eight": 8, "девять": 9, "nine": 9, "десять": 10,
    "десяти": 10, "ten": 10,
}  # fmt: skip
_NUMBER_ALONE = re.compile(rf"(?<![\w:.])(?:[1-9]\d?|{'|'.join(_NUMBERS)})(?![\w:])", re.IGNORECASE)
_COUNT = re.compile(
    r"(?<!\S)(?:(?:дай|дайте|сделай|сделайте|нарисуй|нарисуйте|покажи|покажите|give|make|draw|show)"
    r" (?:мне |me )?)?(?:(?:в|in) )?"
    rf"(?P<count>[1-9]\d?|тр[её]х|четыр[её]х|{'|'.join(_NUMBERS)})\s+"
    r"(?P<noun>вариант(?:а|е|ов|ах)?|верси[ийях]{1,2}|variants?|variations|versions)"
    r"(?: of)?(?!\w)",
    re.IGNORECASE,
)
_SHEET = r"(?:экран|картинк[аеу]|кадре?|picture|image)"
_FORMAT = r"(?:формате?|ориентаци[ия]|format|orientation)"
_BEGINNING = r"(?:^|[,;.\n—–-]|(?<=\())\s*"
# "a square picture of a fox": the word before the picture is removed, the picture stays. After a
# comma it has to stand alone; a picture that hangs on a wall is an object in the scene.
_PICTURE = (
    r" (?:(?:картинк[ау]|изображение|фото|фотографи[яю]|рисунок)(?!\w)"
    r"|(?:picture|image|photo)(?= of| with|\s*[,;.]|\s*$))"
)
_ASKED = r"(?:(?:дай|сделай|нарисуй|создай|make|draw|create)(?:те)? )?"
# A shape between commas; with a word that is unambiguous; before a picture.
_SHAPES = (
    ("1:1", r"(?:в )?квадрате?|квадратом|square", r"квадратн\w+|square",
     r"квадратн(?:ая|ую|ое|ый)|square"),
    ("9:16", r"(?:для )?сторис|story|stories|reels|обои (?:на|для) телефона?|phone wallpaper", "",
     ""),
    ("16:9", r"широкоэкранно|widescreen|wide ?screen", r"широк(?:ий|ая|ое|ом)|широкоэкранн\w+",
     r"широкоэкранн(?:ая|ую|ое|ый)|widescreen"),
    ("16:9", r"обои (?:на|для) (?:рабочего стола|рабочий стол|компьютера)|desktop wallpaper", "",
     ""),
    ("3:4", r"вертикально|vertical", r"портретн\w+|вертикальн\w+|vertical",
     r"вертикальн(?:ая|ую|ое|ый)|vertical"),
    ("4:3", r"горизонтально|horizontal", r"альбомн\w+|горизонтальн\w+|horizontal",
     r"горизонтальн(?:ая|ую|ое|ый)|horizontal"),
)  # fmt: skip


def _shape_patterns() -> Iterator[tuple[str, str]]:
    """Ratios, each with a pattern of what asks for it; the first that is found counts."""
    for ratio, alone, kind, _ in _SHAPES:
        sheet = rf"(?:an? )?(?:{kind or '(?!)'}) {_SHEET}"
        yield ratio, rf"{_BEGINNING}(?:{alone}|{sheet})\s*(?=$|[,;.!)\n])"
    # "in square format", "для сторис": anywhere in the prompt.
    anywhere = [
        *(
            (ratio, rf"(?:в |in )?(?:an? )?(?:{kind}) {_FORMAT}")
            for ratio, _, kind, _ in _SHAPES
            if kind
        ),
        ("3:4", rf"(?:in )?(?:an? )?portrait {_FORMAT}"),
        ("4:3", rf"(?:in )?(?:an? )?landscape {_FORMAT}"),
        ("9:16", r"(?:для|for|в формате) (?:сторис|рилс|(?:instagram )?(?:stories|reels))"),
    ]
    yield from ((ratio, rf"(?<!\w)(?:{words})(?!\w)") for ratio, words in anywhere)
    of_something = r"(?:(?! (?:на стен|висит|в рам))[\s,;.:—–-]*\w)"
    for ratio, *_, shape in _SHAPES:
        for begins, ends in (
            (rf"^{_ASKED}", of_something),
            (rf"(?!^){_BEGINNING}", r"\s*(?:$|[,;.!)\n])"),
        ):
            shaped = rf"(?:an? (?!\w+ image))?(?P<cut>(?:an? )?(?:{shape or '(?!)'}))"
            yield ratio, rf"{begins}{shaped}(?={_PICTURE}{ends})"


_SHAPE_PATTERNS = tuple(
    (ratio, re.compile(pattern, re.IGNORECASE)) for ratio, pattern in _shape_patterns()
)
_THING = "thing"
_EMPTY_BRACKETS = re.compile(r"\([\s,;]*\)|\[[\s,;]*\]")

# Words of a picture that imply its shape; they are part of the prompt, too. "Vertical" must refer
# to the picture, not to lines in it. The first that is found counts.
_PICTURE_NOUN = (
    r"(?:format|orientation|ratio|picture|image|photo|shot|poster|wallpaper|banner|(?:post)?card|"
    r"формат|ориентаци|картин|фото|изображени|снимок|кадр|плакат|постер|открытк|обо[ийе]|обложк|"
    r"афиш|лист\b)"
)


def _beside_picture(word: str) -> str:
    return rf"\b(?:{word})(?:\s+\w+)?\s+{_PICTURE_NOUN}|\b{_PICTURE_NOUN}\w*\s+(?:{word})(?!\w)"


_IMPLIED = tuple((ratio, re.compile(pattern, re.IGNORECASE)) for ratio, pattern in (
    ("2:1", r"\b(?:панорам|panoram|баннер|banner)"),
    ("9:16", (r"\b(?:сториз|сторис|рилс|на телефон\b|phone wallpaper|"
             r"(?:insta(?:gram)?|telegram|for|in|as) (?:my )?(?:stories|reels?)\b|"
             r"(?:insta(?:gram)?|telegram) story\b|(?:story|stories|reels?) (?:format|size))")),
    ("16:9", (r"\b(?:широкоэкран|широкоформат|обо(?:и|ев|ями)\b|заставк|widescreen|wallpaper|"
             r"desktop)")),
    ("4:3", _beside_picture(r"альбомн\w+|горизонтальн\w+|horizontal(?:ly)?|wide")
            + r"|\b(?:горизонтально|horizontally)\s*(?=$|[,;.!\n])"
              r"|\blandscape (?:format|orientation)"),
    ("3:4", _beside_picture(r"вертикальн\w+|vertical(?:ly)?")
            + r"|\b(?:вертикально|vertically)\s*(?=$|[,;.!\n])|\bportrait"
              r"|\bпортретн\w+(?!\w)(?!\s+(?:мастер|худож|живопис|галере|зал|студи|с[ъь][её]м|"
              r"фотограф|скульпт|сходств|карандаш))"),
    ("1:1", r"\b(?:квадрат|square)"),
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class PromptOptions:
    """Remaining prompt and the options found; empty or 0 if not given."""

    prompt: str
    ratio: str = ""
    variants: int = 0
    """Number asked for, even if it is over the maximum."""
    seed: int = 0
    negative: str = ""
    """Things that the picture must not show."""
    ignored: tuple[str, ...] = ()
    """Flags that were removed and have no effect, as they were written."""


def is_short(prompt: str) -> bool:
    """Return true for a prompt that leaves much open."""
    return 0 < len(prompt.split()) <= 12


def to_prompt(options: PromptOptions) -> str:
    """Return the prompt with its options as flags, as a user could write it."""
    flags = {"no": options.negative, "ar": options.ratio, "seed": options.seed}
    return " ".join([options.prompt, *(f"--{flag} {each}" for flag, each in flags.items() if each)])


def with_negative(prompt: str, negative: str) -> str:
    """Return the prompt for a provider without a negative prompt: the negative follows in words."""
    if not negative:
        return prompt
    without = "без" if has_cyrillic(negative) else "without"
    return f"{prompt.rstrip(' .,;')}, {without}: {negative}"


def implied_ratio(prompt: str) -> str:
    """Return the ratio that words of the prompt imply ("панорама гор"); empty if none does."""
    return next((ratio for ratio, pattern in _IMPLIED if pattern.search(prompt)), "")


@lru_cache(maxsize=64)
def parse_prompt_options(text: str, *, has_words: bool = True) -> PromptOptions:
    """Split the text into a prompt and its options.

    Without `has_words` only flags are options: "square" is then a part of the prompt.
    """
    prompt, ignored = _without_foreign(_PREFIX.sub("", _folded(text)))
    unwanted = [each["things"].strip(" ,;.") for each in _NEGATIVE.finditer(prompt)]
    prompt, options = _without_flags(_NEGATIVE.sub(" ", prompt), ignored)
    if has_words:
        unwanted += [each["things"] for each in _UNWANTED.finditer(prompt)]
        prompt = _UNWANTED.sub("", prompt)
        prompt, variants = _without_count(prompt)
        # The flag takes priority.
        options.setdefault("variants", variants)
        if not options.get("ratio"):
            prompt, options["ratio"] = _without_ratio(prompt)
    prompt = re.sub(r"\s+([,;.!)])", r"\1", " ".join(_EMPTY_BRACKETS.sub(" ", prompt).split()))
    prompt = re.sub(r"[,;]\s*(?=[,;.!)])", "", prompt).strip(" ,;:—–-")
    # "16:9" alone is no prompt: the text stays unchanged.
    if not prompt:
        return PromptOptions(text)
    negative = ", ".join(filter(None, unwanted))
    return PromptOptions(prompt, negative=negative, ignored=tuple(ignored), **options)


def _folded(text: str) -> str:
    """Return the lines of the text without empty ones; no white space stands beside another."""
    return "\n".join(" ".join(line.split()) for line in text.splitlines() if line.strip())


def names_nothing(text: str) -> bool:
    """Return true for "16:9" and "--no birds": options of a picture, and none to draw."""
    is_likely = any(map(str.isdigit, text)) or _NEGATIVE.search(text) is not None
    return is_likely and parse_prompt_options(f"{_THING}, {text}").prompt == _THING


def count_in(text: str) -> int:
    """Return the number that stands in the text: 3 in "3 more"; 0 without one."""
    match = _NUMBER_ALONE.search(text)
    return _number(match[0]) if match else 0


def _number(text: str) -> int:
    plain = fold(text)
    return int(plain) if plain.isdecimal() else _NUMBERS[plain]


def _without_foreign(prompt: str) -> tuple[str, list[str]]:
    """Remove flags that only other services understand; return the removed ones, too."""
    flags = [f"--{match['flag'] or match['dashed']}" for match in _FOREIGN_FLAG.finditer(prompt)]
    prompt = _folded(_FOREIGN_FLAG.sub("", prompt))
    weights = [match[0] for match in _WEIGHT.finditer(prompt)]
    return _WEIGHT.sub(",", prompt), [*dict.fromkeys(flags), *dict.fromkeys(weights)]


def _without_flags(prompt: str, ignored: list[str]) -> tuple[str, dict[str, Any]]:
    """Take out our own flags; a ratio that no picture has is added to those without effect."""
    options: dict[str, Any] = {}
    for match in _FLAG.finditer(prompt):
        name, first, second = fold(match[1]), int(match[2]), match[3]
        if name in {"ar", "aspect", "ratio"}:
            options["ratio"] = _ratio(first, int(second or 0))
            ignored += [] if options["ratio"] else [f"--{match[0].lstrip(' —–-')}"]
        else:
            options["seed" if name == "seed" else "variants"] = first
    return _folded(_FLAG.sub(" ", prompt)), options


def _without_count(prompt: str) -> tuple[str, int]:
    match = _COUNT.search(prompt)
    if not match or _is_part_of_scene(prompt, match):
        return prompt, 0
    return _cut(prompt, *match.span()), _number(match["count"])


def _is_part_of_scene(prompt: str, match: re.Match[str]) -> bool:
    """Return true if the count is part of the scene: "a girl and two versions of herself"."""
    before, after = prompt[: match.start()].rstrip(), prompt[match.end() :].lstrip()
    is_amid = before[-1:].isalnum() and after[:1].isalnum()
    return is_amid and fold(match["noun"]).startswith(("верси", "version"))


def _without_ratio(prompt: str) -> tuple[str, str]:
    """Take out the words that ask for a ratio, in numbers or as a shape."""
    is_score = _SCORE.search(prompt) is not None
    for match in _RATIO.finditer(prompt):
        ratio = f"{match['width']}:{match['height']}"
        is_named = match["before"] or match["after"]
        is_likely = match["by"] == ":" and not is_score
        if ratio in (KNOWN_RATIOS if is_named or is_likely else _UNMISTAKABLE):
            return _cut(prompt, *match.span()), ratio
    for ratio, pattern in _SHAPE_PATTERNS:
        if match := pattern.search(prompt):
            return _cut(prompt, *match.span("cut" if "cut" in pattern.groupindex else 0)), ratio
    return prompt, ""


def _cut(prompt: str, start: int, end: int) -> str:
    """Remove a span, and one of two punctuation marks left adjacent."""
    before, after = prompt[:start].rstrip(), prompt[end:].lstrip()
    if not before:
        return after.lstrip(",;.:! ")
    if before[-1] in ",;.:(—–-":
        after = re.sub(r"^[,;.:]\s*", "", after)
    return f"{before} {after}"


def _ratio(width: int, height: int) -> str:
    """Return a ratio in its stored form; nothing for one that no picture has."""
    ratio_max = 4
    if not width or not height or max(width, height) > ratio_max * min(width, height):
        return ""
    return f"{width}:{height}" if max(width, height) < 100 else ""
