"""Job queue against a model: calls in any order, repeated, outdated, or of an earlier epoch."""

import asyncio
from collections import Counter
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import pytest
from hypothesis import Phase, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from imgbot.domain.errors import FencedError, StaleJobError
from imgbot.domain.job import (
    ENDS,
    NEXT_STATES,
    InputPhoto,
    Job,
    State,
    is_paid,
    with_changes,
)
from imgbot.domain.operations import Operation
from imgbot.features.stars.ledger import STARS, star_holds
from imgbot.storage import keys
from imgbot.storage.client import Client, connect
from imgbot.storage.dead_letters import DeadLetters, resume_state
from imgbot.storage.forgetting import BLANK, BLANK_DEAD, Forgetting
from imgbot.storage.job_queue import CANCELLED, STOPPED, Admission, JobQueue, QueueLimits
from imgbot.storage.scripts import Value
from imgbot.storage.stats import QueueStats
from tests.fixtures.jobs import job_of
from tests.fixtures.scripts import play
from tests.simulation.bugs import Bug

_T = TypeVar("_T")

NOW, DAY, PRICE, PRICE_IN_STARS = 1_800_000_000_000, "2027-01-15", 10, 5
_BALANCE = 4 * PRICE_IN_STARS
"""Stars of each user at first."""
LIMITS = QueueLimits(
    *(4, 2, 2),
    daily_micro=8 * PRICE,
    daily_micro_per_user=5 * PRICE,
    daily_pictures_per_user=5,
)
# Not `integers`, for which Hypothesis tries numbers of all modules that are loaded.
_JOBS, _USERS, _ANY = map(st.sampled_from, (range(1, 13), range(1, 3), range(60)))
_HOLDS, _LETTERS = "imgbot.storage.holds", "imgbot.storage.dead_letters:DeadLetters"
_EPOCHS = 3
_ARROWS = st.lists(_ANY, max_size=6)
_SOMETIMES = st.sampled_from((0, 0, 1))
_ORDERED = {"submit_ms": NOW, "provider": "painter", "ticket": {"id": "t"}}
# What is charged in the end: more than was reserved, or after all.
_DEARER = _ORDERED | {"price_micro": 2 * PRICE}
_CHANGES: Mapping[State, Mapping[str, Any]] = {
    State.SUBMITTING: _ORDERED,
    State.POLLING: _DEARER,
    State.DELIVERING: {"reason": "words", "facts": {"words": "🦊"}, "outcome": State.FAILED},
}


def picked(some: Sequence[_T], which: int) -> _T:
    return some[which % len(some)]


def bare(job: Job) -> Job:
    """The job without its holds, which are seen by what they count."""
    return with_changes(job, holds=())


def stars_for(job: Job) -> int:
    return 0 if int(job.id) % 5 else PRICE_IN_STARS


def reserved(jobs: Iterable[Job]) -> int:
    return sum(job.charge.reserved_micro for job in jobs)


