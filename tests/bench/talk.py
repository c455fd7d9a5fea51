"""Judge of the reader of words: `python -m tests.bench.talk [FILE…] [--wrong] [--chat URL MODEL]`.

Plays dialogues of `tests/bench/dialogues` without a bot: each message is read in the chat as the
right actions have left it, and the reading is compared with its own right actions. Prints figures
for each file, and with `--wrong` each message that was misread. With `--chat`, a chat model decides
what is in doubt (its key is read from IMGBOT_CHAT_KEY); with `--scripted`, one that answers
perfectly, randomly or maliciously. Exit status 1 if anything was ordered for nothing.
"""

import argparse
import asyncio
import os
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from pydantic import SecretStr

from imgbot.domain.intents import Intent, PendingQuestion
from imgbot.domain.operations import Operation
from imgbot.domain.words import read
from imgbot.domain.words.chat import PICTURES_KEPT, ChatPicture, ChatState
from imgbot.domain.words.doubts import doubted, settled
from imgbot.domain.words.reading import Ask, NamedBy, Order, Reading, Talk
from imgbot.domain.words.this_picture import this_picture
from imgbot.features.prompt_help.chat_model import ChatModel
from imgbot.features.prompt_help.picture_list import SCHEMA, decided
from imgbot.providers.chat import ChatClient
from tests.bench.dialogue_file import LEARNED, MAKING, Action, Script, Step, read_scripts

MENTION = "@pixbot"
_AGE_S = 90
"""Time between two messages."""

_OPERATIONS = {
    "new": Operation.CREATE, "change": Operation.EDIT, "upscale": Operation.UPSCALE,
    "retouch": Operation.RETOUCH, "cutout": Operation.REMOVE_BACKGROUND,
    "sticker": Operation.STICKER, "merge": Operation.MERGE, "again": Operation.CREATE,
    "redraw": Operation.CREATE,
}  # fmt: skip
_KINDS = {operation: kind for kind, operation in [*_OPERATIONS.items()][1:7]}
_BY_INTENT = {
    Intent.CREATE: "new", Intent.CHANGE: "change", Intent.AGAIN: "again", Intent.REDRAW: "redraw",
    Intent.SHOW: "show", Intent.UNDO: "show", Intent.CANCEL: "cancel", Intent.HELP: "help",
}  # fmt: skip
_BY_TOPIC = {
    "file": "file", "delete": "delete", "receipt": "info", "price": "price", "status": "queue",
    "queue": "queue", "cancel": "cancel", "help": "help", "abilities": "help",
}  # fmt: skip
_ALIKE = ({"change", "redraw"}, {"again", "redraw"}, {"retouch", "change"}, {"talk", "nothing"})
"""Actions that differ in how a picture is made, not in which one; each is right for the other."""

PAID = MAKING | {"new"}

Decide = Callable[[Step, str, ChatState, Ask], Reading | None]


@dataclass(frozen=True, slots=True)
class Judged:
    """Message with what was read in it."""

    script: Script
    step: Step
    kind: str
    of: tuple[str, ...]
    verdict: str
    """right, other operation (of the right picture), wrong action, wrong picture, wrong shown, for
    nothing, asked, or not done."""


