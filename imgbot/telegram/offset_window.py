"""Offset window of getUpdates: the updates fetched last, and how far they may be confirmed. Pure.

The offset confirms every update before it, so it is the lowest one that is neither handled nor
stored. Updates above it come again with each call, and are recognised by their id.
"""


class OffsetWindow:
    """Update ids in order of arrival, each settled (handled or stored) or not yet."""

    def __init__(self) -> None:
        self._is_settled: dict[int, bool] = {}
        self._last: int | None = None

    @property
    def is_settled(self) -> bool:
        return all(self._is_settled.values())

    @property
    def offset(self) -> int | None:
        """Next offset to request; None if nothing was fetched."""
        for update_id, is_settled in self._is_settled.items():
            if not is_settled:
                return update_id
        return None if self._last is None else self._last + 1

    def add(self, update_id: int) -> bool:
        """Add a fetched update; return False if it is known."""
        if update_id in self._is_settled:
            return False
        self._is_settled[update_id] = False
        self._last = update_id
        return True

    def settle(self, update_id: int) -> None:
        if update_id in self._is_settled:
            self._is_settled[update_id] = True

    def confirm(self, offset: int | None) -> None:
        """Drop the updates that a call with this offset confirms: they cannot come again."""
        if offset is not None:
            self._is_settled = {
                update_id: is_settled
                for update_id, is_settled in self._is_settled.items()
                if update_id >= offset
            }

    def restart(self) -> None:
        """Forget the offset once everything before it is confirmed.

        After a quiet week Telegram continues with a random id, and a lower one would be confirmed
        unseen.
        """
        self._is_settled.clear()
        self._last = None
