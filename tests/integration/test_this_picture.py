"""Which picture a text means that names none."""

import time
from collections.abc import Awaitable, Callable

import pytest

from imgbot.domain.texts import LANGUAGES, t
from imgbot.storage import keys
from tests.fixtures.sandbox import Message
from tests.fixtures.waiting import eventually
from tests.integration.stage import (
    BOT_NAME,
    UNDISTURBED,
    Stage,
    User,
    has_buttons,
    jpeg,
    open_group,
    source_of,
)

pytestmark = UNDISTURBED

REFUSED = "make it much brighter [[sim:moderated]]"


def is_refusal(message: Message) -> bool:
    return message.text == t("en", "provider_moderated")


async def sent(user: User, caption: str, fits: Callable[[Message], object]) -> Message:
    """Send a photo, and wait for the answer that fits."""
    after = await user.control.last_seq()
    [photo] = await user.photos(jpeg("cat", (320, 240)), caption=caption)
    await user.wait(fits, after=after)
    return photo


async def refused_photo(user: User) -> Message:
    return await sent(user, REFUSED, is_refusal)


async def photo_of_a_closed_question(user: User) -> Message:
    photo = await sent(user, "", has_buttons)
    await user.ask("/cancel")
    return photo


async def photo_of_a_refused_operation(user: User) -> Message:
    await user.ask("/edit")
    photo = await sent(user, "", lambda message: message.text == t("en", "ask_edit_words"))
    await user.ask(REFUSED, fits=is_refusal)
    return photo


async def refused_change_of_an_older_picture(user: User) -> Message:
    [first, *_] = await user.results()
    await user.ask(REFUSED, fits=is_refusal, reply_to=first.id)
    return first


async def older_picture_that_was_replied_to(user: User) -> Message:
    [first, *_] = await user.results()
    await user.ask("thanks", reply_to=first.id)
    return first


@pytest.mark.parametrize(
    "meant",
    [
        older_picture_that_was_replied_to,
        refused_photo,
        photo_of_a_closed_question,
        photo_of_a_refused_operation,
        refused_change_of_an_older_picture,
    ],
)
async def test_a_picture_stays_the_one_that_is_meant(
    anna: User, meant: Callable[[User], Awaitable[Message]]
) -> None:
    await anna.order("a fox")
    await anna.order("an owl")

    picture = await meant(anna)
    changed = await anna.order("ok then make it darker")

    assert await source_of(anna.stage, changed) == picture.photo_unique_id


@pytest.mark.parametrize("caption", ["side by side [[sim:moderated]]", ""])
async def test_none_of_several_photos_is_guessed(anna: User, caption: str) -> None:
    await anna.order("a fox")
    await anna.ask(caption, *[jpeg("cat", (width, 240)) for width in (320, 240)])
    if not caption:
        await anna.ask("/cancel")
    heard, before = await anna.heard(), await anna.stage.orders()

    await anna.say("make it darker")

    [answer] = (await anna.heard())[len(heard) :]
    assert answer.text == t("en", "ask_which")
    assert len(answer.buttons) == 2
    assert await anna.stage.orders() == before


async def test_in_a_group_it_is_ones_own_or_else_the_newest(simulated_stage: Stage) -> None:
    ann, bob = await open_group(simulated_stage)
    fox = await ann.order("/create a fox")
    first = await bob.order(f"{BOT_NAME} make it darker")
    await bob.order("/create an owl")

    second = await ann.order(f"{BOT_NAME} make it darker")

    sources = [await source_of(simulated_stage, each) for each in (first, second)]
    assert sources == [fox.photo_unique_id] * 2


async def test_in_a_topic_it_is_of_that_topic(simulated_stage: Stage) -> None:
    ann, _ = await open_group(simulated_stage, is_forum=True)
    fox = await ann.order("/create a fox", thread_id=7)
    await ann.order("/create an owl", thread_id=8)

    darker = await ann.order(f"{BOT_NAME} make it darker", thread_id=7)
    refusal = await ann.ask(f"{BOT_NAME} make it darker", thread_id=9)

    assert await source_of(simulated_stage, darker) == fox.photo_unique_id
    assert refusal.text == t("en", "nothing_to_change")


