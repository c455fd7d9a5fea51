"""Both languages say the same, within Telegram's limits, and buttons come back as they went."""

import ast
import re
import string
from collections.abc import Callable
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
    # And none is in the other language.
    latin = {key: re.sub(r"\{\w+\}", "", text) for key, text in ru.TEXTS.items()}
    assert [key for key, text in en.TEXTS.items() if CYRILLIC.search(text)] == []
    assert [
        key
        for key, text in latin.items()
        if re.search("[A-Za-z]", text) and not CYRILLIC.search(text)
    ] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_telegrams_limits_are_kept(language: str) -> None:
    for name in (*COMMANDS, *admin.COMMANDS):
        assert 1 <= len(t(language, f"command_{name}")) <= 256
    assert len(t(language, "about")) <= 120
    assert len(t(language, "description")) <= 512
    operations = "\n".join(t(language, f"help_{operation}") for operation in ACTIONS)
    shown = t(language, "help", operations=operations, limit_mb=20)
    assert len(shown + t(language, "engine_note")) < 4000
    for key in ("budget_used_up", "user_budget_used_up"):
        # It is also the answer to a callback.
        assert len(t(language, key, wait=in_time(language, 23 * 3600))) <= 200


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
    ("said", "words"),
    [
        (lambda: seconds("ru", 1), "1 секунду"),
        (lambda: seconds("ru", 2), "2 секунды"),
        (lambda: seconds("ru", 11), "11 секунд"),
        (lambda: seconds("ru", 21), "21 секунду"),
        (lambda: seconds("en", 1), "1 second"),
        (lambda: seconds("en", 2), "2 seconds"),
        (lambda: plural("ru", 112, "one", "few", "many"), "many"),
        (lambda: count_users("ru", 3), "3 человека"),
        (lambda: count_users("ru", 11), "11 человек"),
        (lambda: count_users("en", 2), "2 people"),
        (lambda: to_users("ru", 101), "101 человеку"),
        (lambda: to_users("ru", 22), "22 людям"),
        (lambda: to_users("en", 1), "1 person"),
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
