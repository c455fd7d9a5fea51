"""What became of each order, by what stands in the chat: no bot's own word is asked."""

import random
import tomllib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from imgbot.domain.intents.facts import PendingQuestion
from imgbot.domain.words import read
from imgbot.domain.words.chat import ChatPicture, ChatState
from imgbot.domain.words.reading import Order
from imgbot.sandbox import load_users
from imgbot.sandbox.load_orders import LoadOrder, OrderOutcome, wrong_charges
from imgbot.sandbox.load_users import PEAK_SHARE, USUAL_EVERY_S, LoadUsers, order_times
from imgbot.sandbox.server import new_token
from imgbot.sandbox.state import FIRST_USER_ID, Chat, Post, Query, SandboxState
from tests.fixtures.photos import save_photo

Json = dict[str, Any]

READY: Json = {"text": "Ready!"}
REFUSAL: Json = {"text": "Not this time"}
ACCEPTED = "Got it"
PASSING = {READY["text"], ACCEPTED}


def with_button(content: Json, data: str) -> Json:
    button = {"text": "a button", "callback_data": data}
    return content | {"reply_markup": {"inline_keyboard": [[button]]}}


TAKEN = with_button({"text": "In the queue"}, "cancel:7")
SHOWN = with_button({"photo": [{"file_id": "x"}]}, "edit:7")
CHARGE: Json = {"task_id": "t", "client_id": "0a1b-7", "charged_usd": 0.04}


@pytest.fixture
async def state() -> AsyncIterator[SandboxState]:
    state = SandboxState(new_token())
    state.add_user("Anna", "", "en")
    yield state
    state.close()


def order_after(
    state: SandboxState,
    *said: Json,
    toast: str = "",
    is_made: bool = True,
    is_moderated: bool = False,
) -> LoadOrder:
    """Return an order to which the bot has said so much."""
    chat = state.chats[FIRST_USER_ID]
    asked = state.add_post(chat, state.users[chat.id], {"text": "a fox"})
    order = LoadOrder(chat, asked.id, way="words", is_made=is_made, is_moderated=is_moderated)
    order.query = Query(chat.id, chat.id, 0.0, is_answered=True, answer=toast)
    for content in said:
        taken = [p for p in chat.posts.values() if p.message.get("text") == TAKEN["text"]]
        if taken and (content is SHOWN or content is REFUSAL):
            # As the bot does it: the message that was there becomes the end.
            state.change_post(chat, taken[0], content)
        else:
            state.add_post(chat, state.bot, content)
    order.until_id = max(chat.posts) + 1
    return order


@pytest.mark.parametrize(
    ("said", "toast", "outcome"),
    [
        ((TAKEN, SHOWN), "", OrderOutcome.DELIVERED),
        ((TAKEN, SHOWN, READY), "", OrderOutcome.DELIVERED),
        ((REFUSAL,), "", OrderOutcome.REFUSED),
        ((TAKEN, REFUSAL), "", OrderOutcome.FAILED),
        ((), "", OrderOutcome.LOST),
        ((TAKEN,), "", OrderOutcome.WAITING),
        ((TAKEN, READY), "", OrderOutcome.WAITING),
        ((READY,), "", OrderOutcome.LOST),
        ((SHOWN, SHOWN), "", OrderOutcome.DOUBLED),
        ((SHOWN, REFUSAL), "", OrderOutcome.DOUBLED),
        ((SHOWN, TAKEN), "", OrderOutcome.DOUBLED),
        # A press may be refused in its answer alone.
        ((), "The queue is full", OrderOutcome.REFUSED),
        ((TAKEN,), "The queue is full", OrderOutcome.WAITING),
        ((TAKEN, SHOWN), "The queue is full", OrderOutcome.DELIVERED),
        ((), ACCEPTED, OrderOutcome.LOST),
    ],
)
def test_an_order_ends_in_one_picture_or_one_sentence(
    state: SandboxState, said: tuple[Json, ...], toast: str, outcome: OrderOutcome
) -> None:
    order = order_after(state, *said, toast=toast)

    assert order.outcome(PASSING) is outcome
    if outcome in {OrderOutcome.LOST, OrderOutcome.WAITING}:
        assert order.outcome(PASSING, is_whole=False) is OrderOutcome.OPEN


