"""Tips: the best things are told once each, in the caption of a picture where they help.

Never in a group, and not to those who chose /quiet. That cut-outs can get better is told to
administrators alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from imgbot.bot.policy import AccessPolicy
from imgbot.domain.job import Job, Request, with_changes
from imgbot.domain.operations import CHANGES, Operation
from imgbot.domain.texts import t
from imgbot.features.feature import Core, Feature, Seams
from imgbot.jobs.hooks import AfterRender, Hooks, Rendered
from imgbot.jobs.provider_routing import BUILTIN
from imgbot.painter.networks import has_network
from imgbot.storage.results import ResultStore
from imgbot.storage.users import UserStore

_AFTER = {"tip_circle": 0, "tip_more": 2}
"""Pictures that a user has before they are told a tip."""
_ONCE_S = 10 * 365 * 86_400
_CUT_OUT = frozenset({Operation.REMOVE_BACKGROUND, Operation.STICKER})
_HAS_NETWORK = has_network("imgbot.painter.engine")


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
    policy: AccessPolicy

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

    async def tell_owner(self, rendered: Rendered) -> Rendered:
        """Return an administrator's cut-out with the tip how to get better ones, once."""
        job, request = rendered.job, rendered.job.request
        is_plain = job.progress.provider == BUILTIN and not _HAS_NETWORK
        is_cut_out = request.operation in _CUT_OUT and request.chat_id == job.user_id
        if not (is_plain and is_cut_out and self.policy.is_admin(job.user_id)):
            return rendered
        if not await self.users.is_first(f"said.{job.user_id}.tip_cutout", job.id, _ONCE_S):
            return rendered
        features = {**job.progress.features, "tips": {"is_cutout": True}}
        return replace(rendered, job=with_changes(job, features=features))


def _line(job: Job) -> str:
    is_told = "tips" in job.progress.features
    return t(job.request.language, "tip_cutout") if is_told else ""


def _build(core: Core) -> Seams:
    tips = _Tips(UserStore(core.redis), ResultStore(core.redis), core.policy)
    after = [AfterRender(each, lambda job: job) for each in (tips.tell, tips.tell_owner)]
    return Seams(hooks=Hooks(after_render=tuple(after), caption_notes=(_line,)))


FEATURE = Feature("tips", _build)
