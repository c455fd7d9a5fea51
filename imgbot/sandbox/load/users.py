"""All users of a load test: each runs their orders, and all orders are recorded."""

import asyncio
import json
import random
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from imgbot.sandbox.load.orders import PlacedOrder, answers, button
from imgbot.sandbox.load.plan import Scenario, Way, Words
from imgbot.sandbox.state import Chat, Post, SandboxState
from imgbot.sandbox.users import SandboxUsers

_MENU = "start:create"
_AGAIN, _UP = "again:", "up:2."
_PHOTO_EDIT, _PHOTO_RETOUCH, _PHOTO_UPSCALE = "photo:edit", "photo:retouch", "photo:x2"
_MERGE = "merge:"


class NoAnswerError(Exception):
    """The bot did not reply as the dialogue needs to go on."""


class LoadUser:
    """User of one private chat; callers run one order at a time."""

    def __init__(
        self,
        people: SandboxUsers,
        chat: Chat,
        language: str,
        photos: Sequence[str],
        passing: Collection[str],
        patience_s: float,
    ) -> None:
        self._people = people
        self._passing = passing
        self.chat = chat
        self._language = language
        self._photos = photos
        self._patience_s = patience_s
        self.changed = asyncio.Event()
        """Set whenever something in the chat is new."""
        self.turn = asyncio.Lock()
        self.after_id = 0
        """Last message before the step that orders."""
        self.query_id = ""
        """Button press that was the latest step; empty if the step was none."""
        self._words = Words(language, random.Random())  # noqa: S311 pictures, not secrets
        self._dice = random.Random()  # noqa: S311

    @property
    def last_id(self) -> int:
        return max(self.chat.posts, default=0)

    async def order(self, scenario: Scenario) -> None:
        """Do everything up to the step that orders. Raises NoAnswerError."""
        self._dice = random.Random(scenario.seed)  # noqa: S311
        self._words = Words(self._language, self._dice)
        self.after_id = self.last_id
        if not self.chat.is_started:
            await self._say(text="/start")
            await self._until(_MENU, self.after_id)
        self.after_id = self.last_id
        await self._go(scenario)

    async def _go(self, scenario: Scenario) -> None:
        picture = self._latest_picture()
        prefix = {Way.AGAIN: _AGAIN, Way.LARGER: _UP}.get(scenario.way, "")
        if picture and prefix and button(picture, prefix):
            self._press(picture, prefix)
        elif picture and scenario.way is Way.REPLY:
            await self._say(text=self._words.change(), reply_to_message_id=picture.id)
        else:
            await self._anew(scenario)

    async def _anew(self, scenario: Scenario) -> None:
        """Order without an existing picture, in the way nearest to the planned one."""
        match scenario.way:
            case Way.MENU:
                await self._asked(self._menu(), _MENU)
                await self._say(text=self._words.picture())
            case Way.CAPTION | Way.REPLY:
                await self._say(photos=[self._photo()], caption=self._words.change())
            case Way.RETOUCH:
                await self._say(photos=[self._photo()], caption="/retouch")
            case Way.ASKED | Way.RETOUCH_BUTTON | Way.UPSCALE_BUTTON | Way.LARGER:
                await self._with_a_photo_alone(scenario.way)
            case Way.ALBUM:
                photos = self._dice.sample(self._photos, k=2)
                await self._say(photos=photos, caption=self._words.merge())
            case Way.MERGE:
                await self._merge()
            case _:
                words = self._words.picture(is_moderated=scenario.is_moderated)
                await self._say(text=words)

    async def _with_a_photo_alone(self, way: Way) -> None:
        await self._say(photos=[self._photo()])
        if way is Way.ASKED:
            await self._asked(await self._until(_PHOTO_EDIT, self.after_id), _PHOTO_EDIT)
            await self._say(text=self._words.change())
            return
        prefix = _PHOTO_RETOUCH if way is Way.RETOUCH_BUTTON else _PHOTO_UPSCALE
        self._press(await self._until(prefix, self.after_id), prefix)

    async def _merge(self) -> None:
        await self._say(text="/merge")
        begun_id = self.after_id
        await self._until("", begun_id)
        for photo in self._dice.sample(self._photos, k=2):
            await self._say(photos=[photo])
        # The bot may count the first photo while the second is on its way.
        self._press(await self._until(_MERGE, begun_id), _MERGE)

    async def _say(self, **wish: object) -> None:
        posts = await self._people.send(self.chat, self.chat.id, dict(wish))
        self.after_id, self.query_id = posts[0].id, ""

    def _press(self, post: Post, prefix: str) -> None:
        self.after_id = self.last_id
        data = button(post, prefix)
        self.query_id = self._people.press(self.chat, self.chat.id, post.id, data)

    async def _asked(self, post: Post, prefix: str) -> None:
        """Press the button that makes the bot ask, and wait for the question."""
        self._press(post, prefix)
        await self._until("", self.after_id)

    async def _until(self, prefix: str, after_id: int) -> Post:
        """Wait for a bot message with such a button; for any question if it is empty."""

        def found() -> Post | None:
            posts = (p for p in self._posts() if p.id > after_id)
            # The notification of the previous picture may come at any time.
            said = (p for p in posts if p.message.get("text") not in self._passing)
            return next((p for p in said if not prefix or button(p, prefix)), None)

        try:
            async with asyncio.timeout(self._patience_s):
                while (post := found()) is None:
                    self.changed.clear()
                    await self.changed.wait()
        except TimeoutError:
            raise NoAnswerError from None
        return post

    def _posts(self) -> list[Post]:
        """Return the bot's messages, newest first."""
        found = [p for p in self.chat.posts.values() if p.is_outgoing and not p.is_deleted]
        return found[::-1]

    def _latest_picture(self) -> Post | None:
        return next((post for post in self._posts() if button(post, _UP)), None)

    def _menu(self) -> Post:
        return next(post for post in self._posts() if button(post, _MENU))

    def _photo(self) -> str:
        return self._dice.choice(self._photos)


