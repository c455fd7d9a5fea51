"""Changes of the words on a picture, as a text asks for them, and prompts for words. Pure."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from imgbot.domain.lettering import (
    NOTHING,
    SIZES,
    USUAL,
    Lettering,
    Look,
    PlacedText,
    lettering_phrases,
    look_in,
    quotations,
    read_lettering,
)
from imgbot.domain.phrases import PhraseLists, phrases_of
from imgbot.domain.spelling import fold
from imgbot.domain.texts import t, tables

_EDGES = " ,;:.—–-"
_QUOTES = {"ru": ("«»", "“”", '""'), "en": ("“”", "«»", '""')}
_OTHER = {"top": "bottom", "bottom": "top"}


def _lists() -> PhraseLists:
    return phrases_of("imgbot.features.lettering", "changes")


class _Asked:
    """Text that may ask for a change, with what is in quotation marks apart."""

    def __init__(self, text: str) -> None:
        self.text = " ".join(text.split())
        self.plain, self.quoted = quotations(self.text)

    def matched(self, name: str) -> re.Match[str] | None:
        return re.match(rf"(?:{_lists().named(name)})(?!\w)", self.plain)

    def words(self, start: int, end: int | None = None) -> str:
        """Return the words between two places, without quotation marks around them."""
        said = self.text[start:end].strip(_EDGES)
        inner, quoted = quotations(said)
        return quoted[0] if len(quoted) == 1 and not inner.strip("\x01") else said


def _place_in(plain: str) -> str:
    """Return the place that words name, also as that of a line: "the upper text", "низ"."""
    found = (name for name in _OTHER if lettering_phrases()[name].search(plain))
    return next(found, next((name for name in _OTHER if _lists()[name].search(plain)), ""))


def changed(text: str, old: Lettering, *, is_latest: bool) -> Lettering | None:
    """Return the words and their look that a text asks for in place of the old ones.

    None if it asks for something else. Where the words are the latest change (`is_latest`), "red"
    and "bigger" are about them.
    """
    asked = _Asked(text)
    looked = _relooked(asked, old, is_latest=is_latest)
    ways: Sequence[Callable[[_Asked, Lettering], Lettering | None]] = (
        _less,
        _other,
        _joined,
        _more,
    )
    found = looked or next((new for way in ways if (new := way(asked, old))), None)
    return replace(found, is_exact=True) if found else None


def _less(asked: _Asked, old: Lettering) -> Lettering | None:
    """Return what is left without the words, those at a place, or those that are quoted."""
    match = asked.matched("remove")
    rest = asked.plain[match.end() :].strip(_EDGES) if match else ""
    known = rf"(?:\x01+|please|пожалуйста|{_lists().named('place')})?"
    if match is None or not re.fullmatch(known, rest) or not (rest or " " in match[0]):
        return None
    gone, place = set(map(fold, asked.quoted)), _place_in(asked.plain)
    if gone:
        return replace(old, parts=tuple(each for each in old.parts if fold(each.text) not in gone))
    kept = filter(lambda each: place not in ("", each.place), _at_places(old.parts))
    return replace(old, parts=tuple(kept) if len(old.parts) > 1 else ())


def _other(asked: _Asked, old: Lettering) -> Lettering | None:
    """Return the words with others in place of some."""
    lists, plain = _lists(), asked.plain
    verb = re.search(rf"(?<!\w)(?:{lists.named('replace')})(?!\w)", plain)
    if verb is None or (verb.start() and not _is_named(plain[: verb.start()])):
        return None
    # Of "change A to B to C", the first one parts them, unless the old words have it.
    for sign in re.finditer(
        rf"(?<!\w)(?:{lists.named('with')})(?!\w)[\s:]*|:\s*", plain[verb.end() :]
    ):
        start, end = verb.end() + sign.start(), verb.end() + sign.end()
        what, new = asked.words(verb.end(), start), asked.words(end)
        if not new:
            continue
        if is_named := _is_named(plain[: verb.start()] + plain[verb.end() : start]):
            return _instead(old, _place_in(plain[:start]), new) if is_named else None
        for part in old.parts:
            if (at := fold(part.text).find(fold(what))) >= 0:
                written = part.text[:at] + new + part.text[at + len(what) :]
                parts = (
                    each._replace(text=written) if each == part else each for each in old.parts
                )
                return replace(old, parts=tuple(parts))
    return None


def _is_named(plain: str) -> bool:
    """Return true if the words on the picture are named: "the text", "низ"."""
    named = rf"(?:{_lists().named('noun')}|{_lists().named('place')})"
    return re.fullmatch(rf"{named}(?: {named})?", " ".join(plain.strip(_EDGES).split())) is not None


def _instead(old: Lettering, place: str, text: str) -> Lettering:
    parts = _at_places(old.parts)
    if len(parts) < 2 or not place:
        return replace(old, parts=(PlacedText(old.parts[0].place if old.parts else "", text),))
    return replace(
        old, parts=tuple(p._replace(text=text) if p.place == place else p for p in parts)
    )


def _at_places(parts: tuple[PlacedText, ...]) -> tuple[PlacedText, ...]:
    """Return the parts, one without a place at the one that the other leaves."""
    taken = [each.place for each in parts if each.place]
    if len(parts) != 2 or len(taken) != 1:
        return parts
    return tuple(each if each.place else each._replace(place=_OTHER[taken[0]]) for each in parts)


def _relooked(asked: _Asked, old: Lettering, *, is_latest: bool) -> Lettering | None:
    """Return the words with another look or place."""
    if asked.quoted or not old.parts:
        return None
    rest, is_other_font = _lists()["other_font"].subn(" ", asked.plain)
    look, place = look_in(rest), _place_in(rest)
    is_named = is_latest or is_other_font or _lists()["noun"].search(rest)
    is_told = look != USUAL or place or is_other_font
    if not (is_named and is_told and _is_look_alone(rest)):
        return None
    return _with_look(old, rest, look, place, font=_other_font(old) if is_other_font else "")


def _with_look(old: Lettering, plain: str, look: Look, place: str, font: str) -> Lettering:
    if place and old.form != "card":
        old = replace(old, parts=(PlacedText(place, " ".join(each.text for each in old.parts)),))
    size, font = _size(plain, look.size, old.look.size), look.font or font or old.look.font
    return replace(old, look=Look(size, look.colour or old.look.colour, font))


def _is_look_alone(plain: str) -> bool:
    """Return true for words about a look or place alone; "black and white" is another change."""
    lists, letters = _lists(), lettering_phrases()
    known = [lists.named(name) for name in ("noun", "place", "filler")]
    known += [letters.named(name) for name in ("tint", "top", "bottom", "look", "look_last")]
    left = re.sub(rf"(?<!\w)(?:{'|'.join(known)})(?!\w)", " ", plain)
    return not re.search(r"\w", left) and len(letters["colour"].findall(plain)) < 2


def _other_font(old: Lettering) -> str:
    usual = "plain" if old.form in ("caption", "meme") else "script"
    return "script" if (old.look.font or usual) == "plain" else "plain"


def _size(plain: str, told: str, old: str) -> str:
    """Return the size that is told: a step up or down, or the one by its name."""
    at = SIZES.index(old)
    step = bool(_lists()["up"].search(plain)) - bool(_lists()["down"].search(plain))
    return SIZES[min(max(at + step, 0), len(SIZES) - 1)] if step else told or old


def _joined(asked: _Asked, old: Lettering) -> Lettering | None:
    """Return the words with a signature behind them, or with what is quoted, on a card."""
    match, is_signed = asked.matched("joined"), False
    if match and not asked.quoted:
        after = asked.plain[match.end() :].strip(_EDGES)
        is_signed = re.match(rf"(?:{_lists().named('signature')})(?!\w)", after) is not None
        match = match if is_signed and read_lettering(asked.text) is None else None
    elif asked.quoted:
        match = asked.matched("append")
    said = asked.words(match.end()) if match else ""
    if not said:
        return None
    is_one = old.form == "card" or (is_signed and len(old.parts) == 1)
    return _on_card(old, said) if is_one else _added(old, PlacedText("", said))


def _on_card(old: Lettering, said: str) -> Lettering:
    written = " ".join([*(each.text for each in old.parts), said])
    return replace(old, parts=(PlacedText(old.parts[0].place if old.parts else "", written),))


def _added(old: Lettering, *new: PlacedText) -> Lettering:
    """Return the words with new ones beside them; a place has one text."""
    parts = _at_places(old.parts)
    for part in new:
        kept = tuple(each for each in parts if not (part.place and each.place == part.place))
        parts = _at_places((*kept, part))
    # As they are written: a meme has capitals alone.
    is_plain = len(parts) > 1 and old.form == "caption" and not old.look.font
    return replace(old, parts=parts, look=old.look._replace(font="plain") if is_plain else old.look)


def _more(asked: _Asked, old: Lettering) -> Lettering | None:
    """Return the words with further ones."""
    found = read_lettering(asked.text)
    if found is None or not found.parts or not found.is_asked:
        return None
    old = replace(old, rest=found.rest)
    look = Look(*(new or former for new, former in zip(found.look, old.look, strict=True)))
    if found.form in ("card", "meme") or not old.parts:
        return replace(found, look=look)
    if old.form == "card":
        return _on_card(replace(old, look=look), " ".join(part.text for part in found.parts))
    return _added(replace(old, look=look), *found.parts)


def prompt_for(found: Lettering, language: str) -> str:
    """Return a prompt that asks for these words, as `read_lettering` reads it."""
    if not found.parts:
        return NOTHING[language]
    placed = sorted(found.parts, key=lambda each: not each.place)
    parts = (f"{t(language, f'letters_{place}') if place else ''} {_quoted(text, language)}".strip()
             for place, text in placed)  # fmt: skip
    form = found.form if found.form in {"meme", "card"} else "write"
    font = found.look.font or ("script" if found.form == "script" else "")
    look = _look_words(found.look._replace(font=font), language)
    wish = f"{found.rest}, " if found.rest else ""
    return f"{wish}{t(language, f'letters_{form}')} {', '.join(parts)}{look}"


def _quoted(text: str, language: str) -> str:
    quotes = _QUOTES[language]
    left, right = next((each for each in quotes if not set(each) & set(text)), "«»")
    return f"{left}{re.sub('[«»]', '', text) if left == '«' else text}{right}"


def _look_words(look: Look, language: str) -> str:
    if look == USUAL:
        return ""
    colour = tables(language)["colours"].get(look.colour, ("", "", ""))[1]
    size, font = (each and t(language, f"letters_{each}") for each in (look.size, look.font))
    words = t(language, "letters_look", size=size, font=font)
    coloured = t(language, "letters_colour", look=words, colour=colour) if colour else words
    return f", {' '.join(coloured.split())}"
