"""Conversations that people had: each message is followed by what it may be followed by.

`met.toml` has the form of `tests/bench/dialogues/README.md`, and under `gaps` the messages that are
still misread: one that is read now must leave the list.
"""

import asyncio
import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

from imgbot.domain.texts import LANGUAGES, t
from imgbot.features.albums.store import ALBUMS
from imgbot.storage import keys
from tests.bench.dialogue_file import Action, Script, Step, read_scripts
from tests.fixtures.sandbox import Message, picture
from tests.fixtures.waiting import eventually
from tests.integration.stage import Stage, User, is_new, is_picture

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

MET = Path(__file__).with_name("met.toml")
_AT_ONCE = 12
_HELP = {t(language, "help") for language in LANGUAGES}
"""Answers that show examples as a picture, which is about no picture of the chat."""
_KINDS = {"create": "new", "removebg": "cutout", "edit": "change", "inpaint": "change"}
_ALIKE = ({"new", "again", "redraw"}, {"change", "retouch", "cutout"})
"""Actions that differ in how a picture is made: here it counts which one, and from what."""


@dataclass(slots=True)
class _Talk:
    """A person's conversation with the bot so far."""

    user: User
    named: dict[str, Message] = field(default_factory=dict)
    seen: set[int] = field(default_factory=set)
    jobs: set[str] = field(default_factory=set)
    numbers: Iterator[int] = field(default_factory=lambda: count(10))

    async def play(self, step: Step) -> list[Action]:
        """Send a message; return what followed, with the ids of the pictures it is about.

        The first of the right actions names what was made.
        """
        if step.photos:
            sent = await self.user.photos(*map(self._photo, step.photos), caption=step.text)
            self.named |= zip(step.photos, sent, strict=True)
        elif step.reply_to in self.named:
            await self.user.say(step.text, reply_to=self.named[step.reply_to].id)
        else:
            await self.user.say(step.text)
        await self._until_rest()
        sent = await self.user.control.messages(self.user.chat_id)
        found = [
            each for each in sent if each.is_outgoing and is_new(each) and each.id not in self.seen
        ]
        self.seen |= {each.id for each in found}
        pictures = [each for each in found if is_picture(each) or "sticker" in each.raw]
        pictures = [each for each in pictures if each.text not in _HELP]
        followed = [await self._action(each) for each in pictures]
        made = [each for action in step.actions[:1] for each in action.made]
        self.named |= dict(zip(made, pictures, strict=False))
        return followed or [Action("talk" if found else "nothing")]

    def _photo(self, _: str) -> bytes:
        return picture(width=300 + next(self.numbers))

    async def _until_rest(self) -> None:
        # A forged press is answered once all before it is handled.
        await self.user.toasts(1, "nothing")
        async with self.user.stage.bot.redis() as redis:
            await eventually(lambda: redis.exists(ALBUMS), lambda found: not found)
            await eventually(
                lambda: redis.exists(f"{keys.USER_JOBS}{self.user.id}"), lambda found: not found
            )

    async def _action(self, message: Message) -> Action:
        if "sticker" in message.raw:
            return Action("sticker")
        if not message.photo_id:
            return Action("file")
        data = message.buttons[-1]["callback_data"] if message.buttons else ""
        job_id = data.partition(":")[2].removeprefix("open.")
        async with self.user.stage.bot.redis() as redis:
            record = await redis.hgetall(f"{keys.RESULT}{job_id}")
        if not record or job_id in self.jobs:
            return Action("show", (message.photo_unique_id or "",))
        self.jobs.add(job_id)
        sources = tuple(unique for _, unique, *_ in json.loads(record.get("sources") or "[]"))
        operation = str(record["operation"])
        return Action(_KINDS.get(operation, operation), sources)

    def told(self, action: Action) -> str:
        """Return an action in the form of the file."""
        of = [name for name, each in self.named.items() if each.photo_unique_id in action.of]
        return " ".join([action.kind, *of])

    def is_right(self, followed: list[Action], action: Action) -> bool:
        """Whether an action is what followed, once for each picture that comes of it."""
        is_talk = action.kind in {"talk", "ask", "price", "help", "queue", "cancel", "info"}
        kind = "talk" if is_talk else action.kind
        alike = {kind}.union(*(each for each in _ALIKE if kind in each))
        if {each.kind for each in followed} - alike or len(followed) < len(action.made):
            return False
        meant = {self.named[each].photo_unique_id for each in action.of if each in self.named}
        used = {each for one in followed for each in one.of}
        return not used or meant <= used


async def _wrong_in(script: Script, stage: Stage, turn: asyncio.Semaphore) -> list[str]:
    """Have a conversation to its end; return what was misread."""
    async with turn:
        talk = _Talk(await stage.user("Ann", language=script.language))
        wrong = list[str]()
        for step in script.steps:
            followed = await talk.play(step)
            if step.actions and not any(talk.is_right(followed, each) for each in step.actions):
                wrong.append(f"{step.text} => {' | '.join(map(talk.told, followed))}")
        return wrong


async def test_each_message_is_followed_by_what_was_meant(simulated_stage: Stage) -> None:
    scripts, turn = list(read_scripts(str(MET.with_suffix("")))), asyncio.Semaphore(_AT_ONCE)
    async with asyncio.TaskGroup() as group:
        found = {
            each.title: group.create_task(_wrong_in(each, simulated_stage, turn))
            for each in scripts
        }

    wrong = {title: task.result() for title, task in found.items() if task.result()}
    assert wrong == tomllib.loads(MET.read_text("utf-8"))["gaps"]
