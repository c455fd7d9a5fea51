"""Simulated users of a sandbox, for load tests: they order in every way that the bot offers.

Each orders once in a while, at its own time, and once more in the peak, the last fifth of the time.
"""

import asyncio
import itertools
import json
import random
import tomllib
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from imgbot.sandbox.load_orders import LoadOrder, button_data
from imgbot.sandbox.state import Chat, Post, SandboxState
from imgbot.sandbox.users import SandboxUsers

USUAL_EVERY_S = 900.0
"""Mean time between a user's orders: the guide sizes the bot by one worker per 30 users and calls a
picture normal that takes less than 30 seconds, which keeps a worker of one picture just busy."""
PEAK_SHARE = 0.2
_MODERATED_SHARE, _LOST_SHARE = 0.05, 0.05
_MODERATED, _LOST = " [[sim:moderated]]", " [[sim:drop_after_accept]]"
_LANGUAGES = ("ru", "en")
_LOOK_S = 5.0


class Way(NamedTuple):
    """Way of ordering: how often it is chosen, and its steps."""

    share: int
    steps: Sequence[tuple[str, str]]
    """Actions of a user, each with its text, caption or button."""


_TABLES = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
WAYS: Mapping[str, Way] = {name: Way(**way) for name, way in _TABLES["ways"].items()}

_WITHOUT_PICTURE = {"again": "words", "larger": "upscale button", "reply": "caption"}
"""Ways that need an earlier picture, and the nearest one that does not."""

_TEXTS: dict[str, dict[str, Sequence[str]]] = _TABLES["texts"]
_SYLLABLES = [c + v for c in "bdfgklmnprst" for v in "aeiou"]


class NoAnswerError(Exception):
    """The bot did not reply as the dialogue needs to go on."""


class LoadUser:
    """User of one private chat, who makes one order at a time."""

    def __init__(self, users: "LoadUsers", chat: Chat, language: str, dice: random.Random) -> None:
        self._users = users
        self.dice = dice
        self._texts = _TEXTS[language]
        self.chat = chat
        self.changed = asyncio.Event()
        """Set whenever something in the chat is new."""
        self.open_orders: list[LoadOrder] = []
        self._latest: LoadOrder | None = None

    async def order(self) -> None:
        """Make one order and wait for its answer, or until the user's patience is over."""
        clock = asyncio.get_running_loop().time
        if self._latest:
            # The bot's messages from here on belong to the next.
            self._latest.until_id = self._last_id + 1
        self._latest = order = LoadOrder(self.chat, self._last_id, asked_at_s=clock())
        self._users.orders.append(order)
        try:
            await self._place(order)
        except NoAnswerError:
            return
        order.asked_at_s, order.is_made = clock(), True
        self.open_orders.append(order)
        self.look()
        try:
            async with asyncio.timeout(self._users.patience_s):
                await order.answered.wait()
        except TimeoutError:
            return  # the user goes on; the answer counts whenever it comes

    def look(self) -> None:
        """Look at the chat: which orders are answered by now, and may the dialogue go on."""
        self.changed.set()
        for order in [each for each in self.open_orders if self._users.is_answered(each)]:
            order.answered_at_s = asyncio.get_running_loop().time()
            order.answered.set()
            self.open_orders.remove(order)

    async def _place(self, order: LoadOrder) -> None:
        """Do everything up to the step that orders. Raises NoAnswerError."""
        if len(self._users.ways) > 1 and not self.chat.is_started:
            await self._say(order, text="/start")
            await self._until(order, order.after_id, "start:create")
        order.after_id = self._last_id
        steps, picture = self._choose(order)
        # The bot may count the first photo while the second is on its way: what the buttons are
        # under comes after the first step; where that presses one, it was there before.
        begun_id = 0
        # The bot takes the same photo twice in one merge for one photo.
        photos = iter(self.dice.sample(self._users.photos, k=len(self._users.photos)))
        for act, what in steps:
            match act:
                case "press":
                    self._press(order, await self._until(order, begun_id, what), what)
                case "hear":
                    await self._until(order, order.after_id, "")
                case "photo" | "album":
                    sent = list(itertools.islice(photos, 1 if act == "photo" else 2))
                    await self._say(order, photos=sent, caption=self._words(order, what))
                case _:
                    replied = picture.id if picture and act == "reply" else 0
                    words = self._words(order, what)
                    await self._say(order, text=words, reply_to_message_id=replied)
            begun_id = begun_id or order.after_id

    def _choose(self, order: LoadOrder) -> tuple[Sequence[tuple[str, str]], Post | None]:
        """Choose a way; return its steps, and the earlier picture that it may need."""
        ways = self._users.ways
        order.way = self.dice.choices(list(ways), [WAYS[way].share for way in ways])[0]
        act, prefix = WAYS[order.way].steps[0]
        needed = prefix if act == "press" else "up:2."
        picture = next((post for post in self._posts() if button_data(post, needed)), None)
        way = order.way if picture else _WITHOUT_PICTURE.get(order.way, order.way)
        return WAYS[way].steps, picture

    async def _say(self, order: LoadOrder, **fields: object) -> None:
        posts = await self._users.acts.send(self.chat.id, self.chat.id, **fields)
        order.after_id, order.query = posts[0].id, None

    def _press(self, order: LoadOrder, post: Post, prefix: str) -> None:
        order.after_id = self._last_id
        data = button_data(post, prefix)
        pressed = self._users.acts.press(self.chat.id, self.chat.id, post.id, data)
        order.query = self._users.state.queries[pressed["callback_query_id"]]

    async def _until(self, order: LoadOrder, after_id: int, prefix: str) -> Post:
        """Wait for a bot message with such a button; for any question if it is empty.

        Raises NoAnswerError, at once if the latest press is refused.
        """

        def found() -> Post | None:
            posts = (post for post in self._posts() if post.id > after_id)
            # The notification of the previous picture may come at any time.
            heard = (p for p in posts if p.message.get("text") not in self._users.passing)
            return next((p for p in heard if not prefix or button_data(p, prefix)), None)

        try:
            async with asyncio.timeout(self._users.patience_s):
                while (post := found()) is None:
                    if order.toast(self._users.passing):
                        raise NoAnswerError
                    self.changed.clear()
                    await self.changed.wait()
        except TimeoutError:
            raise NoAnswerError from None
        return post

    @property
    def _last_id(self) -> int:
        return max(self.chat.posts, default=0)

    def _posts(self) -> list[Post]:
        """Return the bot's messages, newest first."""
        return [p for p in reversed(self.chat.posts.values()) if p.is_outgoing and not p.is_deleted]

    def _words(self, order: LoadOrder, what: str) -> str:
        """Return words of a kind; a text that is no kind is returned as it is."""
        if what != "prompt":
            return self._text(what) if what in self._texts else what
        order.name = next(self._users.names)
        subject, place, manner = map(self._text, ("subject", "place", "manner"))
        is_lost = self._users.loses_answers and self._chance(_LOST_SHARE)
        order.is_moderated = self._users.has_marks and self._chance(_MODERATED_SHARE)
        marks = (_LOST if is_lost else "") + (_MODERATED if order.is_moderated else "")
        return f"{subject} {order.name} {place}, {manner}{marks}"

    def _text(self, kind: str) -> str:
        return self.dice.choice(self._texts[kind])

    def _chance(self, share: float) -> bool:
        return self.dice.random() < share