class Model:
    """Jobs of the queue, and the order in which the waiting ones are served."""

    def __init__(self) -> None:
        self.live: dict[str, Job] = {}
        self.dead: dict[str, Job] = {}
        self.ended: dict[str, State] = {}
        self.revoked: dict[int, int] = {}
        self.charged = Counter[int]()
        self.charges = 0
        self.pictures = Counter[int]()
        self.balance = Counter[int]({1: _BALANCE, 2: _BALANCE})
        self.spent_stars = Counter[int]()
        self.held: dict[str, int] = {}
        self.tags: dict[str, tuple[int, int]] = {}
        self.served, self.admitted, self.user_tags = 0, 0, dict[int, int]()

    def of(self, user_id: int) -> list[Job]:
        return [job for job in self.live.values() if job.user_id == user_id]

    def spent(self, user_id: int) -> int:
        return self.charged[user_id] + reserved(self.of(user_id))

    @property
    def waiting(self) -> list[str]:
        return sorted(self.tags, key=self.tags.__getitem__)

    @property
    def running(self) -> list[str]:
        return sorted(self.live.keys() - self.tags.keys())

    def change(self, job_id: str, **changes: Any) -> None:
        job = self.live[job_id]
        self.live[job_id] = with_changes(replace(job, version=job.version + 1), **changes)

    def enqueue(self, job: Job) -> Admission:
        own = sum(each.id in self.tags for each in self.of(job.user_id))
        if {job.id} & {*self.live, *self.ended} or int(job.id) < self.revoked.get(job.user_id, 0):
            return Admission("duplicate")
        if len(self.tags) == LIMITS.waiting:
            return Admission("full")
        if own == LIMITS.waiting_per_user:
            return Admission("many", own)
        if refusal := self.refusal(job):
            return refusal
        price = job.charge.price_micro
        self.pictures[job.user_id] += 1
        if stars := stars_for(job):
            self.held[job.id] = stars
            self.balance[job.user_id] -= stars
        created_ms = NOW + self.admitted
        start = max(self.served, self.user_tags.get(job.user_id, 0))
        self.user_tags[job.user_id] = start + 1
        self.admitted += 1
        self.tags[job.id] = (start, int(job.id))
        admitted = replace(job, created_ms=created_ms)
        self.live[job.id] = with_changes(admitted, reserved_micro=price)
        return Admission("ok", self.waiting.index(job.id) + 1)

    def refusal(self, job: Job) -> Admission | None:
        """What there is not enough money or Stars for, or what is above a quota."""
        price, user_id = job.charge.price_micro, job.user_id
        total = self.charged.total() + reserved(self.live.values())
        if price and total + price > (LIMITS.daily_micro or 0):
            return Admission("budget", total)
        if price and self.spent(user_id) + price > (LIMITS.daily_micro_per_user or 0):
            return Admission("user_budget", self.spent(user_id))
        if self.pictures[user_id] == LIMITS.daily_pictures_per_user:
            return Admission("user_pictures", self.pictures[user_id])
        if self.balance[user_id] < stars_for(job):
            return Admission("stars", self.balance[user_id])
        return None

    def claim(self) -> Job | None:
        for job_id in self.waiting:
            running = {*self.running} & {job.id for job in self.of(self.live[job_id].user_id)}
            request = self.live[job_id].request
            is_held = request.awaits_picture and request.parent in self.live
            if len(running) < LIMITS.running_per_user and not is_held:
                start, _ = self.tags.pop(job_id)
                self.served = max(self.served, start) if self.tags else 0
                self.user_tags = self.user_tags if self.tags else {}
                self.change(job_id, state=State.SUBMITTING, claimed_ms=NOW)
                return self.live[job_id]
        return None

    def cancel(self, job_id: str, user_id: int, reason: str = CANCELLED) -> str:
        job = self.live.get(job_id)
        if job is None:
            return "gone"
        if job.user_id != user_id:
            return "not_yours"
        if job.is_cancelled:
            if job.progress.reason == CANCELLED:
                self.live[job_id] = with_changes(job, reason=reason)
            return "ok"
        if job.state in {State.RENDERING, State.DELIVERING}:
            return "too_late"
        flagged = with_changes(job, is_cancelled=True, reason=reason)
        self.live[job_id] = flagged
        if self.tags.pop(job_id, None):
            if user_id in self.user_tags:
                self.user_tags[user_id] -= 1
            ended = {"state": State.DELIVERING, "outcome": State.CANCELLED}
            self.change(job_id, claimed_ms=NOW, **ended)
        return "ok"

    def finish(self, job_id: str, outcome: State) -> None:
        job = self.live.pop(job_id)
        self.ended[job.id] = outcome
        if is_paid(job) and not job.charge.is_settled:
            self.charged[job.user_id] += job.charge.price_micro
            self.charges += 1
        counts = is_paid(job) or job.charge.is_settled or outcome is State.DELIVERED
        self.pictures[job.user_id] -= not counts and outcome is not State.DEAD
        account = self.spent_stars if counts else self.balance
        account[job.user_id] += self.held.pop(job.id, 0)
        if outcome is State.DEAD:
            self.dead[job.id] = job

    def redeliver(self, job_id: str, state: State) -> None:
        dead = self.dead.pop(job_id)
        del self.ended[job_id]
        is_settled = is_paid(dead)
        self.live[job_id] = dead
        told: dict[str, Any] = {"outcome": None, "reason": "", "facts": {}, "is_cancelled": False}
        self.change(job_id, state=state, is_settled=is_settled, reserved_micro=0, **told)

    def forget(self, user_id: int, before_update: int) -> None:
        self.revoked[user_id] = before_update
        for job in self.of(user_id):
            if self.cancel(job.id, user_id, STOPPED) == "ok":
                self.live[job.id] = with_changes(self.live[job.id], **BLANK)
        self.user_tags.pop(user_id, None)
        for job in [job for job in self.dead.values() if job.user_id == user_id]:
            del self.dead[job.id]
            if is_paid(job):
                self.dead[job.id] = with_changes(job, **BLANK_DEAD)


