"""What the scripts that Redis has accepted must have made of money: a model of its books.

It is told each script of the log of a server, by the names of its arguments, in their order.
"""

import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from imgbot.domain.holds import Hold


class Call(NamedTuple):
    """A script that was served."""

    name: str
    values: Mapping[str, Any]
    """Its arguments; the epoch of its caller is `own_epoch`."""
    answer: Any

    @property
    def is_done(self) -> bool:
        return bool(self.answer) and self.answer[0] == "ok"


@dataclass
class Entry:
    """A job in the books."""

    user: str
    day: str
    facts: dict[str, str]
    """Its fields, as they were stored last."""
    reserved: int
    is_counted: bool
    """In the quota of its user."""
    held: int = 0
    """Stars that were held."""
    is_gift: bool = False
    """One of the free pictures of its day."""
    charged: int = 0
    spent: int = 0
    is_settled: bool = False
    """Its Stars are spent, or given back: what becomes of a dead one costs none."""
    outcome: str = ""

    @property
    def is_billed(self) -> bool:
        """If it was ordered, its price is charged, unless that is known to cost nothing."""
        return int(self.facts.get("intent_ms", 0)) > 0 and self.facts.get("is_unbilled") != "1"


@dataclass
class Account:
    """The Stars of a user."""

    balance: int = 0
    spent: int = 0
    gifts: tuple[str, int] = "", 0
    """A day, and its free pictures."""

    def gifts_on(self, day: str) -> int:
        return self.gifts[1] if self.gifts[0] == day else 0


@dataclass
class Books:
    """The model."""

    days: dict[str, Counter[str]] = field(
        default_factory=lambda: defaultdict[str, Counter[str]](Counter)
    )
    accounts: dict[str, Account] = field(default_factory=lambda: defaultdict[str, Account](Account))
    credits: dict[str, int] = field(default_factory=dict[str, int])
    """By charge, the Stars that a payment bought."""
    items: set[str] = field(default_factory=set[str])
    """What was sold beside pictures."""
    jobs: dict[str, Entry] = field(default_factory=dict[str, Entry])
    running: dict[str, set[str]] = field(default_factory=lambda: defaultdict[str, set[str]](set))
    """Jobs of a user that are claimed, and have not ended."""
    claims: dict[str, str] = field(default_factory=dict[str, str])
    """By token, the job that was claimed."""
    faults: list[str] = field(default_factory=list[str])

    @classmethod
    def of(cls, calls: Iterable[Call]) -> "Books":
        """The books after these scripts."""
        books = cls()
        for call in calls:
            if keep := getattr(books, f"_{call.name}", None):
                keep(call)
        return books

    def _enqueue(self, call: Call) -> None:
        told, account = call.values, self.accounts[call.values["user"]]
        day, user, facts = self.days[told["day"]], told["user"], _pairs(told["fields"])
        price, rows = int(facts["price_micro"]), json.loads(told["holds"])
        stars = sum(-row["amount"] for row in rows if row.get("spent_in"))
        limits = {row.get("name"): row.get("limit", math.inf) for row in rows}
        is_counted, is_gift = "user_pictures" in limits, "free" in limits
        spent = day["charged"] + day["reserved"]
        refusals = {
            "budget": price and spent + price > limits["budget"],
            "user_budget": price and day[f"user:{user}"] + price > limits["user_budget"],
            "user_pictures": is_counted and day[f"pictures:{user}"] >= limits["user_pictures"],
            "free": is_gift and account.gifts_on(told["day"]) >= limits["free"],
            "stars": stars > account.balance,
        }
        verdict = next((name for name, is_met in refusals.items() if is_met), "ok")
        if call.answer[0] in {*refusals, "ok"} and call.answer[0] != verdict:
            self.faults.append(f"job {told['id']} is admitted as {call.answer}, not {verdict}")
        if not call.is_done:
            return
        self.jobs[told["id"]] = Entry(
            user, told["day"], facts, price, is_counted, held=stars, is_gift=is_gift
        )
        day.update({"reserved": price, f"reserved:{user}": price, f"user:{user}": price})
        day[f"pictures:{user}"] += is_counted
        account.balance -= stars
        if is_gift:
            account.gifts = told["day"], account.gifts_on(told["day"]) + 1

    def _claim(self, call: Call) -> None:
        if not call.is_done:
            return
        job_id = _pairs(call.answer[1])["id"]
        if self.claims.setdefault(call.values["token"], job_id) != job_id:
            self.faults.append(f"job {job_id} is claimed beside another")
        job = self.jobs[job_id]
        running = self.running[job.user]
        running.add(job_id)
        # One that has left its place to others does not count.
        idle = call.values["idle_users"].count(f";{job.user};")
        if len(running) - idle > int(call.values["running_limit"]):
            self.faults.append(f"user {job.user} runs too many jobs: {sorted(running)}")

    def _move(self, call: Call) -> None:
        told = call.values
        if call.is_done:
            self.jobs[told["id"]].facts |= _pairs(told["fields"])

    def _finish(self, call: Call) -> None:
        told = call.values
        job, outcome = self.jobs[told["id"]], told["outcome"]
        # Where it had ended, the answer is the same.
        if not call.is_done or job.outcome:
            return
        day = self.days[job.day]
        self.running[job.user].discard(told["id"])
        charge = int(job.facts["price_micro"]) if job.is_billed and not job.charged else 0
        job.outcome, job.charged = outcome, job.charged + charge
        made = f"{job.facts.get('provider') or 'unknown'}.{job.facts['operation']}"
        day.update({"charged": charge, f"of:{made}": charge, f"n:{made}": bool(charge)})
        day[f"user:{job.user}"] += charge - job.reserved
        day.subtract({"reserved": job.reserved, f"reserved:{job.user}": job.reserved})
        job.reserved = 0
        # What was billed counts, and what is shown; a dead job may be shown yet.
        counts = bool(job.charged) or outcome == "delivered"
        if not counts and outcome != "dead":
            day[f"pictures:{job.user}"] -= job.is_counted
        if not job.is_settled:
            job.is_settled = True
            self._settle(job, counts=counts)

    def _settle(self, job: Entry, *, counts: bool) -> None:
        account = self.accounts[job.user]
        held = [Hold(*row) for row in json.loads(job.facts["holds"])]
        back = sum(each.back for each in held)
        job.spent = job.held - min(back, job.held) if counts else 0
        account.spent += job.spent
        account.balance += job.held - job.spent
        day, gifts = account.gifts
        if job.is_gift and not counts and day == job.day:
            account.gifts = day, gifts - 1

    def _requeue_dead(self, call: Call) -> None:
        if call.is_done:
            job = self.jobs[call.values["id"]]
            job.outcome = ""
            job.facts |= _pairs(call.values["fields"])

    def _stars_credit(self, call: Call) -> None:
        if call.is_done:
            credit = self.credits[call.values["charge"]] = int(call.values["credit"])
            self.accounts[call.values["user"]].balance += credit

    def _stars_spend(self, call: Call) -> None:
        account, told = self.accounts[call.values["user"]], call.values
        if call.is_done and told["item"] not in self.items:
            self.items.add(told["item"])
            account.balance -= int(told["price"])
            account.spent += int(told["price"])

    def _stars_take_back(self, call: Call) -> None:
        if call.is_done:
            credit = self.credits.get(call.values["charge"], 0)
            self.accounts[call.values["user"]].balance -= credit


def _pairs(flat: Sequence[str]) -> dict[str, str]:
    return dict(zip(flat[::2], flat[1::2], strict=True))
