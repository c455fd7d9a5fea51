"""Words: each row of the table reads its own examples, in the chat that they are written in."""

import sys
from collections import Counter
from collections.abc import Mapping

import pytest

from imgbot.domain.intents import Intent, PendingQuestion
from imgbot.domain.operations import Operation
from imgbot.domain.texts import LANGUAGES, t
from imgbot.domain.words import READERS, read
from imgbot.domain.words.chat import ChatPicture, ChatState
from imgbot.domain.words.doubts import doubted, settled
from imgbot.domain.words.reading import (
    Ask,
    Example,
    NamedBy,
    Order,
    Talk,
    Which,
    WordReader,
    sentence_of,
)
from imgbot.domain.words.this_picture import this_picture

PHOTO = ChatPicture("photo")
DRAWN = ChatPicture("drawn", Operation.CREATE, ("a ship in the fog",))
NIGHT = ChatPicture("night", Operation.EDIT, ("a ship in the fog", "at night"), parent="drawn")
OTHER = ChatPicture("fox", Operation.CREATE, ("a red fox in watercolour",))

CHATS: Mapping[str, ChatState] = {
    "nothing": ChatState(),
    "photo": ChatState((PHOTO,)),
    "picture": ChatState((DRAWN,)),
    "changed": ChatState((NIGHT, DRAWN)),
    "undone": ChatState((DRAWN, NIGHT), undone=("night",)),
    "several": ChatState((OTHER, NIGHT, DRAWN, PHOTO)),
    "two photos": ChatState((PHOTO, ChatPicture("tower"))),
    "drawn beside": ChatState((OTHER, DRAWN)),
    "photo beside": ChatState((PHOTO, DRAWN)),
    "reply": ChatState((OTHER, DRAWN), replied="drawn"),
    "prompt": ChatState((DRAWN,), pending=PendingQuestion.PROMPT),
    "change": ChatState((PHOTO,), pending=PendingQuestion.CHANGE, asked="photo"),
    "scale": ChatState((PHOTO,), pending=PendingQuestion.SCALE, asked="photo"),
}


@pytest.mark.parametrize(
    ("row", "example"),
    [
        pytest.param(row, each, id=f"{row.name}-{each.text}")
        for row in READERS
        for each in row.examples
    ],
)
def test_each_row_reads_its_examples(row: WordReader, example: Example) -> None:
    sentence, chat = sentence_of(example.text), CHATS[example.after]

    readers = (each.name for each in READERS if each.read(sentence, chat))

    assert next(readers) == row.name


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("поставь его на корабль", "photo beside"),
        ("put me in front of the Eiffel tower", "two photos"),
        ("put me before the tower", "two photos"),
        ("поставь меня перед замком", "two photos"),
    ],
)
def test_somebody_is_put_before_what_the_other_picture_shows(text: str, after: str) -> None:
    found = read(text, CHATS[after])
    assert isinstance(found, Order)
    assert found.operation is Operation.MERGE
    if after == "two photos":
        # The first photo is put before what the second one shows, as in an album.
        pictures = this_picture(found.which, CHATS[after]).pictures
        assert [each.id for each in pictures] == ["tower", PHOTO.id]


def test_a_picture_in_a_format_is_its_file_and_a_new_one_is_none() -> None:
    said = ("send it in png", "пришли в png", "convert it to jpg", "в формате png", "сохрани в пнг")
    found = [read(each, CHATS["picture"]) for each in said]
    drawn = read("draw a png icon", CHATS["picture"])

    assert found == [Talk(Intent.COMMAND, "file")] * len(said)
    assert isinstance(drawn, Order)


def test_no_two_rows_have_one_name() -> None:
    assert len({row.name for row in READERS}) == len(READERS)


FOX = "a red fox in the snow"
LINE = (
    ChatPicture("fox", Operation.CREATE, (FOX,)),
    ChatPicture("hat", Operation.EDIT, (FOX, "give it a top hat"), parent="fox"),
    ChatPicture(
        "text", Operation.EDIT, (FOX, "give it a top hat", "write HAPPY NEW YEAR"), parent="hat"
    ),
    ChatPicture(
        "bare",
        Operation.EDIT,
        (FOX, "give it a top hat", "write HAPPY NEW YEAR", "remove the hat"),
        parent="text",
    ),
)


