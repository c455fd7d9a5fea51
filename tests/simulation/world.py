"""A run of the simulated world, and what must hold all along and at its end."""

import asyncio
import hashlib
import logging
import os
import random
import re
import shutil
import uuid
import warnings
from collections import Counter, defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imgbot.config.settings import Settings
from imgbot.config.sources import load_settings
from imgbot.domain.errors import FencedError, StorageUnavailableError, WorkerLostError, flatten
from imgbot.domain.operations import Operation
from imgbot.features.albums.store import ALBUM, ALBUM_BEGUN, ALBUMS
from imgbot.features.broadcast.broadcasts import BROADCAST
from imgbot.features.stars.ledger import REFUNDS, STARS, TRANSFERS
from imgbot.features.stars.prices import payload_of, price_in_stars
from imgbot.features.stars.settings import StarPack, StarPrices
from imgbot.providers.protocol import Capability, Recovery
from imgbot.storage import keys
from imgbot.storage.lease import LEASE_S
from tests.simulation.books import Account, Books, Call, Entry
from tests.simulation.cluster import Cluster
from tests.simulation.loop import PROCESS, DeadlockError, Loop, Process, use_time_of
from tests.simulation.machine import Machine
from tests.simulation.marks import sometimes
from tests.simulation.network import Kill, Network
from tests.simulation.plan import ACTED_S, ADMIN, Event, Plan
from tests.simulation.provider import PRICES_MICRO, Ledger, PlayedProvider
from tests.simulation.redis_connection import Way
from tests.simulation.redis_server import RedisServer
from tests.simulation.telegram import TOKEN, Sent, Telegram
from tests.simulation.users import Users

_LOOKS, _LOOK_EVERY_S = 260, 5.0
_TAKEOVER_S, _IDLE_S, _OPEN_S = 6.0, 60.0, 10.0
_REPAIRS = "queue repaired", "reservations", "leaked", "the Stars of"
_OFTEN = 50
"""Calls of a script with the same arguments that lead nowhere."""

_SHARED = Path("/dev/shm") if Path("/dev/shm").is_dir() else Path("/tmp")
_EMPTY = (
    *(keys.QUEUE, keys.DUE, keys.TAGS, keys.ACTIVE, keys.ANNOUNCE),
    *(keys.DEFERRED, ALBUMS, keys.POISON, BROADCAST, REFUNDS),
)
_EMPTY_PREFIXES = (keys.JOB, keys.USER_JOBS, keys.DEFERRED_OF, ALBUM, ALBUM_BEGUN)
_STARS = StarPrices(5, (StarPack(1, 9999), StarPack(1, 40)), free_daily=1, per_usd=250)
_LASTING = (
    *(STARS, TRANSFERS, keys.ENDED_JOBS),
    *(keys.EPOCH, keys.SYNCS, keys.INSTALLATION, keys.OWNER),
    *(keys.USER, keys.USERNAMES, keys.SEEN, keys.PEOPLE, keys.DEAD, keys.FORGOTTEN, keys.WAKE),
    *(keys.USER_TAGS, keys.LAST_CLAIM, keys.UNSUBSCRIBED, keys.POISON),
)


@dataclass
class Report:
    """What came of a run."""

    seed: int
    violations: list[str]
    trace: str
    """Digest of all that happened."""
    lines: list[str]
    jobs: int


