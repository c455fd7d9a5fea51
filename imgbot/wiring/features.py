"""Features of the bot: deleting one is deleting its folder and its line here."""

from collections.abc import Awaitable, Callable, Collection, Sequence

from imgbot.features.albums import FEATURE as ALBUMS
from imgbot.features.alerts import FEATURE as ALERTS
from imgbot.features.broadcast import FEATURE as BROADCAST
from imgbot.features.feature import Core, Feature, Seams
from imgbot.features.guard import FEATURE as GUARD
from imgbot.features.guest import FEATURE as GUEST
from imgbot.features.lettering import FEATURE as LETTERING
from imgbot.features.people import FEATURE as PEOPLE
from imgbot.features.privacy import FEATURE as PRIVACY
from imgbot.features.prompt_help import FEATURE as PROMPT_HELP
from imgbot.features.stars import FEATURE as STARS
from imgbot.features.stickers import FEATURE as STICKERS
from imgbot.storage import keys
from imgbot.storage.client import Client

# In the order of their hooks; the guard judges what all others have made.
FEATURES: tuple[Feature, ...] = (
    PEOPLE,
    ALERTS,
    ALBUMS,
    BROADCAST,
    PRIVACY,
    STARS,
    GUEST,
    PROMPT_HELP,
    LETTERING,
    STICKERS,
    GUARD,
)


def owners() -> keys.Owners:
    """Return the keys of the core and of the features. Raises ValueError for one that two have."""
    found = dict(keys.OWNERS)
    for feature in FEATURES:
        if twice := found.keys() & feature.keys.keys():
            raise ValueError(f"{feature.name} has keys of another: {', '.join(sorted(twice))}")
        found |= feature.keys
    return found


def forgetters() -> Sequence[Callable[[Client, Collection[int]], Awaitable[None]]]:
    """Return what forgets users in the features' own way."""
    return [feature.forget for feature in FEATURES if feature.forget]


def build_seams(core: Core) -> Sequence[Seams]:
    """Build all features."""
    return [feature.build(core) for feature in FEATURES]
