"""Requests to the built-in engine: understood in both languages, else reported with suggestions."""

import tomllib
from collections.abc import Callable
from contextlib import suppress
from itertools import product
from pathlib import Path

import pytest

from imgbot.domain.errors import UserError
from imgbot.domain.texts import tables
from imgbot.domain.texts.captions import drawing_lines, drawing_name
from imgbot.painter.engine import roles
from imgbot.painter.engine.create import composition_of, picture_size
from imgbot.painter.engine.create_report import CreateReport, report
from imgbot.painter.engine.edit import QUOTE_MAX, edit_picture
from imgbot.painter.engine.edit_request import parse_edit_request
from imgbot.painter.engine.lexicon import STYLES as STYLE_WORDS
from imgbot.painter.engine.merge import APPLIED_KEYS, merge_pictures
from imgbot.painter.engine.merge_request import LAYOUT_WORDS, parse_merge_request
from imgbot.painter.engine.scenes import SCENES
from imgbot.painter.engine.styles import STYLES
from imgbot.painter.engine.subjects import has_own_drawing, subject_names
from imgbot.painter.engine.typography import text_to_draw
from imgbot.painter.engine.understand import understand_prompt
from imgbot.painter.engine.vocabulary import WORDS
from tests.fixtures.flat_pictures import sheets
from tests.fixtures.photos import load_photo

TABLES: dict[str, dict[str, list[str]]] = tomllib.loads(
    (Path(__file__).parents[1] / "fixtures" / "engine_requests.toml").read_text()
)


def table(name: str) -> dict[str, str]:
    """Each text of a table, and how it is understood."""
    return {words: meaning for meaning, texts in TABLES[name].items() for words in texts}


def understood_edit(words: str) -> str:
    steps, unrecognised = parse_edit_request(words)
    degrees = ["" if step.degree == 1 else f"~{step.degree:g}" for step in steps]
    changes = [f"{step.key}|{step.value}".strip("|") for step in steps]
    return ", ".join(
        [*map("".join, zip(changes, degrees, strict=True)), *(f"?{word}" for word in unrecognised)]
    )


def understood_merge(words: str) -> str:
    request = parse_merge_request(words, 2)
    return ", ".join([request.layout, *(f"?{word}" for word in request.unrecognised)])


def understood_style(words: str) -> str:
    return composition_of(words, 1).style


def reported(prompt: str, seed: int = 7) -> CreateReport:
    return report(composition_of(prompt, seed))


def subjects_of(words: str) -> list[str]:
    return [thing.subject.name for thing in understand_prompt(words).things]


def told(words: str) -> str:
    language, made = "en" if words.isascii() else "ru", reported(words)
    return "\n".join(drawing_lines(language, words, made.applied, made.undrawn))


