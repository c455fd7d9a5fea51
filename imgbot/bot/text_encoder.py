"""Text encoder: the optional sentence encoder, in a worker of its own.

Without it, or without its answer in time, the learned intents understand a text by its words alone.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from imgbot.imaging import encoder
from imgbot.imaging.pool import Pool
from imgbot.telemetry import events

_TIMEOUT_S = 1.0
_DEADLINE_S = 30.0
"""For a worker that has to load the encoder first, on a slow machine."""
_WAITING = 20
"""Texts that wait for the worker; further ones are understood without it."""
_FAILURES = 3
"""Failures in a row after which the encoder is left alone until the next start."""


class TextEncoder:
    """Encoder of texts, as long as `run` runs and the extra `words` is installed."""

    def __init__(self) -> None:
        self._asked = asyncio.Queue[tuple[str, asyncio.Future[Sequence[float]]]](_WAITING)
        self._is_up = False

    async def encoded(self, text: str) -> Sequence[float]:
        """Return what `classify` takes for the encoding of a text; empty if there is none."""
        if not self._is_up:
            return ()
        answer = asyncio.get_running_loop().create_future()
        with suppress(asyncio.QueueFull, TimeoutError):
            self._asked.put_nowait((text, answer))
            async with asyncio.timeout(_TIMEOUT_S):
                return await answer
        return ()

    async def run(self) -> None:
        """Encode what is asked for; ends without the extra, and after failures in a row."""
        if not encoder.is_installed():
            return
        pool = Pool(1, deadline_s=_DEADLINE_S, on_restart=events.worker_replaced)
        failures = 0
        try:
            while failures < _FAILURES:
                failures = 0 if await self._serve(pool) else failures + 1
        finally:
            self._is_up = False
            await pool.close(0)
        events.warning("the sentence encoder is not used until the next start")

    async def _serve(self, pool: Pool) -> bool:
        """Encode texts until one fails; return whether any did not."""
        is_any = False
        try:
            await pool.run(encoder.share_of, "", about="loading the sentence encoder")
            self._is_up = True
            events.info("texts are encoded by the sentence encoder")
            while True:
                text, answer = await self._asked.get()
                share = () if answer.done() else await pool.run(encoder.share_of, text)
                is_any = True
                if not answer.done():
                    answer.set_result(share)
        except Exception as error:  # noqa: BLE001 -- a foreign wheel on a foreign processor
            self._is_up = False
            events.warning("the sentence encoder fails (%s)", type(error).__name__)
        return is_any
