"""Disabled buttons: in a group, a button stays disabled while what it ordered runs."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from imgbot.domain.errors import ImgbotError, TransientError
from imgbot.storage.presses import Press, PressStore
from imgbot.telegram.messenger import Messenger
from imgbot.telegram.rate_limiter import OptionalCall, max_wait

_LOOK_EVERY_S = 1.0
"""What takes less time disables no button."""


@dataclass(slots=True)
class DisabledButtons:
    """Loop that shows each button as the stored presses say; an edit that failed is repeated."""

    store: PressStore
    messenger: Messenger
    _shown: dict[tuple[int, int], set[str] | None] = field(default_factory=dict, init=False)
    """Data of the disabled buttons by chat and message; None if it is not known what is shown."""
    _has_looked: bool = field(default=False, init=False)

    async def run(self) -> None:
        while True:
            self.store.noted.clear()
            has_any = True
            with suppress(TransientError):
                has_any = await self.look()
            if not has_any:
                await self.store.noted.wait()
            await asyncio.sleep(_LOOK_EVERY_S)

    async def look(self) -> bool:
        """Show what has changed; return false if nothing is noted."""
        presses = await self.store.presses()
        for place in {press[:2] for press in presses}:
            if not self._has_looked:
                # An earlier process may have disabled them.
                self._shown[place] = None
            await self._update(place, [press for press in presses if press[:2] == place])
        self._has_looked = True
        return bool(presses)

    async def _update(self, place: tuple[int, int], presses: list[Press]) -> None:
        """Show the buttons of a message as they are to be, if there is room."""
        running = [press for press in presses if await self.store.is_running(press)]
        wanted = {press.data for press in running}
        if self._shown.get(place, set()) != wanted:
            if running and not self.messenger.has_room(OptionalCall.PROGRESS, place[0]):
                return
            rows = [[_shown(button, wanted) for button in row] for row in presses[0].rows]
            try:
                with max_wait(0):
                    await self.messenger.edit_keyboard(*place, rows)
            except TransientError:
                self._shown[place] = None
                return
            except ImgbotError:
                # It is gone, or cannot have such buttons.
                running.clear()
        self._shown[place] = wanted
        if not running:
            del self._shown[place]
        await self.store.drop([press for press in presses if press not in running])


def _shown(button: dict[str, Any], disabled: set[str]) -> dict[str, Any]:
    if button.get("callback_data") not in disabled:
        return button
    return {"text": f"{button['text'].partition(' ')[0]} …", "disabled": {}}
