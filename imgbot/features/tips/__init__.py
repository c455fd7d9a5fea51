"""Tips: the best things are told once each, in the caption of a picture where they help.

Never in a group, and not to those who chose /quiet.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from imgbot.domain.job import Request, with_changes
from imgbot.domain.operations import CHANGES, Operation
from imgbot.features.feature import Core, Feature, Seams
from imgbot.jobs.hooks import AfterRender, Hooks, Rendered
from imgbot.storage.results import ResultStore
from imgbot.storage.users import UserStore

_AFTER = {"tip_circle": 0, "tip_more": 2}
"""Pictures that a user has before they are told a tip."""
_ONCE_S = 10 * 365 * 86_400


_HELPS: Mapping[str, Callable[[Request], bool]] = {
    "tip_circle": lambda asked: (
        asked.operation in CHANGES - {Operation.INPAINT} and not asked.parent
    ),
    "tip_more": lambda asked: asked.operation in {Operation.CREATE, Operation.EDIT},
}
"""Tells whether a tip helps at a picture."""


@dataclass(frozen=True, slots=True)
class _Tips:
    users: UserStore
    results: ResultStore

    async def tell(self, rendered: Rendered) -> Rendered:
        """Return the picture with a tip in its caption, if one is due."""
        job, request = rendered.job, rendered.job.request
        if request.chat_id != job.user_id or request.inline_id or request.note:
            return rendered
        count = len(await self.results.history(job.user_id))
        due = [tip for tip, least in _AFTER.items() if count >= least and _HELPS[tip](request)]
        if not due or (await self.users.preferences(job.user_id)).is_quiet:
            return rendered
        for tip in due:
            if await self.users.is_first(f"said.{job.user_id}.{tip}", job.id, _ONCE_S):
                return replace(rendered, job=with_changes(job, note=tip))
        return rendered


def _build(core: Core) -> Seams:
    tips = _Tips(UserStore(core.redis), ResultStore(core.redis))
    return Seams(hooks=Hooks(after_render=(AfterRender(tips.tell, lambda job: job),)))


FEATURE = Feature("tips", _build)