async def test_a_text_in_a_topic_answers_no_question_of_another(simulated_stage: Stage) -> None:
    ann, _ = await open_group(simulated_stage, is_forum=True)
    owl = await ann.order("/create an owl", thread_id=8)
    await ann.photos(jpeg("cat"), caption=f"/edit{BOT_NAME}", thread_id=7)
    question = await ann.wait(lambda m: m.text == t("en", "ask_edit_words"))

    darker = await ann.order(f"{BOT_NAME} make it darker", thread_id=8)
    answer = await ann.order("make it red", thread_id=7, reply_to=question.id)

    assert await source_of(simulated_stage, darker) == owl.photo_unique_id
    assert answer.raw["message_thread_id"] == 7
    assert await source_of(simulated_stage, answer) != owl.photo_unique_id


async def test_a_reply_to_an_older_question_is_not_about_the_newer_photo(anna: User) -> None:
    asked = [
        await anna.ask("", jpeg(name, (320, 240)), fits=has_buttons)
        for name in ("cat", "astronaut")
    ]
    before = await anna.stage.orders()

    late = await anna.ask("make it red", reply_to=asked[0].id)
    unordered = await anna.stage.orders()
    [photo] = [m for m in await anna.control.messages(anna.id) if m.id == asked[1].id - 1]
    red = await anna.order("make it blue", reply_to=asked[1].id)

    assert late.text == t("en", "question_expired", minutes=15)
    assert unordered == before
    assert await source_of(anna.stage, red) == photo.photo_unique_id


async def test_a_question_by_name_that_is_over_is_not_about_a_newer_picture(
    simulated_stage: Stage,
) -> None:
    ann, bob = await open_group(simulated_stage)
    fox = await ann.order("/create a fox")
    question = await ann.click(fox, t("en", "button_edit"))
    await ann.order("/create a cat")
    await bob.order("/create an owl")
    before = await simulated_stage.orders()

    late = await ann.ask("make it red", reply_to=question.id)

    assert late.text == t("en", "question_expired", minutes=15)
    assert await simulated_stage.orders() == before


async def test_in_a_group_only_a_reply_answers_a_question(simulated_stage: Stage) -> None:
    ann, bob = await open_group(simulated_stage)
    [photo] = await ann.photos(jpeg("cat"), caption=f"/edit{BOT_NAME}")
    question = await ann.wait(lambda m: m.text == t("en", "ask_edit_words"))
    await bob.order("/create an owl")

    darker = await ann.order(f"{BOT_NAME} make it darker")
    before = await simulated_stage.orders()
    late = await ann.ask("make it red", reply_to=question.id)

    assert await source_of(simulated_stage, darker) == photo.photo_unique_id
    # That request has ended the question: which photo is meant is asked, and nothing is ordered.
    assert late.text == t("en", "question_expired", minutes=15)
    assert await simulated_stage.orders() == before


SLOW = "[[sim:slow=600]]"


def is_kept(message: Message) -> bool:
    return message.text == t("en", "job_waiting_picture")


async def being_made(user: User, words: str = "an owl") -> Message:
    """Order a picture, which is ready once the tasks are finished; return its status message."""
    return await user.ask(f"{words} {SLOW}", fits=has_buttons)


async def all_done(user: User) -> list[Message]:
    """Let all pictures be ready, and return all that was said."""
    async with user.stage.bot.redis() as redis:

        async def left() -> int:
            user.stage.finish_tasks()
            return len(await redis.keys(f"{keys.JOB}*"))

        await eventually(left, lambda count: not count)
    return await user.heard()


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("make it darker", "edit make it darker"),
        ("ой и добавь лодку", "edit добавь лодку"),
        ("remove the background", "removebg"),
        ("make it bigger", "upscale"),
    ],
)
async def test_what_is_said_while_the_picture_is_made_is_done_when_it_is_there(
    anna: User, text: str, order: str
) -> None:
    await anna.order("a fox")
    owl = await being_made(anna)

    kept = await anna.ask(text, fits=lambda each: each.buttons and each.id != owl.id)
    [*_, shown, changed] = await all_done(anna)

    assert kept.text in {t(language, "job_waiting_picture") for language in LANGUAGES}
    assert (shown.id, changed.id, changed.reply_to) == (owl.id, kept.id, owl.id)
    assert await source_of(anna.stage, changed) == shown.photo_unique_id
    assert (await anna.stage.orders())[-1] == order


async def test_changes_follow_each_other_through_a_kill(anna: User) -> None:
    await being_made(anna)

    for text in ("make it darker", "add a hat"):
        await anna.ask(text, fits=is_kept)
    await anna.stage.bot.kill()
    await anna.stage.bot.start()
    await all_done(anna)
    [owl, darker, hat] = await anna.results()

    assert await source_of(anna.stage, darker) == owl.photo_unique_id
    assert await source_of(anna.stage, hat) == darker.photo_unique_id


