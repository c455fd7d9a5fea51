"""What is offered for the words of a complaint."""

import pytest

from imgbot.domain.complaints import Offer, offer_for

OFFERS = [
    ("это не кот", "кот", ""),
    ("this is not a cat", "cat", ""),
    ("я просил красную машину", "красная машина", ""),
    ("не похоже на кота", "кот", ""),
    ("машина не красная", "красная машина", "пусть машина будет красная"),
    ("почему машина не красная?", "красная машина", "пусть машина будет красная"),
    ("the car is not red", "red car", "make the car red"),
    ("why is the fox not red?", "red fox", "make the fox red"),
    ("ну где шляпа?", "шляпа", "добавь шляпу"),
    ("шляпу-то забыл", "шляпа", "добавь шляпу"),
    ("нет шляпы", "шляпа", "добавь шляпу"),
    ("you forgot the hat", "hat", "add the hat"),
    ("the hat is missing", "hat", "add the hat"),
    ("it is blurry", "", "sharper"),
    ("слишком темно", "", "ярче"),
    ("царапины остались", "", "убери царапины сильнее"),
    ("there are still scratches", "", "remove the scratches more strongly"),
    ("I don't like it", "", ""),
    ("это не то", "", ""),
    ("where is it", "", ""),
    ("где моя картинка", "", ""),
    ("ужас", "", ""),
    ("ну " * 600, "", ""),
    ("где " + "а" * 1900, "", ""),
]


@pytest.mark.parametrize(("complaint", "again", "change"), OFFERS)
def test_offer_uses_the_words_of_the_complaint(complaint: str, again: str, change: str) -> None:
    assert offer_for(complaint) == Offer(again, change)


@pytest.mark.parametrize(("complaint", "other"), [("не та машина", "машина"), ("wrong car", "car")])
def test_another_one_is_offered_for_the_wrong_one(complaint: str, other: str) -> None:
    assert offer_for(complaint) == Offer(other, is_other=True)
