"""The colours that edit and merge know by name, in Russian and English."""

import re
from collections.abc import Mapping

from imgbot.imaging.engine.colours import Colour, parse_hex

_NAMES: tuple[tuple[str, str, str], ...] = (
    ("red", "d8263c", r"red(?:der|ness|dish)?|scarlet|crimson|красн\w*|ал(?:ый|ая|ое|ые|ой|ым)"),
    ("orange", "ff7a1a", r"orange|оранж\w*|рыж\w*"),
    ("yellow", "f6c21c", r"yellow(?:er|ness|ish)?|желт\w*"),
    ("green", "2e9e4f", r"green(?:er|ness|ish)?|зелен\w*"),
    ("turquoise", "0fa3a3", r"turquoise|teal|cyan|бирюз\w*|морск(?:ой|ая) волн\w*"),
    ("light_blue", "3aa0f0", r"azure|(?:sky|light) blue|голуб\w*|лазур\w*"),
    (
        "blue",
        "1f4fd1",
        r"blue(?:r|ness|ish)?|indigo|син(?:ий|яя|ее|ие|им|ими|их|ем|юю|ей|его|ев\w+)",
    ),
    ("purple", "7a3ccf", r"purpl\w+|violet|lilac|lavender|фиолет\w*|пурпур\w*|сирен\w*|лилов\w*"),
    ("pink", "f06aa8", r"pink(?:er|ish)?|magenta|rose|розов\w*|маджент\w*"),
    ("brown", "8a5a34", r"brown(?:ish)?|chocolate|коричн\w*|шоколад\w*"),
    ("gold", "d9a520", r"gold(?:en)?|золот\w*"),
    ("grey", "9aa4ae", r"gr[ae]y|silver|сер(?:ый|ая|ое|ые|ых|ым|ого|ой|ую)|серебр\w*"),
    ("white", "ffffff", r"white|бел(?:ый|ая|ое|ые|ых|ым|ом|ой|ую|ого|ыми)"),
    ("black", "111114", r"black|черн(?:ый|ая|ое|ые|ых|ым|ом|ой|ую|ого|ыми)"),
    ("emerald", "0d7f66", r"emerald|mint|изумруд\w*|мятн\w*"),
    ("burgundy", "b01e4f", r"burgundy|raspberry|cherry|бордов\w*|малинов\w*|вишнев\w*"),
)

COLOURS: Mapping[str, Colour] = {key: parse_hex(value) for key, value, _ in _NAMES}
_PATTERNS = tuple((key, re.compile(pattern)) for key, _, pattern in _NAMES)

# For the patterns of others: a word (or two) that names a colour, without a group.
COLOUR_PATTERN = "(?:" + "|".join(pattern for _, _, pattern in _NAMES) + ")"


def colour_key(words: str) -> str | None:
    """The colour that lower-case words name."""
    return next((key for key, pattern in _PATTERNS if pattern.fullmatch(words)), None)