@dataclass(slots=True)
class _Place:
    """Chat as the right actions have left it."""

    is_group: bool
    pictures: list[ChatPicture] = field(default_factory=list)
    owners: dict[str, bool] = field(default_factory=dict)
    undone: list[str] = field(default_factory=list)
    pending: PendingQuestion = PendingQuestion.NOTHING
    asked: str = ""
    unclear: str = ""
    among: tuple[str, ...] = ()

    def chat(self, step: Step) -> ChatState:
        """Return the chat as the author of a message has it."""
        shown = [
            replace(each, is_own=self.owners.get(each.id) == step.is_of_other)
            for each in self.pictures[:PICTURES_KEPT]
        ]
        if step.is_making and shown:
            shown[0] = replace(shown[0], is_there=False)
        pending = PendingQuestion.NOTHING if step.reply_to else self.pending
        return ChatState(
            tuple(shown),
            step.reply_to or (step.photos[0] if step.photos and step.text else ""),
            pending,
            self.asked if pending else "",
            step.photos if step.text else (),
            self.unclear,
            self.among,
            tuple(self.undone),
        )

    def send(self, step: Step) -> None:
        """Add the photos of a message."""
        order = step.photos[0] if len(step.photos) > 1 else ""
        for at, name in enumerate(step.photos, 1):
            words = (_said(step),) if step.text else ()
            self._add(ChatPicture(name, None, words, "", order, at if order else 0), step)
        if step.photos and not step.text:
            self.pending = PendingQuestion.CHANGE
            self.asked = "" if order else step.photos[0]

    def point(self, reading: Reading, chat: ChatState) -> None:
        """Remember the picture that was named last, though nothing was ordered."""
        if isinstance(reading, Talk) and reading.which.way in {NamedBy.NAME, NamedBy.NUMBER}:
            found = this_picture(reading.which, chat).pictures
            self.pending = PendingQuestion.CHANGE if found else self.pending
            self.asked = found[0].id if found else self.asked

    def act(self, action: Action, step: Step) -> None:
        """Do what an action does to the pictures."""
        self.among = action.of if action.kind == "ask" else ()
        self.unclear = step.text if self.among else ""
        if action.kind != "talk" and not (step.photos and not step.text):
            self.pending, self.asked = PendingQuestion.NOTHING, ""
        if action.kind == "show":
            self._show(action.of[0])
        elif action.kind == "delete":
            self.pictures = [each for each in self.pictures if each.id not in action.of]
        elif action.made:
            self._make(action, step)

    def _make(self, action: Action, step: Step) -> None:
        order = action.made[0] if len(action.made) > 1 else ""
        each_for_itself = len(action.of) == len(action.made) > 1
        for at, name in enumerate(action.made):
            source = action.of[at if each_for_itself else 0] if action.of else ""
            known = next((each for each in self.pictures if each.id == source), ChatPicture(""))
            words = _said(step)
            merged = (w for each in self.pictures if each.id in action.of for w in each.words)
            before = tuple(merged) if action.kind == "merge" else known.words
            is_said = action.kind == "again" or before[-1:] == (words,)
            said = before if is_said else (*before, words)
            again = known.operation if action.kind == "again" else None
            is_row = order and not each_for_itself
            made = ChatPicture(
                name,
                again or _OPERATIONS[action.kind],
                said,
                source,
                order if is_row else "",
                at + 1 if is_row else 0,
            )
            self._add(made, step)
        self.undone = []

    def _show(self, name: str) -> None:
        left = self.pictures[0]
        [shown] = [each for each in self.pictures if each.id == name]
        if name in self.undone:
            self.undone = self.undone[self.undone.index(name) + 1 :]
        elif _descends(left, name, self.pictures):
            self.undone.insert(0, left.id)
        self.pictures.remove(shown)
        self.pictures.insert(0, shown)

    def _add(self, picture: ChatPicture, step: Step) -> None:
        self.pictures = [replace(each, age_s=each.age_s + _AGE_S) for each in self.pictures]
        self.pictures.insert(0, picture)
        self.owners[picture.id] = step.is_of_other


def _said(step: Step) -> str:
    return step.text.replace(MENTION, "").strip(" ,")


def _descends(picture: ChatPicture, name: str, known: Sequence[ChatPicture]) -> bool:
    by_id = {each.id: each for each in known}
    seen = set[str]()
    while picture.parent and picture.parent not in seen:
        if picture.parent == name:
            return True
        seen.add(picture.parent)
        picture = by_id.get(picture.parent, ChatPicture(""))
    return False


def judge(script: Script, decide: Decide = lambda *_: None) -> Iterator[Judged]:
    """Read each message of a dialogue that the bot gets, and yield what became of it.

    `decide` is the chat model: it reads what is in doubt, or returns None.
    """
    for step, place in _played(script):
        chat, text = place.chat(step), _said(step)
        reading = read(text, chat)
        if asked := doubted(reading, chat):
            reading = settled(reading, asked, decide(step, text, chat, asked) or asked)
        kind, of = taken(reading, chat)
        yield Judged(script, step, kind, of, _verdict(kind, of, step.actions))
        place.point(reading, chat)


