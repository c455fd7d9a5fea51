"""Plan of a run: who does what, and what goes wrong; drawn from a seed, and made smaller."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from random import Random

from imgbot.providers.protocol import Recovery
from tests.simulation.network import Kill, Trouble

ACTED_S = 90.0
ADMIN = 2001
_KINDS = (
    *("create",) * 4,
    *("words", "edit", "retouch", "upscale", "removebg", "variants", "album", "album"),
    *("album_asked", "photo", "forbidden", "unlucky", "cancel", "cancel", "stop", "again"),
    *("again", "retry", "edit_result", "file", "undo", "compare", "history", "queue", "limits"),
    *("double", "delete", "forget", "block", "stuck", "settings", "gone"),
    *("stuck", "news", "payback"),
)


@dataclass(frozen=True)
class Action:
    """What a user does, and when."""

    at_s: float
    user: int
    kind: str
    number: int


@dataclass(frozen=True)
class Event:
    """What happens to a machine or to Redis, for so many seconds."""

    at_s: float
    kind: str
    amount: float = 0.0
    who: str = ""
    """Hosts of a cluster by their roles then: of the primary P, the replica R, the witness W."""


@dataclass(frozen=True)
class PlayedService:
    """How a provider can be asked about an order whose answer was lost."""

    recovery: Recovery
    is_searchable: bool = False
    answers_at_once: bool = False
    max_concurrent: int = 0
    has_credit: bool = True


@dataclass(frozen=True)
class Plan:
    """All that a run depends on, beside the delays."""

    seed: int
    actions: tuple[Action, ...]
    troubles: tuple[Trouble, ...] = ()
    kills: tuple[Kill, ...] = ()
    events: tuple[Event, ...] = ()
    services: tuple[PlayedService, ...] = ()
    is_clustered: bool = False
    is_selling: bool = False
    """Users pay with Stars."""
    syncs_always: bool = True
    rate_limit: int = 1000
    budget: str = ""
    user_budget: str = ""
    quota: str = ""
    """Pictures of a user a day."""
    names: tuple[str, ...] = field(default=("actions", "troubles", "kills", "events"), repr=False)

    @property
    def has_limits(self) -> bool:
        return bool(self.budget or self.user_budget or self.quota or self.rate_limit < 1000)

    def smaller(self) -> Iterator["Plan"]:
        """Plans with less in them, the smallest first."""
        users = sorted({each.user for each in self.actions})
        for share in (2, 4):
            for at in range(share if len(users) >= share else 0):
                kept = set(users[at::share])
                yield replace(self, actions=tuple(a for a in self.actions if a.user in kept))
        for user in users if len(users) > 1 else ():
            yield replace(self, actions=tuple(a for a in self.actions if a.user != user))
        for name in self.names:
            items = getattr(self, name)
            half = len(items) // 2
            if half > 1:
                yield replace(self, **{name: items[:half]})
                yield replace(self, **{name: items[half:]})
            for at in range(len(items)):
                yield replace(self, **{name: items[:at] + items[at + 1 :]})


_SERVICES = (
    PlayedService(Recovery.LOOK_UP),
    PlayedService(Recovery.LOOK_UP, max_concurrent=2),
    PlayedService(Recovery.REPEAT),
    PlayedService(Recovery.REPEAT, answers_at_once=True),
    PlayedService(Recovery.NONE),
    PlayedService(Recovery.NONE, answers_at_once=True),
    PlayedService(Recovery.NONE, is_searchable=True),
)
_KILLED_AT = (
    *("submit",) * 6,
    *("editMessageMedia",) * 3,
    *("sendMessage", "move", "move", "finish", "finish", "enqueue", "claim", "fetch", "poll"),
    *("record_status_message", "close_album", "add_album_item", "mark_handled", "cancel"),
    *("getUpdates", "download", "any", "any", "any"),
)
_TROUBLES = {
    "redis": ("down", "request", "answer", "slow", "late"),
    "telegram": ("down", "request", "answer", "answer", "slow", "late", "busy", "ill", "crashing"),
    "provider": ("down", "request", "answer", "answer", "slow", "late", "busy", "ill", "crashing"),
    "pool": ("lost", "unavailable"),
}
_PHASES = ("sent", "arrived", "answered")


def plan_of(seed: int) -> Plan:
    """Draw a plan."""
    random = Random(seed)
    users = random.choice((1, 2, 2, 3, 3, 4, 6)) if seed % 25 != 24 else random.randint(24, 40)
    most = 6 if users < 10 else 2
    actions = sorted(
        (
            Action(random.uniform(0, ACTED_S) ** (random.choice((1.0, 0.6))), ADMIN + user, kind, n)
            for user in range(users)
            for n in range(random.randint(1, most))
            for kind in [random.choice(_KINDS)]
        ),
        key=lambda each: each.at_s,
    )
    kills = tuple(
        Kill(
            name := random.choice(_KILLED_AT),
            random.randint(1, 300) if name == "any" else random.choice((1, 1, 2, 3, 5)),
            random.choice(_PHASES),
            random.choice((0, 0, 1, 2, 3, 5, 8)),
            is_power_cut=random.random() < 0.3,
        )
        for _ in range(random.choice((0, 1, 1, 2, 3)))
    )
    is_clustered = random.random() < 0.3
    if is_clustered and random.random() < 0.75:
        # Before the order's check of the lease, or after it.
        name, phase, most, frozen_s = random.choice(
            (
                *(("move", "answered", 2, 200.0), ("submit", "sent", 4, 45.0)) * 2,
                *(("waitaof", "answered", 5, 200.0), ("take_lease", "answered", 2, 45.0)),
            )
        )
        nth, hops = random.randint(1, most), random.randint(0, 2)
        is_cut = name == "take_lease" or random.random() < 0.2
        kills = (Kill(name, nth, phase, hops, is_power_cut=is_cut, frozen_s=frozen_s),)
    is_selling = random.random() < 0.3
    count = 2 if is_selling else random.choice((1, 1, 2))
    services = [random.choice(_SERVICES) for _ in range(count)]
    if any(each.frozen_s and each.name == "submit" for each in kills):
        # The next leader may find that there is no such order, and make it.
        services[0] = PlayedService(Recovery.LOOK_UP)
    if count > 1 and random.random() < 0.4:
        # The other one, which costs less, stands in.
        services[0] = replace(services[0], has_credit=False)
    plan = Plan(
        seed,
        tuple(actions),
        tuple(_troubles(random)),
        kills,
        tuple(_events(random, _CLUSTER_EVENTS if is_clustered else _EVENTS)),
        tuple(services),
        is_clustered=is_clustered,
        is_selling=is_selling,
        syncs_always=random.random() < 0.5,
        rate_limit=random.choice((1000, 1000, 1000, 3)),
        budget=random.choice(("", "", "1", "0.1")),
        user_budget=random.choice(("", "", "0.1")),
        quota=random.choice(("", "", "3")),
    )
    plan = replace(plan, actions=(*plan.actions, *_news(random, plan.events)))
    if is_clustered and random.random() < _PAIRED:
        return replace(plan, events=(*plan.events, *_pair(random)))
    return plan


def _news(random: Random, events: Iterable[Event]) -> Iterator[Action]:
    """News that may be under way while their sender is cut off."""
    for number, each in enumerate(events):
        if each.kind == "partition":
            at_s = max(each.at_s - random.uniform(0, 15), 0.0)
            yield Action(at_s, ADMIN, "news", 90 + number)


def _troubles(random: Random) -> Iterator[Trouble]:
    for _ in range(random.choice((0, 0, 1, 2, 3))):
        link = random.choice(tuple(_TROUBLES))
        kind = random.choice(_TROUBLES[link])
        lasts_s = random.choice((3.0, 10.0, 30.0, 60.0))
        share = 1.0 if kind == "down" else random.choice((0.1, 0.3, 0.6))
        yield Trouble(link, kind, random.uniform(0, ACTED_S), lasts_s, share)


_EVENTS = ("restart", "takeover", "freeze", "clock", "crash", "outage")
_CLUSTER_EVENTS = (
    "restart",
    "freeze",
    "freeze",
    "clock",
    "failover",
    "primary",
    "partition",
    "replica",
)


def _events(random: Random, kinds: tuple[str, ...]) -> Iterator[Event]:
    for _ in range(random.choice((0, 0, 0, 1, 2)) + ("failover" in kinds)):
        kind = random.choice(kinds)
        amount = random.uniform(1, 45)
        if kind == "clock":
            amount = random.choice((-50_000.0, -3600.0, -40.0, 40.0, 3600.0, 50_000.0))
        yield Event(random.uniform(0, ACTED_S), kind, amount)


_PAIRED = 0.7
"""Share of the clusters that have two failures one after the other."""

_PAIRS = (
    *(("off R", "off P"), ("cut R-P", "off P"), ("cut R>P", "off P"), ("cut P>R", "off P")),
    *(("cut R-PW", "off P"), ("cut P-RW", "off R"), ("cut P-W", "cut P-R"), ("cut W>P", "off R")),
    *(("off W", "off P"), ("off W", "off R"), ("off PRW", "off P"), ("off PR", "off W")),
    *(("abandon R", "off P"), ("abandon R", "off P"), ("abandon R", "cut P-RW")),
)


def _pair(random: Random) -> Iterator[Event]:
    at_s = random.uniform(5, ACTED_S / 2)
    for each in random.choice(_PAIRS):
        kind, who = each.split()
        # What was abandoned may just still be promoted as it comes back.
        is_short = kind == "abandon"
        lasts_s = random.uniform(12, 26) if is_short else random.uniform(5, 50)
        yield Event(at_s, kind, lasts_s, who)
        at_s += lasts_s - random.uniform(1, 6) if is_short else random.uniform(2, 40)
