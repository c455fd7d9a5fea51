"""Phrases: what a translator writes is found in whole words, whatever may be missing."""

import pytest

from imgbot.domain.phrases import PhraseLists
from imgbot.painter.engine import edit_request
from tests.unit.test_engine_requests import TABLES

LISTS = PhraseLists({"it": "it, the photo"}, colour="red|light blue")


@pytest.mark.parametrize(
    ("phrase", "found", "not_found"),
    [
        ("(a) (b) cat", ["cat", "a cat", "b cat", "a b cat"], ["a b", "cats", " cat"]),
        ("open (up) shadows", ["open shadows", "open up shadows"], ["open", "openshadows"]),
        ("(по)ярче, bright(er/en)", ["ярче", "поярче", "bright", "brighten"], ["по", "brightest"]),
        ("(по)<[красн/желт]ее>", ["краснее", "пожелтее"], ["желт"]),
        ("turn (very (much)) blur*", ["turn blurry", "turn very much blur"], ["turn much blur"]),
        ("[cut/trim] ({it}) off", ["cut off", "trim the photo off"], ["cut photo off"]),
        ("make ~ <{colour}>", ["make it light blue", "make me red"], ["make red", "make it blue"]),
        ("it > [./and]", [], ["it now"]),
    ],
)
def test_a_phrase_is_found_in_all_its_forms(
    phrase: str, found: list[str], not_found: list[str]
) -> None:
    pattern = LISTS.compiled(phrase)
    assert [words for words in found if not pattern.fullmatch(words)] == []
    assert [words for words in not_found if pattern.fullmatch(words)] == []


def test_what_stands_behind_a_phrase_is_not_part_of_it() -> None:
    pattern = LISTS.compiled("it > [./and]")
    for text, is_found in (("it , so", True), ("it and", True), ("it ", True), ("it so", False)):
        assert bool(pattern.match(text)) is is_found, text


def test_no_phrase_takes_the_space_around_it() -> None:
    patterns = [phrase.pattern for phrase in edit_request._PHRASES]
    for words in (words for texts in TABLES["edit"].values() for words in texts):
        text = edit_request.normalize(words)
        spans = [match[0] for pattern in patterns for match in pattern.finditer(text)]
        assert [said for said in spans if said != said.strip()] == []
