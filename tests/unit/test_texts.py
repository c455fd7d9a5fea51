"""Texts of both languages: complete, within Telegram's limits; names of changes and buttons."""

import ast
import inspect
import re
import string
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import reduce
from pathlib import Path
from unittest.mock import Mock

import pytest
from aiogram.types import User
from hypothesis import given, strategies as st
from PIL import Image

import imgbot
from imgbot.bot.handlers import operations, results
from imgbot.bot.handlers.account import setting_rows, settings_rows
from imgbot.bot.handlers.start import (
    ILLUSTRATIONS,
    GeneralHandlers,
    example_rows,
    help_rows,
    menu_rows,
    topic_rows,
    topics,
)
from imgbot.bot.messages import BotIdentity
from imgbot.bot.policy import AccessPolicy
from imgbot.bot.questions import MEANT
from imgbot.domain.buttons import Presser, action_in
from imgbot.domain.errors import UserError
from imgbot.domain.intents import ChatFacts, Intent, PendingQuestion, classify
from imgbot.domain.operations import Operation
from imgbot.domain.preferences import Preferences
from imgbot.domain.result_buttons import ANEW, CANCEL, RETRY, under_result
from imgbot.domain.texts import (
    LANGUAGES,
    ago,
    approx,
    counted,
    has_text,
    in_time,
    language_after,
    plural,
    t,
    tables,
)
from imgbot.domain.texts.captions import edit_names
from imgbot.features.alerts.buttons import FIX
from imgbot.painter.engine import backdrop, edit, merge
from imgbot.painter.engine.colours import NAMED_COLOURS
from imgbot.painter.engine.edit_request import parse_edit_request
from tests.bench.build_help_examples import words_of
from tests.fixtures.features import TABLE
from tests.fixtures.jobs import job_of

ENGINE, NEURAL = (
    AccessPolicy(frozenset(), frozenset(), has_builtin_engine, has_builtin_engine, lambda *_: 0)
    for has_builtin_engine in (True, False)
)


def identity(*, hears_all: bool) -> BotIdentity:
    fields = {"first_name": "A", "username": "a_bot", "can_read_all_group_messages": hears_all}
    return BotIdentity.of(User.model_validate({"id": 1, "is_bot": True, **fields}))


HEARS_ALL, HEARS_LITTLE = identity(hears_all=True), identity(hears_all=False)


def shown_help(language: str, topic: str, policy: AccessPolicy, bot: BotIdentity) -> str:
    return GeneralHandlers(bot, policy, TABLE, Mock(), "").help_text(language, topic)


CHANGES = {Intent.CHANGE, Intent.OPERATION, Intent.AGAIN}
ABOUT_PICTURE = (
    ChatFacts(has_picture=True, pending=PendingQuestion.CHANGE),
    ChatFacts(has_picture=True, is_reply_to_picture=True),
)
# By part of speech and gender, which differ.
GRAMMAR = {"changes", "degrees"}
CYRILLIC = re.compile("[А-Яа-яЁё]")


