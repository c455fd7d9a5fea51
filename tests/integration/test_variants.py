"""Variants and versions of a picture, by their numbers."""

import pytest

from imgbot.domain.texts import t
from tests.fixtures.sandbox import Message
from tests.integration.stage import (
    BOT_NAME,
    UNDISTURBED,
    Stage,
    User,
    has_buttons,
    is_picture,
    jpeg,
    open_group,
)
from tests.integration.test_this_picture import SLOW, all_done, source_of

pytestmark = UNDISTURBED


async def three_variants(user: User, text: str = "a fox, 3 variants") -> list[Message]:
    """Order three variants of a fox; return them by their numbers."""
    await user.say(text)
    pictures = [
        await user.wait(lambda message, n=n: message.text.startswith(f"{n}/3 · a fox"))
        for n in (1, 2, 3)
    ]
    await user.heard()
    return pictures


@pytest.mark.parametrize(
    ("text", "number", "order"),
    [
        ("второй поярче", 2, "edit поярче"),
        ("make the third one darker", 3, "edit make it darker"),
        ("the last one but darker", 3, "edit darker"),
        ("remove the background of the first", 1, "removebg"),
    ],
)
async def test_the_variant_that_is_named_is_changed(
    anna: User, text: str, number: int, order: str
) -> None:
    variants = await three_variants(anna)

    first = await anna.order(text)
    # And those of the picture that came of it.
    second = await anna.order("the second in black and white")

    assert await source_of(anna.stage, first) == variants[number - 1].photo_unique_id
    # Changed once, the second is that.
    meant = first if number == 2 else variants[1]
    assert await source_of(anna.stage, second) == meant.photo_unique_id
    assert (await anna.stage.orders())[-2] == order


async def test_the_variant_that_is_chosen_is_shown_and_is_this_one(anna: User) -> None:
    variants = await three_variants(anna)

    chosen = [await anna.order(text) for text in ("use the first one", "2")]
    changed = await anna.order("make it darker")
    before = await anna.stage.orders()
    await anna.order("variations of the third")

    assert [each.photo_unique_id for each in chosen] == [
        each.photo_unique_id for each in variants[:2]
    ]
    assert [each.text for each in chosen] == ["1/3 · a fox", "2/3 · a fox"]
    assert await source_of(anna.stage, changed) == variants[1].photo_unique_id
    assert (await anna.stage.orders())[len(before) :] == ["create a fox"]


async def test_which_variant_is_meant_is_asked_and_a_button_says_it(anna: User) -> None:
    variants = await three_variants(anna)
    before = await anna.stage.orders()

    question = await anna.ask("make it brighter")
    asked = await anna.stage.orders()
    changed = await anna.click(question, "№2", is_picture)

    assert question.text == t("en", "ask_which")
    assert [each["text"] for each in question.buttons] == [f"№{n} · a fox" for n in (1, 2, 3)]
    assert asked == before
    assert await source_of(anna.stage, changed) == variants[1].photo_unique_id
    assert (await anna.stage.orders())[len(before) :] == ["edit make it brighter"]


@pytest.mark.parametrize(
    ("answer", "chosen"),
    [("the second one", (1,)), ("третью, пожалуйста", (2,)), ("all three", (0, 1, 2)), ("2", (1,))],
)
async def test_which_variant_is_meant_may_be_said_in_words(
    anna: User, answer: str, chosen: tuple[int, ...]
) -> None:
    variants = await three_variants(anna)
    await anna.ask("make it brighter")
    before = await anna.stage.orders()

    await anna.say(answer)
    await all_done(anna)
    made = (await anna.results())[len(variants) :]
    await anna.order("the second one")

    assert [await source_of(anna.stage, each) for each in made] == [
        variants[at].photo_unique_id for at in chosen
    ]
    assert (await anna.stage.orders())[len(before) :] == ["edit make it brighter"] * len(chosen)