_LANGUAGES = ("ru", "en")
_LOOK_S = 5.0


class LoadUsers:
    """Users of one sandbox; `passing` are texts of the bot that end no order."""

    def __init__(
        self, state: SandboxState, size: int, passing: Collection[str], patience_s: float
    ) -> None:
        self._state = state
        self._size = size
        self._passing = passing
        self._patience_s = patience_s
        self._persons: list[LoadUser] = []
        self._by_chat: dict[int, LoadUser] = {}
        self.orders: list[PlacedOrder] = []
        self._latest: dict[int, PlacedOrder] = {}
        self._late: list[PlacedOrder] = []

    @property
    def answered(self) -> int:
        return sum(order.answered_at_s is not None for order in self.orders)

    async def gather(self, photos: Sequence[Path]) -> None:
        """Create the users, with these pictures to send."""
        files = self._state.files
        keys = [(await files.keep_upload(path, path.name)).file_id for path in photos]
        people = SandboxUsers(self._state)
        for number in range(self._size):
            language = _LANGUAGES[number % len(_LANGUAGES)]
            user = self._state.add_user(f"Person {number + 1}", "", language)
            chat = self._state.chats[user["id"]]
            person = LoadUser(people, chat, language, keys, self._passing, self._patience_s)
            self._persons.append(person)
            self._by_chat[chat.id] = person

    async def run(self, scenarios: Sequence[Scenario], part: int = 0) -> None:
        """Run the orders, each at its time or when the user's previous one is done."""
        begun_s = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as group:
            watch = group.create_task(self._watch())
            async with asyncio.TaskGroup() as acting:
                for scenario in scenarios:
                    acting.create_task(self._scenario(scenario, part, begun_s + scenario.at_s))
            watch.cancel()

    async def _scenario(self, scenario: Scenario, part: int, due_s: float) -> None:
        clock: Callable[[], float] = asyncio.get_running_loop().time
        await asyncio.sleep(due_s - clock())
        person = self._persons[scenario.person]
        async with person.turn:
            self._close_former(person)
            order = PlacedOrder(
                scenario, person.chat.id, part, person.last_id, ordered_at_s=clock()
            )
            self.orders.append(order)
            self._latest[person.chat.id] = order
            try:
                await person.order(scenario)
            except NoAnswerError:
                return
            finally:
                order.query = self._state.queries.get(person.query_id)
            order.after_id, order.ordered_at_s = person.after_id, clock()
            order.is_made = True
            await self._answer(person, order)

    def _close_former(self, person: LoadUser) -> None:
        """Close the previous order: the bot's messages from here on belong to the next."""
        if former := self._latest.get(person.chat.id):
            former.until_id = person.last_id + 1

    async def _answer(self, person: LoadUser, order: PlacedOrder) -> None:
        clock = asyncio.get_running_loop().time
        try:
            async with asyncio.timeout(self._patience_s):
                while not answers(order, person.chat, self._passing).is_complete:
                    person.changed.clear()
                    await person.changed.wait()
        except TimeoutError:
            # The user goes on; the answer counts whenever it comes.
            self._late.append(order)
            return
        order.answered_at_s = clock()

    def look_for_late(self, *chat_ids: int) -> None:
        """Find late answers to orders, in these chats or in all of them."""
        now_s = asyncio.get_running_loop().time()
        for order in [o for o in self._late if not chat_ids or o.chat_id in chat_ids]:
            chat = self._state.chats[order.chat_id]
            if answers(order, chat, self._passing).is_complete:
                order.answered_at_s = now_s
                self._late.remove(order)

    async def _watch(self) -> None:
        """Wake the users in whose chats something is new."""
        feed = self._state.events
        seq = feed.last_seq
        while True:
            for event in await feed.wait_after(seq, _LOOK_S):
                seq = event.seq
                happened = json.loads(event.data)
                if happened["type"] == "reset":
                    # More happened at once than the feed stores: wake everybody.
                    for person in self._persons:
                        person.changed.set()
                    self.look_for_late()
                elif person := self._by_chat.get(happened.get("chat_id", 0)):
                    person.changed.set()
                    self.look_for_late(person.chat.id)
