"""Outcome of each order, from the chats and the provider's ledger.

Every order must end in exactly one picture or exactly one text, and a picture is charged once. The
bot's own figures are not used.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from imgbot.sandbox.load.plan import Scenario
from imgbot.sandbox.state import Chat, Post, Query

_CANCEL = "cancel:"
_EDIT = "edit:"
_SHOWN = 60


class OrderOutcome(StrEnum):
    """Outcome of an order."""

    DELIVERED = "delivered"
    REFUSED = "refused"  # with a sentence, before or by the provider's rules
    FAILED = "failed"  # with a sentence, after it was taken
    WAITING = "waiting"  # not at all yet: its message still says that it is under way
    LOST = "lost"  # without a word
    DOUBLED = "doubled"  # more than once
    OPEN = "open"  # the test was stopped before


@dataclass(slots=True)
class PlacedOrder:
    """One order as placed; times are of the event loop's clock."""

    scenario: Scenario
    chat_id: int
    part: int
    """Index of its plan, if there are several in a row."""
    after_id: int
    """The bot's messages after this id belong to the order, up to the user's next order."""
    until_id: int | None = None
    ordered_at_s: float = 0.0
    is_made: bool = False
    """True if the dialogue reached the step that orders."""
    query: Query | None = None
    """Button press that was its last step, if any: the bot may refuse in its answer."""
    answered_at_s: float | None = None


@dataclass(frozen=True, slots=True)
class OrderReplies:
    """The bot's replies to one order so far."""

    pictures: tuple[Post, ...] = ()
    sentences: tuple[Post, ...] = ()
    unfinished: tuple[Post, ...] = ()
    toast: str = ""
    """Answer to the button press; it counts if there is nothing else."""

    @property
    def is_complete(self) -> bool:
        return bool(self.pictures or self.sentences or (self.toast and not self.unfinished))


@dataclass(frozen=True, slots=True)
class OrderEnd:
    """One order and its outcome."""

    order: PlacedOrder
    outcome: OrderOutcome
    job_id: str = ""
    said: tuple[str, ...] = ()
    """The bot's texts, where there was not exactly one."""

    @property
    def seconds(self) -> float | None:
        """Seconds from the order to its answer as the user sees it."""
        answered_at_s = self.order.answered_at_s
        return None if answered_at_s is None else answered_at_s - self.order.ordered_at_s


@dataclass(frozen=True, slots=True)
class Charges:
    """Charges of the provider; only the sum is known where it does not identify our orders."""

    pictures: int = 0
    twice: int = 0
    in_vain: int = 0
    """Charged, but never shown to a user."""


@dataclass(frozen=True, slots=True)
class OrderLedger:
    """Every order and every charge."""

    ended: Sequence[OrderEnd] = field(default_factory=list[OrderEnd])
    charges: Charges = Charges()

    def count(self, *outcomes: OrderOutcome) -> int:
        return sum(each.outcome in outcomes for each in self.ended)

    def amiss(self) -> list[str]:
        """Return a line for each lost or doubled order: how it was placed, and the bot's texts."""
        found = (
            each for each in self.ended if each.outcome in {OrderOutcome.LOST, OrderOutcome.DOUBLED}
        )
        return [
            f"{each.outcome}: chat {each.order.chat_id}, {each.order.scenario.way}"
            + "".join(f" | {words}" for words in each.said)
            for each in found
        ]


def answers(order: PlacedOrder, chat: Chat, passing: Collection[str]) -> OrderReplies:
    """Classify the bot's replies; texts in `passing` and messages with a cancel button end nothing.

    A text in `passing` that stays the only one counts as silence.
    """
    posts = [
        post
        for post in chat.posts.values()
        if post.is_outgoing and not post.is_deleted and _is_about(order, post)
    ]
    pictures = tuple(p for p in posts if "photo" in p.message or "document" in p.message)
    texts = [post for post in posts if post not in pictures]
    unfinished = tuple(post for post in texts if button(post, _CANCEL))
    done = [post for post in texts if post not in unfinished]
    sentences = tuple(p for p in done if p.message.get("text") not in passing)
    toast = order.query.answer if order.query else ""
    return OrderReplies(pictures, sentences, unfinished, toast)


def _is_about(order: PlacedOrder, post: Post) -> bool:
    return order.after_id < post.id and (order.until_id is None or post.id < order.until_id)


def button(post: Post, prefix: str) -> str:
    """Return the data of the first button with this prefix; empty if there is none."""
    rows = post.message.get("reply_markup", {}).get("inline_keyboard", [])
    found = (b.get("callback_data", "") for row in rows for b in row)
    return next((data for data in found if data.startswith(prefix)), "")


def reconcile(
    orders: Iterable[PlacedOrder],
    chats: Mapping[int, Chat],
    ledger: Sequence[Mapping[str, Any]] | None,
    passing: Collection[str],
    *,
    is_whole: bool = True,
) -> OrderLedger:
    """Compare orders and charges; unless `is_whole`, orders without an answer count as open.

    `ledger` is None for a provider that charges nothing.
    """
    ended = [
        _ended(order, answers(order, chats[order.chat_id], passing), is_whole=is_whole)
        for order in orders
    ]
    return OrderLedger(ended, _charges(ended, ledger) if ledger is not None else Charges())


def _ended(order: PlacedOrder, found: OrderReplies, *, is_whole: bool) -> OrderEnd:
    said = tuple(map(_short, found.pictures + found.sentences + found.unfinished))
    count = len(found.pictures) + len(found.sentences)
    if found.toast and not order.is_made:
        return OrderEnd(order, OrderOutcome.REFUSED)
    if not found.is_complete or not order.is_made:
        outcome = OrderOutcome.WAITING if found.unfinished else OrderOutcome.LOST
        return OrderEnd(order, outcome if is_whole else OrderOutcome.OPEN, said=said)
    if count > 1 or found.unfinished:
        return OrderEnd(order, OrderOutcome.DOUBLED, said=said)
    if found.pictures:
        job_id = button(found.pictures[0], _EDIT).removeprefix(_EDIT)
        return OrderEnd(order, OrderOutcome.DELIVERED, job_id)
    if not found.sentences:
        return OrderEnd(order, OrderOutcome.REFUSED)
    # An accepted order has an edited message; a refusal comes at once.
    is_refused = order.scenario.is_moderated or not found.sentences[0].edits
    return OrderEnd(order, OrderOutcome.REFUSED if is_refused else OrderOutcome.FAILED)


def _short(post: Post) -> str:
    text: str = post.message.get("text") or post.message.get("caption") or ""
    kind = "" if "text" in post.message else "picture: "
    return f"{kind}{text[:_SHOWN]}"


def _charges(ended: Sequence[OrderEnd], ledger: Sequence[Mapping[str, Any]]) -> Charges:
    seen = {each.job_id for each in ended if each.outcome is OrderOutcome.DELIVERED}
    # The installation's id precedes the job's own.
    by_job = Counter(str(entry.get("client_id") or "").partition("-")[2] for entry in ledger)
    # An unfinished picture may be charged, and still arrive.
    is_open = any(
        each.outcome in {OrderOutcome.OPEN, OrderOutcome.WAITING, OrderOutcome.DOUBLED}
        for each in ended
    )
    if "" in by_job:
        surplus = 0 if is_open else max(0, len(ledger) - len(seen))
        return Charges(len(ledger), twice=surplus)
    in_vain = 0 if is_open else sum(job not in seen for job in by_job)
    return Charges(len(ledger), twice=len(ledger) - len(by_job), in_vain=in_vain)