def facts_of(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_each_language_has_the_same_texts_with_the_same_facts() -> None:
    russian, english = tables("ru"), tables("en")
    sentences = english["sentences"]

    for texts in map(tables, LANGUAGES):
        assert {name: set(table) for name, table in texts.items() if name not in GRAMMAR} == {
            name: set(table) for name, table in english.items() if name not in GRAMMAR
        }
        for table in ("sentences", "problems"):
            assert {key: facts_of(text) for key, text in texts[table].items()} == {
                key: facts_of(text) for key, text in english[table].items()
            }
    # And none is in the other language.
    assert [key for key, text in sentences.items() if CYRILLIC.search(text)] == []
    latin = {key: re.sub(r"\{\w+\}", "", text) for key, text in russian["sentences"].items()}
    unlike = {key for key, text in latin.items() if not CYRILLIC.search(text)}
    assert [key for key in unlike if re.search("[A-Za-z]", latin[key])] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_telegrams_limits_are_kept(language: str) -> None:
    for name in (each.name for each in TABLE.menu(is_admin=True)):
        assert 1 <= len(t(language, f"command_{name}")) <= 256
    assert len(t(language, "about")) <= 120
    assert len(t(language, "description")) <= 512
    for topic in topics(ENGINE, is_admin=True):
        assert len(shown_help(language, topic, ENGINE, HEARS_ALL)) < 4000
    for key in ("budget_used_up", "user_budget_used_up"):
        # It is also the answer to a callback.
        assert len(t(language, key, wait=in_time(language, 23 * 3600))) <= 200


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("policy", [ENGINE, NEURAL], ids=["engine", "neural"])
def test_the_help_names_every_command(language: str, policy: AccessPolicy) -> None:
    shown = " ".join(shown_help(language, topic, policy, HEARS_ALL) for topic in topics(policy))
    unnamed = {name for name in (each.name for each in TABLE.menu()) if f"/{name}" not in shown}

    # These are named by what to send, and by the help itself.
    assert unnamed <= {"edit", "merge", "help", "forget_me"}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("topic", ["groups", "in_group"])
def test_the_help_promises_mentions_only_where_they_arrive(language: str, topic: str) -> None:
    word = {"ru": "упоминания", "en": "mentions"}[language]

    assert word in shown_help(language, topic, NEURAL, HEARS_ALL)
    assert word not in shown_help(language, topic, NEURAL, HEARS_LITTLE)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_button_fits_and_comes_back(language: str) -> None:
    job_id = "9" * 20
    job = job_of(job_id, 1, 1, Operation.INPAINT, language)
    keyboards = [
        menu_rows(language),
        help_rows(language, topics(ENGINE, is_admin=True)),
        example_rows(language),
        topic_rows(language, "create"),
        operations.under_photo(language),
        operations.scales(),
        [[operations.MERGE.button(language, key="merge_now")]],
        under_result(language, job),
        under_result(language, job, is_open=True),
        [[each.button(language, "9" * 50) for each in (CANCEL, RETRY, results.DELETE)]],
        [[results.OFFER.button(language, "again", job_id, key="draw_with", words="hat")]],
        [[results.OFFER.button(language, "change", job_id, key="change_so", words="add the hat")]],
        [[ANEW.button(language, job_id, words="a hat")]],
        [[MEANT.button(language, "change", "AQAD" + "-" * 16, key="change_this")]],
        settings_rows(language, 9 * 10**11, Preferences()),
        setting_rows(language, Preferences(), "ratio", 9 * 10**11),
    ]

    for button in (each for keyboard in keyboards for row in keyboard for each in row):
        assert len(button.data.encode()) <= 64
        name, argument = action_in(button.data)
        action, _ = TABLE.action(name) or pytest.fail(button.data)
        # Raises UserError for what no button of its action has.
        action.parse(argument, 9 * 10**11)
        assert 0 < len(button.label) <= 40
    # A stored value that is no longer offered is shown as the first.
    row = settings_rows("en", 7, Preferences(ratio="21:9"))[1]
    assert row[0].label == "🖼 Shape: any ▸"


@pytest.mark.parametrize("language", LANGUAGES)
def test_examples_of_the_help_were_drawn_from_the_words_on_their_buttons(language: str) -> None:
    with Image.open(ILLUSTRATIONS / f"examples.{language}.jpg") as sheet:
        assert sheet.info["comment"].decode().splitlines() == words_of(language)


def test_every_handler_takes_the_parts_of_its_action() -> None:
    for action, handler in TABLE.actions:
        parts = [part for part in action.parts if part is not Presser]
        inspect.signature(handler).bind("press", *parts, "dialogue")


PRESSES = st.from_regex(r"[a-z]{1,11}:[\w.:;*-]{0,62}\n?", fullmatch=True) | st.from_regex(
    r"fix:(ask|yes|maybe)\.(workers|budget|none)\.[\w.-]{0,20}", fullmatch=True
)


@given(PRESSES | st.text())
def test_what_no_button_sends_is_not_understood(data: str) -> None:
    action, _, argument = data.partition(":")
    letters = set(string.ascii_letters + string.digits + "_.-")
    is_one = 2 <= len(action) <= 10 and len(argument) <= 60 and ":" in data
    is_one = is_one and {*action} <= {*string.ascii_lowercase} and {*argument} <= letters

    assert action_in(data) == ((action, argument) if is_one else ("", ""))
    with suppress(UserError):
        assert FIX.pack(*FIX.parse(argument, 1)).rstrip(".") == f"fix:{argument}".rstrip(".")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (lambda: counted("ru", "seconds", 1), "1 секунду"),
        (lambda: counted("ru", "seconds", 2), "2 секунды"),
        (lambda: counted("ru", "seconds", 11), "11 секунд"),
        (lambda: counted("ru", "seconds", 21), "21 секунду"),
        (lambda: counted("en", "seconds", 1), "1 second"),
        (lambda: counted("en", "seconds", 2), "2 seconds"),
        (lambda: plural("ru", 112, "one", "few", "many"), "many"),
        (lambda: counted("ru", "users", 3), "3 пользователя"),
        (lambda: counted("ru", "users", 11), "11 пользователей"),
        (lambda: counted("en", "users", 2), "2 users"),
        (lambda: counted("ru", "to_users", 101), "101 пользователю"),
        (lambda: counted("ru", "to_users", 22), "22 пользователям"),
        (lambda: counted("en", "to_users", 1), "1 user"),
        # A wait is never said too short.
        (lambda: in_time("ru", 1), "1 секунду"),
        (lambda: in_time("ru", 90), "2 минуты"),
        (lambda: in_time("ru", 5399), "90 минут"),
        (lambda: in_time("ru", 5400), "2 часа"),
        (lambda: in_time("ru", 20 * 3600 + 1), "21 час"),
        (lambda: in_time("en", 61 * 60), "61 minutes"),
        (lambda: in_time("ru", 3 * 86_400), "3 дня"),
        (lambda: in_time("en", 47 * 3600), "47 hours"),
        (lambda: in_time("en", 361), "7 minutes"),
        (lambda: ago("en", 361), "6 minutes"),
        (lambda: ago("ru", 86_400), "24 часа"),
        (lambda: approx("ru", 5), "5 секунд"),
        (lambda: approx("ru", 21), "21 секунды"),
        (lambda: approx("ru", 60 * 21), "21 минуты"),
        (lambda: approx("en", 90), "2 minutes"),
    ],
)
def test_numbers_are_said_in_both_languages(said: Callable[[], str], words: str) -> None:
    assert said() == words


