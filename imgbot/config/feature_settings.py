"""Settings of features, found by their place as the texts are: importing one imports the bot."""

import functools
import sys
from importlib.machinery import PathFinder
from importlib.resources import files
from importlib.resources.abc import Traversable
from importlib.util import module_from_spec

from imgbot.config.settings import FeatureSettings


def folders() -> list[Traversable]:
    """Return the folders of features that have settings."""
    every = sorted((files("imgbot") / "features").iterdir(), key=lambda each: each.name)
    return [each for each in every if (each / "settings.py").is_file()]


@functools.cache
def feature_settings() -> tuple[type[FeatureSettings], ...]:
    """Return the settings that features declare, as `SETTINGS` in `settings.py`."""
    return tuple(map(_settings_in, folders()))


def _settings_in(folder: Traversable) -> type[FeatureSettings]:
    name = f"imgbot.features.{folder.name}.settings"
    spec = None if name in sys.modules else PathFinder.find_spec(name, [str(folder)])
    if spec and spec.loader:
        sys.modules[name] = module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name].SETTINGS
