"""Ids of sent messages, to find a message whose send got no response.

Message ids increase over all private chats and basic groups of an account together; supergroups
count separately and are left out. An unknown id between two known ones belongs to somebody else's
message, or to a message of the bot whose response was lost.
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
"""More unknown ids are not worth the calls, each of which counts against the chat's rate limit."""


@dataclass(slots=True)
class _Lost:
    """Send without a response; its message may have an id between these two."""

    chat_id: int
    after: int
    before: int = 0
    """Next known id in its chat; 0 while there is none."""


class SentIds:
    """Known ids, and sends whose response was lost."""

    def __init__(self) -> None:
        self._ids: deque[int] = deque(maxlen=_IDS_REMEMBERED)
        self._newest = 0
        self._lost: deque[_Lost] = deque(maxlen=_LOST_REMEMBERED)
        self._under_way: Counter[int] = Counter()

    @asynccontextmanager
    async def noted(self, chat_id: int) -> AsyncGenerator[list[int]]:
        """Record the ids that a call appends to the list, or that its response was lost."""
        newest, earlier = self._newest, [lost for lost in self._of(chat_id) if not lost.before]
        sent: list[int] = []
        self._under_way[chat_id] += 1
        try:
            yield sent
        except BaseException as error:
            if chat_id > _SUPERGROUPS_BELOW and not _proves_not_sent(error):
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
        """Return possible ids of a message lost `times` before it was sent as `before`.

        Returned once, and only if no other message of the chat can be mistaken for it: no other was
        lost at the same time, and none is being sent.
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


def _proves_not_sent(error: BaseException) -> bool:
    """True if the error proves that nothing was sent."""
    if isinstance(error, TransientError):
        return error.retry_after_s is not None
    return isinstance(error, ImgbotError)
