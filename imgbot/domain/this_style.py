"""This style: words that ask for a photo in the style of another picture. Pure."""

import re

_PICTURE = (
    r"(?:(?:the |this |that |эт\w+ |т[ао]й |тот |того )?(?:first|second|last|other|it|this|that"
    r"|перв\w+|втор\w+|последн\w+|друг\w+|@?\d{1,2}|эт\w+|т[оа][гй]о?)"
    r"(?: one| picture| photo| painting| image| картин\w+| фото\w*| снимк\w+| рисун\w+)?)"
)
STYLE = (
    r"(?:in |into |to |with )?(?:(?:this|that|its|his|her|the same|such a)(?: same)? style"
    rf"|(?:the )?style (?:of|from) {_PICTURE})"
    r"|(?:в |на |под )?(?:(?:эт\w+|том|тот|так\w+|ее|его|их)(?: же)? стил\w+"
    rf"|стил\w+ (?:из |с |у |от )?{_PICTURE})"
)
"""Pattern of the words, in lower case with "е" for "ё"."""

_ORDER = (
    r"(?:(?:and|please|now|can you|make|paint|draw|redo|redraw|turn|do|put|stylize|restyle|convert"
    r"|it|this|me|my|the|photo|picture|image|him|her|us|но|а|теперь|пожалуйста|можешь|хочу"
    r"|(?:сделай|нарисуй|перерисуй|переделай|преврати|стилизуй|обработай)\w*|мне|меня|мое|мою|нас"
    r"|его|ее|эт[оу]|фото\w*|снимок|картинку) )*"
)
_ASKED = re.compile(rf"{_ORDER}(?:{STYLE})(?: please| пожалуйста| too| тоже)?")


def asks_for_this_style(text: str) -> bool:
    """Return true if a text asks for this, and for nothing else."""
    words = re.sub(r"[^\w@]+", " ", text.lower().replace("ё", "е")).strip()
    return bool(_ASKED.fullmatch(words))
