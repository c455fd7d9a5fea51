"""Learning from answers: what is kept and learned, and how administrators delete it."""

import json
import time
from collections.abc import Iterator
from importlib.resources.abc import Traversable
from itertools import chain

import pytest

from imgbot.domain.errors import ConfigError, ImgbotError
from imgbot.domain.intents import model
from imgbot.domain.intents.model import UTTERANCES
from imgbot.domain.intents.training import Utterance, utterances_in
from imgbot.domain.texts import t
from imgbot.ops.state_directory import WEIGHTS
from imgbot.ops.training import train
from imgbot.storage import keys
from imgbot.storage.client import Client
from tests.integration.stage import (
    BOT_NAME,
    OUT_OF_REACH,
    Stage,
    User,
    has_buttons,
    is_picture,
    open_group,
)

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

ASKED = t("en", "ask_meaning")
BEACH = ["change", "picture", "_", "on the beach"]


SETTINGS = {"IMGBOT_LEARN": "on"}


@pytest.fixture(autouse=True)
async def _nothing_kept(request: pytest.FixtureRequest) -> None:
    """Each test begins with nothing to learn from."""
    if "stage" in request.fixturenames:
        async with request.getfixturevalue("stage").bot.redis() as redis:
            await redis.delete(keys.LEARNED)


@pytest.fixture(autouse=True)
def _few_utterances(monkeypatch: pytest.MonkeyPatch) -> None:
    """Train with a part of the utterances, in seconds."""

    def some(file: Traversable) -> Iterator[Utterance]:
        found = list(utterances_in(file))
        of_each_label = {each.label: each for each in found}.values()
        return chain(found[::15], of_each_label, (each for each in found if each.mark == "strict"))

    monkeypatch.setattr("imgbot.ops.training.utterances_in", some)
    monkeypatch.setattr(model, "_own", [])


async def kept(stage: Stage) -> list[list[str]]:
    async with stage.bot.redis() as redis:
        return [json.loads(str(each)) for each in await redis.zrange(keys.LEARNED, 0, -1)]


async def keep(redis: Client, *examples: list[str]) -> None:
    now_ms = time.time() * 1000
    members = {json.dumps(each): now_ms + at for at, each in enumerate(examples)}
    await redis.zadd(keys.LEARNED, members)


async def answer(user: User, text: str, label: str) -> None:
    """Answer the question about a text."""
    question = await user.ask(text, fits=lambda message: message.text == ASKED)
    await user.click(question, label, is_picture)


async def test_an_answered_text_is_kept_once_and_without_its_user(stage: Stage) -> None:
    user = await stage.user()
    await user.order("a fox on a bench")

    await answer(user, "on the beach", "Change this")
    changed = [each for each in await user.heard() if is_picture(each)][-1]
    await answer(await with_fox(stage), "on the beach", "Change this")
    unanswered = await (await with_fox(stage)).ask("in the desert")

    # "on" is in the first prompt, too; they may have been answered within one millisecond.
    assert sorted(await kept(stage)) == [BEACH, ["change", "picture", "on", "on the beach"]]
    assert unanswered.text == ASKED
    assert changed.text == "✏️ on the beach"


async def with_fox(stage: Stage) -> User:
    user = await stage.user()
    await user.order("a fox")
    return user


async def test_words_of_others_and_addresses_are_not_kept(stage: Stage) -> None:
    user = await with_fox(stage)
    ann, bob = await open_group(stage)
    await ann.order("/create a fox")
    own = await bob.within(bob.id).say("on the beach")
    question = await user.after(
        stage.control.forward(user.person, [own], chat_id=user.id), has_buttons
    )
    await user.click(question, "Change this", is_picture)
    await answer(ann, f"{BOT_NAME} on the beach", "Change this")
    question = await user.ask("https://example.com/fox", fits=has_buttons)
    await user.click(question, "New picture", is_picture)

    assert await kept(stage) == []


async def test_users_are_told_that_texts_are_kept_and_what_forgetting_reaches(stage: Stage) -> None:
    user = await with_fox(stage)
    await answer(user, "on the beach", "Change this")

    privacy = await user.ask("/privacy")
    question = await user.ask("/forget_me", fits=has_buttons)
    await user.toasts(question, f"forget:{user.id}")
    said = await stage.control.message(user.id, question.id)

    assert t("en", "privacy_learning") in privacy.text
    assert t("en", "forget_learned") in said.text
    async with stage.bot.redis() as redis:
        assert not await redis.exists(f"{keys.ASKED}{user.id}")
    assert await kept(stage) == [BEACH]