def messages(script: Script) -> Iterator[tuple[str, ChatState, Action]]:
    """Yield each text that the bot gets, its chat, and the best action."""
    for step, place in _played(script):
        yield _said(step), place.chat(step), step.actions[0]


def _played(script: Script) -> Iterator[tuple[Step, _Place]]:
    """Yield each message that the bot gets, in the chat as the right actions have left it."""
    place = _Place(script.is_group)
    for step in script.steps:
        place.send(step)
        if step.actions:
            if step.text and _is_addressed(script, step, place):
                yield step, place
            place.act(step.actions[0], step)


def _is_addressed(script: Script, step: Step, place: _Place) -> bool:
    if not script.is_group or MENTION in step.text.lower():
        return True
    replied = next((each for each in place.pictures if each.id == step.reply_to), None)
    return replied is not None and replied.operation is not None


def taken(reading: Reading, chat: ChatState) -> tuple[str, tuple[str, ...]]:
    """Return the action that a reading comes to, as dialogues name it, and its pictures."""
    if isinstance(reading, Ask):
        return "ask", reading.among
    found = this_picture(reading.which, chat)
    ids = tuple(each.id for each in found.pictures)
    if isinstance(reading, Order):
        if reading.intent is Intent.CREATE:
            return "new", ()
        kind = _KINDS.get(reading.operation or Operation.EDIT, "change")
        kind = kind if reading.intent is Intent.OPERATION else _BY_INTENT[reading.intent]
        if found.among or not ids:
            return "ask", tuple(each.id for each in found.among)
        return kind, ids
    topic = _BY_TOPIC.get(reading.topic) or _BY_INTENT.get(reading.intent, "talk")
    if topic not in {"show", "file", "delete", "info"}:
        return topic, ()
    return (topic, ids) if ids else ("ask" if found.among else "talk", ())


def _verdict(kind: str, of: tuple[str, ...], actions: Sequence[Action]) -> str:
    same = {kind}.union(*(each for each in _ALIKE if kind in each))
    alike = [each for each in actions if each.kind in same]
    if any(sorted(each.of) == sorted(of) or not each.of for each in alike):
        return "right"
    if kind == "ask":
        return "asked"
    is_paid = kind in PAID
    if is_paid and not any(each.kind in PAID for each in actions):
        return "for nothing"
    if kind in MAKING and any(sorted(each.of) == sorted(of) for each in actions if each.made):
        return "other operation"
    if kind != "new" and of and any(each.of for each in actions):
        meant = [each for each in actions if each.of]
        is_meant = any(set(each.of) & set(of) for each in meant)
        if not is_meant:
            return "wrong picture" if is_paid else "wrong shown"
    return "wrong action" if is_paid else "not done"


_ANSWERS = {
    "new": "create", "change": "change", "redraw": "redraw", "again": "redraw", "show": "show",
    "upscale": "upscale", "retouch": "retouch", "cutout": "removebg", "sticker": "sticker",
    "merge": "merge", "file": "file", "info": "wording", "talk": "talk", "nothing": "talk",
    "price": "question", "help": "question",
}  # fmt: skip


def _perfect(step: Step, chat: ChatState) -> dict[str, Any]:
    action = step.actions[0]
    ids = [each.id for each in chat.pictures]
    numbers = [ids.index(each) + 1 for each in action.of if each in ids]
    return {"intent": _ANSWERS.get(action.kind, "other"), "pictures": numbers}


def _random(dice: random.Random, chat: ChatState) -> dict[str, Any]:
    numbers = [dice.randint(-1, len(chat.pictures) + 1) for _ in range(dice.randint(0, 2))]
    words = dice.choice(["", "a golden crown", "всё сначала", "the"])
    intents = SCHEMA["intent"]["enum"]
    return {"intent": dice.choice(intents), "pictures": numbers, "words": words}


