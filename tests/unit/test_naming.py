"""Naming: which picture of the chat a text means, by number, by what it shows, and several."""

from dataclasses import replace

import pytest

from imgbot.domain.intents import Intent
from imgbot.domain.operations import Operation
from imgbot.domain.words import read
from imgbot.domain.words.chat import ChatPicture, ChatState
from imgbot.domain.words.reading import Ask, NamedBy, Order, Talk, Which
from imgbot.domain.words.this_picture import this_picture

SHIP = ChatPicture("ship", Operation.CREATE, ("a ship in the fog",), age_s=300)
FLAG = ChatPicture(
    "flag", Operation.EDIT, ("a ship in the fog", "give it a red flag"), "ship", age_s=200
)
FOX = ChatPicture("fox", Operation.CREATE, ("лиса на снегу, акварель",), age_s=100)
KITCHEN = ChatPicture("kitchen", Operation.EDIT, ("white cabinets in the kitchen",), "photo")
ALBUM = tuple(ChatPicture(f"photo {n}", order="album", number=n, age_s=10) for n in (3, 2, 1))
VARIANTS = tuple(
    ChatPicture(f"v{n}", Operation.CREATE, ("an owl",), "", "v1", n) for n in (3, 2, 1)
)

CHAT = ChatState((FOX, FLAG, SHIP))


def meant(text: str, chat: ChatState) -> tuple[str, ...]:
    """Return the ids of the pictures that a text is about, or among which it does not choose."""
    reading = read(text, chat)
    if isinstance(reading, Ask):
        return ("?", *reading.among)
    found = this_picture(reading.which, chat)
    return tuple(each.id for each in found.pictures) or ("?", *(each.id for each in found.among))


@pytest.mark.parametrize(
    ("text", "picture"),
    [
        ("now the ship: make it bigger", "flag"),
        ("the ship needs a mast", "flag"),
        ("make the ship one darker", "flag"),
        ("лису поярче", "fox"),
        ("make it darker", "fox"),
        ("make the sky darker", "fox"),
        ("у акварельной убери фон", "fox"),
        ("make the other one darker", "flag"),
    ],
)
def test_a_name_means_the_newest_picture_that_shows_it(text: str, picture: str) -> None:
    assert meant(text, CHAT) == (picture,)


def test_what_a_change_took_away_is_on_the_picture_before() -> None:
    without = ChatPicture("without", Operation.EDIT, (*SHIP.words, "lose the birds"), "ship")
    chat = ChatState((without, SHIP, FOX))

    with_birds = this_picture(Which(NamedBy.NAME, name="birds"), chat)
    without_birds = this_picture(Which(NamedBy.NAME, name="ship without birds"), chat)

    assert (with_birds.pictures, without_birds.pictures) == ((SHIP,), (without,))


def test_two_pictures_with_one_name_are_asked_about() -> None:
    twin = replace(SHIP, id="twin", words=("a ship at a pier",), age_s=50)

    assert meant("make the ship one darker", ChatState((FOX, twin, SHIP))) == ("?", "twin", "ship")


def test_a_name_that_no_picture_has_may_be_that_of_a_photo() -> None:
    photos = (ChatPicture("cat"), ChatPicture("dog"))

    assert meant("the one with the boat darker", ChatState((FOX, *photos))) == ("?", "cat", "dog")


@pytest.mark.parametrize(
    ("text", "picture"),
    [
        ("второй поярче", "v2"), ("третью сделай чб", "v3"), ("2-й поярче", "v2"),
        ("вариант 2 поярче", "v2"), ("у второй убери шляпу", "v2"), ("последний потемнее", "v3"),
        ("make the second brighter", "v2"), ("add a hat to the first one", "v1"),
        ("second one but darker", "v2"), ("#2 brighter", "v2"), ("the middle one darker", "v2"),
        ("make the left one darker", "v1"), ("на третьем бантик сделай красный", "v3"),
    ],
)  # fmt: skip
def test_a_number_means_a_variant(text: str, picture: str) -> None:
    assert meant(text, ChatState((*VARIANTS, FOX))) == (picture,)


def test_a_number_means_what_became_of_it() -> None:
    changed = ChatPicture("changed", Operation.EDIT, ("an owl", "at night"), "v2")

    assert meant("second one brighter", ChatState((changed, *VARIANTS))) == ("changed",)


@pytest.mark.parametrize("text", ["make the second dog bigger", "make it brighter first"])
def test_a_number_of_other_things_means_this_picture(text: str) -> None:
    assert meant(text, ChatState((FOX, *VARIANTS))) == ("fox",)


