"""What became of each order, by what stands in the chat: no bot's own word is asked."""

import random
from collections.abc import AsyncIterator
from typing import Any

import pytest

from imgbot.sandbox.load.orders import Charges, OrderLedger, OrderOutcome, PlacedOrder, reconcile
from imgbot.sandbox.load.plan import PEAK_SHARE, Scenario, Way, plan
from imgbot.sandbox.load.users import LoadUsers
from imgbot.sandbox.server import new_token
from imgbot.sandbox.state import FIRST_USER_ID, Query, SandboxState

Json = dict[str, Any]

BELL: Json = {"text": "Ready!"}
SORRY: Json = {"text": "Not this time"}


def with_button(content: Json, data: str) -> Json:
    button = {"text": "a button", "callback_data": data}
    return content | {"reply_markup": {"inline_keyboard": [[button]]}}


TAKEN = with_button({"text": "Got it"}, "cancel:7")
SHOWN = with_button({"photo": [{"file_id": "x"}]}, "edit:7")
CHARGE: Json = {"task_id": "t", "client_id": "0a1b-7", "charged_usd": 0.04}


@pytest.fixture
async def world() -> AsyncIterator[SandboxState]:
    world = SandboxState(new_token())
    world.add_user("Anna", "", "en")
    yield world
    world.close()


def books_after(
    world: SandboxState,
    *said: Json,
    ledger: list[Json] | None = None,
    is_moderated: bool = False,
    is_made: bool = True,
    is_whole: bool = True,
    toast: str = "",
) -> OrderLedger:
    """The books of one order, to which the bot has said so much."""
    chat = world.chats[FIRST_USER_ID]
    scenario = Scenario(0.0, 0, Way.WORDS, 1, is_moderated)
    asked = world.add_post(chat, world.users[chat.id], {"text": "a fox"})
    order = PlacedOrder(scenario, chat.id, 0, asked.id, is_made=is_made)
    order.query = Query(chat.id, chat.id, 0.0, is_answered=True, answer=toast)
    for content in said:
        if content is SHOWN or (content is SORRY and len(said) > 1):
            # As the bot does it: the message that was there becomes the end.
            open_ = [p for p in chat.posts.values() if p.message.get("text") == TAKEN["text"]]
            if open_:
                world.change_post(chat, open_[0], content)
                continue
        world.add_post(chat, world.bot, content)
    charged = [CHARGE] if ledger is None else ledger
    return reconcile([order], world.chats, charged, {BELL["text"]}, is_whole=is_whole)


@pytest.mark.parametrize(
    ("said", "fate"),
    [
        ((TAKEN, SHOWN), OrderOutcome.DELIVERED),
        ((TAKEN, SHOWN, BELL), OrderOutcome.DELIVERED),
        ((SORRY,), OrderOutcome.REFUSED),
        ((TAKEN, SORRY), OrderOutcome.FAILED),
        ((), OrderOutcome.LOST),
        ((TAKEN,), OrderOutcome.WAITING),
        ((TAKEN, BELL), OrderOutcome.WAITING),
        ((BELL,), OrderOutcome.LOST),
        ((SHOWN, SHOWN), OrderOutcome.DOUBLED),
        ((SHOWN, SORRY), OrderOutcome.DOUBLED),
        ((SHOWN, TAKEN), OrderOutcome.DOUBLED),
    ],
)
def test_an_order_ends_in_one_picture_or_one_sentence(
    world: SandboxState, said: tuple[Json, ...], fate: OrderOutcome
) -> None:
    assert books_after(world, *said).count(fate) == 1


@pytest.mark.parametrize(
    ("said", "fate"),
    [
        ((), OrderOutcome.REFUSED),
        ((TAKEN,), OrderOutcome.WAITING),
        ((TAKEN, SHOWN), OrderOutcome.DELIVERED),
    ],
)
def test_a_press_may_be_refused_in_its_answer_alone(
    world: SandboxState, said: tuple[Json, ...], fate: OrderOutcome
) -> None:
    assert books_after(world, *said, toast="The queue is full").count(fate) == 1


