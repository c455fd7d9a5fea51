"""Workers that come and go under load, in every way that an operator has."""

import asyncio
import signal
from collections.abc import AsyncGenerator, Callable, Mapping

from imgbot.ops.scale import scale

_EVERY_S = 2.0


def _nobody(_line: str) -> None:
    """What `scale` has to say is not needed here."""


async def resize_for_ever(
    send: Callable[[int], None], environ: Mapping[str, str], workers: int
) -> AsyncGenerator[int]:
    """Yield after each resize: up and down by signals, to half and back by `imgbot scale`.

    The size is the wished one after every round.
    """
    settings = {"IMGBOT_STATE_DIR": environ["IMGBOT_STATE_DIR"]}
    half = max(1, workers // 2)
    while True:
        for act in (signal.SIGTTIN, signal.SIGTTIN, half, signal.SIGTTOU, workers):
            if isinstance(act, signal.Signals):
                send(act)
            else:
                await asyncio.to_thread(scale, act, settings, _nobody)
            yield int(act)
            await asyncio.sleep(_EVERY_S)
