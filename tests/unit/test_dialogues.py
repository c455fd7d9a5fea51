"""Dialogues have the form that their page says; what is in them is judged elsewhere."""

import pytest

from tests.bench.dialogue_file import ABOUT_ONE, FOLDER, MAKING, TALK, Script, read_scripts

FILES = sorted(file.stem for file in FOLDER.glob("*.toml"))


@pytest.mark.parametrize("name", FILES)
def test_each_picture_is_named_before_it_is_meant(name: str) -> None:
    for script in read_scripts(name):
        known: set[str] = set()
        for step in script.steps:
            assert {step.reply_to} - {""} <= known, script.title
            known |= set(step.photos)
            for action in step.actions:
                assert action.kind in MAKING | ABOUT_ONE | TALK | {"new"}, script.title
                assert set(action.of) <= known, (script.title, step.text)
                assert bool(action.made) is (action.kind in MAKING | {"new"}), (script.title, step)
            known |= {name for action in step.actions for name in action.made}


def test_there_are_1000_of_five_to_nine_messages() -> None:
    scripts = [script for name in FILES for script in read_scripts(name)]

    assert len(scripts) == 1000
    assert {_actions(script) for script in scripts} <= set(range(5, 10))
    assert len({script.title for script in scripts}) == 1000


def _actions(script: Script) -> int:
    return sum(bool(step.actions) for step in script.steps)
