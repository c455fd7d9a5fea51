"""Judging of photos and results, and what becomes of those that are not safe."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from imgbot.domain.errors import UserError, WorkerLostError
from imgbot.domain.job import Job, Request
from imgbot.domain.operations import Operation
from imgbot.jobs.hooks import AfterRender, Hooks, Refused, Rendered
from imgbot.painter import steps
from imgbot.painter.pool import Pool
from imgbot.telemetry import events

_REFUSED = Refused("guard_refused_picture")


class PictureGuard:
    """Judge of pictures; `mode_of` is what it does where a request is shown: off, blur, refuse."""

    def __init__(self, pool: Pool, mode_of: Callable[[Request], str]) -> None:
        self._pool = pool
        self._mode_of = mode_of

    @property
    def hooks(self) -> Hooks:
        """Hooks that judge photos and results."""
        return Hooks(
            check_photo=(self._check_photo,),
            after_render=(AfterRender(self._check_result),),
            hides_unjudged=(lambda request: self._mode_of(request) == "blur",),
        )

    async def _check_photo(self, job: Job, photo: Path) -> None:
        if self._mode_of(job.request) == "refuse" and await self._judge(str(photo)) == "unsafe":
            raise UserError("guard_refused_photo")

    async def _check_result(self, rendered: Rendered) -> Rendered | Refused:
        request, mode = rendered.job.request, self._mode_of(rendered.job.request)
        if mode == "off":
            return rendered
        verdict = await self._verdict_of(rendered)
        if verdict == "safe":
            return rendered
        is_refused = verdict == "unsafe" and mode == "refuse"
        if is_refused or request.operation is Operation.STICKER:
            return _REFUSED
        # A file cannot be hidden.
        hidden = replace(rendered, is_hidden=True)
        return hidden if (await hidden.ready()).kind != "document" else _REFUSED

    async def _verdict_of(self, rendered: Rendered) -> str:
        """Return safe, unsafe, or unknown where it cannot tell."""
        path = (await rendered.ready()).path
        try:
            verdict = await self._judge(path)
        except (UserError, MemoryError, WorkerLostError) as error:
            events.step_failed(error, rendered.job)
            return "unknown"
        # A change may keep what its source was hidden for, and only be harder to judge.
        is_of_hidden = rendered.job.request.is_of_hidden
        return "unknown" if verdict == "safe" and is_of_hidden else verdict

    async def _judge(self, path: str) -> str:
        return await self._pool.run(steps.judge, path, about="judging a picture")