@pytest.mark.parametrize("pictures", [ALBUM, VARIANTS])
def test_a_change_of_one_of_several_asks_which(pictures: tuple[ChatPicture, ...]) -> None:
    ids = tuple(each.id for each in reversed(pictures))

    assert meant("add a hat", ChatState((*pictures, FOX))) == ("?", *ids)


def test_the_answer_to_which_is_the_order_about_it() -> None:
    among = tuple(each.id for each in VARIANTS)
    chat = ChatState((*VARIANTS, FOX), unclear="add a hat", among=among)

    assert read("the second one", chat) == Order(
        Intent.CHANGE, "add a hat", Which(NamedBy.ID, name="v2")
    )


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("the second one", Intent.SHOW),
        ("2", Intent.SHOW),
        ("I like the second one", Intent.POINTING),
    ],
)
def test_a_name_alone_orders_nothing(text: str, intent: Intent) -> None:
    assert read(text, ChatState(VARIANTS)) == Talk(intent, which=Which(NamedBy.NUMBER, 2))


def test_in_a_group_the_own_picture_is_meant() -> None:
    of_other = replace(FOX, is_own=False)

    assert meant("make it darker", ChatState((of_other, FLAG, SHIP))) == ("flag",)
    assert meant("make it darker", ChatState((of_other, replace(FLAG, age_s=9999)))) == ("fox",)


@pytest.mark.parametrize("words", ["лучше ", "ok okay ", "the one with ", "ship: ", "!? "])
def test_hostile_texts_are_read(words: str) -> None:
    assert read(f"первый вариант {words * 300}кот".strip(), CHAT)
    assert read(words, CHAT)


@pytest.mark.parametrize(
    ("text", "chat", "pictures"),
    [
        ("put them together", ChatState((FOX, FLAG, SHIP)), ("flag", "fox")),
        ("both in one picture", ChatState((FOX, FLAG, SHIP)), ("flag", "fox")),
        ("combine them", ChatState((*ALBUM, FOX)), ("photo 1", "photo 2", "photo 3")),
        ("combine", ChatState((FOX, FLAG, ChatPicture("photo"))), ("?",)),
        ("из обоих стикеры", ChatState((FOX, FLAG, SHIP)), ("flag", "fox")),
        ("put him on the ship", ChatState((ChatPicture("man"), FLAG, SHIP)), ("man", "flag")),
        (
            "put her in their arms",
            ChatState((ChatPicture("baby"), ChatPicture("couple"), FOX)),
            ("couple", "baby"),
        ),
        ("put a hat on the dog", ChatState((ChatPicture("dog"), ChatPicture("cat"))), ("dog",)),
        (
            "на каждом бантик",
            ChatState(ALBUM, "photo 1", photos=("photo 1", "photo 2", "photo 3")),
            ("photo 1", "photo 2", "photo 3"),
        ),
    ],
)
def test_several_pictures_are_meant_together(
    text: str, chat: ChatState, pictures: tuple[str, ...]
) -> None:
    assert meant(text, chat)[: len(pictures)] == pictures


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("the mast, too", Order(Intent.CHANGE, "give it a red flag, the mast, too")),
        ("и мачту тоже", Order(Intent.CHANGE, "give it a red flag, и мачту тоже")),
    ],
)
def test_a_part_alone_continues_the_latest_change(text: str, order: Order) -> None:
    assert read(text, ChatState((FLAG, SHIP))) == order


def test_each_photo_of_an_album_has_its_part_of_the_caption() -> None:
    album = tuple(replace(each, words=("whale, fox and fern",)) for each in ALBUM)

    assert meant("make the fox darker", ChatState((FLAG, *album))) == ("photo 2",)


def test_a_merge_is_of_the_pictures_that_are_named() -> None:
    chat = ChatState((ChatPicture("photo"), FOX, FLAG, SHIP))

    assert meant("combine лису and the ship", chat) == ("fox", "flag")
    assert meant("combine the first and the second one", ChatState(ALBUM)) == ("photo 1", "photo 2")


def test_a_thing_that_no_words_tell_of_is_on_the_photo_that_nothing_was_made_of() -> None:
    chat = ChatState((KITCHEN, ChatPicture("dog"), ChatPicture("photo")))

    assert meant("а собаке шапку", chat) == ("dog",)
    assert meant("and the dog on a beach", chat) == ("dog",)
    assert meant("а собаке шапку", ChatState((KITCHEN, ChatPicture("photo")))) == ("kitchen",)


def test_mine_too_is_the_own_picture_in_a_group() -> None:
    of_other = replace(FLAG, is_own=False)

    chat = ChatState((of_other, FOX, replace(SHIP, is_own=False)), replied="flag")

    assert meant("mine too", chat) == ("fox",)
