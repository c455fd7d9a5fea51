"""Releases: administrators hear once of each newer one, if the operator has set whom to ask."""

from imgbot.features.feature import Core, Feature, Seams
from imgbot.features.releases.looking import RELEASE, Releases
from imgbot.features.releases.settings import SETTINGS
from imgbot.storage.keys import Owner
from imgbot.storage.users import UserStore


def _build(core: Core) -> Seams:
    url, admins = core.settings.of(SETTINGS).releases, sorted(core.policy.admins)
    if not (url and admins):
        return Seams()
    parts = core.redis, core.messenger, UserStore(core.redis), admins, core.now_ms
    return Seams(loops=[Releases(url, *parts).run])


FEATURE = Feature("releases", _build, {RELEASE: (Owner.NOBODY,)}, settings=SETTINGS)
