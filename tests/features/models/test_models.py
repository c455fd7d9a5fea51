"""Users choose a model, see its price, and are asked when it is gone."""

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from imgbot.domain.texts import t
from imgbot.storage import keys
from tests.fixtures.bot import with_terms
from tests.fixtures.drawings import drawn, loop, stored
from tests.fixtures.photos import load_photo
from tests.fixtures.sandbox import picture
from tests.fixtures.waiting import eventually
from tests.integration.stage import Stage, User, jpeg, open_stage

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

BEST = "simulated/best"
GONE = json.dumps({"create": "studio/withdrawn"})
REPLACED = "simulated/good"
"""The provider's file says that the best model takes the place of this one."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """Two models, the dearer one by the operator's list, and users who pay."""
    folder = tmp_path_factory.mktemp("models")
    settings = {
        "IMGBOT_PROVIDER": with_terms(folder, f'prices_usd = {{ edit = 0 }}\noffered = ["{BEST}"]'),
        "IMGBOT_PER_USER": "usd=9, running=1",
    }
    async for stage in open_stage(folder, **settings):
        await stage.control.set_provider(duration_s=[0, 0])
        yield stage


@pytest_asyncio.fixture(loop_scope="module")
async def bob(stage: Stage) -> User:
    return await stage.user("Bob")


async def spent_micro(user: User) -> int:
    async with user.stage.bot.redis() as redis:
        [day] = await redis.keys(f"{keys.SPEND}*")
        return int(await redis.hget(day, f"user:{user.id}") or 0)


async def models(user: User) -> list[str]:
    """Model and prompt of each of the user's orders, the usual one without a name."""
    tasks = user.stage.sandbox.providers["simulated"].ledger.tasks
    async with user.stage.bot.redis() as redis:
        installation = await redis.get(keys.INSTALLATION)
        own = [
            f"{installation}-{each}"
            for each in await redis.lrange(keys.HISTORY + str(user.id), 0, -1)
        ]
    return [
        f"{each.input.get('model', '')} {each.words}".strip()
        for each in tasks
        if each.client_id in own
    ]


async def order_slow(user: User) -> None:
    """Order a picture that is made until `finish_tasks`; return when the provider has the order."""
    earlier = len(await user.stage.orders())
    await user.say("a slow lake [[sim:slow=600]]")
    await eventually(
        user.stage.orders, lambda orders: any("slow" in each for each in orders[earlier:])
    )


async def test_a_choice_in_the_settings_stays_and_is_charged_as_shown(bob: User) -> None:
    panel = await bob.press(await bob.ask("/settings"), "Models")
    offered = await bob.press(panel, "Create a picture")
    chosen = await bob.press(offered, "Fine Brush")
    await bob.order("a red fox")
    await bob.order("put a hat on it", picture())

    assert "• Sketch · $0.04 — quick drafts\n• Fine Brush · $0.07 — the best" in offered.text
    labels = [[each["text"] for each in panel.buttons[:2]] for panel in (offered, chosen)]
    assert labels == [
        ["✓ Sketch · $0.04", "Fine Brush · $0.07"],
        ["Sketch · $0.04", "✓ Fine Brush · $0.07"],
    ]
    # A choice is for one operation.
    await eventually(lambda: models(bob), [f"{BEST} a red fox", "put a hat on it"].__eq__)
    await eventually(lambda: spent_micro(bob), (70_000).__eq__)


async def test_the_same_picture_is_made_with_another_model_by_a_button_that_tells_its_price(
    bob: User,
) -> None:
    result = await bob.order("a red fox")
    panel = await bob.click(await bob.unfold(result), "Model")
    chosen = await bob.press(panel, "Fine Brush")
    await eventually(lambda: models(bob), ["a red fox"].__eq__)
    label = "Make this again: Fine Brush · $0.07"
    # As if the label told another price.
    stale = chosen.button(label)["callback_data"].rpartition(".")[0] + ".00000000"
    assert await bob.press_again(chosen, stale) == [t("en", "price_changed_short")]
    await bob.click(chosen, label, lambda m: m.photo_id)

    await eventually(lambda: models(bob), ["a red fox", f"{BEST} a red fox"].__eq__)
    receipt = await bob.click(await bob.unfold((await bob.results())[-1]), "ℹ️")
    assert "Model: Fine Brush\n" in receipt.text
    assert "Price: $0.07" in receipt.text


async def test_two_models_make_one_picture_each_at_prices_that_are_shown_before(
    bob: User,
) -> None:
    asked = await bob.ask("a red fox, compare sketch and fine brush")
    assert not await bob.results()
    await bob.toast(asked, "Two at once: Sketch · $0.04 + Fine Brush · $0.07")

    async def captions() -> list[str]:
        return sorted(each.text for each in await bob.results())

    await eventually(
        captions, ["1/2 · a red fox\n🎛 Sketch", "2/2 · a red fox\n🎛 Fine Brush"].__eq__
    )
    assert sorted(await models(bob)) == ["a red fox", f"{BEST} a red fox"]
    await eventually(lambda: spent_micro(bob), (110_000).__eq__)


async def test_models_that_are_compared_name_no_earlier_picture(bob: User) -> None:
    await bob.order("a fox")
    await bob.order("a hare")
    await bob.order("make it darker", jpeg("cat"))

    asked = await bob.ask("a red fox, compare sketch and fine brush")
    assert asked.text == t("en", "ask_beside")


