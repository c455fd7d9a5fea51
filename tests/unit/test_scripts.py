"""Lua scripts: their declared keys and arguments, and the checks in front of their text."""

from collections.abc import Mapping
from importlib import resources

import pytest

from imgbot.storage.scripts import Script, Value

MOVE = "-- Moves.\n-- KEYS: job due\n-- KEYS: pictures...\n-- ARGV: id fields...\nreturn {'ok'}\n"
VALUES: Mapping[str, Value] = {
    "job": "j",
    "due": "d",
    "pictures": ["p", "q"],
    "id": "1",
    "fields": [],
}


def test_keywords_become_keys_and_arguments_in_their_declared_order() -> None:
    assert Script(MOVE).bind(VALUES) == (["j", "d", "p", "q"], ["1"])


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"jobs": "j"}, "jobs"),
        ({"fields": "text"}, "fields"),
        ({"id": ["1"]}, "id"),
    ],
    ids=["undeclared", "one for many", "many for one"],
)
def test_a_wrong_keyword_is_named(changes: Mapping[str, Value], named: str) -> None:
    with pytest.raises(TypeError, match=named):
        Script(MOVE).bind({**VALUES, **changes})


def test_a_missing_keyword_is_named() -> None:
    with pytest.raises(TypeError, match="due"):
        Script(MOVE).bind({name: value for name, value in VALUES.items() if name != "due"})


def test_a_fenced_script_checks_the_epoch_before_its_first_write() -> None:
    text = Script("-- KEYS: job\n-- FLAGS: fenced allow-oom\nreturn {'ok'}\n").text

    assert text.index("'fenced'") < text.index("PERSIST") < text.index("return {'ok'}")


def test_every_script_names_what_it_uses() -> None:
    folder = resources.files("imgbot.storage") / "lua"
    texts = {entry.name: entry.read_text() for entry in folder.iterdir()}

    assert [name for name, text in texts.items() if "KEYS[" in text or "ARGV[" in text] == []