@pytest.mark.parametrize(
    ("texts", "known"),
    [
        (["кот в шляпе"], "ru"),
        (["ещё"], "ru"),
        (["логотип Nike"], "ru"),
        (["a fox in the snow", "сделай ярче"], "ru"),
        (["нарисуй «Happy Birthday to you»"], "ru"),
        (["кот", "cyberpunk"], "ru"),
        (["кот", "a fox in the snow", "ещё"], "ru"),
        (["кот", "make it brighter"], "ru"),
        (["кот", "a cat with a big red umbrella in the rain"], "en"),
        (["кот", "a fox, highly detailed, " * 5], "en"),
        (
            ["кот", *["/start", "/limits@some_bot", "https://example.org/a fox", "👍 12:30"] * 2],
            "ru",
        ),
        (["poster with the text Привет"], ""),
        (["намалюй кота, будь ласка, і собаку"], ""),
        (["жасыл әлем"], ""),
        ([], ""),
    ],
)
def test_the_language_follows_what_is_written(texts: Sequence[str], known: str) -> None:
    assert reduce(language_after, texts, "") == known


def test_every_reason_in_the_code_has_its_sentence() -> None:
    package = Path(imgbot.__file__).parent
    reasons: set[str] = set()
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "UserError":
                first = node.args[0]
                reasons |= {str(first.value)} if isinstance(first, ast.Constant) else set()

    assert len(reasons) > 10
    assert [reason for reason in reasons if not has_text(reason)] == []