async def test_two_at_once_stands_under_the_choice_of_a_model(bob: User) -> None:
    result = await bob.order("a red fox")
    panel = await bob.click(await bob.unfold(result), "Model")
    label = "Two at once: Sketch · $0.04 + Fine Brush · $0.07"
    pressed = panel.button(label)["callback_data"]
    # As if it told another price.
    stale = pressed.rpartition(".")[0] + ".00000000"
    assert await bob.press_again(panel, stale) == [t("en", "beside_gone")]
    await bob.press_again(panel, pressed)

    await eventually(lambda: models(bob), ["a red fox", "a red fox", f"{BEST} a red fox"].__eq__)


async def test_words_choose_a_model_for_one_picture(bob: User) -> None:
    await bob.order("a red fox")
    await bob.order("the same with fine brush")
    await bob.order("a girl with a fine hat")

    await eventually(
        lambda: models(bob),
        [
            "a red fox",
            f"{BEST} a red fox",
            "a girl with a fine hat",
        ].__eq__,
    )


@pytest.mark.parametrize(
    ("own", "words"),
    [("", "a blue whale in the best quality"), (BEST, f"{BEST} a blue whale")],
)
async def test_the_best_quality_is_a_model_only_if_that_costs_no_more(
    bob: User, own: str, words: str
) -> None:
    async with bob.stage.bot.redis() as redis:
        await redis.hset(f"{keys.USER}{bob.id}", "models", json.dumps({"create": own}))
    await bob.order("a blue whale in the best quality")

    await eventually(lambda: models(bob), [words].__eq__)


@pytest.mark.parametrize(
    "words",
    [
        "redo in the highest quality",
        "the same in the best quality",
        "то же самое в лучшем качестве",
    ],
)
async def test_the_same_in_the_best_quality_is_asked_about_where_that_costs_more(
    bob: User, words: str
) -> None:
    await bob.order("a blue whale")
    question = await bob.ask(words)
    before = await models(bob)
    [again] = [each["text"] for each in question.buttons]
    await bob.click(question, again, lambda m: m.photo_id)

    assert before == ["a blue whale"]
    assert "Fine Brush · $0.07" in question.text
    assert again.endswith("Fine Brush · $0.07")
    await eventually(lambda: models(bob), ["a blue whale", f"{BEST} a blue whale"].__eq__)


async def test_the_chosen_model_changes_the_whole_photo_if_its_drawing_is_not_meant(
    bob: User,
) -> None:
    async with bob.stage.bot.redis() as redis:
        await redis.hset(f"{keys.USER}{bob.id}", "models", json.dumps({"edit": BEST}))
    cat = load_photo("cat").resize((450, 300))
    [photo] = await bob.photos(stored(cat))
    line = stored(drawn(cat, loop(0.45, 0.45, 0.2, gap=0.12), width=0.01))
    asked = await bob.order("make this red", line, reply_to=photo.id)
    await bob.click(asked, "The whole photo", lambda m: m.photo_id)

    await eventually(lambda: models(bob), [f"{BEST} make this red"].__eq__)


async def test_a_model_that_is_gone_orders_nothing_until_the_usual_one_is_taken(bob: User) -> None:
    async with bob.stage.bot.redis() as redis:
        await redis.hset(f"{keys.USER}{bob.id}", "models", GONE)
    refusal = await bob.ask("a green hill")
    before = await bob.results()
    await bob.click(refusal, "Use the usual model", lambda m: m.photo_id)

    assert refusal.text == t("en", "model_gone", model="withdrawn", usual="Sketch · $0.04")
    assert before == []
    await eventually(lambda: models(bob), ["a green hill"].__eq__)
    await bob.order("a blue lake")


async def test_an_order_for_a_model_that_is_gone_ends_with_a_sentence_and_costs_nothing(
    bob: User,
) -> None:
    await order_slow(bob)
    await bob.say("a green hill, with fine brush")
    async with bob.stage.bot.redis() as redis:
        waiting = await eventually(lambda: redis.lrange(keys.QUEUE, 0, -1))
        # As if the operator had withdrawn it, and started the bot again.
        await redis.hset(f"{keys.JOB}{waiting[0]}", "model", "studio/withdrawn")
    after = await bob.control.last_seq()
    bob.stage.finish_tasks()
    failed = await bob.wait(lambda m: "withdrawn" in m.text, after=after)
    await bob.click(failed, "Try again", lambda m: m.photo_id)

    assert failed.text == t("en", "model_withdrawn", model="withdrawn", usual="Sketch") + " " + t(
        "en", "charge_no"
    )
    await eventually(lambda: models(bob), ["a slow lake", "a green hill"].__eq__)
    await eventually(lambda: spent_micro(bob), (80_000).__eq__)


async def test_a_model_that_was_replaced_is_the_new_one_in_all_that_is_stored(bob: User) -> None:
    async with bob.stage.bot.redis() as redis:
        await redis.hset(f"{keys.USER}{bob.id}", "models", json.dumps({"create": REPLACED}))
        panel = await bob.press(await bob.ask("/settings"), "Models")
        offered = await bob.press(panel, "Create a picture")
        result = await bob.order("a green hill")
        job = result.button("Again")["callback_data"].partition(":")[2]
        await eventually(lambda: redis.hget(f"{keys.RESULT}{job}", "model"))
        await redis.hset(f"{keys.RESULT}{job}", "model", REPLACED)
        await bob.click(result, "Again", lambda m: m.photo_id)
        await order_slow(bob)
        await bob.say("a blue sea")
        [waiting] = await eventually(lambda: redis.lrange(keys.QUEUE, 0, -1))
        await redis.hset(f"{keys.JOB}{waiting}", "model", REPLACED)
    bob.stage.finish_tasks()

    assert "✓ Fine Brush · $0.07" in [each["text"] for each in offered.buttons]
    words = ["a green hill", "a green hill", "a slow lake", "a blue sea"]
    await eventually(lambda: models(bob), [f"{BEST} {each}" for each in words].__eq__)
