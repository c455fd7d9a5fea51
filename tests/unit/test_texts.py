"""Both languages say the same, within Telegram's limits, and buttons come back as they went."""

import ast
import re
import string
from pathlib import Path

import pytest

import imgbot
from imgbot.bot.handlers.admin import router as admin
from imgbot.bot.handlers.command_menu import COMMANDS
from imgbot.domain.operations import ACTIONS
from imgbot.domain.preferences import Preferences
from imgbot.domain.texts import (
    LANGUAGES,
    admin_buttons,
    ago,
    approx,
    buttons,
    count_users,
    en,
    has_text,
    in_time,
    language_of,
    plural,
    ru,
    seconds,
    t,
    to_users,
)
from imgbot.domain.texts.buttons import CallbackData, parse

CYRILLIC = re.compile("[А-Яа-яЁё]")


def facts_of(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_languages_have_the_same_sentences_with_the_same_facts() -> None:
    assert set(ru.TEXTS) == set(en.TEXTS)
    assert {key: facts_of(text) for key, text in ru.TEXTS.items()} == {
        key: facts_of(text) for key, text in en.TEXTS.items()
    }


def is_untranslated(russian: str) -> bool:
    words = re.sub(r"\{\w+\}", "", russian)
    return bool(re.search("[A-Za-z]", words)) and not CYRILLIC.search(words)


def test_no_text_is_in_the_other_language() -> None:
    assert [key for key, text in en.TEXTS.items() if CYRILLIC.search(text)] == []
    assert [key for key, text in ru.TEXTS.items() if is_untranslated(text)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_telegrams_limits_are_kept(language: str) -> None:
    for name in (*COMMANDS, *admin.COMMANDS):
        assert 1 <= len(t(language, f"command_{name}")) <= 256
    assert len(t(language, "about")) <= 120
    assert len(t(language, "description")) <= 512
    operations = "\n".join(t(language, f"help_{operation}") for operation in ACTIONS)
    shown = t(language, "help", operations=operations, limit_mb=20)
    assert len(shown + t(language, "engine_note")) < 4000


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_button_fits_and_comes_back(language: str) -> None:
    job_id = "9" * 20
    keyboards = [
        buttons.menu(language),
        buttons.waiting(language, job_id),
        buttons.under_photo(language),
        buttons.scales(),
        buttons.merge(language),
        buttons.under_result(language, job_id),
        buttons.settings(language, Preferences(), 9 * 10**11),
        buttons.unsubscribe(language),
        admin_buttons.stuck(language, [(job_id, True)]),
        admin_buttons.undo("allow", [-1_009_999_999_999]),
        admin_buttons.broadcast_preview(language, job_id),
        admin_buttons.broadcast_running(language, job_id),
    ]

    for button in (each for keyboard in keyboards for row in keyboard for each in row):
        assert len(button.data.encode()) <= 64
        assert parse(button.data) is not None
        assert 0 < len(button.label) <= 40


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_shapes_in_the_settings_stand_three_in_a_row(language: str) -> None:
    rows = buttons.settings(language, Preferences(ratio="9:16"), 7)
    labels = [[button.label for button in row] for row in rows if ":ratio." in row[0].data]

    assert labels == [[t(language, "choice_any"), "1:1", "3:4"], ["4:3", "✓ 9:16", "16:9"]]


@pytest.mark.parametrize(
    "data",
    [None, "", "x", "cancel", "cancel:" + "1" * 65, "drop:1", "cancel:1;2", "up:2:3", "да:1"],
)
def test_what_no_button_sends_is_not_understood(data: str | None) -> None:
    assert parse(data) is None


def test_the_menu_starts_each_operation() -> None:
    pressed = [parse(button.data) for row in buttons.menu("en") for button in row]

    assert pressed == [CallbackData("start", operation) for operation in ACTIONS]


@pytest.mark.parametrize(
    ("count", "words"),
    [(1, "1 секунду"), (2, "2 секунды"), (5, "5 секунд"), (11, "11 секунд"), (21, "21 секунду")],
)
def test_russian_seconds(count: int, words: str) -> None:
    assert seconds("ru", count) == words


def test_english_plural() -> None:
    assert [seconds("en", 1), seconds("en", 2)] == ["1 second", "2 seconds"]
    assert plural("ru", 112, "one", "few", "many") == "many"


@pytest.mark.parametrize(
    ("count", "said", "sent"),
    [
        (1, "1 человек", "1 человеку"),
        (3, "3 человека", "3 людям"),
        (11, "11 человек", "11 людям"),
        (22, "22 человека", "22 людям"),
        (101, "101 человек", "101 человеку"),
    ],
)
def test_russian_people(count: int, said: str, sent: str) -> None:
    assert (count_users("ru", count), to_users("ru", count)) == (said, sent)


def test_english_people_and_long_spans() -> None:
    assert [to_users("en", 1), count_users("en", 2)] == ["1 person", "2 people"]
    assert [in_time("ru", 3 * 86_400), in_time("en", 47 * 3600)] == ["3 дня", "47 hours"]
    assert [in_time("en", 361), ago("en", 361), ago("ru", 86_400)] == [
        "7 minutes",
        "6 minutes",
        "24 часа",
    ]


@pytest.mark.parametrize(
    ("code", "language"), [("ru", "ru"), ("ru-RU", "ru"), ("uk", "ru"), ("de", "en"), (None, "en")]
)
def test_the_language_follows_telegrams(code: str | None, language: str) -> None:
    assert language_of(code) == language


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


@pytest.mark.parametrize(
    ("language", "seconds", "said"),
    [
        ("ru", 5, "5 секунд"),
        ("ru", 21, "21 секунды"),
        ("ru", 120, "2 минут"),
        ("ru", 60 * 21, "21 минуты"),
        ("en", 20, "20 seconds"),
        ("en", 90, "2 minutes"),
        ("en", 100, "2 minutes"),
    ],
)
def test_a_duration_is_said_as_it_goes_after_about(language: str, seconds: int, said: str) -> None:
    assert approx(language, seconds) == said