VALUES = {
    "rotate": "45", "crop_ratio": "16:9", "fit_ratio": "9:16", "crop_side": "top",
    "left_out": "3,4", "tint": "blue", "more_colour": "red", "less_colour": "yellow",
    "colour_frame": "gold", "backdrop": "white", "scenery": "beach", "photo_style": "mosaic",
    "recolour": "red",
}  # fmt: skip
OTHER_KEYS = (
    "deblock", "damage", "scratches", "dust", "red_eye", "white_balance", "denoise", "exposure",
    "local_contrast", "detail", "x2", "x4", "waifu2x",
)  # fmt: skip
KEYS = (
    *edit.APPLIED_KEYS,
    edit.UNCHANGED,
    backdrop.GUESSED,
    backdrop.MISSING,
    *merge.APPLIED_KEYS,
    *OTHER_KEYS,
)
COLOURED = ("tint", "more_colour", "less_colour", "colour_frame", "backdrop", "recolour")


def test_every_change_has_a_name_in_both_languages() -> None:
    entries = [f"{key}|{VALUES[key]}" if key in VALUES else key for key in KEYS]
    for entry in (*entries, *(f"{key}|{colour}" for key in COLOURED for colour in NAMED_COLOURS)):
        russian, english = edit_names("ru", [entry]), edit_names("en", [entry])

        assert CYRILLIC.search(russian), entry
        assert english, entry
        assert not CYRILLIC.search(english), entry
        for name in (russian, english):
            assert name == name.lower()
            assert not set("{|") & set(name)


@pytest.mark.parametrize(
    ("entry", "russian", "english"),
    [
        ("brighter|much", "намного ярче", "much brighter"),
        ("blur|slightly", "лёгкое размытие", "light blur"),
        ("vignette|much", "сильная виньетка", "strong vignette"),
        ("rotate|-5", "поворот на 5° влево", "rotated by 5° to the left"),
        ("crop_ratio|16:9", "кадр 16:9", "cropped to 16:9"),
        ("tint|light_blue", "в голубых тонах", "light blue tones"),
        ("less_colour|yellow", "меньше жёлтого", "less yellow"),
        ("colour_frame|red", "красная рамка", "red frame"),
        ("recolour|blue", "перекрасил в синий", "recoloured blue"),
        ("backdrop|white", "фон белого цвета", "white background"),
        ("scenery|beach", "фон «пляж»", "“beach” background"),
        ("left_out|3", "без фото 3", "without photo 3"),
        ("left_out|3,4,5", "без фото 3, 4 и 5", "without photos 3, 4 and 5"),
        ("vintage|slightly", "ретро", "vintage"),
    ],
)
def test_degrees_and_values_read_naturally(entry: str, russian: str, english: str) -> None:
    assert edit_names("ru", [entry]) == russian
    assert edit_names("en", [entry]) == english


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_unknown_change_is_left_out_and_a_strange_value_is_harmless(language: str) -> None:
    for entry in ("", "|", "no_such_key", "tint|no_such_colour", "crop_side|", "rotate|", "{}|{}"):
        assert edit_names(language, (entry,)) == "", entry
        assert edit_names(language, (entry, "warmer")) == edit_names(language, ("warmer",))
    assert len(edit_names(language, [f"crop_ratio|{'9' * 5000}"])) < 60
    assert edit_names(language, ["crop_ratio|{0.__class__}"]).endswith(" {0.__class__}")


def test_every_word_that_is_offered_is_understood_and_both_languages_offer_the_same() -> None:
    keys: dict[str, set[str]] = {}
    for language in LANGUAGES:
        offered = t(language, "vocabulary")
        lists = [line.partition(": ")[2] for line in offered.splitlines()]
        assert len(offered) <= 900
        for word in ", ".join(lists).split(", "):
            steps, unknown = parse_edit_request(word)
            assert (len(steps), unknown) == (1, ()), word
            for facts in ABOUT_PICTURE:
                found = classify(word, facts)
                assert found.is_sure, (word, facts)
                assert found.intent in CHANGES - {Intent.AGAIN}, (word, facts)
            alone = classify(word, ChatFacts(has_picture=True))
            assert not alone.is_sure or alone.intent in CHANGES, word
        keys[language] = {step.key for words in lists for step in parse_edit_request(words)[0]}

    assert len(keys["ru"]) >= 40
    assert keys["ru"] == keys["en"]