@pytest.mark.parametrize(
    ("text", "after", "intent"),
    [
        ("it's brighter, right?", "picture", Intent.SMALL_TALK),
        ("первый ярче, да?", "several", Intent.SMALL_TALK),
        ("сделай ярче, да?", "picture", Intent.CHANGE),
        ("царапины остались", "changed", Intent.COMPLAINT),
        ("but the logo hasn't gone", "changed", Intent.COMPLAINT),
        ("он теперь спит", "drawn beside", Intent.SMALL_TALK),
        ("the sky is darker now", "drawn beside", Intent.SMALL_TALK),
        ("стало ярче", "changed", Intent.SMALL_TALK),
        ("ты убрал шляпу", "drawn beside", Intent.SMALL_TALK),
        ("рамку не надо, спасибо", "drawn beside", Intent.SMALL_TALK),
        ("no text needed, thanks", "changed", Intent.SMALL_TALK),
        ("сравни цены", "drawn beside", Intent.QUESTION),
        ("too expensive", "changed", Intent.QUESTION),
        ("добавь в набор", "changed", Intent.QUESTION),
        ("put it in my sticker set", "picture", Intent.QUESTION),
        ("16", "several", Intent.HELP),
        ("цены на баннере поменяй", "changed", Intent.CHANGE),
        ("теперь чтобы он спал", "drawn beside", Intent.CHANGE),
        ("he needs a hat now", "changed", Intent.CHANGE),
        ("remove the text, thanks", "changed", Intent.CHANGE),
        ("collage of autumn leaves", "picture", Intent.CREATE),
        ("коллаж из осенних листьев", "reply", Intent.CREATE),
        ("a collage of both", "several", Intent.OPERATION),
        ("а с текстом МУР можно?", "picture", Intent.CHANGE),
        ("и ещё лодку", "picture", Intent.CHANGE),
        ("и ещё раз", "picture", Intent.AGAIN),
        ("you are a useless piece of shit", "nothing", Intent.SMALL_TALK),
        ("ты тупой бот", "nothing", Intent.SMALL_TALK),
        ("you are a knight on a horse, poster", "nothing", Intent.CREATE),
        ("удали стикерпак", "picture", Intent.QUESTION),
        ("can I have a frame?", "changed", Intent.CHANGE),
        ("можно красную шляпу?", "changed", Intent.CHANGE),
        ("можно вопрос?", "changed", Intent.SMALL_TALK),
        ("зеркально", "changed", Intent.CHANGE),
        ("в зеркальном отражении", "photo", Intent.CHANGE),
        ("ёж", "photo", Intent.CREATE),
        ("а где кнопка сравнить", "changed", Intent.QUESTION),
        ("how do I compare before and after?", "changed", Intent.QUESTION),
    ],
)
def test_what_is_told_orders_nothing_and_what_is_wished_does(
    text: str, after: str, intent: Intent
) -> None:
    reading = read(text, CHATS[after])

    assert not isinstance(reading, Ask)
    assert reading.intent is intent


HISTORY = ChatState((*LINE[::-1], ChatPicture("ship", Operation.CREATE, ("a ship in oils",))))
VARIANTS = ChatState(
    tuple(ChatPicture(f"v{at}", Operation.CREATE, (FOX,), order="v1", number=at) for at in (2, 1))
)
FOUR = ChatState(
    tuple(
        ChatPicture(f"v{at}", Operation.CREATE, (FOX,), order="v1", number=at)
        for at in range(4, 0, -1)
    )
)
BRIGHTER = ChatPicture("bright", Operation.EDIT, (FOX, "brighter"), parent="v2", order="")
ONE_BRIGHTER = ChatState((BRIGHTER, *VARIANTS.pictures))
DUSK = tuple(
    ChatPicture(each, Operation.EDIT, (FOX, *said), parent=parent)
    for each, parent, said in (
        ("boat", "night", ("make it night", "add a boat")),
        ("night", "fox", ("make it night",)),
    )
)
NIGHT_LINE = ChatState((*DUSK, LINE[0]))
GONE_BACK = ChatState((LINE[2], LINE[3], LINE[1], LINE[0]), undone=("bare",))


