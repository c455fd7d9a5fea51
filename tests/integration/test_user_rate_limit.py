"""The guide's limit and its redis-cli commands, as an operator would use them."""

from pathlib import Path
from typing import Any

import pytest

from imgbot.domain.texts import t
from tests.fixtures.commands import run, run_forked
from tests.fixtures.sandbox import picture
from tests.fixtures.waiting import eventually
from tests.integration.stage import Stage, has_buttons, is_picture, open_group, source_of

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


SETTINGS = {
    "IMGBOT_RATE_LIMIT_MAX_REQUESTS": "3",
    "IMGBOT_RATE_LIMIT_WINDOW": "60",
    "IMGBOT_PER_USER": "running=1, waiting=2",
}


async def cli(stage: Stage, *arguments: str) -> str:
    """The command of docs/operating.md, which finds the embedded server, whoever has port 6379."""
    return (await run(stage.bot, "redis-cli", *arguments)).said.strip()


@pytest.mark.parametrize(
    ("language", "sentence"),
    [("ru", "⏳ Слишком много запросов. Подождите "), ("en", "⏳ Too many requests. Wait ")],
)
async def test_the_guides_refusal(stage: Stage, language: str, sentence: str) -> None:
    bob = await stage.user(language=language)

    for command in ("/create", "/edit", "/merge"):
        await bob.ask(command)
    refusal = await bob.ask("/upscale")

    assert refusal.text.startswith(sentence)
    assert refusal.text.endswith(": 0")
    assert await cli(stage, "GET", f"rate_limit:{bob.id}") == "3"
    assert 0 < int(await cli(stage, "TTL", f"rate_limit:{bob.id}")) <= 60


async def test_a_request_of_several_steps_is_counted_once(stage: Stage) -> None:
    ann, bob = await stage.user("Ann"), await stage.user()

    await ann.ask("/create")
    await ann.order("a fox")
    await bob.ask("", picture(), fits=has_buttons)
    await bob.order("a hat")

    assert [await cli(stage, "GET", f"rate_limit:{user.id}") for user in (ann, bob)] == ["1", "1"]


async def test_a_wait_of_a_few_seconds_is_the_bots_and_nobody_elses(stage: Stage) -> None:
    ann, bob = await open_group(stage)
    await cli(stage, "SET", f"rate_limit:{ann.id}", "3", "PX", "4900")

    asked = [await user.say("/create a fox") for user in (ann, bob)]
    answers = await ann.heard()
    await cli(stage, "SET", f"rate_limit:{ann.id}", "3", "PX", "1000")
    again = await ann.toast(answers[-1], "Again")

    # The one who need not wait is not kept waiting, and nobody is refused.
    assert [each.reply_to for each in answers] == [message.id for message in reversed(asked)]
    assert all(map(is_picture, answers))
    assert again == t("en", "accepted_short")
    assert await cli(stage, "GET", f"rate_limit:{ann.id}") == "1"


async def test_a_refusal_that_only_its_user_sees_is_taken_back_by_its_button(stage: Stage) -> None:
    ann, _ = await open_group(stage, is_admin=True)
    await cli(stage, "SET", f"rate_limit:{ann.id}", "3", "PX", "60000")
    asked = await ann.say("/create a fox")
    refusal = await ann.wait()

    await cli(stage, "DEL", f"rate_limit:{ann.id}")
    drawn = await ann.click(refusal, "🔁", is_picture)

    assert (refusal.seen_by, drawn.seen_by, drawn.reply_to) == (ann.id, 0, asked.id)
    assert await ann.heard() == [drawn]
    gone = await ann.control.messages(ann.chat_id, after=refusal.id - 1)
    assert gone[1].is_deleted


@pytest.mark.parametrize("meanwhile", ["a hare", ""])
@pytest.mark.parametrize("is_reply", [True, False])
async def test_a_message_that_is_handled_again_means_the_picture_that_it_meant(
    stage: Stage, meanwhile: str, *, is_reply: bool
) -> None:
    ann = await stage.user("Ann")
    fox, _, wolf = [await ann.order(words) for words in ("a fox", "an owl", "a wolf")]
    meant = fox if is_reply else wolf
    replying: dict[str, Any] = {"reply_to": meant.id} if is_reply else {}
    refusal = await ann.ask("make it darker", **replying)

    await cli(stage, "DEL", f"rate_limit:{ann.id}")
    if meanwhile:
        await ann.order(meanwhile)
    else:
        # Its question is open, and is newer than the message.
        await ann.ask("", picture(), fits=has_buttons)
    changed = await ann.click(refusal, "🔁", is_picture)

    assert await source_of(stage, changed) == meant.photo_unique_id


