"""Telegram, the provider and the users of one race, in a process of their own.

Users ask in a closed loop: a text, the picture, a time to think, the next text. Prints one line of
JSON when it listens, one when the measured window begins, and the figures at its end. Prints no
more until then; it ends with its standard input.
"""

import argparse
import asyncio
import io
import itertools
import json
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from PIL import Image, ImageFilter

from imgbot.sandbox.server import Sandbox
from imgbot.sandbox.state import Chat
from imgbot.sandbox.users import SandboxUsers

PROVIDER = "replicate"
SIDE = 1024
_PICTURES = 8
_PLACES = ("in an autumn forest", "by the sea", "under a starry sky", "in the rain")
_CONSONANTS, _VOWELS = "bdfgklmnprstvz", "aeiou"
_LOOK_S = 5.0


@dataclass(slots=True)
class Order:
    """One text and its picture; times are of the event loop's clock."""

    name: str
    asked_at_s: float
    shown_at_s: float = 0.0


@dataclass(slots=True)
class User:
    """One user and the order that they wait for."""

    chat: Chat
    asked_id: int = 0
    shown: asyncio.Event = field(default_factory=asyncio.Event)


class Users:
    """All users of one sandbox."""

    def __init__(self, sandbox: Sandbox, size: int, think_s: float) -> None:
        self._sandbox = sandbox
        self._people = SandboxUsers(sandbox.state)
        self._think_s = think_s
        self._names = map("".join, itertools.product(*(_CONSONANTS, _VOWELS) * 3))
        self.orders: list[Order] = []
        self._users: dict[int, User] = {}
        for number in range(size):
            info = sandbox.state.add_user(f"User {number + 1}", "", "en")
            self._users[info["id"]] = User(sandbox.state.chats[info["id"]])

    async def run(self, ramp_s: float) -> None:
        """Let everybody ask forever, their first texts spread over `ramp_s`."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch())
            for user in self._users.values():
                group.create_task(self._ask_forever(user, random.uniform(0, ramp_s)))

    async def _ask_forever(self, user: User, after_s: float) -> None:
        clock = asyncio.get_running_loop().time
        await asyncio.sleep(after_s)
        while True:
            # The name finds the provider's task of this order.
            name = next(self._names)
            text = f"a red fox named {name} {random.choice(_PLACES)}, watercolour"
            user.shown.clear()
            order = Order(name, clock())
            self.orders.append(order)
            posts = await self._people.send(user.chat, user.chat.id, {"text": text})
            user.asked_id = posts[0].id
            await user.shown.wait()
            order.shown_at_s = clock()
            await asyncio.sleep(self._think_s)

    async def _watch(self) -> None:
        """Tell each user when a message of the bot is a picture."""
        feed = self._sandbox.state.events
        seq = feed.last_seq
        while True:
            for event in await feed.wait_after(seq, _LOOK_S):
                seq = event.seq
                self._look(json.loads(event.data))

    def _look(self, event: dict[str, Any]) -> None:
        if event["type"] == "reset":
            raise RuntimeError("more happened at once than the sandbox's feed holds")
        message = event.get("message") or {}
        if message.get("outgoing") and ("photo" in message or "document" in message):
            user = self._users[event["chat_id"]]
            if message["message_id"] > user.asked_id:
                user.shown.set()


def pictures(kind: str) -> list[bytes]:
    """Return pictures as a model makes them: smooth shapes and a little grain."""
    return [_picture(kind, seed) for seed in range(_PICTURES)]


def _picture(kind: str, seed: int) -> bytes:
    dice = random.Random(seed)
    small = Image.frombytes("RGB", (24, 24), dice.randbytes(24 * 24 * 3))
    picture = small.resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    grain = Image.effect_noise((SIDE, SIDE), 24).filter(ImageFilter.GaussianBlur(1))
    picture = Image.blend(picture, Image.merge("RGB", (grain,) * 3), 0.15)
    buffer = io.BytesIO()
    picture.save(buffer, kind.upper(), quality=90)
    return buffer.getvalue()


def _play(sandbox: Sandbox, kind: str, picture_s: tuple[float, float]) -> None:
    """Make the provider take so long and hand out pictures that are there already."""
    played = sandbox.presets[PROVIDER]
    played.ledger.change_settings({"duration_s": picture_s})
    made = pictures(kind)
    played.render = lambda order: made[int(order.digest, 16) % len(made)]


def _say(**facts: object) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


async def _serve(options: argparse.Namespace) -> None:
    async with Sandbox(page=False) as sandbox:
        _play(sandbox, options.format, (options.least_s, options.most_s))
        played = sandbox.presets[PROVIDER]
        _say(url=sandbox.url, token=sandbox.token, provider=played.base_url, key=played.key)
        while not sandbox.state.poller.is_active:  # noqa: ASYNC110 nothing announces it
            await asyncio.sleep(0.05)
        users = Users(sandbox, options.users, options.think_s)
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(users.run(options.most_s + options.think_s))
            await asyncio.sleep(options.warm_s)
            await _measure(sandbox, users.orders, options.seconds)
            asking.cancel()
        await asyncio.to_thread(sys.stdin.read)


async def _measure(sandbox: Sandbox, orders: Sequence[Order], seconds: float) -> None:
    clock = asyncio.get_running_loop().time
    began_s, calls_before = clock(), _calls(sandbox)
    _say(began=True)
    await asyncio.sleep(seconds)
    ended_s, calls = clock(), _calls(sandbox)
    shown = [order for order in orders if began_s <= order.shown_at_s < ended_s]
    done = {
        task.order.words.partition(" named ")[2].partition(" ")[0]: task.ends_at
        for task in sandbox.presets[PROVIDER].ledger.tasks
    }
    _say(
        seconds=ended_s - began_s,
        pictures=len(shown),
        lags_s=[o.shown_at_s - done[o.name] for o in shown if o.name in done],
        waits_s=[o.shown_at_s - o.asked_at_s for o in shown],
        calls={name: count - calls_before.get(name, 0) for name, count in calls.items()},
    )


def _calls(sandbox: Sandbox) -> dict[str, int]:
    return sandbox.state.calls.view()["counts"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, required=True)
    parser.add_argument("--format", required=True)
    for name in ("least-s", "most-s", "think-s", "warm-s", "seconds"):
        parser.add_argument(f"--{name}", type=float, required=True)
    asyncio.run(_serve(parser.parse_args()))


if __name__ == "__main__":
    main()
