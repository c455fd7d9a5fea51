"""Orders of a load test and their outcomes, from the chats and the provider's ledger.

Every order must end in exactly one picture or exactly one text, and a picture is charged once. The
bot's own figures are not used.
"""

import asyncio
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from imgbot.sandbox.state import Chat, Post, Query

_CANCEL, _EDIT = "cancel:", "edit:"
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


@dataclass(frozen=True, slots=True)
class Replies:
    """The bot's replies to one order so far."""

    pictures: Sequence[Post]
    sentences: Sequence[Post]
    unfinished: Sequence[Post]
    toast: str
    """Refusal in the answer to the button press; it counts if there is nothing else."""

    @property
    def is_complete(self) -> bool:
        return bool(self.pictures or self.sentences or (self.toast and not self.unfinished))

    @property
    def outcome(self) -> OrderOutcome:
        """Outcome of an order that is complete."""
        if len(self.pictures) + len(self.sentences) > 1 or self.unfinished:
            return OrderOutcome.DOUBLED
        if self.pictures:
            return OrderOutcome.DELIVERED
        # An accepted order has an edited message; a refusal comes at once.
        is_taken = any(sentence.edits for sentence in self.sentences)
        return OrderOutcome.FAILED if is_taken else OrderOutcome.REFUSED


@dataclass(slots=True, eq=False)
class LoadOrder:
    """One order as placed; times are of the event loop's clock."""

    chat: Chat
    after_id: int
    """The bot's messages after this id belong to the order, up to the user's next order."""
    until_id: int | None = None
    way: str = ""
    name: str = ""
    """Word that no other prompt has; empty without a prompt."""
    is_moderated: bool = False
    asked_at_s: float = 0.0
    is_made: bool = False
    """True if the dialogue reached the step that orders."""
    query: Query | None = None
    """Button press that was its last step, if any: the bot may refuse in its answer."""
    answered_at_s: float | None = None
    answered: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def seconds(self) -> float | None:
        """Seconds from the order to its answer as the user sees it."""
        return None if self.answered_at_s is None else self.answered_at_s - self.asked_at_s

    def toast(self, passing: Collection[str]) -> str:
        """Return what the answer to the button press says, unless it is in `passing`."""
        answer = self.query.answer if self.query else ""
        return "" if answer in passing else answer

    def replies(self, passing: Collection[str]) -> Replies:
        """Classify the bot's messages; those in `passing` or with a cancel button end nothing.

        A text in `passing` that stays the only one counts as silence.
        """
        pictures, sentences, unfinished = list[Post](), list[Post](), list[Post]()
        for post in self._posts():
            if not {"photo", "document"}.isdisjoint(post.message):
                pictures.append(post)
            elif button_data(post, _CANCEL):
                unfinished.append(post)
            elif post.message.get("text") not in passing:
                sentences.append(post)
        return Replies(pictures, sentences, unfinished, self.toast(passing))

    def _posts(self) -> Iterator[Post]:
        last_id = (self.until_id or 1 << 62) - 1
        for post in self.chat.posts.values():
            if post.is_outgoing and not post.is_deleted and self.after_id < post.id <= last_id:
                yield post

    def outcome(self, passing: Collection[str], *, is_whole: bool = True) -> OrderOutcome:
        """Return the outcome; unless the test `is_whole`, an order without an answer is open."""
        found = self.replies(passing)
        if self.is_made and found.is_complete:
            is_refused = self.is_moderated and found.outcome is OrderOutcome.FAILED
            return OrderOutcome.REFUSED if is_refused else found.outcome
        if found.toast and not self.is_made:
            return OrderOutcome.REFUSED
        if not is_whole:
            return OrderOutcome.OPEN
        return OrderOutcome.WAITING if found.unfinished else OrderOutcome.LOST

    def description(self, passing: Collection[str]) -> str:
        """Return where and how it was placed, and the bot's texts."""
        found = self.replies(passing)
        posts = (*found.pictures, *found.sentences, *found.unfinished)
        return " | ".join([f"chat {self.chat.id}, {self.way}", *map(_short, posts)])


def button_data(post: Post, prefix: str) -> str:
    """Return the data of the first button with this prefix; empty if there is none."""
    rows = post.message.get("reply_markup", {}).get("inline_keyboard", [])
    found = (b.get("callback_data", "") for row in rows for b in row)
    return next((data for data in found if data.startswith(prefix)), "")


def _short(post: Post) -> str:
    text: str = post.message.get("text") or post.message.get("caption") or ""
    kind = "" if "text" in post.message else "picture: "
    return f"{kind}{text[:_SHOWN]}"


def wrong_charges(
    outcomes: Mapping[LoadOrder, OrderOutcome],
    charges: Sequence[Mapping[str, Any]],
    passing: Collection[str],
) -> int:
    """Return the number of charges that were made twice, or for a picture that nobody saw."""
    pictures = (
        picture
        for order, outcome in outcomes.items()
        if outcome is OrderOutcome.DELIVERED
        for picture in order.replies(passing).pictures[:1]
    )
    seen = {button_data(picture, _EDIT).removeprefix(_EDIT) for picture in pictures}
    # An unfinished picture may be charged, and still arrive.
    unfinished = {OrderOutcome.OPEN, OrderOutcome.WAITING, OrderOutcome.DOUBLED}
    is_open = not unfinished.isdisjoint(outcomes.values())
    # The installation's id precedes the job's own.
    by_job = Counter(str(entry.get("client_id") or "").partition("-")[2] for entry in charges)
    if "" in by_job:
        # A provider that knows nothing of our jobs: the sum tells.
        return 0 if is_open else max(0, len(charges) - len(seen))
    unseen = 0 if is_open else sum(job not in seen for job in by_job)
    return len(charges) - len(by_job) + unseen