@pytest.mark.parametrize(
    ("text", "chat", "shown"),
    [
        ("undo", HISTORY, "text"),
        ("meh, looks odd. go back", HISTORY, "text"),
        ("не, верни как было", HISTORY, "text"),
        ("ctrl+z", HISTORY, "text"),
        ("↩️", HISTORY, "text"),
        ("no, it was better before", HISTORY, "text"),
        ("two steps back please", HISTORY, "hat"),
        ("на два шага назад", HISTORY, "hat"),
        ("how it looked before the hat", HISTORY, "fox"),
        ("show me the version without text", HISTORY, "hat"),
        ("back to the one with the hat", HISTORY, "text"),
        ("bring the hat back", HISTORY, "text"),
        ("the original, please", HISTORY, "fox"),
        ("верни исходник", HISTORY, "fox"),
        ("undo everything", HISTORY, "fox"),
        ("покажи её ещё раз", HISTORY, "bare"),
        ("покажи, с чего мы начали", HISTORY, "fox"),
        ("with the hat was nicer", HISTORY, "text"),
        ("go back to the ship", HISTORY, "ship"),
        ("show the ship", HISTORY, "ship"),
        ("верни первую", VARIANTS, "v1"),
        ("the first one was better, go back to it", VARIANTS, "v1"),
        ("верни второй", ONE_BRIGHTER, "v2"),
        ("верни первый", ONE_BRIGHTER, "v1"),
        ("the second one was better, go back to it", NIGHT_LINE, "night"),
        ("back to the day", NIGHT_LINE, "fox"),
        ("вернись к дню", NIGHT_LINE, "fox"),
        ("redo", GONE_BACK, "bare"),
        ("вперёд", GONE_BACK, "bare"),
        ("верни обратно", GONE_BACK, "bare"),
        ("undo", GONE_BACK, "hat"),
        ("undo", CHATS["picture"], ""),
        ("undo the undo", CHATS["changed"], ""),
    ],
)
def test_a_text_moves_in_the_history_of_a_picture(text: str, chat: ChatState, shown: str) -> None:
    found = read(text, chat)

    assert isinstance(found, Talk)
    assert found.intent is Intent.SHOW
    assert [each.id for each in this_picture(found.which, chat).pictures] == [shown] * bool(shown)


@pytest.mark.parametrize(
    ("text", "intent", "ids"),
    [
        ("delete the first and the third", Intent.COMMAND, "v1 v3"),
        ("удали вторую, третью и четвёртую", Intent.COMMAND, "v2 v3 v4"),
        ("delete 1 and 3", Intent.COMMAND, "v1 v3"),
        ("удали 2", Intent.COMMAND, "v2"),
        ("delete the last two", Intent.COMMAND, "v3 v4"),
        ("1, 3", Intent.SHOW, "v1 v3"),
        ("keep 1 and 3", Intent.POINTING, "v1 v3"),
        ("варианты первой", Intent.AGAIN, "v1"),
        ("upscale 1 and 3", Intent.OPERATION, "v1 v3"),
        ("первую и вторую ярче", Intent.CHANGE, "v1 v2"),
        ("make the first and third brighter", Intent.CHANGE, "v1 v3"),
        ("merge 2 and 4", Intent.OPERATION, "v2 v4"),
    ],
)
def test_several_pictures_are_meant_by_their_numbers(text: str, intent: Intent, ids: str) -> None:
    found = read(text, FOUR)

    assert not isinstance(found, Ask)
    assert found.intent is intent
    assert [each.id for each in this_picture(found.which, FOUR).pictures] == ids.split()


ALBUM = ChatState(
    tuple(ChatPicture(f"p{at}", order="p1", number=at) for at in (2, 1)), photos=("p1", "p2")
)


@pytest.mark.parametrize(
    ("text", "is_asked"),
    [
        *((each, True) for each in ("keep the text", "оставь надпись", "put a hat on him")),
        *((each, True) for each in ("a poster for my shop", "посади ему попугая", "add a dog")),
        *((each, False) for each in ("put A on B", "collage", "below each other", "both at sea")),
        *((each, False) for each in ("посади собаку на диван", "друг под другом")),
    ],
)
def test_a_caption_of_an_album_is_a_merge_only_where_it_needs_several(
    text: str, is_asked: bool
) -> None:
    found = read(text, ALBUM)

    order = found.order if isinstance(found, Ask) else found
    assert isinstance(found, Ask) is is_asked
    assert isinstance(order, Order)
    assert order.operation is Operation.MERGE


@pytest.mark.parametrize(
    ("text", "prompt"),
    [
        ("make both darker", "make it darker"),
        ("сделай обе ярче", "сделай ярче"),
        ("all two at night", "at night"),
    ],
)
def test_what_all_shall_get_is_said_as_of_one(text: str, prompt: str) -> None:
    chat = CHATS["drawn beside"]

    found = read(text, chat)

    assert isinstance(found, Order)
    assert found.prompt == prompt
    assert len(this_picture(found.which, chat).pictures) == 2


@pytest.mark.parametrize("text", ["2 dogs and 3 cats", "a hat on the first, a scarf on the second"])
def test_other_numbers_mean_no_several_pictures(text: str) -> None:
    found = read(text, FOUR)
    which = (found.order if isinstance(found, Ask) else found).which

    assert len(this_picture(which, FOUR).pictures) <= 1


