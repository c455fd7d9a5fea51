"""All users of a load test: each runs their orders, and all orders are recorded."""

import asyncio
import json
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from imgbot.sandbox.load.orders import PlacedOrder, answers
from imgbot.sandbox.load.plan import Scenario
from imgbot.sandbox.load.user import LoadUser, NoAnswerError
from imgbot.sandbox.state import SandboxState
from imgbot.sandbox.users import SandboxUsers

_LANGUAGES = ("ru", "en")
_LOOK_S = 5.0


class LoadUsers:
    """Users of one sandbox; `passing` are texts of the bot that end no order."""

    def __init__(
        self, world: SandboxState, size: int, passing: Collection[str], patience_s: float
    ) -> None:
        self._world = world
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
        files = self._world.files
        keys = [(await files.keep_upload(path, path.name)).file_id for path in photos]
        people = SandboxUsers(self._world)
        for number in range(self._size):
            language = _LANGUAGES[number % len(_LANGUAGES)]
            user = self._world.add_user(f"Person {number + 1}", "", language)
            chat = self._world.chats[user["id"]]
            person = LoadUser(people, chat, language, keys, self._passing, self._patience_s)
            self._persons.append(person)
            self._by_chat[chat.id] = person

    async def run(self, errands: Sequence[Scenario], part: int = 0) -> None:
        """Run the orders, each at its time or when the user's previous one is done."""
        begun_s = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as group:
            watch = group.create_task(self._watch())
            async with asyncio.TaskGroup() as acting:
                for errand in errands:
                    acting.create_task(self._errand(errand, part, begun_s + errand.at_s))
            watch.cancel()

    async def _errand(self, errand: Scenario, part: int, due_s: float) -> None:
        clock: Callable[[], float] = asyncio.get_running_loop().time
        await asyncio.sleep(due_s - clock())
        person = self._persons[errand.person]
        async with person.turn:
            self._close_former(person)
            order = PlacedOrder(errand, person.chat.id, part, person.last_id, ordered_at_s=clock())
            self.orders.append(order)
            self._latest[person.chat.id] = order
            try:
                await person.order(errand)
            except NoAnswerError:
                return
            finally:
                order.query = self._world.queries.get(person.query_id)
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
            chat = self._world.chats[order.chat_id]
            if answers(order, chat, self._passing).is_complete:
                order.answered_at_s = now_s
                self._late.remove(order)

    async def _watch(self) -> None:
        """Wake the users in whose chats something is new."""
        feed = self._world.events
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