def test_a_dialogue_may_be_refused_half_way_and_by_the_rules(world: SandboxState) -> None:
    question: Json = {"text": "What shall change?"}

    half = books_after(world, question, question, is_made=False, toast="Too many at once")
    forbidden = books_after(world, TAKEN, SORRY, ledger=[], is_moderated=True)

    assert half.count(OrderOutcome.REFUSED) == forbidden.count(OrderOutcome.REFUSED) == 1


def test_a_dialogue_that_stops_half_way_is_a_lost_order(world: SandboxState) -> None:
    books = books_after(world, {"text": "Which photo?"}, is_made=False)

    assert books.count(OrderOutcome.LOST) == 1
    assert books.amiss() == [f"lost: chat {FIRST_USER_ID}, words | Which photo?"]


@pytest.mark.parametrize(
    ("ledger", "twice", "in_vain"),
    [
        ([CHARGE], 0, 0),
        ([CHARGE, CHARGE], 1, 0),
        ([CHARGE, CHARGE | {"client_id": "0a1b-8"}], 0, 1),
        # Of a provider that knows nothing of our jobs the sum tells.
        ([CHARGE | {"client_id": ""}], 0, 0),
        ([CHARGE | {"client_id": ""}] * 2, 1, 0),
    ],
)
def test_a_picture_is_charged_once(
    world: SandboxState, ledger: list[Json], twice: int, in_vain: int
) -> None:
    charges = books_after(world, TAKEN, SHOWN, ledger=ledger).charges

    assert (charges.twice, charges.in_vain) == (twice, in_vain)


@pytest.mark.parametrize("client_id", ["7", ""], ids=["named", "unnamed"])
@pytest.mark.parametrize("is_whole", [True, False], ids=["waiting", "cut short"])
def test_a_picture_on_its_way_is_no_wrong_charge(
    world: SandboxState, client_id: str, is_whole: bool
) -> None:
    ledger = [CHARGE | {"client_id": client_id}]

    books = books_after(world, TAKEN, ledger=ledger, is_whole=is_whole)

    assert books.charges == Charges(1)


async def test_an_answer_after_all_patience_counts_in_the_times(world: SandboxState) -> None:
    crowd = LoadUsers(world, 1, {BELL["text"]}, patience_s=0.0)
    await crowd.gather([])
    *_, chat = world.chats.values()
    chat.is_started = True
    await crowd.run([Scenario(0.0, 0, Way.WORDS, 1)])
    taken = world.add_post(chat, world.bot, TAKEN)
    before = reconcile(crowd.orders, world.chats, [CHARGE], {BELL["text"]})
    world.change_post(chat, taken, SHOWN)

    crowd.look_for_late()

    [ended] = reconcile(crowd.orders, world.chats, [CHARGE], {BELL["text"]}).ended
    assert before.count(OrderOutcome.WAITING) == 1
    assert ended.outcome is OrderOutcome.DELIVERED
    assert ended.seconds is not None


def test_a_plan_is_the_same_for_the_same_seed_and_ends_in_a_peak() -> None:
    scenarios = plan(300, 300.0, random.Random(1))

    assert scenarios == plan(300, 300.0, random.Random(1)) != plan(300, 300.0, random.Random(2))
    peak = [scenario for scenario in scenarios if scenario.is_in_peak]
    assert sorted(scenario.person for scenario in peak) == list(range(300))
    assert min(scenario.at_s for scenario in peak) >= 300 * (1 - PEAK_SHARE)
    # Once in a quarter of an hour: 300 people in four minutes order some 80 times.
    assert 50 < len(scenarios) - len(peak) < 110
    assert {scenario.way for scenario in scenarios} == set(Way)