async def test_an_administrator_turns_pages_and_deletes(stage: Stage) -> None:
    owner = stage.owner
    async with stage.bot.redis() as redis:
        await keep(redis, *(["create", "picture", "_", f"words {n}"] for n in range(12)))
        await redis.zadd(keys.LEARNED, dict.fromkeys(["{", '["create"]', "[" * 2000], 9e12))
    shown = await owner.ask("/learned")

    async def press(*labels: str) -> list[str]:
        for label in labels:
            await owner.toast(await stage.control.message(owner.id, shown.id), label)
        return (await stage.control.message(owner.id, shown.id)).text.split("\n\n")

    last = await press("▶", "▶")
    question = await press("✖️ 12")
    fewer = await press("🗑 Delete")
    kept_after_all = await press("🗑 Delete all", "‹ Back")
    none = await press("🗑 Delete all", "🗑 Delete")

    assert shown.text.startswith(
        "🎓 Messages kept to learn from: 12. Page 1 of 3\n\n1. 🎨 New picture: words 11\n\n2. "
    )
    assert last[1:] == ["11. 🎨 New picture: words 1", "12. 🎨 New picture: words 0"]
    assert "\n\n".join(question) == t("en", "learned_ask", which="🎨 New picture: words 0")
    assert fewer == kept_after_all
    assert fewer[0] == "🎓 Messages kept to learn from: 11. Page 1 of 3"
    assert none == [t("en", "learned_none")]
    assert await kept(stage) == []
    async with stage.bot.redis() as redis:
        # The append-only file holds them until it is rewritten.
        assert any(str(each).startswith("log.") for each in await redis.hkeys(keys.FORGOTTEN))


async def test_buttons_about_what_is_kept_that_are_stale_forged_or_of_others(stage: Stage) -> None:
    shown, guest = await stage.owner.ask("/learned"), await stage.user()
    data = ("learned:drop.all", "learned:ask.0", "learned:page.x", "learned:page.99", "learned:")

    stale, unknown = t("en", "stale_button"), t("en", "unknown_button")
    said = [(await stage.owner.press_again(shown, each))[0] for each in data]
    assert said == [stale, "", unknown, "", unknown]
    assert set(await guest.toasts(OUT_OF_REACH, *data)) == {unknown}


async def test_what_was_learned_is_used_from_the_next_start(stage: Stage) -> None:
    bot, weights = stage.bot, stage.bot.state_dir / WEIGHTS
    async with bot.redis() as redis:
        await keep(redis, BEACH)
    said = await train(bot.environ)

    assert said[0] == "1 of 1 kept texts are understood without a question now"
    assert weights.stat().st_mode & 0o777 == 0o600
    for settings, spoilt, is_asked, logged in (
        ({"IMGBOT_LEARN": "on"}, b"", False, "messages are understood by the weights"),
        ({"IMGBOT_LEARN": "off"}, b"", True, ""),
        ({"IMGBOT_LEARN": "on"}, b"{", True, "is not used (it is damaged"),
    ):
        weights.write_bytes(spoilt + weights.read_bytes())
        bot.settings |= settings
        await bot.stop()
        begin = len(bot.log)
        await bot.start()
        user = await with_fox(stage)
        first = await user.ask("on the beach")

        assert (first.text == ASKED) == is_asked, settings
        assert logged in bot.log[begin:]
    async with bot.redis() as redis:
        await redis.delete(keys.LEARNED)
    assert (await train(bot.environ))[0] == "no texts are kept to learn from"
    assert not weights.exists()


async def test_nothing_is_learned_that_would_order_talk(stage: Stage) -> None:
    [text, *_] = [
        each.text for each in chain(*map(utterances_in, UTTERANCES)) if each.mark == "strict"
    ]
    async with stage.bot.redis() as redis:
        await keep(redis, *(["create", "picture", "_", text + "." * n] for n in range(40)))

    with pytest.raises(ImgbotError, match="nothing was changed"):
        await train(stage.bot.environ)

    assert not (stage.bot.state_dir / WEIGHTS).exists()


async def test_training_is_refused_while_nothing_is_to_be_kept(stage: Stage) -> None:
    with pytest.raises(ConfigError, match="IMGBOT_LEARN: is off"):
        await train({**stage.bot.environ, "IMGBOT_LEARN": ""})