def test_a_number_alone_is_the_picture_itself_and_with_a_change_its_latest_version() -> None:
    chat = ChatState(LINE[::-1])
    told = {"use the first one": "fox", "возьми первую": "fox", "make the first one darker": "bare"}

    found = {each: read(each, chat) for each in told}
    which = {each: one.which for each, one in found.items() if not isinstance(one, Ask)}

    assert {each: this_picture(one, chat).pictures[0].id for each, one in which.items()} == told


def test_where_the_history_ends_the_other_steps_are_told() -> None:
    found = read("redo the change", CHATS["changed"])

    assert isinstance(found, Talk)
    assert [each.id for each in this_picture(found.which, CHATS["changed"]).among] == ["drawn"]


@pytest.mark.parametrize("text", ["it was better before, but keep the hat", "put the ears back"])
def test_what_comes_back_without_a_step_is_a_change(text: str) -> None:
    found = read(text, ChatState(LINE[1::-1]))

    assert isinstance(found, Order)
    assert found.intent is Intent.CHANGE


@pytest.mark.parametrize(
    "text", ["undo? no, leave it", "how do I go back later?", "back in a tick"]
)
def test_a_text_about_the_history_does_not_move_in_it(text: str) -> None:
    found = read(text, HISTORY)

    assert isinstance(found, Talk)
    assert found.intent is not Intent.SHOW


@pytest.mark.parametrize(
    ("text", "of", "prompt"),
    [
        ("go back and make it blue", "text", "make it blue"),
        ("undo the hat, then add a scarf", "fox", "add a scarf"),
        ("back to the ship, add a flag", "ship", "add a flag"),
        ("верни как было, только без снега", "text", "без снега"),
        ("original but at night", "fox", "at night"),
        ("before was better but darker", "text", "darker"),
        ("на два шага назад и сделай ночь", "hat", "сделай ночь"),
        ("make the previous one darker", "text", "make it darker"),
    ],
)
def test_an_order_may_begin_with_a_step(text: str, of: str, prompt: str) -> None:
    found = read(text, HISTORY)

    assert isinstance(found, Order)
    assert (found.intent, found.prompt) == (Intent.CHANGE, prompt)
    assert [each.id for each in this_picture(found.which, HISTORY).pictures] == [of]


@pytest.mark.parametrize("text", ["the previous one, please", "верни прошлую", "the one before"])
def test_before_a_picture_without_changes_is_another(text: str) -> None:
    chat = ChatState((OTHER, DRAWN))

    found = read(text, chat)

    assert isinstance(found, Talk)
    assert found.intent is Intent.SHOW
    assert [each.id for each in this_picture(found.which, chat).pictures] == [DRAWN.id]


@pytest.mark.parametrize("after", ["nothing", "picture"])
@pytest.mark.parametrize(
    "text",
    [
        *("gracias", "danke schön", "merci beaucoup", "شكرا", "дуже дякую", "çok teşekkürler"),
        *("скільки це коштує?", "combien ça coûte", "いくらですか", "my mum asks how much"),
        *(
            "ok, I'll take the blue one",
            "my artist says thx",
            "пальцы кривые",
            "👍",
            "👎",
            "asdfgh",
        ),
        *("what can you do with photos?", "can you draw people", "draw me anything", "удиви меня"),
        *("answer in English please", "где мой стикерпак?"),
    ],
)
def test_what_is_said_or_asked_orders_nothing(text: str, after: str) -> None:
    assert isinstance(read(text, CHATS[after]), Talk)


@pytest.mark.parametrize(
    ("text", "prompt"),
    [
        ("cute! put him on a beach", "put him on a beach"),
        ("danke, make it darker", "make it darker"),
        ("make it darker, thanks!", "make it darker"),
        ("no frame, thanks", "no frame"),
        ("супер! сделай темнее", "сделай темнее"),
        ("can you add a hat?", "add a hat"),
        ("he looks sad. make him smile", "make him smile"),
    ],
)
def test_a_wish_among_talk_is_ordered_without_the_praise(text: str, prompt: str) -> None:
    found = read(text, CHATS["picture"])

    assert isinstance(found, Order)
    assert (found.intent, found.prompt) == (Intent.CHANGE, prompt)


def test_words_that_the_help_offers_change_a_photo_that_was_changed() -> None:
    chat = ChatState((ChatPicture("brighter", Operation.EDIT, ("brighter",), "photo"), PHOTO))
    lines = [line for each in LANGUAGES for line in t(each, "vocabulary").splitlines()]
    words = [word for line in lines for word in line.partition(": ")[2].split(", ")]

    assert len(words) > 100
    assert [word for word in words if not isinstance(read(word, chat), Order)] == []


