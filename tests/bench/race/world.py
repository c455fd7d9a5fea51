"""Telegram, the provider and the users of one race, in a process of their own.

Users ask in a closed loop: a text, or a photo with a caption; the picture; a time to think; the
next one. The provider refuses orders over Replicate's documented limit. Prints one line of JSON
when it listens, one when the measured window begins, and the figures at its end. Prints no more
until then; it ends with its standard input.
"""

import argparse
import asyncio
import io
import json
import random
import sys
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageFilter

from imgbot.domain.errors import ProviderErrorKind
from imgbot.ops import loadtest
from imgbot.ops.loadtest.run import PASSING
from imgbot.providers.declarative.spec import read_spec
from imgbot.providers.spec_file import read_preset
from imgbot.sandbox.load_orders import LoadOrder
from imgbot.sandbox.load_users import LoadUser, LoadUsers
from imgbot.sandbox.provider_tasks import Refusal, Task, TaskLedger
from imgbot.sandbox.server import Sandbox
from imgbot.sandbox.simulated_provider import NAME
from tests.bench.race import peer

LIMITS = read_spec(read_preset("replicate")).limits
WAYS = ("words", "caption")
"""Ways of the users; the shares are those of a load test."""

SIDE = 1024
_PHOTOS = sorted((Path(loadtest.__file__).parent / "photos").glob("*.jpg"))
_PICTURES = 8
_PATIENCE_S = 3600.0


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


class LimitedLedger(TaskLedger):
    """Tasks of a provider that refuses what is over its documented limit."""

    def __init__(self) -> None:
        super().__init__()
        self._latest_s = deque[float](maxlen=LIMITS.orders)

    def submit(self, task: Task, now: float) -> Task:
        is_full = len(self._latest_s) == LIMITS.orders
        if is_full and now - self._latest_s[0] < LIMITS.window_s:
            raise Refusal(ProviderErrorKind.RATE_LIMITED)
        self._latest_s.append(now)
        return super().submit(task, now)


def _play(sandbox: Sandbox, kind: str, picture_s: tuple[float, float]) -> None:
    """Make the provider take so long and hand out pictures that are there already."""
    provider = sandbox.providers[NAME]
    provider.ledger = LimitedLedger()
    provider.ledger.change_settings({"duration_s": picture_s})
    made = pictures(kind)
    provider.render = lambda task: made[int(task.digest, 16) % len(made)]


def _say(**facts: object) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


async def _serve(options: argparse.Namespace) -> None:
    async with Sandbox(page=False) as sandbox:
        _play(sandbox, options.format, (options.least_s, options.most_s))
        provider = sandbox.providers[NAME]
        _say(url=sandbox.url, token=sandbox.token, provider=provider.base_url, key=provider.key)
        while not sandbox.state.updates.is_polled:  # noqa: ASYNC110 nothing announces it
            await asyncio.sleep(0.05)
        passing = PASSING | {peer.QUEUED, peer.WORKING}
        users = LoadUsers(sandbox.state, passing, _PATIENCE_S, WAYS)
        users.has_marks = False
        await users.gather(options.users, seed=1, photos=_PHOTOS)
        for chat in sandbox.state.chats.values():
            # The peers know no /start.
            chat.is_started = True

        async def order_forever(user: LoadUser) -> None:
            await asyncio.sleep(random.uniform(0, options.most_s + options.think_s))
            while True:
                await user.order()
                await asyncio.sleep(options.think_s)

        async with asyncio.TaskGroup() as group:
            asking = group.create_task(users.act(order_forever))
            await asyncio.sleep(options.warm_s)
            await _measure(sandbox, users.orders, options.seconds)
            asking.cancel()
        await asyncio.to_thread(sys.stdin.read)


async def _measure(sandbox: Sandbox, orders: Sequence[LoadOrder], seconds: float) -> None:
    clock = asyncio.get_running_loop().time
    began_s, calls_before = clock(), _calls(sandbox)
    _say(began=True)
    await asyncio.sleep(seconds)
    ended_s, calls = clock(), _calls(sandbox)
    shown = [
        order
        for order in orders
        if began_s <= (order.answered_at_s or 0.0) < ended_s and order.replies(()).pictures
    ]
    # The provider's task of an order is found by the name in its prompt; captions have none.
    done = {
        word: task.ends_at
        for task in sandbox.providers[NAME].ledger.tasks
        for word in task.words.replace(",", "").split()
    }
    _say(
        seconds=ended_s - began_s,
        pictures=len(shown),
        with_photos=sum(order.way == "caption" for order in shown),
        lags_s=[(o.answered_at_s or 0.0) - done[o.name] for o in shown if o.name in done],
        waits_s=[o.seconds for o in shown],
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