async def test_commands_are_counted_and_refused_once(stage: Stage) -> None:
    """The way out stays open, and administrators are not counted."""
    bob = await stage.user()

    free = ["/limits", "/help", "/queue", "/cancel"] * 2
    for command in (*free, *["/history"] * 3, *["/start", "/last", "/nonsense"] * 3, *free):
        await bob.say(command)
    told = await bob.said()
    for _ in range(5):
        await stage.owner.say("/history")

    assert len(told) == len(free) + 3 + 1 + len(free)
    assert len([text for text in told if text.startswith("⏳ Too many requests.")]) == 1
    assert not [text for text in await stage.owner.said() if text.startswith("⏳")]


async def test_a_burst_of_commands_gets_one_refusal(stage: Stage) -> None:
    """However many come at once, and whichever limit they are over."""
    bob = await stage.user()
    await bob.control.fault("getUpdates", "delay", times=1, delay_s=2.0)

    for _ in range(70):
        await bob.say("/history")

    async def answers() -> int:
        return sum(message.is_outgoing for message in await bob.control.messages(bob.id))

    # A press would be over the limit, too.
    await eventually(answers, lambda count: count == 3 + 1)
    assert len(await bob.said()) == 3 + 1


async def lengths(stage: Stage) -> tuple[str, int, int]:
    jobs = (await cli(stage, "KEYS", "rq:job:*")).split()
    line = (await cli(stage, "LRANGE", "rq:queue:img_queue", "0", "-1")).split()
    return await cli(stage, "LLEN", "rq:queue:img_queue"), len(jobs), len(line)


async def test_the_guides_commands_tell_the_truth(stage: Stage) -> None:
    bob = await stage.user()
    async with stage.bot.redis() as redis:
        for words in ("a fox [[sim:slow=600]]", "an old barn", "a sailing ship"):
            await bob.say(words)
        await eventually(stage.orders, lambda orders: any("a fox" in each for each in orders))
        await eventually(lambda: redis.llen("rq:queue:img_queue"), lambda count: count == 2)
        seen = await lengths(stage)
        stage.finish_tasks()
        await eventually(lambda: redis.keys("rq:job:*"), lambda keys: not keys)

    assert seen == ("2", 3, 2)
    assert await lengths(stage) == ("0", 0, 0)
    assert "total_commands_processed" in await cli(stage, "INFO", "stats")
    # `wc -l` counts the lines: none for none.
    assert (await run(stage.bot, "redis-cli", "KEYS", "rq:job:*")).said == ""
    kinds = {key.split(":")[0] for key in (await cli(stage, "KEYS", "*")).split()}
    assert kinds <= {"rate_limit", "img"}


async def test_cancel_while_waiting_and_while_running(stage: Stage) -> None:
    bob = await stage.user()
    running = await bob.ask("a walnut [[sim:slow=20]]", fits=has_buttons)
    waiting = await bob.ask(
        "a teapot [[sim:slow=20]]", fits=lambda m: has_buttons(m) and m.id != running.id
    )

    await bob.click(waiting, "Cancel", lambda m: m.id == waiting.id and m.text == "Cancelled.")
    await bob.ask("/cancel", fits=lambda m: m.id == running.id and m.text == "Cancelled.")
    await bob.heard()

    tasks = (await stage.control.provider())["tasks"]
    assert waiting.text.startswith("⏳ Got it. Your place in line: ")
    assert [task["failure"] for task in tasks if "walnut" in task["words"]] == ["cancelled"]
    assert not [task for task in tasks if "teapot" in task["words"]]


async def test_cancel_takes_back_the_newest_and_offers_the_others_at_once(stage: Stage) -> None:
    bob = await stage.user()
    for words in ("a hazelnut [[sim:slow=600]]", "a cello", "a violin"):
        await bob.ask(words, fits=has_buttons)

    offer = await bob.ask("/cancel", fits=lambda message: "Still in" in message.text)
    toast = await bob.toast(offer, "Cancel all")
    assert toast == t("en", "cancelling")
    said = await bob.said()

    assert offer.text == t("en", "cancel_rest", count=2)
    assert said == ["Cancelled."] * 3


async def test_redis_cli_tells_a_refusal_in_the_words_of_redis_and_that_no_bot_runs(
    stage: Stage, tmp_path: Path
) -> None:
    refused = await run(stage.bot, "redis-cli", "LLEN")
    absent = await run_forked({"IMGBOT_STATE_DIR": str(tmp_path)}, "redis-cli", "PING")

    assert (refused.status, absent.status) == (1, 1)
    assert refused.said.startswith("imgbot: Redis: wrong number of arguments")
    assert f"no Redis answers at {tmp_path}/redis/redis.sock: is the bot running?" in absent.said