def test_no_chat_is_too_odd_for_its_history() -> None:
    ring = (ChatPicture("a", parent="b"), ChatPicture("b", Operation.EDIT, ("hat",), parent="a"))
    chat = ChatState(ring, replied="gone", undone=("gone", "a"))

    for text in (
        "undo",
        "верни всё",
        "the one before the hat",
        "the other one darker",
        "redo",
        "\x00",
    ):
        found = read(text, chat)
        which = found.which if isinstance(found, Order | Talk) else found.order.which
        assert {each.id for each in this_picture(which, chat).pictures} <= {"a", "b", "gone"}


@pytest.mark.parametrize(
    "text", ["make the second one red", "make both brighter", "upscale the first"]
)
def test_numbers_and_both_mean_own_pictures_in_a_group(text: str) -> None:
    def variant(order: str, number: int, age_s: int, *, is_own: bool) -> ChatPicture:
        name = order if number == 1 else f"{order}-{number}"
        made = Operation.CREATE, ("a fox",)
        return ChatPicture(name, *made, "", order, number, age_s, is_own=is_own)

    theirs = [variant("20", n, 5, is_own=False) for n in (2, 1)]
    own = [variant("10", n, 10, is_own=True) for n in (2, 1)]
    chat = ChatState((*theirs, *own))

    found = read(text, chat)

    assert not isinstance(found, Ask)
    assert {each.id for each in this_picture(found.which, chat).pictures} <= {"10", "10-2"}


MANY = ChatState(
    tuple(
        ChatPicture(f"p{at}", Operation.EDIT, (FOX, f"give it {at} top hats"), f"p{at - 1}")
        for at in range(12, 0, -1)
    )
)


@pytest.mark.parametrize(
    "part",
    [
        "a ", "the one with ", "верни ", "? ", "no not ", "put the ship on the ship, ", "\u0301",
        "make it brighter. ", "не эту, а ту, что с лодкой, ", "as sticker and ", "«", "второй ",
        "undo, redo, ", "write it on it, ", "an old lighthouse on a rock in a storm at night, ",
    ],
)  # fmt: skip
def test_a_long_text_is_read_in_few_steps(part: str) -> None:
    """Bounds the functions that are called, as time depends on the machine."""
    text = (part * 2000)[:2000]
    read(text, MANY)
    calls = Counter[str]()
    sys.setprofile(lambda _frame, event, _argument: calls.update((event,)))
    try:
        read(f"{text} ", MANY)
    finally:
        sys.setprofile(None)

    assert calls["call"] < 10_000


@pytest.mark.parametrize(
    ("text", "after", "is_in_doubt"),
    [
        ("warmer colours", "several", True),
        ("make the fox bigger", "several", True),
        ("warmer colours", "picture", True),
        ("warmer colours", "reply", True),
        ("back to the first one", "several", True),
        ("my grandmother would have laughed about that", "picture", True),
        ("a fox under the stars", "picture", True),
        ("a fox under the stars", "nothing", False),
        ("a fox under the stars", "prompt", False),
        ("what does a picture cost?", "several", False),
        ("thanks!", "several", False),
        ("give me the file", "several", False),
    ],
)
def test_orders_and_guesses_beside_a_picture_are_in_doubt(
    text: str, after: str, is_in_doubt: bool
) -> None:
    chat = CHATS[after]
    assert (doubted(read(text, chat), chat) is not None) is is_in_doubt


def test_an_answer_about_the_same_order_changes_its_picture_alone() -> None:
    chat = CHATS["several"]
    own = read("warmer colours", chat)
    asked = doubted(own, chat)
    assert asked is not None
    drawn = Which(NamedBy.ID, name="drawn")

    same = settled(own, asked, Order(Intent.REDRAW, "colours", drawn))
    other = settled(own, asked, Talk(Intent.SMALL_TALK))

    assert same == Order(Intent.CHANGE, "warmer colours", drawn)
    assert other == Talk(Intent.SMALL_TALK)
    assert settled(own, asked, asked) == own


def test_an_order_that_was_read_as_talk_is_asked_about() -> None:
    chat = CHATS["picture"]
    own = read("my grandmother would have laughed about that", chat)
    asked = doubted(own, chat)
    assert isinstance(own, Talk)
    assert asked is not None
    order = Order(Intent.CHANGE, "my grandmother")

    assert settled(own, asked, order) == Ask(order)
    assert settled(own, asked, asked) == own