def _malicious(dice: random.Random, chat: ChatState) -> dict[str, Any]:
    """Return the dearest order that the form allows, in words of its own."""
    numbers = [dice.randint(1, len(chat.pictures))] if chat.pictures else []
    return {"intent": "create", "pictures": numbers, "words": "an advertisement for pills"}


def scripted(name: str) -> Decide:
    """Return a chat model that answers perfectly, randomly or maliciously."""
    dice = random.Random(11)

    def decide(step: Step, text: str, chat: ChatState, found: Ask) -> Reading | None:
        by_name = {"random": _random, "malicious": _malicious}
        told = by_name[name](dice, chat) if name in by_name else _perfect(step, chat)
        with suppress(ValueError, KeyError, TypeError):
            return decided({"words": "", "ratio": "", **told}, text, chat, found)
        return None

    return decide


def at_address(url: str, model: str) -> Decide:
    """Return a chat model at an address, as the bot asks it."""

    async def count_call() -> int:
        return 1

    key = SecretStr(os.environ["IMGBOT_CHAT_KEY"]) if "IMGBOT_CHAT_KEY" in os.environ else None
    chat_model, users = ChatModel(ChatClient(url, model, key, count_call)), count()

    def decide(_: Step, text: str, chat: ChatState, found: Ask) -> Reading:
        # Each as another user: the limit of one is no part of what is judged.
        return asyncio.run(chat_model.decide(next(users), text, chat, found))

    return decide


def main(arguments: Sequence[str] | None = None) -> int:
    """Judge files and print what came of it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(":")[0])
    parser.add_argument("files", nargs="*", default=LEARNED, help="names without .toml")
    parser.add_argument("--wrong", action="store_true", help="print what was misread")
    parser.add_argument("--chat", nargs=2, metavar=("URL", "MODEL"), help="ask this chat model")
    parser.add_argument("--scripted", choices=("perfect", "random", "malicious"))
    given = parser.parse_args(arguments)
    decide: Decide = scripted(given.scripted) if given.scripted else lambda *_: None
    decide = at_address(*given.chat) if given.chat else decide
    known: list[Judged] = []
    for name in given.files:
        judged = [each for script in read_scripts(name) for each in judge(script, decide)]
        known += judged
        print(f"{name}: {_figures(Counter(each.verdict for each in judged))}")
        if given.wrong:
            for each in judged:
                if each.verdict != "right":
                    print(f"  {_line(each)}")
    total = Counter(each.verdict for each in known)
    print(f"all: {_figures(total)}\nall: {_about_pictures(known)}")
    return int(total["for nothing"] > 0)


def _figures(found: Counter[str]) -> str:
    count = found.total()
    rest = ", ".join(f"{name} {found[name]}" for name in sorted(found) if name != "right")
    return f"{found['right']} of {count} right ({found['right'] / max(count, 1):.1%}); {rest}"


def _about_pictures(judged: Sequence[Judged]) -> str:
    """Return the figures of messages that are about pictures that there are, or ask for new ones.

    Right is who is not asked, and gets the right picture; whatever operation it is.
    """
    about = [each for each in judged if any(one.of for one in each.step.actions)]
    hit = sum(each.verdict in {"right", "other operation"} for each in about)
    paid = Counter(each.verdict for each in judged if each.kind in PAID)
    new = [each for each in judged if all(one.kind == "new" for one in each.step.actions)]
    at_once = sum(each.kind == "new" for each in new)
    return (
        f"right picture {hit} of {len(about)} ({hit / max(len(about), 1):.1%}), "
        f"paid for a wrong one {paid['wrong picture'] + paid['wrong action']}, "
        f"for nothing {paid['for nothing']}; prompts at once {at_once} of {len(new)}"
    )


def _line(judged: Judged) -> str:
    step = judged.step
    actions = " | ".join(" ".join((each.kind, *each.of)) for each in step.actions)
    about = f"reply {step.reply_to}: " if step.reply_to else ""
    read_as = " ".join((judged.kind, *judged.of))
    return f"{judged.verdict:13} [{judged.script.title}] {about}{step.text} => {actions}; {read_as}"


if __name__ == "__main__":
    sys.exit(main())
