"""Vetoes: courtesies, signs, prices, questions and what was taken back, which order nothing. Pure.

Praise and thanks beside a request are no part of it: `without_courtesy` cuts them off.
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from itertools import takewhile

from imgbot.domain.intents.beginnings import is_order
from imgbot.domain.intents.facts import Intent, PendingQuestion
from imgbot.domain.intents.words import Token, clauses_of, parse_text
from imgbot.domain.phrases import PhraseLists, phrases_of
from imgbot.domain.words import learned
from imgbot.domain.words.chat import ChatState
from imgbot.domain.words.reading import (
    THIS,
    Ask,
    Example,
    NamedBy,
    Order,
    Reading,
    Sentence,
    Talk,
    Which,
    WordReader,
    sentence_of,
)
from imgbot.domain.words.vocabulary import WORDS

_LONGEST = 16
"""Words of a question about the price; a longer text may describe a picture."""

_LED = r"(?:{leading} )*+"

_IN_WORDS = {
    "compare": Talk(Intent.COMMAND, "compare"),
    "language": Talk(Intent.COMMAND, "settings"),
    "sticker_pack": Talk(Intent.QUESTION, "sticker_pack"),
    "anything": Talk(Intent.QUESTION, "ideas"),
    "damage_left": Talk(Intent.COMPLAINT),
}
"""What a text asks for that is a phrase of one of these lists."""

THANKS = "thanks"
"""Topic of thanks and praise among small talk."""

_COURTESIES = ("thanks", "hello", "goodbye", "how_are_you", "praise", "hurry")
_SIGNS = re.compile(r"[\s.,!)(:;…\u200d\ufe0f\U0001f3fb-\U0001f3ff]")
_REACTIONS = frozenset("❤🔥👌🙏😂👏😍🥰😘🤣😅😊😁😆🎉💯😭💀🤩😻🥹💪✨🙌👀🤔😢😱🤯😎🤗🙈💔🌹")
_ABOUT_IT = WORDS["pronouns"] | WORDS["this"] | {"the", "his", "her", "its"}
_PRAISE, _COMPLAINT = "👍", "👎"
# Letters whose accents are not written everywhere: Latin and Greek ones.
_PLAIN = {
    code: unicodedata.normalize("NFD", chr(code))[0]
    for code in (*range(0xC0, 0x400), *range(0x1E00, 0x2000))
}


def _lists() -> PhraseLists:
    return phrases_of("imgbot.domain.words", "vetoes")


@cache
def _pattern(form: str) -> re.Pattern[str]:
    """Return a pattern in which `{name}` is a phrase of that list."""
    return re.compile(re.sub(r"\{(\w+)\}", lambda name: _phrase(name[1]), form))


def _phrase(name: str) -> str:
    return rf"(?<!\w)(?:{_lists().named(name)})(?!\w)"


def _plain(tokens: Sequence[Token]) -> str:
    return " ".join(each.text for each in tokens).translate(_PLAIN)


def _read_signs(sentence: Sentence, _: ChatState) -> Reading | None:
    """Read a reaction: signs and emoji that say how a picture is liked."""
    if sentence.parsed.tokens or not sentence.text:
        return None
    left = set(_SIGNS.sub("", sentence.text))
    if left and left <= set("?!"):
        return Talk(Intent.HELP)
    if _COMPLAINT in left:
        return Talk(Intent.COMPLAINT)
    # Below are signs like "+" and "=)", from there on arrows and emoji.
    if _PRAISE in left:
        return Talk(Intent.SMALL_TALK, THANKS)
    if left <= _REACTIONS or all(each < "\u2190" for each in left):
        return Talk(Intent.SMALL_TALK)
    return None


def _read_number(sentence: Sentence, chat: ChatState) -> Reading | None:
    """Read a small number alone, which is that of no picture, or it would have been named."""
    is_number = re.fullmatch(r"\d\d?(?: \d\d?)*", sentence.plain)
    is_open = chat.pending is PendingQuestion.NOTHING
    return Talk(Intent.HELP) if is_number and is_open else None


def _read_emoji(sentence: Sentence, chat: ChatState) -> Reading | None:
    if sentence.parsed.tokens or not sentence.text:
        return None
    return Ask(Order(Intent.CHANGE if chat.this else Intent.CREATE, sentence.text))


def _is_courtesy(tokens: Sequence[Token], *names: str) -> bool:
    """Return true if all is thanks, praise or greetings, and what may stand beside them."""
    said = "|".join(f"{{{name}}}" for name in names)
    plain = _plain(tokens)
    is_all = _pattern(rf"(?>(?:{said}|{{beside}})(?: |$))++").fullmatch(plain)
    return bool(is_all and _pattern(said).search(plain))


def _read_courtesy(sentence: Sentence, chat: ChatState) -> Reading | None:
    names = (*_COURTESIES, "liked") if chat.this else _COURTESIES
    tokens = sentence.parsed.tokens
    if not _is_courtesy(tokens, *names):
        return None
    is_thanks = _pattern("{thanks}|{praise}|{liked}").search(_plain(tokens))
    return Talk(Intent.SMALL_TALK, THANKS if is_thanks else "")


def _read_retracted(sentence: Sentence, _: ChatState) -> Reading | None:
    found = _pattern(r".* {retracted}").fullmatch(_plain(sentence.parsed.tokens[-_LONGEST:]))
    return Talk(Intent.SMALL_TALK) if found else None


def _is_agreed(sentence: Sentence) -> bool:
    """Return true for "it's brighter, right?", which asks for agreement, and for no change."""
    *said, tag = clauses_of(sentence.parsed.tokens) or [()]
    return (
        bool(_pattern("{tag}").fullmatch(_plain(tag)))
        and bool(said)
        and not any(map(is_order, said))
    )


def _read_remark(sentence: Sentence, chat: ChatState) -> Reading | None:
    plain = _plain(sentence.parsed.tokens)
    if chat.this and sentence.parsed.asks and _is_agreed(sentence):
        return Talk(Intent.SMALL_TALK)
    if chat.this and _pattern(_LED + "{remains}").fullmatch(plain):
        return Talk(Intent.COMPLAINT)
    form = _LED + ("(?:{remark}|{praised})" if chat.this else "(?:{remark}|{insult})")
    is_free = chat.pending is not PendingQuestion.PROMPT
    return Talk(Intent.SMALL_TALK) if is_free and _pattern(form).fullmatch(plain) else None


def _read_told(sentence: Sentence, chat: ChatState) -> Reading | None:
    """Read what is told of a picture, or is declined with thanks; a wish is neither."""
    plain, tokens = _plain(sentence.parsed.tokens), sentence.parsed.tokens
    is_open = chat.this is not None and chat.pending is PendingQuestion.NOTHING
    if not is_open or chat.photos or sentence.parsed.asks or len(tokens) > _LONGEST:
        return None
    if any(map(is_order, clauses_of(tokens))) or _pattern("{wish}").search(plain):
        return None
    has_thanks = sentence.whole and _pattern("{thanks}").search(
        _plain(parse_text(sentence.whole).tokens)
    )
    if not _pattern(_LED + ("(?:{told}|{declined})" if has_thanks else "{told}")).fullmatch(plain):
        return None
    found = learned.read_learned(sentence, chat)
    return found if isinstance(found, Talk) else Talk(Intent.SMALL_TALK)


def _read_button(sentence: Sentence, _: ChatState) -> Reading | None:
    found = _pattern(_LED + "{button}").fullmatch(_plain(sentence.parsed.tokens))
    return Talk(Intent.QUESTION, "buttons") if found else None


def _read_price(sentence: Sentence, _: ChatState) -> Reading | None:
    tokens = sentence.parsed.tokens
    if len(tokens) > _LONGEST or any(each.text == "«»" for each in tokens):
        return None
    said = [_plain(each) for each in clauses_of(tokens)]
    begun = _pattern(_LED + "{price}")
    alone = _pattern(_LED + "{price_alone}")
    is_price = any(map(begun.match, said)) or any(map(alone.fullmatch, said[:2]))
    asks = bool(sentence.parsed.asks) or not sentence.text.rstrip().endswith((".", "!"))
    is_last = asks and _pattern(r".*{price_last}").fullmatch(" ".join(said))
    is_kind = any(map(_pattern("{kind}").search, said[1:]))
    return Talk(Intent.QUESTION, "price") if (is_price or is_last) and not is_kind else None


def _read_file(sentence: Sentence, _: ChatState) -> Reading | None:
    tokens = sentence.parsed.tokens
    plain = _plain(tokens)
    form = r"{file}|{file_sent} (?:\S+ ){0,8}{file_purpose}"
    is_file = len(tokens) <= _LONGEST and _pattern(form).search(plain)
    is_alone = _pattern(_LED + "{file_alone}(?: (?:please|pls|пожалуйста|плиз))?")
    is_meant = is_file or is_alone.fullmatch(plain)
    return Talk(Intent.COMMAND, "file") if is_meant else None


def _read_question(sentence: Sentence, chat: ChatState) -> Reading | None:
    """Read a question by its first words, which is about no change."""
    plain, asks = _plain(sentence.parsed.tokens), bool(sentence.parsed.asks)
    is_open = (asks or chat.this is not None) and chat.pending is not PendingQuestion.PROMPT
    is_of_bot = _pattern(_LED + ".*{asked_of_bot}").match(plain)
    if not is_of_bot and not (is_open and _is_general(sentence, plain)):
        return None
    found = learned.read_learned(sentence, chat)
    if isinstance(found, Talk):
        return found
    # "Who let the dogs out", "are we there yet, poster" are titles.
    is_title = isinstance(found, Order) and found.intent is Intent.CREATE and not asks
    return None if is_title or _pattern("{kind}").search(plain) else Talk(Intent.QUESTION)


def is_question(sentence: Sentence) -> bool:
    """Return true for a question that is no wish: "is it red?"."""
    plain = _plain(sentence.parsed.tokens)
    return bool(sentence.parsed.asks) and _is_general(sentence, plain)


def _is_general(sentence: Sentence, plain: str) -> bool:
    """Return true for a question that is no wish, and for how something is done in general."""
    tokens = sentence.parsed.tokens
    if _pattern(_LED + "{how_to}").match(plain):
        return _ABOUT_IT.isdisjoint(each.text for each in tokens)
    is_wish = any(map(is_order, clauses_of(tokens)))
    return not is_wish and _pattern(_LED + "{question}").match(plain) is not None


def _read_command(sentence: Sentence, _: ChatState) -> Reading | None:
    plain = _plain(sentence.parsed.tokens)
    names = (each for each in _IN_WORDS if _pattern(rf"{_LED}{{{each}}}").fullmatch(plain))
    return next((_IN_WORDS[each] for each in names), None)


def _read_delete(sentence: Sentence, _: ChatState) -> Reading | None:
    said = _plain(next(iter(clauses_of(sentence.parsed.tokens)), ()))
    is_meant = _pattern(_LED + "{deleted}").fullmatch(said)
    are_all = is_meant and _pattern("{deleted_all}").search(said)
    which = Which(NamedBy.ALL) if are_all else THIS
    return Talk(Intent.COMMAND, "delete", which) if is_meant else None


ROWS: tuple[WordReader, ...] = (
    WordReader(
        "signs",
        "praise or a complaint in emoji or signs",
        _read_signs,
        (Example("👎"), Example("😂😂😂")),
    ),
    WordReader(
        "courtesy",
        "thanks, praise and greetings in many languages",
        _read_courtesy,
        (Example("kiitos paljon"), Example("привет, как дела?", "nothing")),
    ),
    WordReader(
        "retracted",
        "a wish that is taken back in the same breath",
        _read_retracted,
        (Example("make it darker... no, leave it"), Example("фату длиннее, хотя нет, не надо")),
    ),
    WordReader(
        "remark",
        "a remark about the chat, praise of a part, and what is to be agreed with, or is not gone",
        _read_remark,
        (Example("a question"), Example("красивые глаза")),
    ),
    WordReader(
        "button",
        "where a button is, and how pictures are compared",
        _read_button,
        (Example("where is the compare button"), Example("а где кнопка сравнить?")),
    ),
    WordReader(
        "price",
        "what pictures cost",
        _read_price,
        (Example("and how much do I owe you?"), Example("а сколько с меня за всё?")),
    ),
)

COMMANDS: tuple[WordReader, ...] = (
    WordReader(
        "told",
        "what has become of a picture, what it shows now, and what is declined with thanks",
        _read_told,
        (Example("it got brighter"), Example("он теперь спит")),
    ),
    WordReader(
        "file",
        "a picture as a file",
        _read_file,
        (Example("as a file, please"), Example("скинь без сжатия")),
    ),
    WordReader(
        "delete",
        "a picture that is to go from the chat",
        _read_delete,
        (Example("delete it"), Example("удали эту гадость", "reply")),
    ),
    WordReader(
        "number",
        "a small number alone, of no picture",
        _read_number,
        (Example("16"), Example("42!", "nothing")),
    ),
    WordReader(
        "emoji",
        "other emoji alone, which nobody knows the meaning of",
        _read_emoji,
        (Example("🐶🏖"), Example("👑", "nothing")),
    ),
    WordReader(
        "command",
        "a command that is no word of a picture",
        _read_command,
        (Example("compare"), Example("нарисуй что-нибудь", "nothing")),
    ),
    WordReader(
        "question",
        "what is asked about, and is no wish",
        _read_question,
        (Example("is a lion stronger than a bear"), Example("почему у него три уха?")),
    ),
)
"""Rows that stand behind the naming: their pictures may be named."""


def without_courtesy(sentence: Sentence, chat: ChatState) -> Sentence:
    """Return the sentence without thanks and praise before and after a request."""
    tokens = sentence.parsed.tokens
    clauses = clauses_of(tokens)
    if len(clauses) < 2:
        return sentence
    before = list(takewhile(lambda each: _is_apart(each, sentence.text, chat), clauses))
    after = list(takewhile(lambda each: _is_courtesy(each, "thanks", "praise"), clauses[::-1]))
    if not (before or after) or len(before) + len(after) >= len(clauses):
        return sentence
    start = before[-1][-1].end if before else 0
    last = clauses[len(clauses) - len(after) - 1][-1]
    behind = sentence.text[last.end :]
    signs = len(behind) - len(behind.lstrip("?!.)»\"'”"))
    end = last.end + signs if after else len(sentence.text)
    rest = sentence.text[start:end].lstrip(" ,.!?:;—–-)\n").rstrip()
    # "Fine. 69" needs its first word.
    return sentence_of(rest, sentence.text) if re.search(r"[^\W\d_]", rest) else sentence


def _is_apart(clause: Sequence[Token], text: str, chat: ChatState) -> bool:
    """Return true for a clause that only thanks or praises; "cool, dark forest" does not."""
    if _is_courtesy(clause, "thanks", "praise"):
        return True
    is_ended = text[clause[-1].end :].lstrip()[:1] not in {",", "-", "—", "–", ""}
    return chat.this is not None and is_ended and _is_courtesy(clause, "liked", "thanks", "praise")
