"""What another feature sells for Stars: paid once, though the bot is killed before it answers."""

from functools import partial
from pathlib import Path

import pytest
from aiogram.types import Message

from imgbot.bot.commands import ChatCommand
from imgbot.bot.dialogue import Dialogue
from imgbot.features.feature import Core, Feature, Seams
from imgbot.features.stars.ledger import STARS, StarLedger
from imgbot.wiring.features import FEATURES
from tests.fixtures.waiting import eventually
from tests.integration.stage import open_owned


async def _toss(_: Message, dialogue: Dialogue) -> None:
    await dialogue.payment.take(dialogue, "coin", 1)
    await dialogue.say("heads")


def _build(_: Core) -> Seams:
    return Seams(commands=[ChatCommand("coin", _toss)])


COIN = Feature("coin", _build)


@pytest.mark.slow
@pytest.mark.asyncio
async def test_a_toss_costs_one_star_though_the_bot_is_killed_before_its_answer(
    tmp_path: Path,
) -> None:
    constants = {"imgbot.wiring.features.FEATURES": (*FEATURES, COIN)}
    async for stage in open_owned(tmp_path, constants, IMGBOT_STARS="picture=5, pack=50"):
        anna = await stage.user("Anna")
        key = f"{STARS}{anna.id}"
        async with stage.bot.redis() as redis:
            for name, value in (("balance", "1"), ("paid:x", "1 1 1800000000000")):
                await redis.hset(key, name, value)
            await stage.control.fault("sendMessage", "drop_before", times=1000)
            await anna.say("/coin")
            await eventually(partial(redis.hget, key, "spent"))
        await stage.bot.kill()
        await stage.control.clear_faults()
        await stage.bot.start()
        await anna.wait(lambda message: message.text == "heads")
        short = await anna.ask("/coin")
        async with stage.bot.redis() as redis:
            account = await StarLedger(redis).account(anna.id)

        assert (account.balance, account.spent, account.difference) == (0, 1, 0)
        assert short.button("⭐ Buy pictures")
