"""Chat model: an unsure text goes to it, and it only chooses among the intents."""

import asyncio
import inspect
import itertools
import json
import logging
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import pytest
from pydantic import SecretStr

from imgbot.domain.errors import UserError
from imgbot.domain.intents import Intent
from imgbot.domain.operations import Operation
from imgbot.domain.words.chat import ChatPicture, ChatState
from imgbot.domain.words.reading import Ask, NamedBy, Order, Reading, Talk, Which
from imgbot.features.prompt_help import chat_model
from imgbot.features.prompt_help.chat_model import WRITING, ChatModel, Version
from imgbot.features.prompt_help.picture_list import INSTRUCTIONS, picture_list
from imgbot.providers import chat
from imgbot.providers.chat import ChatClient
from tests.fakes.scripted_server import Script

PATH = "POST /v1/chat/completions"
KEY = "sk-not-for-the-log"
CHAT = ChatState((ChatPicture("drawn", Operation.CREATE, ("a fox",)),))
TEXT = "on the beach"
UNSURE = Ask(Order(Intent.CREATE, TEXT))
ANN, BOB = 1, 2


def says(content: Any) -> dict[str, Any]:
    """A completion as servers send it; `content` is the model's answer."""
    text = content if isinstance(content, str) else json.dumps(content)
    message = {"role": "assistant", "content": text, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": "small-1",
        "choices": [choice],
    }


def answer(intent: Any, *pictures: int, words: str = "") -> dict[str, Any]:
    return {"intent": intent, "pictures": pictures, "words": words, "ratio": ""}


def model_at(script: Script) -> ChatModel:
    count_call = AsyncMock(side_effect=itertools.count(1))
    return ChatModel(ChatClient(f"{script.url}/v1", "small-1", SecretStr(KEY), count_call))


@pytest.mark.parametrize(
    ("intent", "reading"),
    [
        ("create", Order(Intent.CREATE, TEXT)),
        ("change", Order(Intent.CHANGE, TEXT, Which(NamedBy.ID, name="drawn"))),
        ("question", Talk(Intent.QUESTION, "abilities")),
        ("complaint", Talk(Intent.COMPLAINT)),
    ],
)
async def test_the_model_decides_what_the_rules_cannot(
    script: Script, intent: str, reading: Reading
) -> None:
    script.on(PATH, says(answer(intent, *[1] * (intent == "change"))))

    assert await model_at(script).decide(ANN, TEXT, CHAT, UNSURE) == reading
    [asked] = script.asked
    assert asked.headers["Authorization"] == f"Bearer {KEY}"
    body = json.loads(asked.body)
    system, user = body["messages"]
    assert system == {"role": "system", "content": INSTRUCTIONS}
    assert json.loads(user["content"]) == picture_list(TEXT, CHAT)
    assert body["response_format"]["json_schema"]["strict"] is True


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (200, says(answer("other"))),
        (200, says(answer("pay"))),
        (200, says(answer("create", words="something dearer"))),
        (200, says(answer(["create"]))),
        (200, says("create")),
        (200, says("")),
        (200, says("[" * 20_000)),
        (200, {"choices": []}),
        (200, {"choices": [{"message": {"content": None}}]}),
        (200, b"<html>"),
        (200, b"x" * 70_000),
        (204, b""),
        (302, b""),
        (401, {"error": {"message": f"wrong key {KEY}"}}),
        (429, {"error": {"message": "slow down"}}),
        (500, b""),
    ],
)
async def test_any_other_answer_leaves_the_decision_to_the_rules(
    script: Script, status: int, content: Any, caplog: pytest.LogCaptureFixture
) -> None:
    script.on(PATH, content, status=status)
    model = model_at(script)

    with caplog.at_level(logging.DEBUG):
        found = [await model.decide(ANN, TEXT, CHAT, UNSURE) for _ in range(5)]

    assert found == [UNSURE] * 5
    is_answer = content == says(answer("other"))
    # After failures in a row it is left alone for a while.
    assert len(script.asked) == (5 if is_answer else 3)
    assert ("chat model fails" in caplog.text) is not is_answer
    assert KEY not in caplog.text
    assert TEXT not in caplog.text


async def test_a_slow_model_is_not_waited_for(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chat_model, "_TIMEOUT_S", 0.1)
    script.on(PATH, says(answer("create")))
    script.delay_s = 1.0

    assert await model_at(script).decide(ANN, TEXT, CHAT, UNSURE) == UNSURE


