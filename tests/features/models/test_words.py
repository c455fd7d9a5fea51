"""Words that name a model: at the end of a prompt, and in the best quality."""

import pytest

from imgbot.features.models import words
from imgbot.features.models.words import asks_for_the_same, named_in, pair_in

TITLES = {
    "nano": "Nano Banana 2",
    "flux/schnell": "FLUX schnell",
    "z": "Z-Image",
    "nano/1": "Nano Banana",
    "krea": "Krea.2 max",
}


@pytest.mark.parametrize(
    ("text", "rest", "model"),
    [
        ("the same with flux", "the same", "flux/schnell"),
        ("ещё раз через флюкс", "ещё раз", "flux/schnell"),
        ("то же но на нано банана", "то же", "nano/1"),
        ("the same with nano banana 2", "the same", "nano"),
        ("the same with krea", "the same", "krea"),
        ("тем же, только флаксом", "тем же", "flux/schnell"),
        ("ещё раз, только z-image", "ещё раз, только z-image", ""),
        ("ещё раз, только krea", "ещё раз", "krea"),
        ("use krea", "", "krea"),
        ("a bottle of krea", "a bottle of krea", ""),
        ("a fox in the snow, with FLUX schnell", "a fox in the snow", "flux/schnell"),
        ("fox --model nano", "fox", "nano"),
        ("нарисуй кота в лучшем качестве", "нарисуй кота", "nano"),
        ("a girl with a banana", "a girl with a banana", ""),
        ("a torch with flux capacitor", "a torch with flux capacitor", ""),
        ("a solder joint with flux", "a solder joint with flux", ""),
        ("a solder joint with the model flux", "a solder joint", "flux/schnell"),
        ("лиса моделью флюкс", "лиса", "flux/schnell"),
        ("with flux", "", "flux/schnell"),
        ("make it again with flux", "make it again", "flux/schnell"),
        ("портрет учёного на нанотрубках", "портрет учёного на нанотрубках", ""),
        ("город в максимальном качестве жизни", "город в максимальном качестве жизни", ""),
        (
            "a wedding cake served in top quality porcelain",
            "a wedding cake served in top quality porcelain",
            "",
        ),
        ("a cake in the best quality, please", "a cake", "nano"),
        ("masterpiece, best quality, a cat", "masterpiece, best quality, a cat", ""),
        ("в лучшем качестве", "в лучшем качестве", ""),
    ],
)
def test_only_the_name_of_a_model_is_taken_for_one(text: str, rest: str, model: str) -> None:
    assert named_in(text, TITLES, best="nano") == (rest, model)


def test_the_same_is_asked_for_by_few_words() -> None:
    assert all(map(asks_for_the_same, ("", "the same", "ещё раз", "то же самое")))
    assert not any(map(asks_for_the_same, ("a fox", "нарисуй кота")))


@pytest.mark.parametrize("rule", words.RULES, ids=lambda rule: rule.example)
def test_only_its_rule_names_the_model_of_an_example(
    rule: words.NameRule, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert named_in(rule.example, TITLES)[1]

    monkeypatch.setattr(words, "RULES", [each for each in words.RULES if each is not rule])
    assert named_in(rule.example, TITLES) == (rule.example, "")


@pytest.mark.parametrize(
    ("text", "rest", "models"),
    [
        ("compare flux and krea", "", ("flux/schnell", "krea")),
        ("a fox, compare flux and krea, please", "a fox", ("flux/schnell", "krea")),
        ("лиса в снегу, сравни флюкс и нано банана", "лиса в снегу", ("flux/schnell", "nano/1")),
        ("side by side: a fox", "side by side: a fox", ()),
        ("compare it with the original", "compare it with the original", ()),
        ("compare flux and flux", "compare flux and flux", ()),
        ("two cats, each side by side", "two cats, each side by side", ()),
        ("compare apples and a banana", "compare apples and a banana", ()),
    ],
)
def test_two_models_are_named_by_their_titles(
    text: str, rest: str, models: tuple[str, ...]
) -> None:
    assert pair_in(text, TITLES) == (rest, models)
