"""Steady load on a cluster, and its judge: what users ordered and wrote, and what became of it.

Each order and each setting comes from a user of their own. The judge looks at the chats and at the
provider's ledger, not at what the bot says of itself.
"""

import asyncio
import itertools
import json
import time
from collections import Counter
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from typing import Self

from imgbot.domain.errors import StorageUnavailableError
from imgbot.domain.texts import t
from imgbot.ops.loadtest.run import PASSING
from imgbot.sandbox.load_orders import LoadOrder, Replies
from imgbot.sandbox.server import Sandbox
from imgbot.sandbox.simulated_provider import NAME
from imgbot.sandbox.state import Chat
from imgbot.sandbox.users import SandboxUsers
from imgbot.storage import keys
from imgbot.storage.client import Client, connect
from tests.fixtures.sandbox import picture
from tests.fixtures.waiting import eventually

ORDERS_PER_S = 3.0
SETTING_EVERY = 6
"""Orders for each setting."""

DELAYED_S = 10.0
"""From order to picture: more counts as delayed."""

_SYLLABLES = [c + v for c in "bdfgklmnprst" for v in "aeiou"]
_TOLD = 20
_LOOK_S, _ANSWER_S = 0.5, 60.0
_IDLE_S, _SETTLED_S = 6.0, 180.0
"""Without a job for so long, or at last after this time, nothing more is expected."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What became of the orders and settings of one scene, or of several."""

    orders: int = 0
    good: int = 0
    """Exactly one picture, and no reason."""
    charged: int = 0
    charged_twice: int = 0
    shown_twice: int = 0
    """More than one picture or reason."""
    lost: int = 0
    """No picture, and no reason."""
    left_at_working: int = 0
    """All that its user sees at the end is that it is under way."""
    stray: int = 0
    """Answered, and another message says that it is under way: sent by a bot that ended before it
    had stored which message that is. Telegram's sendMessage has no key against repetition."""
    refused: int = 0
    """A reason, and no picture."""
    delayed: int = 0
    settings: int = 0
    """Written by users."""
    settings_gone: int = 0
    """Of them, those that are not kept, or were never acknowledged."""
    violations: int = 0
    """Calls that Telegram would have ignored."""
    incomplete: int = 0
    """Clusters that did not become complete again."""
    longest_gap_s: float = 0.0
    """Between two pictures, while orders came."""

    @property
    def broken(self) -> list[str]:
        """Names of the figures that tell of a broken promise."""
        return [name for name in _NEVER if getattr(self, name)]

    def __add__(self, other: Self) -> "Figures":
        mine, others = asdict(self), asdict(other)
        gap_s = max(mine.pop("longest_gap_s"), others.pop("longest_gap_s"))
        sums = {name: value + others[name] for name, value in mine.items()}
        return Figures(**sums, longest_gap_s=gap_s)

    @staticmethod
    def names() -> list[str]:
        return [each.name for each in fields(Figures)]


_NEVER = (
    "charged_twice", "shown_twice", "lost", "left_at_working", "settings_gone", "violations",
    "incomplete",
)  # fmt: skip


