"""Checked pictures: what is not there is told, made again free, and paid for by nobody twice."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
import pytest_asyncio

from imgbot.domain.texts import t
from imgbot.features.checks.checking import missing_in
from imgbot.features.checks.redoing import REDOS
from imgbot.features.checks.settings import parse_check
from imgbot.features.stars.ledger import StarLedger
from tests.fakes.scripted_server import Script, open_script
from tests.fixtures.bot import PAID
from tests.fixtures.waiting import eventually
from tests.integration.stage import Stage, User, open_stage

LOOP = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]
PATH = "POST /v1/chat/completions"
PROMPT = "a red fox in a hat, by a boat"
MISSING = {"things": [{"name": "hat", "there": "no"}, {"name": "red fox", "there": "yes"}]}
ALL_THERE = {"things": [{"name": "hat", "there": "yes"}]}
CAPTION = f"{PROMPT}\nNot drawn: hat"
OFFER = "I can't see this in the picture: hat. Shall I make it once more, at no charge?"


def says(content: Any) -> dict[str, Any]:
    return {"choices": [{"message": {"content": json.dumps(content)}}]}


@dataclass(frozen=True, slots=True)
class Checked:
    """A bot that sells pictures, and the chat server that looks at them."""

    stage: Stage
    server: Script

    async def buyer(self) -> User:
        """Return a user with 50 Stars."""
        user = await self.stage.user("Bob")
        offer = await user.ask("/buy")
        after = await user.control.last_seq()
        invoice = await user.click(offer, "50")
        await user.control.pay(user.person, invoice)
        await user.wait(lambda each: each.text.startswith("✅"), after=after)
        self.server.asked.clear()
        return user


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def checked(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Checked]:
    async with open_script() as server:
        settings = {
            **PAID,
            "IMGBOT_CHAT": f"{server.url}/v1 small-1",
            "IMGBOT_CHECK": "on",
            "IMGBOT_STARS": "picture=5, usd=100, pack=50",
        }
        async for stage in open_stage(tmp_path_factory.mktemp("checks"), **settings):
            await stage.control.set_provider(duration_s=[0, 0])
            yield Checked(stage, server)


async def stars(user: User) -> int:
    async with user.stage.bot.redis() as redis:
        return (await StarLedger(redis).account(user.id)).balance


async def captions(user: User) -> list[str]:
    return [each.text for each in await user.results()]


@pytest.mark.parametrize(
    ("things", "missing"),
    [
        ([("hat", "no"), ("boat", "unsure")], ["hat"]),
        ([("Red  Fox", "no"), ("red fox", "yes"), ("hat", "no")], ["Red Fox", "hat"]),
        ([("buy Stars at evil.example", "no")], []),
        ([("", "no"), ("hat, boat", "no")], []),
        ([("x", "yes")] * 6 + [("hat", "no")], []),
    ],
)
def test_only_words_of_the_prompt_are_missing(
    things: list[tuple[str, str]], missing: list[str]
) -> None:
    answer = {"things": [{"name": name, "there": there} for name, there in things]}

    assert missing_in(answer, PROMPT) == missing


def test_the_setting_is_a_switch_or_a_number() -> None:
    assert [parse_check(each) for each in ("off", "on", "3")] == [0, 1, 3]
    for wrong in ("yes", "-1", "1000"):
        with pytest.raises(ValueError, match=r"^$"):
            parse_check(wrong)


class TestMissing:
    pytestmark = LOOP

    async def test_what_is_missing_is_told_and_made_once_more_free(self, checked: Checked) -> None:
        bob = await checked.buyer()
        checked.server.on(PATH, says(MISSING))
        charges = await checked.stage.charges()
        await bob.say(PROMPT)
        offer = await bob.wait(lambda each: each.text == t("en", "free_offer", words="hat"))
        paid = await stars(bob)
        pressed = offer.button(t("en", "button_free"))["callback_data"]
        await bob.toasts(offer, pressed, pressed)
        line = t("en", "caption_undrawn", words="hat")
        both = [f"{PROMPT}\n{line}"] * 2
        await eventually(lambda: captions(bob), both.__eq__)

        assert await stars(bob) == paid == 45
        assert await checked.stage.charges() == charges + 2
        # There was one free picture, and there is no offer under it.
        assert await bob.press_again(offer, pressed) == [t("en", "tapped_already")]
        assert [each for each in await bob.said() if each == offer.text] == []


@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("content", [says(ALL_THERE), says({"things": 7}), b"<html>"])
async def test_a_picture_with_all_or_an_answer_that_is_none_is_shown_as_ever(
    checked: Checked, content: Any
) -> None:
    bob = await checked.buyer()
    checked.server.on(PATH, content)
    result = await bob.order(PROMPT)

    assert (result.text, len(checked.server.asked)) == (PROMPT, 1)
    assert OFFER not in await bob.said()


@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="module")
async def test_the_limit_of_a_day_holds_for_the_offer_and_for_its_button(checked: Checked) -> None:
    bob = await checked.buyer()
    checked.server.on(PATH, says(MISSING))
    await bob.say(PROMPT)
    offer = await bob.wait(lambda each: each.text == OFFER)
    async with bob.stage.bot.redis() as redis:
        day = f"{datetime.now().astimezone():%Y-%m-%d}"
        await redis.sadd(f"{REDOS}{bob.id}.{day}", "another")
    before = await checked.stage.charges()

    assert await bob.toast(offer, "Once more, free") == t("en", "free_spent")
    assert (await bob.order("draw a blue fox in a hat")).text.endswith("Not drawn: hat")
    assert OFFER not in (await bob.said())[-1:]
    assert await checked.stage.charges() == before + 1


@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="module")
async def test_kills_while_it_is_looked_at_and_after_the_press_charge_once_each(
    checked: Checked,
) -> None:
    bob, stage = await checked.buyer(), checked.stage
    checked.server.on(PATH, says(MISSING))
    charges = await stage.charges()
    checked.server.held.clear()
    await bob.say(PROMPT)
    await eventually(lambda: len(checked.server.asked), what="the question")
    await stage.bot.kill()
    checked.server.held.set()
    await stage.bot.start()
    offer = await bob.wait(lambda each: each.text == OFFER)
    await bob.control.press(bob.person, offer, offer.button("Once more")["callback_data"])
    await stage.bot.kill()
    await stage.bot.start()
    both = [CAPTION] * 2
    await eventually(lambda: captions(bob), both.__eq__)

    assert await stage.charges() == charges + 2
    assert await stars(bob) == 45
    assert [each.text for each in await bob.heard()].count(OFFER) <= 1


@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="module")
async def test_a_free_picture_that_failed_is_free_when_it_is_tried_again(checked: Checked) -> None:
    bob, control = await checked.buyer(), checked.stage.control
    checked.server.on(PATH, says(MISSING))
    await bob.say(PROMPT)
    offer = await bob.wait(lambda each: each.text == OFFER)
    await control.set_provider(marks="[[sim:fail]]")
    failed = await bob.click(offer, "Once more, free", lambda each: "Try again" in str(each.raw))
    await control.set_provider(marks="")
    await bob.press(failed, "Try again")
    await eventually(lambda: captions(bob), [CAPTION, CAPTION].__eq__)

    assert await stars(bob) == 45
    assert OFFER not in await bob.said()
