"""Features of the bot: deleting one is deleting its folder and its line here."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import fields
from itertools import chain
from typing import Any, TypeVar

from imgbot.config.settings import Settings, variable_of
from imgbot.features.albums import FEATURE as ALBUMS
from imgbot.features.alerts import FEATURE as ALERTS
from imgbot.features.broadcast import FEATURE as BROADCAST
from imgbot.features.checks import FEATURE as CHECKS
from imgbot.features.clips import FEATURE as CLIPS
from imgbot.features.describe import FEATURE as DESCRIBE
from imgbot.features.feature import Core, Feature, Seams
from imgbot.features.guard import FEATURE as GUARD
from imgbot.features.guest import FEATURE as GUEST
from imgbot.features.lettering import FEATURE as LETTERING
from imgbot.features.marks import FEATURE as MARKS
from imgbot.features.models import FEATURE as MODELS
from imgbot.features.named_photos import FEATURE as NAMED_PHOTOS
from imgbot.features.people import FEATURE as PEOPLE
from imgbot.features.privacy import FEATURE as PRIVACY
from imgbot.features.prompt_help import FEATURE as PROMPT_HELP
from imgbot.features.releases import FEATURE as RELEASES
from imgbot.features.shapes import FEATURE as SHAPES
from imgbot.features.stars import FEATURE as STARS
from imgbot.features.stickers import FEATURE as STICKERS
from imgbot.features.styles import FEATURE as STYLES
from imgbot.features.subject import FEATURE as SUBJECT
from imgbot.features.tips import FEATURE as TIPS
from imgbot.features.unread import FEATURE as UNREAD
from imgbot.features.voice import FEATURE as VOICE
from imgbot.jobs.hooks import Hooks
from imgbot.storage import keys
from imgbot.storage.client import Client
from imgbot.telemetry import events

V = TypeVar("V")
Parts = TypeVar("Parts", Seams, Hooks)

# In the order of their hooks; the guard judges what all others have made, and what it lets through
# is checked.
FEATURES: tuple[Feature, ...] = (
    PEOPLE,
    ALERTS,
    MARKS,
    ALBUMS,
    BROADCAST,
    PRIVACY,
    STARS,
    GUEST,
    PROMPT_HELP,
    DESCRIBE,
    CLIPS,
    MODELS,
    LETTERING,
    SHAPES,
    STICKERS,
    STYLES,
    SUBJECT,
    TIPS,
    NAMED_PHOTOS,
    UNREAD,
    RELEASES,
    VOICE,
    GUARD,
    CHECKS,
)


def owners() -> keys.Owners:
    """Return the keys of the core and of the features. Raises ValueError for one that two have."""
    return _union("keys", [keys.OWNERS, *(feature.keys for feature in FEATURES)])


def forgetters() -> Sequence[Callable[[Client, Collection[int]], Awaitable[None]]]:
    """Return what forgets users in the features' own way."""
    return [feature.forget for feature in FEATURES if feature.forget]


def build_seams(core: Core) -> Seams:
    """Build all features, as one. Raises ValueError for a part that has two owners."""
    for name in unused(core.settings):
        events.warning("%s has no effect: this bot is without its feature", name)
    seams = joined([Seams(), *(feature.build(core) for feature in FEATURES)])
    core.privacy_notes.extend(seams.privacy_notes)
    core.about_user.extend(seams.about_user)
    core.photo_checks.extend(seams.hooks.check_photo)
    return seams


def unused(settings: Settings) -> list[str]:
    """Return the variables that are set for features that are not in the list."""
    known = {feature.settings for feature in FEATURES}
    others = [each for each in settings.of_features if type(each) not in known]
    return [variable_of(field) for each in others for field in each.model_fields_set]


def joined(parts: Sequence[Parts]) -> Parts:
    """Return several records as one: rows one after the other, all else of one owner each."""
    names = [each.name for each in fields(parts[0])]
    rows = {name: _joined_field(name, [getattr(each, name) for each in parts]) for name in names}
    return type(parts[0])(**rows)


def _joined_field(name: str, values: Sequence[Any]) -> Any:
    match values[0]:
        case Hooks():
            return joined(values)
        case Mapping():
            return _union(name, values)
        case tuple() | list():
            return tuple(chain.from_iterable(values))
        case _:
            return _union(name, ({name: each} for each in values if each)).get(name)


def _union(name: str, tables: Iterable[Mapping[str, V]]) -> dict[str, V]:
    found: dict[str, V] = {}
    for table in tables:
        if twice := found.keys() & table.keys():
            raise ValueError(f"two have the same {name}: {', '.join(sorted(twice))}")
        found |= table
    return found