class Load:
    """Orders and settings at a steady rate, and what is known of them."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._state = sandbox.state
        self._acts = SandboxUsers(sandbox.state)
        self._ledger = sandbox.providers[NAME].ledger
        self._ledger.change_settings({"duration_s": [0.6, 0.9]})
        small = picture(256, 256)
        # Drawing would take more of the processor than the cluster does.
        sandbox.providers[NAME].render = lambda task: small
        self._names = map("".join, itertools.product(_SYLLABLES, repeat=3))
        self._orders: dict[int, LoadOrder] = {}
        """By chat."""
        self._writers: list[Chat] = []
        self._shown_s: list[float] = []
        self._counted_s = (0.0, 0.0)

    async def keep_ordering(self) -> None:
        """Order and write settings until cancelled."""
        for number in itertools.count():
            chat, name = self._new_chat(), next(self._names).capitalize()
            said_id = await self._say(chat, f"a fox {name} in the snow")
            order = LoadOrder(chat, said_id, name=name, asked_at_s=time.monotonic(), is_made=True)
            self._orders[chat.id] = order
            if number % SETTING_EVERY == 0:
                chat = self._new_chat()
                await self._say(chat, "/quiet")
                self._writers.append(chat)
            await asyncio.sleep(1 / ORDERS_PER_S)

    async def watch(self) -> None:
        """Note when pictures are shown, until cancelled."""
        feed = self._state.events
        seq = feed.last_seq
        while True:
            for event in await feed.wait_after(seq, _ANSWER_S):
                seq = event.seq
                happened = json.loads(event.data)
                order = self._orders.get(happened.get("chat_id", 0))
                if order and order.answered_at_s is None and "photo" in happened.get("message", ""):
                    order.answered_at_s = time.monotonic()
                    self._shown_s.append(order.answered_at_s)

    async def begin(self) -> None:
        """Wait for the first picture; gaps count from now on."""

        async def shown() -> list[float]:
            return self._shown_s

        await eventually(shown, what="a picture")
        self._counted_s = (time.monotonic(), 0.0)

    def end(self) -> None:
        """Gaps count until now."""
        self._counted_s = (self._counted_s[0], time.monotonic())

    async def settle(self, url: str) -> None:
        """Wait until every order is answered, or no job is left that could answer one."""
        redis = connect(url)
        now_s = busy_s = begun_s = time.monotonic()
        while now_s - busy_s < _IDLE_S and now_s - begun_s < _SETTLED_S:
            if all(self._replies(order).is_complete for order in self._orders.values()):
                break
            await asyncio.sleep(_LOOK_S)
            now_s = time.monotonic()
            if self._state.updates._waiting or await _has_jobs(redis):
                busy_s = now_s
        await redis.aclose()

    async def figures(self, *, is_complete: bool) -> Figures:
        """Judge all; asks for the settings."""
        found = {order: self._replies(order) for order in self._orders.values()}
        charges = self._charges()
        return Figures(
            orders=len(found),
            good=sum(_is_good(each) for each in found.values()),
            charged=sum(charges.values()),
            charged_twice=sum(count - 1 for count in charges.values()),
            shown_twice=sum(
                len(each.pictures) + len(each.sentences) > 1 for each in found.values()
            ),
            lost=sum(not each.is_complete for each in found.values()),
            left_at_working=sum(_is_left(each) for each in found.values()),
            stray=sum(each.is_complete and bool(each.unfinished) for each in found.values()),
            refused=sum(bool(each.sentences) and not each.pictures for each in found.values()),
            delayed=sum((order.seconds or 0.0) > DELAYED_S for order in found),
            settings=len(self._writers),
            settings_gone=await self._settings_gone(),
            violations=len(self._state.calls.view()["violations"]),
            incomplete=int(not is_complete),
            longest_gap_s=self._longest_gap_s(),
        )

    def oddities(self) -> list[str]:
        """The first orders that are not good, and what their users see."""
        odd = (each for each in self._orders.values() if not _is_good(self._replies(each)))
        return [
            f"{order.name}: {order.description(PASSING)}" for order in itertools.islice(odd, _TOLD)
        ]

    def _longest_gap_s(self) -> float:
        begun_s, ended_s = self._counted_s
        shown_s = [each for each in self._shown_s if begun_s < each < ended_s]
        pairs = itertools.pairwise([begun_s, *shown_s, ended_s])
        return round(max(after - before for before, after in pairs), 1)

    def _charges(self) -> Counter[str]:
        """Number of charges by the name in the prompt."""
        words = {task.id: task.words.split()[2] for task in self._ledger.tasks}
        return Counter(words[charge["task_id"]] for charge in self._ledger.charges)

    async def _settings_gone(self) -> int:
        """Switch each setting back, and count the users for whom there was nothing to switch."""
        before = {chat.id: len(_said(chat)) for chat in self._writers}
        acknowledged = [chat for chat in self._writers if t("en", "quiet_on") in _said(chat)]
        for chat in acknowledged:
            await self._say(chat, "/quiet")

        async def are_answered() -> bool:
            return all(len(_said(chat)) > before[chat.id] for chat in acknowledged)

        with suppress(AssertionError):
            await eventually(are_answered, what="answers to /quiet", within_s=_ANSWER_S)
        kept = sum(_said(chat)[-1] == t("en", "quiet_off") for chat in acknowledged)
        return len(self._writers) - kept

    def _new_chat(self) -> Chat:
        return self._state.chats[self._state.add_user("User", "", "en")["id"]]

    async def _say(self, chat: Chat, text: str) -> int:
        [post] = await self._acts.send(chat.id, chat.id, text=text)
        return post.id

    @staticmethod
    def _replies(order: LoadOrder) -> Replies:
        return order.replies(PASSING)


def _is_good(replies: Replies) -> bool:
    return len(replies.pictures) == 1 and not replies.sentences


def _is_left(replies: Replies) -> bool:
    return bool(replies.unfinished) and not replies.is_complete


def _said(chat: Chat) -> list[str]:
    return [post.message.get("text", "") for post in chat.posts.values() if post.is_outgoing]


async def _has_jobs(redis: Client) -> bool:
    try:
        return bool(await redis.keys(f"{keys.JOB}*") or await redis.exists(keys.DEFERRED))
    except StorageUnavailableError:
        return True