async def test_after_its_pause_the_model_is_asked_again(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    script.on(PATH, b"", b"", b"", says(answer("create")))
    model = model_at(script)
    for _ in range(4):
        await model.decide(ANN, TEXT, CHAT, UNSURE)

    later_s = chat.time.monotonic() + 61
    monkeypatch.setattr(chat.time, "monotonic", lambda: later_s)
    found = await model.decide(ANN, TEXT, CHAT, UNSURE)

    assert (len(script.asked), found) == (4, UNSURE.order)


async def test_no_more_than_twelve_pictures_are_sent(script: Script) -> None:
    script.on(PATH, says(answer("change", 12)))
    pictures = tuple(ChatPicture(str(each), Operation.CREATE, ("a fox",)) for each in range(20))

    found = await model_at(script).decide(ANN, TEXT, ChatState(pictures), UNSURE)

    sent = json.loads(json.loads(script.asked[0].body)["messages"][1]["content"])
    assert [each["number"] for each in sent["pictures"]] == list(range(1, 13))
    assert found == Order(Intent.CHANGE, TEXT, Which(NamedBy.ID, name="11"))


async def test_without_a_picture_nothing_is_changed(script: Script) -> None:
    script.on(PATH, says(answer("change")))

    assert await model_at(script).decide(ANN, TEXT, ChatState(), UNSURE) == UNSURE


async def test_one_user_asks_no_more_than_a_tenth_of_the_questions_of_a_day(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    script.on(PATH, says(answer("create")))
    monkeypatch.setattr(chat, "DAILY_LIMIT", 30)
    model = model_at(script)

    async def decided(user_id: int) -> int:
        found = [await model.decide(user_id, TEXT, CHAT, UNSURE) for _ in range(5)]
        return sum(each != UNSURE for each in found)

    assert [await decided(ANN), await decided(BOB), len(script.asked)] == [3, 3, 6]
    later_s = chat.time.monotonic() + 86_401
    monkeypatch.setattr(chat.time, "monotonic", lambda: later_s)
    assert await decided(ANN) == 3


async def test_what_is_long_or_over_the_budget_is_not_sent(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    script.on(PATH, says(answer("question")))
    monkeypatch.setattr(chat, "DAILY_LIMIT", 1)
    monkeypatch.setattr(chat_model, "_USER_SHARE", 1)
    model = model_at(script)

    assert await model.decide(ANN, TEXT * 50, CHAT, UNSURE) == UNSURE
    assert script.asked == []
    assert isinstance(await model.decide(ANN, TEXT, CHAT, UNSURE), Talk)
    assert await model.decide(ANN, TEXT, CHAT, UNSURE) == UNSURE
    assert len(script.asked) == 1


THREE = [{"shown": f"лиса {n}", "sent": f"a  fox {n}"} for n in (1, 2, 3)]


async def test_a_slow_model_writes_for_few_at_once_and_once_for_each(script: Script) -> None:
    script.on(PATH, says({"versions": THREE}))
    script.held.clear()

    async def counted() -> int:
        await asyncio.sleep(0)
        return 1

    model = ChatModel(ChatClient(f"{script.url}/v1", "small-1", SecretStr(KEY), counted))
    refused: list[tuple[int, str]] = []

    async def press(user_id: int, prompt: str) -> bool:
        found, told = list[Version](), ""
        try:
            found = await model.versions(user_id, prompt, "en", "en")
        except UserError as error:
            told = error.reason
        if not found:
            refused.append((user_id, told))
            if len(refused) == 4:
                script.held.set()
        return bool(found)

    async with asyncio.TaskGroup() as group:
        asked = [*((user, "a fox") for user in range(1, 11)), (1, "a fox"), (1, "an owl")]
        presses = [group.create_task(press(*each)) for each in asked]

    assert refused == [(9, ""), (10, ""), (1, "tapped_already"), (1, "")]
    assert sum(each.result() for each in presses) == 8


async def test_a_prompt_is_written_out_as_often_as_the_share_of_a_user_allows(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    script.on(PATH, says({"versions": [*THREE, THREE[0]]}))
    monkeypatch.setattr(chat, "DAILY_LIMIT", 100)
    model = model_at(script)

    found = await model.versions(ANN, "лиса", "ru", "en")

    assert found == [Version(f"лиса {n}", f"a fox {n}") for n in (1, 2, 3)]
    system, user = json.loads(script.asked[0].body)["messages"]
    assert system["content"] == WRITING
    assert json.loads(user["content"]) == {"prompt": "лиса", "shown_in": "ru", "sent_in": "en"}
    with pytest.raises(UserError, match="more_spent"):
        await model.versions(ANN, "кот", "ru", "en")
    # What is written out counts apart from what is unsure.
    assert await model.decide(ANN, TEXT, CHAT, UNSURE)
    assert len(script.asked) == 2


@pytest.mark.parametrize(
    "content",
    [
        {"versions": THREE[:2]},
        {"versions": THREE[:1] * 3},
        {"versions": [*THREE[:2], {"shown": "x" * 801, "sent": "a fox"}]},
        {"versions": [*THREE[:2], {"shown": "x" * 2_001, "sent": "a fox"}]},
        {"versions": [*THREE[:2], {"shown": "\u200b", "sent": "a fox"}]},
        {"versions": [*THREE[:2], {"shown": 3, "sent": "a fox"}]},
        {"versions": "three"},
        {"intent": "create"},
        [],
    ],
)
async def test_an_answer_without_three_versions_is_none(script: Script, content: Any) -> None:
    script.on(PATH, says(content))
    assert await model_at(script).versions(ANN, "лиса", "ru", "en") == []


def test_the_page_shows_what_is_sent() -> None:
    page = Path("docs/chat-model.md").read_text(encoding="utf-8")
    assert str(Path(inspect.getfile(picture_list)).relative_to(Path.cwd())) in page
    assert WRITING in page
    assert f"at most {chat.DAILY_LIMIT:,} times a day" in page