async def is_refused(user: User, _: Message) -> None:
    user.stage.finish_tasks()


async def is_cancelled(user: User, status: Message) -> None:
    await user.toast(status, "Cancel")


@pytest.mark.parametrize(
    ("words", "end"), [("an owl [[sim:moderated]]", is_refused), ("an owl", is_cancelled)]
)
async def test_a_change_of_a_picture_that_never_comes_ends_with_a_word(
    simulated_stage: Stage, words: str, end: Callable[[User, Message], Awaitable[None]]
) -> None:
    user, texts = await simulated_stage.user(), ("make it darker", "add a hat")
    status = await being_made(user, words)
    kept = [await user.ask(text, fits=is_kept) for text in texts]
    before = await simulated_stage.orders()

    await end(user, status)
    said = await all_done(user)

    ends = [t("en", "picture_never_came", words=text) for text in texts]
    assert [message.text for message in said[1:]] == ends
    assert [message.id for message in said[1:]] == [message.id for message in kept]
    assert await simulated_stage.orders() == before


async def test_a_change_read_after_its_picture_has_failed_changes_no_older_one(
    simulated_stage: Stage,
) -> None:
    user, control = await simulated_stage.user(), simulated_stage.control
    await user.order("a fox")
    owl = await being_made(user, "an owl [[sim:moderated]]")
    orders = await eventually(simulated_stage.orders, lambda found: found[-1] == "create an owl")
    await simulated_stage.bot.kill()
    change = await user.say("make it darker")
    await control.fault("getUpdates", "delay", times=100, delay_s=600)
    await simulated_stage.bot.start()
    # Messages are dated by the second, and so is the clock that they are compared with.
    await eventually(lambda: time.time() > change.raw["date"] + 4)

    simulated_stage.finish_tasks()
    await user.wait(lambda message: message.id == owl.id and is_refusal(message))
    await control.clear_faults()
    *_, told = await user.said()
    in_time = await user.order("make it darker")

    assert told == t("en", "picture_never_came", words="make it darker")
    assert in_time.text == "✏️ make it darker"
    assert (await simulated_stage.orders())[len(orders) :] == ["edit make it darker"]


@pytest.mark.parametrize("text", ["cancel", "undo"])
async def test_what_was_said_last_can_be_taken_back(anna: User, text: str) -> None:
    await being_made(anna)
    kept = await anna.ask("make it darker", fits=is_kept)
    listed = await anna.ask("/queue", fits=lambda each: each.text.startswith("Your pictures"))

    await anna.say(text)
    await anna.wait(lambda message: message.id == kept.id and message.text == t("en", "cancelled"))
    await all_done(anna)

    assert f"2. make it darker — {t('en', 'queue_awaits_picture')}" in listed.text
    assert [message.text for message in await anna.results()] == [f"an owl {SLOW}"]


async def test_an_unsure_text_may_be_about_the_picture_that_is_made(anna: User) -> None:
    await being_made(anna)

    question = await anna.ask("on the beach", fits=lambda m: m.text == t("en", "ask_meaning"))
    await anna.click(question, "Change this", is_kept)
    await all_done(anna)

    assert (await anna.stage.orders())[-1] == "edit on the beach"


async def test_a_reply_to_a_status_message_is_about_its_picture(anna: User) -> None:
    owl = await being_made(anna)
    await being_made(anna, "a hedgehog")

    kept = await anna.ask("make it darker", fits=is_kept, reply_to=owl.id)
    said = {message.id: message for message in await all_done(anna)}

    assert await source_of(anna.stage, said[kept.id]) == said[owl.id].photo_unique_id


async def test_another_one_repeats_the_picture_that_is_made(anna: User) -> None:
    await anna.order("a fox")
    owl = await being_made(anna)

    await anna.ask("another one", fits=lambda message: message.id != owl.id and message.buttons)
    await all_done(anna)

    assert (await anna.stage.orders())[-2:] == ["create an owl"] * 2


async def test_what_is_made_for_others_is_theirs(simulated_stage: Stage) -> None:
    ann, bob = await open_group(simulated_stage)
    await being_made(ann, "/create an owl")

    await bob.ask(
        f"{BOT_NAME} make it darker", fits=lambda m: m.text == t("en", "nothing_to_change")
    )
    await all_done(ann)

    assert (await simulated_stage.orders())[-1] == "create an owl"
