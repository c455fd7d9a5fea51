"""Voice messages: what is sent, what is shown and ordered, and what becomes of a bad answer."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import pytest
import pytest_asyncio

from imgbot.domain.texts import t
from imgbot.providers.chat import ChatClient
from imgbot.sandbox.server import SPEECH
from imgbot.storage import keys
from tests.fakes.scripted_server import Script, open_script
from tests.fixtures.sandbox import Message
from tests.fixtures.waiting import PATIENCE_S, eventually
from tests.integration.stage import (
    BOT_NAME,
    Fits,
    Stage,
    User,
    is_new,
    is_picture,
    open_group,
    open_stage,
)

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

PATH = "POST /v1/audio/transcriptions"
RECORDING = b"OggS" + bytes(2000)
KEY = "speech-key-of-tests"


@dataclass(frozen=True, slots=True)
class Heard:
    """The bot, and the speech server that hears for it."""

    stage: Stage
    server: Script

    def hears(self, text: Any, status: int = 200) -> None:
        self.server.asked.clear()
        self.server.on(PATH, text if isinstance(text, bytes) else {"text": text}, status=status)

    async def say(self, user: User, fits: Fits = is_new, **fields: Any) -> Message:
        """Send a voice message; return the first answer that fits."""
        key = await user.control.upload(fields.pop("recording", RECORDING), "voice.oga")
        return await user.after(user.send(voice=key, **fields), fits)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def heard(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Heard]:
    never = {"imgbot.providers.chat._FAILURES": 1000}
    async with open_script() as server:
        speech = {"IMGBOT_SPEECH": f"{server.url}/v1 ear-1", "IMGBOT_SPEECH_KEY": KEY}
        async for stage in open_stage(tmp_path_factory.mktemp("voice"), never, **speech):
            await stage.control.set_provider(duration_s=[0, 0])
            yield Heard(stage, server)


@pytest.mark.parametrize(
    ("language", "words"), [("en", "a fox in the snow"), ("ru", "лиса в снегу")]
)
async def test_a_voice_message_is_shown_as_words_and_drawn(
    heard: Heard, language: str, words: str
) -> None:
    bob = await heard.stage.user("Bob", language=language)
    before = await heard.stage.orders()
    heard.hears(words)
    shown = await heard.say(bob)
    await bob.wait(is_picture)
    [asked] = heard.server.asked

    assert shown.text == t(language, "voice_heard", words=words)
    assert shown.reply_to
    assert (await heard.stage.orders())[len(before) :] == [f"create {words}"]
    assert asked.headers["Authorization"] == f"Bearer {KEY}"
    assert RECORDING in asked.body
    assert b"ear-1" in asked.body
    assert str(bob.id).encode() not in asked.body
    assert words not in heard.stage.bot.log


async def test_what_is_heard_is_read_as_a_text_is(heard: Heard) -> None:
    bob = await heard.stage.user("Bob")
    await bob.order("a fox")
    before = await heard.stage.orders()
    heard.hears("how much does a picture of a fox cost?")
    await heard.say(bob)
    # Unsure words are asked about; the button acts on what was heard.
    heard.hears("on the beach")
    question = await heard.say(bob, lambda each: each.text == t("en", "ask_meaning"))
    assert await heard.stage.orders() == before

    drawn = await bob.click(question, t("en", "button_new_picture"), is_picture)
    assert (await heard.stage.orders())[len(before) :] == ["create on the beach"]
    # A change by a reply.
    heard.hears("make it darker")
    await heard.say(bob, is_picture, reply_to_message_id=drawn.id)
    assert (await heard.stage.orders())[len(before) + 1 :] == ["edit make it darker"]


@pytest.mark.parametrize(
    ("text", "status", "sentence"),
    [
        ("", 200, "voice_empty"),
        (" \u200b\n", 200, "voice_empty"),
        ("a fox " * 20_000, 200, "voice_unheard"),
        ("a fox " * 1_000, 200, "voice_unheard"),
        (["a fox"], 200, "voice_unheard"),
        (b"<html>a fox</html>", 200, "voice_unheard"),
        (b'{"text"', 200, "voice_unheard"),
        (b"[" * 10_000, 200, "voice_unheard"),
        ("a fox", 500, "voice_unheard"),
        ("a fox", 404, "voice_unheard"),
    ],
)
async def test_a_bad_answer_orders_nothing_and_is_said(
    heard: Heard, text: Any, status: int, sentence: str
) -> None:
    bob = await heard.stage.user("Bob")
    before = await heard.stage.orders()
    heard.hears(text, status)

    assert (await heard.say(bob)).text == t("en", sentence)
    assert await heard.stage.orders() == before


async def test_a_server_that_is_slow_or_absent_is_left_alone_for_a_while(
    heard: Heard, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recording = tmp_path / "voice.ogg"
    recording.write_bytes(b"a hare")

    def client(url: str) -> ChatClient:
        return ChatClient(url, "ear-1", None, AsyncMock(return_value=1), "speech model")

    simulated = client(f"{heard.stage.sandbox.url}{SPEECH}")
    absent, slow = client("http://127.0.0.1:9"), client(f"{heard.server.url}/v1")
    heard.hears("a fox")
    heard.server.held.clear()
    for server in (absent, slow):
        found = [await server.transcribe(recording, str, 0.05) for _ in range(3)]
        assert found == [None] * 3
        assert server.is_paused
        assert not await server.may_call(1, 10)
    heard.server.held.set()

    assert "the speech model fails" in caplog.text
    assert await simulated.transcribe(recording, str, PATIENCE_S) == "a hare"
    recording.write_bytes(RECORDING)
    assert await simulated.transcribe(recording, str, PATIENCE_S) == "a fox in the snow"


async def test_long_recordings_and_those_of_others_are_not_sent(heard: Heard) -> None:
    bob = await heard.stage.user("Bob")
    heard.hears("a fox")
    long = await heard.say(bob, duration_s=61)
    large = await heard.say(bob, recording=bytes(1_000_001))
    ann, _ = await open_group(heard.stage)
    key = await ann.control.upload(RECORDING, "voice.oga")
    await ann.send(voice=key)
    await ann.say("hello all")
    assert long.text == large.text == t("en", "voice_too_long")
    assert await ann.heard() == []
    assert heard.server.asked == []

    await heard.say(ann, is_picture, caption=BOT_NAME)
    assert len(heard.server.asked) == 1


async def test_a_kill_leads_to_one_transcription_one_charge_and_one_picture(heard: Heard) -> None:
    bob, bot, control = await heard.stage.user("Bob"), heard.stage.bot, heard.stage.control
    charges = await heard.stage.charges()
    heard.hears("a fox in the snow")
    # It is killed once the words are known, and before they are shown.
    await control.fault("sendMessage", "drop_before", times=50, chat_id=bob.id)
    key = await bob.control.upload(RECORDING, "voice.oga")
    await bob.send(voice=key)
    async with bot.redis() as redis:
        await eventually(lambda: redis.keys(f"{keys.ONCE}said.{bob.id}.voice.*"))
    await bot.kill()
    await control.clear_faults()
    await bot.start()
    await eventually(bob.results)
    texts = await bob.said()

    assert len(heard.server.asked) == 1
    assert await heard.stage.charges() == charges + 1
    assert len(await bob.results()) == 1
    assert texts.count(t("en", "voice_heard", words="a fox in the snow")) == 1
    await bob.click(await bob.ask("/forget_me"), t("en", "button_forget"))
    async with bot.redis() as redis:
        assert await redis.keys(f"{keys.ONCE}said.{bob.id}.voice.*") == []


async def test_without_the_setting_the_answer_is_as_ever(bob: User) -> None:
    key = await bob.control.upload(RECORDING, "voice.oga")
    answer = await bob.after(bob.send(voice=key))

    assert answer.text == t("en", "cannot_read_voice")
    assert (await bob.ask("/voice")).text == t("en", "unknown_command")