class RepeatingClient(Client):
    """Client whose answers are lost: it sends a script again, as its retry does."""

    repeats = 0

    async def _run(self, name: str, values: dict[str, Value]) -> list[Any]:
        for _ in range(self.repeats):
            await super()._run(name, values)
        return await super()._run(name, values)


class QueueMachine(RuleBasedStateMachine):
    """Calls of the queue, each held to what the model says of it."""

    url = ""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.redis = connect(self.url)
        self.run(self.begin())
        self.clients: list[RepeatingClient] = []
        self.model = Model()
        self.open_epoch()

    def run(self, call: Coroutine[Any, Any, _T], repeats: int = 0) -> _T:
        RepeatingClient.repeats = repeats
        return self.runner.run(call)

    async def begin(self) -> None:
        await self.redis.flushall()
        for user_id in (1, 2):
            await self.redis.hset(f"{STARS}{user_id}", "balance", _BALANCE)

    def job_of(self, job_id: int) -> Job:
        """Half of the jobs are of each user; a third change the picture of another one, which a
        sixth await.

        Some are free, some cost Stars; a repeated id is the same request.
        """
        price_micro = PRICE if job_id % 4 else 0
        told: dict[str, Any] = {"price_micro": price_micro, "spend_day": DAY}
        told |= {"scale": 4, "reply_to": 3}
        told |= {"prompt": "лиса 🦊", "sources": (InputPhoto("f1", "u1", 10, "кот.jpg"),)}
        told["parent"] = "" if job_id % 3 else str(job_id - 2)
        if job_id % 6 == 0:
            told["sources"] = (InputPhoto("", told["parent"]),)
        user_id = job_id % 2 + 1
        return job_of(str(job_id), user_id, user_id, Operation.CREATE, "en", **told)

    @precondition(lambda self: len(self.clients) < _EPOCHS)
    @rule()
    def open_epoch(self) -> None:
        earlier = self.queue if self.clients else None
        self.clients.append(RepeatingClient(connection_pool=self.redis.connection_pool))
        self.queue = JobQueue(self.clients[-1], LIMITS)
        self.dead = DeadLetters(self.clients[-1], self.queue)
        self.run(self.queue.open_epoch())
        self.model.revoked.clear()
        if earlier:
            self.fence(earlier)

    def fence(self, earlier: JobQueue) -> None:
        job = next(iter(self.model.live.values()), self.job_of(1))
        for call in (
            lambda: earlier.claim(NOW),
            lambda: earlier.cancel(job.id, job.user_id, NOW),
            lambda: earlier.enqueue(self.job_of(99), NOW),
            lambda: earlier.move(job, min(NEXT_STATES[job.state])),
            lambda: earlier.record_status_message(job.id, 5, 1),
        ):
            with pytest.raises(FencedError):
                self.run(call())

    @rule(job_ids=st.lists(_JOBS, min_size=1, max_size=3), repeats=_SOMETIMES)
    def enqueue(self, job_ids: list[int], repeats: int) -> None:
        for job in map(self.job_of, job_ids):
            now_ms = NOW + self.model.admitted
            expected = self.model.enqueue(job)
            if repeats and expected.verdict == "ok":
                expected = Admission("duplicate")
            call = self.queue.enqueue(job, now_ms, star_holds(stars_for(job), 0, job))
            assert self.run(call, repeats) == expected

    @rule(which=_ANY, arrows=_ARROWS, repeats=_SOMETIMES)
    def run_a_job(self, which: int, arrows: list[int], repeats: int) -> None:
        """Run a new job, or adopt one that is running already."""
        if job_id := picked(["", *self.model.running], which):
            self.follow(self.run(self.queue.job(job_id)), arrows, repeats)
            return
        claimed = self.model.claim()
        found = self.run(self.queue.claim(NOW), repeats)
        assert (found and bare(found)) == claimed
        self.follow(found, arrows, repeats)

    def follow(self, job: Job | None, arrows: Iterable[int], repeats: int) -> None:
        for arrow in arrows:
            if job:
                states, outdated = sorted(NEXT_STATES[job.state]), job
                job = self.step(job, picked(states, arrow), repeats)
                self.step(outdated, picked(states, arrow // len(states)), 0)

    def step(self, told: Job, state: State, repeats: int) -> Job | None:
        changes = _CHANGES.get(state, {})
        call: Coroutine[Any, Any, Job | None] = (
            self.queue.finish(told, state, NOW)
            if state in ENDS
            else self.queue.move(told, state, **changes)
        )
        stored = self.model.live.get(told.id)
        if stored is None or stored.version != told.version:
            # A repeated end changes nothing.
            if stored is None and state in ENDS:
                return self.run(call)
            with pytest.raises(StaleJobError):
                self.run(call)
            return None
        found = self.run(call, repeats)
        if found is None:
            self.model.finish(told.id, state)
            return None
        self.model.change(told.id, state=state, **changes)
        stored = self.model.live[told.id]
        assert (found.version, found.is_cancelled) == (stored.version, stored.is_cancelled)
        return found

    @rule(which=_ANY, other=_SOMETIMES, repeats=_SOMETIMES)
    def cancel(self, which: int, other: int, repeats: int) -> None:
        job_id = picked(sorted({"1", *self.model.live, *self.model.ended}), which)
        user_id = self.job_of(int(job_id)).user_id + other
        expected = self.model.cancel(job_id, user_id)
        assert self.run(self.queue.cancel(job_id, user_id, NOW), repeats) == expected

    @precondition(lambda self: self.model.running)
    @rule(which=_ANY)
    def let_die(self, which: int) -> None:
        """Run a job to its death, to which arrows at random seldom lead."""
        job = self.run(self.queue.job(picked([*self.model.running], which)))
        for state in (State.SUBMITTING, State.DELIVERING, State.DEAD):
            if job and state in NEXT_STATES[job.state]:
                job = self.step(job, state, 0)

    @precondition(lambda self: self.model.dead)
    @rule(which=_ANY, repeats=_SOMETIMES)
    def redeliver(self, which: int, repeats: int) -> None:
        job_id = picked(sorted(self.model.dead), which)
        found = self.run(self.dead.find(job_id))
        assert found
        state = resume_state(self.model.dead[job_id])
        assert self.run(self.dead.redeliver(found, NOW), repeats) == (state is not None)
        if state:
            self.model.redeliver(job_id, state)

    @precondition(lambda self: self.model.ended)
    @rule(user_id=_USERS, before=_JOBS, repeats=_SOMETIMES)
    def forget(self, user_id: int, before: int, repeats: int) -> None:
        forgetting = Forgetting(self.clients[-1], self.queue, nothing, nothing)
        self.run(forgetting.forget([user_id], NOW, DAY, before), repeats)
        self.model.forget(user_id, before)

    @invariant()
    def what_is_stored_is_what_the_model_says(self) -> None:
        self.run(self.check())

    async def check(self) -> None:
        redis, model, live = self.redis, self.model, self.model.live
        waiting, running = model.waiting, model.running
        jobs, dead, listed, queue, due, active, spend, stats = await self.queue._all(
            self.queue.jobs(map(str, range(1, 13))),
            self.queue.jobs(model.dead, keys.DEAD_JOB),
            redis.zrange(keys.DEAD, 0, -1),
            self.queue.waiting_ids(),
            self.queue.due(),
            redis.hgetall(keys.ACTIVE),
            redis.hgetall(keys.SPEND + DAY),
            QueueStats(self.clients[-1]).state(NOW, 9),
        )
        assert {job.id: bare(job) for job in jobs} == live
        assert {job.id: bare(job) for job in dead} == model.dead
        assert (set(listed), queue, sorted(due)) == (model.dead.keys(), waiting, running)
        queued = [live[each] for each in waiting if not live[each].request.awaits_picture]
        oldest_ms = min((each.created_ms for each in queued), default=0)
        assert stats.oldest_waiting_ms == oldest_ms
        of_users = Counter(live[each].user_id for each in running)
        assert active == {str(user): str(count) for user, count in of_users.items()}
        expected = {"charged": model.charged.total(), "reserved": reserved(live.values())}
        expected |= {"of:painter.create": expected["charged"], "n:painter.create": model.charges}
        for user_id in (1, 2):
            expected[f"user:{user_id}"] = model.spent(user_id)
            expected[f"reserved:{user_id}"] = reserved(model.of(user_id))
            expected[f"pictures:{user_id}"] = model.pictures[user_id]
            account = await redis.hgetall(f"{STARS}{user_id}")
            stars = {"balance": model.balance[user_id], "spent": model.spent_stars[user_id]}
            held = {one: model.held[one] for one in model.held if int(one) % 2 + 1 == user_id}
            stars |= {f"job:{one}": count for one, count in held.items()}
            assert {name: int(account.get(name, 0)) for name in {*stars, *account}} == stars
        assert {name: int(spend.get(name, 0)) for name in expected} == expected

    def teardown(self) -> None:
        try:
            # It knows the other indexes.
            assert self.run(self.queue.fsck(NOW, [DAY])) == (0, 0, 0, [])
        finally:
            for client in (*self.clients, self.redis):
                self.runner.run(client.aclose())
            self.runner.close()


async def nothing(_: object) -> None:
    pass


def test_the_queue_does_what_the_model_says(redis_url: str) -> None:
    QueueMachine.url = redis_url
    play(QueueMachine, 80, Phase.generate, Phase.shrink)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "check", "without"),
    [
        ("move", "seen[1] ~= version", "false"),
        ("finish", "seen[1] ~= version", "false"),
        ("move", "seen[2] ~= token", "true"),
        ("claim", "last_token == token", "false"),
        ("move", "FLAGS: fenced", "FLAGS:"),
        ("claim", "FLAGS: fenced", "FLAGS:"),
        ("enqueue", "'EXISTS', job, tombstone", "'EXISTS', job"),
        (
            "enqueue",
            "math.max(tonumber(last[1] or '0'), tonumber(last[2] or '0'))",
            "tonumber(last[1] or '0')",
        ),
        ("enqueue", "return {'many', own}", "own = 0"),
        ("claim", "tonumber(running_limit)", "99"),
        ("cancel", "redis.call('HINCRBY', user_tags, user_id, -1)", ""),
        ("cancel", "seen[1] == 'rendering' or seen[1] == 'delivering'", "false"),
        ("enqueue", "seen[1] + seen[2]", "seen[1]"),
        ("enqueue", "hold.amount < 0 and -left or left", "left"),
        (f"{_LETTERS}._revive", "job.charge.is_settled or is_paid(job)", "False"),
        (f"{_LETTERS}._revive", "each.decided == AT_END", "True"),
        (
            f"{_HOLDS}:at_end",
            "is_paid(job) and not job.charge.is_settled",
            "not job.charge.is_settled",
        ),
        (f"{_HOLDS}:at_end", "is_charged or job.charge.is_settled or", "job.charge.is_settled or"),
        (f"{_HOLDS}:at_end", "hold.decided == AT_END and outcome is State.DEAD", "False"),
        (f"{_HOLDS}:at_end", "-hold.amount, dated", "0, dated"),
    ],
)
def test_a_queue_without_one_of_its_checks_is_found_out(
    name: str, check: str, without: str, redis_url: str
) -> None:
    QueueMachine.url = redis_url

    with (
        Bug(name, check, without).patched(),
        pytest.raises((AssertionError, pytest.fail.Exception, StaleJobError)),
    ):
        play(QueueMachine, 400, Phase.generate)