def test_a_dialogue_may_be_refused_half_way_or_by_the_rules_or_stop(state: SandboxState) -> None:
    question: Json = {"text": "Which photo?"}

    half = order_after(state, question, is_made=False, toast="Too many at once")
    forbidden = order_after(state, TAKEN, REFUSAL, is_moderated=True)
    stopped = order_after(state, question, is_made=False)

    assert half.outcome(PASSING) is forbidden.outcome(PASSING) is OrderOutcome.REFUSED
    assert stopped.outcome(PASSING) is OrderOutcome.LOST
    assert stopped.description(PASSING) == f"chat {FIRST_USER_ID}, words | Which photo?"


@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize(
    "chat", [ChatState(pending=PendingQuestion.CHANGE, asked="1"), ChatState(replied="1")]
)
def test_users_change_a_picture_in_words_that_are_not_asked_about(
    language: str, chat: ChatState
) -> None:
    tables = tomllib.loads(Path(load_users.__file__).with_suffix(".toml").read_text())

    chat = replace(chat, pictures=(ChatPicture("1"),))
    found = {text: read(text, chat) for text in tables["texts"][language]["change"]}

    assert [text for text, each in found.items() if not isinstance(each, Order)] == []


@pytest.mark.parametrize(
    ("charges", "wrong"),
    [
        ([CHARGE], 0),
        ([CHARGE, CHARGE], 1),
        ([CHARGE, CHARGE | {"client_id": "0a1b-8"}], 1),
        # Of a provider that knows nothing of our jobs the sum tells.
        ([CHARGE | {"client_id": ""}], 0),
        ([CHARGE | {"client_id": ""}] * 2, 1),
    ],
)
def test_a_picture_is_charged_once(state: SandboxState, charges: list[Json], wrong: int) -> None:
    outcomes = {order_after(state, TAKEN, SHOWN): OrderOutcome.DELIVERED}

    assert wrong_charges(outcomes, charges, PASSING) == wrong
    # A picture on its way is no wrong charge.
    for outcome in (OrderOutcome.WAITING, OrderOutcome.OPEN):
        assert wrong_charges({order_after(state, TAKEN): outcome}, charges[:1], PASSING) == 0


async def test_an_answer_after_all_patience_counts_in_the_times(state: SandboxState) -> None:
    users = LoadUsers(state, PASSING, 0.0, ("words",))
    await users.gather(1, seed=1)
    await users.run(0.01)
    [order] = users.orders
    taken = state.add_post(order.chat, state.bot, TAKEN)
    assert order.outcome(PASSING) is OrderOutcome.WAITING

    state.change_post(order.chat, taken, SHOWN)
    users.look_at_all()

    assert order.outcome(PASSING) is OrderOutcome.DELIVERED
    assert order.seconds is not None


async def test_a_user_whose_press_is_refused_waits_for_nothing_more(
    state: SandboxState, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = LoadUsers(state, PASSING, 3600.0, ("menu",))
    await users.gather(1, seed=1)
    for chat in state.chats.values():
        state.add_post(chat, state.bot, with_button({"text": "Welcome"}, "start:create"))
    press = users.acts.press

    def press_refused(*given: Any) -> Json:
        pressed = press(*given)
        query = state.queries[pressed["callback_query_id"]]
        query.is_answered, query.answer = True, "Already on it"
        return pressed

    monkeypatch.setattr(users.acts, "press", press_refused)

    await users.run(0.01)

    assert [order.outcome(PASSING) for order in users.orders] == [OrderOutcome.REFUSED]


async def test_photos_of_one_order_are_never_the_same(
    state: SandboxState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = [Path(save_photo(name, tmp_path)) for name in ("cat", "astronaut")]
    add_post = state.add_post
    question = with_button({"text": "The second photo, please"}, "merge:7")

    def add_and_answer(chat: Chat, sender: Json, *given: Any, **named: Any) -> Post:
        post = add_post(chat, sender, *given, **named)
        if sender is not state.bot:
            add_post(chat, state.bot, question)
        return post

    monkeypatch.setattr(state, "add_post", add_and_answer)
    users = LoadUsers(state, PASSING, 0.0, ("merge",))

    await users.gather(20, seed=1, photos=photos)
    await users.run(0.01)

    for order in users.orders:
        sent = [p.message["photo"] for p in order.chat.posts.values() if "photo" in p.message]
        assert len({sizes[-1]["file_unique_id"] for sizes in sent}) == 2


def test_users_order_at_the_guides_rate_and_once_more_in_the_peak() -> None:
    times = [order_times(300.0, USUAL_EVERY_S, random.Random(number)) for number in range(300)]

    assert all(sum(at_s >= 300 * (1 - PEAK_SHARE) for at_s in of_one) == 1 for of_one in times)
    # Once in a quarter of an hour: 300 users in four minutes order some 80 times.
    assert 50 < sum(map(len, times)) - 300 < 110