@pytest.mark.parametrize(
    ("name", "understand"),
    [
        ("edit", understood_edit),
        ("merge", understood_merge),
        ("text", text_to_draw),
        ("style", understood_style),
        ("reported", told),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_requests_are_understood(name: str, understand: Callable[[str], str]) -> None:
    expected = table(name)
    assert {words: understand(words) for words in expected} == expected


@pytest.mark.parametrize("rule", roles.RULES, ids=lambda rule: rule.example)
def test_each_rule_gives_its_example_a_role(
    rule: roles.Rule, monkeypatch: pytest.MonkeyPatch
) -> None:
    def role_in_example() -> roles.Role:
        before, _, rest = rule.example.partition("<")
        marked, _, after = rest.partition(">")
        words = understand_prompt(before + marked + after).words
        return next(word.role for word in words if word.text == marked)

    role = role_in_example()
    assert rule.role in {None, role}
    # Without the rule it is another one.
    monkeypatch.setattr(roles, "RULES", tuple(each for each in roles.RULES if each is not rule))
    with suppress(StopIteration, ValueError):
        assert role_in_example() is not role


def test_prompt_chooses_the_scene_and_its_palette() -> None:
    for words, names in table("scene").items():
        chosen = {composition_of(words, seed).scene for seed in range(5)}
        assert (words, chosen - {*names.split()}) == (words, set())
    for words, names in table("palette").items():
        chosen = {composition_of(words, seed).palette.name for seed in range(12)}
        assert (words, chosen - {*names.split()}) == (words, set())


def test_words_name_their_subjects_and_styles() -> None:
    assert TABLES["style"].keys() == STYLE_WORDS.keys()
    named = {words: subjects_of(words) for words in table("subject")}
    assert {
        words: names for words, names in named.items() if names != [table("subject")[words]]
    } == {}


def test_things_have_the_count_colour_and_size_that_they_are_given() -> None:
    for words in ("три кота", "three big fluffy cats", "трёх больших рыжих котов", "3 cats"):
        [thing] = understand_prompt(words).things
        assert (thing.subject.name, thing.count) == ("cat", 3), words
    for words, count in (
        ("дюжина яиц", 12),
        ("three days with a cat", 1),
        ("cats", 3),
        ("лисы", 3),
    ):
        assert understand_prompt(words).things[0].count == count, words
    request = understand_prompt("белый кот под красным зонтом на синем море")
    cat, umbrella = request.things
    assert cat.colour is not None
    assert umbrella.colour is not None
    assert min(cat.colour) > 200 > max(umbrella.colour[1:])
    assert len(request.colours) == 1
    assert understand_prompt("золотая рыбка").colours == ()
    assert understand_prompt("a tiny mouse and a huge elephant").things[0].size < 1
    big, huge = (composition_of(f"a {size} fox", 1).placed[0] for size in ("big", "huge"))
    assert big.size < huge.size
    assert [text_to_draw(each) for each in ("letter A", "буква Я в саду")] == ["A", "Я"]
    assert understand_prompt("a red letter B").things == []
    assert understand_prompt("a letter I wrote").things


def test_earlier_words_weigh_more() -> None:
    request = understand_prompt("лес и город")
    assert request.scenes["forest"] > request.scenes["city"]
    assert understand_prompt("").scenes == {}


def shown(words: str) -> str:
    """Figures of a composition: count and subject, with what each wears, holds and sits on."""
    made, parts = composition_of(words, 3), []
    for each in dict.fromkeys(placed.figure for placed in made.placed):
        figure, names = each, [str(len(made.drawn(each.thing))), each.subject.name]
        for kind, items in (("wears", figure.worn), ("holds", figure.held)):
            names += [f"{kind} {item.subject.name}" for item in items]
        others = dict.fromkeys(item for item in figure.beside if item.thing != figure.thing)
        names += [f"beside {item.subject.name}" for item in others]
        names += [f"on {figure.seat.subject.name}"] if figure.seat else []
        parts.append(" ".join(names))
    return ", ".join(parts)


def test_the_composition_has_what_is_asked_for() -> None:
    expected = table("composed")
    assert {words: shown(words) for words in expected} == expected


def test_more_than_can_be_placed_is_named_as_not_drawn() -> None:
    words = " и ".join(f"{count} кота" for count in range(2, 9))
    made = composition_of(words, 1)
    assert len(list(made.figures())) <= 12
    assert reported(words, 1).undrawn
    assert len(composition_of("лиса, " * 40, 1).placed) <= 12


def test_a_place_that_is_ruled_out_and_an_unknown_noun_show_nothing_by_chance() -> None:
    for seed in range(8):
        assert composition_of("Ждун фывапро", seed).scene == "quiet"
        assert "no_tree" in composition_of("hills without trees", seed).hints
        assert composition_of("hills without trees", seed).placed == ()
        assert composition_of("лев без короны", seed).placed[0].figure.worn == ()


def test_requested_ratio_wins_and_is_limited() -> None:
    assert picture_size("16:9") == (1824, 1024)
    assert picture_size("3:4") == (1024, 1368)
    for ratio in ("", "0:5", "1:1"):
        assert picture_size(ratio) == (1024, 1024)
    for across in range(1, 100, 7):
        for up in range(1, 100, 7):
            width, height = picture_size(f"{across}:{up}")
            asked = min(3.0, max(1 / 3, across / up))
            assert width / height == pytest.approx(asked, rel=0.02)
            assert max(width, height) <= 2048
            assert min(width, height) == 1024 or max(width, height) == 2048


def test_words_that_only_look_like_a_typo_are_not_corrected() -> None:
    for words in ("the sky is blue", "арка", "шляпа", "farmer", "hammer"):
        assert parse_edit_request(words)[0] == ()


def test_every_word_of_the_typo_correction_is_understood() -> None:
    parsed = {word: parse_edit_request(word) for word in WORDS}
    assert [word for word, made in parsed.items() if len(made[0]) != 1 or made[1]] == []
    layouts = (*LAYOUT_WORDS, *LAYOUT_WORDS.values())
    assert [word for word in layouts if parse_merge_request(word, 2).unrecognised] == []


def refused(words: str) -> list[str]:
    """The words that are suggested where nothing was understood."""
    with pytest.raises(UserError, match="edit_words_unknown") as caught:
        edit_picture(load_photo("pendulum"), words)
    assert caught.value.facts["words"] == " ".join(words.split())[:QUOTE_MAX]
    return str(caught.value.facts["nearest"]).split(", ")


def test_similar_changes_are_suggested_else_popular_ones() -> None:
    near = {
        "пслетка": "плёнка", "контрасстнаее": "контраст", "warmish": "warmer",
        "горизонт": "поверни на 2 градуса", "background": "blur the background",
        "увеличь": "приблизь",
    }  # fmt: skip
    assert [words for words, one in near.items() if one not in refused(words)[:3]] == []
    english = ["brighter", "warmer", "black and white"]
    popular = {"щщщщ": ["ярче", "теплее", "чёрно-белое"], "qqqq": english, "😀 !!! 123": english}
    assert {words: refused(words) for words in popular} == popular
    for words in ("зелёный слон", "без рамки", "sky", "qqq wxyz", *near):
        suggested = [parse_edit_request(word) for word in refused(words)]
        assert len(suggested) <= 3
        assert all(steps and not unrecognised for steps, unrecognised in suggested)


def test_suggested_layouts_and_unsupported_merges_are_reported() -> None:
    for words, unrecognised, near in (
        ("отпуск с друзьями", ("отпуск", "друзьями"), "коллаж"),
        ("party at the beach", ("party", "beach"), "collage"),
        ("зрвнение", ("зрвнение",), "до и после"),
        ("colllagggge", ("colllagggge",), "collage"),
    ):
        outcome = merge_pictures(sheets(2), words)
        assert outcome.unrecognised == unrecognised
        assert near in outcome.suggestions
        assert len(outcome.suggestions) == 3
    for words in ("swap faces", "face swap", "swap the faces", "поменяй лица местами"):
        made = parse_merge_request(words, 2)
        assert (made.layout, made.order, made.unrecognised) == ("collage", (0, 1), (words,))


HOSTILE = [
    "", " ", "\x00" * 50, "😀😀😀", "ярче\x00теплее", "\u202eתמונה בהירה", "مرحبا", "a" * 2000,
    "а" * 100_000, "ярче " * 2000, "ярче, " * 5000, "<b>ярче</b>", "*_`[](){}", "%s %d {0}",
    "(((((", "\\d+", "99999999:1", "на 999%", "rotate 999", "0:0", "ﷺ" * 1000, "чуть " * 5000,
    ", " * 1000, "1 " * 1000, "put 1 into 1", "put 7 into 9", "999 в 1000", "слева 99",
    "@@@@ 1@2", "вставь " * 300, "1 и " * 400 + "в 2", "последнее в последнее",
    "1 2 3 4 5 6 7 8 9 10 11 12", "зеркало " * 2000,
]  # fmt: skip


@pytest.mark.parametrize("words", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_prompts_are_parsed_or_refused(words: str) -> None:
    steps, _ = parse_edit_request(words)
    assert len(steps) <= 200
    if steps:
        assert edit_picture(load_photo("pendulum"), words).applied
    else:
        assert refused(words)
    outcome = merge_pictures([photo.reduce(4) for photo in sheets(3)], words)
    assert outcome.applied[0].partition("|")[0] in APPLIED_KEYS
    assert min(outcome.image.size) >= 1


def test_decomposed_and_invisible_characters_are_normalized() -> None:
    # й as и and a breve, as some phones send it; a zero-width space inside a word.
    for words, change in (
        ("те\u0308плыи\u0306", "warmer"),
        ("я\u200bрче", "brighter"),
        ("ЯРЧЕ!!!\x00", "brighter"),
    ):
        assert understood_edit(words) == change


def test_nothing_is_reported_of_a_prompt_that_is_drawn() -> None:
    for seed, words in product((1, 7), TABLES["reported"][""]):
        assert reported(words, seed) == CreateReport(), words


def test_every_name_is_understood_by_the_engine() -> None:
    names = tables("en")
    # Scenes, subjects and styles of stored reports keep their names.
    assert set(names["scenes"]) >= set(SCENES)
    own = {name for name in subject_names() if has_own_drawing(name)}
    assert set(names["subjects"]) >= own
    assert set(names["styles"]) >= set(STYLES) - {"plain"}
    for prompt in ("лес", "forest"):
        for key in own:
            assert subjects_of(drawing_name(key, prompt)) == [key]
        for key in names["subjects"]:
            assert subjects_of(drawing_name(key, prompt)), key
        for key in names["styles"]:
            drawn = composition_of(drawing_name(key, prompt), 1).style
            assert drawn == key or key not in STYLES, key


def test_a_provider_without_a_report_has_no_lines_and_long_ones_are_cut() -> None:
    assert drawing_lines("en", "a fox", ["warmer"], ["hat"]) == []
    [line] = drawing_lines("en", "a fox", [f"drawn|{'fox ' * 500}"], [])
    assert len(line) < 250