async def test_which_of_two_ships_is_said_by_what_is_in_it(anna: User) -> None:
    ships = [await anna.order(f"a ship in {each}") for each in ("oils", "the fog")]
    await anna.order("a fox")
    await anna.ask("put a flag on the ship", fits=has_buttons)

    changed = await anna.order("the one in oils")

    assert await source_of(anna.stage, changed) == ships[0].photo_unique_id
    assert (await anna.stage.orders())[-1] == "edit put a flag on the ship"


async def test_options_alone_repeat_the_variant_that_is_named(anna: User) -> None:
    variants = await three_variants(anna)

    again = await anna.order("второй в 16:9")
    before = await anna.order("undo")

    assert again.text == "a fox"
    assert before.photo_unique_id == variants[1].photo_unique_id


async def test_a_variant_that_is_being_made_is_changed_when_it_is_there(anna: User) -> None:
    await anna.say(f"a fox {SLOW}, 3 variants")
    await anna.heard(rests=False)

    await anna.ask("второй поярче", fits=lambda m: m.text == t("ru", "job_waiting_picture"))
    listed = await anna.ask("/queue", fits=lambda m: ": 4" in m.text)
    await all_done(anna)

    results = {message.text[:3]: message for message in await anna.results()}
    assert [line[:8] for line in listed.text.splitlines()[1:4]] == [
        f"{number}. {number}/3 ·"[:8] for number in (1, 2, 3)
    ]
    changed = results.pop("✏️ ")
    assert await source_of(anna.stage, changed) == results["2/3"].photo_unique_id


MISSING = {"number": 5, "known": "1, 2, 3"}


@pytest.mark.parametrize(
    ("text", "words", "answer"),
    [
        ("пятый поярче", "a fox, 3 variants", t("ru", "variant_missing", **MISSING)),
        ("use the fifth", "a fox, 3 variants", t("en", "variant_missing", **MISSING)),
        ("make the second one brighter", "", t("en", "variants_none")),
        ("the original", "", t("en", "undo_nothing")),
    ],
)
async def test_a_number_without_a_picture_is_answered_and_costs_nothing(
    anna: User, text: str, words: str, answer: str
) -> None:
    if words:
        await three_variants(anna, words)
    else:
        await anna.order("a fox")
    before = await anna.stage.orders()

    told = await anna.ask(text)

    assert told.text == answer
    assert await anna.stage.orders() == before


async def test_one_goes_back_to_any_version_and_forth_again(anna: User) -> None:
    versions = [await anna.order("a fox")]
    versions += [await anna.order(text) for text in ("make it darker", "add a hat", "add a boat")]
    before = await anna.stage.orders()

    texts = ("верни первую", "верни обратно", "undo", "undo", "put it back", "put it back")
    texts = (*texts, "back to the original", "верни вторую")
    shown = [await anna.order(text) for text in texts]

    ids = [each.photo_unique_id for each in versions]
    numbers = [ids.index(each.photo_unique_id) + 1 for each in shown]
    assert numbers == [1, 4, 3, 2, 3, 4, 1, 2]
    assert await anna.stage.orders() == before


async def test_the_original_of_a_photo_is_the_photo(anna: User) -> None:
    changed = await anna.order("make it darker", jpeg("cat", (320, 240)))
    await anna.order("add a hat")

    original = await anna.order("the original")
    back = await anna.order("put it back")

    assert original.text == t("en", "undo_original")
    assert original.photo_unique_id == await source_of(anna.stage, changed)
    assert back.text == "✏️ add a hat"


async def test_in_a_group_the_variants_are_those_of_the_newest(simulated_stage: Stage) -> None:
    ann, bob = await open_group(simulated_stage)
    await bob.order("/create an owl")
    variants = await three_variants(ann, "/create a fox, 3 variants")

    changed = await bob.order(f"{BOT_NAME} make the second one darker")
    again = await ann.ask(f"{BOT_NAME} another one", fits=is_picture)

    assert await source_of(simulated_stage, changed) == variants[1].photo_unique_id
    assert again.text == "✏️ make it darker"
