"""Captions: what was done to a picture, in the user's language, and what was drawn.

A change is a key, with a value after a bar if it has one: `warmer`, `blur|slightly`,
`rotate|45`, `tint|blue`. Unknown keys are left out: an operator's provider may send anything.
"""

from collections.abc import Sequence
from functools import cache

from imgbot.domain.spelling import has_cyrillic
from imgbot.domain.texts import t, tables

_COLOUR_FORM = {
    "tint": 0, "more_colour": 1, "less_colour": 1, "colour_frame": 2, "backdrop": 1, "recolour": 3,
    "recoloured": 3,
}  # fmt: skip
"""Form of a colour's name: of tones, of an amount, of a frame, of what got it."""

_LINE = 200
"""Characters of a line of a caption."""


def edit_names(language: str, did: Sequence[str]) -> str:
    """Changes as a caption names them: `чуть теплее, поворот на 45°`; "" if none is known."""
    names = (_name(language, *entry.partition("|")[::2]) for entry in did)
    return ", ".join(dict.fromkeys(name for name in names if name))


def _name(language: str, key: str, value: str) -> str:
    kinds = tables(language)["changes"].items()
    kind, name = next(((kind, names[key]) for kind, names in kinds if key in names), ("", ""))
    if kind == "valued":
        shown = _say_value(language, key, value[:20]) if value else ""
        return name.format(shown) if shown else ""
    degree = tables(language)["degrees"].get(kind, {}).get(value, "")
    return f"{degree} {name}".strip()


def _say_value(language: str, key: str, value: str) -> str:
    values = tables(language)["values"]
    if key in _COLOUR_FORM:
        return tables(language)["colours"].get(value, ("",) * 4)[_COLOUR_FORM[key]]
    if key == "scenery":
        return tables(language)["scenes"].get(value, "")
    if key == "photo_style":
        return tables(language)["photo_styles"].get(value, "")
    if key == "crop_side":
        return tables(language)["sides"].get(value, "")
    if key == "rotate":
        # Clockwise is the default and is not named.
        return values["anticlockwise"].format(value[1:]) if value[0] == "-" else f"{value}°"
    if key == "left_out":
        *most, last = value.split(",")
        template = values["photos" if most else "photo"]
        return template.format(*([", ".join(most)] if most else []), last)
    return value


@cache
def _drawings(language: str) -> dict[str, str]:
    """Return the names of scenes, subjects and styles that the built-in engine can draw."""
    return {
        key: name
        for table in ("scenes", "subjects", "styles")
        for key, name in tables(language)[table].items()
    }


def drawing_name(key: str, prompt: str) -> str:
    """Name of a subject, style or scene in the language of the prompt; "" if unknown."""
    return _drawings("ru" if has_cyrillic(prompt) else "en").get(key, "")


def drawing_lines(
    language: str, prompt: str, applied: Sequence[str], undrawn: Sequence[str]
) -> list[str]:
    """Lines of a caption: what was drawn, what stands for something else, what is missing.

    `applied` is as the built-in engine reports it; without it there are no lines.
    """
    listed: dict[str, list[str]] = {"drawn": [], "roughly": [], "undrawn": []}
    for entry in applied:
        kind, _, words = entry.partition("|")
        if kind == "scene":
            listed["drawn"].append(drawing_name(words, prompt))
        elif kind == "drawn":
            listed["drawn"].append(quoted(language, words))
        elif kind == "roughly":
            shown, _, name = words.partition("|")
            listed["roughly"].append(
                f"{quoted(language, shown)} ({drawing_name(name, prompt) or name})"
            )
    if any(listed.values()):
        listed["undrawn"] = [quoted(language, words) for words in undrawn]
    return [
        t(language, f"caption_{key}", words=_shortened(", ".join(words)))
        for key, words in listed.items()
        if words
    ]


def _shortened(words: str) -> str:
    return words if len(words) <= _LINE else f"{words[:_LINE]}…"


def quoted(language: str, words: str) -> str:
    return f"«{words}»" if language == "ru" else f"“{words}”"
