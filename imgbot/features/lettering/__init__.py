"""Lettering: words that a picture is to bear letter by letter are put on it by the bot.

A model's letters are a guess. `imgbot.domain.lettering` reads them from the prompt, and the engine
draws them, in a worker.
"""

from imgbot.features.feature import Core, Feature, Seams
from imgbot.features.lettering.words import hooks_with


def _build(core: Core) -> Seams:
    return Seams(hooks=hooks_with(core.pool))


FEATURE = Feature("lettering", _build)