class LoadUsers:
    """Users of one sandbox; `passing` are texts of the bot that end no order."""

    def __init__(
        self,
        state: SandboxState,
        passing: Collection[str],
        patience_s: float,
        ways: Collection[str] = tuple(WAYS),
    ) -> None:
        self.state = state
        self.acts = SandboxUsers(state)
        self.passing = passing
        self.patience_s = patience_s
        self.ways = ways
        self.has_marks = True
        """False: no prompt asks the provider to refuse it."""
        self.loses_answers = False
        """True: the provider loses the answers to some submits."""
        self.orders: list[LoadOrder] = []
        self.photos: list[str] = []
        # Each prompt has a name of its own, by which its provider task is found.
        self.names = (
            "".join(name).capitalize() for name in itertools.product(_SYLLABLES, repeat=3)
        )
        self._users: dict[int, LoadUser] = {}

    @property
    def answered(self) -> int:
        return sum(order.answered_at_s is not None for order in self.orders)

    def is_answered(self, order: LoadOrder) -> bool:
        return order.replies(self.passing).is_complete

    async def gather(self, size: int, seed: int, photos: Sequence[Path] = ()) -> None:
        """Create the users, with these pictures to send."""
        keep = self.state.files.keep_upload
        self.photos = [keep(path, path.name) for path in photos]
        for number in range(size):
            language = _LANGUAGES[number % len(_LANGUAGES)]
            chat_id = self.state.add_user(f"User {number + 1}", "", language)["id"]
            dice = random.Random(seed * 1_000_003 + number)  # noqa: S311 pictures, not secrets
            self._users[chat_id] = LoadUser(self, self.state.chats[chat_id], language, dice)

    async def run(self, duration_s: float, every_s: float = USUAL_EVERY_S) -> None:
        """Let each order at times that do not depend on the bot; return when all are answered."""

        async def order_at_times(user: LoadUser) -> None:
            for at_s in order_times(duration_s, every_s, user.dice):
                await asyncio.sleep(begun_s + at_s - clock())
                await user.order()

        clock = asyncio.get_running_loop().time
        begun_s = clock()
        await self.act(order_at_times)

    async def act(self, act: Callable[[LoadUser], Coroutine[Any, Any, None]]) -> None:
        """Let every user act; return when all have."""
        async with asyncio.TaskGroup() as group:
            watch = group.create_task(self._watch())
            async with asyncio.TaskGroup() as acting:
                for user in self._users.values():
                    acting.create_task(act(user))
            watch.cancel()

    async def _watch(self) -> None:
        """Wake the users in whose chats something is new."""
        feed = self.state.events
        seq = feed.last_seq
        while True:
            for event in await feed.wait_after(seq, _LOOK_S):
                seq = event.seq
                happened = json.loads(event.data)
                if happened["type"] == "reset":
                    # More happened at once than the feed holds.
                    self.look_at_all()
                elif user := self._users.get(happened.get("chat_id", 0)):
                    user.look()

    def look_at_all(self) -> None:
        for user in self._users.values():
            user.look()


def order_times(duration_s: float, every_s: float, dice: random.Random) -> list[float]:
    """Return the seconds at which one user orders."""
    peak_s = duration_s * (1 - PEAK_SHARE)
    times: list[float] = []
    at_s = dice.expovariate(1 / every_s)
    while at_s < peak_s:
        times.append(at_s)
        at_s += dice.expovariate(1 / every_s)
    return [*times, dice.uniform(peak_s, duration_s)]
