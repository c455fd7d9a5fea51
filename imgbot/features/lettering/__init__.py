"""Lettering: words that a picture is to bear letter by letter are put on it by the bot.

A model's letters are a guess. `imgbot.domain.lettering` reads them from the prompt, and the engine
draws them, in a worker. What was written is kept with the result, and can be changed alone.
"""

from imgbot.features.feature import Core, Feature, Seams
from imgbot.features.lettering.rows import ROWS
from imgbot.features.lettering.words import NAME, WordsOnPictures, complete
from imgbot.storage.results import ResultStore


def _build(core: Core) -> Seams:
    words = WordsOnPictures(core.pool, ResultStore(core.redis), core.originals)
    return Seams(word_readers=ROWS, before_order=[complete], hooks=words.hooks)


FEATURE = Feature(NAME, _build)
