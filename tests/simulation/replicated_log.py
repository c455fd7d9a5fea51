"""Log of a Redis of the simulated world: what of it is on its disk, and on that of its replica.

A replica copies the log some time later. After a cut it goes on where it was, if the log of its
primary begins like its own; else its own is wiped first, and copied after a while.
"""

from collections.abc import Callable
from typing import NamedTuple

from tests.simulation.books import Call
from tests.simulation.loop import Loop
from tests.simulation.marks import sometimes

_EVERY_S, _LAG_S = 1.0, 3.0
"""Between two syncs; silence of a replica after which it counts as gone."""


class Logged(NamedTuple):
    """A command that was served."""

    at_s: float
    skew_s: float
    """How far the clock was set then."""
    fields: list[bytes]
    call: Call | None
    """The script that it ran."""


Log = list[Logged]


class Mark(NamedTuple):
    """Place in a log; two logs with the same one begin alike."""

    length: int
    last: Logged | None


class ReplicatedLog:
    """Log of a server, which leads or follows another."""

    def __init__(self, loop: Loop, name: str) -> None:
        self._loop = loop
        self.name = name
        self.log: Log = []
        self._synced, self._synced_s = 0, 0.0
        self.is_down = False
        self.has_lost = False
        """Answered writes were lost."""
        self.follows: ReplicatedLog | None = None
        self.is_linked = False
        """It copies what it follows."""
        self.cut_s = 0.0
        """When it lost that link."""
        self.lag_s = 0.5
        self.password = ""
        """Without it no copying begins."""
        self._copied_s = 0.0
        """When a copy that is under way ends."""
        self._heard_s: dict[ReplicatedLog, float] = {}
        """When each replica was last heard of."""
        self.reaches: Callable[[ReplicatedLog], bool] = lambda other: True

    def follow(self, other: "ReplicatedLog") -> None:
        """Become a replica."""
        self.follows = other
        self._lose_link()

    def lead(self, former: "ReplicatedLog") -> None:
        """Become the primary; what the former one had not sent is lost."""
        self.follows = None
        self.has_lost |= former.has_lost or not self.has(former.end)
        self._lose_link()

    def _lose_link(self) -> None:
        if self.is_linked:
            self.is_linked, self.cut_s = False, self._loop.now_s
        self._copied_s = 0.0

    def copy(self) -> None:
        """Copy what is older than the lag, or find out that the link is cut; join anew after it."""
        source, now_s = self.follows, self._loop.now_s
        if source is None or self.is_down:
            return
        if source.is_down or source.follows is not None or not self.reaches(source):
            self._lose_link()
        elif self.is_linked:
            self._copy_until(now_s - self.lag_s)
        elif self._copied_s:
            if now_s >= self._copied_s:
                self.log, self._synced, self.is_linked = [], 0, True
                self._copy_until(now_s)
        elif self.password and source.has(self.end):
            self.is_linked = True
        elif self.password:
            sometimes("a returner is wiped")
            self.log, self._synced, self._copied_s = [], 0, now_s + 1 + 2 * self.lag_s
            source.has_lost = True

    def _copy_until(self, at_s: float) -> None:
        source = self.follows
        assert source is not None
        source._heard_s[self], self.has_lost = self._loop.now_s, source.has_lost
        for each in source.log[len(self.log) :]:
            if each.at_s > at_s:
                break
            self.log.append(each)
        self._go_on_in_background()

    @property
    def end(self) -> "Mark":
        """Its log up to now."""
        return Mark(len(self.log), self.log[-1] if self.log else None)

    def has(self, mark: "Mark") -> bool:
        """Return whether its log begins with that one."""
        return not mark.length or self.log[mark.length - 1 : mark.length] == [mark.last]

    @property
    def _replicas(self) -> list["ReplicatedLog"]:
        return [each for each in self._heard_s if each.follows is self and each.is_linked]

    def _bring_along(self, *, is_synced: bool = False) -> int:
        """Have the replicas copy all, as far as they are reached; return how many do."""
        for each in self._replicas:
            each.copy()
        found = [each for each in self._replicas if not each.is_down]
        for each in found:
            each._copy_until(self._loop.now_s)
            each._synced = len(each.log) if is_synced else each._synced
        return len(found)

    def _lag_of(self, replica: "ReplicatedLog") -> float:
        return self._loop.now_s - self._heard_s[replica]

    @property
    def _is_without_replica(self) -> bool:
        return all(self._lag_of(each) > _LAG_S for each in self._heard_s)

    def go_down(self) -> None:
        """Answer nothing."""
        self._go_on_in_background()
        self.is_down = True

    def _go_on_in_background(self) -> None:
        """Sync each second."""
        now_s = self._loop.now_s
        if not self.is_down and now_s - self._synced_s >= _EVERY_S:
            self._synced_s, self._synced = now_s, len(self.log)
