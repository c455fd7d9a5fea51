"""Witness of a cluster: it keeps the record, and each bot reaches it through the network."""

import asyncio
from collections.abc import Callable, Iterable

from imgbot.domain.errors import StorageUnavailableError
from imgbot.storage.server.record import InSyncRecord
from tests.simulation.network import LostError, Network

_ANSWER_S = 1.0


class Witness:
    """What is on its disk."""

    def __init__(self) -> None:
        self.text = ""

    def change(self, before: str, after: str) -> str:
        """As the script does; return what is stored then."""
        if self.text == before:
            self.text = after
        return self.text


class PlayedRegister:
    """The bot's access to the record."""

    def __init__(self, witness: Witness, network: Network, is_cut: Callable[[], bool]) -> None:
        self._witness, self._network, self._is_cut = witness, network, is_cut
        self.known: InSyncRecord | None = None

    async def read(self) -> InSyncRecord | None:
        self.known = InSyncRecord.parse(await self._exchange("read", lambda: self._witness.text))
        return self.known

    async def change(self, before: InSyncRecord | None, members: Iterable[str]) -> InSyncRecord:
        wanted = InSyncRecord(round(self._network.loop.now_s, 3), frozenset(members))
        old, new = str(before or ""), str(wanted)
        if await self._exchange("change", lambda: self._witness.change(old, new)) != new:
            raise StorageUnavailableError("the record has changed meanwhile")
        self.known = wanted
        return wanted

    async def _exchange(self, name: str, serve: Callable[[], str]) -> str:
        try:
            async with asyncio.timeout(_ANSWER_S):
                if self._is_cut():
                    await asyncio.sleep(2 * _ANSWER_S)
                return await self._network.exchange("witness", name, serve)
        except (LostError, TimeoutError):
            raise StorageUnavailableError("the witness does not answer") from None
