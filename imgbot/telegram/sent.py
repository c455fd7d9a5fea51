"""Ids of the messages that this process sent, to find one whose answer was lost.

Ids rise over all private chats and basic groups of an account together; a supergroup counts
by itself and is left out. Every id between two known ones that is not known itself belongs
to somebody else, or is a message of the bot whose answer was lost.
"""

from collections import Counter, deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import islice

from imgbot.domain.errors import ImgbotError, TransientError

_SUPERGROUPS_BELOW = -1_000_000_000_000
_IDS_REMEMBERED = 2_000
_LOST_REMEMBERED = 100
_CANDIDATES = 4
"""More unknown ids than that are not worth the calls: each counts against the chat's pace."""


@dataclass(slots=True)
class _Lost:
    """A call that may have sent a message with an id between these two."""

    chat_id: int
    after: int
    before: int = 0
    """The next id in its chat that is known; 0 while there is none."""


class SentIds:
    """What was sent, and what may have been."""

    def __init__(self) -> None:
        self._ids: deque[int] = deque(maxlen=_IDS_REMEMBERED)
        self._newest = 0
        self._lost: deque[_Lost] = deque(maxlen=_LOST_REMEMBERED)
        self._under_way: Counter[int] = Counter()

    @asynccontextmanager
    async def noted(self, chat_id: int) -> AsyncGenerator[list[int]]:
        """Take the ids that a call put into the list, or note that its answer was lost."""
        newest, earlier = self._newest, [lost for lost in self._of(chat_id) if not lost.before]
        sent: list[int] = []
        self._under_way[chat_id] += 1
        try:
            yield sent
        except BaseException as error:
            if chat_id > _SUPERGROUPS_BELOW and not _is_undone(error):
                self._lost.append(_Lost(chat_id, newest))
            raise
        finally:
            self._under_way[chat_id] -= 1
            if not self._under_way[chat_id]:
                del self._under_way[chat_id]
        if chat_id > _SUPERGROUPS_BELOW and sent:
            self._ids.extend(sent)
            self._newest = max(self._newest, *sent)
            for lost in earlier:
                lost.before = min(sent)

    def candidates(self, chat_id: int, before: int, times: int) -> list[int]:
        """Return ids that a message may have that was lost `times` before it was sent as `before`.

        Returned once, and only where no other message of the chat can be taken for it: none
        was lost at the same time, and none is under way.
        """
        lost = [each for each in self._of(chat_id) if each.before == before]
        for each in lost:
            self._lost.remove(each)
        after = min((each.after for each in lost), default=0)
        is_alone = len(lost) == times and all(
            each.before and each.before <= after for each in self._of(chat_id)
        )
        if not (after and is_alone) or chat_id in self._under_way:
            return []
        known = set(self._ids)
        unknown = (each for each in range(after + 1, before) if each not in known)
        return list(islice(unknown, _CANDIDATES))

    def _of(self, chat_id: int) -> list[_Lost]:
        return [lost for lost in self._lost if lost.chat_id == chat_id]


def _is_undone(error: BaseException) -> bool:
    """Whether Telegram surely has not sent what it answered so."""
    if isinstance(error, TransientError):
        return error.retry_after_s is not None
    return isinstance(error, ImgbotError)
