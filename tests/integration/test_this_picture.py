"""Which picture a text means that names none."""

import json
from collections.abc import Awaitable, Callable

import pytest

from imgbot.domain.texts import t
from imgbot.storage import keys
from tests.fixtures.sandbox import Message
from tests.fixtures.waiting import eventually
from tests.integration.stage import BOT_NAME, Stage, User, has_buttons, is_picture, jpeg, open_group

pytestmark = [
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.usefixtures("undisturbed"),
]

REFUSED = "make it rude [[sim:moderated]]"


def is_refusal(message: Message) -> bool:
    return message.text == t("en", "provider_moderated")


async def source_of(stage: Stage, result: Message) -> str:
    """Unique id of the picture that a result was made of."""
    [*_, undo] = result.buttons
    job_id = undo["callback_data"].removeprefix("undo:")
    async with stage.bot.redis() as redis:
        sources = await eventually(lambda: redis.hget(f"{keys.RESULT}{job_id}", "sources"))
    [[_, unique_id, *_]] = json.loads(str(sources))
    return unique_id


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


@pytest.mark.parametrize(
    "meant",
    [
        refused_photo,
        photo_of_a_closed_question,
        photo_of_a_refused_operation,
        refused_change_of_an_older_picture,
    ],
)
@pytest.mark.parametrize("text", ["ok then make it darker", "ладно тогда сделай чб"])
async def test_a_picture_stays_the_one_that_is_meant(
    simulated_stage: Stage, meant: Callable[[User], Awaitable[Message]], text: str
) -> None:
    user = await simulated_stage.user()
    await user.order("a fox")
    await user.order("an owl")

    picture = await meant(user)
    changed = await user.order(text)

    assert await source_of(simulated_stage, changed) == picture.photo_unique_id


@pytest.mark.parametrize("caption", ["side by side [[sim:moderated]]", ""])
async def test_none_of_several_photos_is_guessed(simulated_stage: Stage, caption: str) -> None:
    user = await simulated_stage.user()
    await user.order("a fox")
    await user.ask(caption, *[jpeg("cat", (width, 240)) for width in (320, 240)])
    if not caption:
        await user.ask("/cancel")
    heard, before = await user.heard(), await simulated_stage.orders()

    await user.say("make it darker")

    [answer] = (await user.heard())[len(heard) :]
    assert answer.text == t("en", "nothing_to_change")
    assert await simulated_stage.orders() == before


async def test_a_change_of_a_picture_that_is_being_made_is_told_when_it_can_be(
    simulated_stage: Stage,
) -> None:
    user = await simulated_stage.user()
    await user.ask("a fox [[sim:slow=5]]")

    await user.say("make it darker")

    await user.wait(lambda m: m.text == t("en", "not_made_yet"))
    await user.wait(is_picture)


async def test_in_a_group_it_is_the_newest_of_all(simulated_stage: Stage) -> None:
    ann, bob = await open_group(simulated_stage)
    await ann.order("/create a fox")
    owl = await bob.order("/create an owl")

    changed = await ann.order(f"{BOT_NAME} make it darker")

    assert await source_of(simulated_stage, changed) == owl.photo_unique_id