@dataclass
class World:
    """All parts, and what has been seen of them."""

    plan: Plan
    keeps_lines: bool = False
    loop: Loop = field(default_factory=Loop)
    violations: list[str] = field(default_factory=list[str])
    lines: list[str] = field(default_factory=list[str])
    admitted: dict[str, int] = field(default_factory=dict[str, int])
    """User of each admitted job."""
    finished: dict[str, list[str]] = field(
        default_factory=lambda: defaultdict[str, list[str]](list)
    )
    """Outcomes of a job."""
    told: dict[str, int] = field(default_factory=dict[str, int])
    """Status message of each job."""
    machines: list[Machine] = field(default_factory=list[Machine])
    uploads: dict[str, set[int]] = field(default_factory=lambda: defaultdict[str, set[int]](set))

    def __post_init__(self) -> None:
        self._folder = _SHARED / f"imgbot-world-{os.getpid()}"
        self._digest = hashlib.blake2b(digest_size=8)
        self._started = 0
        self._synced_inodes = set[int]()
        self._is_over = False
        draw = random.Random(self.plan.seed)
        self._draw = draw
        random.seed(self.plan.seed)
        use_time_of(self.loop)
        _draw_ids(random.Random(self.plan.seed + 1))
        sync: Any = self._fsync
        os.fsync = sync
        self.network = Network(
            self.loop, random.Random(self.plan.seed + 2), self.note, self._on_kill
        )
        self.network.troubles = list(self.plan.troubles)
        self.network.kills = list(self.plan.kills)
        self._cluster = self._new_cluster() if self.plan.is_clustered else None
        self._single = self._new_server("redis")
        self._epochs: dict[str, str] = {}
        self._leases: dict[str, float] = {}
        """By epoch, the end of its lease."""
        self._calls = Counter[tuple[str, str]]()
        self._was_frozen = False
        self.telegram = Telegram(self.loop, self.note)
        self.telegram.changed = self._on_shown
        self.ledger = Ledger(
            self.loop, random.Random(self.plan.seed + 3), self.violate, self._check_lease
        )
        self.users = Users(self.telegram, self.network, random.Random(self.plan.seed + 4))

    def _new_server(self, name: str) -> RedisServer:
        syncs_always = self.plan.syncs_always
        server = RedisServer(self.loop, self.violate, name, syncs_always=syncs_always)
        server.answered = lambda call: self._on_script(server, call)
        return server

    def _new_cluster(self) -> Cluster:
        servers = self._new_server("a"), self._new_server("b")
        witness = RedisServer(self.loop, self.violate, "w", syncs_always=True)
        lags_s = self._draw.uniform(0.05, 0.5), self._draw.choice((0.1, 0.5, 0.9))
        return Cluster(self.network, servers, witness, self.violate, lags_s, self._has_lease)

    @property
    def server(self) -> RedisServer:
        """The one whose data counts."""
        return self._cluster.primary if self._cluster else self._single

    def note(self, line: str) -> None:
        line = f"{self.loop.now_s:9.3f} {line}"
        self._digest.update(line.encode())
        if self.keeps_lines:
            self.lines.append(line)

    def violate(self, what: str) -> None:
        self.note(f"VIOLATED {what}")
        self.violations.append(what)

    def run(self) -> Report:
        """Play the plan."""
        shutil.rmtree(self._folder, ignore_errors=True)
        asyncio.set_event_loop(self.loop)
        self.loop.set_exception_handler(self._on_loop_error)
        handler = _Lines(self)
        logger = logging.getLogger("imgbot")
        logger.handlers[:], logger.propagate = [handler], False
        logger.setLevel(logging.INFO)
        try:
            self.loop.run_until_complete(self._play())
        except DeadlockError:
            self.violate("nothing will ever happen again")
        finally:
            # What a killed process has not ended fails as it is closed.
            logger.handlers[:] = [logging.NullHandler()]
            self._bury()
            shutil.rmtree(self._folder, ignore_errors=True)
        return Report(
            self.plan.seed,
            self.violations,
            self._digest.hexdigest(),
            self.lines,
            len(self.admitted),
        )

    @property
    def _payers(self) -> list[int]:
        """Users who pay with Stars, in some of the worlds."""
        return sorted({each.user for each in self.plan.actions} if self.plan.is_selling else ())

    @property
    def _pack(self) -> StarPack:
        return _STARS.packs[self.plan.seed % 2]

    def _pay(self) -> None:
        for user in self._payers:
            tell = self.telegram.pay(user, payload_of(self._pack))
            tell()
            # Telegram may tell of it twice.
            self.network.later(ACTED_S / 2, tell)

    async def _play(self) -> None:
        self._start(f"{self._folder}/1")
        if self.plan.is_clustered:
            self._start(f"{self._folder}/2")
            self._watch()
        self._pay()
        for action in self.plan.actions:
            self.network.later(action.at_s, self._act, action)
        for event in self.plan.events:
            self.network.later(event.at_s, self._happen, event)
        await asyncio.sleep(ACTED_S + 1)
        self.network.is_calm = True
        for _ in range(_LOOKS):
            if self._is_quiet or self.violations:
                break
            await asyncio.sleep(_LOOK_EVERY_S)
        if self.violations:
            return
        if not self._is_quiet:
            self.violate(f"still at work: {self._left_at_work()}")
            return
        await asyncio.sleep(_LOOK_EVERY_S)
        await self._stop()
        self._check_end()

    def _act(self, action: Any) -> None:
        self.note(f"user {action.user} {action.kind}")
        self.users.act(action)

    # Machines

    def _start(self, folder: str) -> None:
        self._started += 1
        host = {"1": "a", "2": "b"}[Path(folder).name] if self._cluster else ""
        process = Process(f"p{self._started}", host)
        Path(folder).mkdir(parents=True, exist_ok=True)
        machine = Machine(
            process,
            self._settings(folder),
            self._cluster.sentinels_of(host) if self._cluster else Way(self._single),
            self.telegram,
            self.network,
            self._providers,
            random.Random(self.plan.seed * 1000 + self._started),
            self.plan.syncs_always,
            asyncio.Event(),
        )
        self.machines.append(machine)
        self.note(f"{process.name} starts")
        task = self.loop.create_task(machine.run())
        machine.task = task
        task.add_done_callback(lambda done: self._on_end(machine, done))

    def _settings(self, folder: str) -> Settings:
        given = {
            "IMGBOT_TOKEN": TOKEN,
            "IMGBOT_STATE_DIR": folder,
            "IMGBOT_ADMINS": str(ADMIN),
            "IMGBOT_RATE_LIMIT_MAX_REQUESTS": str(self.plan.rate_limit),
            "IMGBOT_DAILY_BUDGET": self.plan.budget,
        }
        limits = {"usd": self.plan.user_budget, "pictures": self.plan.quota}
        given["IMGBOT_PER_USER"] = ", ".join(
            f"{name}={each}" for name, each in limits.items() if each
        )
        if self.plan.is_selling:
            packs = "".join(f", pack={each.price}:{each.credit}" for each in _STARS.packs)
            given["IMGBOT_STARS"] = f"picture=5, free=1, usd=250{packs}"
        return load_settings({name: value for name, value in given.items() if value})

    def _providers(self) -> list[PlayedProvider]:
        found = [
            PlayedProvider(
                f"painter{number}",
                self.ledger,
                self.network,
                each.recovery,
                is_searchable=each.is_searchable,
                answers_at_once=each.answers_at_once,
                max_concurrent=each.max_concurrent,
                price_micro=PRICES_MICRO[number],
                has_credit=each.has_credit,
            )
            for number, each in enumerate(self.plan.services)
        ]
        builtin = PlayedProvider(
            "builtin", self.ledger, self.network, Recovery.REPEAT, answers_at_once=True
        )
        builtin.offers = {Operation.COMPARE: Capability("compare", 0)}
        return [*found, builtin]

    def _on_end(self, machine: Machine, task: asyncio.Task[Any]) -> None:
        error = None if task.cancelled() else task.exception()
        kinds = {type(each).__name__ for each in flatten(error)} if error else set()
        self.note(f"{machine.process.name} ends {sorted(kinds)}")
        machine.process.is_dead = True
        left = [each for each in machine.process.tasks if not each.done()]
        if error is None and left:
            self.violate(f"{machine.process.name} leaves {len(left)} tasks: {left[0]}")
        known = {FencedError.__name__, StorageUnavailableError.__name__}
        if kinds - known:
            text = "; ".join(repr(each) for each in flatten(error)) if error else ""
            self.violate(f"{machine.process.name} ended: {text}")
        if not self._is_over and (self.plan.is_clustered or not self._living):
            self.network.later(5.0, self._start_again, machine)

    @property
    def _living(self) -> list[Machine]:
        return [each for each in self.machines if not each.process.is_dead]

    def _start_again(self, machine: Machine) -> None:
        folder = machine.settings.state_dir
        is_there = any(
            each.settings.state_dir == folder or not self.plan.is_clustered for each in self._living
        )
        if self._cluster and not self._cluster.is_up(machine.process.host):
            self.network.later(5.0, self._start_again, machine)
        elif not is_there and not self._is_over:
            self._start(str(folder))

    def _on_kill(self, process: Process, kill: Kill) -> None:
        if process.is_dead or process.held is not None:
            return
        if kill.frozen_s:
            sometimes(f"frozen at {kill.name}, {kill.phase}")
            self.note(f"{process.name} is frozen at {kill.name} for {kill.frozen_s:.0f} s")
            process.held, self._was_frozen = [], True
            self.network.later(kill.frozen_s, self.loop.thaw, process)
            if kill.is_power_cut:
                self._primary(kill.frozen_s)
            return
        self.note(f"{process.name} is killed at {kill.name} {kill.phase} +{kill.hops}")
        sometimes(f"killed at {kill.name}, {kill.phase}")
        process.is_dead = True
        machine = next(each for each in self.machines if each.process is process)
        if kill.is_power_cut:
            sometimes("a power cut")
            self._lose_files(Path(machine.settings.state_dir))
            if self.plan.is_clustered:
                self._primary(self._draw.uniform(1, 45))
            else:
                self.server.crash()
        self.network.later(self._draw.uniform(0.5, 20), self._start_again, machine)

    def _lose_files(self, folder: Path) -> None:
        for path in folder.rglob("*"):
            if path.is_file() and path.stat().st_ino not in self._synced_inodes:
                sometimes("a power cut loses a file")
                path.unlink()

    def _fsync(self, descriptor: int) -> None:
        self._synced_inodes.add(os.fstat(descriptor).st_ino)

    def _happen(self, event: Event) -> None:
        self.note(f"{event.kind} {event.who} {event.amount:.1f}")
        sometimes(f"event: {event.kind} {event.who}".rstrip())
        getattr(self, f"_{event.kind}")(event.amount, *filter(None, [event.who]))

    def _restart(self, _: float) -> None:
        for machine in self._living:
            machine.draining.set()

    def _takeover(self, _: float) -> None:
        if any(each.process.held is not None for each in self._living):
            return
        self._start(f"{self._folder}/{self._started + 1}")

    def _freeze(self, amount: float) -> None:
        """The leader's machine stands still, and goes on as if nothing had happened."""
        if self.plan.is_clustered or len(self._living) == 1:
            process = self._leader.process
            if process.held is None:
                process.held = []
                self.network.later(amount * (1 + self.plan.is_clustered), self.loop.thaw, process)

    @property
    def _leader(self) -> Machine:
        epoch = self.server.read("GET", keys.EPOCH)
        leading = [each for each in self._living if each.redis and each.redis.epoch == epoch]
        return [*leading, *self.machines][0]

    def _failover(self, amount: float) -> None:
        """The bot that leads is gone, and the primary."""
        if self._is_whole:
            self._on_kill(self._leader.process, Kill("event", 0, "gone", 0))
            self._primary(amount)

    def _primary(self, amount: float) -> None:
        if self._is_whole and self._cluster:
            self._cluster.end_redis(self.server.name, _TAKEOVER_S + amount, loses=False)

    @property
    def _is_whole(self) -> bool:
        return self._cluster is None or self._cluster.is_whole

    def _partition(self, amount: float) -> None:
        """The primary is cut off from the rest, but not from the internet."""
        if self._is_whole:
            self._cut(_TAKEOVER_S + amount, "P-RW")

    def _replica(self, amount: float) -> None:
        if self._is_whole and self._cluster:
            self._cluster.end_redis(self._cluster.replica.name, amount, loses=False)

    def _cut(self, amount: float, who: str) -> None:
        """Cut one host from the others, in one direction or in both."""
        assert self._cluster
        [one], others = map(self._cluster.hosts_of, re.split("[->]", who))
        pairs = {(one, each) for each in others}
        self._cluster.cut(pairs | {(b, a) for a, b in pairs if "-" in who}, amount)

    def _off(self, amount: float, who: str) -> None:
        """Hosts lose their power."""
        assert self._cluster
        for host in self._cluster.hosts_of(who):
            lasts_s = amount * self._draw.uniform(0.4, 1)
            self._cluster.end_redis(host, lasts_s, loses=True)
            self._end_bot(host, lasts_s)

    def _abandon(self, amount: float, who: str) -> None:
        """The bot of a host is gone, and nothing reaches the host."""
        assert self._cluster
        for host in self._cluster.hosts_of(who):
            self._end_bot(host, amount)
        self._cut(amount, f"{who}-{'PRW'.replace(who, '')}")

    def _end_bot(self, host: str, lasts_s: float) -> None:
        for machine in [each for each in self._living if each.process.host == host]:
            self.note(f"{machine.process.name} is gone")
            machine.process.is_dead = True
            self._lose_files(Path(machine.settings.state_dir))
            again_s = lasts_s + self._draw.uniform(0.5, 8)
            self.network.later(again_s, self._start_again, machine)

    def _clock(self, amount: float) -> None:
        self.loop.skew_s += amount

    def _crash(self, amount: float) -> None:
        self.server.crash()
        self._outage(amount / 3)

    def _outage(self, amount: float) -> None:
        self.server.go_down()
        self.network.later(amount, self._up)

    def _up(self) -> None:
        self.server.is_down = False

    async def _stop(self) -> None:
        self._is_over = True
        for machine in self._living:
            machine.draining.set()
            await asyncio.wait([machine.task], timeout=200)
            if not machine.task.done():
                self.violate(f"{machine.process.name} does not stop")

    def _bury(self) -> None:
        """Close what kills left: no coroutine may go on by being collected."""
        self.loop.set_exception_handler(lambda *_: None)
        warnings.simplefilter("ignore")
        for machine in self.machines:
            if machine.redis is not None:
                # A client that is collected complains of its connection.
                machine.redis.connection = None
            for task in [*machine.process.tasks, machine.task]:
                if not task.done():
                    task._log_destroy_pending = False  # pyrefly: ignore[missing-attribute]
                    # Its `finally` finds no loop, at none of its awaits.
                    for _ in range(20):
                        with suppress(BaseException):
                            task.get_coro().close()
        self.loop._ready.clear()  # pyrefly: ignore[missing-attribute]
        self.loop._scheduled.clear()  # pyrefly: ignore[missing-attribute]
        self.loop.close()

    # Observations

    def _watch(self, idle_s: float = 0.0, open_s: float = 0.0) -> None:
        """A bot leads soon wherever one of the hosts in the record has a majority."""
        assert self._cluster
        leading = [each.redis.epoch for each in self._living if each.redis and each.redis.epoch]
        is_led = any(self._leases.get(each, 0.0) > self.loop.now_s for each in leading)
        is_held_up = not self.network.is_untroubled or any(
            each.process.held is not None for each in self._living
        )
        hosts = {each.process.host for each in self._living}
        is_idle = not is_led and not is_held_up and self._cluster.can_go_on(hosts)
        idle_s = idle_s + 1 if is_idle else 0.0
        if idle_s > _IDLE_S:
            self.violate(f"no bot leads; recorded: {sorted(self._cluster.members)}")
        is_open = not is_held_up and self._cluster.is_outdated_promotable(hosts)
        open_s = open_s + 1 if is_open else 0.0
        if open_s > _OPEN_S:
            self.violate("a server that lacks something may be promoted")
        if not self._is_over:
            self.network.later(1.0, self._watch, idle_s, open_s)

    def _on_loop_error(self, _: Any, context: dict[str, Any]) -> None:
        self.violate(f"loop: {context.get('message')} {context.get('exception')!r}")

    def _on_script(self, server: RedisServer, call: Call) -> None:
        self.note(f"script {call.name} {call.values.get('id', '')} {call.answer[:1]}")
        if call.name == "enqueue" and call.answer[0] != "duplicate":
            # What a failover has lost is asked for again, and may be refused then.
            self.admitted.pop(call.values["id"], None)
        if not call.is_done:
            return
        if self._cluster and call.name == "take_lease":
            self._cluster.check(server, "lets a bot lead")
        see = getattr(self, f"_see_{call.name}", None)
        if see:
            see(call.values, call.answer)
        if call.name != "renew_lease":
            told = call.name, str(call.values)
            self._calls[told] += 1
            if self._calls[told] == _OFTEN:
                self.violate(f"{call.name} is called again and again: {call.values}")

    def _see_open_epoch(self, told: Mapping[str, Any], answer: list[str]) -> None:
        if self._epochs.setdefault(answer[1], told["uuid"]) != told["uuid"]:
            self.violate(f"epoch {answer[1]} was opened twice")

    def _see_take_lease(self, told: Mapping[str, Any], answer: list[str]) -> None:
        self._see_open_epoch(told, answer)
        self._leases[answer[1]] = self.loop.now_s + LEASE_S

    def _see_renew_lease(self, told: Mapping[str, Any], _: list[str]) -> None:
        self._leases[told["own_epoch"]] = self.loop.now_s + LEASE_S

    def _see_move(self, told: Mapping[str, Any], answer: list[str]) -> None:
        if int(answer[1]) != int(told["version"]) + 1:
            self.violate(f"job {told['id']} moved from a stale version")

    def _see_enqueue(self, told: Mapping[str, Any], _: list[str]) -> None:
        self.admitted[told["id"]] = int(told["user"])

    def _see_mark_handled(self, told: Mapping[str, Any], _: list[str]) -> None:
        # What a failover has lost is asked for again, and may be refused then.
        for job_id in [each for each in self.admitted if each.split("-")[0] == told["update_id"]]:
            if not self.server.read("EXISTS", keys.JOB + job_id, keys.TOMBSTONE + job_id):
                del self.admitted[job_id]

    def _see_finish(self, told: Mapping[str, Any], _: list[str]) -> None:
        self.finished[told["id"]].append(told["outcome"])

    def _see_record_status_message(self, told: Mapping[str, Any], _: list[str]) -> None:
        if told["message_id"] != "0":
            self.told[told["id"]] = int(told["message_id"])

    def _on_shown(self, message: Sent) -> None:
        if not message.picture or not message.is_result:
            return
        order = message.picture.split()[2]
        self.uploads[order].add(message.id)
        shown = [each for each in self.uploads[order] if each in self.telegram.sent]
        # Where Redis lost its last second, the message that was to be edited may be unknown.
        if len(shown) > 1 and not self.server.has_lost:
            self.violate(f"the picture of {order} is shown {len(shown)} times")
        user = self.admitted.get(order.partition("-")[2])
        if user is not None and user != message.chat_id:
            self.violate(f"the picture of {order} is shown to {message.chat_id}")

    def _has_lease(self) -> bool:
        """Whether the bot of this task leads."""
        found = [each for each in self._living if each.process is PROCESS.get() and each.redis]
        return any(
            self._leases.get(each.redis.epoch, 0.0) > self.loop.now_s
            for each in found
            if each.redis
        )

    def _check_lease(self, job_id: str) -> None:
        """An order leaves only while its bot leads: the next leader may make it, too."""
        process = PROCESS.get()
        machine = next(each for each in self.machines if each.process is process)
        epoch = machine.redis.epoch if machine.redis else ""
        if self.plan.is_clustered and self._leases.get(epoch, 0.0) < self.loop.now_s:
            self.violate(f"{job_id} is ordered by a bot whose lease is over")

    def is_expected(self, error: BaseException) -> bool:
        """Whether a logged error is a fault of the world, and not of the bot."""
        is_shown_already = "no text in the message" in str(error)
        # What it was about to do when it stood still was done by another bot.
        if isinstance(error, TimeoutError) and self._was_frozen:
            return True
        return isinstance(error, WorkerLostError) or (is_shown_already and self.server.has_lost)

    # The end

    @property
    def _is_quiet(self) -> bool:
        is_idle = not self._left_at_work() and not self.users.pending and self._is_whole
        is_idle &= all(each.process.held is None for each in self._living)
        return is_idle and len(self._living) == 1 + self.plan.is_clustered

    def _left_at_work(self) -> list[str]:
        names = self.server.read("KEYS", "*")
        busy = [each for each in names if each in _EMPTY or each.startswith(_EMPTY_PREFIXES)]
        if self._was_frozen:
            busy = [each for each in busy if each != keys.POISON]
        return sorted([*busy, *(["updates"] if self.telegram.updates else [])])

    def _check_end(self) -> None:
        self._check_keys()
        books = Books.of(self.server.calls)
        self._check_jobs(books)
        self._check_books(books)
        self._check_answers()
        for (user, text), times in self.telegram.news.items():
            # One server that syncs each second may lose who was told in the last one.
            is_known = self.plan.is_clustered or not self.server.has_lost
            if times > 1 and user != ADMIN and is_known:
                self.violate(f"{user} is told {text} {times} times")

    def _check_keys(self) -> None:
        for name in self.server.read("KEYS", "*"):
            if self.server.read("TTL", name) == -1 and not name.startswith((*_LASTING, keys.SPEND)):
                self.violate(f"key {name} is left")

    def _order_of(self, job_id: str) -> str:
        return f"{self.server.read('GET', keys.INSTALLATION)}-{job_id}"

    def _check_jobs(self, books: Books) -> None:
        for job_id, user in self.admitted.items():
            outcomes = self.finished.get(job_id)
            if not outcomes or not self.server.read("GET", keys.TOMBSTONE + job_id):
                self.violate(f"job {job_id} of {user} has no end: {outcomes}")
                continue
            self._check_job(job_id, user, outcomes[-1], is_billed=books.jobs[job_id].is_billed)

    def _check_job(self, job_id: str, user: int, outcome: str, *, is_billed: bool) -> None:
        order = self._order_of(job_id)
        charges = self.ledger.charges(order)
        sometimes(f"outcome: {outcome}")
        if charges > 1 or (outcome == "delivered" and charges != 1):
            self.violate(f"job {job_id}, {outcome}, is charged {charges} times")
        if charges and not is_billed:
            self.violate(f"job {job_id}, {outcome}, is charged but not billed")
        if user in self.users.disturbed:
            return
        shown = [each for each in self.uploads.get(order, ()) if each in self.telegram.sent]
        if self.server.has_lost and not (outcome == "delivered" and not shown):
            return
        if (outcome == "delivered") != bool(shown):
            self.violate(f"job {job_id}, {outcome}, is shown {len(shown)} times")
        message = self.telegram.sent.get(self.told.get(job_id, 0))
        if message is None:
            self.violate(f"job {job_id}, {outcome}, has no message")
        elif f"cancel:{job_id}" in message.data:
            self.violate(f"job {job_id}, {outcome}, looks unfinished: {message.text}")

    def _check_books(self, books: Books) -> None:
        """What Redis says of money is what it has accepted; and that what was ordered and shown."""
        for fault in books.faults:
            self.violate(fault)
        gone = tuple(f":{user}" for user in self.users.forgotten)
        for name in self.server.read("KEYS", f"{keys.SPEND}*"):
            stored = {each: int(n) for each, n in self.server.read("HGETALL", name).items()}
            expected = books.days[name.removeprefix(keys.SPEND)]
            for entry in stored.keys() | expected.keys():
                if entry not in stored and entry.endswith(gone):
                    # Of a user who was forgotten, only today's counts stay.
                    continue
                if stored.get(entry, 0) != expected[entry]:
                    self.violate(f"{entry} is {stored.get(entry)}, not {expected[entry]}")
        for user, expected in books.accounts.items():
            self._check_account(user, expected)
        for job_id, job in books.jobs.items():
            self._check_price(job_id, job)

    def _check_account(self, user: str, expected: Account) -> None:
        stored = self.server.read("HGETALL", f"{STARS}{user}")
        found = Account(
            int(stored.get("balance", 0)),
            int(stored.get("spent", 0)),
            (stored.get("free_day", ""), int(stored.get("free_count", 0))),
        )
        if found != expected or any(each.startswith("job:") for each in stored):
            self.violate(f"the Stars of {user} are {stored}, not {expected}")
        is_payer = int(user) in {*self._payers} - self.telegram.refunded
        paid = self._pack.credit if is_payer else 0
        if found.balance + found.spent != paid:
            self.violate(f"Stars of {user} are lost or made: {stored}")

    def _check_price(self, job_id: str, job: Entry) -> None:
        """A picture costs what its provider charges, and its user what is asked for that."""
        tasks = [each for each in self.ledger.by_job[self._order_of(job_id)] if each.is_billed]
        price = sum(each.price_micro for each in tasks)
        if tasks and job.charged != price:
            self.violate(f"job {job_id} is charged at {job.charged}, not at {price}")
        is_paid = self.plan.is_selling and job.charged and int(job.user) != ADMIN
        stars = price_in_stars(_STARS, job.charged) if is_paid and not job.is_gift else 0
        if stars:
            sometimes("Stars are spent" if job.spent == job.held else "Stars are given back")
        if job.spent != stars:
            self.violate(f"job {job_id} costs {job.spent} Stars, not {stars}")

    def _check_answers(self) -> None:
        for asked in self.users.asked:
            # A refusal is not repeated for a while.
            since_s = asked.at_s - (60 if self.plan.has_limits else 0)
            is_answered = self.telegram.spoken_s[asked.user] >= since_s
            if not is_answered and asked.user not in self.users.disturbed:
                self.violate(f"update {asked.update_id} of {asked.user} is not answered")


class _Lines(logging.Handler):
    """The bot's log, as part of the trace."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    def emit(self, record: logging.LogRecord) -> None:
        self._world.note(f"log {record.getMessage()}")
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and not self._world.is_expected(error):
            self._world.violate(f"logged: {record.getMessage()}: {error!r}")
        is_repair = record.getMessage().startswith(_REPAIRS)
        if is_repair and not self._world.server.has_lost:
            self._world.violate(record.getMessage())


def _draw_ids(draw: random.Random) -> None:
    uuid.uuid4 = lambda: uuid.UUID(int=draw.getrandbits(128), version=4)
    os.urandom = draw.randbytes
    module: Any = random
    module._urandom = draw.randbytes


def play(plan: Plan, *, keeps_lines: bool = False) -> Report:
    """Play one plan."""
    return World(plan, keeps_lines).run()
