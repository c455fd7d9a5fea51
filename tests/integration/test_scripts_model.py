"""Scripts beside the queue's against a model: in any order, repeated, and of stale epochs.

Those of jobs are in `test_job_queue_model`.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from hypothesis import Phase, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from imgbot.domain.errors import FencedError
from imgbot.features.albums.store import ALBUM, ALBUMS
from imgbot.features.alerts.store import ALARM, INCIDENTS
from imgbot.features.broadcast.broadcasts import BROADCAST_LEFT, BROADCAST_OF
from imgbot.storage import keys
from imgbot.storage.client import Client, connect
from tests.fixtures.scripts import play
from tests.simulation.bugs import Bug
from tests.unit.conftest import FakeClient

NOW, LONG_MS = 1_800_000_000_000, 10_000_000
_SOME = st.sampled_from(range(3))
_REPEATS = st.sampled_from((0, 0, 1))
_ITEMS = st.sampled_from(range(6))


class ScriptsMachine(RuleBasedStateMachine):
    """Calls of scripts by two bots, each held to what a model says of it."""

    open_client: ClassVar[Callable[[], Client]]

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.clients = [type(self).open_client() for _ in range(2)]
        self.redis: Any = self.clients[0]
        for bot, client in enumerate(self.clients):
            client.epoch = f"0-none{bot}"
        self.runner.run(self.empty())
        self.number, self.epoch, self.leader = 0, "", ""
        self.albums = defaultdict[str, list[str]](list)
        self.begun, self.due = dict[str, int](), dict[str, int]()
        self.photos = ["u0"]
        self.deferred = defaultdict[str, dict[int, str]](dict)
        self.handled = set[int]()
        self.counted, self.counts = set[str](), defaultdict[int, int](int)
        self.broadcast, self.states = "", dict[str, str]()
        self.left = dict[str, list[str]]()
        self.in_hand = dict[str, str]()
        self.outcomes = defaultdict[str, dict[str, int]](dict)
        self.incidents, self.notices = dict[str, str](), defaultdict[str, list[str]](list)
        self.chosen = dict[str, str]()

    async def empty(self) -> None:
        await self.redis.flushall()
        job = {"state": "queued", "operation": "merge", "sources": '[["f0", "u0"]]'}
        await self.redis.hset(f"{keys.JOB}m", mapping=job)
        for name in ("a", "b"):
            await self.redis.hset(f"{BROADCAST_OF}{name}", "state", "draft")
            members = {str(user): user for user in range(3)}
            await self.redis.zadd(f"{BROADCAST_LEFT}{name}", members)

    def call(self, name: str, repeats: int = 0, bot: int = 0, **values: Any) -> list[Any]:
        """Call a script, more than once if its answers are lost."""
        for _ in range(repeats):
            self.runner.run(self.clients[bot].call(name, **values))
        return self.runner.run(self.clients[bot].call(name, **values))

    def fenced(self, name: str, repeats: int, bot: int, **values: Any) -> list[Any] | None:
        """Call a script as a bot that may be stale; None if it is."""
        if self.clients[bot].epoch == self.epoch:
            return self.call(name, repeats, bot, **values)
        with pytest.raises(FencedError):
            self.call(name, repeats, bot, **values)
        return None

    # Epochs and the lease

    @rule(bot=_SOME, uuid=_SOME, repeats=_REPEATS)
    def take_lease(self, bot: int, uuid: int, repeats: int) -> None:
        bot, own = bot % 2, f"uuid{uuid}"
        values = {"uuid": own, "about": f"h{bot}", "lease_ms": LONG_MS}
        verdict, told = self.call("take_lease", repeats, bot, **values)
        if self.leader and own not in self.leader:
            assert (verdict, told) == ("held", self.leader)
            return
        if not self.leader:
            self.number += 1
            self.epoch = f"{self.number}-{own}"
            self.leader = f"{self.epoch} h{bot}"
        assert (verdict, told) == ("ok", self.leader.split()[0])
        self.clients[bot].epoch = told

    @rule(bot=_SOME)
    def open_epoch(self, bot: int) -> None:
        self.number += 1
        self.epoch = f"{self.number}-own{bot}"
        assert self.call("open_epoch", uuid=f"own{bot}") == ["ok", self.epoch]
        self.clients[bot % 2].epoch = self.epoch

    @rule(bot=_SOME, repeats=_REPEATS)
    def renew_lease(self, bot: int, repeats: int) -> None:
        values = {"about": f"h{bot % 2}", "lease_ms": LONG_MS}
        if self.fenced("renew_lease", repeats, bot % 2, **values):
            self.leader = f"{self.epoch} h{bot % 2}"

    @rule(bot=_SOME)
    def close_epoch(self, bot: int) -> None:
        if self.fenced("close_epoch", 0, bot % 2):
            self.epoch = self.epoch.partition("-")[0]
            self.leader = ""

    # Albums

    @rule(album=_SOME, item=_ITEMS, after_ms=_ITEMS, is_complete=st.booleans(), repeats=_REPEATS)
    def add_item(
        self, album: int, item: int, after_ms: int, is_complete: bool, repeats: int
    ) -> None:
        name, now_ms = f"1.g{album}", NOW + after_ms * 1000
        values = {"quiet_ms": 1500, "limit_ms": 6000, "items_limit": 4}
        told = {"album_id": name, "person": f"1.{album}", "item": f"i{item}", "now_ms": now_ms}
        self.call("add_album_item", repeats, **told, **values, is_complete=int(is_complete))
        items = self.albums[name]
        if f"i{item}" not in items:
            items.append(f"i{item}")
        begun_ms = self.begun.setdefault(name, now_ms)
        is_full = is_complete or len(items) >= 4
        self.due[name] = now_ms if is_full else min(now_ms + 1500, begun_ms + 6000)

    @rule(album=_SOME, items=st.lists(_ITEMS, max_size=4), repeats=_REPEATS)
    def close_album(self, album: int, items: list[int], repeats: int) -> None:
        name, closed = f"1.g{album}", [f"i{item}" for item in items]
        self.call("close_album", repeats, album_id=name, job_id="", items=closed)
        self.albums[name] = [each for each in self.albums[name] if each not in closed]
        if not self.albums[name]:
            self.begun.pop(name, None)
            self.due.pop(name, None)

    @rule(photo=_ITEMS, repeats=_REPEATS)
    def append_late_photo(self, photo: int, repeats: int) -> None:
        name = f"u{photo}"
        is_known, is_full = name in self.photos, len(self.photos) == 4
        packed = json.dumps([f"f{photo}", name])
        values = {"id": "m", "photo": packed, "unique_id": name, "photos_limit": 4}
        expected = "ok" if is_known or not is_full else "full"
        if expected == "ok" and not is_known:
            self.photos.append(name)
        assert self.call("append_late_photo", repeats, **values) == [expected]

    # Updates

    @rule(chat=_SOME, updates=st.lists(_SOME, max_size=3), repeats=_REPEATS)
    def defer(self, chat: int, updates: list[int], repeats: int) -> None:
        values: list[str | int] = []
        for each in updates:
            values += [f"{chat}", NOW, 3 * each + chat, f"update {3 * each + chat}"]
            if 3 * each + chat not in self.handled:
                self.deferred[f"{chat}"][3 * each + chat] = f"update {3 * each + chat}"
        self.call("defer_updates", repeats, updates=values)

    @rule(chat=_SOME, update=_SOME, repeats=_REPEATS)
    def mark_handled(self, chat: int, update: int, repeats: int) -> None:
        update_id = 3 * update + chat
        self.call("mark_handled", repeats, update_id=update_id, chat=f"{chat}")
        self.handled.add(update_id)
        self.deferred[f"{chat}"].pop(update_id, None)

    @rule(user=_SOME, request=_ITEMS, count=st.integers(1, 2), repeats=_REPEATS)
    def count(self, user: int, request: int, count: int, repeats: int) -> None:
        name = f"{user}.{request}"
        values = {"max_requests": 3, "window_ms": LONG_MS, "kept_ms": LONG_MS}
        told = {"counter": f"{keys.RATE_LIMIT}{user}", "request": name, "user_id": user}
        values |= {"count": count, "waited_out_ms": LONG_MS}
        answer = self.call("rate_limit", repeats, **values, **told)
        is_allowed = name in self.counted or self.counts[user] + count <= 3
        if is_allowed and name not in self.counted:
            self.counted.add(name)
            self.counts[user] += count
        assert answer[:2] == [int(is_allowed), is_allowed * (3 - self.counts[user])]

    # Broadcasts

    @rule(bot=_SOME, name=st.sampled_from("ab"), repeats=_REPEATS)
    def start(self, bot: int, name: str, repeats: int) -> None:
        is_own, is_draft = self.broadcast == name, self.states.get(name, "draft") == "draft"
        expected = "ok" if is_own else "gone" if not is_draft else "busy" * bool(self.broadcast)
        answer = self.fenced("broadcast_start", repeats, bot % 2, id=name, status_id=1)
        if answer is not None:
            assert answer == [expected or "ok"]
            if not expected:
                self.broadcast, self.states[name] = name, "running"

    @rule(bot=_SOME, name=st.sampled_from("ab"), token=_SOME, repeats=_REPEATS)
    def take(self, bot: int, name: str, token: int, repeats: int) -> None:
        values = {"id": name, "token": f"{token}.{len(self.outcomes[name])}"}
        answer = self.fenced("broadcast_take", repeats, bot % 2, **values)
        if answer is None:
            return
        held = self.in_hand.get(name, "")
        user, _, earlier = held.partition(" ")
        if self.states.get(name) != "running" or earlier != values["token"] or not user:
            if user and earlier != values["token"]:
                self.note(name, "unknown")
            self.in_hand.pop(name, None)
            left = self.left.setdefault(name, ["0", "1", "2"])
            is_running = self.states.get(name) == "running"
            user = left.pop(0) if left and is_running else ""
            if is_running and not user:
                self.states[name] = "sent"
        assert answer == (["ok", user] if user else ["over"])
        if user:
            self.in_hand[name] = f"{user} {values['token']}"

    @rule(
        bot=_SOME,
        name=st.sampled_from("ab"),
        user=_SOME,
        outcome=st.sampled_from(("sent", "again")),
        repeats=_REPEATS,
    )
    def settle(self, bot: int, name: str, user: int, outcome: str, repeats: int) -> None:
        values = {"id": name, "user_id": user, "outcome": outcome}
        if self.fenced("broadcast_settle", repeats, bot % 2, **values) is None:
            return
        if self.in_hand.get(name, "").partition(" ")[0] == str(user):
            del self.in_hand[name]
            if outcome == "again":
                self.left[name].insert(0, str(user))
                self.left[name].sort(key=lambda each: (each != str(user), each))
            else:
                self.note(name, outcome)

    def note(self, name: str, outcome: str) -> None:
        self.outcomes[name][outcome] = self.outcomes[name].get(outcome, 0) + 1

    # Alerts and choices

    @rule(fired=_SOME, resolved=_SOME, notice=_ITEMS, admin=_SOME, repeats=_REPEATS)
    def note_alerts(self, fired: int, resolved: int, notice: int, admin: int, repeats: int) -> None:
        change = {
            "fired": {f"a{fired}": f"{notice}"},
            "resolved": [f"a{resolved}"],
            "notices": [f"n{notice}"],
            "admins": [f"{admin}"],
        }
        self.call("note_alerts", repeats, kept=3, change=json.dumps(change))
        self.incidents[f"a{fired}"] = f"{notice}"
        self.incidents.pop(f"a{resolved}", None)
        waiting = self.notices[f"{admin}"]
        if f"n{notice}" not in waiting:
            self.notices[f"{admin}"] = [*waiting, f"n{notice}"][-3:]

    @rule(key=_SOME, value=_SOME, repeats=_REPEATS)
    def choose(self, key: int, value: int, repeats: int) -> None:
        name = f"{keys.ONCE}{key}"
        expected = self.chosen.setdefault(name, f"{value}")
        told = {"key": name, "value": f"{value}", "ttl_s": 0}
        assert self.call("once", repeats, **told) == ["ok", expected]

    @invariant()
    def what_is_stored_is_what_the_model_says(self) -> None:
        self.runner.run(self.check())

    async def check(self) -> None:
        redis = self.redis
        assert (await redis.get(keys.LEADER) or "") == self.leader
        assert (await redis.get(keys.EPOCH) or "") == self.epoch
        for name, items in self.albums.items():
            assert await redis.lrange(ALBUM + name, 0, -1) == items
        assert dict(await redis.zrange(ALBUMS, 0, -1, withscores=True)) == self.due
        sources = json.loads(await redis.hget(f"{keys.JOB}m", "sources"))
        assert [photo[1] for photo in sources] == self.photos
        for chat, updates in self.deferred.items():
            stored = await redis.zrange(keys.DEFERRED_OF + chat, 0, -1)
            assert stored == [updates[each] for each in sorted(updates)]
            assert (await redis.zscore(keys.DEFERRED, chat) is None) == (not updates)
        assert await redis.hgetall(INCIDENTS) == self.incidents
        for admin, notices in self.notices.items():
            assert await redis.lrange(ALARM + admin, 0, -1) == notices
        for name in ("a", "b"):
            told = await redis.hgetall(BROADCAST_OF + name)
            counts = {each: int(told[each]) for each in ("sent", "unknown") if each in told}
            assert counts == self.outcomes[name]
            assert told.get("in_hand", "") == self.in_hand.get(name, "").partition(" ")[0]
        pattern = {"patterns": f"{keys.ONCE}?", "excluded": "", "names": []}
        found = await redis.call("snapshot", **pattern)
        assert {name: value for name, _, _, value in found} == self.chosen

    def teardown(self) -> None:
        for client in self.clients:
            self.runner.run(client.aclose())
        self.runner.close()


@pytest.fixture(params=["real", "fake"])
def open_client(request: pytest.FixtureRequest) -> Callable[[], Client]:
    if request.param == "real":
        url = request.getfixturevalue("redis_url")
        return lambda: connect(url)
    shared = FakeClient(decode_responses=True).connection_pool
    return lambda: FakeClient(connection_pool=shared)


def test_the_scripts_do_what_the_model_says(open_client: Callable[[], Client]) -> None:
    ScriptsMachine.open_client = staticmethod(open_client)
    play(ScriptsMachine, 25, Phase.generate, Phase.shrink)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "check", "without"),
    [
        ("take_lease", "if held and not held:find(uuid, 1, true)", "if false"),
        ("renew_lease", "own_epoch .. ' ' .. about", "about"),
        ("close_epoch", "redis.call('DEL', leader)", ""),
        ("add_album_item", "not redis.call('LPOS', album, item)", "true"),
        ("close_album", "redis.call('EXISTS', album) == 0", "true"),
        ("append_late_photo", "present[2] == unique_id", "false"),
        ("defer_updates", "redis.call('SISMEMBER', page, id % updates_per_page) == 0", "true"),
        ("mark_handled", "redis.call('ZREMRANGEBYSCORE', deferred_of, update_id, update_id)", "0"),
        ("rate_limit", "redis.call('EXISTS', counted) == 1", "false"),
        ("broadcast_take", "seen[2] and is_own and is_running", "false"),
        ("broadcast_settle", "~= user_id", "== 'x'"),
        ("note_alerts", "not redis.call('LPOS', waiting, notice)", "true"),
        ("once", "'NX'", "'XX'"),
    ],
)
def test_a_script_without_one_of_its_checks_is_found_out(
    name: str, check: str, without: str, redis_url: str
) -> None:
    ScriptsMachine.open_client = staticmethod(lambda: connect(redis_url))

    with (
        Bug(name, check, without).patched(),
        pytest.raises((AssertionError, pytest.fail.Exception)),
    ):
        play(ScriptsMachine, 400, Phase.generate)
