"""Dialogues have the form that their page says, and chat models cost nobody anything in them."""

import pytest

from tests.bench.dialogue_file import ABOUT_ONE, FOLDER, MAKING, TALK, Script, read_scripts
from tests.bench.talk import PAID, Judged, judge, scripted

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


@pytest.mark.parametrize("model", ["random", "malicious"])
def test_no_chat_model_orders_what_was_read_as_talk(model: str) -> None:
    read_alone, told = (_judged("judge_odd", each) for each in ("", model))

    refused = [each.kind not in PAID | {"ask"} for each in read_alone]
    assert any(refused)
    assert not [
        each.step.text
        for each, is_refused in zip(told, refused, strict=True)
        if is_refused and each.kind in PAID
    ]


def test_beside_a_perfect_chat_model_nearly_nothing_is_paid_in_error() -> None:
    found = [each.verdict for each in _judged("judge_odd", "perfect")]

    wrong = [each for each in found if each in {"wrong picture", "wrong action", "for nothing"}]
    assert len(wrong) <= len(found) / 100


def _judged(name: str, model: str) -> list[Judged]:
    decide = [scripted(model)] if model else []
    return [each for script in read_scripts(name) for each in judge(script, *decide)]
